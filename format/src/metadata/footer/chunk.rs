//! Views of one row group and of one column chunk.
//!
//! In: a [`Footer`] and ordinals. Out: numbers of its arrays, and what is decoded when asked.

use std::ops::Range;

use super::super::ByteRange;
use super::super::chunk_details::{GeospatialStatistics, PageEncodingStats, SizeStatistics};
use super::super::enums::{Compression, EncodingSet, PhysicalType};
use super::super::statistics::Statistics;
use super::{Crypto, Footer, Group, KeyValue, SortingColumn, flag, parse};
use crate::error::{Error, Place, Result};
use crate::thrift::compact::{CompactReader, WireType};

/// Bytes that parquet-mr before 1.2.9 may have left out of a chunk's size: the dictionary page's
/// header (PARQUET-816).
const FORGOTTEN_HEADER_BYTES: u64 = 100;

/// One row group.
#[derive(Clone, Copy, Debug)]
pub struct RowGroup<'a> {
    footer: &'a Footer,
    group: &'a Group,
    index: usize,
}

impl<'a> RowGroup<'a> {
    pub(super) fn new(footer: &'a Footer, group: &'a Group, index: usize) -> Self {
        Self { footer, group, index }
    }

    /// Its place in the file, from 0.
    #[must_use]
    pub fn index(self) -> usize {
        self.index
    }

    /// Rows.
    #[must_use]
    pub fn num_rows(self) -> u64 {
        self.group.num_rows
    }

    /// Bytes of all pages, decompressed, as the file says; 0 if it does not.
    #[must_use]
    pub fn total_byte_size(self) -> u64 {
        self.group.total_byte_size
    }

    /// Bytes of all chunks in the file: as the file says, or else their sum.
    #[must_use]
    pub fn total_compressed_size(self) -> u64 {
        self.group.total_compressed_size.unwrap_or_else(|| {
            self.columns().fold(0, |sum, column| sum.saturating_add(column.total_compressed_size()))
        })
    }

    /// Where its first page lies, if the file tells. Often wrong: chunks tell it better.
    #[must_use]
    pub fn file_offset(self) -> Option<u64> {
        self.group.file_offset
    }

    /// The ordinal as the file tells it, for encryption.
    #[must_use]
    pub fn ordinal(self) -> Option<i16> {
        self.group.ordinal
    }

    /// The columns that its rows are sorted by, as the file says.
    #[must_use]
    pub fn sorting_columns(self) -> &'a [SortingColumn] {
        let (start, len) = (self.group.sorting.0 as usize, self.group.sorting.1 as usize);
        self.footer.sorting_columns.get(start..start + len).unwrap_or_default()
    }

    /// The chunk of leaf `leaf`, from 0; `None` if there is none.
    #[must_use]
    pub fn column(self, leaf: usize) -> Option<ColumnChunk<'a>> {
        self.footer.column(self.index, leaf)
    }

    /// A chunk with values in a row group that has no rows: by what the footer says, values that no row
    /// accounts for.
    #[must_use]
    pub fn values_without_rows(self) -> Option<ColumnChunk<'a>> {
        let mut with_values = self.columns().filter(|chunk| chunk.num_values() > 0);
        if self.num_rows() == 0 { with_values.next() } else { None }
    }

    /// Its chunks, in the order of the schema's leaves.
    pub fn columns(self) -> impl ExactSizeIterator<Item = ColumnChunk<'a>> {
        (0..self.footer.leaves).map(move |leaf| ColumnChunk::new(self.footer, self.index, leaf))
    }
}

/// One column chunk.
#[derive(Clone, Copy, Debug)]
pub struct ColumnChunk<'a> {
    footer: &'a Footer,
    row_group: usize,
    leaf: usize,
    /// Index of the footer's arrays; inside them.
    at: usize,
}

impl<'a> ColumnChunk<'a> {
    /// Both ordinals are those of a chunk that exists.
    pub(super) fn new(footer: &'a Footer, row_group: usize, leaf: usize) -> Self {
        Self { footer, row_group, leaf, at: row_group * footer.leaves + leaf }
    }

