//! Reading `FileMetaData` into the footer's arrays, in one pass.
//!
//! In: the bytes. Out: a [`Footer`]. No count is believed that the bytes left cannot bear out.

use std::collections::TryReserveError;
use std::sync::OnceLock;

use millwork_codecs::buffer::Buffer;

use super::super::enums::{
    ColumnOrder, Compression, Encoding, EncodingSet, PageType, PhysicalType,
};
use super::super::schema_element::{SchemaElement, physical_type};
use super::super::{ByteRange, PageEncodingStats};
use super::places::{dotted_path, element_name, path_of_leaf};
use super::{Chunks, Crypto, Footer, Group, SortingColumn, flag};
use crate::error::{ErrorKind, Limit, Place, Result};
use crate::limits::Limits;
use crate::thrift::compact::{CompactReader, Field, WireType};

pub(super) fn footer(bytes: Buffer, base_offset: u64, limits: &Limits) -> Result<Footer> {
    let mut parser = Parser::new(limits, bytes.len());
    let mut reader = CompactReader::new(&bytes, base_offset, limits);
    reader.structure(|reader, field| parser.field(reader, field))?;
    if let Some(mut early) = parser.early_row_groups.take() {
        parser.row_groups(&mut early)?;
    }
    if parser.schema.is_empty() {
        return Err(reader.corrupt("a footer without a schema"));
    }
    if !parser.has_row_groups {
        return Err(reader.corrupt("a footer without a list of row groups"));
    }
    // `_common_metadata` of fastparquet tells the rows of other files, and has no data of its own.
    let has_data = base_offset > 4;
    if let (Some(rows @ 1..), true) = (parser.claimed_rows, parser.groups.is_empty() && has_data) {
        return Err(reader.corrupt(format!("{rows} rows and no row group")));
    }
    let num_rows = parser
        .groups
        .iter()
        .try_fold(0u64, |sum, group| sum.checked_add(group.num_rows))
        .filter(|&sum| i64::try_from(sum).is_ok())
        .ok_or_else(|| reader.corrupt("the row groups have more than 2^63 rows"))?;
    let struct_bytes = reader.position();
    let created_by = parser.created_by.map(|created_by| String::from_utf8_lossy(created_by).into());
    let mut footer = Footer {
        base_offset,
        limits: limits.clone(),
        version: parser.version,
        num_rows,
        claimed_rows: parser.claimed_rows,
        created_by,
        schema: parser.schema,
        leaves: parser.leaf_types.len(),
        groups: parser.groups,
        chunks: parser.chunks,
        sorting_columns: parser.sorting_columns,
        key_values: parser.key_values,
        column_orders: parser.column_orders,
        encryption_algorithm: parser.encryption_algorithm,
        footer_signing_key_metadata: parser.footer_signing_key_metadata,
        struct_bytes,
        forgets_dictionary_headers: false,
        starts: OnceLock::new(),
        bytes,
    };
    footer.forgets_dictionary_headers = footer.writer().is_before("parquet-mr", (1, 2, 9));
    Ok(footer)
}

/// Bytes of memory that one byte of a footer may take, and how many are free.
const MOST_PER_BYTE: usize = 16;
const FREE_BYTES: usize = 48 << 10;

struct Parser<'a> {
    limits: Limits,
    /// Bytes that the lists of column chunks may take while they grow.
    most_bytes: usize,
    version: i32,
    claimed_rows: Option<i64>,
    created_by: Option<&'a [u8]>,
    schema: Vec<SchemaElement>,
    leaf_types: Vec<PhysicalType>,
    has_row_groups: bool,
    /// Row groups that came before the schema, and so wait for it.
    early_row_groups: Option<CompactReader<'a>>,
    groups: Vec<Group>,
    chunks: Chunks,
    sorting_columns: Vec<SortingColumn>,
    key_values: Vec<(ByteRange, Option<ByteRange>)>,
    column_orders: Vec<ColumnOrder>,
    encryption_algorithm: Option<ByteRange>,
    footer_signing_key_metadata: Option<ByteRange>,
}

