//! What a file says about itself: footer, page headers, page indexes.
//!
//! In: bytes of a file, already fetched. Out: checked, columnar structures that borrow what is long
//! (statistics, bounds) from those bytes and decode it when asked. Lenient about what other readers
//! are lenient about (missing counts, unknown members, wrong wire types); strict about every number
//! that something is later read or allocated by.
//!
//! | module | holds |
//! |---|---|
//! | [`enums`] | the spec's enumerations |
//! | [`created_by`] | which writer, in which version |
//! | [`logical_type`] | the annotation of a schema element |
//! | [`schema_element`] | one node of the flattened schema |
//! | [`statistics`] | bounds and counts of a column chunk |
//! | [`chunk_details`] | what else a chunk may tell: encodings of its pages, sizes, places on a map |
//! | [`footer`] | the file's metadata, row-group-major arrays of column chunks |
//! | [`page_header`] | the header in front of every page |
//! | [`page_index`] | offset index and column index |
//! | [`bloom_filter`] | the sets of values that chunks may have written down |

pub mod enums;
pub mod created_by;
pub mod logical_type;
pub mod schema_element;
pub mod statistics;
pub mod chunk_details;
pub mod footer;
pub mod page_header;
pub mod page_index;
pub mod bloom_filter;

pub use bloom_filter::{BloomFilter, BloomFilterHeader};
pub use chunk_details::{BoundingBox, GeospatialStatistics, PageEncodingStats, SizeStatistics};
pub use enums::{
    ColumnOrder, Compression, ConvertedType, Encoding, EncodingSet, PageType, PhysicalType,
    Repetition,
};
pub use footer::{ColumnChunk, Footer, FooterTail, RowGroup, SortingColumn, tail_length};
pub use logical_type::{EdgeAlgorithm, LogicalType};
pub use page_header::{PageHeader, PageKind};
pub use page_index::{BoundaryOrder, ColumnIndex, OffsetIndex};
pub use schema_element::SchemaElement;
pub use statistics::Statistics;

/// A piece of the bytes that were parsed. They are never longer than 4 GiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ByteRange {
    start: u32,
    len: u32,
}

impl ByteRange {
    /// The range from byte `start` up to byte `end`; both are positions in bytes shorter than 4 GiB.
    fn between(start: usize, end: usize) -> Self {
        let narrow = |position: usize| u32::try_from(position).unwrap_or(u32::MAX);
        Self { start: narrow(start), len: narrow(end.saturating_sub(start)) }
    }

    fn of(self, bytes: &[u8]) -> &[u8] {
        let start = self.start as usize;
        bytes.get(start..start + self.len as usize).unwrap_or_default()
    }
}
