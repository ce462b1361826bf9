//! Maps, extremes and blends over slices, compiled once for each tier of instructions.
//!
//! In: slices of equal length and a function of one row. Out: the slice to fill. The plain loop is
//! the meaning; the tiers are the same source under other `target_feature`s, so that the compiler
//! vectorises it with what the CPU has. Invariant: a tier runs only if
//! [`isa`] names it.

use bytemuck::Pod;
#[cfg(target_arch = "x86_64")]
use millwork_codecs::kernel::{Isa, isa};

/// Defines a public function whose body is compiled for each tier.
macro_rules! tiered {
    (
        $(#[$doc:meta])*
        $name:ident [$($generics:tt)*] ($($arg:ident: $type:ty),*) -> $result:ty $body:block
    ) => {
        $(#[$doc])*
        pub fn $name<$($generics)*>($($arg: $type),*) -> $result {
            #[inline(always)]
            fn plain<$($generics)*>($($arg: $type),*) -> $result $body

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
            fn avx2<$($generics)*>($($arg: $type),*) -> $result {
                plain($($arg),*)
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512vl,bmi1,bmi2,lzcnt,popcnt")]
            fn avx512<$($generics)*>($($arg: $type),*) -> $result {
                plain($($arg),*)
            }

            #[cfg(target_arch = "x86_64")]
            match isa() {
                // SAFETY: `isa` names this tier only if the CPU has its features.
                Isa::Avx512 => return unsafe { avx512($($arg),*) },
                // SAFETY: as above.
                Isa::Avx2 => return unsafe { avx2($($arg),*) },
                Isa::Scalar => {}
            }
            plain($($arg),*)
        }
    };
}

tiered! {
    /// `out[i] = f(a[i])`, up to the shorter of both.
    map[T: Pod, R: Pod, F: Fn(T) -> R + Copy](a: &[T], out: &mut [R], f: F) -> () {
        for (slot, a) in out.iter_mut().zip(a) {
            *slot = f(*a);
        }
    }
}

tiered! {
    /// `out[i] = f(a[i], b[i])`, up to the shortest of the three.
    map2[T: Pod, U: Pod, R: Pod, F: Fn(T, U) -> R + Copy](
        a: &[T], b: &[U], out: &mut [R], f: F
    ) -> () {
        for ((slot, a), b) in out.iter_mut().zip(a).zip(b) {
            *slot = f(*a, *b);
        }
    }
}

tiered! {
    /// The least and the greatest value; `None` if there are none.
    extremes[T: Pod + Ord](values: &[T]) -> Option<(T, T)> {
        let first = *values.first()?;
        let (mut least, mut greatest) = (first, first);
        for value in values {
            least = least.min(*value);
            greatest = greatest.max(*value);
        }
        Some((least, greatest))
    }
}

tiered! {
    /// `out[i]` is `yes(i)` where bit `i` of `mask` is 1, else `no(i)`.
    blend[T: Pod, Y: Fn(usize) -> T + Copy, N: Fn(usize) -> T + Copy](
        mask: &[u64], yes: Y, no: N, out: &mut [T]
    ) -> () {
        for (index, (slots, word)) in out.chunks_mut(64).zip(mask).enumerate() {
            let base = index * 64;
            match *word {
                0 => slots.iter_mut().enumerate().for_each(|(bit, slot)| *slot = no(base + bit)),
                u64::MAX => {
                    slots.iter_mut().enumerate().for_each(|(bit, slot)| *slot = yes(base + bit));
                }
                word => {
                    for (bit, slot) in slots.iter_mut().enumerate() {
                        let (yes, no) = (yes(base + bit), no(base + bit));
                        *slot = if word >> bit & 1 == 1 { yes } else { no };
                    }
                }
            }
        }
    }
}

tiered! {
    /// Bit `i` of `out` is `test(i)` for rows below `len`; bits behind them are 0.
    test_rows[F: Fn(usize) -> bool + Copy](len: usize, out: &mut [u64], test: F) -> () {
        for (index, word) in out[..len.div_ceil(64)].iter_mut().enumerate() {
            let base = index * 64;
            let mut bits = 0;
            for bit in 0..(len - base).min(64) {
                bits |= u64::from(test(base + bit)) << bit;
            }
            *word = bits;
        }
    }
}

#[cfg(test)]
mod tests {
    use millwork_codecs::kernel::{force, supported};

    use super::*;

    #[test]
    fn every_tier_gives_what_the_plain_loop_gives() {
        for len in [0usize, 1, 7, 63, 64, 65, 130, 200] {
            let a: Vec<i64> = (0..len as i64).map(|x| x * 7919 % 101 - 50).collect();
            let b: Vec<i64> = (0..len as i64).map(|x| x * 104_729 % 89 - 40).collect();
            let mask: Vec<u64> =
                [0, u64::MAX, 0xdead_beef_0123_4567, 1].into_iter().cycle().take(5).collect();
            for tier in supported() {
                assert!(force(tier));
                let mut out = vec![0i64; len];
                map(&a, &mut out, |x| x * 3);
                assert!(out.iter().zip(&a).all(|(o, a)| *o == a * 3));
                map2(&a, &b, &mut out, |x, y| x * y);
                assert!((0..len).all(|row| out[row] == a[row] * b[row]));
                blend(&mask, |row| a[row], |row| b[row], &mut out);
                for row in 0..len {
                    let taken = mask[row / 64] >> (row % 64) & 1 == 1;
                    assert_eq!(out[row], if taken { a[row] } else { b[row] });
                }
                let least_and_greatest = a.iter().min().copied().zip(a.iter().max().copied());
                assert_eq!(extremes(&a), least_and_greatest);
                let mut bits = vec![u64::MAX; len.div_ceil(64)];
                test_rows(len, &mut bits, |row| a[row] < b[row]);
                for row in 0..len.div_ceil(64) * 64 {
                    let expected = row < len && a[row] < b[row];
                    assert_eq!(bits[row / 64] >> (row % 64) & 1 == 1, expected);
                }
            }
        }
        if let Some(best) = supported().last() {
            force(*best);
        }
    }
}
