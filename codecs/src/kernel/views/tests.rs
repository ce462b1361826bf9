//! Views of every length on every tier, against [`View::outside`].

use super::*;
use crate::kernel::tests::{Bits, buffer, on_every_tier};

#[test]
fn views_are_those_of_the_values() {
    let mut bits = Bits::new(5);
    let letters: Vec<u8> = (0..4000).map(|_| bits.next() as u8).collect();
    on_every_tier(|tier| {
        let mut bits = bits.clone();
        for round in 0..400 {
            let count = bits.below(70);
            let longest = [1, 13, 14, 30, 300][round % 5];
            let mut left = letters.len();
            let lengths: Vec<u32> = (0..count)
                .map(|_| {
                    let length = bits.below(longest + 1).min(left);
                    left -= length;
                    length as u32
                })
                .collect();
            // The bytes end with the last value, and start anywhere in their allocation.
            let before = bits.below(64).min(left);
            let end = letters.len() - left + before;
            let whole = buffer(&letters[..end]);
            let bytes = whole.slice(0..end).unwrap();
            let untouched = View::inline(b"untouched").unwrap();
            let mut out = vec![untouched; count + 1];
            views(&lengths, bytes.padded(), before, 7, &mut out[..count]);
            let mut at = before;
            for (index, length) in lengths.iter().enumerate() {
                let value = &letters[at..at + *length as usize];
                let expected = View::outside(value, 7, at as u32);
                assert_eq!(out[index].bits(), expected.bits(), "{tier:?} {index} of {lengths:?}");
                at += value.len();
            }
            assert_eq!(out[count].bits(), untouched.bits(), "wrote behind the output");
        }
    });
}

#[test]
#[should_panic(expected = "values of 5 bytes from 4 on in 8 bytes")]
fn values_behind_the_end_panic() {
    let bytes = buffer(b"8 bytes.");
    views(&[2, 3], bytes.padded(), 4, 0, &mut [View::default(); 2]);
}
