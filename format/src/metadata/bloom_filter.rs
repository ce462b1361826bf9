//! Bloom filters: which values a column chunk certainly does not hold.
//!
//! In: the bytes that `bloom_filter_offset` points at: a header, and behind it the bits. Out:
//! [`BloomFilterHeader`], and [`BloomFilter`] for callers that want all of it. A question touches one block of 32 bytes,
//! so a reader may bring the header first and then just the blocks that it needs.
//!
//! Invariants: a filter has at least one block and only whole ones; anything but split blocks of
//! xxHash64 (seed 0) without compression is `Unsupported`, never misread. Source: BloomFilter.md.

use millwork_codecs::buffer::Buffer;

use crate::error::{Error, ErrorKind, Feature, Place, Result};
use crate::limits::Limits;
use crate::thrift::compact::{CompactReader, WireType};

/// Bytes of a block: a value sets, or asks for, one bit in each of its eight words.
pub const BLOCK_BYTES: usize = 32;

/// Multipliers that spread the low half of a hash over the eight words of a block, by the spec.
const SALTS: [u32; 8] = [
    0x47b6_137b,
    0x4497_4d91,
    0x8824_ad5b,
    0xa2b7_289d,
    0x7054_95c7,
    0x2df1_424b,
    0x9efc_4947,
    0x5c6b_fb31,
];

/// The hash of a value, PLAIN-encoded without a length.
///
/// ```
/// use millwork_format::metadata::bloom_filter::hash;
/// assert_eq!(hash(b""), 0xef46_db37_51d8_e999);
/// ```
#[must_use]
pub fn hash(plain_value: &[u8]) -> u64 {
    twox_hash::XxHash64::oneshot(0, plain_value)
}

/// What stands in front of the bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BloomFilterHeader {
    /// Bytes of the bits: a multiple of [`BLOCK_BYTES`], at least one block.
    pub num_bytes: u32,
    /// Bytes of the header itself.
    pub header_len: u32,
}

impl BloomFilterHeader {
    /// The most bytes that a header is looked for in. They are 14 to 20 as written today.
    pub const MOST_BYTES: u64 = 64;

    /// Reads the header that `bytes` begin with; they lie at `base_offset` in the file.
    ///
    /// # Errors
    /// `Truncated`; `Corrupt` if the bits are no whole blocks; `Unsupported` for another algorithm,
    /// hash or compression, and for filters of before the spec, which hashed with Murmur3.
    pub fn parse(bytes: &[u8], base_offset: u64, limits: &Limits) -> Result<Self> {
        let mut num_bytes = None;
        let mut understood = [false; 3];
        let mut reader = CompactReader::new(bytes, base_offset, limits);
        reader.structure(|reader, field| {
            match (field.id, field.wire) {
                (1, WireType::I32) => num_bytes = Some(reader.i32()?),
                // BLOCK, XXHASH and UNCOMPRESSED are each the first member of their union.
                (2..=4, WireType::Struct) => {
                    let known = &mut understood[(field.id - 2) as usize];
                    reader.structure(|reader, member| {
                        *known = member.id == 1 && member.wire == WireType::Struct;
                        reader.skip(member.wire)
                    })?;
                }
                (_, wire) => reader.skip(wire)?,
            }
            Ok(())
        })?;
        if understood != [true; 3] {
            let what = "a bloom filter that is not of split blocks, xxHash64 and uncompressed";
            let place = Place { file_offset: Some(base_offset), ..Place::default() };
            return Err(Error::unsupported(Feature::Other(what.into())).at(&place));
        }
        let num_bytes = num_bytes.unwrap_or(0);
        match u32::try_from(num_bytes) {
            Ok(sound @ 1..) if sound.is_multiple_of(BLOCK_BYTES as u32) => {
                Ok(Self { num_bytes: sound, header_len: reader.position() as u32 })
            }
            _ => Err(reader.corrupt(format!("a bloom filter of {num_bytes} bytes"))),
        }
    }