/// Makes room for the elements of the list that comes next, if the bytes left can hold them when each takes
/// at least `least_bytes`.
fn room<T>(reader: &CompactReader<'_>, list: &mut Vec<T>, least_bytes: usize) -> Result<()> {
    let count = reader.clone().list()?.len as usize;
    // The first may be shorter: a root has less to say.
    if count.saturating_sub(1).saturating_mul(least_bytes) > reader.remaining() {
        let left = reader.remaining();
        return Err(reader
            .error(ErrorKind::Truncated, format!("a list of {count} structures in {left} bytes")));
    }
    list.try_reserve_exact(count).map_err(|_| no_memory(reader, count))
}

#[cold]
fn no_memory(reader: &CompactReader<'_>, count: usize) -> crate::Error {
    let what = format!("no memory for {count} structures");
    reader.error(ErrorKind::LimitExceeded(Limit::Memory), what)
}

impl<'a> Parser<'a> {
    fn new(limits: &Limits, footer_bytes: usize) -> Self {
        Self {
            limits: limits.clone(),
            most_bytes: MOST_PER_BYTE.saturating_mul(footer_bytes).saturating_add(FREE_BYTES),
            version: 0,
            claimed_rows: None,
            created_by: None,
            schema: Vec::new(),
            leaf_types: Vec::new(),
            has_row_groups: false,
            early_row_groups: None,
            groups: Vec::new(),
            chunks: Chunks::default(),
            sorting_columns: Vec::new(),
            key_values: Vec::new(),
            column_orders: Vec::new(),
            encryption_algorithm: None,
            footer_signing_key_metadata: None,
        }
    }

    /// Field 3, the number of rows, is only kept: the row groups know better.
    fn field(&mut self, reader: &mut CompactReader<'a>, field: Field) -> Result<()> {
        match (field.id, field.wire) {
            (1, WireType::I32) => self.version = reader.i32()?,
            (2, WireType::List) => self.schema(reader)?,
            (3, WireType::I64) => self.claimed_rows = Some(reader.i64()?),
            (4, WireType::List) if self.schema.is_empty() => {
                self.early_row_groups = Some(reader.clone());
                reader.skip(field.wire)?;
            }
            (4, WireType::List) => self.row_groups(reader)?,
            (5, WireType::List) => self.key_values(reader)?,
            (6, WireType::Binary) => self.created_by = Some(reader.binary()?),
            (7, WireType::List) => self.column_orders(reader)?,
            (8, WireType::Struct) => self.encryption_algorithm = Some(skipped(reader, field.wire)?),
            (9, WireType::Binary) => self.footer_signing_key_metadata = Some(binary_range(reader)?),
            (_, wire) => reader.skip(wire)?,
        }
        Ok(())
    }

    /// The elements must be exactly those that the numbers of children promise.
    fn schema(&mut self, reader: &mut CompactReader<'a>) -> Result<()> {
        if !self.schema.is_empty() {
            return Err(reader.corrupt("a footer with two schemas"));
        }
        // A name, a type or children, and the end of the structure.
        room(reader, &mut self.schema, 6)?;
        let mut promised = 1u64;
        reader.list_of(WireType::Struct, |reader, _| {
            let start = reader.clone();
            let element = SchemaElement::read(reader).map_err(|error| {
                let column = dotted_path(&self.schema, element_name(start).as_deref());
                error.at(&Place { column, ..Place::default() })
            })?;
            if promised == 0 {
                return Err(reader.corrupt("more schema elements than children are promised"));
            }
            promised -= 1;
            promised += u64::from(element.num_children.unwrap_or(0).unsigned_abs());
            // A root without children is an empty schema, whatever its type.
            if element.is_leaf() && !self.schema.is_empty() {
                self.leaf_types.extend(element.physical_type);
                if self.leaf_types.len() > self.limits.columns as usize {
                    return Err(reader.error(
                        ErrorKind::LimitExceeded(Limit::Columns),
                        format!("more than {} columns", self.limits.columns),
                    ));
                }
            }
            self.schema.push(element);
            Ok(())
        })?;
        if promised > 0 {
            return Err(reader.corrupt(format!("{promised} schema elements are missing")));
        }
        Ok(())
    }

