//! What a column chunk consists of: its pages with their headers, and its indexes.
//!
//! In: an open file, a row group, a leaf. Out: [`ChunkPages`]. Nothing is decompressed; bodies are read only
//! for their checksums. Memory: one page, a window of a megabyte, and what is told of each page, with its header
//! where that has statistics, all within the budget while pages are walked.

mod window;

use std::sync::Arc;

use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::Buffer;

use crate::error::{Error, Feature, Place, Result};
use crate::io::Fetcher;
use crate::limits::Limits;
use crate::metadata::{
    BloomFilterHeader, ColumnChunk, ColumnIndex, OffsetIndex, PageHeader, PageKind, Statistics,
};
use crate::read::File;

pub(crate) use window::Window;

/// The pages of a column chunk, as far as they can be found.
#[derive(Clone, Debug, Default)]
pub struct ChunkPages {
    /// In the order of the file.
    pub pages: Vec<PageEntry>,
    /// The offset index, if there is one that can be read.
    pub offset_index: Option<OffsetIndex>,
    /// The column index, if there is one that can be read.
    pub column_index: Option<ColumnIndex>,
    /// The header of the bloom filter, if there is one that can be read.
    pub bloom_filter: Option<BloomFilterHeader>,
    /// Indexes and bloom filters that the footer names and that cannot be read: which, and why.
    pub broken_indexes: Vec<(&'static str, Error)>,
    /// Why there are no more pages, if there should be.
    pub broken: Option<Error>,
}

impl ChunkPages {
    /// What was parsed; if it is broken, that is noted.
    fn kept<T>(&mut self, name: &'static str, parsed: Result<T>, place: &Place) -> Option<T> {
        match parsed {
            Ok(index) => Some(index),
            Err(error) => {
                self.broken_indexes.push((name, error.at(place)));
                None
            }
        }
    }
}

/// One page.
#[derive(Clone, Debug)]
pub struct PageEntry {
    /// Ordinal among the data pages of the chunk; `None` for other pages.
    pub ordinal: Option<u32>,
    /// Byte in the file at which its header starts.
    pub offset: u64,
    /// Its header.
    pub header: PageHeader,
    /// Whether its body has the checksum of the header.
    pub checksum: Checksum,
    /// Its first row within the row group: by the offset index, or by the pages before.
    pub first_row: Option<u64>,
    /// Its rows, if the header tells.
    pub rows: Option<u64>,
    /// The bytes of a header with statistics; none of another.
    head: Buffer,
}

impl PageEntry {
    /// Bounds and counts that the header has of the page; `None` if it has none.
    ///
    /// # Errors
    /// As [`PageHeader::statistics`].
    pub fn statistics(&self, limits: &Limits) -> Result<Option<Statistics<'_>>> {
        self.header.statistics(&self.head, self.offset, limits)
    }
}

/// What a checksum says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// The header has none.
    Absent,
    /// The body is what was written.
    Right,
    /// The body is something else.
    Wrong {
        /// Its checksum.
        found: u32,
    },
}

impl Checksum {
    /// One word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Absent => "none",
            Self::Right => "right",
            Self::Wrong { .. } => "wrong",
        }
    }
}

