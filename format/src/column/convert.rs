//! Physical to stored values: decimals, narrow integers, and texts of one length.

use std::sync::Arc;

use bytemuck::Pod;
use millwork_codecs::buffer::{Buffer, BufferMut, Slice, SliceMut, View};

use super::text;
use crate::error::{Error, Result};
use crate::types::{DataType, Storage};
use crate::vector::{Data, Views};
use crate::wide_decimal::WideDecimal;

/// `values` of an INT32 column as `data_type` is stored. Annotations narrower than 32 bits keep the
/// low bits, as other readers do.
pub(super) fn from_int32(values: Slice<i32>, data_type: &DataType) -> Result<Data> {
    Ok(match data_type.storage() {
        Storage::Int32 => Data::Int32(values),
        Storage::UInt32 => match Slice::from_buffer(values.buffer().clone()) {
            Some(same_bits) => Data::UInt32(same_bits),
            None => return Err(Error::internal("misaligned values")),
        },
        Storage::Int8 => Data::Int8(map(&values, |value| value as i8)?),
        Storage::Int16 => Data::Int16(map(&values, |value| value as i16)?),
        Storage::UInt8 => Data::UInt8(map(&values, |value| value as u8)?),
        Storage::UInt16 => Data::UInt16(map(&values, |value| value as u16)?),
        Storage::Int64 => Data::Int64(map(&values, i64::from)?),
        Storage::Int128 => Data::Int128(map(&values, i128::from)?),
        other => return Err(unfit("INT32", other)),
    })
}

/// `values` of an INT64 column as `data_type` is stored.
pub(super) fn from_int64(values: Slice<i64>, data_type: &DataType) -> Result<Data> {
    Ok(match data_type.storage() {
        Storage::Int64 => Data::Int64(values),
        Storage::UInt64 => match Slice::from_buffer(values.buffer().clone()) {
            Some(same_bits) => Data::UInt64(same_bits),
            None => return Err(Error::internal("misaligned values")),
        },
        Storage::Int128 => Data::Int128(map(&values, i128::from)?),
        other => return Err(unfit("INT64", other)),
    })
}

/// Big-endian two's complement numbers (decimals) as `data_type` is stored.
pub(super) fn from_big_endian<'a>(
    numbers: impl ExactSizeIterator<Item = &'a [u8]>,
    data_type: &DataType,
) -> Result<Data> {
    let count = numbers.len();
    if data_type.storage() == Storage::Int64 {
        let mut values = SliceMut::<i64>::scratch(count)?;
        let target: &mut [i64] = &mut values;
        for (slot, number) in target.iter_mut().zip(numbers) {
            *slot = if number.len() <= 8 {
                sign_extended_64(number)
            } else {
                i64::try_from(sign_extended_128(number)?)
                    .map_err(|_| Error::corrupt("a decimal beyond its precision"))?
            };
        }
        return Ok(Data::Int64(values.freeze()));
    }
    let mut values = SliceMut::<i128>::scratch(count)?;
    let target: &mut [i128] = &mut values;
    for (slot, number) in target.iter_mut().zip(numbers) {
        *slot = sign_extended_128(number)?;
    }
    Ok(Data::Int128(values.freeze()))
}

/// Values of a fixed number of bytes as `data_type` is stored.
pub(super) fn from_fixed(bytes: Buffer, width_bytes: usize, data_type: &DataType) -> Result<Data> {
    if let DataType::WideDecimal { .. } = data_type {
        return wide_decimals(bytes.chunks_exact(width_bytes));
    }
    match data_type.storage() {
        Storage::Fixed(_) => Ok(Data::Fixed { width_bytes, bytes }),
        Storage::Float16 => Slice::from_buffer(bytes)
            .map(Data::Float16)
            .ok_or_else(|| Error::internal("misaligned halves")),
        Storage::Int64 | Storage::Int128 => {
            from_big_endian(bytes.chunks_exact(width_bytes), data_type)
        }
        Storage::Views => texts_of_one_length(bytes, width_bytes),
        other => Err(Error::internal(format!("fixed bytes stored as {other:?}"))),
    }
}

