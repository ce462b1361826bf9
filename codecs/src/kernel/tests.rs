//! Every kernel on every tier against its plain meaning.

use std::sync::{Mutex, PoisonError};

use bytemuck::Pod;

use super::unpack::unpack;
use super::*;
use crate::budget::Budget;
use crate::buffer::{Bitmap, BitmapMut, Buffer};

/// Runs `test` once with each tier this CPU has in use, and says which it lacks.
pub(crate) fn on_every_tier(test: impl Fn(Isa)) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    for tier in [Isa::Scalar, Isa::Avx2, Isa::Avx512] {
        if force(tier) {
            assert_eq!(isa(), tier);
            test(tier);
        } else {
            eprintln!("skipped: this CPU has no {tier:?}");
        }
    }
    if let Some(best) = supported().last() {
        force(*best);
    }
}

/// A repeatable stream of bits (xorshift64*).
#[derive(Clone)]
pub(crate) struct Bits(u64);

impl Bits {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() >> 11) as usize % end
    }

    /// Words in which about one bit in `2^sparseness` is set, among words of 0 and of all ones.
    pub(crate) fn mask(&mut self, len: usize, sparseness: usize) -> Vec<u64> {
        let mut word = || match self.below(8) {
            0 => 0,
            1 => u64::MAX,
            _ => (0..sparseness).fold(u64::MAX, |word, _| word & self.next()),
        };
        (0..len.div_ceil(64)).map(|_| word()).collect()
    }
}

/// `values` packed in `width` bits each.
pub(crate) fn pack(values: &[u32], width: u32) -> Vec<u8> {
    let values: Vec<u64> = values.iter().map(|value| u64::from(*value)).collect();
    pack_wide(&values, width)
}

/// [`pack`] of up to 64 bits.
pub(crate) fn pack_wide(values: &[u64], width: u32) -> Vec<u8> {
    let mut bytes = vec![0u8; (values.len() * width as usize).div_ceil(8)];
    for (index, value) in values.iter().enumerate() {
        for bit in 0..width as usize {
            let at = index * width as usize + bit;
            bytes[at / 8] |= ((value >> bit & 1) as u8) << (at % 8);
        }
    }
    bytes
}

pub(crate) fn buffer(bytes: &[u8]) -> Buffer {
    Buffer::copy_of(bytes, &Budget::unlimited()).unwrap()
}

fn lengths() -> impl Iterator<Item = usize> {
    (0..=300).chain([511, 512, 513, 2048, 2051])
}

fn set(mask: &[u64], row: usize) -> bool {
    mask[row / 64] >> (row % 64) & 1 == 1
}

fn packed_values(width: u32, count: usize) -> Vec<u32> {
    let mut bits = Bits::new(u64::from(width) + 1);
    (0..count).map(|_| (bits.next() & ((1 << width) - 1)) as u32).collect()
}

fn unpack_all_widths<C: Code>(tier: Isa) {
    for width in 0..=C::BITS {
        let values = packed_values(width, 2200);
        let expected: Vec<C> = values.iter().map(|v| C::from_u32_truncating(*v)).collect();
        let packed = pack(&values, width);
        for len in lengths() {
            let firsts = if len % 64 < 3 { 0..70 } else { len % 9..len % 9 + 1 };
            for first in firsts {
                // The stream ends with its last value and starts anywhere in its allocation.
                let before = (len + first) % 64;
                let bytes = ((first + len) * width as usize).div_ceil(8);
                let whole = [&vec![0xa5; before], &packed[..bytes]].concat();
                let whole = buffer(&whole);
                let src = whole.padded().tail(before).unwrap();
                let mut out = vec![C::zeroed(); len + 1];
                out[len] = C::from_u32_truncating(77);
                unpack(src, width, first, &mut out[..len]);
                assert_eq!(
                    &out[..len],
                    &expected[first..first + len],
                    "{tier:?} {width} bits, {len} from {first}"
                );
                assert_eq!(out[len], C::from_u32_truncating(77), "wrote behind the output");
            }
        }
        let src = buffer(&packed);
        for index in [0, 1, 7, 8, 63, 1000, 2199] {
            assert_eq!(unpack_one(src.padded(), width, index), values[index]);
        }
    }
}

