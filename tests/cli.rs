//! The program itself: exit codes, what goes to which stream, help.

use std::path::Path;
use std::process::{Command, Stdio};

use insta::assert_snapshot;

/// What a run said.
#[derive(Debug, PartialEq, Eq)]
pub struct Run {
    pub exit: i32,
    pub out: String,
    pub err: String,
}

/// Runs the program in a directory, with nothing in the environment that changes how it speaks.
#[track_caller]
pub fn run(directory: &Path, arguments: &[&str]) -> Run {
    finish(command(directory, arguments))
}

pub fn command(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rbgc"));
    command.current_dir(directory).args(arguments).stdin(Stdio::null());
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "TERM", "RUST_BACKTRACE"] {
        command.env_remove(name);
    }
    command
}

#[track_caller]
pub fn finish(mut command: Command) -> Run {
    let output = command.output().unwrap();
    Run {
        exit: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn here(arguments: &[&str]) -> Run {
    run(&crate::support::root(), arguments)
}

#[test]
fn help_of_the_program() {
    let run = here(&["--help"]);
    assert_eq!((run.exit, run.err.as_str()), (0, ""));
    assert_snapshot!(run.out, @r"
    A compiler from role groups to Kubernetes manifests for GitOps

    Usage: rbgc [OPTIONS] <COMMAND>

    Commands:
      compile      Compile sources to manifests [alias: build]
      check        Check sources, and that the cluster can hold them
      plan         Show which pod runs where, and why it cannot be better
      rollout      Update coordinated roles commit by commit
      diff         Show what compiling would change: objects, restarts, moves
      fmt          Format sources
      explain      Explain a diagnostic code
      dump         Print an intermediate form of a program
      graph        Draw who waits for whom and who talks to whom
      inventory    Make, show and compare inventories
      std          Show the standard library
      schema       Print a JSON Schema
      completions  Print a completion script for a shell
      version      Print the version
      help         Print this message or the help of the given subcommand(s)

    Options:
      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version

    Global options:
      -C <DIR>
              Run as if started in this directory

          --color <WHEN>
              Use colours; NO_COLOR, CLICOLOR and CLICOLOR_FORCE are heeded

              Possible values:
              - auto:   When standard error is a terminal that wants them
              - always: Even into files and pipes
              - never:  Never
              
              [default: auto]

      -q, --quiet
              Print errors and results only

    Exit codes:
      0  fine
      1  the input is wrong, or the output could not be written
      2  the command line is wrong
      3  something differs or is left: `compile --check`, `diff --exit-code`, `fmt --check`,
         `inventory diff`, `rollout status`
      4  an error of the compiler itself

    `rbgc <COMMAND> --help` shows examples.
    ");
}

#[test]
fn help_of_explain() {
    assert_snapshot!(here(&["explain", "--help"]).out, @r"
    Explain a diagnostic code

    Usage: rbgc explain [OPTIONS] [CODE]

    Arguments:
      [CODE]
              The code, such as E0203; without it all codes are listed

    Options:
      -h, --help
              Print help (see a summary with '-h')

    Global options:
      -C <DIR>
              Run as if started in this directory

          --color <WHEN>
              Use colours; NO_COLOR, CLICOLOR and CLICOLOR_FORCE are heeded

              Possible values:
              - auto:   When standard error is a terminal that wants them
              - always: Even into files and pipes
              - never:  Never
              
              [default: auto]

      -q, --quiet
              Print errors and results only

    Examples:
      rbgc explain            list all codes
      rbgc explain E0203      what it means, an example, and what to do
    ");
}

#[test]
fn help_of_completions() {
    assert_snapshot!(here(&["completions", "--help"]).out, @r"
    Print a completion script for a shell

    Usage: rbgc completions [OPTIONS] <SHELL>

    Arguments:
      <SHELL>
              The shell
              
              [possible values: bash, elvish, fish, powershell, zsh]

    Options:
      -h, --help
              Print help (see a summary with '-h')

    Global options:
      -C <DIR>
              Run as if started in this directory

          --color <WHEN>
              Use colours; NO_COLOR, CLICOLOR and CLICOLOR_FORCE are heeded

              Possible values:
              - auto:   When standard error is a terminal that wants them
              - always: Even into files and pipes
              - never:  Never
              
              [default: auto]

      -q, --quiet
              Print errors and results only

    Examples:
      rbgc completions bash > ~/.local/share/bash-completion/completions/rbgc
      rbgc completions zsh > ~/.zfunc/_rbgc
      rbgc completions fish > ~/.config/fish/completions/rbgc.fish
    ");
}

#[test]
fn help_of_version() {
    assert_snapshot!(here(&["version", "--help"]).out, @r"
    Print the version

    Usage: rbgc version [OPTIONS]

    Options:
      -h, --help
              Print help (see a summary with '-h')

    Global options:
      -C <DIR>
              Run as if started in this directory

          --color <WHEN>
              Use colours; NO_COLOR, CLICOLOR and CLICOLOR_FORCE are heeded

              Possible values:
              - auto:   When standard error is a terminal that wants them
              - always: Even into files and pipes
              - never:  Never
              
              [default: auto]

      -q, --quiet
              Print errors and results only

    Examples:
      rbgc version
    ");
}

#[test]
fn every_command_shows_examples() {
    let help = here(&["--help"]).out;
    let commands = help.lines().skip_while(|l| *l != "Commands:").skip(1).take_while(|l| l.starts_with("  "));
    let names: Vec<&str> = commands.filter_map(|l| l.split_whitespace().next()).filter(|n| *n != "help").collect();
    assert!(names.len() > 3, "{help}");
    for name in names {
        let help = here(&[name, "--help"]);
        assert!(help.exit == 0 && help.out.contains("\nExamples:\n"), "{name}: {}", help.out);
        assert!(help.out.lines().all(|l| l.chars().count() <= 100), "{name}: {}", help.out);
    }
}

#[test]
fn no_command_is_a_wrong_command_line() {
    let run = here(&[]);
    assert_eq!((run.exit, run.out.as_str()), (2, ""));
    assert!(run.err.contains("Usage: rbgc"));
}

#[test]
fn unknown_options_and_commands_are_refused() {
    for arguments in
        [&["frobnicate"][..], &["explain", "--frob"], &["completions", "sh"], &["-C", "/nowhere", "version"]]
    {
        let run = here(arguments);
        assert_eq!((run.exit, run.out.as_str()), (2, ""), "{arguments:?}");
        assert!(run.err.starts_with("error: "), "{}", run.err);
    }
}

#[test]
fn versions() {
    let expected = format!("rbgc {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(here(&["version"]).out, expected);
    assert_eq!(here(&["--version"]).out, expected);
}

#[test]
fn codes_are_explained() {
    let run = here(&["explain", "e0203"]);
    assert!(run.exit == 0 && run.out.starts_with("# E0203: "), "{run:?}");
    let list = here(&["explain"]);
    assert!(list.out.contains("E0101  unknown name\n") && list.err.is_empty(), "{list:?}");
    let run = here(&["explain", "E0230"]);
    assert_eq!((run.exit, run.out.as_str()), (2, ""));
    assert!(run.err.contains("`E0230` is not a code; did you mean"), "{}", run.err);
}

#[test]
fn completions_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let run = here(&["completions", shell]);
        assert!(run.exit == 0 && run.out.contains("explain") && run.err.is_empty(), "{shell}");
    }
}

#[test]
fn a_reader_that_stops_reading_is_no_error() {
    let mut command = command(&crate::support::root(), &["completions", "bash"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told() {
    let mut command = command(&crate::support::root(), &["explain"]);
    command.stdout(std::fs::File::create("/dev/full").unwrap());
    let run = finish(command);
    assert!(run.exit == 1 && run.err.starts_with("error: cannot write to standard output"), "{run:?}");
}