/// The pages of leaf `leaf` in row group `row_group`, both from 0. Memory comes from `budget`.
///
/// ```
/// use std::path::Path;
/// use millwork_codecs::budget::Budget;
/// use millwork_format::inventory::pages;
/// use millwork_format::limits::Limits;
/// use millwork_format::read::File;
///
/// let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/lineitem.parquet");
/// let file = File::open(&path, &Limits::standard())?;
/// let found = pages(&file, 0, 0, &Budget::unlimited())?;
/// assert!(found.pages.len() > 1 && found.broken.is_none());
/// # Ok::<(), millwork_format::Error>(())
/// ```
///
/// # Errors
/// `InvalidArgument` if there is no such chunk; `Unsupported` if it is encrypted or in another file;
/// `Corrupt` if it does not lie in the file; `Io`, `LimitExceeded`. A page that cannot be read ends the
/// list, and is no error; an index that cannot be read is left out, with the reason in
/// [`broken_indexes`](ChunkPages::broken_indexes).
pub fn pages(file: &File, row_group: usize, leaf: usize, budget: &Budget) -> Result<ChunkPages> {
    let (footer, schema) = (file.footer(), file.schema());
    let (Some(group), Some(chunk), Some(described)) =
        (footer.row_group(row_group), footer.column(row_group, leaf), schema.leaves().get(leaf))
    else {
        return Err(Error::invalid_argument(format!(
            "pages of column {leaf} in row group {row_group}: the file has {} columns and {} row groups",
            footer.num_columns(),
            footer.num_row_groups()
        )));
    };
    let place = Place {
        file: Some(Arc::clone(file.name())),
        row_group: Some(row_group as u32),
        column: Some(described.dotted_path.clone()),
        ..Place::default()
    };
    if chunk.is_encrypted() {
        return Err(Error::unsupported(Feature::Encryption).at(&place));
    }
    if chunk.has_file_path() {
        return Err(Error::unsupported(Feature::ExternalColumnChunk).at(&place));
    }
    let (limits, data_end) = (file.limits(), footer.base_offset());
    let mut window = Window::new(Fetcher::new(Arc::clone(file.driver())), budget, data_end);
    let mut found = indexes(file, chunk, &mut window, &place)?;
    let mut held = budget.reserve(0)?;
    let most = chunk.most_range().map_err(|error| error.at(&place))?;
    let mut range = chunk.chunk_range().unwrap_or_else(|_| most.clone());
    let is_flat = described.max_repetition_level == 0;
    let (mut position, mut ordinal, mut row, mut slots) = (range.start, 0u32, Some(0u64), 0u64);
    let rows = group.num_rows();
    while if is_flat { row.is_some_and(|row| row < rows) } else { slots < chunk.num_values() } {
        let place = Place { page: Some(ordinal), file_offset: Some(position), ..place.clone() };
        if position >= range.end && position < most.end {
            // The footer told too few bytes.
            range = most.clone();
        }
        if position >= range.end {
            let what = format!("the column chunk ends after {slots} values");
            found.broken = Some(Error::truncated(what).at(&place));
            break;
        }
        let header = match window.header(position, limits) {
            Ok(header) => header,
            Err(error) => {
                found.broken = Some(error.at(&place));
                break;
            }
        };
        let body = position + header.header_len as u64;
        let end = body + u64::from(header.compressed_page_size);
        if end > data_end {
            let what = format!("a page that ends at {end}, the data ends at {data_end}");
            found.broken = Some(Error::truncated(what).at(&place));
            break;
        }
        let head = match header.statistics_at {
            // A copy, because the window goes on.
            Some(_) => Buffer::copy_of(&window.at(position, header.header_len as u64)?, budget)?,
            None => Buffer::empty(),
        };
        let checksum = checksum(&header, body, &mut window)?;
        let (values, of_page) = counts(&header.kind, is_flat);
        let is_data = matches!(header.kind, PageKind::DataV1 { .. } | PageKind::DataV2 { .. });
        let own = is_data.then_some(ordinal);
        let by_index = found
            .offset_index
            .as_ref()
            .and_then(|index| index.first_rows.get(ordinal as usize).copied());
        let first_row = own.and_then(|_| by_index.or(row));
        let entries = (found.pages.len() as u64 + 1) * size_of::<PageEntry>() as u64;
        if entries > held.bytes() {
            // As the list itself grows.
            held.resize(2 * entries)?;
        }
        found.pages.push(PageEntry {
            ordinal: own,
            offset: position,
            header,
            checksum,
            first_row,
            rows: of_page,
            head,
        });
        if own.is_some() {
            ordinal += 1;
            row = row.zip(of_page).map(|(row, more)| row.saturating_add(more));
        }
        slots += u64::from(values);
        position = end;
    }
    Ok(found)
}

/// The indexes of `chunk`, as far as they can be read, and no pages yet.
fn indexes(
    file: &File,
    chunk: ColumnChunk<'_>,
    window: &mut Window<'_>,
    place: &Place,
) -> Result<ChunkPages> {
    let limits = file.limits();
    let mut found = ChunkPages::default();
    if let Some((start, len)) = chunk.offset_index() {
        let bytes = window.at(start, len.into())?;
        let parsed = OffsetIndex::parse(&bytes, start, file.size_bytes(), limits);
        found.offset_index = found.kept("offset index", parsed, place);
    }
    if let Some((start, len)) = chunk.column_index() {
        let bytes = window.at(start, len.into())?;
        let parsed = ColumnIndex::parse(bytes, start, limits);
        found.column_index = found.kept("column index", parsed, place);
    }
    if let Some((start, _)) = chunk.bloom_filter() {
        let bytes = window.at(start, BloomFilterHeader::MOST_BYTES)?;
        let parsed = BloomFilterHeader::parse(&bytes, start, limits);
        found.bloom_filter = found.kept("bloom filter", parsed, place);
    }
    Ok(found)
}

/// What the checksum of the body at `body` says.
fn checksum(header: &PageHeader, body: u64, window: &mut Window<'_>) -> Result<Checksum> {
    let Some(expected) = header.crc else { return Ok(Checksum::Absent) };
    Ok(match crc32fast::hash(&window.at(body, header.compressed_page_size.into())?) {
        same if same == expected => Checksum::Right,
        found => Checksum::Wrong { found },
    })
}

/// The slots of a page, and its rows if its header tells them.
fn counts(kind: &PageKind, is_flat: bool) -> (u32, Option<u64>) {
    match *kind {
        PageKind::DataV1 { num_values, .. } => {
            (num_values, is_flat.then_some(u64::from(num_values)))
        }
        PageKind::DataV2 { num_values, num_rows, .. } => {
            (num_values, Some(u64::from(if is_flat { num_values } else { num_rows })))
        }
        _ => (0, None),
    }
}
