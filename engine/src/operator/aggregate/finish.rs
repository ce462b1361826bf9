//! Accumulators to result columns.

use std::ops::Range;

use millwork_codecs::buffer::{Bitmap, BufferMut, Slice};
use millwork_format::types::{DataType, Storage};
use millwork_format::vector::{Data, Vector, Views};

use super::plan::{Class, Output};
use super::state::{State, States};
use crate::error::{Error, Result};
use crate::expr::AggregateFunction;
use crate::row::{NestedCodec, float_of_order};

/// The greatest absolute value of 38 digits.
const DECIMAL_BOUND: i128 = 10i128.pow(38) - 1;

/// The result of `output` for groups `range`.
pub(super) fn finish(output: &Output, states: &States, range: Range<usize>) -> Result<Vector> {
    let mismatch = || Error::internal("an aggregate without its state");
    let counts = || match &states.states[output.count] {
        State::Count(counts) => Ok(&counts[range.clone()]),
        _ => Err(mismatch()),
    };
    if output.call.data_type == DataType::Null {
        return Ok(Vector::null(range.len()));
    }
    match &states.states[output.value] {
        State::Count(counts) => Ok(Vector::flat(Slice::copy_of(&counts[range]))),
        State::SumInteger(sums) if output.call.function == AggregateFunction::Average => {
            let averages = average_integers(&sums[range.clone()], counts()?, scale(output));
            of_counted(Data::Float64(Slice::copy_of(&averages)), counts()?)
        }
        State::SumInteger(sums) => {
            let sums = &sums[range.clone()];
            if output.call.function == AggregateFunction::SumDecimal
                && sums.iter().any(|sum| sum.unsigned_abs() > DECIMAL_BOUND as u128)
            {
                return Err(Error::evaluate("a sum of decimals has more than 38 digits"));
            }
            of_counted(integers(sums, &output.call.data_type)?, counts()?)
        }
        State::SumFloat(sums) => {
            let average = output.call.function == AggregateFunction::Average;
            let values: Vec<f64> = sums[range.clone()]
                .iter()
                .zip(counts()?)
                .map(|(sum, count)| if average { sum.value() / *count as f64 } else { sum.value() })
                .collect();
            of_counted(floats(&values, &output.call.data_type)?, counts()?)
        }
        State::Narrow { float: true, values, seen, .. } => {
            let values: Vec<f64> =
                values[range.clone()].iter().map(|v| float_of_order(*v)).collect();
            of_seen(floats(&values, &output.call.data_type)?, &seen[range])
        }
        State::Narrow { values, seen, .. } => {
            let wide: Vec<i128> = values[range.clone()].iter().copied().map(i128::from).collect();
            of_seen(integers(&wide, &output.call.data_type)?, &seen[range])
        }
        State::Wide { values, seen, .. } => {
            let data = integers(&values[range.clone()], &output.call.data_type)?;
            of_seen(data, &seen[range])
        }
        State::Bytes { values, .. } => bytes(&values[range], &output.call.data_type),
    }
}

/// Digits behind the point of the argument.
fn scale(output: &Output) -> u32 {
    match output.call.argument_type {
        DataType::Decimal { scale, .. } => scale.into(),
        _ => 0,
    }
}

fn average_integers(sums: &[i128], counts: &[i64], scale: u32) -> Vec<f64> {
    let unit = 10i128.checked_pow(scale);
    sums.iter()
        .zip(counts)
        .map(|(sum, count)| {
            let divisor = unit.and_then(|unit| unit.checked_mul(i128::from((*count).max(1))));
            match divisor {
                // Both numbers are exact as floats: one division, one rounding.
                Some(divisor) if sum.unsigned_abs() < 1 << 53 && divisor < 1 << 53 => {
                    *sum as f64 / divisor as f64
                }
                Some(divisor) => (sum / divisor) as f64 + (sum % divisor) as f64 / divisor as f64,
                None => *sum as f64 / *count as f64 / 10f64.powi(scale as i32),
            }
        })
        .collect()
}

fn of_counted(data: Data, counts: &[i64]) -> Result<Vector> {
    let seen: Vec<bool> = counts.iter().map(|count| *count > 0).collect();
    of_seen(data, &seen)
}

fn of_seen(data: Data, seen: &[bool]) -> Result<Vector> {
    Ok(Vector::new(data, Some(Bitmap::from_bools(seen)), seen.len())?)
}

fn integers(values: &[i128], data_type: &DataType) -> Result<Data> {
    macro_rules! narrow {
        ($native:ty) => {
            Slice::copy_of(&values.iter().map(|value| *value as $native).collect::<Vec<_>>())
        };
    }
    Ok(match data_type.storage() {
        Storage::Bits => {
            Data::Boolean(Bitmap::from_bools(&values.iter().map(|v| *v != 0).collect::<Vec<_>>()))
        }
        Storage::Int8 => Data::Int8(narrow!(i8)),
        Storage::Int16 => Data::Int16(narrow!(i16)),
        Storage::Int32 => Data::Int32(narrow!(i32)),
        Storage::Int64 => Data::Int64(narrow!(i64)),
        Storage::Int128 => Data::Int128(Slice::copy_of(values)),
        Storage::UInt8 => Data::UInt8(narrow!(u8)),
        Storage::UInt16 => Data::UInt16(narrow!(u16)),
        Storage::UInt32 => Data::UInt32(narrow!(u32)),
        Storage::UInt64 => Data::UInt64(narrow!(u64)),
        Storage::Float64 => Data::Float64(narrow!(f64)),
        _ => return Err(Error::internal(format!("an aggregate of integers is no {data_type}"))),
    })
}

fn floats(values: &[f64], data_type: &DataType) -> Result<Data> {
    Ok(match data_type.storage() {
        Storage::Float64 => Data::Float64(Slice::copy_of(values)),
        Storage::Float32 => {
            let narrow: Vec<f32> = values.iter().map(|value| *value as f32).collect();
            Data::Float32(Slice::copy_of(&narrow))
        }
        Storage::Float16 => {
            let bits: Vec<u16> =
                values.iter().map(|value| half::f16::from_f64(*value).to_bits()).collect();
            Data::Float16(Slice::copy_of(&bits))
        }
        _ => return Err(Error::internal(format!("an aggregate of floats is no {data_type}"))),
    })
}

fn bytes(values: &[Option<Box<[u8]>>], data_type: &DataType) -> Result<Vector> {
    debug_assert_eq!(Class::of(data_type), Class::Bytes, "picked values keep their type");
    let seen: Vec<bool> = values.iter().map(Option::is_some).collect();
    let present = values.iter().map(|value| value.as_deref().unwrap_or_default());
    match data_type.storage() {
        Storage::Views => of_seen(Data::Views(Views::copy_of(present)?), &seen),
        Storage::Fixed(width) => {
            let width_bytes = width as usize;
            let mut all = BufferMut::scratch(values.len().saturating_mul(width_bytes))?;
            for (slot, value) in all.as_mut_slice().chunks_exact_mut(width_bytes).zip(present) {
                if value.len() == width_bytes {
                    slot.copy_from_slice(value);
                }
            }
            of_seen(Data::Fixed { width_bytes, bytes: all.freeze() }, &seen)
        }
        _ => {
            let values: Vec<Option<&[u8]>> = values.iter().map(Option::as_deref).collect();
            NestedCodec::new(data_type).decode(&values)
        }
    }
}
