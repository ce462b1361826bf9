//! What ends the program early: the exit code, and the message as it is printed.
//!
//! In: errors of the layers below. Out: a few lines on standard error, in the form of rustc: what,
//! where, what is lost, what to do. Invariant: the message is one piece, whatever it is made of.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::Path;

use millwork_engine::error::Span;
use millwork_engine::{Error as EngineError, ErrorKind as EngineErrorKind};
use millwork_format::error::Limit;
use millwork_format::{Error as FileError, ErrorKind as FileErrorKind};

use crate::paper::{bytes, visible, visible_lines};
use crate::terminal;

/// What to do about a refusal of memory.
const ALLOWS_MORE: &str = "--memory SIZE allows more";

/// The result of a verb.
pub type Result<T> = std::result::Result<T, Failure>;

/// The exit code of what was interrupted.
pub const INTERRUPTED: u8 = 130;

/// Exit codes: scripts rely on them.
mod code {
    pub(super) const FINDINGS: u8 = 1;
    pub(super) const USAGE: u8 = 2;
    pub(super) const UNREADABLE: u8 = 3;
    pub(super) const IO: u8 = 4;
    pub(super) const SQL: u8 = 5;
    pub(super) const LIMIT: u8 = 6;
    pub(super) const INTERNAL: u8 = 7;
}

/// Why the program ends early.
#[derive(Debug)]
pub enum Failure {
    /// Nobody reads our output any more: end quietly.
    BrokenPipe,
    /// What was found is printed already: only the exit code is left to say.
    Findings {
        /// Whether rows cannot be read, rather than claims being false.
        is_unreadable: bool,
    },
    /// What went wrong with single files was said where it was met: only the exit code of the first is left to
    /// say.
    Files {
        /// The exit code.
        code: u8,
    },
    /// Anything that is said.
    Said(Box<Message>),
}

/// An exit code with the parts of its message.
#[derive(Debug)]
pub struct Message {
    code: u8,
    what: String,
    place: Option<String>,
    excerpt: Option<String>,
    notes: Vec<String>,
    hint: Option<String>,
}

impl Failure {
    fn new(code: u8, what: impl Into<String>) -> Self {
        Self::Said(Box::new(Message {
            code,
            what: what.into(),
            place: None,
            excerpt: None,
            notes: Vec::new(),
            hint: None,
        }))
    }

    /// The command line asks for something impossible.
    pub fn usage(what: impl Into<String>) -> Self {
        Self::new(code::USAGE, what)
    }

    /// Something is not there, or the system refuses.
    pub fn io(what: impl Into<String>) -> Self {
        Self::new(code::IO, what)
    }

    /// There is a limit, or no memory.
    pub fn limit(what: impl Into<String>) -> Self {
        Self::new(code::LIMIT, what)
    }

    /// `path` cannot be written.
    pub fn write(path: &Path, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::BrokenPipe,
            _ => Self::io(format!("cannot write {}: {error}", path.display())),
        }
    }

    /// The same, with what to do about it.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        if let Self::Said(message) = &mut self {
            message.hint = Some(hint.into());
        }
        self
    }

    /// A query's error; `sql` is the text that its span refers to.
    pub fn query(error: &EngineError, sql: &str) -> Self {
        if let Some(file) = error.file_error() {
            let mut failure = Self::from(file.clone());
            if let Self::Said(message) = &mut failure {
                message.excerpt = error.span().and_then(|span| excerpt(sql, span));
                if !error.holders().is_empty() {
                    let held = error.holders().iter();
                    let held = held.map(|(name, count)| format!("{name}: {}", bytes(*count)));
                    let held = held.collect::<Vec<_>>().join(", ");
                    message.notes.push(format!("memory is held by {held}"));
                    message.hint = Some(ALLOWS_MORE.to_owned());
                }
            }
            return failure;
        }
        let code = match error.kind() {
            EngineErrorKind::Syntax
            | EngineErrorKind::Name
            | EngineErrorKind::Type
            | EngineErrorKind::Unsupported
            | EngineErrorKind::Evaluate => code::SQL,
            EngineErrorKind::File(kind) => file_code(kind),
            EngineErrorKind::Memory => code::LIMIT,
            EngineErrorKind::Cancelled => INTERRUPTED,
            _ => code::INTERNAL,
        };
        let mut failure = Self::new(code, error.what());
        if let Self::Said(message) = &mut failure {
            message.excerpt = error.span().and_then(|span| excerpt(sql, span));
            message.hint = error.hint_text().map(str::to_owned);
            if code == code::INTERNAL {
                message.notes.push("this is a bug of millwork: please report it".to_owned());
            }
        }
        failure
    }

    /// The exit code.
    pub fn code(&self) -> u8 {
        match self {
            Self::BrokenPipe => 0,
            Self::Findings { is_unreadable: false } => code::FINDINGS,
            Self::Findings { is_unreadable: true } => code::UNREADABLE,
            Self::Files { code } => *code,
            Self::Said(message) => message.code,
        }
    }

    /// Says it on standard error, if anybody hears.
    pub fn print(&self) {
        let _ = io::stderr().write_all(self.text(terminal::is_coloured()).as_bytes());
    }

    /// The message, ending in a line break; empty where nothing is to be said.
    fn text(&self, colour: bool) -> String {
        match self {
            Self::BrokenPipe | Self::Findings { .. } | Self::Files { .. } => String::new(),
            Self::Said(message) => message.text(colour),
        }
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        let place = error.place().to_string();
        let what = error.to_string();
        let what = what.strip_suffix(&format!(" ({place})")).unwrap_or(&what).to_owned();
        let mut failure = Self::new(file_code(error.kind()), what);
        if let Self::Said(message) = &mut failure {
            message.place = Some(place).filter(|place| !place.is_empty());
            message.notes.extend(error.lost_rows().map(|rows| format!("{rows} rows are lost")));
            message.hint = error.hint_text().map(str::to_owned);
            if *error.kind() == FileErrorKind::LimitExceeded(Limit::Memory) {
                message.hint.get_or_insert_with(|| ALLOWS_MORE.to_owned());
            }
        }
        failure
    }
}

