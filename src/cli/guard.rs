//! The last line of defence: a mistake of the compiler is reported as one.

use std::io::Write;
use std::panic::PanicHookInfo;

use super::Exit;
use crate::diag::render::visible;

/// Stack of the thread that does the work. The limits on nesting keep far below it.
const STACK_BYTES: usize = 64 << 20;

/// Runs the work in a thread with a large stack. A panic becomes a message that asks for a report,
/// and exit code 4.
pub(super) fn run(work: impl FnOnce() -> Exit + Send + 'static) -> Exit {
    std::panic::set_hook(Box::new(|info| say(&message(info))));
    let thread = std::thread::Builder::new().name("rbgc".into()).stack_size(STACK_BYTES).spawn(work);
    match thread {
        Ok(thread) => thread.join().unwrap_or(Exit::Internal),
        Err(e) => {
            say(&format!("error: cannot start a thread: {e}\n"));
            Exit::Internal
        }
    }
}

/// Writes to standard error. A panic on the way would be the second one, which aborts.
fn say(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

fn message(info: &PanicHookInfo<'_>) -> String {
    let payload = info.payload();
    let text = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let what = text.unwrap_or("no message");
    let place = info.location().map_or(String::new(), |l| format!(" at {}:{}:{}", l.file(), l.line(), l.column()));
    let trace = match std::backtrace::Backtrace::capture() {
        trace if trace.status() == std::backtrace::BacktraceStatus::Captured => format!("{trace}\n"),
        _ => String::new(),
    };
    format!(
        "internal error: {}{place}\n{trace}\
         this is a bug in rbgc {}, not in your sources\n\
         please report it with the command line and, if you can share them, the sources\n",
        visible(what),
        env!("CARGO_PKG_VERSION"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_internal_error() {
        assert_eq!(run(|| Exit::Stale), Exit::Stale);
        assert_eq!(run(|| panic!("on purpose")), Exit::Internal);
        drop(std::panic::take_hook());
    }
}
