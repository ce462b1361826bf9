//! Byte arrays that share prefixes through the suite, and the corners of the format.

use super::*;
use crate::encoding::delta_binary_packed::tests::{USUAL, encode as encode_integers};
use crate::encoding::tests::{Subject, check, whole};
use crate::error::DecodeErrorKind;
use crate::kernel::tests::{Bits, buffer};

/// Prefixes of at most `longest`.
fn encode(values: &[Vec<u8>], longest: usize) -> Vec<u8> {
    let mut before: &[u8] = &[];
    let (mut prefixes, mut rests) = (Vec::new(), Vec::new());
    for value in values {
        let same = before.iter().zip(value).take_while(|(a, b)| a == b).count().min(longest);
        prefixes.push(same as i64);
        rests.push(&value[same..]);
        before = value;
    }
    let lengths: Vec<i64> = rests.iter().map(|rest| rest.len() as i64).collect();
    let parts =
        [encode_integers(&prefixes, USUAL), encode_integers(&lengths, USUAL), rests.concat()];
    parts.concat()
}

#[derive(Clone)]
struct ByteArrays(DeltaByteArray, Budget);

impl ByteArrays {
    fn open(bytes: Buffer, count: usize) -> Result<Self> {
        DeltaByteArray::new(bytes, count).map(|decoder| Self(decoder, Budget::new(64 << 20)))
    }
}

fn owned(views: &[View], built: Buffer) -> Vec<Vec<u8>> {
    let buffers = [built];
    let whole = |view: &View| {
        let bytes = view.bytes(&buffers);
        // The view is the one its bytes would have made.
        let place = if view.is_inline() { 0 } else { view.location().1 };
        assert_eq!(*view, View::outside(bytes, 0, place));
        bytes.to_vec()
    };
    views.iter().map(whole).collect()
}

impl Subject for ByteArrays {
    type Value = Vec<u8>;

    fn decode(&mut self, count: usize) -> Result<Vec<Vec<u8>>> {
        let mut out = vec![View::default(); count];
        let built = self.0.decode(&mut out, &self.1)?;
        Ok(owned(&out, built))
    }

    fn skip(&mut self, count: usize) -> Result<()> {
        self.0.skip(count, &self.1)
    }

    fn decode_masked(&mut self, mask: &[u64], rows: usize) -> Result<Vec<Vec<u8>>> {
        let mut out = vec![View::default(); rows];
        let (written, built) = self.0.decode_masked(mask, rows, &mut out, &self.1)?;
        Ok(owned(&out[..written], built))
    }
}

/// Values that keep some of the one before and go on in their own way, or are the one before.
fn values(lengths: &[usize], count: usize) -> Vec<Vec<u8>> {
    let mut bits = Bits::new(lengths.len() as u64);
    let mut value = Vec::new();
    let next = |_| {
        if bits.below(5) > 0 {
            value.truncate(bits.below(value.len() + 1));
            let more = lengths[bits.below(lengths.len())];
            value.extend((0..more).map(|_| b'a' + (bits.next() % 7) as u8));
            value.truncate(400);
        } else if bits.below(2) == 0 {
            value.truncate(bits.below(value.len() + 1));
        }
        value.clone()
    };
    (0..count).map(next).collect()
}

#[test]
fn byte_arrays_are_put_together() {
    for lengths in [&[0, 1, 3, 5, 11, 12, 13, 40][..], &[0, 0, 1], &[15, 16, 17], &[300]] {
        let values = values(lengths, 130);
        for longest in [usize::MAX, 10, 0] {
            let open = |bytes| ByteArrays::open(bytes, values.len());
            check(&encode(&values, longest), &values, open);
        }
    }
    let many = values(&[0, 2, 9], 1700);
    whole(&encode(&many, usize::MAX), &many, |bytes| ByteArrays::open(bytes, many.len()));
}

#[test]
fn prefixes_that_are_not_there_are_refused() {
    let decode = |prefixes: &[i64], rests: &[i64], bytes: &[u8]| {
        let heads = [encode_integers(prefixes, USUAL), encode_integers(rests, USUAL)].concat();
        let page = buffer(&[&heads[..], bytes].concat());
        let mut values = DeltaByteArray::new(page, prefixes.len()).unwrap();
        let mut views = vec![View::default(); prefixes.len()];
        let error = values.decode(&mut views, &Budget::new(1 << 20)).unwrap_err();
        assert!(matches!(error.kind, DecodeErrorKind::Corrupt(_)), "{error}");
    };
    decode(&[1, 0], &[1, 1], b"ab");
    decode(&[0, 3], &[2, 1], b"abc");
    decode(&[0, -1], &[2, 1], b"abc");
    decode(&[0, i64::from(i32::MIN)], &[2, 1], b"abc");
}

