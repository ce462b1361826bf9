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
/// first starts at byte `offset` of `bytes`.
///
/// # Panics
/// If there are not as many lengths as views, the bytes end before the values, or there are 4 GiB of
/// them.
pub fn views(
    lengths: &[u32],
    bytes: Padded<'_>,
    offset: usize,
    buffer_index: u32,
    out: &mut [View],
) {
    assert_eq!(lengths.len(), out.len(), "a view for each length");
    // Each is below 2^32: there are not enough of them to overflow.
    let total: u64 = lengths.iter().map(|length| u64::from(*length)).sum();
    let end = (offset as u64).checked_add(total);
    assert!(
        end.is_some_and(|end| end <= bytes.len() as u64 && end <= u64::from(u32::MAX)),
        "values of {total} bytes from {offset} on in {} bytes",
        bytes.len()
    );
    let bytes = bytes.with_padding();
    let place = (offset, buffer_index);
    #[cfg(target_arch = "x86_64")]
    if isa() == Isa::Avx512 {
        // SAFETY: `isa` names this tier only if the CPU has its features.
        return unsafe { avx512::views(lengths, bytes, place, out) };
    }
    views_scalar(lengths, bytes, place, out);
}

/// The values of these lengths and 16 bytes more are in `bytes`.
#[inline(always)]
fn views_scalar(
    lengths: &[u32],
    bytes: &[u8],
    (mut offset, buffer_index): (usize, u32),
    out: &mut [View],
) {
    for (view, length) in out.iter_mut().zip(lengths) {
        *view = View::of(*length, &bytes[offset..], buffer_index, offset as u32);
        offset += *length as usize;
    }
}
