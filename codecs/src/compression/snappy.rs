//! Raw Snappy: one body into one page.
//!
//! In: a body and a target as long as the page promises. Out: the target filled.
//!
//! Invariant: on success every byte of the target came from an element. `snap` is the oracle of the
//! tests.
//!
//! A body is a sequence of literals and of copies of what was written before. Short ones far from both
//! ends, which are nearly all, go through [`kernel::copy`](crate::kernel::copy); the rest one by one.

use crate::cursor::Cursor;
use crate::error::{DecodeError, Result};
use crate::kernel::copy::snappy_elements;

/// The length that a body promises, and where its elements start.
pub(super) fn promise(source: &[u8]) -> Result<(usize, usize)> {
    let mut cursor = Cursor::new(source);
    let length = cursor.uleb128()?;
    match u32::try_from(length) {
        Ok(length) => Ok((length as usize, cursor.position())),
        Err(_) => Err(DecodeError::corrupt("a Snappy body of more than 4 GiB", 0)),
    }
}

/// Decodes the elements of `source`, from byte `start` on, into the whole of `target`.
pub(super) fn elements(source: &[u8], start: usize, target: &mut [u8]) -> Result<()> {
    let (mut read, mut made) = (start, 0);
    while read < source.len() {
        (read, made) = snappy_elements(source, read, target, made);
        if read < source.len() {
            (read, made) = one(source, read, target, made)?;
        }
    }
    if made == target.len() { Ok(()) } else { Err(super::wrong_length(made, target.len())) }
}

/// Decodes the element at `read`, whatever it is.
#[inline(never)]
fn one(source: &[u8], read: usize, target: &mut [u8], made: usize) -> Result<(usize, usize)> {
    let mut cursor = Cursor::new(source.get(read..).unwrap_or_default());
    let located = |error: DecodeError| error.offset_by(read);
    let tag = cursor.u8().map_err(located)? as usize;
    let too_long = || DecodeError::corrupt("a Snappy element beyond the end of the page", read);
    if tag & 3 == 0 {
        let length = literal_length(&mut cursor, tag >> 2).map_err(located)?;
        let bytes = cursor.take(length).map_err(located)?;
        let room = made.checked_add(length).and_then(|end| target.get_mut(made..end));
        room.ok_or_else(too_long)?.copy_from_slice(bytes);
        return Ok((read + cursor.position(), made + length));
    }
    let length = if tag & 3 == 1 { (tag >> 2 & 7) + 4 } else { (tag >> 2) + 1 };
    let offset = match tag & 3 {
        1 => (tag >> 5) << 8 | cursor.u8().map_err(located)? as usize,
        2 => cursor.array().map(u16::from_le_bytes).map_err(located)? as usize,
        _ => cursor.u32_le().map_err(located)? as usize,
    };
    if offset == 0 || offset > made {
        return Err(DecodeError::corrupt("a Snappy copy from before the page", read));
    }
    if length > target.len() - made {
        return Err(too_long());
    }
    repeat(target, made, offset, length);
    Ok((read + cursor.position(), made + length))
}

/// The length of a literal: in the tag, or in one to four bytes behind it.
fn literal_length(cursor: &mut Cursor<'_>, upper: usize) -> Result<usize> {
    let Some(bytes) = upper.checked_sub(59).filter(|&bytes| bytes > 0) else {
        return Ok(upper + 1);
    };
    let mut length = [0; 4];
    for (to, &from) in length.iter_mut().zip(cursor.take(bytes)?) {
        *to = from;
    }
    Ok(u32::from_le_bytes(length) as usize + 1)
}

/// Copies `length` bytes from `offset` bytes before `made`; what is copied may itself be copied.
fn repeat(target: &mut [u8], made: usize, offset: usize, length: usize) {
    let (mut done, mut stride) = (0, offset);
    while done < length {
        let piece = stride.min(length - done);
        target.copy_within(made + done - stride..made + done - stride + piece, made + done);
        done += piece;
        stride *= 2;
    }
}

#[cfg(test)]
mod tests;
