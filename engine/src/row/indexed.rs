//! The flat values behind a vector, whatever its kind, and which of them are meant.
//!
//! Loops over keys and arguments are written once, for `values[indices[i]]`: for a flat vector the
//! indices are the rows, for a dictionary the codes of those rows, for a constant zeros.

use std::borrow::Cow;

use millwork_codecs::buffer::Bitmap;
use millwork_format::vector::{Codes, Data, Vector};

/// Rows of a vector, each as an index into flat data.
#[derive(Debug)]
pub struct Indexed<'a> {
    data: &'a Data,
    indices: Cow<'a, [u32]>,
    rows: &'a [u32],
    validity: Option<&'a Bitmap>,
}

impl<'a> Indexed<'a> {
    /// The rows `rows` of `vector`.
    ///
    /// # Panics
    /// If a row of a dictionary vector is not below its length.
    #[must_use]
    pub fn new(vector: &'a Vector, rows: &'a [u32]) -> Self {
        let (data, indices) = match vector.data() {
            Data::Dictionary(codes, dictionary) => {
                let gathered = match codes {
                    Codes::U8(codes) => rows.iter().map(|r| codes[*r as usize].into()).collect(),
                    Codes::U16(codes) => rows.iter().map(|r| codes[*r as usize].into()).collect(),
                    Codes::U32(codes) => rows.iter().map(|r| codes[*r as usize]).collect(),
                };
                (dictionary.values().data(), Cow::Owned(gathered))
            }
            Data::Constant(inner) => (inner.data(), Cow::Owned(vec![0; rows.len()])),
            flat => (flat, Cow::Borrowed(rows)),
        };
        Self { data, indices, rows, validity: vector.validity() }
    }

    /// Flat data: neither dictionary nor constant.
    #[must_use]
    pub fn data(&self) -> &'a Data {
        self.data
    }

    /// For each row meant, its place in [`Indexed::data`]. Null rows have a place, too.
    #[must_use]
    pub fn indices(&self) -> &[u32] {
        &self.indices
    }

    /// Rows meant.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether no row is meant.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Whether a row may be null.
    #[must_use]
    pub fn may_be_null(&self) -> bool {
        self.validity.is_some() || matches!(self.data, Data::Null)
    }

    /// Whether the `position`-th row meant is present.
    ///
    /// # Panics
    /// If there is none.
    #[inline]
    #[must_use]
    pub fn is_valid(&self, position: usize) -> bool {
        match self.validity {
            Some(bits) => bits.get(self.rows[position] as usize),
            None => !matches!(self.data, Data::Null),
        }
    }
}

/// The bits of `float` such that floats are equal exactly where their bits are: every NaN is one NaN,
/// -0.0 is 0.0.
#[inline]
#[must_use]
pub fn float_bits(float: f64) -> u64 {
    // Adding zero turns -0.0 into 0.0.
    if float.is_nan() { f64::NAN.to_bits() } else { (float + 0.0).to_bits() }
}

/// An integer that orders as floats do: NaN greatest, all NaNs equal, -0.0 equal to 0.0.
#[inline]
#[must_use]
pub fn order_of_float(value: f64) -> i64 {
    let bits = float_bits(value) as i64;
    bits ^ ((bits >> 63) as u64 >> 1) as i64
}

/// The float that [`order_of_float`] made `order` of.
#[inline]
#[must_use]
pub fn float_of_order(order: i64) -> f64 {
    f64::from_bits((order ^ ((order >> 63) as u64 >> 1) as i64) as u64)
}
