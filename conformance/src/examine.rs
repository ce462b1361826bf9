//! Everything that can be done with a broken file, or with the body of a broken page.
//!
//! In: bytes and a budget. Out: a [`Tally`] of values and errors; nothing is kept.

mod body;
mod file;

pub(crate) use body::{body, body_near, rows_within, values_of};
pub(crate) use file::{bring, file};

use std::cell::RefCell;

use millwork_codecs::buffer::Bitmap;
use millwork_format::{Error, ErrorKind, Result};

/// Rows read of one column: a few bytes may rightly say that a billion rows are null.
const MOST_ROWS: u64 = 64 << 10;

/// Rows of a step.
const STEP_ROWS: u64 = 700;

/// What reading one mutant gave.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) values: u64,
    pub(crate) errors: Vec<&'static str>,
    /// The first error that says of itself that it is a bug.
    pub(crate) internal: Option<String>,
}

thread_local! {
    static PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Keeps what a panic on this thread says.
pub(crate) fn keep_panic(what: String) {
    PANIC.with_borrow_mut(|last| *last = what);
}

/// What the last panic on this thread said.
pub(crate) fn last_panic() -> String {
    PANIC.with_borrow(Clone::clone)
}

impl Tally {
    /// The value, or the error counted.
    fn value<T>(&mut self, result: Result<T>) -> Option<T> {
        result.map_err(|error| self.error(&error)).ok()
    }

    fn error(&mut self, error: &Error) {
        self.errors.push(match error.kind() {
            ErrorKind::Io => "Io",
            ErrorKind::NotFound => "NotFound",
            ErrorKind::Corrupt => "Corrupt",
            ErrorKind::Truncated => "Truncated",
            ErrorKind::Unsupported(_) => "Unsupported",
            ErrorKind::LimitExceeded(_) => "LimitExceeded",
            ErrorKind::InvalidArgument => "InvalidArgument",
            ErrorKind::Crypto => "Crypto",
            ErrorKind::Internal => "Internal",
            _ => "another kind",
        });
        if matches!(error.kind(), ErrorKind::Internal | ErrorKind::InvalidArgument) {
            self.internal.get_or_insert_with(|| error.to_string());
        }
    }
}

/// About a third of `count` rows.
fn mask(count: usize) -> Bitmap {
    let bits: Vec<bool> = (0..count).map(|row| row % 3 == 1 || row % 64 == 0).collect();
    Bitmap::from_bools(&bits)
}
