//! The error of this crate: small, `Copy`, made without allocating.
//!
//! It says what is wrong and at which byte of the slice that was handed in. Whoever knows the file,
//! the column and the page (`millwork-format`) adds that.

use std::fmt;

/// The result of decoding.
pub type Result<T> = std::result::Result<T, DecodeError>;

/// Why bytes could not be decoded, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// What is wrong.
    pub kind: DecodeErrorKind,
    /// Byte offset, within the slice handed to the decoder, at which it was noticed.
    pub at_byte: usize,
}

/// What is wrong with the bytes, or with the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// The bytes end before the value does. `wanted` more bytes were needed.
    Truncated {
        /// How many further bytes the value needed.
        wanted: usize,
    },
    /// The bytes contradict the format; the text says how.
    Corrupt(&'static str),
    /// A code points outside its dictionary.
    CodeOutOfRange {
        /// The code found.
        code: u32,
        /// Entries in the dictionary.
        entries: u32,
    },
    /// A decompressed body is not as long as its header says.
    WrongLength {
        /// Bytes that came out (or would have).
        found: usize,
        /// Bytes the header promised.
        expected: usize,
    },
    /// The memory budget refused an allocation of this many bytes.
    OverBudget {
        /// Bytes asked for.
        requested: u64,
    },
    /// The machine refused an allocation of this many bytes.
    OutOfMemory {
        /// Bytes asked for.
        requested: u64,
    },
}

impl DecodeError {
    /// An error of `kind` at byte `at_byte` of the input.
    #[must_use]
    pub const fn new(kind: DecodeErrorKind, at_byte: usize) -> Self {
        Self { kind, at_byte }
    }

    /// The input ends `wanted` bytes early at `at_byte`.
    #[cold]
    #[must_use]
    pub const fn truncated(wanted: usize, at_byte: usize) -> Self {
        Self::new(DecodeErrorKind::Truncated { wanted }, at_byte)
    }

    /// The input contradicts the format at `at_byte`.
    #[cold]
    #[must_use]
    pub const fn corrupt(what: &'static str, at_byte: usize) -> Self {
        Self::new(DecodeErrorKind::Corrupt(what), at_byte)
    }

    /// The same error seen from a slice that starts `base` bytes earlier.
    #[must_use]
    pub const fn offset_by(mut self, base: usize) -> Self {
        self.at_byte = self.at_byte.saturating_add(base);
        self
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            DecodeErrorKind::Truncated { wanted } => {
                write!(f, "the bytes end early: {wanted} more expected")?;
            }
            DecodeErrorKind::Corrupt(what) => f.write_str(what)?,
            DecodeErrorKind::CodeOutOfRange { code, entries } => {
                write!(f, "dictionary code {code} in a dictionary of {entries} entries")?;
            }
            DecodeErrorKind::WrongLength { found, expected } => {
                write!(f, "decompressed to {found} bytes, expected {expected}")?;
            }
            DecodeErrorKind::OverBudget { requested } => {
                write!(f, "{requested} bytes do not fit the memory budget")?;
                return Ok(());
            }
            DecodeErrorKind::OutOfMemory { requested } => {
                write!(f, "the machine refused {requested} bytes")?;
                return Ok(());
            }
        }
        write!(f, " (byte {})", self.at_byte)
    }
}

impl std::error::Error for DecodeError {}
