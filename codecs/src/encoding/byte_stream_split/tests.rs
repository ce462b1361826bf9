//! Split values of every width through the suite.

use std::fmt::Debug;
use std::marker::PhantomData;

use super::*;
use crate::encoding::tests::{Subject, walk_flips, whole};
use crate::kernel::tests::{Bits, buffer, on_every_tier};

#[derive(Clone)]
struct Fixed<T>(ByteStreamSplitDecoder, PhantomData<T>);

impl<T: Pod + PartialEq + Debug> Subject for Fixed<T> {
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
        let mut bytes = vec![0; size_of_val(&out[..])];
        let mut as_bytes = self.0.clone();
        let written = self.0.decode_masked(mask, rows, &mut out)?;
        out.truncate(written);
        assert_eq!(as_bytes.decode_masked_bytes(mask, rows, &mut bytes), Ok(written));
        assert_eq!(bytes[..size_of_val(&out[..])], *bytemuck::cast_slice::<T, u8>(&out));
        Ok(out)
    }
}

fn check_width<T: Pod + PartialEq + Debug>() {
    let width = size_of::<T>();
    let mut bits = Bits::new(width as u64);
    let values: Vec<u8> = (0..333 * width).map(|_| bits.next() as u8).collect();
    let expected: Vec<T> = values.chunks(width).map(bytemuck::pod_read_unaligned).collect();
    let split: Vec<u8> =
        (0..width).flat_map(|stream| values.iter().skip(stream).step_by(width).copied()).collect();
    let open = |bytes| ByteStreamSplitDecoder::new(bytes, width).map(|d| Fixed(d, PhantomData));
    on_every_tier(|_| {
        whole(&split, &expected, open);
        walk_flips(&split, expected.len(), open);
        // A prefix is streams of other lengths: values, but other ones.
        for end in (0..split.len()).step_by(7) {
            match open(buffer(&split[..end])) {
                Err(error) => assert_eq!(error.at_byte, end),
                Ok(mut values) => {
                    assert!(end.is_multiple_of(width));
                    assert_eq!(values.decode(end / width).unwrap().len(), end / width);
                    assert!(values.skip(1).is_err() && values.decode_masked(&[0], 1).is_err());
                }
            }
        }
    });
}

#[test]
fn split_values_decode() {
    check_width::<u8>();
    check_width::<u16>();
    check_width::<[u8; 3]>();
    check_width::<i32>();
    check_width::<[u8; 5]>();
    check_width::<f64>();
    check_width::<[u32; 3]>();
    check_width::<u128>();
}

#[test]
fn streams_of_different_lengths_are_refused() {
    assert!(ByteStreamSplitDecoder::new(buffer(&[0; 7]), 4).is_err());
    assert!(ByteStreamSplitDecoder::new(buffer(&[0; 7]), 0).is_err());
    let mut none = ByteStreamSplitDecoder::new(buffer(&[]), 4).unwrap();
    none.decode::<u32>(&mut []).unwrap();
    assert_eq!(none.skip(2), Err(DecodeError::truncated(8, 0)));
}
