//! Streams of every width and shape through the suite, and the corners of the format.

use super::*;
use crate::encoding::tests::{Subject, check};
use crate::error::DecodeErrorKind;
use crate::kernel::tests::{Bits, buffer, pack_wide};

pub(crate) fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn zigzag(value: i64, out: &mut Vec<u8>) {
    varint((value.cast_unsigned() << 1) ^ (value >> 63).cast_unsigned(), out);
}

/// How a stream is written.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) block: usize,
    pub(crate) miniblocks: usize,
    /// Bits of the type: deltas wrap there.
    pub(crate) bits: u32,
    /// Whether the last miniblock is padded.
    pub(crate) padded: bool,
}

pub(crate) const USUAL: Shape = Shape { block: 128, miniblocks: 4, bits: 32, padded: true };

/// `values` as the spec writes them.
pub(crate) fn encode(values: &[i64], shape: Shape) -> Vec<u8> {
    let unused = 64 - shape.bits;
    let wrapped = |a: i64, b: i64| (a.wrapping_sub(b) << unused) >> unused;
    let mut out = Vec::new();
    varint(shape.block as u64, &mut out);
    varint(shape.miniblocks as u64, &mut out);
    varint(values.len() as u64, &mut out);
    zigzag(values.first().copied().unwrap_or(0), &mut out);
    let deltas: Vec<i64> = values.windows(2).map(|pair| wrapped(pair[1], pair[0])).collect();
    let each = shape.block / shape.miniblocks;
    for block in deltas.chunks(shape.block) {
        let smallest = block.iter().copied().min().unwrap_or(0);
        zigzag(smallest, &mut out);
        let widths = out.len();
        // Widths of miniblocks without values may be anything.
        out.extend((0..shape.miniblocks).map(|_| 0xee));
        for (index, deltas) in block.chunks(each).enumerate() {
            let low = u64::MAX >> unused;
            let mut surpluses: Vec<u64> = deltas
                .iter()
                .map(|delta| delta.wrapping_sub(smallest).cast_unsigned() & low)
                .collect();
            let width = surpluses.iter().map(|s| 64 - s.leading_zeros()).max().unwrap_or(0);
            out[widths + index] = width as u8;
            if shape.padded {
                surpluses.resize(each, u64::MAX);
            }
            out.extend_from_slice(&pack_wide(&surpluses, width));
        }
    }
    out
}

#[derive(Clone)]
struct Integers<T>(DeltaDecoder<T>);

impl<T: DeltaInteger> Subject for Integers<T> {
    type Value = T;

    fn decode(&mut self, count: usize) -> Result<Vec<T>> {
        let mut out = vec![T::zeroed(); count];
        self.0.decode(&mut out)?;
        Ok(out)
    }

    fn skip(&mut self, count: usize) -> Result<()> {
        self.0.skip(count)
    }

    fn decode_masked(&mut self, mask: &[u64], rows: usize) -> Result<Vec<T>> {
        let mut out = vec![T::zeroed(); rows];
        let written = self.0.decode_masked(mask, rows, &mut out)?;
        out.truncate(written);
        Ok(out)
    }
}

fn check_as<T: DeltaInteger>(bytes: &[u8], values: &[i64]) {
    let expected: Vec<T> =
        values.iter().map(|value| T::from_u64_truncating(value.cast_unsigned())).collect();
    check(bytes, &expected, |bytes| DeltaDecoder::new(bytes, values.len()).map(Integers::<T>));
}

/// Values whose deltas need about `width` bits, in `bits`-bit arithmetic, or which go up steadily.
fn values(width: u32, bits: u32, count: usize) -> Vec<i64> {
    let mut random = Bits::new(u64::from(width) + 77);
    let unused = 64 - bits;
    let mut value = 1000i64;
    (0..count)
        .map(|index| {
            let step = random.next() & u64::MAX.checked_shr(64 - width).unwrap_or(0);
            // Now and then nothing changes for a while: a miniblock of width 0.
            let step = if index / 70 % 3 == 2 { 3 } else { step.cast_signed() };
            value = (value.wrapping_add(step) << unused) >> unused;
            value
        })
        .collect()
}

#[test]
fn deltas_of_every_width_decode() {
    for width in 0..=64 {
        let long = Shape { block: 256, miniblocks: [1, 2, 8][width as usize % 3], ..USUAL };
        if width <= 32 {
            let values = values(width, 32, 400);
            check_as::<i32>(&encode(&values, if width % 2 == 0 { USUAL } else { long }), &values);
        }
        let values = values(width, 64, 300);
        let shape = Shape { bits: 64, ..if width % 3 == 0 { USUAL } else { long } };
        check_as::<i64>(&encode(&values, shape), &values);
    }
}

