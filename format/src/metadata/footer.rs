//! The file's metadata: schema, row groups, and what is known of every column chunk.
//!
//! In: the bytes of `FileMetaData` as they lie in the file. Out: [`Footer`], which keeps those bytes
//! and arrays of the numbers that finding and decoding a chunk needs. Statistics, key-values of chunks
//! and crypto metadata stay where they are, as ranges, until somebody asks.
//!
//! Invariants: every row group has one column chunk per leaf; entry `row_group * leaves +
//! leaf` of each array is that chunk; offsets and sizes are not negative; the sum of the row groups'
//! rows fits 63 bits.

mod chunk;
mod places;
mod parse;

use std::collections::TryReserveError;
use std::sync::OnceLock;

use millwork_codecs::buffer::Buffer;

use super::ByteRange;
use super::created_by::Writer;
use super::enums::{ColumnOrder, Compression, EncodingSet, PhysicalType};
use super::schema_element::SchemaElement;
use crate::error::{Error, ErrorKind, Limit, Result};
use crate::limits::Limits;
use crate::room::room_for;

pub use chunk::{ColumnChunk, RowGroup};

/// The last bytes of a file: the length of the metadata in front of them, and what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FooterTail {
    /// Bytes of the metadata, which end where the tail begins.
    pub metadata_len: u32,
    /// Whether the metadata is encrypted (magic PARE).
    pub encrypted: bool,
}

/// Bytes of the tail: the length and the magic.
pub const TAIL_BYTES: usize = 8;

/// Reads the last eight bytes of a file.
///
/// # Errors
/// `Corrupt` if they do not end with a magic of Parquet: it is another kind of file, or its end is
/// missing.
pub fn tail_length(last_8_bytes: &[u8; TAIL_BYTES]) -> Result<FooterTail> {
    let [l0, l1, l2, l3, magic @ ..] = *last_8_bytes;
    let encrypted = match &magic {
        b"PAR1" => false,
        b"PARE" => true,
        _ => {
            let shown = magic.escape_ascii();
            return Err(Error::new(
                ErrorKind::Corrupt,
                format!("the file ends with \"{shown}\" and not with the magic \"PAR1\""),
            )
            .hint("it is not a Parquet file, or its writer was stopped before the footer"));
        }
    };
    Ok(FooterTail { metadata_len: u32::from_le_bytes([l0, l1, l2, l3]), encrypted })
}

/// A row group's sorting by one column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SortingColumn {
    /// Ordinal of the leaf.
    pub column: u32,
    /// Whether the largest value comes first.
    pub descending: bool,
    /// Whether nulls come before values.
    pub nulls_first: bool,
}

/// One pair of the key-value metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyValue<'a> {
    /// The key; what follows the first byte that is not UTF-8 is left out.
    pub key: &'a str,
    /// The value; absent if it is absent or not UTF-8.
    pub value: Option<&'a str>,
    /// The value's bytes, whatever they are.
    pub value_bytes: Option<&'a [u8]>,
}

/// The numbers of all column chunks, row-group-major.
#[derive(Debug, Default)]
struct Chunks {
    data_page_offset: Vec<u64>,
    /// 0: absent.
    dictionary_page_offset: Vec<u64>,
    total_compressed_size: Vec<u64>,
    total_uncompressed_size: Vec<u64>,
    num_values: Vec<u64>,
    compression: Vec<Compression>,
    encodings: Vec<EncodingSet>,
    physical_type: Vec<PhysicalType>,
    /// Length 0: absent.
    offset_index: Vec<(u64, u32)>,
    /// Length 0: absent.
    column_index: Vec<(u64, u32)>,
    /// Offset 0: absent; length 0: not told.
    bloom_filter: Vec<(u64, u32)>,
    /// Length 0: absent.
    statistics: Vec<ByteRange>,
    /// The whole struct `ColumnMetaData`, for what is seldom asked for; length 0: absent.
    metadata: Vec<ByteRange>,
    flags: Vec<u8>,
    /// What few chunks have, by the index of the chunk, ascending.
    key_values: Vec<(u32, ByteRange)>,
    crypto: Vec<(u32, Crypto)>,
}

