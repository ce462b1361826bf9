//! Hybrid streams of every width, through the suite, and the corners of the format.

use super::*;
use crate::buffer::Bitmap;
use crate::encoding::tests::{Subject, check};
use crate::error::DecodeErrorKind;
use crate::kernel::tests::{Bits, buffer, pack};

/// One run of an encoded stream.
#[derive(Clone, Debug)]
pub(crate) enum TestRun {
    Equal(u32, usize),
    Packed(Vec<u32>),
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The runs as the spec writes them; packed ones are padded to whole groups.
pub(crate) fn encode(runs: &[TestRun], width: u32) -> Vec<u8> {
    let mut out = Vec::new();
    for run in runs {
        match run {
            TestRun::Equal(value, count) => {
                varint((*count as u64) << 1, &mut out);
                out.extend_from_slice(&value.to_le_bytes()[..width.div_ceil(8) as usize]);
            }
            TestRun::Packed(values) => {
                let groups = values.len().div_ceil(8);
                varint((groups as u64) << 1 | 1, &mut out);
                let mut padded = values.clone();
                padded.resize(groups * 8, 0);
                out.extend_from_slice(&pack(&padded, width));
            }
        }
    }
    out
}

/// Runs of both kinds, long and short, and their values.
pub(crate) fn runs(width: u32, below: u64, seed: u64) -> (Vec<TestRun>, Vec<u32>) {
    let mut bits = Bits::new(seed);
    let (mut runs, mut values) = (Vec::new(), Vec::new());
    let end = below.min(1 << width);
    for _ in 0..10 {
        let mut draw = || (bits.next() % end) as u32;
        let value = draw();
        match value % 4 {
            0 if width > 3 => runs.push(TestRun::Equal(value, 0)),
            1 => runs.push(TestRun::Packed(Vec::new())),
            _ => {}
        }
        let count = [1, 3, 8, 70, 300][bits.below(5)];
        if bits.below(2) == 0 {
            runs.push(TestRun::Equal(value, count));
            values.extend(std::iter::repeat_n(value, count));
        } else {
            let count = count.next_multiple_of(8);
            let packed: Vec<u32> = (0..count).map(|_| (bits.next() % end) as u32).collect();
            values.extend_from_slice(&packed);
            runs.push(TestRun::Packed(packed));
        }
    }
    (runs, values)
}

#[derive(Clone)]
struct As<C>(HybridDecoder, std::marker::PhantomData<C>);

impl<C: Code> Subject for As<C> {
    type Value = u32;

    fn decode(&mut self, count: usize) -> Result<Vec<u32>> {
        let mut out = vec![C::zeroed(); count];
        self.0.decode(&mut out)?;
        Ok(out.into_iter().map(Into::into).collect())
    }

    fn skip(&mut self, count: usize) -> Result<()> {
        self.0.skip(count)
    }

    fn decode_masked(&mut self, mask: &[u64], rows: usize) -> Result<Vec<u32>> {
        let mut out = vec![C::zeroed(); rows];
        let written = self.0.decode_masked(mask, rows, &mut out)?;
        Ok(out[..written].iter().map(|code| (*code).into()).collect())
    }
}

fn check_as<C: Code>(bytes: &[u8], width: u32, values: &[u32]) {
    check(bytes, values, |bytes| {
        HybridDecoder::new(bytes, width, values.len()).map(|d| As(d, std::marker::PhantomData::<C>))
    });
}

#[test]
fn runs_of_every_width_decode() {
    for width in 0..=32 {
        let (runs, values) = runs(width, u64::MAX, u64::from(width) + 1);
        let bytes = encode(&runs, width);
        match width {
            0..=8 => check_as::<u8>(&bytes, width, &values),
            9..=16 => check_as::<u16>(&bytes, width, &values),
            _ => check_as::<u32>(&bytes, width, &values),
        }
    }
    let (runs, values) = runs(5, u64::MAX, 77);
    check_as::<u32>(&encode(&runs, 5), 5, &values);
}

#[derive(Clone)]
struct Booleans(HybridDecoder);

fn bools(bits: BitmapMut) -> Vec<bool> {
    let bits: Bitmap = bits.freeze();
    (0..bits.len()).map(|row| bits.get(row)).collect()
}

impl Subject for Booleans {
    type Value = bool;

