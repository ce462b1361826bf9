//! Errors that say who is at fault, where, and what to do.
//!
//! [`Error`] is one word and cheap to clone, so that every lane of a failed scan can report the same
//! one. Its [`ErrorKind`] tells whose turn it is (the disk's, the file's, ours, the caller's); its
//! [`Place`] what is known of file, row group, column, page and offset. A function deep in a page
//! knows only the offset: whoever knows more adds it on the way up with [`Error::at`].

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::sync::Arc;

use millwork_codecs::budget::OverBudget;
use millwork_codecs::{DecodeError, DecodeErrorKind};

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;

/// Something that a file needs and this crate cannot do (yet).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Feature {
    /// An encoding of the spec, by its name.
    Encoding(Cow<'static, str>),
    /// A page codec, by its name.
    Compression(Cow<'static, str>),
    /// Modular encryption.
    Encryption,
    /// Column chunks kept in another file (`file_path`).
    ExternalColumnChunk,
    /// Anything else, in words.
    Other(Cow<'static, str>),
}

/// A limit of [`crate::limits::Limits`], or of the memory budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limit {
    /// Bytes of the footer.
    FooterBytes,
    /// Elements of one Thrift list.
    ListElements,
    /// Nesting of Thrift structures.
    ThriftDepth,
    /// Nesting of the schema.
    SchemaDepth,
    /// Leaf columns.
    Columns,
    /// Row groups.
    RowGroups,
    /// Bytes of one page header.
    PageHeaderBytes,
    /// Compressed or decompressed bytes of one page.
    PageBytes,
    /// Bytes of key-value metadata, or of the paths of all leaves.
    MetadataBytes,
    /// What one batch can hold: 2^31 list elements, 256 MiB of values of a fixed width.
    BatchBytes,
    /// The memory budget, or the machine's memory.
    Memory,
}

/// Whose fault it is, and so whose turn.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The operating system or the store failed; trying again may help.
    Io,
    /// There is no such file, or nothing in the place named.
    NotFound,
    /// The file's bytes contradict the format.
    Corrupt,
    /// The file ends before its contents do.
    Truncated,
    /// The file is legal and needs something that is not there.
    Unsupported(Feature),
    /// A limit was met.
    LimitExceeded(Limit),
    /// The caller asked for something impossible.
    InvalidArgument,
    /// A key is missing or wrong, or a signature does not match.
    Crypto,
    /// A bug of this crate.
    Internal,
}

/// What is known of the place of an error. Every part is optional.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The file's path or name.
    pub file: Option<Arc<str>>,
    /// Ordinal of the row group, from 0.
    pub row_group: Option<u32>,
    /// Dotted path of the column.
    pub column: Option<Arc<str>>,
    /// Ordinal of the page within its column chunk, from 0, the dictionary page not counted.
    pub page: Option<u32>,
    /// Whether it is in the dictionary page of the chunk, which has no ordinal.
    pub dictionary_page: bool,
    /// Byte offset in the file.
    pub file_offset: Option<u64>,
    /// Byte offset inside the decompressed page body.
    pub page_byte: Option<u64>,
}

impl Place {
    /// This place with gaps filled from `outer`.
    #[must_use]
    pub fn within(mut self, outer: &Self) -> Self {
        self.file = self.file.or_else(|| outer.file.clone());
        self.row_group = self.row_group.or(outer.row_group);
        self.column = self.column.or_else(|| outer.column.clone());
        self.dictionary_page |= outer.dictionary_page && self.page.is_none();
        if !self.dictionary_page {
            self.page = self.page.or(outer.page);
        }
        self.file_offset = self.file_offset.or(outer.file_offset);
        self.page_byte = self.page_byte.or(outer.page_byte);
        self
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        *self == Self::default()
    }
}

/// Text of which control characters are shown escaped: a file chooses names, and must not write lines of its own.
///
/// ```
/// use millwork_format::error::OneLine;
/// assert_eq!(OneLine("a\nb").to_string(), "a\\u{a}b");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct OneLine<'a>(pub &'a str);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for letter in self.0.chars() {
            match letter.is_control() {
                true => write!(f, "{}", letter.escape_unicode())?,
                false => f.write_char(letter)?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        let mut part = |f: &mut fmt::Formatter<'_>, text: fmt::Arguments<'_>| {
            write!(f, "{separator}{text}")?;
            separator = ", ";
            Ok(())
        };
        if let Some(file) = &self.file {
            part(f, format_args!("{}", OneLine(file)))?;
        }
        if let Some(row_group) = self.row_group {
            part(f, format_args!("row group {row_group}"))?;
        }
        if let Some(column) = &self.column {
            part(f, format_args!("column \"{}\"", OneLine(column)))?;
        }
        if let Some(page) = self.page {
            part(f, format_args!("page {page}"))?;
        }
        if self.dictionary_page {
            part(f, format_args!("dictionary page"))?;
        }
        if let Some(offset) = self.file_offset {
            part(f, format_args!("offset {offset}"))?;
        }
        if let Some(byte) = self.page_byte {
            part(f, format_args!("byte {byte} of the page body"))?;
        }
        Ok(())
    }
}

