//! The spec's page codecs: one compressed body in, exactly the promised bytes out.
//!
//! In: a page body and a slice as long as the page header promises. Out: that slice filled, or a
//! [`DecodeError`]. [`check_claim`] comes first, before the caller allocates: it refuses a promise
//! that no encoder could keep.
//!
//! Invariant: `Ok` means that every byte of the target was produced by the codec. After an `Err` the
//! target's contents are unspecified and must not be shown to anyone.

mod gzip;
mod lz4;
mod snappy;

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};

use crate::error::{DecodeError, DecodeErrorKind, Result};

/// A page codec of the spec. LZO is not among them: no body in the wild needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// Bytes as they are.
    Uncompressed,
    /// Raw Snappy, without framing.
    Snappy,
    /// One or more gzip members, one after the other.
    Gzip,
    /// A Brotli stream with a window of at most 16 MiB.
    Brotli,
    /// The deprecated codec LZ4 (id 5): Hadoop frames, a raw block, or an LZ4 frame.
    Lz4Hadoop,
    /// One or more Zstandard frames.
    Zstd,
    /// One raw LZ4 block.
    Lz4Raw,
}

/// Bytes that any codec may spend without producing any (headers, checksums), and the most that one
/// of its smallest units may produce beyond the ratio.
const CLAIM_SLACK_BYTES: u64 = 64;

/// The most bytes that one compressed byte of `codec` can stand for.
///
/// Snappy copies 64 bytes with 3; LZ4 adds 255 bytes per byte of a match length; deflate codes 258
/// bytes in 2 bits; a Zstandard RLE block of 128 KiB takes 4 bytes; a Brotli meta-block of 16 MiB a
/// little more than 4.
#[must_use]
pub const fn max_ratio(codec: Codec) -> u64 {
    match codec {
        Codec::Uncompressed => 1,
        Codec::Snappy => 22,
        Codec::Lz4Raw | Codec::Lz4Hadoop => 255,
        Codec::Gzip => 1032,
        Codec::Zstd => 32_768,
        Codec::Brotli => 1 << 22,
    }
}

/// Refuses the claim that `compressed` bytes of `codec` hold `claimed` bytes, if they cannot.
///
/// To be called before memory for the claim is allocated.
///
/// # Errors
/// `Corrupt` if the claim is beyond what the codec can do; `WrongLength` for uncompressed bytes of
/// another length.
pub fn check_claim(codec: Codec, compressed: usize, claimed: usize) -> Result<()> {
    if claimed == 0 {
        return Ok(());
    }
    if compressed == 0 || (codec == Codec::Uncompressed && compressed != claimed) {
        return Err(wrong_length(compressed, claimed));
    }
    let most = (compressed as u64).saturating_mul(max_ratio(codec));
    if claimed as u64 > most.saturating_add(CLAIM_SLACK_BYTES) {
        return Err(DecodeError::corrupt(
            "the page claims more bytes than its codec can make of the compressed ones",
            0,
        ));
    }
    Ok(())
}

/// Decompression contexts, made at first use and reused from page to page. One per worker.
///
/// ```
/// use millwork_codecs::compression::{Codec, Decompressor};
/// let mut page = [0; 5];
/// let body = [5, 4 << 2, b'h', b'e', b'l', b'l', b'o'];
/// Decompressor::default().decompress(Codec::Snappy, &body, &mut page).unwrap();
/// assert_eq!(&page, b"hello");
/// ```
#[derive(Default)]
pub struct Decompressor {
    gzip: Option<libdeflater::Decompressor>,
    zstd: Option<zstd::bulk::Decompressor<'static>>,
}

impl std::fmt::Debug for Decompressor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Decompressor")
    }
}

pub(crate) const fn wrong_length(found: usize, expected: usize) -> DecodeError {
    DecodeError::new(DecodeErrorKind::WrongLength { found, expected }, 0)
}

impl Decompressor {
    /// Decompresses the whole of `source` into the whole of `target`.
    ///
    /// A `target` of no bytes may come from an empty `source` or from a stream that holds nothing.
    ///
    /// # Errors
    /// `WrongLength` if another number of bytes than `target.len()` comes out (where a decoder only
    /// says "more than fits", one more is reported), `Corrupt` or `Truncated` if `source` is not of
    /// that codec. The contents of `target` are unspecified then.
    pub fn decompress(&mut self, codec: Codec, source: &[u8], target: &mut [u8]) -> Result<()> {
        if source.is_empty() {
            return match target.len() {
                0 => Ok(()),
                expected => Err(wrong_length(0, expected)),
            };
        }
        let expected = target.len();
        let found = match codec {
            Codec::Uncompressed => copy(source, target)?,
            Codec::Snappy => return snappy_into(source, target),
            Codec::Gzip => {
                let inflater = self.gzip.get_or_insert_with(libdeflater::Decompressor::new);
                gzip::members(inflater, source, target)?
            }
            Codec::Brotli => brotli(source, target)?,
            Codec::Lz4Hadoop => lz4::deprecated(source, target)?,
            Codec::Zstd => self.zstd(source, target)?,
            Codec::Lz4Raw => lz4::block(source, target)?,
        };
        if found == expected { Ok(()) } else { Err(wrong_length(found, expected)) }
    }

    fn zstd(&mut self, source: &[u8], target: &mut [u8]) -> Result<usize> {
        let context = match &mut self.zstd {
            Some(context) => context,
            slot => slot.insert(zstd::bulk::Decompressor::new().map_err(|_| {
                DecodeError::new(DecodeErrorKind::OutOfMemory { requested: 160 << 10 }, 0)
            })?),
        };
        context.decompress_to_buffer(source, target).map_err(|error| {
            if error.to_string().contains("too small") {
                wrong_length(target.len().saturating_add(1), target.len())
            } else {
                DecodeError::corrupt("not a Zstandard body", 0)
            }
        })
    }
}

fn copy(source: &[u8], target: &mut [u8]) -> Result<usize> {
    if source.len() == target.len() {
        target.copy_from_slice(source);
    }
    Ok(source.len())
}

fn snappy_into(source: &[u8], target: &mut [u8]) -> Result<()> {
    let (promised, start) = snappy::promise(source)?;
    if promised != target.len() {
        return Err(wrong_length(promised, target.len()));
    }
    snappy::elements(source, start, target)
}

/// The strict state has no "large window": a stream cannot ask for a ring of 1 GiB.
fn brotli(source: &[u8], target: &mut [u8]) -> Result<usize> {
    let mut state = BrotliState::new_strict(
        StandardAlloc::default(),
        StandardAlloc::default(),
        StandardAlloc::default(),
    );
    let (mut left_in, mut left_out) = (source.len(), target.len());
    let (mut read, mut written, mut total) = (0, 0, 0);
    let result = BrotliDecompressStream(
        &mut left_in,
        &mut read,
        source,
        &mut left_out,
        &mut written,
        target,
        &mut total,
        &mut state,
    );
    match result {
        BrotliResult::ResultSuccess => Ok(written),
        BrotliResult::NeedsMoreInput => Err(DecodeError::truncated(1, source.len())),
        BrotliResult::NeedsMoreOutput => Ok(target.len().saturating_add(1)),
        BrotliResult::ResultFailure => Err(DecodeError::corrupt("not a Brotli body", read)),
    }
}

#[cfg(test)]
mod tests;
