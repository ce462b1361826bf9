//! RLE_DICTIONARY data pages (`Encodings.md`, RLE_DICTIONARY = 8, PLAIN_DICTIONARY = 2).
//!
//! The body is one byte, the bit width, and then codes in the RLE / bit-packed hybrid. A code that
//! leaves this module is below the number of entries of its dictionary.

use crate::buffer::Buffer;
use crate::encoding::hybrid::HybridDecoder;
use crate::error::{DecodeError, DecodeErrorKind, Result};
use crate::kernel::{Code, max_code};

#[cfg(test)]
mod tests;

/// Checks that every code names one of `entries` entries.
///
/// # Errors
/// `CodeOutOfRange` with the first code that does not; `at_byte` is its index in `codes`.
pub fn validate_codes<C: Code>(codes: &[C], entries: u32) -> Result<()> {
    if codes.is_empty() || max_code(codes) < entries {
        return Ok(());
    }
    Err(first_out_of_range(codes, entries))
}

#[cold]
fn first_out_of_range<C: Code>(codes: &[C], entries: u32) -> DecodeError {
    let found = codes.iter().map(|code| (*code).into()).enumerate().find(|(_, c)| *c >= entries);
    let (index, code) = found.unwrap_or_default();
    DecodeError::new(DecodeErrorKind::CodeOutOfRange { code, entries }, index)
}

/// Decodes the codes of one data page.
///
/// ```
/// use millwork_codecs::{budget::Budget, buffer::Buffer, encoding::dictionary::DictionaryCodes};
/// // Width 2, four times code 1, four times code 3: one too many for three entries.
/// let body = Buffer::copy_of(&[2, 4 << 1, 1, 4 << 1, 3], &Budget::unlimited()).unwrap();
/// let mut codes = DictionaryCodes::new(body, 3, 8).unwrap();
/// let mut out = [0u8; 4];
/// codes.decode(&mut out).unwrap();
/// assert_eq!(out, [1; 4]);
/// assert!(codes.decode(&mut out).is_err());
/// ```
#[derive(Clone, Debug)]
pub struct DictionaryCodes {
    codes: HybridDecoder,
    entries: u32,
    /// Whether the bit width allows codes that name no entry.
    may_exceed: bool,
}

/// Bytes before the hybrid stream.
const WIDTH_BYTES: usize = 1;

impl DictionaryCodes {
    /// A decoder of at most `value_count` codes into a dictionary of `entries`.
    ///
    /// # Errors
    /// `Truncated` if there is no width though there are values, `Corrupt` if it is above 32.
    pub fn new(body: Buffer, entries: u32, value_count: usize) -> Result<Self> {
        let bit_width = match body.first() {
            Some(width) => u32::from(*width),
            None if value_count == 0 => 0,
            None => return Err(DecodeError::truncated(WIDTH_BYTES, 0)),
        };
        let stream = body.slice(WIDTH_BYTES.min(body.len())..body.len());
        let codes = HybridDecoder::new(stream.unwrap_or(body), bit_width, value_count)?;
        let may_exceed = 1u64 << bit_width > u64::from(entries);
        Ok(Self { codes, entries, may_exceed })
    }

    /// Bits of a code.
    #[must_use]
    pub fn bit_width(&self) -> u32 {
        self.codes.bit_width()
    }

    /// Entries of the dictionary.
    #[must_use]
    pub fn entries(&self) -> u32 {
        self.entries
    }

    /// Codes not yet decoded or skipped; the bytes may turn out to hold fewer.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.codes.remaining()
    }

    /// Fills `out` with the next codes.
    ///
    /// # Errors
    /// As [`HybridDecoder::decode`]; `CodeOutOfRange`, at the byte behind the run in which this call
    /// ended, if a code names no entry.
    pub fn decode<C: Code>(&mut self, out: &mut [C]) -> Result<()> {
        self.codes.decode(out).map_err(in_body)?;
        self.validate(out)
    }

    /// Passes over the next `count` codes without looking at them.
    ///
    /// # Errors
    /// As [`HybridDecoder::skip`].
    pub fn skip(&mut self, count: usize) -> Result<()> {
        self.codes.skip(count).map_err(in_body)
    }

    /// Passes over the next `rows` codes and writes those whose bit in `mask` is 1 to the front of
    /// `out`, in order; answers how many. Only those are checked.
    ///
    /// # Panics
    /// If `mask` holds fewer than `rows` bits or `out` is too short for those selected.
    ///
    /// # Errors
    /// As [`DictionaryCodes::decode`].
    pub fn decode_masked<C: Code>(
        &mut self,
        mask: &[u64],
        rows: usize,
        out: &mut [C],
    ) -> Result<usize> {
        let written = self.codes.decode_masked(mask, rows, out).map_err(in_body)?;
        self.validate(&out[..written])?;
        Ok(written)
    }

    fn validate<C: Code>(&self, codes: &[C]) -> Result<()> {
        if !self.may_exceed {
            return Ok(());
        }
        validate_codes(codes, self.entries)
            .map_err(|error| in_body(DecodeError::new(error.kind, self.codes.position())))
    }
}

/// An error of the hybrid stream as one of the body.
fn in_body(error: DecodeError) -> DecodeError {
    error.offset_by(WIDTH_BYTES)
}
