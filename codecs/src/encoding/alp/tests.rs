//! Decimals and what is none, through the suite; the example of the spec; corners of the format.

use super::*;
use crate::encoding::tests::{Subject, walk_flips, whole};
use crate::error::DecodeErrorKind;
use crate::kernel::tests::{Bits, buffer, on_every_tier, pack_wide};

/// A float that is kept, and the integer that stands for it if it is none of the exceptions.
trait Kept: AlpFloat {
    fn round(self, factor: usize, exponent: usize) -> i64;
    fn bytes(self) -> Vec<u8>;
}

impl Kept for f32 {
    fn round(self, factor: usize, exponent: usize) -> i64 {
        let integer = (self * Self::POWERS[exponent] * Self::INVERSE_POWERS[factor]).round();
        integer as i32 as i64
    }

    fn bytes(self) -> Vec<u8> {
        self.to_le_bytes().to_vec()
    }
}

impl Kept for f64 {
    fn round(self, factor: usize, exponent: usize) -> i64 {
        (self * Self::POWERS[exponent] * Self::INVERSE_POWERS[factor]).round() as i64
    }

    fn bytes(self) -> Vec<u8> {
        self.to_le_bytes().to_vec()
    }
}

fn vector<T: Kept>(values: &[T], exponent: usize, factor: usize) -> Vec<u8> {
    let restored = |integer: i64| {
        let (factor, exponent) = (T::POWERS[factor], T::INVERSE_POWERS[exponent]);
        T::scaled(integer.cast_unsigned(), factor, exponent)
    };
    let mut integers: Vec<i64> = values.iter().map(|value| value.round(factor, exponent)).collect();
    let is_exact = |index: &usize| restored(integers[*index]).bytes() == values[*index].bytes();
    let (exact, exceptions): (Vec<usize>, Vec<usize>) = (0..values.len()).partition(is_exact);
    let placeholder = exact.first().map_or(0, |index| integers[*index]);
    exceptions.iter().for_each(|index| integers[*index] = placeholder);
    let frame = integers.iter().copied().min().unwrap_or(0);
    let low = u64::MAX >> (64 - T::BITS);
    let surpluses: Vec<u64> =
        integers.iter().map(|integer| integer.wrapping_sub(frame).cast_unsigned() & low).collect();
    let width = surpluses.iter().map(|surplus| 64 - surplus.leading_zeros()).max().unwrap_or(0);
    let mut out = vec![exponent as u8, factor as u8];
    out.extend((exceptions.len() as u16).to_le_bytes());
    out.extend(&frame.to_le_bytes()[..size_of::<T>()]);
    out.push(width as u8);
    out.extend(pack_wide(&surpluses, width));
    exceptions.iter().for_each(|index| out.extend((*index as u16).to_le_bytes()));
    exceptions.iter().for_each(|index| out.extend(values[*index].bytes()));
    out
}

fn encode<T: Kept>(values: &[T], log: u8, powers: impl Fn(usize) -> (usize, usize)) -> Vec<u8> {
    let vectors: Vec<Vec<u8>> = values
        .chunks(1 << log)
        .enumerate()
        .map(|(index, values)| vector(values, powers(index).0, powers(index).1))
        .collect();
    let mut out = vec![0, 0, log];
    out.extend((values.len() as i32).to_le_bytes());
    let mut offset = 4 * vectors.len();
    for vector in &vectors {
        out.extend((offset as u32).to_le_bytes());
        offset += vector.len();
    }
    out.extend(vectors.concat());
    out
}

/// A decoder whose values are compared by their bits.
#[derive(Clone)]
struct Floats<T>(AlpDecoder<T>);

impl<T: Kept> Subject for Floats<T> {
    type Value = Vec<u8>;

    fn decode(&mut self, count: usize) -> Result<Vec<Vec<u8>>> {
        let mut out = vec![T::zeroed(); count];
        self.0.decode(&mut out)?;
        Ok(out.into_iter().map(Kept::bytes).collect())
    }

    fn skip(&mut self, count: usize) -> Result<()> {
        self.0.skip(count)
    }

    fn decode_masked(&mut self, mask: &[u64], rows: usize) -> Result<Vec<Vec<u8>>> {
        let mut out = vec![T::zeroed(); rows];
        let written = self.0.decode_masked(mask, rows, &mut out)?;
        Ok(out[..written].iter().map(|value| value.bytes()).collect())
    }
}

