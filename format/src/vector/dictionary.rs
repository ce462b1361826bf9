//! Dictionaries and the codes that point into them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use millwork_codecs::budget::Reservation;
use millwork_codecs::buffer::{Bitmap, Slice};

use super::{Data, Vector, with_plain};
use crate::error::{Error, Result};

/// Names one dictionary of this process: ids count up and are never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DictionaryId(u64);

/// The distinct values of a column chunk, decoded once and shared by its vectors.
#[derive(Debug)]
pub struct Dictionary {
    id: DictionaryId,
    values: Vector,
    canonical: OnceLock<Option<Box<[u32]>>>,
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
        Ok(Self { id, values, canonical: OnceLock::new(), _memory: None })
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

    /// The entries: flat, all present; an entry may stand there twice.
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

    /// For each entry the first entry equal to it, or `None` if all differ: then codes are equal
    /// exactly where values are. Computed once.
    #[must_use]
    pub fn canonical(&self) -> Option<&[u32]> {
        self.canonical.get_or_init(|| first_equal(&self.values)).as_deref()
    }
}

/// For each row the first row with an equal value; `None` if all differ.
fn first_equal(values: &Vector) -> Option<Box<[u32]>> {
    let mut first: HashMap<Vec<u8>, u32> = HashMap::with_capacity(values.len());
    let mut repeated = false;
    let mut canonical = Vec::new();
    let mut visit = |row: usize, key: &[u8]| {
        let entry = *first.entry(key.to_vec()).or_insert(row as u32);
        repeated |= entry as usize != row;
        canonical.push(entry);
    };
    match values.data() {
        Data::Views(views) => views.iter().enumerate().for_each(|(row, key)| visit(row, key)),
        Data::Boolean(bits) => {
            (0..bits.len()).for_each(|row| visit(row, &[u8::from(bits.get(row))]));
        }
        Data::Fixed { width_bytes, bytes } => {
            bytes.chunks_exact(*width_bytes).enumerate().for_each(|(row, key)| visit(row, key));
        }
        // Floats that compare equal may differ in their bits.
        Data::Float32(floats) => {
            floats.iter().enumerate().for_each(|(row, x)| visit(row, &equal_bits(f64::from(*x))));
        }
        Data::Float64(floats) => {
            floats.iter().enumerate().for_each(|(row, x)| visit(row, &equal_bits(*x)));
        }
        plain => with_plain!(plain, |values, rebuild| {
            for (row, value) in values.iter().enumerate() {
                visit(row, bytemuck::bytes_of(value));
            }
        }, else ()),
    }
    repeated.then(|| canonical.into_boxed_slice())
}

fn equal_bits(float: f64) -> [u8; 8] {
    if float.is_nan() {
        f64::NAN.to_le_bytes()
    } else {
        // Adding zero turns -0.0 into 0.0.
        (float + 0.0).to_le_bytes()
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

    pub(super) fn allocated_bytes(&self) -> usize {
        with_codes!(self, |codes, rebuild| codes.buffer().allocated_bytes())
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
