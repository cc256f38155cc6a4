//! Standard output and standard error: colours, quietness, broken pipes, and a sign of life.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};

use super::Exit;
use crate::diag::render::{Colour, visible};

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum When {
    /// When standard error is a terminal that wants them
    Auto,
    /// Even into files and pipes
    Always,
    /// Never
    Never,
}

/// How this run speaks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terminal {
    /// Colours of diagnostics.
    pub colour: Colour,
    /// Colours of results that are for people.
    pub results: Colour,
    /// Errors and results only.
    pub quiet: bool,
}

/// Many small pieces are written together: what a pipe holds at once.
const PIECES_BYTES: usize = 64 << 10;

/// How long a run may be silent.
const PATIENCE: Duration = Duration::from_secs(1);

impl Terminal {
    pub(super) fn new(when: When, quiet: bool) -> Self {
        let env = |name: &str| std::env::var(name).ok();
        let colour = |terminal: bool| colour(when, env, terminal);
        Terminal { colour: colour(io::stderr().is_terminal()), results: colour(io::stdout().is_terminal()), quiet }
    }

    /// Writes a result to standard output. Whoever reads it may stop reading: that is no error.
    pub(super) fn result(&self, text: &str, exit: Exit) -> Exit {
        self.results(&[text], exit)
    }

    /// Writes the pieces of a result to standard output, as [`Terminal::result`] does.
    pub(super) fn results(&self, pieces: &[&str], exit: Exit) -> Exit {
        let mut out = BufWriter::with_capacity(PIECES_BYTES, io::stdout().lock());
        match pieces.iter().try_for_each(|piece| out.write_all(piece.as_bytes())).and_then(|()| out.flush()) {
            Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
                self.error(&format!("cannot write to standard output: {e}"));
                Exit::Problems
            }
            _ => exit,
        }
    }

    /// Says something about a result, unless quiet.
    pub(super) fn note(&self, text: &str) {
        if !self.quiet {
            self.say(text);
        }
    }

    /// Says that something is wrong, outside of any source.
    pub(super) fn error(&self, text: &str) {
        match self.colour {
            Colour::Ansi => self.say(&format!("\x1b[1;31merror\x1b[0m: {}\n", visible(text))),
            Colour::None => self.say(&format!("error: {}\n", visible(text))),
        }
    }

    /// Says that the command line is wrong.
    pub(super) fn misuse(&self, text: &str) -> Exit {
        self.error(text);
        self.say("\nFor more information, try '--help'.\n");
        Exit::Usage
    }

    /// Writes to standard error. When nobody listens there, nothing can be done about it.
    pub(super) fn say(&self, text: &str) {
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }

    /// Does some work, and shows on a terminal that it goes on when it takes long.
    pub(super) fn busy<T>(&self, what: &'static str, work: impl FnOnce() -> T) -> T {
        if self.quiet || !io::stderr().is_terminal() {
            return work();
        }
        let (done, wait) = channel::<()>();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                if wait.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                    let bar = ProgressBar::new_spinner().with_message(what);
                    let style = ProgressStyle::with_template("{spinner} {msg} {elapsed}");
                    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
                    bar.enable_steady_tick(Duration::from_millis(100));
                    // Ends when the sender is dropped, also by a panic.
                    let _ = wait.recv();
                    bar.finish_and_clear();
                }
            });
            let done = done;
            let result = work();
            drop(done);
            result
        })
    }
}

/// Whether to use colours: the option decides, then the conventions of <https://no-color.org> and
/// <https://bixense.com/clicolors>, then whether it is a terminal.
fn colour(when: When, env: impl Fn(&str) -> Option<String>, terminal: bool) -> Colour {
    let set = |name: &str| env(name).is_some_and(|value| !value.is_empty());
    let zero = |name: &str| env(name).as_deref() == Some("0");
    let wanted = match when {
        When::Always => true,
        When::Never => false,
        When::Auto if set("NO_COLOR") => false,
        When::Auto if set("CLICOLOR_FORCE") && !zero("CLICOLOR_FORCE") => true,
        When::Auto if zero("CLICOLOR") || env("TERM").as_deref() == Some("dumb") => false,
        When::Auto => terminal,
    };
    if wanted { Colour::Ansi } else { Colour::None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(when: When, env: &[(&str, &str)], terminal: bool, expected: bool) {
        let look = |name: &str| env.iter().find(|(n, _)| *n == name).map(|(_, v)| v.to_string());
        assert_eq!(colour(when, look, terminal) == Colour::Ansi, expected);
    }

    #[test]
    fn conventions_of_colour() {
        check(When::Auto, &[], true, true);
        check(When::Auto, &[], false, false);
        check(When::Auto, &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")], true, false);
        check(When::Auto, &[("NO_COLOR", "")], true, true);
        check(When::Auto, &[("CLICOLOR_FORCE", "1")], false, true);
        check(When::Auto, &[("CLICOLOR_FORCE", "0")], false, false);
        check(When::Auto, &[("CLICOLOR", "0")], true, false);
        check(When::Auto, &[("TERM", "dumb")], true, false);
        check(When::Always, &[("NO_COLOR", "1")], false, true);
        check(When::Never, &[("CLICOLOR_FORCE", "1")], true, false);
    }
}