    fn row_groups(&mut self, reader: &mut CompactReader<'_>) -> Result<()> {
        if self.has_row_groups {
            return Err(reader.corrupt("a footer with two lists of row groups"));
        }
        let (count, start) = (reader.clone().list()?.len, reader.position());
        // Columns, two numbers, and the end.
        room(reader, &mut self.groups, 7)?;
        let groups = reader.list_of(WireType::Struct, |reader, index| {
            if index >= self.limits.row_groups {
                return Err(reader.error(
                    ErrorKind::LimitExceeded(Limit::RowGroups),
                    format!("more than {} row groups", self.limits.row_groups),
                ));
            }
            let place = Place { row_group: Some(index), ..Place::default() };
            self.row_group(reader).map_err(|error| error.at(&place))?;
            if index == 0 {
                let reserved =
                    self.reserve(count - 1, reader.position() - start, reader.remaining());
                reserved.map_err(|_| no_memory(reader, count as usize))?;
            }
            Ok(())
        })?;
        self.has_row_groups = groups.is_some();
        Ok(())
    }

    /// Makes room for `more` row groups like the first one, as far as the bytes left can hold them.
    fn reserve(
        &mut self,
        more: u32,
        group_bytes: usize,
        bytes_left: usize,
    ) -> std::result::Result<(), TryReserveError> {
        let more = (more as usize).min(bytes_left / group_bytes.max(1));
        let groups = self.groups.capacity() * size_of::<Group>();
        // Half of what is allowed: an encrypted chunk takes more.
        let most = self.most_bytes.saturating_sub(groups) / (2 * Chunks::BYTES_OF_ONE);
        self.chunks.try_reserve_exact(more.saturating_mul(self.leaf_types.len()).min(most))
    }

    fn row_group(&mut self, reader: &mut CompactReader<'_>) -> Result<()> {
        let mut group = Group::default();
        let mut rows = None;
        let first_chunk = self.chunks.flags.len();
        reader.structure(|reader, field| {
            match (field.id, field.wire) {
                (1, WireType::List) => self.columns(reader, first_chunk)?,
                (2, WireType::I64) => group.total_byte_size = optional(reader)?.unwrap_or(0),
                (3, WireType::I64) => rows = Some(unsigned(reader, "number of rows")?),
                (4, WireType::List) => group.sorting = self.sorting(reader)?,
                (5, WireType::I64) => group.file_offset = optional(reader)?,
                (6, WireType::I64) => group.total_compressed_size = optional(reader)?,
                (7, WireType::I16) => group.ordinal = Some(reader.i16()?),
                (_, wire) => reader.skip(wire)?,
            }
            Ok(())
        })?;
        let chunks = self.chunks.flags.len() - first_chunk;
        if chunks != self.leaf_types.len() {
            return Err(self.wrong_count(reader, chunks));
        }
        group.num_rows =
            rows.ok_or_else(|| reader.corrupt("a row group without its number of rows"))?;
        self.groups.push(group);
        self.check_chunks(reader)
    }

    /// Column chunks of real files take sixty bytes and more; of less than 24 no writer makes them.
    fn check_chunks(&self, reader: &CompactReader<'_>) -> Result<()> {
        let groups = self.groups.capacity() * size_of::<Group>();
        let chunks = self.chunks.flags.len() * Chunks::BYTES_OF_ONE
            + self.chunks.crypto.len() * size_of::<(u32, Crypto)>();
        // The old and the new room of a list that grows.
        if groups + 3 * chunks <= self.most_bytes {
            return Ok(());
        }
        Err(reader.error(
            ErrorKind::LimitExceeded(Limit::MetadataBytes),
            format!("{} column chunks in so short a footer", self.chunks.flags.len()),
        ))
    }

    #[cold]
    fn wrong_count(&self, reader: &CompactReader<'_>, chunks: usize) -> crate::Error {
        reader.corrupt(format!(
            "row group {} has {chunks} column chunks, the schema {} leaves",
            self.groups.len(),
            self.leaf_types.len()
        ))
    }

