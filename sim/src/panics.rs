//! What a panic said: kept for the report instead of printed.

use std::cell::RefCell;
use std::sync::Once;

thread_local! {
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
}

static HOOK: Once = Once::new();

/// From now on panics of runs are kept.
pub fn keep() {
    HOOK.call_once(|| {
        std::panic::set_hook(Box::new(|info| {
            let message = info.payload_as_str().unwrap_or("no message").to_owned();
            let place = info.location().map(|at| format!(" at {}:{}", at.file(), at.line())).unwrap_or_default();
            LAST.with(|last| *last.borrow_mut() = Some(format!("{message}{place}")));
        }));
    });
}

/// The last panic's words.
pub fn last() -> String {
    peek().unwrap_or_else(|| "a panic without words".to_owned())
}

/// The last panic's words, if there was one since [`forget`].
pub fn peek() -> Option<String> {
    LAST.with(|last| last.borrow().clone())
}

/// Forgets it.
pub fn forget() {
    LAST.with(|last| *last.borrow_mut() = None);
}
