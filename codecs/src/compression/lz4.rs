//! LZ4 bodies: the raw block of LZ4_RAW, and the three things that the codec LZ4 has meant.
//!
//! In: the body. Out: the bytes it holds.
//!
//! Invariant: the checked block decoder writes only what it decodes, in order, into the target.

use std::io::Read;

use crate::cursor::Cursor;
use crate::error::{DecodeError, Result};

/// Decodes one raw block; gives the bytes produced, at most one more than `target` has room for.
pub(super) fn block(source: &[u8], target: &mut [u8]) -> Result<usize> {
    use lz4_flex::block::DecompressError as E;
    match lz4_flex::block::decompress_into(source, target) {
        Ok(size) => Ok(size),
        Err(E::OutputTooSmall { .. }) => Ok(target.len().saturating_add(1)),
        Err(E::ExpectedAnotherByte) => Err(DecodeError::truncated(1, source.len())),
        Err(_) => Err(DecodeError::corrupt("not an LZ4 block", 0)),
    }
}

/// Decodes a body of the deprecated codec: Hadoop's frames if it is made of them, else a raw block
/// (old parquet-cpp), else an LZ4 frame.
pub(super) fn deprecated(source: &[u8], target: &mut [u8]) -> Result<usize> {
    if let Ok(size) = hadoop_frames(source, target)
        && size == target.len()
    {
        return Ok(size);
    }
    let as_block = block(source, target);
    if as_block == Ok(target.len()) {
        return as_block;
    }
    match frame(source, target) {
        Some(size) => Ok(size),
        None => as_block,
    }
}

/// Frames of Hadoop: the uncompressed size, then blocks with their compressed sizes until it is
/// reached; all sizes 4 bytes, big-endian.
fn hadoop_frames(source: &[u8], target: &mut [u8]) -> Result<usize> {
    let mut cursor = Cursor::new(source);
    let mut made = 0;
    while cursor.remaining() > 0 {
        let promised = u32::from_be_bytes(cursor.array()?) as usize;
        let room = target.len() - made;
        if promised > room {
            return Err(DecodeError::corrupt("an LZ4 frame beyond the page", cursor.position()));
        }
        let end = made + promised;
        loop {
            let start = cursor.position();
            let length = u32::from_be_bytes(cursor.array()?) as usize;
            let body = cursor.take(length)?;
            let piece = target.get_mut(made..end).unwrap_or_default();
            let size = block(body, piece)?;
            if size > end - made || (size == 0 && made < end) {
                return Err(DecodeError::corrupt("an LZ4 block of a wrong size", start));
            }
            made += size;
            if made == end {
                break;
            }
        }
    }
    Ok(made)
}

/// An LZ4 frame; `None` if it is not one.
fn frame(source: &[u8], target: &mut [u8]) -> Option<usize> {
    if source.first_chunk::<4>() != Some(&0x184d_2204_u32.to_le_bytes()) {
        return None;
    }
    let mut reader = lz4_flex::frame::FrameDecoder::new(source);
    let mut made = 0;
    while let Some(room) = target.get_mut(made..).filter(|room| !room.is_empty()) {
        match reader.read(room).ok()? {
            0 => return Some(made),
            size => made += size,
        }
    }
    let more = reader.read(&mut [0; 1]).ok()?;
    Some(made + more)
}