    fn columns(&mut self, reader: &mut CompactReader<'_>, first_chunk: usize) -> Result<()> {
        let (schema, leaf_types) = (&self.schema, &self.leaf_types);
        let chunks = &mut self.chunks;
        let already = chunks.flags.len() - first_chunk;
        reader.list_of(WireType::Struct, |reader, leaf| {
            match leaf_types.get(already + leaf as usize) {
                Some(&of_schema) => Chunk::read(reader, of_schema)
                    .and_then(|chunk| chunk.push(chunks, reader))
                    .map_err(|error| {
                        let column = path_of_leaf(schema, already + leaf as usize);
                        error.at(&Place { column, ..Place::default() })
                    }),
                None => Err(reader.corrupt(format!(
                    "more column chunks in a row group than the schema has leaves: {}",
                    leaf_types.len()
                ))),
            }
        })?;
        Ok(())
    }

    fn sorting(&mut self, reader: &mut CompactReader<'_>) -> Result<(u32, u32)> {
        let start = self.sorting_columns.len() as u32;
        reader.list_of(WireType::Struct, |reader, _| {
            let (mut column, mut descending, mut nulls_first) = (None, false, false);
            reader.structure(|reader, field| {
                match (field.id, field.wire) {
                    (1, WireType::I32) => column = u32::try_from(reader.i32()?).ok(),
                    (2, WireType::True) => descending = true,
                    (3, WireType::True) => nulls_first = true,
                    (_, wire) => reader.skip(wire)?,
                }
                Ok(())
            })?;
            if let Some(column) = column {
                self.sorting_columns.push(SortingColumn { column, descending, nulls_first });
            }
            Ok(())
        })?;
        Ok((start, self.sorting_columns.len() as u32 - start))
    }

    fn key_values(&mut self, reader: &mut CompactReader<'_>) -> Result<()> {
        let mut bytes = 0u64;
        self.key_values.clear();
        // A key, and the end.
        room(reader, &mut self.key_values, 3)?;
        reader.list_of(WireType::Struct, |reader, _| {
            let (mut key, mut value) = (None, None);
            reader.structure(|reader, field| {
                match (field.id, field.wire) {
                    (1, WireType::Binary) => key = Some(binary_range(reader)?),
                    (2, WireType::Binary) => value = Some(binary_range(reader)?),
                    (_, wire) => reader.skip(wire)?,
                }
                Ok(())
            })?;
            let key = key.unwrap_or_default();
            bytes += u64::from(key.len) + u64::from(value.map_or(0, |value| value.len));
            if bytes > self.limits.metadata_bytes {
                return Err(reader.error(
                    ErrorKind::LimitExceeded(Limit::MetadataBytes),
                    format!("key-value metadata beyond {} bytes", self.limits.metadata_bytes),
                ));
            }
            self.key_values.push((key, value));
            Ok(())
        })?;
        Ok(())
    }

    fn column_orders(&mut self, reader: &mut CompactReader<'_>) -> Result<()> {
        self.column_orders.clear();
        reader.list_of(WireType::Struct, |reader, _| {
            let mut order = ColumnOrder::Unknown;
            reader.structure(|reader, field| {
                order = match field.id {
                    1 => ColumnOrder::TypeDefined,
                    2 => ColumnOrder::Ieee754TotalOrder,
                    3 => ColumnOrder::Int96Timestamp,
                    _ => ColumnOrder::Unknown,
                };
                reader.skip(field.wire)
            })?;
            self.column_orders.push(order);
            Ok(())
        })?;
        Ok(())
    }
}

/// The struct `ColumnChunk`, with the `ColumnMetaData` inside it.
#[derive(Default)]
struct Chunk {
    flags: u8,
    file_offset: u64,
    data_page_offset: Option<u64>,
    dictionary_page_offset: u64,
    compressed: Option<u64>,
    uncompressed: u64,
    num_values: Option<u64>,
    compression: Option<Compression>,
    encodings: EncodingSet,
    physical_type: Option<PhysicalType>,
    offset_index: (Option<u64>, u32),
    column_index: (Option<u64>, u32),
    bloom_filter: (u64, u32),
    statistics: ByteRange,
    metadata: ByteRange,
    key_values: Option<ByteRange>,
    crypto: Crypto,
}