#[test]
fn unpacking_gives_the_packed_values() {
    on_every_tier(|tier| {
        unpack_all_widths::<u8>(tier);
        unpack_all_widths::<u16>(tier);
        unpack_all_widths::<u32>(tier);
    });
}

#[test]
#[should_panic(expected = "values 0+9 of 8 bits in 8 bytes")]
fn unpacking_more_than_there_is_panics() {
    unpack_u8(buffer(&[0; 8]).padded(), 8, 0, &mut [0; 9]);
}

/// The comparison as the type itself makes it, with the order of floats spelled out.
trait Plainly: Compare + PartialOrd {
    fn order(self, other: Self) -> std::cmp::Ordering {
        let is_nan = |value: Self| value.partial_cmp(&value).is_none();
        self.partial_cmp(&other).unwrap_or_else(|| is_nan(self).cmp(&is_nan(other)))
    }
}

macro_rules! plainly {
    ($($kind:ty),*) => {$(impl Plainly for $kind {})*};
}

plainly!(i8, i16, i32, i64, i128, u8, u16, u32, u64, f32, f64);

const COMPARISONS: [Comparison; 6] = [
    Comparison::Equal,
    Comparison::NotEqual,
    Comparison::Less,
    Comparison::LessOrEqual,
    Comparison::Greater,
    Comparison::GreaterOrEqual,
];

fn holds<T: Plainly>(op: Comparison, a: T, b: T) -> bool {
    let order = a.order(b);
    match op {
        Comparison::Equal => order.is_eq(),
        Comparison::NotEqual => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
    }
}

/// Compares values drawn from `special`, so that equal ones are frequent.
fn compare_all<T: Plainly>(tier: Isa, special: &[T]) {
    let mut bits = Bits::new(size_of::<T>() as u64);
    for len in lengths() {
        let mut draw =
            || -> Vec<T> { (0..len).map(|_| special[bits.below(special.len())]).collect() };
        let (a, b) = (draw(), draw());
        let scalar = special[len % special.len()];
        for op in COMPARISONS {
            let mut words = vec![u64::MAX; len.div_ceil(64) + 1];
            compare_scalar(op, &a, scalar, &mut words);
            let expected: Vec<bool> = a.iter().map(|a| holds(op, *a, scalar)).collect();
            assert_eq!(&words[..len.div_ceil(64)], Bitmap::from_bools(&expected).words());
            assert_eq!(words.last(), Some(&u64::MAX), "wrote behind the output");
            compare_values(op, &a, &b, &mut words);
            let expected: Vec<bool> = a.iter().zip(&b).map(|(a, b)| holds(op, *a, *b)).collect();
            let found = &words[..len.div_ceil(64)];
            assert_eq!(found, Bitmap::from_bools(&expected).words(), "{tier:?} {op:?} {len}");
        }
    }
}

#[test]
fn comparing_gives_one_bit_a_row() {
    on_every_tier(|tier| {
        compare_all(tier, &[i8::MIN, -1, 0, 1, i8::MAX]);
        compare_all(tier, &[i16::MIN, -1, 0, 1, 256, i16::MAX]);
        compare_all(tier, &[i32::MIN, -1, 0, 1, 65536, i32::MAX]);
        compare_all(tier, &[i64::MIN, -1, 0, 1, 1 << 32, i64::MAX]);
        compare_all(tier, &[i128::MIN, -1, 0, 1, 1 << 64, i128::MAX]);
        compare_all(tier, &[0, 1, 127, 128, u8::MAX]);
        compare_all(tier, &[0, 1, 32767, 32768, u16::MAX]);
        compare_all(tier, &[0, 1, 1 << 31, (1 << 31) - 1, u32::MAX]);
        compare_all(tier, &[0, 1, 1 << 63, (1 << 63) - 1, u64::MAX]);
        let floats = [f32::NEG_INFINITY, -1.5, -0.0, 0.0, 1e-45, 2.0, f32::INFINITY, f32::NAN];
        compare_all(tier, &floats);
        compare_all(tier, &[floats[1], -f32::NAN, f32::from_bits(0x7f80_0001), f32::MAX, f32::MIN]);
        let floats = [f64::NEG_INFINITY, -1.5, -0.0, 0.0, 5e-324, 2.0, f64::INFINITY, f64::NAN];
        compare_all(tier, &floats);
        compare_all(tier, &[floats[1], -f64::NAN, f64::MAX, f64::MIN, f64::MIN_POSITIVE]);
    });
}