    /// Ordinal of the row group, from 0.
    #[must_use]
    pub fn row_group(self) -> usize {
        self.row_group
    }

    /// Ordinal of the leaf in the schema, from 0.
    #[must_use]
    pub fn leaf(self) -> usize {
        self.leaf
    }

    /// Byte in the file of the first data page, as the file says.
    #[must_use]
    pub fn data_page_offset(self) -> u64 {
        self.footer.chunks.data_page_offset[self.at]
    }

    /// Byte in the file of the dictionary page; `None` if absent or 0, which does not mean that there
    /// is no dictionary page.
    #[must_use]
    pub fn dictionary_page_offset(self) -> Option<u64> {
        Some(self.footer.chunks.dictionary_page_offset[self.at]).filter(|&offset| offset > 0)
    }

    /// Bytes of all pages and their headers in the file.
    #[must_use]
    pub fn total_compressed_size(self) -> u64 {
        self.footer.chunks.total_compressed_size[self.at]
    }

    /// Bytes of all pages and their headers, decompressed.
    #[must_use]
    pub fn total_uncompressed_size(self) -> u64 {
        self.footer.chunks.total_uncompressed_size[self.at]
    }

    /// Values of all data pages, nulls included.
    #[must_use]
    pub fn num_values(self) -> u64 {
        self.footer.chunks.num_values[self.at]
    }

    /// The codec of its pages.
    #[must_use]
    pub fn compression(self) -> Compression {
        self.footer.chunks.compression[self.at]
    }

    /// The encodings used, as the file says; may be empty.
    #[must_use]
    pub fn encodings(self) -> EncodingSet {
        self.footer.chunks.encodings[self.at]
    }

    /// How values are stored, as the chunk says; the schema's word counts if they differ.
    #[must_use]
    pub fn physical_type(self) -> PhysicalType {
        self.footer.chunks.physical_type[self.at]
    }

    /// Where the offset index lies: byte in the file, and bytes.
    #[must_use]
    pub fn offset_index(self) -> Option<(u64, u32)> {
        Some(self.footer.chunks.offset_index[self.at]).filter(|&(_, len)| len > 0)
    }

    /// Where the column index lies: byte in the file, and bytes.
    #[must_use]
    pub fn column_index(self) -> Option<(u64, u32)> {
        Some(self.footer.chunks.column_index[self.at]).filter(|&(_, len)| len > 0)
    }

    /// Where the bloom filter lies: byte in the file, and bytes if the file tells.
    #[must_use]
    pub fn bloom_filter(self) -> Option<(u64, Option<u32>)> {
        let (offset, len) = self.footer.chunks.bloom_filter[self.at];
        (offset > 0).then_some((offset, Some(len).filter(|&len| len > 0)))
    }

    /// Whether the values of its v2 pages are compressed even where their headers deny it (ARROW-10353).
    pub(crate) fn denies_compression(self) -> bool {
        self.footer.writer().is_before("parquet-cpp", (2, 0, 0))
    }

    /// Whether its offset index may count elements of lists as rows (ClickHouse#83876).
    pub(crate) fn miscounts_rows(self) -> bool {
        let writer = self.footer.writer();
        writer.application.starts_with("ClickHouse")
            && writer.version.is_none_or(|version| version < (25, 8, 0))
    }

    /// Whether its pages are known to begin with rows where the spec demands it.
    pub(crate) fn aligns_pages(self) -> bool {
        self.footer.writer().aligns_pages()
    }

    /// Whether its byte arrays may begin as those of the page before.
    pub(crate) fn carries_prefixes(self) -> bool {
        self.footer.carries_prefixes()
    }

    fn has(self, flag: u8) -> bool {
        self.footer.chunks.flags[self.at] & flag != 0
    }

    /// Whether its pages lie in another file.
    #[must_use]
    pub fn has_file_path(self) -> bool {
        self.has(flag::FILE_PATH)
    }