impl Chunks {
    /// Bytes that one takes in the lists in which all are.
    const BYTES_OF_ONE: usize = 5 * size_of::<u64>()
        + 3 * size_of::<(u64, u32)>()
        + 2 * size_of::<ByteRange>()
        + size_of::<Compression>()
        + size_of::<EncodingSet>()
        + size_of::<PhysicalType>()
        + size_of::<u8>();

    fn try_reserve_exact(&mut self, more: usize) -> std::result::Result<(), TryReserveError> {
        macro_rules! each {
            ($($list:ident),*) => {{ $(self.$list.try_reserve_exact(more)?;)* }};
        }
        each!(data_page_offset, dictionary_page_offset, num_values, compression, encodings, flags);
        each!(total_compressed_size, total_uncompressed_size, physical_type, offset_index);
        each!(column_index, bloom_filter, statistics, metadata);
        Ok(())
    }
}

/// Bits of `Chunks::flags`.
mod flag {
    /// The chunk lies in another file.
    pub(super) const FILE_PATH: u8 = 1;
    /// The chunk's metadata is there in plain.
    pub(super) const METADATA: u8 = 2;
    /// `encoding_stats` tells of data pages.
    pub(super) const DATA_PAGES_KNOWN: u8 = 4;
    /// One of those pages is not dictionary-encoded.
    pub(super) const DATA_PAGES_PLAIN: u8 = 8;
    /// The chunk's `file_offset` is none of the places that it may be.
    pub(super) const ODD_FILE_OFFSET: u8 = 16;
}

/// Ranges of an encrypted chunk's two structs.
#[derive(Clone, Copy, Debug, Default)]
struct Crypto {
    metadata: Option<ByteRange>,
    encrypted_column_metadata: Option<ByteRange>,
}

/// The numbers of one row group.
#[derive(Clone, Debug, Default)]
struct Group {
    num_rows: u64,
    total_byte_size: u64,
    total_compressed_size: Option<u64>,
    file_offset: Option<u64>,
    ordinal: Option<i16>,
    /// Range of `Footer::sorting_columns`.
    sorting: (u32, u32),
}

/// What a file says about itself.
#[derive(Debug)]
pub struct Footer {
    bytes: Buffer,
    base_offset: u64,
    limits: Limits,
    version: i32,
    num_rows: u64,
    claimed_rows: Option<i64>,
    created_by: Option<Box<str>>,
    schema: Vec<SchemaElement>,
    leaves: usize,
    groups: Vec<Group>,
    chunks: Chunks,
    sorting_columns: Vec<SortingColumn>,
    key_values: Vec<(ByteRange, Option<ByteRange>)>,
    column_orders: Vec<ColumnOrder>,
    encryption_algorithm: Option<ByteRange>,
    footer_signing_key_metadata: Option<ByteRange>,
    struct_bytes: usize,
    /// PARQUET-816: sizes of chunks do not count the dictionary page's header.
    forgets_dictionary_headers: bool,
    /// Where chunks, indexes and bloom filters begin, ascending; made when first asked for.
    starts: OnceLock<Vec<u64>>,
}

impl Footer {
    /// Reads the metadata in `bytes`, which lie at `base_offset` in the file: column chunks have to end
    /// before it. Bytes behind the structure (a signature, the tail) are allowed.
    ///
    /// # Errors
    /// `LimitExceeded` for a footer, schema or list beyond the limits; `Truncated`; `Corrupt` if the
    /// structure is broken, a required number is missing or negative, or the column chunks of a row
    /// group are not as many as the leaves of the schema.
    pub fn parse(bytes: Buffer, base_offset: u64, limits: &Limits) -> Result<Self> {
        if bytes.len() as u64 > limits.footer_bytes || u32::try_from(bytes.len()).is_err() {
            return Err(Error::limit(
                Limit::FooterBytes,
                format!("a footer of {} bytes, {} are allowed", bytes.len(), limits.footer_bytes),
            ));
        }
        parse::footer(bytes, base_offset, limits)
    }