#[test]
fn swapped_and_negated_comparisons_agree() {
    for op in COMPARISONS {
        for (a, b) in [(1, 2), (2, 2), (3, 2)] {
            assert_eq!(holds(op, a, b), holds(op.swapped(), b, a));
            assert_eq!(holds(op, a, b), !holds(op.negated(), a, b));
        }
    }
}

fn gather_codes<C: Code>(tier: Isa, entries: usize) {
    let mut bits = Bits::new(entries as u64);
    let entries = entries.min(C::MAX as usize + 1);
    let bytes: Vec<u64> = (0..entries * 2).map(|_| bits.next()).collect();
    for len in lengths() {
        let codes: Vec<C> =
            (0..len).map(|_| C::from_u32_truncating(bits.below(entries) as u32)).collect();
        gather_values::<u8, C>(tier, &bytes, entries, &codes);
        gather_values::<u16, C>(tier, &bytes, entries, &codes);
        gather_values::<i32, C>(tier, &bytes, entries, &codes);
        gather_values::<u64, C>(tier, &bytes, entries, &codes);
        gather_values::<u128, C>(tier, &bytes, entries, &codes);
        let mut greatest = codes.iter().map(|code| (*code).into()).max().unwrap_or(0u32);
        assert_eq!(max_code(&codes), greatest);
        greatest %= 67;
        for words in [0, 1, 2, 4, 7, 1024] {
            let set_of = bits.mask(words * 64, 1);
            let member = |code: &C| {
                set_of.get(code.index() / 64).is_some_and(|w| w >> (code.index() % 64) & 1 == 1)
            };
            let expected: Vec<bool> = codes.iter().map(member).collect();
            let mut out = vec![u64::from(greatest); len.div_ceil(64) + 1];
            membership(&codes, &set_of, &mut out);
            assert_eq!(&out[..len.div_ceil(64)], Bitmap::from_bools(&expected).words());
            assert_eq!(out.last(), Some(&u64::from(greatest)), "wrote behind the output");
        }
    }
}

fn gather_values<T: Pod + PartialEq + std::fmt::Debug, C: Code>(
    tier: Isa,
    bytes: &[u64],
    entries: usize,
    codes: &[C],
) {
    let entries: Vec<T> = bytemuck::cast_slice::<u64, u8>(bytes)
        .chunks_exact(size_of::<T>())
        .take(entries)
        .map(bytemuck::pod_read_unaligned)
        .collect();
    let mut out = vec![T::zeroed(); codes.len()];
    gather(&entries, codes, &mut out);
    let expected: Vec<T> = codes.iter().map(|code| entries[code.index()]).collect();
    assert_eq!(out, expected, "{tier:?} {} entries", entries.len());
}

#[test]
fn gathering_membership_and_maximum_follow_the_codes() {
    on_every_tier(|tier| {
        for entries in [1, 2, 16, 17, 32, 33, 64, 65, 128, 200, 256, 300, 70000] {
            gather_codes::<u8>(tier, entries);
            gather_codes::<u16>(tier, entries);
            gather_codes::<u32>(tier, entries);
        }
    });
}

