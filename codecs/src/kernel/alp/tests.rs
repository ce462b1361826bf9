//! Floats of integers of every width, length and alignment, on every tier.

use super::*;
use crate::kernel::tests::{Bits, buffer, on_every_tier, pack_wide};

fn check<T: AlpFloat>(tier: Isa, width: u32) {
    let mut bits = Bits::new(u64::from(width) + 5);
    let low = u64::MAX.checked_shr(64 - width).unwrap_or(0);
    let integers: Vec<u64> = (0..400).map(|_| bits.next() & low).collect();
    let packed = pack_wide(&integers, width);
    let frame = bits.next();
    for len in (0..=40).chain([127, 128, 129, 300]) {
        for first in [0, 1, 7, 8, 9, 63] {
            let before = (len + first) % 64;
            let bytes = ((first + len) * width as usize).div_ceil(8);
            let whole = buffer(&[&vec![0xa5; before], &packed[..bytes]].concat());
            let packed = whole.padded().tail(before).unwrap();
            let (factor, exponent) = (T::POWERS[len % 8], T::INVERSE_POWERS[(len + first) % 11]);
            let scaled = Scaled { packed, bit_width: width, first, frame, factor, exponent };
            let expected: Vec<T> = integers[first..first + len]
                .iter()
                .map(|integer| T::scaled(integer.wrapping_add(frame), factor, exponent))
                .collect();
            let mut out = vec![T::POWERS[7]; len + 1];
            scale_packed(scaled, &mut out[..len]);
            let bytes = |floats: &[T]| bytemuck::cast_slice::<T, u8>(floats).to_vec();
            assert_eq!(bytes(&out[..len]), bytes(&expected), "{tier:?} {width} bits, {len}");
            assert_eq!(out[len], T::POWERS[7], "wrote behind the output");
        }
    }
}

#[test]
fn integers_of_every_width_become_floats() {
    on_every_tier(|tier| {
        (0..=32).for_each(|width| check::<f32>(tier, width));
        (0..=64).for_each(|width| check::<f64>(tier, width));
    });
}

#[test]
#[should_panic(expected = "33 bits do not fit 32 bits")]
fn integers_wider_than_the_float_panic() {
    let bytes = buffer(&[0; 80]);
    let (factor, exponent) = (1f32, 1f32);
    let packed = bytes.padded();
    scale_packed(Scaled { packed, bit_width: 33, first: 0, frame: 0, factor, exponent }, &mut []);
}