    fn decode(&mut self, count: usize) -> Result<Vec<bool>> {
        let mut out = BitmapMut::with_capacity(0)?;
        self.0.decode_bits(count, &mut out)?;
        Ok(bools(out))
    }

    fn skip(&mut self, count: usize) -> Result<()> {
        self.0.skip(count)
    }

    fn decode_masked(&mut self, mask: &[u64], rows: usize) -> Result<Vec<bool>> {
        let mut out = BitmapMut::with_capacity(0)?;
        let written = self.0.decode_bits_masked(mask, rows, &mut out)?;
        assert_eq!(written, out.len());
        Ok(bools(out))
    }
}

#[test]
fn booleans_decode_to_bitmaps() {
    for seed in 0..4 {
        let (runs, values) = runs(1, 2, seed);
        let values: Vec<bool> = values.iter().map(|value| *value == 1).collect();
        check(&encode(&runs, 1), &values, |bytes| {
            HybridDecoder::new(bytes, 1, values.len()).map(Booleans)
        });
    }
    let (runs, values) = runs(1, 2, 9);
    let values: Vec<bool> = values.iter().map(|value| *value == 1).collect();
    let stream = encode(&runs, 1);
    let page = [&(stream.len() as u32).to_le_bytes()[..], &stream].concat();
    check(&page, &values, |bytes| HybridDecoder::booleans(bytes, values.len()).map(Booleans));
    assert_eq!(Booleans(HybridDecoder::booleans(buffer(&[]), 0).unwrap()).decode(0).unwrap(), []);
    let short = HybridDecoder::booleans(buffer(&[3, 0, 0, 0, 2, 1]), 1).unwrap_err();
    assert_eq!(short, DecodeError::truncated(1, 6));
    let wide = HybridDecoder::new(buffer(&[]), 2, 0).unwrap();
    assert!(Booleans(wide).decode(0).is_err());
}

/// Whether each value equals the number.
#[derive(Clone)]
struct Equals(HybridDecoder, u32);

impl Subject for Equals {
    type Value = bool;

    fn decode(&mut self, count: usize) -> Result<Vec<bool>> {
        let mut out = BitmapMut::with_capacity(0)?;
        self.0.decode_equal(count, self.1, &mut out)?;
        Ok(bools(out))
    }

    fn skip(&mut self, count: usize) -> Result<()> {
        self.0.skip(count)
    }

