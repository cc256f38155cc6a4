//! The last line of defence: a mistake of the compiler is reported as one.

use std::io::Write;
use std::panic::PanicHookInfo;

use super::Exit;
use crate::diag::render::visible;

/// Stack for the work, on each thread. The limits on nesting keep far below it.
const STACK_BYTES: usize = 64 << 20;

/// Runs the work with a large stack. A panic becomes a message that asks for a report, and exit
/// code 4.
///
/// The stack is a new one, the thread is not: the allocator of glibc grows the memory of the first
/// thread in large steps and that of all others page by page, which would cost a fifth of a large
/// compilation. For the same reason the first thread takes part in what runs on all cores.
pub(super) fn run(work: impl FnOnce() -> Exit) -> Exit {
    std::panic::set_hook(Box::new(|info| say(&message(info))));
    // It fails when there is a pool already, which does as well.
    let _ = rayon::ThreadPoolBuilder::new().use_current_thread().stack_size(STACK_BYTES).build_global();
    let guarded = || stacker::grow(STACK_BYTES, work);
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(guarded)).unwrap_or(Exit::Internal)
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