fn check_kept<T: Kept>(values: &[T], log: u8, powers: impl Fn(usize) -> (usize, usize)) {
    let bytes = encode(values, log, powers);
    let expected: Vec<Vec<u8>> = values.iter().map(|value| value.bytes()).collect();
    let open = |bytes| AlpDecoder::<T>::new(bytes, values.len()).map(Floats);
    on_every_tier(|_| {
        whole(&bytes, &expected, open);
        // Every value is found by its number, so that a prefix may be passed over where it has ended.
        for end in (0..bytes.len()).step_by((bytes.len() / 100).max(1)) {
            let Ok(mut floats) = open(buffer(&bytes[..end])) else { continue };
            for value in &expected {
                match floats.decode(1) {
                    Ok(found) => assert_eq!(found[0], *value),
                    Err(error) => assert!(error.at_byte <= end, "{error} in {end} bytes"),
                }
            }
            assert!(floats.skip(1).is_err());
        }
        // A flip in the powers or the frame changes values, but never the agreement of ways.
        walk_flips(&bytes, expected.len(), open);
    });
}

#[test]
fn decimals_and_exceptions_decode() {
    let mut bits = Bits::new(21);
    let mut double = || match bits.below(12) {
        0 => f64::from_bits(bits.next()),
        1 => [f64::NAN, f64::INFINITY, -0.0, f64::MIN, 5e-324][bits.below(5)],
        _ => (bits.below(2_000_000) as f64 - 1e6) / 100.0,
    };
    let doubles: Vec<f64> = (0..300).map(|_| double()).collect();
    check_kept(&doubles, 3, |index| [(2, 0), (14, 12), (0, 0), (3, 1)][index % 4]);
    check_kept(&doubles, 10, |_| (14, 12));
    let floats: Vec<f32> = doubles.iter().map(|value| *value as f32).collect();
    check_kept(&floats, 4, |index| [(2, 0), (4, 2), (10, 8)][index % 3]);
    check_kept(&vec![1.5f64; 70], 5, |_| (1, 0));
    check_kept(&vec![f32::NAN; 70], 5, |_| (1, 0));
    // Vectors of which half are exceptions.
    let half: Vec<f64> = (0..400).map(|at| if at % 2 == 0 { f64::NAN } else { 0.5 }).collect();
    check_kept(&half, 8, |_| (1, 0));
    // Integers over all 64 bits.
    let wide: Vec<f64> = (0..40).map(|index| if index % 2 == 0 { 9e18 } else { -9e18 }).collect();
    check_kept(&wide, 3, |_| (0, 0));
}

#[test]
fn the_example_of_the_spec_decodes() {
    let values = [1500.0, f64::NAN, 2500.0, 333.5];
    let mut bytes = vec![0, 0, 10, 4, 0, 0, 0, 4, 0, 0, 0];
    bytes.extend([4, 3, 1, 0]);
    bytes.extend(3335i64.to_le_bytes());
    bytes.push(15);
    bytes.extend(pack_wide(&[11665, 11665, 21665, 0], 15));
    bytes.extend(1u16.to_le_bytes());
    bytes.extend(f64::NAN.to_le_bytes());
    assert_eq!(bytes.len(), 7 + 4 + 31);
    assert_eq!(bytes, encode(&values, 10, |_| (4, 3)));
    let mut found = [0.0; 4];
    AlpDecoder::new(buffer(&bytes), 4).unwrap().decode(&mut found).unwrap();
    assert_eq!(found.map(f64::to_bits), values.map(f64::to_bits));
}

#[test]
fn headers_that_make_no_sense_are_refused() {
    let sound = encode(&[1.5f64, 2.5, f64::NAN], 3, |_| (1, 0));
    let with = |at: usize, byte: u8| {
        let mut bytes = sound.clone();
        bytes[at] = byte;
        let decoder = AlpDecoder::<f64>::new(buffer(&bytes), 3);
        decoder.and_then(|mut decoder| decoder.decode(&mut [0.0; 3])).map_err(|error| {
            assert!(matches!(error.kind, DecodeErrorKind::Corrupt(_)), "{error}");
            error.at_byte
        })
    };
    assert_eq!(with(0, 0), Ok(()));
    assert_eq!(with(0, 1), Err(0));
    assert_eq!(with(1, 1), Err(0));
    assert_eq!(with(2, 2), Err(2));
    assert_eq!(with(2, 16), Err(2));
    assert_eq!(with(3, 2), Err(3));
    assert_eq!(with(6, 0x80), Err(3));
    // Behind 7 bytes of header and 4 of offsets: powers of ten, and the width.
    assert_eq!(with(11, 19), Err(11));
    assert_eq!(with(12, 19), Err(11));
    assert_eq!(with(11 + 12, 65), Err(11 + 12));
    assert_eq!(with(11 + 2, 4), Err(11 + 2));
    // The only exception is number 2 of three.
    let place = sound.len() - 10;
    assert_eq!(with(place, 3), Err(place));
    let none = AlpDecoder::<f32>::new(buffer(&[]), 0).and_then(|mut none| none.decode(&mut []));
    assert_eq!(none, Ok(()));
}