    fn decode_masked(&mut self, mask: &[u64], rows: usize) -> Result<Vec<bool>> {
        let mut out = vec![0u32; rows];
        let written = self.0.decode_masked(mask, rows, &mut out)?;
        Ok(out[..written].iter().map(|value| *value == self.1).collect())
    }
}

#[test]
fn levels_are_compared_with_the_greatest() {
    for width in [0, 1, 2, 3, 8, 11, 20] {
        let (runs, values) = runs(width, 3, u64::from(width) + 40);
        for wanted in [0, 1, 2, 256, 1 << 16] {
            let equal: Vec<bool> = values.iter().map(|value| *value == wanted).collect();
            check(&encode(&runs, width), &equal, |bytes| {
                HybridDecoder::new(bytes, width, values.len()).map(|d| Equals(d, wanted))
            });
        }
    }
}

/// Everything of `bytes` as `u32`.
fn all(bytes: &[u8], width: u32, count: usize) -> Result<Vec<u32>> {
    let mut out = vec![0u32; count];
    HybridDecoder::new(buffer(bytes), width, count)?.decode(&mut out)?;
    Ok(out)
}

#[test]
fn padding_of_the_last_run_is_not_looked_at() {
    // A packed run of 504 values of which three are wanted, and whose bytes end behind those.
    assert_eq!(all(&[63 << 1 | 1, 0b11_01_10], 2, 3), Ok(vec![2, 1, 3]));
    assert_eq!(all(&[63 << 1 | 1, 0b11_01_10], 2, 4), Ok(vec![2, 1, 3, 0]));
    let error = all(&[63 << 1 | 1, 0b11_01_10], 2, 5).unwrap_err();
    assert_eq!(error, DecodeError::truncated(1, 2));
    // An RLE run longer than the page.
    assert_eq!(all(&[0xfe, 0xff, 0xff, 0xff, 0x0f, 5], 3, 4), Ok(vec![5; 4]));
    // A packed run whose length overflows everything.
    let mut bytes = vec![0xff; 9];
    bytes.extend([1, 0b1010_1010]);
    assert_eq!(all(&bytes, 1, 8), Ok(vec![0, 1, 0, 1, 0, 1, 0, 1]));
    assert_eq!(all(&bytes, 1, 9).unwrap_err(), DecodeError::truncated(1, 11));
}

#[test]
fn nonsense_is_an_error_at_its_byte() {
    let corrupt = |result: Result<Vec<u32>>, at_byte: usize| match result {
        Err(error) => {
            assert!(matches!(error.kind, DecodeErrorKind::Corrupt(_)), "{error}");
            assert_eq!(error.at_byte, at_byte);
        }
        Ok(values) => panic!("{values:?}"),
    };
    corrupt(all(&[], 33, 0), 0);
    corrupt(all(&[8 << 1, 1, 2 << 1, 4], 2, 10), 3);
    corrupt(all(&[2 << 1, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2], 1, 3), 2);
    assert_eq!(all(&[], 1, 1).unwrap_err(), DecodeError::truncated(1, 0));
    assert_eq!(all(&[4, 1], 9, 2).unwrap_err(), DecodeError::truncated(1, 2));
    assert_eq!(all(&[3, 1], 9, 2).unwrap_err(), DecodeError::truncated(1, 2));
    assert_eq!(all(&[0; 200], 8, 1).unwrap_err(), DecodeError::truncated(1, 200));
}

#[test]
fn asking_for_more_than_there_is_changes_nothing() {
    let mut decoder = HybridDecoder::new(buffer(&[4 << 1, 9]), 9, 3).unwrap();
    let before = decoder.position();
    assert!(decoder.decode(&mut [0u16; 4]).is_err());
    assert!(decoder.decode(&mut [0u8; 3]).is_err(), "9 bits do not fit 8");
    assert_eq!((decoder.remaining(), decoder.position()), (3, before));
    assert!(decoder.skip(4).is_err());
    assert!(decoder.decode_masked(&[0], 4, &mut [0u16; 4]).is_err());
}

#[test]
fn a_claim_of_two_billion_values_costs_nothing() {
    let mut decoder = HybridDecoder::new(buffer(&[]), 0, 1 << 31).unwrap();
    decoder.skip((1 << 31) - 2).unwrap();
    let mut last = [7u8; 2];
    decoder.decode(&mut last).unwrap();
    assert_eq!((last, decoder.remaining()), ([0, 0], 0));
    let run = [0x80, 0x80, 0x80, 0x80, 0x10, 1];
    let mut decoder = HybridDecoder::new(buffer(&run), 1, 1 << 31).unwrap();
    decoder.skip(1 << 31).unwrap();
    let mut decoder = HybridDecoder::new(buffer(&[0xff, 0xff, 0xff, 0xff, 0x0f, 3]), 1, 1 << 31);
    let error = decoder.as_mut().unwrap().skip(1 << 31).unwrap_err();
    assert_eq!(error, DecodeError::truncated(1, 6));
}
