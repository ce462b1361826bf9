//! Dictionary codes through the suite, and codes that name no entry.

use std::marker::PhantomData;

use super::*;
use crate::encoding::hybrid::tests::{encode, runs};
use crate::encoding::tests::{Subject, check};
use crate::kernel::tests::buffer;

#[derive(Clone)]
struct Codes<C>(DictionaryCodes, PhantomData<C>);

impl<C: Code> Subject for Codes<C> {
    type Value = C;

    fn decode(&mut self, count: usize) -> Result<Vec<C>> {
        let mut out = vec![C::zeroed(); count];
        self.0.decode(&mut out)?;
        for code in &out {
            assert!((*code).into() < self.0.entries());
        }
        Ok(out)
    }

    fn skip(&mut self, count: usize) -> Result<()> {
        self.0.skip(count)
    }

    fn decode_masked(&mut self, mask: &[u64], rows: usize) -> Result<Vec<C>> {
        let mut out = vec![C::zeroed(); rows];
        let written = self.0.decode_masked(mask, rows, &mut out)?;
        out.truncate(written);
        Ok(out)
    }
}

fn check_codes<C: Code>(width: u32, entries: u32) {
    let (runs, values) = runs(width, u64::from(entries), u64::from(entries));
    let body = [&[width as u8], &encode(&runs, width)[..]].concat();
    let values: Vec<C> = values.into_iter().map(C::from_u32_truncating).collect();
    check(&body, &values, |body| {
        DictionaryCodes::new(body, entries, values.len()).map(|codes| Codes(codes, PhantomData))
    });
}

#[test]
fn codes_decode() {
    check_codes::<u8>(0, 1);
    check_codes::<u8>(1, 2);
    check_codes::<u8>(3, 5);
    check_codes::<u8>(8, 256);
    check_codes::<u16>(9, 300);
    check_codes::<u16>(16, 40000);
    check_codes::<u32>(17, 70000);
    check_codes::<u32>(32, u32::MAX);
    check_codes::<u32>(4, 16);
}

#[test]
fn a_code_without_an_entry_is_named() {
    let error = validate_codes(&[0u16, 6, 7, 300], 7).unwrap_err();
    let kind = DecodeErrorKind::CodeOutOfRange { code: 7, entries: 7 };
    assert_eq!(error, DecodeError::new(kind, 2));
    assert_eq!(validate_codes(&[0u16, 6, 7, 300], 301), Ok(()));
    assert_eq!(validate_codes::<u8>(&[], 0), Ok(()));
    assert!(validate_codes(&[0u8], 0).is_err());

    let body = buffer(&[3, 2 << 1, 6, 2 << 1, 7]);
    let codes = || DictionaryCodes::new(body.clone(), 7, 4).unwrap();
    let error = codes().decode(&mut [0u8; 4]).unwrap_err();
    assert_eq!(error, DecodeError::new(kind, 5));
    let mut out = [0u8; 4];
    assert_eq!(codes().decode_masked(&[0b0011], 4, &mut out), Ok(2));
    assert!(codes().decode_masked(&[0b0111], 4, &mut out).is_err());
    let mut skipping = codes();
    skipping.decode(&mut out[..2]).unwrap();
    skipping.skip(2).unwrap();
    assert_eq!((skipping.remaining(), skipping.bit_width()), (0, 3));
}

#[test]
fn bodies_without_codes() {
    assert!(DictionaryCodes::new(Buffer::empty(), 0, 0).is_ok());
    assert_eq!(
        DictionaryCodes::new(Buffer::empty(), 3, 1).unwrap_err(),
        DecodeError::truncated(1, 0)
    );
    assert!(DictionaryCodes::new(buffer(&[33]), 3, 1).is_err());
    // Width 0 and no bytes: all codes are 0, which an empty dictionary does not have.
    let mut out = [9u8; 3];
    DictionaryCodes::new(buffer(&[0]), 1, 3).unwrap().decode(&mut out).unwrap();
    assert_eq!(out, [0; 3]);
    assert!(DictionaryCodes::new(buffer(&[0]), 0, 3).unwrap().decode(&mut out).is_err());
    // An error of the stream is counted from the body's first byte.
    let error = DictionaryCodes::new(buffer(&[1]), 2, 3).unwrap().decode(&mut out).unwrap_err();
    assert_eq!(error, DecodeError::truncated(1, 1));
}
