//! The command line program; everything it does is in [`rbgc::cli`].

fn main() -> std::process::ExitCode {
    rbgc::cli::main()
}