#[test]
#[should_panic(expected = "code 3 of 3 entries")]
fn gathering_beyond_the_entries_panics() {
    gather(&[1, 2, 3], &[0u8, 3], &mut [0; 2]);
}

fn compress_all<T: Pod + PartialEq + std::fmt::Debug>(tier: Isa) {
    let mut bits = Bits::new(size_of::<T>() as u64 + 50);
    for len in lengths() {
        let bytes: Vec<u8> = (0..len * size_of::<T>() + 3).map(|_| bits.next() as u8).collect();
        for sparseness in [0, 1, 3, 5] {
            let mask = bits.mask(len, sparseness);
            for offset in [0, 1, 3] {
                let bytes = &bytes[offset..offset + len * size_of::<T>()];
                let values: Vec<T> =
                    bytes.chunks(size_of::<T>()).map(bytemuck::pod_read_unaligned).collect();
                let expected: Vec<T> =
                    (0..len).filter(|row| set(&mask, *row)).map(|row| values[row]).collect();
                // Once with just enough room, once with more.
                for room in [0, 100] {
                    let mut out = vec![T::zeroed(); expected.len() + room];
                    let written = compress_unaligned(bytes, &mask, len, &mut out);
                    assert_eq!(written, expected.len());
                    assert_eq!(&out[..written], expected, "{tier:?} {len} rows");
                    assert_eq!(compress(&values, &mask, &mut out), written);
                    assert_eq!(&out[..written], expected, "{tier:?} {len} rows");
                }
            }
        }
    }
}

#[test]
fn compressing_keeps_the_selected_values_in_order() {
    on_every_tier(|tier| {
        compress_all::<u8>(tier);
        compress_all::<u16>(tier);
        compress_all::<u32>(tier);
        compress_all::<u64>(tier);
        compress_all::<u128>(tier);
        compress_all::<[u8; 3]>(tier);
        compress_all::<[u32; 3]>(tier);
    });
}

#[test]
fn positions_are_the_rows_of_ones() {
    on_every_tier(|tier| {
        let mut bits = Bits::new(7);
        for rows in [0, 1, 63, 64, 65, 2047, 2048, 2049, 5000] {
            for sparseness in [0, 1, 3, 5] {
                let mask = bits.mask(rows, sparseness);
                let expected: Vec<u32> =
                    (0..rows as u32).filter(|row| set(&mask, *row as usize)).collect();
                let mut found = vec![7; expected.len()];
                assert_eq!(positions(&mask, rows, &mut found), expected.len());
                assert_eq!(found, expected, "{rows} rows, {tier:?}");
            }
        }
    });
}

#[test]
#[should_panic(expected = "2 values selected into 1")]
fn compressing_into_too_short_a_slice_panics() {
    compress(&[1, 2, 3], &[0b101], &mut [0; 1]);
}

fn expand_all<T: Pod + PartialEq + std::fmt::Debug>(tier: Isa) {
    let mut bits = Bits::new(size_of::<T>() as u64 + 60);
    for len in lengths() {
        for sparseness in [0, 1, 3, 5] {
            let mask = bits.mask(len, sparseness);
            let selected = (0..len).filter(|row| set(&mask, *row)).count();
            // Once with just the values that are wanted, once with more.
            for more in [0, 70] {
                let bytes = (selected + more) * size_of::<T>();
                let bytes: Vec<u8> = (0..bytes).map(|_| bits.next() as u8).collect();
                let values: Vec<T> =
                    bytes.chunks(size_of::<T>()).map(bytemuck::pod_read_unaligned).collect();
                let mut next = values.iter();
                let mut row = |row| match set(&mask, row) {
                    true => *next.next().unwrap(),
                    false => T::zeroed(),
                };
                let expected: Vec<T> = (0..len).map(&mut row).collect();
                let untouched: T = bytemuck::pod_read_unaligned(&vec![0xa5; size_of::<T>()]);
                let mut out = vec![untouched; len + 1];
                assert_eq!(expand(&values, &mask, &mut out[..len]), selected);
                assert_eq!(&out[..len], expected, "{tier:?} {len} rows");
                assert_eq!(out[len], untouched, "wrote behind the output");
            }
        }
    }
}

