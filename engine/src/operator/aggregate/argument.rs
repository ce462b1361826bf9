//! An argument column as numbers, whatever the vector's kind.

use std::borrow::Cow;

use half::f16;
use millwork_format::vector::{Codes, Data, Vector};

use crate::error::{Error, Result};
use crate::row::order_of_float;

/// Numbers of all rows of a vector; a null row has any.
#[derive(Debug)]
pub(super) enum Integers<'a> {
    Narrow(Cow<'a, [i64]>),
    Wide(Cow<'a, [i128]>),
}

/// Flat data and how rows name its values.
struct Source<'a> {
    data: &'a Data,
    codes: Option<&'a Codes>,
    constant: bool,
    rows: usize,
}

impl<'a> Source<'a> {
    fn of(vector: &'a Vector) -> Self {
        let rows = vector.len();
        match vector.data() {
            Data::Dictionary(codes, dictionary) => {
                Self { data: dictionary.values().data(), codes: Some(codes), constant: false, rows }
            }
            Data::Constant(inner) => Self { data: inner.data(), codes: None, constant: true, rows },
            data => Self { data, codes: None, constant: false, rows },
        }
    }

    fn spread<T: Copy, U: Copy>(&self, values: &[T], convert: impl Fn(T) -> U) -> Vec<U> {
        match self.codes {
            _ if self.constant => vec![convert(values[0]); self.rows],
            None => values.iter().map(|value| convert(*value)).collect(),
            Some(Codes::U8(codes)) => {
                codes.iter().map(|code| convert(values[*code as usize])).collect()
            }
            Some(Codes::U16(codes)) => {
                codes.iter().map(|code| convert(values[*code as usize])).collect()
            }
            Some(Codes::U32(codes)) => {
                codes.iter().map(|code| convert(values[*code as usize])).collect()
            }
        }
    }

    fn is_flat(&self) -> bool {
        self.codes.is_none() && !self.constant
    }
}

fn mismatch() -> Error {
    Error::internal("an aggregate's argument is not of its type")
}

/// The integers (dates, unscaled decimals, booleans as 0 and 1) of `vector`.
pub(super) fn integers(vector: &Vector) -> Result<Integers<'_>> {
    let source = Source::of(vector);
    let narrow = match source.data {
        Data::Int64(values) if source.is_flat() => {
            return Ok(Integers::Narrow(Cow::Borrowed(values.as_slice())));
        }
        Data::Int128(values) if source.is_flat() => {
            return Ok(Integers::Wide(Cow::Borrowed(values.as_slice())));
        }
        Data::Int128(values) => {
            return Ok(Integers::Wide(Cow::Owned(source.spread(values, |value| value))));
        }
        Data::UInt64(values) => {
            return Ok(Integers::Wide(Cow::Owned(source.spread(values, i128::from))));
        }
        Data::Null => vec![0; vector.len()],
        Data::Boolean(bits) => {
            let bools: Vec<bool> = (0..bits.len()).map(|row| bits.get(row)).collect();
            source.spread(&bools, i64::from)
        }
        Data::Int8(values) => source.spread(values, i64::from),
        Data::Int16(values) => source.spread(values, i64::from),
        Data::Int32(values) => source.spread(values, i64::from),
        Data::Int64(values) => source.spread(values, |value| value),
        Data::UInt8(values) => source.spread(values, i64::from),
        Data::UInt16(values) => source.spread(values, i64::from),
        Data::UInt32(values) => source.spread(values, i64::from),
        _ => return Err(mismatch()),
    };
    Ok(Integers::Narrow(Cow::Owned(narrow)))
}

/// The floats of `vector`.
pub(super) fn floats(vector: &Vector) -> Result<Cow<'_, [f64]>> {
    let source = Source::of(vector);
    Ok(match source.data {
        Data::Float64(values) if source.is_flat() => Cow::Borrowed(values.as_slice()),
        Data::Float64(values) => Cow::Owned(source.spread(values, |value| value)),
        Data::Float32(values) => Cow::Owned(source.spread(values, f64::from)),
        Data::Float16(values) => {
            Cow::Owned(source.spread(values, |bits| f16::from_bits(bits).to_f64()))
        }
        Data::Null => Cow::Owned(vec![0.0; vector.len()]),
        _ => return Err(mismatch()),
    })
}

/// The floats of `vector` as integers that order as they do, NaN greatest.
pub(super) fn ordered_floats(vector: &Vector) -> Result<Vec<i64>> {
    Ok(floats(vector)?.iter().map(|value| order_of_float(*value)).collect())
}
