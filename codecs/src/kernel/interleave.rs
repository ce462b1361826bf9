//! Streams of bytes to values: byte `j` of every value comes from stream `j`.
//!
//! Bytes moved: each once. Widths of 2, 4 and 8 bytes have an AVX2 form, which reads 32 bytes of each
//! stream at a time; more makes no difference, as memory is the limit. Other widths are put together
//! from groups of eight, four and one stream.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(test)]
mod tests;

#[cfg(target_arch = "x86_64")]
use super::{Isa, isa};

/// Values of one piece where a value is put together from groups of streams.
const PIECE: usize = 256;

/// Fills `out` with the values from number `first` on, of `width` bytes each, of which `streams` holds
/// all first bytes, then all second bytes, and so on: `streams.len() / width` of each.
///
/// # Panics
/// If the width is 0, `out` is not a whole number of values or the streams end first.
pub fn interleave(streams: &[u8], width: usize, first: usize, out: &mut [u8]) {
    let (stride, count) = (streams.len() / width, out.len() / width);
    assert!(out.len().is_multiple_of(width), "not a whole number of values");
    let enough = first.checked_add(count).is_some_and(|end| end <= stride);
    assert!(enough, "values {first}+{count} of streams of {stride}");
    if count == 0 {
        return;
    }
    let from = |stream: usize| &streams[stream * stride + first..][..count];
    match width {
        1 => out.copy_from_slice(from(0)),
        2 => join::<2>(std::array::from_fn(from), out.as_chunks_mut().0),
        4 => join::<4>(std::array::from_fn(from), out.as_chunks_mut().0),
        8 => join::<8>(std::array::from_fn(from), out.as_chunks_mut().0),
        _ => {
            for (piece, out) in out.chunks_mut(PIECE * width).enumerate() {
                let (start, count) = (piece * PIECE, out.len() / width);
                in_groups(width, |stream| &from(stream)[start..start + count], out);
            }
        }
    }
}

/// At most [`PIECE`] values of any width, of which `from` gives the streams.
fn in_groups<'a>(width: usize, from: impl Fn(usize) -> &'a [u8], out: &mut [u8]) {
    let mut done = 0;
    while width - done >= 8 {
        group::<8>(std::array::from_fn(|stream| from(done + stream)), done, width, out);
        done += 8;
    }
    if width - done >= 4 {
        group::<4>(std::array::from_fn(|stream| from(done + stream)), done, width, out);
        done += 4;
    }
    for stream in done..width {
        for (value, byte) in out.chunks_exact_mut(width).zip(from(stream)) {
            value[stream] = *byte;
        }
    }
}

/// Writes bytes `at..at + N` of each value.
fn group<const N: usize>(streams: [&[u8]; N], at: usize, width: usize, out: &mut [u8]) {
    let mut joined = [[0; N]; PIECE];
    let joined = &mut joined[..out.len() / width];
    join(streams, joined);
    for (value, bytes) in out.chunks_exact_mut(width).zip(joined) {
        value[at..at + N].copy_from_slice(bytes);
    }
}

/// The streams are as long as `out`.
fn join<const N: usize>(streams: [&[u8]; N], out: &mut [[u8; N]]) {
    #[cfg(target_arch = "x86_64")]
    if isa() >= Isa::Avx2 {
        // SAFETY: `isa` names this tier only if the CPU has its features.
        return unsafe { avx2::join(streams, out) };
    }
    join_scalar(streams, 0, out);
}

/// Of streams from byte `from` on.
#[inline(always)]
fn join_scalar<const N: usize>(streams: [&[u8]; N], from: usize, out: &mut [[u8; N]]) {
    let streams = streams.map(|stream| &stream[from..from + out.len()]);
    for (index, value) in out.iter_mut().enumerate() {
        *value = std::array::from_fn(|stream| streams[stream][index]);
    }
}
