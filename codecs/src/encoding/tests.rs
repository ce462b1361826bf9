//! What every decoder has to stand, as one suite that the tests of each encoding call.

use std::fmt::Debug;

use crate::buffer::Buffer;
use crate::error::Result;
use crate::kernel::tests::{Bits, buffer, on_every_tier};

/// A decoder as the suite sees it: values come back in a vector.
pub(crate) trait Subject: Clone {
    type Value: PartialEq + Debug + Clone;

    fn decode(&mut self, count: usize) -> Result<Vec<Self::Value>>;
    fn skip(&mut self, count: usize) -> Result<()>;
    fn decode_masked(&mut self, mask: &[u64], rows: usize) -> Result<Vec<Self::Value>>;
}

/// Demands of the decoder that `open` makes of `bytes` that it gives `expected`, whichever way it is
/// asked, and that no prefix and no single-bit flip of `bytes` makes it panic, hang or disagree with
/// itself.
pub(crate) fn check<S: Subject>(
    bytes: &[u8],
    expected: &[S::Value],
    open: impl Fn(Buffer) -> Result<S>,
) {
    on_every_tier(|_| {
        whole(bytes, expected, &open);
        let step = (bytes.len() / 200).max(1);
        for end in (0..bytes.len()).step_by(step) {
            prefix(&bytes[..end], expected, &open);
        }
        walk_flips(bytes, expected.len(), &open);
    });
}

/// Decodes `bytes` with each of their bits, or 800 of them, the other way round.
pub(crate) fn walk_flips<S: Subject>(
    bytes: &[u8],
    count: usize,
    open: impl Fn(Buffer) -> Result<S>,
) {
    let mut bits = Bits::new(bytes.len() as u64);
    let step = (bytes.len() * 8 / 800).max(1);
    for flip in (0..bytes.len() * 8).step_by(step) {
        let mut flipped = bytes.to_vec();
        flipped[flip / 8] ^= 1 << (flip % 8);
        if let Ok(subject) = open(misaligned(&flipped, flip % 5)) {
            walk(subject, count, &mut bits);
        }
    }
}

/// A piece of a buffer, `before` bytes from its start.
fn misaligned(bytes: &[u8], before: usize) -> Buffer {
    let whole = buffer(&[&vec![0x5a; before], bytes].concat());
    whole.slice(before..whole.len()).unwrap()
}

fn selected<V: Clone>(values: &[V], mask: &[u64]) -> Vec<V> {
    let set = |row: usize| mask[row / 64] >> (row % 64) & 1 == 1;
    values.iter().enumerate().filter(|(row, _)| set(*row)).map(|(_, v)| v.clone()).collect()
}

/// Decodes `bytes` in steps of all kinds and sizes.
pub(crate) fn whole<S: Subject>(
    bytes: &[u8],
    expected: &[S::Value],
    open: impl Fn(Buffer) -> Result<S>,
) {
    for seed in 0..12 {
        let mut bits = Bits::new(seed);
        let mut subject = open(misaligned(bytes, seed as usize)).unwrap();
        let most = [expected.len(), 1, 7, 64, 130, 1000][seed as usize % 6];
        let mut at = 0;
        while at < expected.len() {
            let count =
                (expected.len() - at).min(if seed < 6 { most } else { bits.below(most + 1) });
            let values = &expected[at..at + count];
            match if seed == 0 { 0 } else { bits.below(3) } {
                0 => assert_eq!(subject.decode(count).unwrap(), values, "{count} from {at}"),
                1 => subject.skip(count).unwrap(),
                _ => {
                    let sparseness = bits.below(7);
                    let mask = bits.mask(count, sparseness);
                    let found = subject.decode_masked(&mask, count).unwrap();
                    assert_eq!(found, selected(values, &mask), "{count} from {at} under a mask");
                }
            }
            at += count;
        }
        subject.skip(0).unwrap();
        assert_eq!(subject.decode(0).unwrap(), []);
    }
}

/// Values that come before the bytes end are the right ones.
fn prefix<S: Subject>(bytes: &[u8], expected: &[S::Value], open: impl Fn(Buffer) -> Result<S>) {
    let Ok(mut subject) = open(misaligned(bytes, bytes.len() % 7)) else { return };
    let mut ended = false;
    for (at, value) in expected.iter().enumerate() {
        let asked_before = subject.clone();
        match subject.decode(1) {
            Ok(found) => assert_eq!(found, std::slice::from_ref(value), "value {at} of a prefix"),
            Err(error) => {
                assert!(error.at_byte <= bytes.len(), "{error} in {} bytes", bytes.len());
                assert!(asked_before.clone().skip(expected.len() - at).is_err());
                let everything = vec![u64::MAX; expected.len() / 64 + 1];
                let mut asked = asked_before;
                assert!(asked.decode_masked(&everything, expected.len() - at).is_err());
                ended = true;
                break;
            }
        }
    }
    let mut bits = Bits::new(bytes.len() as u64);
    if let (true, Ok(subject)) = (ended, open(misaligned(bytes, 0))) {
        walk(subject, expected.len(), &mut bits);
    }
}

/// Decodes what may be nonsense; what one way gives, the others must give too.
fn walk<S: Subject>(mut subject: S, count: usize, bits: &mut Bits) {
    let mut left = count;
    while left > 0 {
        let count = left.min(1 + bits.below(300));
        let mask = bits.mask(count, 2);
        let (mut skipping, mut masking) = (subject.clone(), subject.clone());
        let values = subject.decode(count);
        let (skipped, masked) = (skipping.skip(count), masking.decode_masked(&mask, count));
        match values {
            Ok(values) => {
                assert_eq!(skipped, Ok(()));
                assert_eq!(masked, Ok(selected(&values, &mask)));
            }
            // Nothing is promised from here on but an end.
            Err(_) => {
                let _ = (subject.decode(1), subject.skip(left), skipping.decode(1));
                return;
            }
        }
        left -= count;
    }
}
