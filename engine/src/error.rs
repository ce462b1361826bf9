//! Errors of queries: what is wrong, where in the SQL text or in which file, and what to do.

use std::borrow::Cow;
use std::fmt;

use millwork_codecs::DecodeError;
use millwork_codecs::budget::{Budget, OverBudget};
use millwork_format::error::Limit;

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;

/// Bytes `start..end` of the SQL text of one statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// Behind the last byte.
    pub end: usize,
}

/// Whose fault it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The SQL text does not parse.
    Syntax,
    /// A name is unknown or ambiguous.
    Name,
    /// Types do not fit.
    Type,
    /// The SQL is legal and needs something that is not there.
    Unsupported,
    /// A value cannot be computed: a cast, an overflow, a division by zero.
    Evaluate,
    /// A file cannot be read, or an IO failed: see the inner kind.
    File(millwork_format::ErrorKind),
    /// The memory budget or a limit was met.
    Memory,
    /// The query was cancelled.
    Cancelled,
    /// A bug of this crate.
    Internal,
}

/// An error of a query. One word; cheap to clone, so that every lane can report the same one.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    what: Cow<'static, str>,
    span: Option<Span>,
    hint: Option<Cow<'static, str>>,
    file: Option<millwork_format::Error>,
    holders: Vec<(String, u64)>,
}

impl Error {
    /// The system starts no thread: a limit, not a bug.
    #[cold]
    #[must_use]
    pub fn no_thread(error: &std::io::Error) -> Self {
        Self::new(ErrorKind::Memory, format!("no thread can be had: {error}"))
            .hint("a limit of the system on threads or address space is met")
    }

    /// An error of `kind`; `what` says in lower case what was found and what was allowed.
    #[cold]
    #[must_use]
    pub fn new(kind: ErrorKind, what: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            what: what.into(),
            span: None,
            hint: None,
            file: None,
            holders: Vec::new(),
        }))
    }

    /// The SQL text does not parse.
    #[cold]
    #[must_use]
    pub fn syntax(what: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Syntax, what)
    }

    /// A name is unknown or ambiguous.
    #[cold]
    #[must_use]
    pub fn name(what: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Name, what)
    }

    /// Types do not fit.
    #[cold]
    #[must_use]
    pub fn types(what: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Type, what)
    }

    /// The SQL needs something that is not there.
    #[cold]
    #[must_use]
    pub fn unsupported(what: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Unsupported, what)
    }

    /// A value cannot be computed.
    #[cold]
    #[must_use]
    pub fn evaluate(what: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Evaluate, what)
    }

    /// A bug of this crate.
    #[cold]
    #[must_use]
    pub fn internal(what: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Internal, what)
    }

    /// The query was cancelled.
    #[cold]
    #[must_use]
    pub fn cancelled() -> Self {
        Self::new(ErrorKind::Cancelled, "the query was cancelled")
    }

    /// The same error at `span` of the SQL text, unless it has a place already.
    #[must_use]
    pub fn at(mut self, span: Span) -> Self {
        self.0.span = self.0.span.or(Some(span));
        self
    }

    /// Says what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Whose fault it is.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// What was found and what was allowed, without the place.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.0.what
    }

    /// Where in the SQL text.
    #[must_use]
    pub fn span(&self) -> Option<Span> {
        self.0.span
    }

    /// What to do about it, if there is something.
    #[must_use]
    pub fn hint_text(&self) -> Option<&str> {
        let inner = self.0.file.as_ref().and_then(millwork_format::Error::hint_text);
        self.0.hint.as_deref().or(inner)
    }

    /// Where the budget refused memory: names who holds it, unless that is known already.
    #[must_use]
    pub(crate) fn held_by(mut self, budget: &Budget) -> Self {
        let refused = millwork_format::ErrorKind::LimitExceeded(Limit::Memory);
        let is_refusal = self.0.file.as_ref().is_some_and(|file| *file.kind() == refused);
        if is_refusal && self.0.holders.is_empty() {
            self.0.holders = budget.top_consumers(5);
        }
        self
    }

    /// Where the budget refused memory: the consumers that held most, the largest first, with their
    /// bytes.
    #[must_use]
    pub fn holders(&self) -> &[(String, u64)] {
        &self.0.holders
    }

    /// The file's error, if it is one.
    #[must_use]
    pub fn file_error(&self) -> Option<&millwork_format::Error> {
        self.0.file.as_ref()
    }
}

impl From<millwork_format::Error> for Error {
    fn from(error: millwork_format::Error) -> Self {
        let kind = match error.kind() {
            millwork_format::ErrorKind::LimitExceeded(_) => ErrorKind::Memory,
            millwork_format::ErrorKind::Internal => ErrorKind::Internal,
            other => ErrorKind::File(other.clone()),
        };
        let mut converted = Self::new(kind, error.to_string());
        converted.0.file = Some(error);
        converted
    }
}

impl From<DecodeError> for Error {
    fn from(error: DecodeError) -> Self {
        Self::from(millwork_format::Error::from(error))
    }
}

impl From<OverBudget> for Error {
    fn from(refused: OverBudget) -> Self {
        let mut error = Self::from(millwork_format::Error::from(refused.clone()));
        error.0.holders = refused.top;
        error
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.what)?;
        for (index, (name, bytes)) in self.0.holders.iter().enumerate() {
            write!(f, "{} {name}: {bytes}", if index == 0 { "; held by" } else { "," })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.0.kind, self.0.what)
    }
}

impl std::error::Error for Error {}