/// An error of reading or writing Parquet.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    what: Cow<'static, str>,
    place: Place,
    rows_lost: Option<u64>,
    hint: Option<Cow<'static, str>>,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of `kind`; `what` says in lower case what was found and what was allowed.
    #[cold]
    #[must_use]
    pub fn new(kind: ErrorKind, what: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            what: what.into(),
            place: Place::default(),
            rows_lost: None,
            hint: None,
            source: None,
        }))
    }

    /// The file's bytes contradict the format.
    #[cold]
    #[must_use]
    pub fn corrupt(what: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Corrupt, what)
    }

    /// The file ends early.
    #[cold]
    #[must_use]
    pub fn truncated(what: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Truncated, what)
    }

    /// The file needs `feature`.
    #[cold]
    #[must_use]
    pub fn unsupported(feature: Feature) -> Self {
        let what: Cow<'static, str> = match &feature {
            Feature::Encoding(name) => format!("encoding {name} is not read yet").into(),
            Feature::Compression(name) => format!("page codec {name} is not supported").into(),
            Feature::Encryption => "encrypted files are not read yet".into(),
            Feature::ExternalColumnChunk => {
                "a column chunk lies in another file, which is not followed".into()
            }
            Feature::Other(what) => what.clone(),
        };
        Self::new(ErrorKind::Unsupported(feature), what)
    }

    /// `limit` was met.
    #[cold]
    #[must_use]
    pub fn limit(limit: Limit, what: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::LimitExceeded(limit), what)
    }

    /// The caller asked for something impossible.
    #[cold]
    #[must_use]
    pub fn invalid_argument(what: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::InvalidArgument, what)
    }

    /// A bug of this crate.
    #[cold]
    #[must_use]
    pub fn internal(what: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Internal, what)
    }

    /// The operating system failed while doing `what`.
    #[cold]
    #[must_use]
    pub fn io(what: impl Into<Cow<'static, str>>, source: std::io::Error) -> Self {
        let kind = match source.kind() {
            std::io::ErrorKind::NotFound => ErrorKind::NotFound,
            _ => ErrorKind::Io,
        };
        let mut error = Self::new(kind, what);
        error.0.source = Some(Arc::new(source));
        error
    }

    /// Fills the gaps of the error's place from `outer`.
    #[must_use]
    pub fn at(mut self, outer: &Place) -> Self {
        self.0.place = std::mem::take(&mut self.0.place).within(outer);
        self
    }

    /// Says how many rows (of the column named, or of the file) are lost.
    #[must_use]
    pub fn rows_lost(mut self, rows: u64) -> Self {
        self.0.rows_lost = Some(rows);
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

    /// What is known of the place.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.0.place
    }

    /// What to do about it, if there is something.
    #[must_use]
    pub fn hint_text(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// Rows that cannot be read because of this, if known.
    #[must_use]
    pub fn lost_rows(&self) -> Option<u64> {
        self.0.rows_lost
    }
}

impl From<DecodeError> for Error {
    /// The offset becomes the byte of the page body; the caller adds the rest with [`Error::at`].
    fn from(error: DecodeError) -> Self {
        let kind = match error.kind {
            DecodeErrorKind::OverBudget { .. } | DecodeErrorKind::OutOfMemory { .. } => {
                return Self::limit(Limit::Memory, error.to_string());
            }
            DecodeErrorKind::Truncated { .. } => ErrorKind::Truncated,
            _ => ErrorKind::Corrupt,
        };
        let text = error.to_string();
        let what = match text.rfind(" (byte ") {
            Some(end) => text[..end].to_string(),
            None => text,
        };
        let mut converted = Self::new(kind, what);
        converted.0.place.page_byte = Some(error.at_byte as u64);
        converted
    }
}

impl From<OverBudget> for Error {
    fn from(refused: OverBudget) -> Self {
        Self::limit(Limit::Memory, refused.to_string())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lead = match self.0.kind {
            ErrorKind::Corrupt => "corrupt file: ",
            ErrorKind::Truncated => "truncated file: ",
            ErrorKind::Unsupported(_) => "unsupported: ",
            ErrorKind::LimitExceeded(_) => "limit exceeded: ",
            ErrorKind::Crypto => "encryption: ",
            ErrorKind::Internal => "internal error: ",
            ErrorKind::Io | ErrorKind::NotFound | ErrorKind::InvalidArgument => "",
        };
        write!(f, "{lead}{}", self.0.what)?;
        if let (ErrorKind::Io, Some(source)) = (&self.0.kind, &self.0.source) {
            write!(f, ": {source}")?;
        }
        if !self.0.place.is_unknown() {
            write!(f, " ({})", self.0.place)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|source| source.as_ref() as &(dyn std::error::Error + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_word_and_names_its_place() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
        let place =
            Place { file: Some("a.parquet".into()), row_group: Some(3), ..Place::default() };
        let inner = Place { column: Some("a.b".into()), page: Some(7), ..Place::default() };
        let error = Error::from(DecodeError::truncated(4, 18)).at(&inner).at(&place);
        assert_eq!(
            error.to_string(),
            "truncated file: the bytes end early: 4 more expected \
             (a.parquet, row group 3, column \"a.b\", page 7, byte 18 of the page body)"
        );
        let dictionary = Place { dictionary_page: true, file_offset: Some(9), ..Place::default() };
        let error = Error::corrupt("x").at(&dictionary).at(&inner);
        assert_eq!(
            error.to_string(),
            "corrupt file: x (column \"a.b\", dictionary page, offset 9)"
        );
    }
}
