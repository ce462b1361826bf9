//! PLAIN values through the suite, and where their bytes end.

use std::fmt::Debug;
use std::marker::PhantomData;

use super::*;
use crate::buffer::{BitmapMut, View};
use crate::encoding::tests::{Subject, check};
use crate::error::DecodeErrorKind;
use crate::kernel::tests::{Bits, buffer};

#[derive(Clone)]
struct Fixed<T>(PlainDecoder, PhantomData<T>);

impl<T: Pod + PartialEq + Debug> Subject for Fixed<T> {
    type Value = T;

    fn decode(&mut self, count: usize) -> Result<Vec<T>> {
        let mut out = vec![T::zeroed(); count];
        let mut sharing = self.0.clone();
        self.0.decode(&mut out)?;
        let shared = sharing.decode_shared(count)?;
        assert_eq!(shared.as_slice(), bytemuck::cast_slice::<T, u8>(&out));
        Ok(out)
    }

    fn skip(&mut self, count: usize) -> Result<()> {
        self.0.skip(count)
    }

    fn decode_masked(&mut self, mask: &[u64], rows: usize) -> Result<Vec<T>> {
        let mut out = vec![T::zeroed(); rows];
        let mut bytes = vec![0; size_of_val(&out[..])];
        let mut as_bytes = self.0.clone();
        let written = self.0.decode_masked(mask, rows, &mut out)?;
        out.truncate(written);
        assert_eq!(as_bytes.decode_masked_bytes(mask, rows, &mut bytes), Ok(written));
        assert_eq!(bytes[..size_of_val(&out[..])], *bytemuck::cast_slice::<T, u8>(&out));
        Ok(out)
    }
}

fn check_fixed<T: Pod + PartialEq + Debug>() {
    let mut bits = Bits::new(size_of::<T>() as u64);
    let mut bytes: Vec<u8> = (0..333 * size_of::<T>()).map(|_| bits.next() as u8).collect();
    let values: Vec<T> = bytes.chunks(size_of::<T>()).map(bytemuck::pod_read_unaligned).collect();
    let open = |bytes| PlainDecoder::new(bytes, size_of::<T>()).map(|d| Fixed(d, PhantomData));
    check(&bytes, &values, open);
    // A rest too short for a value is left alone.
    bytes.pop();
    check(&bytes, &values[..332], open);
}

#[test]
fn fixed_width_values_decode() {
    check_fixed::<u8>();
    check_fixed::<i16>();
    check_fixed::<i32>();
    check_fixed::<u64>();
    check_fixed::<u128>();
    check_fixed::<[u8; 5]>();
    check_fixed::<[u32; 3]>();
}

#[test]
fn fixed_width_values_end_where_the_bytes_do() {
    assert!(PlainDecoder::new(buffer(&[]), 0).is_err());
    let mut values = PlainDecoder::new(buffer(&[0; 11]), 4).unwrap();
    assert_eq!(values.remaining(), 2);
    assert_eq!(values.decode(&mut [0i32; 3]), Err(DecodeError::truncated(1, 11)));
    assert!(values.skip(usize::MAX).is_err());
    values.skip(1).unwrap();
    assert_eq!((values.remaining(), values.position()), (1, 4));
    assert!(values.decode_masked(&[0], 2, &mut [0i32; 2]).is_err());
    assert!(values.decode_shared(2).is_err());
}

#[derive(Clone)]
struct Booleans(PlainBoolean);

fn bools(bits: BitmapMut) -> Vec<bool> {
    let bits = bits.freeze();
    (0..bits.len()).map(|row| bits.get(row)).collect()
}

impl Subject for Booleans {
    type Value = bool;

    fn decode(&mut self, count: usize) -> Result<Vec<bool>> {
        let mut out = BitmapMut::with_capacity(0)?;
        self.0.decode(count, &mut out)?;
        Ok(bools(out))
    }

    fn skip(&mut self, count: usize) -> Result<()> {
        self.0.skip(count)
    }

    fn decode_masked(&mut self, mask: &[u64], rows: usize) -> Result<Vec<bool>> {
        let mut out = BitmapMut::with_capacity(0)?;
        let written = self.0.decode_masked(mask, rows, &mut out)?;
        assert_eq!(written, out.len());
        Ok(bools(out))
    }
}