#[test]
fn expanding_puts_values_into_their_rows() {
    on_every_tier(|tier| {
        expand_all::<u8>(tier);
        expand_all::<u16>(tier);
        expand_all::<u32>(tier);
        expand_all::<u64>(tier);
        expand_all::<u128>(tier);
        expand_all::<[u8; 3]>(tier);
        expand_all::<[u32; 3]>(tier);
    });
}

#[test]
#[should_panic(expected = "2 rows for 1 values")]
fn expanding_too_few_values_panics() {
    expand(&[1], &[0b101], &mut [0; 3]);
}

#[test]
fn packed_bits_are_appended_at_any_offset() {
    let mut bits = Bits::new(3);
    let bytes: Vec<u8> = (0..1200).map(|_| bits.next() as u8).collect();
    let bit = |at: usize| bytes[at / 8] >> (at % 8) & 1 == 1;
    on_every_tier(|tier| {
        let mut bits = Bits::new(4);
        for len in lengths().chain([8000]) {
            for first in [0, 1, 7, 8, 9, 63, 64, 65, 1000] {
                let before = (len + first) % 70;
                let end = (first + len).div_ceil(8);
                let mut out = BitmapMut::with_capacity(0).unwrap();
                out.append_run(true, before).unwrap();
                append_packed_bits(&bytes[..end], first, len, &mut out).unwrap();
                let mut expected = vec![true; before];
                expected.extend((first..first + len).map(bit));
                assert_eq!(out.freeze(), Bitmap::from_bools(&expected), "{tier:?} {len} {first}");

                let mask = bits.mask(len + 70, 1);
                let mut out = BitmapMut::with_capacity(0).unwrap();
                let rows = append_selected_bits(&bytes[..end], first, &mask, before, len, &mut out);
                let kept = (0..len).filter(|row| set(&mask, before + row));
                let expected: Vec<bool> = kept.map(|row| bit(first + row)).collect();
                assert_eq!(rows, Ok(expected.len()));
                assert_eq!(out.freeze(), Bitmap::from_bools(&expected), "{tier:?} {len} {first}");
            }
        }
    });
}

#[test]
fn masks_are_combined_counted_and_listed() {
    let mut bits = Bits::new(9);
    for len in lengths() {
        let (a, b) = (bits.mask(len, 1), bits.mask(len, 2));
        let combine = |with: fn(&mut [u64], &[u64])| {
            let mut out = a.clone();
            with(&mut out, &b);
            out
        };
        let each = |with: fn(u64, u64) -> u64| -> Vec<u64> {
            a.iter().zip(&b).map(|(a, b)| with(*a, *b)).collect()
        };
        assert_eq!(combine(mask_and), each(|a, b| a & b));
        assert_eq!(combine(mask_or), each(|a, b| a | b));
        assert_eq!(combine(mask_and_not), each(|a, b| a & !b));
        let rows: Vec<u32> = (0..len as u32).filter(|row| set(&a, *row as usize)).collect();
        let mut found = vec![7];
        mask_to_indices(&a, len, &mut found);
        assert_eq!(found[1..], rows);
        for from in [0, 1, 63, 64, 65, 200] {
            for count in [0, 1, 2, 63, 64, 65, 130] {
                if from + count <= len {
                    let here = (from..from + count).filter(|row| set(&a, *row));
                    assert_eq!(bits::count_ones_in(&a, from, count), here.clone().count());
                    if count <= 64 {
                        let expected = here.fold(0, |word, row| word | 1u64 << (row - from));
                        assert_eq!(mask_bits(&a, from, count), expected);
                    }
                }
            }
        }
    }
    assert_eq!(count_ones(&[u64::MAX, 0, 3]), 66);
}