#[test]
fn values_around_the_ends_of_blocks_decode() {
    for count in [1, 2, 31, 32, 33, 34, 128, 129, 130, 257] {
        for padded in [true, false] {
            let values = values(5, 32, count);
            check_as::<i32>(&encode(&values, Shape { padded, ..USUAL }), &values);
        }
    }
}

#[test]
fn sums_wrap_at_the_ends_of_the_type() {
    let ends: Vec<i64> =
        (0..200).map(|i| if i % 3 == 0 { i32::MIN.into() } else { i32::MAX.into() }).collect();
    check_as::<i32>(&encode(&ends, USUAL), &ends);
    // The same in arithmetic of 64 bits: deltas of 33 bits, as DuckDB writes them.
    check_as::<i32>(&encode(&ends, Shape { bits: 64, ..USUAL }), &ends);
    let ends: Vec<i64> = (0..200).map(|i| if i % 3 == 0 { i64::MIN } else { i64::MAX }).collect();
    check_as::<i64>(&encode(&ends, Shape { bits: 64, ..USUAL }), &ends);
}

#[test]
fn no_values_need_no_bytes() {
    let mut none = DeltaDecoder::<i64>::new(buffer(&[]), 0).unwrap();
    none.decode(&mut []).unwrap();
    none.skip(0).unwrap();
    assert!(none.skip(1).is_err());
    assert!(DeltaDecoder::<i64>::new(buffer(&[]), 1).is_err());
    let (_, end) = DeltaDecoder::<i32>::whole(buffer(&[1, 2]), 0).unwrap();
    assert_eq!(end, 0);
}

#[test]
fn more_values_than_the_page_has_are_left_alone_and_fewer_refused() {
    let values = values(7, 32, 100);
    let bytes = encode(&values, USUAL);
    let mut some = DeltaDecoder::<i32>::new(buffer(&bytes), 40).unwrap();
    let mut out = [0; 40];
    some.decode(&mut out).unwrap();
    assert!(out.iter().zip(&values).all(|(found, value)| i64::from(*found) == *value));
    assert!(some.decode(&mut [0]).is_err());
    let error = DeltaDecoder::<i32>::new(buffer(&bytes), 101).unwrap_err();
    assert_eq!(error, DecodeError::corrupt("fewer values than the page has", 3));
    // The end is that of all values, whatever is read of them.
    let whole = [&bytes[..], b"behind"].concat();
    let (_, end) = DeltaDecoder::<i32>::whole(buffer(&whole), 40).unwrap();
    assert_eq!(end, bytes.len());
}

#[test]
fn headers_that_make_no_sense_are_refused() {
    let corrupt = |bytes: &[u8]| {
        let read = DeltaDecoder::<i64>::new(buffer(bytes), 2).and_then(|mut d| d.skip(2));
        let error = read.unwrap_err();
        assert!(matches!(error.kind, DecodeErrorKind::Corrupt(_)), "{error}");
        error.at_byte
    };
    assert_eq!(corrupt(&[0x80, 1, 0, 2, 0]), 0);
    assert_eq!(corrupt(&[0, 4, 2, 0]), 0);
    assert_eq!(corrupt(&[0x80, 1, 3, 2, 0]), 0);
    assert_eq!(corrupt(&[0x80, 1, 8, 2, 0]), 0);
    assert_eq!(corrupt(&[0x80, 1, 4, 1, 0]), 3);
    // A width of 65, though there would be bytes for it.
    assert_eq!(corrupt(&[&[0x80, 1, 4, 2, 0, 0, 65, 0, 0, 0][..], &[0; 300]].concat()), 6);
}

#[test]
fn claims_cost_nothing() {
    // 2^63 values a block, 2^31 values, of which the bytes hold none but the first.
    let mut bytes = Vec::new();
    varint(1 << 63, &mut bytes);
    bytes.push(1);
    varint(1 << 31, &mut bytes);
    bytes.push(0);
    let mut values = DeltaDecoder::<i64>::new(buffer(&bytes), 1 << 31).unwrap();
    assert!(values.skip(1 << 31).is_err());
    // With a smallest delta of 1 and no bits for the others they are all there.
    bytes.extend([2, 0]);
    let mut values = DeltaDecoder::<i64>::new(buffer(&bytes), 1 << 31).unwrap();
    values.skip((1 << 31) - 1).unwrap();
    let mut last = [0];
    values.decode(&mut last).unwrap();
    assert_eq!(last, [(1 << 31) - 1]);
    // As many miniblocks as a block has values.
    let mut bytes = Vec::new();
    varint(1 << 40, &mut bytes);
    varint(1 << 35, &mut bytes);
    bytes.extend([2, 0, 0, 0]);
    assert!(DeltaDecoder::<i64>::whole(buffer(&bytes), 2).is_err());
}
