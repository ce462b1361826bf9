//! The values a mask selects, moved together.

#[cfg(target_arch = "x86_64")]
mod avx512;

use bytemuck::Pod;

use super::bits::count_ones_in;
#[cfg(target_arch = "x86_64")]
use super::{Isa, isa};

/// Writes the values whose bit in `mask` is 1 to the front of `out`, in order, and answers how many
/// those are. Bits behind the last value are ignored; what lies behind the written values in `out`
/// is left as it is or overwritten with anything.
///
/// # Panics
/// If `mask` has fewer bits than there are values or `out` is too short for those selected.
pub fn compress<T: Pod>(values: &[T], mask: &[u64], out: &mut [T]) -> usize {
    compress_unaligned(bytemuck::cast_slice(values), mask, values.len(), out)
}

/// [`compress`] of the `rows` values whose bytes stand, at any alignment, at the start of `bytes`.
///
/// # Panics
/// If `bytes` or `mask` holds fewer than `rows` values or `out` is too short for those selected.
pub fn compress_unaligned<T: Pod>(bytes: &[u8], mask: &[u64], rows: usize, out: &mut [T]) -> usize {
    let bytes = &bytes[..rows * size_of::<T>()];
    let mask = &mask[..rows.div_ceil(64)];
    let selected = count_ones_in(mask, 0, rows);
    assert!(selected <= out.len(), "{selected} values selected into {}", out.len());
    #[cfg(target_arch = "x86_64")]
    if isa() == Isa::Avx512 && avx512::has_width(size_of::<T>()) {
        // SAFETY: `isa` names this tier only if the CPU has its features.
        unsafe { avx512::compress(bytes, mask, rows, out) };
        return selected;
    }
    compress_scalar(bytes, mask, rows, out);
    selected
}

/// Rows 0 to 2047.
static ROWS: [u32; 2048] = {
    let mut rows = [0; 2048];
    let mut row = 0;
    while row < rows.len() {
        rows[row] = row as u32;
        row += 1;
    }
    rows
};

/// Writes the rows, out of `rows`, whose bit in `mask` is 1 to the front of `out`, ascending, and answers how
/// many those are. What lies behind them is left as it is or overwritten with anything.
///
/// # Panics
/// If `mask` has fewer bits than there are rows or `out` is too short for those selected.
///
/// ```
/// use millwork_codecs::kernel::positions;
/// let mut out = [0; 3];
/// assert_eq!(positions(&[0b1101], 4, &mut out), 3);
/// assert_eq!(out, [0, 2, 3]);
/// ```
pub fn positions(mask: &[u64], rows: usize, out: &mut [u32]) -> usize {
    let mut written = 0;
    for start in (0..rows).step_by(ROWS.len()) {
        let here = ROWS.len().min(rows - start);
        let found = compress(&ROWS[..here], &mask[start / 64..], &mut out[written..]);
        if start > 0 {
            out[written..written + found].iter_mut().for_each(|row| *row += start as u32);
        }
        written += found;
    }
    written
}

/// The slices are as long as they have to be.
fn compress_scalar<T: Pod>(bytes: &[u8], mask: &[u64], rows: usize, out: &mut [T]) {
    let width = size_of::<T>();
    let mut written = 0;
    for (index, word) in mask.iter().enumerate() {
        let start = index * 64;
        let here = (rows - start).min(64);
        let bytes = &bytes[start * width..(start + here) * width];
        let mut left = word & (u64::MAX >> (64 - here));
        if left == u64::MAX {
            bytemuck::cast_slice_mut(&mut out[written..written + 64]).copy_from_slice(bytes);
            written += 64;
            continue;
        }
        while left != 0 {
            let row = left.trailing_zeros() as usize;
            out[written] = bytemuck::pod_read_unaligned(&bytes[row * width..(row + 1) * width]);
            written += 1;
            left &= left - 1;
        }
    }
}