#[test]
fn booleans_decode() {
    let mut bits = Bits::new(5);
    for len in [1, 8, 70] {
        let bytes: Vec<u8> = (0..len).map(|_| bits.next() as u8).collect();
        let values: Vec<bool> =
            (0..len * 8).map(|bit| bytes[bit / 8] >> (bit % 8) & 1 == 1).collect();
        check(&bytes, &values, |bytes| Ok(Booleans(PlainBoolean::new(bytes))));
    }
    let mut values = PlainBoolean::new(buffer(&[0]));
    let mut out = BitmapMut::with_capacity(0).unwrap();
    assert_eq!(values.decode(9, &mut out), Err(DecodeError::truncated(1, 1)));
    assert_eq!((values.remaining(), out.len()), (8, 0));
}

#[derive(Clone)]
struct ByteArrays(PlainByteArray);

/// The bytes of views of buffer 3.
fn owned(values: &PlainByteArray, views: &[View]) -> Vec<Vec<u8>> {
    let buffers = [Buffer::empty(), Buffer::empty(), Buffer::empty(), values.bytes()];
    let whole = |view: &View| {
        let bytes = view.bytes(&buffers);
        // The view is the one its bytes would have made.
        let place = if view.is_inline() { 0 } else { view.location().1 };
        assert_eq!(*view, View::outside(bytes, 3, place));
        bytes.to_vec()
    };
    views.iter().map(whole).collect()
}

impl Subject for ByteArrays {
    type Value = Vec<u8>;

    fn decode(&mut self, count: usize) -> Result<Vec<Vec<u8>>> {
        let mut out = vec![View::default(); count];
        self.0.decode(3, &mut out)?;
        Ok(owned(&self.0, &out))
    }

    fn skip(&mut self, count: usize) -> Result<()> {
        self.0.skip(count)
    }

    fn decode_masked(&mut self, mask: &[u64], rows: usize) -> Result<Vec<Vec<u8>>> {
        let mut out = vec![View::default(); rows];
        let written = self.0.decode_masked(mask, rows, 3, &mut out)?;
        Ok(owned(&self.0, &out[..written]))
    }
}

#[test]
fn byte_arrays_decode_to_views() {
    let mut bits = Bits::new(6);
    for lengths in [&[0, 1, 3, 4, 5, 11, 12, 13, 40][..], &[0], &[12], &[300]] {
        let mut bytes = Vec::new();
        let mut values = Vec::new();
        for _ in 0..150 {
            let length = lengths[bits.below(lengths.len())];
            let value: Vec<u8> = (0..length).map(|_| bits.next() as u8).collect();
            bytes.extend_from_slice(&(length as u32).to_le_bytes());
            bytes.extend_from_slice(&value);
            values.push(value);
        }
        check(&bytes, &values, |bytes| Ok(ByteArrays(PlainByteArray::new(bytes))));
    }
}

#[test]
fn bad_lengths_are_errors_at_their_byte() {
    let decode = |bytes: &[u8]| {
        let mut values = PlainByteArray::new(buffer(bytes));
        let mut views = [View::default(); 2];
        let error = values.decode(0, &mut views).unwrap_err();
        assert_eq!(values.skip(2), Err(error));
        assert_eq!(values.decode_masked(&[0b10], 2, 0, &mut views), Err(error));
        error
    };
    let first = [1, 0, 0, 0, b'x'];
    assert_eq!(decode(&first), DecodeError::truncated(4, 5));
    assert_eq!(decode(&[&first[..], &[2, 0, 0]].concat()), DecodeError::truncated(1, 5));
    assert_eq!(decode(&[&first[..], &[2, 0, 0, 0, 1]].concat()), DecodeError::truncated(1, 5));
    let negative = decode(&[&first[..], &[0xff, 0xff, 0xff, 0xff, 1]].concat());
    assert!(matches!(negative.kind, DecodeErrorKind::Corrupt(_)));
    assert_eq!(negative.at_byte, 5);
    assert!(PlainByteArray::new(buffer(&first)).skip(1 << 31).is_err());
}