impl Chunk {
    fn read(reader: &mut CompactReader<'_>, of_schema: PhysicalType) -> Result<Self> {
        let mut chunk = Self::default();
        reader.structure(|reader, field| {
            match (field.id, field.wire) {
                // Some writers set it to nothing.
                (1, WireType::Binary) => {
                    let is_elsewhere = !reader.binary()?.is_empty();
                    chunk.flags |= if is_elsewhere { flag::FILE_PATH } else { 0 };
                }
                (2, WireType::I64) => chunk.file_offset = optional(reader)?.unwrap_or(0),
                (3, WireType::Struct) => {
                    chunk.flags |= flag::METADATA;
                    let start = reader.position();
                    reader.structure(|reader, field| chunk.metadata(reader, field))?;
                    chunk.metadata = ByteRange::between(start, reader.position());
                }
                (4, WireType::I64) => chunk.offset_index.0 = optional(reader)?,
                (5, WireType::I32) => chunk.offset_index.1 = length(reader)?,
                (6, WireType::I64) => chunk.column_index.0 = optional(reader)?,
                (7, WireType::I32) => chunk.column_index.1 = length(reader)?,
                (8, WireType::Struct) => {
                    chunk.crypto.metadata = Some(skipped(reader, field.wire)?);
                }
                (9, WireType::Binary) => {
                    chunk.crypto.encrypted_column_metadata = Some(binary_range(reader)?);
                }
                (_, wire) => reader.skip(wire)?,
            }
            Ok(())
        })?;
        chunk.physical_type = chunk.physical_type.or(Some(of_schema));
        Ok(chunk)
    }

    fn metadata(&mut self, reader: &mut CompactReader<'_>, field: Field) -> Result<()> {
        match (field.id, field.wire) {
            (1, WireType::I32) => self.physical_type = Some(physical_type(reader)?),
            (2, WireType::List) => {
                reader.list_of(WireType::I32, |reader, _| {
                    self.encodings.insert(Encoding::from_code(reader.i32()?));
                    Ok(())
                })?;
            }
            (4, WireType::I32) => self.compression = Some(Compression::from_code(reader.i32()?)),
            (5, WireType::I64) => self.num_values = Some(unsigned(reader, "number of values")?),
            (6, WireType::I64) => self.uncompressed = unsigned(reader, "chunk size")?,
            (7, WireType::I64) => self.compressed = Some(unsigned(reader, "chunk size")?),
            (8, WireType::List) => self.key_values = Some(skipped(reader, field.wire)?),
            (9, WireType::I64) => self.data_page_offset = Some(unsigned(reader, "page offset")?),
            (11, WireType::I64) => self.dictionary_page_offset = optional(reader)?.unwrap_or(0),
            (12, WireType::Struct) => self.statistics = skipped(reader, field.wire)?,
            (13, WireType::List) => self.encoding_stats(reader)?,
            (14, WireType::I64) => self.bloom_filter.0 = optional(reader)?.unwrap_or(0),
            (15, WireType::I32) => self.bloom_filter.1 = length(reader)?,
            (_, wire) => reader.skip(wire)?,
        }
        Ok(())
    }

    fn encoding_stats(&mut self, reader: &mut CompactReader<'_>) -> Result<()> {
        PageEncodingStats::for_each(reader, |page_type, encoding, count| {
            let is_data = matches!(page_type, Some(PageType::DataPage | PageType::DataPageV2));
            if is_data && count > 0 {
                self.flags |= flag::DATA_PAGES_KNOWN;
                let codes =
                    matches!(encoding, Some(Encoding::RleDictionary | Encoding::PlainDictionary));
                self.flags |= if codes { 0 } else { flag::DATA_PAGES_PLAIN };
            }
        })
    }

