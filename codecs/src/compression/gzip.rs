//! Gzip bodies of one or several members.
//!
//! In: the body. Out: the bytes of all members, one after the other.
//!
//! Invariant: every member is written behind the last one; its checksum has been verified.
//!
//! The one-shot inflater does not say how many bytes a member took. A member ends with the CRC-32 and
//! the length of what it holds, both known once it is inflated: the next member starts behind the
//! first place where those eight bytes stand before a gzip magic.

use libdeflater::DecompressionError;

use crate::error::{DecodeError, Result};

/// ID1, ID2 and the only compression method there is.
const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];

/// Header and trailer of the smallest member: 10 + 2 + 8 bytes.
const SMALLEST_MEMBER_BYTES: usize = 20;

/// Inflates the members of `source` into `target`; gives the bytes produced, at most one more than
/// `target` has room for.
pub(super) fn members(
    inflater: &mut libdeflater::Decompressor,
    source: &[u8],
    target: &mut [u8],
) -> Result<usize> {
    let expected = target.len();
    let (mut taken, mut made) = (0, 0);
    loop {
        let member = source.get(taken..).unwrap_or_default();
        let room = target.get_mut(made..).unwrap_or_default();
        let size = match inflater.gzip_decompress(member, room) {
            Ok(size) => size,
            Err(DecompressionError::InsufficientSpace) => return Ok(expected + 1),
            Err(DecompressionError::BadData) => {
                return Err(DecodeError::corrupt("not a gzip body", taken));
            }
        };
        let inflated = room.get(..size).unwrap_or_default();
        if made + size == expected && ends_with_length(member, size) {
            return Ok(made + size);
        }
        match next_member(member, inflated) {
            // Those eight bytes may stand in a header, too, and then the member goes on behind them:
            // members in the headers of members would take the square of the body's length.
            Some(length)
                if !is_whole(inflater, &member[..length], &mut target[made..made + size]) =>
            {
                return Err(DecodeError::corrupt("gzip members that overlap", taken));
            }
            Some(length) => taken += length,
            None => return Ok(made + size),
        }
        made += size;
    }
}

/// Whether `member` is a member and nothing else, which gives as many bytes as `room` has.
fn is_whole(inflater: &mut libdeflater::Decompressor, member: &[u8], room: &mut [u8]) -> bool {
    inflater.gzip_decompress(member, room) == Ok(room.len())
}

/// Whether the last word of the body is the length of this member: then it is taken for the last one,
/// and nothing has to be searched. Wrong only where a full page is followed by one of the same size.
fn ends_with_length(member: &[u8], size: usize) -> bool {
    member.last_chunk::<4>().is_some_and(|word| u32::from_le_bytes(*word) == size as u32)
}

/// Where, after the first member of `source`, which holds `inflated`, the next one starts.
fn next_member(source: &[u8], inflated: &[u8]) -> Option<usize> {
    let mut mark = [0; 11];
    mark[..4].copy_from_slice(&libdeflater::crc32(inflated).to_le_bytes());
    mark[4..8].copy_from_slice(&(inflated.len() as u32).to_le_bytes());
    mark[8..].copy_from_slice(&MAGIC);
    let first = SMALLEST_MEMBER_BYTES - 8;
    let found = source.get(first..)?.windows(mark.len()).position(|window| window == mark)?;
    Some(first + found + 8)
}
