//! Running sums of every width, length and alignment, on every tier.

use super::*;
use crate::kernel::tests::{Bits, buffer, on_every_tier, pack_wide};

fn check<T: DeltaInteger>(tier: Isa, width: u32) {
    let mut bits = Bits::new(u64::from(width) + 3);
    let surpluses: Vec<u64> =
        (0..700).map(|_| bits.next() & u64::MAX.checked_shr(64 - width).unwrap_or(0)).collect();
    let packed = pack_wide(&surpluses, width);
    let smallest = bits.next();
    for len in (0..=70).chain([127, 128, 129, 300, 512]) {
        let firsts = if len % 32 < 2 { 0..33 } else { len % 9..len % 9 + 1 };
        for first in firsts {
            // The stream ends with its last delta and starts anywhere in its allocation.
            let before = (len + first) % 64;
            let bytes = ((first + len) * width as usize).div_ceil(8);
            let whole = buffer(&[&vec![0xa5; before], &packed[..bytes]].concat());
            let packed = whole.padded().tail(before).unwrap();
            let deltas = Deltas { packed, bit_width: width, first, smallest };
            let start = T::from_u64_truncating(bits.next());
            let mut value = start.to_u64();
            let expected: Vec<T> = surpluses[first..first + len]
                .iter()
                .map(|surplus| {
                    value = value.wrapping_add(smallest).wrapping_add(*surplus);
                    T::from_u64_truncating(value)
                })
                .collect();
            let untouched = T::from_u64_truncating(77);
            let mut out = vec![untouched; len + 1];
            add_deltas(deltas, start, &mut out[..len]);
            assert_eq!(&out[..len], expected, "{tier:?} {width} bits, {len} from {first}");
            assert_eq!(out[len], untouched, "wrote behind the output");
            let sum = sum_deltas(deltas, len);
            assert_eq!(sum, value.wrapping_sub(start.to_u64()), "{tier:?} {width} bits, {len}");
        }
    }
}

#[test]
fn deltas_of_every_width_add_up() {
    on_every_tier(|tier| {
        for width in 0..=64 {
            check::<i32>(tier, width);
            check::<i64>(tier, width);
        }
    });
}

#[test]
#[should_panic(expected = "deltas 1+8 of 8 bits in 8 bytes")]
fn more_deltas_than_there_are_panic() {
    let bytes = buffer(&[0; 8]);
    let deltas = Deltas { packed: bytes.padded(), bit_width: 8, first: 1, smallest: 0 };
    add_deltas(deltas, 0i64, &mut [0; 8]);
}
