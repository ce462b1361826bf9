//! Checksums, claims and decompression.

use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::{Buffer, BufferMut};
use millwork_codecs::compression::{Codec, Decompressor, check_claim};
use millwork_codecs::{DecodeError, DecodeErrorKind};

use crate::error::{Error, Feature, Place, Result};
use crate::limits::Limits;
use crate::metadata::{Compression, PageHeader, PageKind};

/// Bytes that any page is given at once.
const BELIEVED_BYTES: usize = 1 << 20;

/// Up to this ratio the body itself bears the claim out.
const BELIEVED_RATIO: usize = 16;

/// A page that claims more is given this many times the room, each time that it has filled it.
/// Decompressing all of it anew costs a third more.
const GROWTH: usize = 4;

fn wrong_length(found: usize, expected: usize) -> Error {
    DecodeError::new(DecodeErrorKind::WrongLength { found, expected }, 0).into()
}

/// What opening pages needs besides their bytes: one a worker, reused from page to page.
pub struct PageContext {
    decompressor: Decompressor,
    budget: Budget,
    limits: Limits,
}

impl PageContext {
    /// A context that takes memory from `budget` and keeps to `limits`.
    #[must_use]
    pub fn new(budget: Budget, limits: Limits) -> Self {
        Self { decompressor: Decompressor::default(), budget, limits }
    }

    /// Where memory is taken from.
    #[must_use]
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// What pages are allowed to claim.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// `body`, decompressed to exactly `length_bytes`. Without a codec that is `body` itself. A claim that
    /// the length of the body does not bear out is not believed at once: room for it grows with the bytes
    /// that were really made.
    ///
    /// # Errors
    /// `Corrupt` if it has another length or does not decompress; `LimitExceeded` if memory is
    /// refused.
    pub fn decompress(
        &mut self,
        codec: Codec,
        body: &Buffer,
        length_bytes: usize,
    ) -> Result<Buffer> {
        if codec == Codec::Uncompressed {
            if body.len() != length_bytes {
                return Err(Error::corrupt(format!(
                    "an uncompressed page body of {} bytes, its header says {length_bytes}",
                    body.len()
                )));
            }
            return Ok(body.clone());
        }
        check_claim(codec, body.len(), length_bytes)?;
        let mut room = length_bytes;
        // The others can make little of a byte, and do not tell when it is more than there is room for.
        if matches!(codec, Codec::Gzip | Codec::Brotli | Codec::Zstd | Codec::Lz4Raw) {
            let believed = body.len().saturating_mul(BELIEVED_RATIO).max(BELIEVED_BYTES);
            room = room.min(believed);
        }
        loop {
            let more = room.saturating_mul(GROWTH).min(length_bytes);
            let mut target = BufferMut::zeroed(room, &self.budget)?;
            match self.decompressor.decompress(codec, body, target.as_mut_slice()) {
                Ok(()) if room == length_bytes => return Ok(target.freeze()),
                // All of it was filled: more may be true as well, also behind a member that ends just there.
                Ok(()) => room = more,
                Err(DecodeError { kind: DecodeErrorKind::WrongLength { found, .. }, .. })
                    if room < length_bytes =>
                {
                    if found <= room {
                        return Err(wrong_length(found, length_bytes));
                    }
                    room = more;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl std::fmt::Debug for PageContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PageContext").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// The codec that decompresses pages of `compression`.
///
/// # Errors
/// `Unsupported` for LZO and codecs of a later spec.
pub fn codec_of(compression: Compression) -> Result<Codec> {
    Ok(match compression {
        Compression::Uncompressed => Codec::Uncompressed,
        Compression::Snappy => Codec::Snappy,
        Compression::Gzip => Codec::Gzip,
        Compression::Brotli => Codec::Brotli,
        Compression::Lz4 => Codec::Lz4Hadoop,
        Compression::Zstd => Codec::Zstd,
        Compression::Lz4Raw => Codec::Lz4Raw,
        other => {
            return Err(Error::unsupported(Feature::Compression(other.name().to_string().into())));
        }
    })
}

/// A page: its header and its body, still encoded.
#[derive(Clone, Debug)]
pub struct PageStart {
    /// The header.
    pub header: PageHeader,
    /// The body as it is in the file, checksum verified.
    pub body: Buffer,
}

impl PageStart {
    /// Reads the header that `bytes` begin with, cuts out the body and verifies its checksum. The
    /// bytes lie at `offset` in the file.
    ///
    /// # Errors
    /// Those of [`PageHeader::parse`]; `Truncated` if the body is longer than what follows; `Corrupt`
    /// if the checksum differs.
    pub fn read(bytes: &Buffer, offset: u64, limits: &Limits) -> Result<Self> {
        let place = Place { file_offset: Some(offset), ..Place::default() };
        let header = PageHeader::parse(bytes, offset, limits)?;
        let end = header.header_len + header.compressed_page_size as usize;
        let Some(body) = bytes.slice(header.header_len..end) else {
            return Err(Error::truncated(format!(
                "a page body of {} bytes where {} are left",
                header.compressed_page_size,
                bytes.len() - header.header_len
            ))
            .at(&place));
        };
        if let (Some(expected), true) = (header.crc, limits.verify_checksums) {
            let found = crc32fast::hash(&body);
            if found != expected {
                return Err(Error::corrupt(format!(
                    "page checksum {found:08x}, its header says {expected:08x}"
                ))
                .hint("--no-checksum reads on without verifying")
                .at(&place));
            }
        }
        Ok(Self { header, body })
    }

    /// The same of a writer that compresses all v2 pages and says of all that they are not.
    #[must_use]
    pub(crate) fn with_compression(mut self) -> Self {
        if let PageKind::DataV2 { is_compressed, .. } = &mut self.header.kind {
            *is_compressed = true;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A gzip member of 65,536 zeros: a literal, copies of it of 258 bytes and one of 3, in fixed codes.
    fn zeros() -> Vec<u8> {
        let (mut bits, mut count, mut deflated) = (0b011u64, 3, Vec::new());
        let mut push = |code: u64, width: u32| {
            for bit in (0..width).rev() {
                bits |= (code >> bit & 1) << count;
                count += 1;
            }
            while count >= 8 {
                deflated.push(bits as u8);
                (bits, count) = (bits >> 8, count - 8);
            }
        };
        push(0b0011_0000, 8);
        for _ in 0..254 {
            push(0b1100_0101, 8);
            push(0, 5);
        }
        push(0b000_0001, 7);
        push(0, 5);
        push(0, 7);
        push(0, 7);
        let mut member = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
        member.extend(deflated);
        member.extend(crc32fast::hash(&[0; 1 << 16]).to_le_bytes());
        member.extend((1u32 << 16).to_le_bytes());
        member
    }

    #[test]
    fn a_gzip_member_may_end_where_the_room_does() {
        let mut context = PageContext::new(Budget::unlimited(), Limits::untrusted());
        let mut of = |members: usize, length: usize| {
            let body = Buffer::copy_of(&zeros().repeat(members), &Budget::unlimited()).unwrap();
            assert!(body.len() * BELIEVED_RATIO < BELIEVED_BYTES);
            context.decompress(Codec::Gzip, &body, length).map(|bytes| bytes.len())
        };
        for members in [16, 32, 17] {
            assert_eq!(of(members, members << 16).unwrap(), members << 16);
        }
        assert!(of(16, (16 << 16) + 1).is_err(), "all of it fills the room, and more is claimed");
    }
}
