//! Values spread over the rows a mask names: the opposite of [`compress`](mod@super::compress).

#[cfg(target_arch = "x86_64")]
mod avx512;

use bytemuck::Pod;

use super::bits::count_ones_in;
#[cfg(target_arch = "x86_64")]
use super::{Isa, isa};

/// Writes the next of `values` to each row of `out` whose bit in `mask` is 1, and zeros to the others.
/// Bits behind the last row are ignored. Answers how many values that took.
///
/// # Panics
/// If `mask` has fewer bits than there are rows or there are fewer values than its bits ask for.
pub fn expand<T: Pod>(values: &[T], mask: &[u64], out: &mut [T]) -> usize {
    let mask = &mask[..out.len().div_ceil(64)];
    let selected = count_ones_in(mask, 0, out.len());
    assert!(selected <= values.len(), "{selected} rows for {} values", values.len());
    let values = &values[..selected];
    #[cfg(target_arch = "x86_64")]
    if isa() == Isa::Avx512 && avx512::has_width(size_of::<T>()) {
        // SAFETY: `isa` names this tier only if the CPU has its features.
        unsafe { avx512::expand(values, mask, out) };
        return selected;
    }
    expand_scalar(values, mask, out);
    selected
}

/// There are as many values as bits are set.
fn expand_scalar<T: Pod>(values: &[T], mask: &[u64], out: &mut [T]) {
    let mut left = values;
    for (out, word) in out.chunks_mut(64).zip(mask) {
        let mut rows = word & (u64::MAX >> (64 - out.len()));
        let (now, later) = left.split_at(rows.count_ones() as usize);
        left = later;
        if now.len() == out.len() {
            out.copy_from_slice(now);
            continue;
        }
        out.fill(T::zeroed());
        for value in now {
            out[rows.trailing_zeros() as usize] = *value;
            rows &= rows - 1;
        }
    }
}
