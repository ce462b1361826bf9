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
            let lengths: Vec<i32> = (0..count)
                .map(|_| {
                    let length = bits.below(longest + 1).min(left);
                    left -= length;
                    length as i32
                })
                .collect();
            // The bytes end with the last value, and start anywhere in their allocation.
            let before = bits.below(64).min(left);
            let end = letters.len() - left + before;
            let whole = buffer(&letters[..end]);
            let bytes = whole.slice(0..end).unwrap();
            let untouched = View::inline(b"untouched").unwrap();
            let mut out = vec![untouched; count + 1];
            let there = views(&lengths, bytes.padded(), before, 7, &mut out[..count]);
            let total: i32 = lengths.iter().sum();
            assert_eq!(there, Some(before + total as usize), "{tier:?}");
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
fn values_behind_the_end_are_refused() {
    let bytes = buffer(&[7; 100]);
    on_every_tier(|tier| {
        // Wherever the bad one is, in a register of lengths or behind it.
        for at in 0..40 {
            for (bad, all_fit) in
                [(61, true), (62, false), (i32::MAX, false), (-1, false), (i32::MIN, false)]
            {
                let mut lengths = [1; 40];
                lengths[at] = bad;
                let mut out = [View::default(); 40];
                let there = views(&lengths, bytes.padded(), 0, 0, &mut out);
                assert_eq!(there.is_some(), all_fit, "{tier:?} {bad} at {at}");
            }
        }
    });
}

#[test]
#[should_panic(expected = "values from 9 on in 8 bytes")]
fn values_from_behind_the_end_panic() {
    let bytes = buffer(b"8 bytes.");
    let _ = views(&[], bytes.padded(), 9, 0, &mut []);
}
