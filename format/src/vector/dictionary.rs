//! Dictionaries and the codes that point into them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use millwork_codecs::budget::Reservation;
use millwork_codecs::buffer::{Bitmap, Slice};

use super::{Data, Vector};
use crate::error::{Error, Result};

/// Names one dictionary of this process: ids count up and are never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DictionaryId(u64);

/// The distinct values of a column chunk, decoded once and shared by its vectors.
#[derive(Debug)]
pub struct Dictionary {
    id: DictionaryId,
    values: Vector,
    /// For the entries, where they are many.
    _memory: Option<Reservation>,
}

impl Dictionary {
    /// A dictionary of `values`, with a new id.
    ///
    /// # Errors
    /// `Internal` if they are not flat, or if one is null.
    pub fn new(values: Vector) -> Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let flat = !matches!(
            values.data(),
            Data::Null | Data::Dictionary(..) | Data::Constant(_) | Data::List(_) | Data::Struct(_)
        );
        if !flat || values.validity().is_some() {
            return Err(Error::internal("dictionary entries must be flat and present"));
        }
        let id = DictionaryId(NEXT.fetch_add(1, Ordering::Relaxed));
        Ok(Self { id, values, _memory: None })
    }

    /// The same dictionary, which gives back `memory` when it goes.
    #[must_use]
    pub(crate) fn holding(self, memory: Reservation) -> Self {
        Self { _memory: Some(memory), ..self }
    }

    /// The name of this dictionary.
    #[must_use]
    pub fn id(&self) -> DictionaryId {
        self.id
    }

    /// The entries: flat, all present. One may stand there twice: equal codes are equal values, but
    /// not the other way round.
    #[must_use]
    pub fn values(&self) -> &Vector {
        &self.values
    }

    /// Entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

/// Codes in the narrowest type that holds their bit width.
#[derive(Clone, Debug)]
pub enum Codes {
    /// Up to 8 bits.
    U8(Slice<u8>),
    /// Up to 16 bits.
    U16(Slice<u16>),
    /// Up to 32 bits.
    U32(Slice<u32>),
}

/// Runs `$body` with `$codes` bound to the slice of codes, whatever its width, and `$rebuild` to
/// the constructor of that width.
macro_rules! with_codes {
    ($any:expr, |$codes:ident, $rebuild:ident| $body:expr) => {
        with_codes!(@match $any, $codes, $rebuild, $body; U8 U16 U32)
    };
    (@match $any:expr, $codes:ident, $rebuild:ident, $body:expr; $($width:ident)*) => {
        match $any {
            $(Codes::$width($codes) => {
                #[allow(unused_variables, reason = "not every body builds codes")]
                let $rebuild = Codes::$width;
                $body
            })*
        }
    };
}
pub(super) use with_codes;

impl Codes {
    /// Rows.
    #[must_use]
    pub fn len(&self) -> usize {
        with_codes!(self, |codes, rebuild| codes.len())
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The code of row `row`.
    ///
    /// # Panics
    /// If there is no such row.
    #[must_use]
    #[allow(clippy::useless_conversion, reason = "one of the widths is u32")]
    pub fn get(&self, row: usize) -> u32 {
        with_codes!(self, |codes, rebuild| u32::from(codes.as_slice()[row]))
    }

    /// All codes as `u32`.
    #[must_use]
    #[allow(clippy::useless_conversion, reason = "one of the widths is u32")]
    pub fn widened(&self) -> Vec<u32> {
        with_codes!(self, |codes, rebuild| codes.iter().map(|code| u32::from(*code)).collect())
    }

    /// Bytes of the codes.
    pub(super) fn row_bytes(&self) -> u64 {
        with_codes!(self, |codes, rebuild| size_of_val(codes.as_slice()) as u64)
    }
}

impl Vector {
    /// Codes of `dictionary`. The caller has validated them; null rows hold code 0.
    ///
    /// # Errors
    /// `Internal` if codes and validity differ in length.
    pub fn dictionary(
        codes: Codes,
        validity: Option<Bitmap>,
        dictionary: Arc<Dictionary>,
    ) -> Result<Self> {
        let len = codes.len();
        if dictionary.is_empty() {
            return Ok(Self::null(len));
        }
        Self::new(Data::Dictionary(codes, dictionary), validity, len)
    }
}
