//! The only way to take bytes from untrusted input.
//!
//! A [`Cursor`] walks a slice forwards; each `take` checks the bytes that are left and answers
//! [`DecodeError`] with the offset where they ended. It never allocates and never panics.

use crate::error::{DecodeError, Result};

/// A forward reader over untrusted bytes.
///
/// ```
/// use millwork_codecs::cursor::Cursor;
/// let mut cursor = Cursor::new(&[3, 0, 0, 0, b'a', b'b', b'c', 0x96, 0x01]);
/// let length = cursor.u32_le().unwrap() as usize;
/// assert_eq!(cursor.take(length).unwrap(), b"abc");
/// assert_eq!(cursor.uleb128().unwrap(), 150);
/// assert_eq!(cursor.u8().unwrap_err().at_byte, 9);
/// ```
#[derive(Clone, Debug)]
pub struct Cursor<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Cursor<'a> {
    /// A cursor at the first of `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// Bytes taken so far.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.position
    }

    /// Bytes not yet taken.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.bytes.len() - self.position
    }

    /// The bytes not yet taken.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.position..).unwrap_or_default()
    }

    /// Takes the next `count` bytes.
    ///
    /// # Errors
    /// `Truncated` if fewer are left.
    #[inline]
    pub fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        match self.rest().get(..count) {
            Some(taken) => {
                self.position += count;
                Ok(taken)
            }
            None => Err(DecodeError::truncated(count - self.remaining(), self.bytes.len())),
        }
    }

    /// Takes the next `N` bytes as an array.
    ///
    /// # Errors
    /// `Truncated` if fewer are left.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        match self.rest().first_chunk::<N>() {
            Some(taken) => {
                self.position += N;
                Ok(*taken)
            }
            None => Err(DecodeError::truncated(N - self.remaining(), self.bytes.len())),
        }
    }

    /// Takes one byte.
    ///
    /// # Errors
    /// `Truncated` at the end.
    #[inline]
    pub fn u8(&mut self) -> Result<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// Takes a little-endian `u32`.
    ///
    /// # Errors
    /// `Truncated` if fewer than 4 bytes are left.
    #[inline]
    pub fn u32_le(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// Takes a little-endian `u64`.
    ///
    /// # Errors
    /// `Truncated` if fewer than 8 bytes are left.
    #[inline]
    pub fn u64_le(&mut self) -> Result<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// Takes an unsigned LEB128 integer of at most 64 bits.
    ///
    /// # Errors
    /// `Truncated` if the bytes end inside it, `Corrupt` if it does not fit 64 bits.
    #[inline]
    pub fn uleb128(&mut self) -> Result<u64> {
        let start = self.position;
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            if shift == 63 && byte > 1 {
                return Err(DecodeError::corrupt("a varint of more than 64 bits", start));
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(DecodeError::corrupt("a varint of more than 10 bytes", start))
    }

    /// Takes a zigzag-coded LEB128 integer of at most 64 bits.
    ///
    /// # Errors
    /// As [`Cursor::uleb128`].
    #[inline]
    #[allow(clippy::cast_possible_wrap, reason = "zigzag is defined on the bits")]
    pub fn zigzag(&mut self) -> Result<i64> {
        let coded = self.uleb128()?;
        Ok((coded >> 1) as i64 ^ -((coded & 1) as i64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_of_every_length_round_trip() {
        for bits in 0..64 {
            for value in [1u64 << bits, (1u64 << bits) - 1, u64::MAX >> bits] {
                let mut coded = Vec::new();
                let mut left = value;
                while left >= 0x80 {
                    coded.push(left as u8 | 0x80);
                    left >>= 7;
                }
                coded.push(left as u8);
                let mut cursor = Cursor::new(&coded);
                assert_eq!(cursor.uleb128(), Ok(value));
                assert_eq!(cursor.remaining(), 0);
                for end in 0..coded.len() {
                    let error = Cursor::new(&coded[..end]).uleb128().unwrap_err();
                    assert_eq!(error, DecodeError::truncated(1, end));
                }
            }
        }
    }

    #[test]
    fn a_varint_beyond_64_bits_is_corrupt() {
        let mut bytes = [0xff; 11];
        bytes[10] = 0;
        assert!(matches!(
            Cursor::new(&bytes).uleb128().unwrap_err().kind,
            crate::DecodeErrorKind::Corrupt(_)
        ));
    }

    #[test]
    fn zigzag_covers_both_signs() {
        assert_eq!(Cursor::new(&[0]).zigzag(), Ok(0));
        assert_eq!(Cursor::new(&[1]).zigzag(), Ok(-1));
        assert_eq!(Cursor::new(&[2]).zigzag(), Ok(1));
        let smallest = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
        assert_eq!(Cursor::new(&smallest).zigzag(), Ok(i64::MIN));
    }
}
