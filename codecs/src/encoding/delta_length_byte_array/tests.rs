//! Byte arrays of many lengths through the suite, and the corners of the format.

use super::*;
use crate::encoding::delta_binary_packed::tests::{USUAL, encode as encode_integers};
use crate::encoding::tests::{Subject, check};
use crate::error::DecodeErrorKind;
use crate::kernel::tests::{Bits, buffer};

fn encode(values: &[Vec<u8>]) -> Vec<u8> {
    let lengths: Vec<i64> = values.iter().map(|value| value.len() as i64).collect();
    [encode_integers(&lengths, USUAL), values.concat()].concat()
}

#[derive(Clone)]
struct ByteArrays(DeltaLengthByteArray);

impl ByteArrays {
    /// The bytes of views of buffer 3.
    fn owned(&self, views: &[View]) -> Vec<Vec<u8>> {
        let buffers = [Buffer::empty(), Buffer::empty(), Buffer::empty(), self.0.bytes()];
        let whole = |view: &View| {
            let bytes = view.bytes(&buffers);
            // The view is the one its bytes would have made.
            let place = if view.is_inline() { 0 } else { view.location().1 };
            assert_eq!(*view, View::outside(bytes, 3, place));
            bytes.to_vec()
        };
        views.iter().map(whole).collect()
    }
}

impl Subject for ByteArrays {
    type Value = Vec<u8>;

    fn decode(&mut self, count: usize) -> Result<Vec<Vec<u8>>> {
        let mut out = vec![View::default(); count];
        self.0.decode(3, &mut out)?;
        Ok(self.owned(&out))
    }

    fn skip(&mut self, count: usize) -> Result<()> {
        self.0.skip(count)
    }

    fn decode_masked(&mut self, mask: &[u64], rows: usize) -> Result<Vec<Vec<u8>>> {
        let mut out = vec![View::default(); rows];
        let written = self.0.decode_masked(mask, rows, 3, &mut out)?;
        Ok(self.owned(&out[..written]))
    }
}

#[test]
fn byte_arrays_decode_to_views() {
    let mut bits = Bits::new(8);
    for lengths in [&[0, 1, 3, 4, 5, 11, 12, 13, 40][..], &[0], &[12], &[300]] {
        let value = |_| {
            let length = lengths[bits.below(lengths.len())];
            (0..length).map(|_| bits.next() as u8).collect()
        };
        let values: Vec<Vec<u8>> = (0..150).map(value).collect();
        let open = |bytes| DeltaLengthByteArray::new(bytes, values.len()).map(ByteArrays);
        check(&encode(&values), &values, open);
    }
    let many: Vec<Vec<u8>> = (0..1300).map(|index| vec![index as u8; index % 17]).collect();
    let open = |bytes| DeltaLengthByteArray::new(bytes, many.len()).map(ByteArrays);
    crate::encoding::tests::whole(&encode(&many), &many, open);
}

#[test]
fn bad_lengths_are_errors_at_their_byte() {
    let decode = |lengths: &[i64], rest: &[u8]| {
        let head = encode_integers(lengths, USUAL);
        let bytes = buffer(&[&head[..], rest].concat());
        let mut values = DeltaLengthByteArray::new(bytes, lengths.len()).unwrap();
        let mut views = vec![View::default(); lengths.len()];
        let error = values.clone().decode(0, &mut views).unwrap_err();
        assert_eq!(values.clone().skip(lengths.len()), Err(error));
        assert_eq!(values.decode_masked(&[0], lengths.len(), 0, &mut views), Err(error));
        (error.kind, error.at_byte - head.len())
    };
    assert_eq!(decode(&[2, 3], b"abcd"), (DecodeErrorKind::Truncated { wanted: 1 }, 2));
    let negative = decode(&[2, -1, 4], b"abcdef");
    assert!(matches!(negative, (DecodeErrorKind::Corrupt(_), 2)), "{negative:?}");
    // Lengths that come back to 2^32 when they are added up.
    let many = decode(&[i64::from(i32::MAX), i64::from(i32::MAX), 2], b"abcdef");
    assert!(matches!(many, (DecodeErrorKind::Truncated { .. }, 0)), "{many:?}");
}

#[test]
fn no_values_need_no_bytes() {
    let mut none = DeltaLengthByteArray::new(buffer(&[]), 0).unwrap();
    none.decode(0, &mut []).unwrap();
    assert!(none.skip(1).is_err());
    assert!(DeltaLengthByteArray::new(buffer(&[]), 1).is_err());
}
