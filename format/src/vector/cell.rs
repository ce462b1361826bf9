//! One value of a vector: the slow, plain way in, for rendering and for row-wise oracles.

use half::f16;

use super::{Data, Vector};

/// One value, borrowed from its vector.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Cell<'a> {
    /// Not present.
    Null,
    /// True or false.
    Boolean(bool),
    /// Any integer, date, time or unscaled decimal.
    Integer(i128),
    /// Half precision.
    Float16(f16),
    /// Single precision.
    Float32(f32),
    /// Double precision.
    Float64(f64),
    /// Text or bytes.
    Bytes(&'a [u8]),
    /// The rows `start..end` of a child.
    List {
        /// The child of all lists.
        child: &'a Vector,
        /// First element.
        start: usize,
        /// Behind the last element.
        end: usize,
    },
    /// Row `row` of each child.
    Struct {
        /// One child a field.
        children: &'a [Vector],
        /// The row.
        row: usize,
    },
}

impl Vector {
    /// The value of row `row`.
    ///
    /// # Panics
    /// If there is no such row.
    #[must_use]
    pub fn cell(&self, row: usize) -> Cell<'_> {
        if !self.is_valid(row) {
            return Cell::Null;
        }
        match self.data() {
            Data::Null => Cell::Null,
            Data::Boolean(bits) => Cell::Boolean(bits.get(row)),
            Data::Int8(values) => Cell::Integer(values[row].into()),
            Data::Int16(values) => Cell::Integer(values[row].into()),
            Data::Int32(values) => Cell::Integer(values[row].into()),
            Data::Int64(values) => Cell::Integer(values[row].into()),
            Data::Int128(values) => Cell::Integer(values[row]),
            Data::UInt8(values) => Cell::Integer(values[row].into()),
            Data::UInt16(values) => Cell::Integer(values[row].into()),
            Data::UInt32(values) => Cell::Integer(values[row].into()),
            Data::UInt64(values) => Cell::Integer(values[row].into()),
            Data::Float16(values) => Cell::Float16(f16::from_bits(values[row])),
            Data::Float32(values) => Cell::Float32(values[row]),
            Data::Float64(values) => Cell::Float64(values[row]),
            Data::Fixed { width_bytes, bytes } => {
                Cell::Bytes(&bytes.as_slice()[row * width_bytes..][..*width_bytes])
            }
            Data::Views(views) => Cell::Bytes(views.get(row)),
            Data::Dictionary(codes, dictionary) => {
                dictionary.values().cell(codes.get(row) as usize)
            }
            Data::Constant(inner) => inner.cell(0),
            Data::List(list) => {
                let range = list.range(row);
                Cell::List { child: list.child(), start: range.start, end: range.end }
            }
            Data::Struct(children) => Cell::Struct { children, row },
        }
    }
}
