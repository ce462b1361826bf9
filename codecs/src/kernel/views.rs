//! Lengths to views: of byte arrays that lie one behind the other, as DELTA_LENGTH_BYTE_ARRAY has them.
//!
//! Bytes moved: the first 12 or 4 of each value and its 16 of view. The plain form takes one value after
//! the other; AVX-512 adds up sixteen lengths at a time and makes four views in a register, so that only
//! the reading of the values is left to wait for.

#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(test)]
mod tests;

#[cfg(target_arch = "x86_64")]
use super::{Isa, isa};
use crate::buffer::{Padded, View};

/// Fills `out` with views of buffer `buffer_index`: of values as long as `lengths` says, of which the
/// first starts at byte `offset` of `bytes`. Answers where the last ends; nothing, and `out` holds anything,
/// if a length is negative or the bytes end first.
///
/// # Panics
/// If there are not as many lengths as views, `offset` lies behind the bytes, or they are 4 GiB.
#[must_use]
pub fn views(
    lengths: &[i32],
    bytes: Padded<'_>,
    offset: usize,
    buffer_index: u32,
    out: &mut [View],
) -> Option<usize> {
    assert_eq!(lengths.len(), out.len(), "a view for each length");
    assert!(
        offset <= bytes.len() && u32::try_from(bytes.len()).is_ok(),
        "values from {offset} on in {} bytes",
        bytes.len()
    );
    let lengths: &[u32] = bytemuck::cast_slice(lengths);
    let bytes = (bytes.with_padding(), bytes.len());
    let place = (offset, buffer_index);
    #[cfg(target_arch = "x86_64")]
    if isa() == Isa::Avx512 {
        // SAFETY: `isa` names this tier only if the CPU has its features.
        return unsafe { avx512::views(lengths, bytes, place, out) };
    }
    views_scalar(lengths, bytes, place, out)
}

/// As [`views`] of the bytes up to `end`; in `bytes` there are 16 more.
#[inline(always)]
fn views_scalar(
    lengths: &[u32],
    (bytes, end): (&[u8], usize),
    (mut offset, buffer_index): (usize, u32),
    out: &mut [View],
) -> Option<usize> {
    // As unsigned numbers negative lengths are at least 2^31, but so may others be together.
    let all = lengths.iter().fold(0, |all, length| all | length);
    // Each is below 2^32: there are not enough of them to overflow.
    let total: u64 = lengths.iter().map(|length| u64::from(*length)).sum();
    if all > i32::MAX.cast_unsigned() || total > (end - offset) as u64 {
        return None;
    }
    for (view, length) in out.iter_mut().zip(lengths) {
        *view = View::of(*length, &bytes[offset..], buffer_index, offset as u32);
        offset += *length as usize;
    }
    Some(offset)
}