    /// Whether its metadata is there in plain. If not (the column has its own key), all numbers are 0
    /// until [`ColumnChunk::encrypted_column_metadata`] has been decrypted.
    #[must_use]
    pub fn has_metadata(self) -> bool {
        self.has(flag::METADATA)
    }

    /// Whether every data page is dictionary-encoded; `None` if the file does not tell.
    #[must_use]
    pub fn is_dictionary_encoded(self) -> Option<bool> {
        self.has(flag::DATA_PAGES_KNOWN).then(|| !self.has(flag::DATA_PAGES_PLAIN))
    }

    fn crypto(self) -> Option<Crypto> {
        let all = &self.footer.chunks.crypto;
        let found = all.binary_search_by_key(&(self.at as u32), |&(chunk, _)| chunk).ok()?;
        all.get(found).map(|&(_, crypto)| crypto)
    }

    /// Whether its pages are encrypted.
    #[must_use]
    pub fn is_encrypted(self) -> bool {
        self.crypto().is_some()
    }

    /// The union `ColumnCryptoMetaData`.
    #[must_use]
    pub fn crypto_metadata(self) -> Option<&'a [u8]> {
        self.crypto()?.metadata.map(|range| range.of(&self.footer.bytes))
    }

    /// The chunk's metadata, encrypted with the column's key.
    #[must_use]
    pub fn encrypted_column_metadata(self) -> Option<&'a [u8]> {
        self.crypto()?.encrypted_column_metadata.map(|range| range.of(&self.footer.bytes))
    }

    fn place(self) -> Place {
        Place { row_group: u32::try_from(self.row_group).ok(), ..Place::default() }
    }

    fn reader_at(self, range: ByteRange) -> CompactReader<'a> {
        let offset = self.footer.base_offset.saturating_add(u64::from(range.start));
        CompactReader::new(range.of(&self.footer.bytes), offset, &self.footer.limits)
    }

    /// Bounds and counts, decoded now; `None` if the file has none.
    ///
    /// # Errors
    /// `Corrupt` if their bytes are broken.
    pub fn statistics(self) -> Result<Option<Statistics<'a>>> {
        let range = self.footer.chunks.statistics[self.at];
        if range.len == 0 {
            return Ok(None);
        }
        let offset = self.footer.base_offset.saturating_add(u64::from(range.start));
        Statistics::parse(range.of(&self.footer.bytes), offset, &self.footer.limits)
            .map(Some)
            .map_err(|error| error.at(&self.place()))
    }

    /// Calls `read` at field `id` of the chunk's `ColumnMetaData`, if it is there as a `wire`.
    fn seldom<T>(
        self,
        id: i16,
        wire: WireType,
        read: impl Fn(&mut CompactReader<'a>) -> Result<T>,
    ) -> Result<Option<T>> {
        let range = self.footer.chunks.metadata[self.at];
        if range.len == 0 {
            return Ok(None);
        }
        let mut found = None;
        let parsed = self.reader_at(range).structure(|reader, field| {
            if field.id == id && field.wire == wire {
                found = Some(read(reader)?);
                return Ok(());
            }
            reader.skip(field.wire)
        });
        parsed.map_err(|error| error.at(&self.place()))?;
        Ok(found)
    }

    /// The names from the top to the leaf as the chunk says, decoded now; `None` if it does not. Nothing is read by
    /// them: chunks come in the order of the schema's leaves.
    ///
    /// # Errors
    /// `Corrupt` if their bytes are broken.
    pub fn path_in_schema(self) -> Result<Option<Vec<&'a [u8]>>> {
        self.seldom(3, WireType::List, |reader| {
            let mut path = Vec::new();
            reader.list_of(WireType::Binary, |reader, _| {
                path.push(reader.binary()?);
                Ok(())
            })?;
            Ok(path)
        })
    }

    /// Whether the chunk's `file_offset`, by which nothing is read, is one that a writer may give: 0, where the
    /// chunk or one of its kinds of pages begins, or where it ends.
    #[must_use]
    pub fn has_sound_file_offset(self) -> bool {
        !self.has(flag::ODD_FILE_OFFSET)
    }

    /// How many pages of which type have which encoding, decoded now; empty if the file does not tell.
    ///
    /// # Errors
    /// `Corrupt` if their bytes are broken.
    pub fn encoding_stats(self) -> Result<Vec<PageEncodingStats>> {
        Ok(self.seldom(13, WireType::List, PageEncodingStats::read_all)?.unwrap_or_default())
    }

    /// Bytes of strings and numbers of levels, decoded now; `None` if the file does not tell.
    ///
    /// # Errors
    /// `Corrupt` if their bytes are broken.
    pub fn size_statistics(self) -> Result<Option<SizeStatistics>> {
        self.seldom(16, WireType::Struct, SizeStatistics::read)
    }

    /// Where the shapes of a GEOMETRY or GEOGRAPHY column lie, decoded now.
    ///
    /// # Errors
    /// `Corrupt` if their bytes are broken.
    pub fn geospatial_statistics(self) -> Result<Option<GeospatialStatistics>> {
        self.seldom(17, WireType::Struct, GeospatialStatistics::read)
    }

    /// The chunk's own key-value metadata, decoded now.
    ///
    /// # Errors
    /// `Corrupt` if their bytes are broken.
    pub fn key_values(self) -> Result<Vec<KeyValue<'a>>> {
        let all = &self.footer.chunks.key_values;
        let mut pairs = Vec::new();
        let Ok(found) = all.binary_search_by_key(&(self.at as u32), |&(chunk, _)| chunk) else {
            return Ok(pairs);
        };
        let mut reader = self.reader_at(all[found].1);
        let read = reader.list_of(WireType::Struct, |reader, _| {
            let (key, value) = parse::key_value(reader)?;
            pairs.push(KeyValue::new(key, value));
            Ok(())
        });
        read.map_err(|error| error.at(&self.place()))?;
        Ok(pairs)
    }

    /// Byte in the file of its first page: the smaller of the two page offsets that is not 0.
    pub(super) fn start(self) -> u64 {
        let data = self.data_page_offset();
        match self.dictionary_page_offset() {
            Some(dictionary) if dictionary < data || data == 0 => dictionary,
            _ => data,
        }
    }

    /// The most bytes of the file that may hold its pages, whatever the footer says of their size: up to
    /// where another chunk, an index, a bloom filter or the metadata begins.
    ///
    /// # Errors
    /// `Corrupt` if it begins behind the data; `LimitExceeded` if there is no memory for the places of all.
    pub fn most_range(self) -> Result<Range<u64>> {
        let (data_end, start) = (self.footer.base_offset, self.start());
        if start >= data_end {
            let what = format!("a column chunk at {start}, but the data ends at {data_end}");
            return Err(Error::corrupt(what).at(&self.place()));
        }
        Ok(start..self.footer.next_start(start)?)
    }

    /// The bytes of the file that hold its pages, dictionary page included, as the footer says.
    ///
    /// They begin at the smaller of the two page offsets that is not 0. For a file of parquet-mr before
    /// 1.2.9, or of an unknown version, they are up to 100 bytes longer than the file says, because
    /// such writers forgot the header of the dictionary page.
    ///
    /// # Errors
    /// `Corrupt` if they would not lie in front of the footer.
    pub fn chunk_range(self) -> Result<Range<u64>> {
        let (data_end, start) = (self.footer.base_offset, self.start());
        let size = self.total_compressed_size();
        let end = start.checked_add(size).filter(|&end| end <= data_end);
        let Some(end) = end else {
            let what = format!(
                "a column chunk at {start} with {size} bytes, but the data ends at {data_end}"
            );
            return Err(Error::corrupt(what).at(&self.place()));
        };
        if self.footer.forgets_dictionary_headers {
            return Ok(start..end.saturating_add(FORGOTTEN_HEADER_BYTES).min(data_end));
        }
        Ok(start..end)
    }
}