fn file_code(kind: &FileErrorKind) -> u8 {
    match kind {
        FileErrorKind::Io | FileErrorKind::NotFound => code::IO,
        FileErrorKind::Corrupt
        | FileErrorKind::Truncated
        | FileErrorKind::Unsupported(_)
        | FileErrorKind::Crypto => code::UNREADABLE,
        FileErrorKind::LimitExceeded(_) => code::LIMIT,
        FileErrorKind::InvalidArgument => code::USAGE,
        FileErrorKind::Internal => code::INTERNAL,
        _ => code::INTERNAL,
    }
}

impl Message {
    fn text(&self, colour: bool) -> String {
        let (red, bold, cyan, plain) = if colour {
            ("\x1b[1;31m", "\x1b[1m", "\x1b[36m", "\x1b[0m")
        } else {
            ("", "", "", "")
        };
        let what = visible(&self.what);
        let mut text = format!("{red}error{plain}{bold}: {what}{plain}\n");
        let mut line = |parts: std::fmt::Arguments<'_>| {
            // Writing to a string does not fail.
            let _ = text.write_fmt(parts);
        };
        if let Some(place) = &self.place {
            line(format_args!("  {cyan}-->{plain} {}\n", visible(place)));
        }
        if let Some(excerpt) = &self.excerpt {
            line(format_args!("{}", visible_lines(excerpt)));
        }
        for note in &self.notes {
            line(format_args!("   {cyan}={plain} note: {}\n", visible(note)));
        }
        if let Some(hint) = &self.hint {
            line(format_args!("   {cyan}={plain} help: {}\n", visible(hint)));
        }
        text
    }
}

/// The line of `sql` in which `span` begins, with carets under it.
fn excerpt(sql: &str, span: Span) -> Option<String> {
    let start = floor_of_character(sql, span.start.min(sql.len()));
    let end = floor_of_character(sql, span.end.clamp(start, sql.len()));
    let before = sql.get(..start)?;
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let rest = sql.get(start..)?;
    let line_end = start + rest.find('\n').unwrap_or(rest.len());
    let line = sql.get(line_start..line_end)?.trim_end();
    let number = before.matches('\n').count() + 1;
    let lead = sql.get(line_start..start)?.replace('\t', " ");
    let column = lead.chars().count() + 1;
    let marked = crate::width::of(sql.get(start..end.min(line_end))?).max(1);
    let gutter = " ".repeat(number.to_string().len());
    let indent: String = lead.chars().map(|c| " ".repeat(crate::width::of_char(c))).collect();
    Some(format!(
        "  --> query:{number}:{column}\n {gutter} |\n {number} | {}\n {gutter} | {indent}{}\n",
        line.replace('\t', " "),
        "^".repeat(marked),
    ))
}

fn floor_of_character(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_shown_under_its_line() {
        let sql = "select 1;\nselect fair from t";
        let error = EngineError::name("no column named \"fair\"")
            .at(Span { start: 17, end: 21 })
            .hint("did you mean fare?");
        let failure = Failure::query(&error, sql);
        assert_eq!(failure.code(), 5);
        assert_eq!(
            failure.text(false),
            "error: no column named \"fair\"\n  --> query:2:8\n   |\n 2 | select fair from t\n   \
             |        ^^^^\n   = help: did you mean fare?\n"
        );
    }

    #[test]
    fn spans_that_do_not_fit_do_no_harm() {
        for span in [
            Span { start: 0, end: 0 },
            Span { start: 3, end: 1 },
            Span { start: 900, end: 901 },
            Span { start: 9, end: 10 },
        ] {
            let text = excerpt("select 'ä'\n", span).expect("an excerpt");
            assert!(text.contains('^'), "{text}");
        }
        assert!(excerpt("", Span { start: 0, end: 5 }).is_some());
    }

    #[test]
    fn a_file_error_names_its_place_once() {
        let place = millwork_format::error::Place {
            file: Some("a.parquet".into()),
            row_group: Some(2),
            ..Default::default()
        };
        let error = FileError::corrupt("a page of -1 bytes").at(&place).rows_lost(7);
        let failure = Failure::query(&EngineError::from(error), "select 1");
        assert_eq!(failure.code(), 3);
        assert_eq!(
            failure.text(false),
            "error: corrupt file: a page of -1 bytes\n  --> a.parquet, row group 2\n   = note: 7 \
             rows are lost\n"
        );
    }
}