    /// Bytes of header and bits.
    #[must_use]
    pub const fn total_bytes(&self) -> u64 {
        self.header_len as u64 + self.num_bytes as u64
    }

    /// Where the block that tells of `hash` begins, counted from the start of the header.
    #[must_use]
    pub const fn block_offset(&self, hash: u64) -> u64 {
        let blocks = self.num_bytes as u64 / BLOCK_BYTES as u64;
        let block = ((hash >> 32) * blocks) >> 32;
        self.header_len as u64 + block * BLOCK_BYTES as u64
    }

    /// Checks the filter's place: `offset`, and its length where the footer tells it, in a file of
    /// `data_end` bytes before its footer.
    ///
    /// # Errors
    /// `Corrupt` if it reaches behind that, or if the lengths contradict one another.
    pub fn check_place(&self, offset: u64, length: Option<u32>, data_end: u64) -> Result<()> {
        let place = Place { file_offset: Some(offset), ..Place::default() };
        let total = self.total_bytes();
        if let Some(length) = length.map(u64::from).filter(|length| *length != total) {
            return Err(Error::corrupt(format!(
                "a bloom filter of {total} bytes, the footer says {length}"
            ))
            .at(&place));
        }
        if offset.checked_add(total).is_none_or(|end| end > data_end) {
            return Err(Error::new(
                ErrorKind::Corrupt,
                format!(
                    "a bloom filter at {offset} with {total} bytes, the data ends at {data_end}"
                ),
            )
            .at(&place));
        }
        Ok(())
    }
}

/// Whether the values that `block` was made of may include one with `hash`. A `block` that is not
/// [`BLOCK_BYTES`] long tells nothing.
///
/// ```
/// use millwork_format::metadata::bloom_filter::{block_may_contain, hash};
/// assert!(!block_may_contain(&[0; 32], hash(b"x")));
/// assert!(block_may_contain(&[0xff; 32], hash(b"x")));
/// ```
#[must_use]
pub fn block_may_contain(block: &[u8], hash: u64) -> bool {
    let (words, []) = block.as_chunks::<4>() else { return true };
    words.len() != SALTS.len()
        || words.iter().zip(SALTS).all(|(word, salt)| {
            let bit = (hash as u32).wrapping_mul(salt) >> 27;
            u32::from_le_bytes(*word) >> bit & 1 == 1
        })
}

/// A whole bloom filter in memory.
#[derive(Clone, Debug)]
pub struct BloomFilter {
    header: BloomFilterHeader,
    /// Header and bits.
    bytes: Buffer,
}

impl BloomFilter {
    /// Reads the filter that `bytes` begin with; they lie at `base_offset` in the file.
    ///
    /// # Errors
    /// As [`BloomFilterHeader::parse`]; `Truncated` if bits are missing.
    pub fn parse(bytes: Buffer, base_offset: u64, limits: &Limits) -> Result<Self> {
        let header = BloomFilterHeader::parse(&bytes, base_offset, limits)?;
        let total = header.total_bytes();
        if (bytes.len() as u64) < total {
            let place = Place { file_offset: Some(base_offset), ..Place::default() };
            let what = format!("a bloom filter of {total} bytes, {} are there", bytes.len());
            return Err(Error::truncated(what).at(&place));
        }
        Ok(Self { header, bytes })
    }

    /// Its header.
    #[must_use]
    pub fn header(&self) -> &BloomFilterHeader {
        &self.header
    }

    /// Whether the chunk may hold a value with `hash`; if not, it certainly does not, as far as the
    /// filter was written truly.
    #[must_use]
    pub fn may_contain(&self, hash: u64) -> bool {
        let start = self.header.block_offset(hash) as usize;
        self.bytes
            .get(start..start + BLOCK_BYTES)
            .is_none_or(|block| block_may_contain(block, hash))
    }
}

#[cfg(test)]
mod tests;