    /// The version field: 1 or 2, without consequence.
    #[must_use]
    pub fn version(&self) -> i32 {
        self.version
    }

    /// Rows of the file: the sum over the row groups. The file's own count is not needed, and some
    /// writers leave it at 0; only rows without any row group are an error.
    #[must_use]
    pub fn num_rows(&self) -> u64 {
        self.num_rows
    }

    /// The program that wrote the file; bytes that are not UTF-8 are replaced.
    #[must_use]
    pub fn created_by(&self) -> Option<&str> {
        self.created_by.as_deref()
    }

    /// The program that wrote the file and its version, as far as `created_by` tells.
    #[must_use]
    pub fn writer(&self) -> Writer<'_> {
        Writer::parse(self.created_by().unwrap_or_default())
    }

    /// Rows as the file's own count has them, which nothing is read by: some writers leave it 0.
    #[must_use]
    pub fn claimed_rows(&self) -> Option<i64> {
        self.claimed_rows
    }

    /// The schema, flattened depth first; the root comes first. At least one element.
    #[must_use]
    pub fn schema(&self) -> &[SchemaElement] {
        &self.schema
    }

    /// Leaves of the schema: column chunks of every row group.
    #[must_use]
    pub fn num_columns(&self) -> usize {
        self.leaves
    }

    /// Row groups.
    #[must_use]
    pub fn num_row_groups(&self) -> usize {
        self.groups.len()
    }

    /// Row group `index`, from 0; `None` if there is none.
    #[must_use]
    pub fn row_group(&self, index: usize) -> Option<RowGroup<'_>> {
        self.groups.get(index).map(|group| RowGroup::new(self, group, index))
    }

    /// All row groups in order.
    pub fn row_groups(&self) -> impl ExactSizeIterator<Item = RowGroup<'_>> {
        self.groups.iter().enumerate().map(|(index, group)| RowGroup::new(self, group, index))
    }

    /// The chunk of leaf `leaf` in row group `row_group`, both from 0; `None` if there is none.
    #[must_use]
    pub fn column(&self, row_group: usize, leaf: usize) -> Option<ColumnChunk<'_>> {
        if row_group >= self.groups.len() || leaf >= self.leaves {
            return None;
        }
        Some(ColumnChunk::new(self, row_group, leaf))
    }

    /// The file's key-value metadata, in the order of the file.
    pub fn key_values(&self) -> impl ExactSizeIterator<Item = KeyValue<'_>> {
        self.key_values.iter().map(|&(key, value)| {
            KeyValue::new(key.of(&self.bytes), value.map(|value| value.of(&self.bytes)))
        })
    }

    /// The first value under `key`; `None` if there is no such key, or no value.
    #[must_use]
    pub fn key_value(&self, key: &str) -> Option<&str> {
        self.key_values().find(|pair| pair.key == key).and_then(|pair| pair.value)
    }

    /// The order of the bounds of leaf `leaf`; `None` if the file does not tell, and then `min_value`
    /// and `max_value` mean nothing.
    #[must_use]
    pub fn column_order(&self, leaf: usize) -> Option<ColumnOrder> {
        self.column_orders.get(leaf).copied()
    }

    /// The struct `EncryptionAlgorithm` of a file whose footer is signed but in plain.
    #[must_use]
    pub fn encryption_algorithm(&self) -> Option<&[u8]> {
        self.encryption_algorithm.map(|range| range.of(&self.bytes))
    }

    /// What finds the key that the footer is signed with.
    #[must_use]
    pub fn footer_signing_key_metadata(&self) -> Option<&[u8]> {
        self.footer_signing_key_metadata.map(|range| range.of(&self.bytes))
    }

    /// Bytes of the structure itself, without what follows it.
    #[must_use]
    pub fn struct_bytes(&self) -> usize {
        self.struct_bytes
    }

    /// Bytes of memory that the footer holds, its own bytes included.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        fn held<T>(values: &Vec<T>) -> usize {
            values.capacity() * size_of::<T>()
        }
        let chunks = &self.chunks;
        let names = self.schema.iter().map(|element| element.name.len()).sum::<usize>();
        let numbers = held(&chunks.data_page_offset)
            + held(&chunks.dictionary_page_offset)
            + held(&chunks.total_compressed_size)
            + held(&chunks.total_uncompressed_size)
            + held(&chunks.num_values)
            + held(&chunks.offset_index)
            + held(&chunks.column_index)
            + held(&chunks.bloom_filter);
        let small = held(&chunks.compression)
            + held(&chunks.encodings)
            + held(&chunks.physical_type)
            + held(&chunks.statistics)
            + held(&chunks.metadata)
            + held(&chunks.flags)
            + held(&chunks.key_values)
            + held(&chunks.crypto);
        let lists = held(&self.schema)
            + held(&self.groups)
            + held(&self.sorting_columns)
            + held(&self.key_values)
            + held(&self.column_orders)
            + self.starts.get().map_or(0, held);
        self.bytes.len() + names + numbers + small + lists
    }

    /// Whether sizes of chunks may lack the header of the dictionary page (PARQUET-816).
    pub(crate) fn forgets_dictionary_headers(&self) -> bool {
        self.forgets_dictionary_headers
    }

    /// Whether DELTA_BYTE_ARRAY may go on from page to page (PARQUET-246): the first value of a page begins as
    /// the last of the page before.
    pub(crate) fn carries_prefixes(&self) -> bool {
        self.writer().is_before("parquet-mr", (1, 8, 0))
    }

    /// Where the next thing behind byte `offset` of the file begins: a column chunk, an index, a bloom filter,
    /// or the metadata itself.
    fn next_start(&self, offset: u64) -> Result<u64> {
        let starts = match self.starts.get() {
            Some(starts) => starts,
            None => {
                let found = self.find_starts()?;
                self.starts.get_or_init(|| found)
            }
        };
        let next = starts.partition_point(|start| *start <= offset);
        Ok(starts.get(next).copied().unwrap_or(self.base_offset).min(self.base_offset))
    }

    fn find_starts(&self) -> Result<Vec<u64>> {
        let chunks = || self.row_groups().flat_map(|group| group.columns().collect::<Vec<_>>());
        let of = |chunk: ColumnChunk<'_>| {
            let indexes = [chunk.offset_index(), chunk.column_index()];
            let indexes = indexes.map(|index| index.map(|(offset, _)| offset));
            let bloom = chunk.bloom_filter().map(|(offset, _)| offset);
            let pages = (chunk.has_metadata() && !chunk.has_file_path()).then(|| chunk.start());
            [pages, bloom, indexes[0], indexes[1]].into_iter().flatten()
        };
        let mut starts = room_for(chunks().flat_map(of).count())?;
        starts.extend(chunks().flat_map(of));
        starts.sort_unstable();
        starts.dedup();
        Ok(starts)
    }

    /// Where in the file the metadata begins, and so where its data ends.
    #[must_use]
    pub fn base_offset(&self) -> u64 {
        self.base_offset
    }
}

impl<'a> KeyValue<'a> {
    fn new(key: &'a [u8], value_bytes: Option<&'a [u8]>) -> Self {
        let key = match std::str::from_utf8(key) {
            Ok(key) => key,
            Err(error) => {
                let sound = key.get(..error.valid_up_to()).unwrap_or_default();
                std::str::from_utf8(sound).unwrap_or_default()
            }
        };
        let value = value_bytes.and_then(|bytes| std::str::from_utf8(bytes).ok());
        Self { key, value, value_bytes }
    }
}

#[cfg(test)]
mod tests;
