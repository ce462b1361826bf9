//! SQL: parsed, and planned over the files that queries are generated for.
//!
//! In: a text. Out: nothing; an error that is our own fault panics. Nothing is run: a query may rightly
//! take a day. A text that could name files outside the working directory is only parsed.

use std::cell::RefCell;

use millwork_codecs::budget::Budget;
use millwork_engine::lower::LowerOptions;
use millwork_engine::session::Session;
use millwork_engine::{ErrorKind, Result};

use crate::agree;

/// Generated queries among the first inputs.
const GENERATED: u64 = 300;

thread_local! {
    /// Views over the files, made once.
    static SESSION: RefCell<Option<std::result::Result<Session, String>>> = const { RefCell::new(None) };
}

/// The statements of `bytes`.
pub(super) fn sql(bytes: &[u8], _: &Budget) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if names_files(text) {
        return check(millwork_engine::sql::parse(text));
    }
    SESSION.with_borrow_mut(|session| {
        let session = session.get_or_insert_with(|| agree::session(LowerOptions::default()));
        assert!(session.is_ok(), "no views: {session:?}");
        if let Ok(session) = session {
            check(session.plan(text));
        }
    });
}

fn check<T>(done: Result<T>) {
    if let Err(error) = done {
        assert!(!matches!(error.kind(), ErrorKind::Internal), "an error that is a bug: {error}");
    }
}

/// Whether `text` may name files by a pattern or by a path.
fn names_files(text: &str) -> bool {
    let is_quoted = text.contains(['\'', '"']);
    is_quoted && (text.contains('/') || text.contains("**"))
}

/// Queries over the views, and statements of all kinds.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let statements = include_str!("statements.sql").lines().map(str::to_owned);
    let generated = (0..GENERATED).map(|seed| agree::case(seed).sql);
    statements.chain(generated).map(String::into_bytes).collect()
}
