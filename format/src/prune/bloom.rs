//! A chunk's bloom filter, asked about the values of tests.
//!
//! In: where the filter lies, the tests, bytes as they come. Out: for each test that it can answer
//! whether a value may be there. Bytes moved: the header and one block a value; of a small filter all of it.

use std::ops::Range;

use millwork_codecs::buffer::Buffer;

use super::{Comparison, Test};
use crate::error::Result;
use crate::io::RangeStore;
use crate::limits::Limits;
use crate::metadata::bloom_filter::{BLOCK_BYTES, block_may_contain, hash};
use crate::metadata::{BloomFilterHeader, ColumnChunk};
use crate::schema::Leaf;

/// Filters up to this size are read as a whole: a second round costs more.
const SMALL_BYTES: u64 = 4 << 10;

/// Values that are looked up in one filter at most: a longer list hits it anyway.
const MOST_HASHES: usize = 64;

/// The question to one filter.
#[derive(Debug)]
pub(super) struct BloomProbe {
    /// Ordinals of tests, each with the hashes of all encodings of all its values.
    pub(super) tests: Vec<(usize, Vec<u64>)>,
    offset: u64,
    length: Option<u32>,
    data_end: u64,
    head: Option<(BloomFilterHeader, Buffer)>,
}

/// The hashes of what a test looks for; `None` if a filter cannot answer it.
pub(super) fn hashes(leaf: &Leaf, test: &Test) -> Option<Vec<u64>> {
    let values = match test {
        Test::Compare { comparison: Comparison::Equal, value } => std::slice::from_ref(value),
        Test::In(values) => values.as_slice(),
        _ => return None,
    };
    if values.len() > MOST_HASHES {
        return None;
    }
    let mut all = Vec::new();
    for value in values {
        all.extend(value.plain_bytes(leaf)?.iter().map(|bytes| hash(bytes)));
    }
    Some(all)
}

impl BloomProbe {
    /// A question of `tests` to the filter of `chunk`, if it has one that lies before `data_end`.
    pub(super) fn new(
        chunk: ColumnChunk<'_>,
        tests: Vec<(usize, Vec<u64>)>,
        data_end: u64,
    ) -> Option<Self> {
        let (offset, length) = chunk.bloom_filter()?;
        let probe = Self { tests, offset, length, data_end, head: None };
        let unit = probe.head_unit();
        (unit.start < unit.end).then_some(probe)
    }

    /// The first bytes of the filter: at least its header, or what there can be of it.
    pub(super) fn head_unit(&self) -> Range<u64> {
        let bytes = match self.length.map(u64::from) {
            Some(whole @ ..=SMALL_BYTES) => whole,
            _ => BloomFilterHeader::MOST_BYTES,
        };
        self.offset..self.offset.saturating_add(bytes).min(self.data_end).max(self.offset)
    }

    /// Reads the header. What makes no sense is no filter: `false`.
    pub(super) fn set_head(&mut self, bytes: Buffer, limits: &Limits) -> bool {
        let parsed = BloomFilterHeader::parse(&bytes, self.offset, limits);
        let sound = parsed.and_then(|header| {
            header.check_place(self.offset, self.length, self.data_end)?;
            Ok(header)
        });
        match sound {
            Ok(header) => {
                self.head = Some((header, bytes));
                true
            }
            Err(_) => false,
        }
    }

    /// The blocks that are needed and are not in the first bytes, ascending and without repeats.
    pub(super) fn block_units(&self) -> Vec<Range<u64>> {
        let Some((header, head)) = &self.head else { return Vec::new() };
        let hashes = self.tests.iter().flat_map(|(_, hashes)| hashes);
        let blocks = hashes.map(|hash| header.block_offset(*hash));
        let behind = blocks.filter(|block| block + BLOCK_BYTES as u64 > head.len() as u64);
        let mut units: Vec<Range<u64>> = behind
            .map(|block| {
                let start = self.offset + block;
                start..start + BLOCK_BYTES as u64
            })
            .collect();
        units.sort_by_key(|unit| unit.start);
        units.dedup();
        units
    }

    /// Whether a value with one of `hashes` may be there. The blocks are in `store`.
    ///
    /// # Errors
    /// That of the request that was to bring a block.
    pub(super) fn may_contain(&self, hashes: &[u64], store: &RangeStore) -> Result<bool> {
        let Some((header, head)) = &self.head else { return Ok(true) };
        for hash in hashes {
            let block = header.block_offset(*hash);
            let range = block as usize..block as usize + BLOCK_BYTES;
            let may = match head.get(range) {
                Some(bytes) => block_may_contain(bytes, *hash),
                None => {
                    let start = self.offset + block;
                    let bytes = store.get(&(start..start + BLOCK_BYTES as u64))?;
                    bytes.is_none_or(|bytes| block_may_contain(&bytes, *hash))
                }
            };
            if may {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