/// Views of texts of `width_bytes` each, out of a page, which is shorter than 2^31 bytes.
fn texts_of_one_length(bytes: Buffer, width_bytes: usize) -> Result<Data> {
    let count = bytes.len() / width_bytes.max(1);
    let mut views = SliceMut::<View>::to_fill(count)?;
    let texts = bytes.chunks_exact(width_bytes.max(1));
    for (at, (view, text)) in views.iter_mut().zip(texts).enumerate() {
        *view = View::outside(text, 0, (at * width_bytes) as u32);
    }
    let span = 0..bytes.len();
    let views = Views::new(views.freeze(), Arc::from([bytes]));
    text::check(&views, &views.buffers()[0], span)?;
    Ok(Data::Views(views))
}

/// Big-endian two's complement numbers of at most 256 bits.
pub(super) fn wide_decimals<'a>(numbers: impl ExactSizeIterator<Item = &'a [u8]>) -> Result<Data> {
    let width_bytes = WideDecimal::BYTES;
    let mut bytes = BufferMut::scratch(numbers.len().saturating_mul(width_bytes))?;
    for (slot, number) in bytes.as_mut_slice().chunks_exact_mut(width_bytes).zip(numbers) {
        let Some(decimal) = WideDecimal::from_big_endian(number, 0) else {
            return Err(Error::corrupt("a decimal of more than 256 bits"));
        };
        slot.copy_from_slice(&decimal.ordered());
    }
    Ok(Data::Fixed { width_bytes, bytes: bytes.freeze() })
}

fn sign_extended_64(number: &[u8]) -> i64 {
    let mut bytes = [0u8; 8];
    bytes[8 - number.len()..].copy_from_slice(number);
    let unused_bits = 64 - 8 * number.len() as u32;
    if unused_bits == 64 { 0 } else { i64::from_be_bytes(bytes) << unused_bits >> unused_bits }
}

fn sign_extended_128(number: &[u8]) -> Result<i128> {
    // Old writers pad decimals to more than 16 bytes: those in front only repeat the sign.
    let (padding, number) = number.split_at(number.len().saturating_sub(16));
    let negative = number.first().is_some_and(|first| first & 0x80 != 0);
    let fill = if negative { 0xff } else { 0 };
    if padding.iter().any(|byte| *byte != fill) {
        return Err(Error::corrupt("a decimal of more than 128 bits"));
    }
    let mut bytes = [fill; 16];
    bytes[16 - number.len()..].copy_from_slice(number);
    Ok(i128::from_be_bytes(bytes))
}

fn map<A: Pod, B: Pod>(values: &[A], convert: impl Fn(A) -> B) -> Result<Slice<B>> {
    let mut converted = SliceMut::<B>::scratch(values.len())?;
    let target: &mut [B] = &mut converted;
    for (slot, value) in target.iter_mut().zip(values) {
        *slot = convert(*value);
    }
    Ok(converted.freeze())
}

fn unfit(physical: &str, storage: Storage) -> Error {
    Error::internal(format!("{physical} values stored as {storage:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn big_endian_numbers_of_every_length() {
        let decimal = DataType::Decimal { precision: 18, scale: 2 };
        let wide = DataType::Decimal { precision: 38, scale: 2 };
        for value in [0i64, 1, -1, 127, -128, 32_767, -32_768, i64::MAX, i64::MIN, -5_000_000_000] {
            for length in 0..=20usize {
                let full = i128::from(value).to_be_bytes();
                let mut bytes = vec![full[0]; length.saturating_sub(16)];
                bytes.extend_from_slice(&full[16 - length.min(16)..]);
                let cut = length.min(16) as u32 * 8;
                let expected = match cut {
                    0 => 0,
                    _ => i128::from(value) << (128 - cut) >> (128 - cut),
                };
                let found = from_big_endian([&bytes[..]].into_iter(), &wide).unwrap();
                let Data::Int128(found) = found else { unreachable!() };
                assert_eq!(found[0], expected, "{value} in {length} bytes");
                let found = from_big_endian([&bytes[..]].into_iter(), &decimal).unwrap();
                let Data::Int64(found) = found else { unreachable!() };
                assert_eq!(i128::from(found[0]), expected);
            }
        }
        let too_long = [1u8; 17];
        assert!(from_big_endian([&too_long[..]].into_iter(), &wide).is_err());
    }
}