/// Of one length, at once and in pieces, and among values that are skipped.
#[test]
fn values_of_one_length_lie_one_behind_the_other() {
    let budget = Budget::new(1 << 20);
    for width in (1..=18).chain([31, 32, 33, 100]) {
        let mut bits = Bits::new(width as u64);
        let mut value = vec![b'x'; width];
        let next = |_| {
            let same = bits.below(width + 1);
            value[same..].iter_mut().for_each(|byte| *byte = bits.next() as u8);
            value.clone()
        };
        let values: Vec<Vec<u8>> = (0..300).map(next).collect();
        for longest in [usize::MAX, 3, 0] {
            let page = buffer(&encode(&values, longest));
            for pieces in [&[300][..], &[1, 1, 127, 128, 43], &[5, 250, 45]] {
                let mut decoder = DeltaByteArray::new(page.clone(), 300).unwrap();
                let mut from = 0;
                for (number, count) in pieces.iter().enumerate() {
                    let expected = &values[from..from + count];
                    from += count;
                    if number % 3 == 2 {
                        decoder.skip(*count, &budget).unwrap();
                        continue;
                    }
                    let mut out = vec![0xa5; count * width];
                    assert_eq!(decoder.decode_fixed(width, &mut out, &budget).unwrap(), None);
                    assert_eq!(out, expected.concat(), "{width} bytes, {pieces:?}");
                    assert_eq!(decoder.last()[..], values[from - 1]);
                }
            }
        }
    }
}

#[test]
fn values_of_another_length_are_told() {
    let decode = |prefixes: &[i64], rests: &[i64], bytes: &[u8]| {
        let heads = [encode_integers(prefixes, USUAL), encode_integers(rests, USUAL)].concat();
        let page = buffer(&[&heads[..], bytes].concat());
        let mut values = DeltaByteArray::new(page, prefixes.len()).unwrap();
        let mut out = vec![0; 2 * prefixes.len()];
        values.decode_fixed(2, &mut out, &Budget::new(1 << 20)).map_err(|error| error.kind)
    };
    assert_eq!(decode(&[0, 1], &[2, 1], b"abc"), Ok(None));
    assert_eq!(decode(&[0, 1], &[2, 2], b"abcd"), Ok(Some(3)));
    assert_eq!(decode(&[0, 1], &[1, 1], b"ab"), Ok(Some(1)));
    let wrong = |found| matches!(found, Err(DecodeErrorKind::Corrupt(_)));
    assert!(wrong(decode(&[1, 0], &[1, 2], b"abc")));
    assert!(wrong(decode(&[0, -1], &[2, 3], b"abcde")));
    assert!(wrong(decode(&[0, i64::from(i32::MIN)], &[2, 1], b"abc")));
}

#[test]
fn no_values_need_no_bytes() {
    let budget = Budget::unlimited();
    let mut none = DeltaByteArray::new(buffer(&[]), 0).unwrap();
    none.decode(&mut [], &budget).unwrap();
    assert!(none.skip(1, &budget).is_err());
}

#[test]
fn a_few_bytes_that_make_many_keep_to_the_budget() {
    // A value of 100,000 bytes, then a thousand that change its last one.
    let mut long = vec![b'x'; 100_000];
    let mut values = Vec::new();
    for index in 0..1000u32 {
        long[99_999] = index as u8;
        values.push(long.clone());
    }
    let page = encode(&values, usize::MAX);
    assert!(page.len() < 105_000);
    let budget = Budget::new(1 << 20);
    let mut views = vec![View::default(); 1000];
    let open = || DeltaByteArray::new(buffer(&page), 1000).unwrap();
    let error = open().decode(&mut views, &budget).unwrap_err();
    assert!(matches!(error.kind, DecodeErrorKind::OverBudget { .. }), "{error}");
    // Passed over they take no more than one of them.
    let mut decoder = open();
    decoder.skip(999, &budget).unwrap();
    let last = decoder.decode(&mut views[..1], &budget).unwrap();
    assert_eq!(views[0].bytes(&[last]), values[999]);
    drop(decoder);
    assert_eq!(budget.reserved(), 0);
}
