//! Values of many lengths on every tier, against their meaning.

use super::*;
use crate::kernel::tests::{Bits, buffer, on_every_tier};

/// Values of `longest` bytes at most, the first of which may begin as `last` does.
fn values(bits: &mut Bits, last: &[u8], count: usize, longest: usize) -> Vec<(u32, Vec<u8>)> {
    let mut len = last.len();
    (0..count)
        .map(|_| {
            let prefix = bits.below(len + 1).min(longest);
            let rest = match bits.below(4) {
                0 => 0,
                _ => bits.below(longest - prefix + 1),
            };
            len = prefix + rest;
            (prefix as u32, (0..rest).map(|_| bits.next() as u8).collect())
        })
        .collect()
}

#[test]
fn values_are_prefixes_and_rests() {
    on_every_tier(|tier| {
        let mut bits = Bits::new(9);
        for round in 0..400 {
            let longest = [4, 12, 13, 40, 64, 65, 200][round % 7];
            let last: Vec<u8> = (0..bits.below(longest + 1)).map(|_| bits.next() as u8).collect();
            let count = bits.below(80);
            let values = values(&mut bits, &last, count, longest);
            let prefixes: Vec<u32> = values.iter().map(|(prefix, _)| *prefix).collect();
            let rests: Vec<u32> = values.iter().map(|(_, rest)| rest.len() as u32).collect();
            // The rests end with the last and start anywhere in their allocation.
            let before = bits.below(64);
            let all = values.iter().flat_map(|(_, rest)| rest.iter().copied());
            let bytes: Vec<u8> = vec![0xa5; before].into_iter().chain(all).collect();
            let bytes = buffer(&bytes);
            // The last value lies in front of what is free, or there.
            let free = if bits.below(2) == 0 { 3 } else { 3 + last.len() };
            let whole: usize =
                values.iter().map(|(prefix, rest)| *prefix as usize + rest.len()).sum();
            let mut built = vec![0x5a; free + whole.max(last.len()) + SLACK];
            built[3..3 + last.len()].copy_from_slice(&last);
            let mut front = Front { start: 3, len: last.len(), free };
            let untouched = View::inline(b"untouched").unwrap();
            let mut out = vec![untouched; count + 1];
            let lengths = (&prefixes[..], &rests[..]);
            front.append_all(lengths, (bytes.padded(), before), &mut built, &mut out[..count]);
            let buffers = [buffer(&built)];
            let mut expected = last.clone();
            for (index, (prefix, rest)) in values.iter().enumerate() {
                expected.truncate(*prefix as usize);
                expected.extend_from_slice(rest);
                let view = out[index];
                assert_eq!(view.bytes(&buffers), expected, "{tier:?} {index} of {values:?}");
                let (_, place) = if view.is_inline() { (0, 0) } else { view.location() };
                let plain = View::outside(&expected, 0, place);
                assert_eq!(view.bits(), plain.bits(), "{tier:?} {index} of {values:?}");
            }
            assert_eq!(front.len, expected.len());
            assert_eq!(&built[front.start..front.start + front.len], expected);
            assert!(front.free <= free + whole.max(last.len()), "{front:?} after {values:?}");
            assert_eq!(out[count].bits(), untouched.bits(), "wrote behind the output");
        }
    });
}

#[test]
fn a_value_that_adds_nothing_shares_bytes() {
    on_every_tier(|_| {
        let bytes = buffer(b"a value of some length");
        let mut built = [0; 22 + SLACK];
        let mut out = [View::default(); 3];
        let mut front = Front::default();
        let lengths = (&[0, 22, 20][..], &[22, 0, 0][..]);
        front.append_all(lengths, (bytes.padded(), 0), &mut built, &mut out);
        assert_eq!(
            out.map(|view| (view.len(), view.location())),
            [(22, (0, 0)), (22, (0, 0)), (20, (0, 0))]
        );
        assert_eq!(front, Front { start: 0, len: 20, free: 22 });
    });
}

#[test]
fn what_does_not_fit_panics() {
    on_every_tier(|tier| {
        let bytes = buffer(b"four");
        let all = |prefix: u32, rest: u32, room: usize| {
            std::panic::catch_unwind(|| {
                let (mut built, mut out) = (vec![0; room], [View::default()]);
                let lengths = (&[prefix][..], &[rest][..]);
                Front::default().append_all(lengths, (bytes.padded(), 0), &mut built, &mut out);
            })
        };
        assert!(all(0, 4, 4 + SLACK).is_ok(), "{tier:?}");
        assert!(all(1, 3, 4 + SLACK).is_err(), "{tier:?}: a prefix of nothing");
        assert!(all(0, 5, 5 + SLACK).is_err(), "{tier:?}: more than there is");
        assert!(all(0, 4, 3).is_err(), "{tier:?}: no room");
    });
}