    /// Only an encrypted column may be without its metadata in plain.
    fn push(self, chunks: &mut Chunks, reader: &CompactReader<'_>) -> Result<()> {
        let encrypted = self.crypto.encrypted_column_metadata.is_some();
        let missing = |what: &str| reader.corrupt(format!("a column chunk without {what}"));
        let plain = self.flags & flag::METADATA != 0;
        if !plain && !encrypted {
            return Err(missing("its metadata"));
        }
        let required = |value: Option<u64>, what: &str| match value {
            None if plain => Err(missing(what)),
            value => Ok(value.unwrap_or(0)),
        };
        let compression = match self.compression {
            None if plain => return Err(missing("its codec")),
            compression => compression.unwrap_or(Compression::Uncompressed),
        };
        let data_page_offset = required(self.data_page_offset, "the offset of its data pages")?;
        let num_values = required(self.num_values, "its number of values")?;
        let compressed = required(self.compressed, "its size")?;
        let (start, dictionary) = (data_page_offset, self.dictionary_page_offset);
        let is_first = dictionary > 0 && (dictionary < start || start == 0);
        let begin = if is_first { dictionary } else { start };
        // Some writers count the size from the first data page.
        let ends = [begin, start].map(|begin| begin.saturating_add(compressed));
        let places = [0, start, dictionary, ends[0], ends[1]];
        let is_odd = plain && !places.contains(&self.file_offset);
        let at = chunks.flags.len() as u32;
        let index = |(offset, len): (Option<u64>, u32)| match offset {
            Some(offset) => (offset, len),
            None => (0, 0),
        };
        chunks.data_page_offset.push(data_page_offset);
        chunks.dictionary_page_offset.push(self.dictionary_page_offset);
        chunks.total_compressed_size.push(compressed);
        chunks.total_uncompressed_size.push(self.uncompressed);
        chunks.num_values.push(num_values);
        chunks.compression.push(compression);
        chunks.encodings.push(self.encodings);
        chunks.physical_type.extend(self.physical_type);
        chunks.offset_index.push(index(self.offset_index));
        chunks.column_index.push(index(self.column_index));
        chunks.bloom_filter.push(self.bloom_filter);
        chunks.statistics.push(self.statistics);
        chunks.metadata.push(self.metadata);
        chunks.flags.push(self.flags | if is_odd { flag::ODD_FILE_OFFSET } else { 0 });
        chunks.key_values.extend(self.key_values.map(|range| (at, range)));
        if encrypted || self.crypto.metadata.is_some() {
            chunks.crypto.push((at, self.crypto));
        }
        Ok(())
    }
}

/// Reads a `KeyValue`; a missing key is empty.
pub(super) fn key_value<'a>(
    reader: &mut CompactReader<'a>,
) -> Result<(&'a [u8], Option<&'a [u8]>)> {
    let (mut key, mut value) = (&[][..], None);
    reader.structure(|reader, field| {
        match (field.id, field.wire) {
            (1, WireType::Binary) => key = reader.binary()?,
            (2, WireType::Binary) => value = Some(reader.binary()?),
            (_, wire) => reader.skip(wire)?,
        }
        Ok(())
    })?;
    Ok((key, value))
}

/// Passes over a value and remembers where it was.
fn skipped(reader: &mut CompactReader<'_>, wire: WireType) -> Result<ByteRange> {
    let start = reader.position();
    reader.skip(wire)?;
    Ok(ByteRange::between(start, reader.position()))
}

fn binary_range(reader: &mut CompactReader<'_>) -> Result<ByteRange> {
    let length = reader.binary()?.len();
    Ok(ByteRange::between(reader.position() - length, reader.position()))
}

/// A number that something is read or allocated by: it must not be negative.
fn unsigned(reader: &mut CompactReader<'_>, what: &str) -> Result<u64> {
    let number = reader.i64()?;
    u64::try_from(number).map_err(|_| reader.corrupt(format!("a {what} of {number}")))
}

/// A number that can be done without: a negative one is as if absent.
fn optional(reader: &mut CompactReader<'_>) -> Result<Option<u64>> {
    reader.i64().map(|number| u64::try_from(number).ok())
}

/// A length that can be done without: a negative one is as if absent.
fn length(reader: &mut CompactReader<'_>) -> Result<u32> {
    reader.i32().map(|number| u32::try_from(number).unwrap_or(0))
}
