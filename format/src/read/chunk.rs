//! One column chunk, shared by the readers of its row group.
//!
//! It knows where its pages lie (by the offset index, or by walking the page headers once), decodes its
//! dictionary once, opens a page that several morsels share once, and gives the bytes of a page back
//! when its last morsel is through with it.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use millwork_codecs::buffer::Buffer;
use millwork_codecs::compression::Codec;

use super::{ScanLeaf, ScanMetrics};
use crate::column::decode_dictionary;
use crate::error::{Error, Feature, Place, Result};
use crate::io::RangeStore;
use crate::limits::Limits;
use crate::metadata::{ColumnChunk, Encoding, OffsetIndex, PageHeader, PageKind};
use crate::page::{DataPage, PageContext, PageStart, codec_of};
use crate::room::room_for;
use crate::vector::Dictionary;

/// A data page in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PageLocation {
    /// Header and body.
    pub(super) range: Range<u64>,
    /// First row, within the row group; 0 if it is not known.
    pub(super) first_row: u64,
    /// Rows; 0 if they are not known.
    pub(super) rows: u64,
}

/// Where the pages of a chunk lie.
#[derive(Debug)]
pub(super) struct Layout {
    /// The dictionary page, if there may be one.
    pub(super) dictionary: Option<Range<u64>>,
    /// The data pages with rows, in order, together all rows of the chunk.
    pub(super) pages: Vec<PageLocation>,
    /// Whether it is known which rows the pages hold. Headers of version 1 do not tell that of a
    /// repeated leaf, and a row may go on in the next page.
    pub(super) rows_known: bool,
    /// Whether the chunk was read as a whole to find them: then it is one unit.
    whole: bool,
}

impl Layout {
    /// Ordinals of the pages that hold, or may hold, rows of `rows`.
    pub(super) fn overlapping(&self, rows: &Range<u64>) -> Range<usize> {
        if !self.rows_known {
            return if rows.is_empty() { 0..0 } else { 0..self.pages.len() };
        }
        let start = self.pages.partition_point(|page| page.first_row + page.rows <= rows.start);
        let end = self.pages.partition_point(|page| page.first_row < rows.end);
        start..end.max(start)
    }
}

/// A column chunk of a row group that is being scanned.
#[derive(Debug)]
pub(super) struct Chunk {
    column: usize,
    leaf: Arc<ScanLeaf>,
    place: Place,
    codec: Codec,
    range: Range<u64>,
    rows: u64,
    /// Slots, by the footer.
    num_values: u64,
    store: Arc<RangeStore>,
    metrics: Arc<ScanMetrics>,
    state: Mutex<State>,
    dictionary: Mutex<DictionaryState>,
    /// Held while a shared page is opened, so that a second morsel waits for it instead.
    opening: Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    layout: Option<Arc<Layout>>,
    /// The morsels of the row group, once they are cut.
    cuts: Vec<Range<u64>>,
    slots: Vec<Slot>,
    /// Morsels that are not through with a chunk that is one unit.
    whole_users: usize,
}

#[derive(Debug, Default)]
struct Slot {
    users: usize,
    users_left: usize,
    page: Option<Arc<DataPage>>,
}

#[derive(Debug)]
enum DictionaryState {
    Unread,
    Read(Option<Arc<Dictionary>>),
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Chunk {
    pub(super) fn new(
        column: usize,
        leaf: Arc<ScanLeaf>,
        chunk: ColumnChunk<'_>,
        rows: u64,
        outer: &Place,
        store: Arc<RangeStore>,
        metrics: Arc<ScanMetrics>,
    ) -> Result<Self> {
        let place = Place { column: Some(leaf.path.clone()), ..Place::default() }.within(outer);
        if chunk.has_file_path() {
            return Err(Error::unsupported(Feature::ExternalColumnChunk).at(&place));
        }
        if chunk.is_encrypted() {
            return Err(Error::unsupported(Feature::Encryption).at(&place));
        }
        if chunk.physical_type() != leaf.shape.physical {
            return Err(Error::corrupt(format!(
                "a column chunk of {} in a column of {}",
                chunk.physical_type().name(),
                leaf.shape.physical.name()
            ))
            .at(&place));
        }
        let codec = codec_of(chunk.compression()).map_err(|error| error.at(&place))?;
        let range = if rows == 0 { 0..0 } else { chunk.chunk_range().map_err(|e| e.at(&place))? };
        Ok(Self {
            column,
            leaf,
            place,
            codec,
            range,
            rows,
            num_values: chunk.num_values(),
            store,
            metrics,
            state: Mutex::default(),
            dictionary: Mutex::new(DictionaryState::Unread),
            opening: Mutex::new(()),
        })
    }

    pub(super) fn leaf(&self) -> &ScanLeaf {
        &self.leaf
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    pub(super) fn num_values(&self) -> u64 {
        self.num_values
    }

    pub(super) fn compressed_bytes(&self) -> u64 {
        self.range.end - self.range.start
    }

    pub(super) fn layout(&self) -> Option<Arc<Layout>> {
        lock(&self.state).layout.clone()
    }

    fn set_layout(&self, layout: Layout) {
        let mut state = lock(&self.state);
        if state.layout.is_none() {
            state.layout = Some(Arc::new(layout));
            state.count_users();
        }
    }

    /// Takes the layout from the offset index.
    ///
    /// # Errors
    /// `Corrupt` if it does not fit the chunk: the page headers tell then.
    pub(super) fn set_offset_index(&self, index: &OffsetIndex) -> Result<()> {
        let mut pages = room_for(index.len())?;
        for page in 0..index.len() {
            let first_row = index.first_rows[page];
            let end_row = index.first_rows.get(page + 1).copied().unwrap_or(self.rows);
            let start = index.offsets[page];
            let end = start + u64::from(index.compressed_sizes[page]);
            if first_row >= end_row || start < self.range.start || end > self.range.end {
                return Err(Error::corrupt("an offset index that does not fit its column chunk"));
            }
            pages.push(PageLocation { range: start..end, first_row, rows: end_row - first_row });
        }
        let first = pages.first().map_or(self.range.start, |page| page.range.start);
        let dictionary = (self.range.start < first).then_some(self.range.start..first);
        self.set_layout(Layout { dictionary, pages, rows_known: true, whole: false });
        Ok(())
    }

    /// The unit that has to be read before the layout is known; `None` if it is known.
    ///
    /// # Errors
    /// `Corrupt` or `Truncated` if the page headers cannot be walked.
    pub(super) fn want_layout(&self, limits: &Limits) -> Result<Option<Range<u64>>> {
        if self.layout().is_some() {
            return Ok(None);
        }
        if self.rows == 0 {
            let pages = Vec::new();
            let layout = Layout { dictionary: None, pages, rows_known: true, whole: false };
            self.set_layout(layout);
            return Ok(None);
        }
        match self.store.get(&self.range)? {
            Some(bytes) => {
                let layout = self.walk(&bytes, limits).map_err(|error| error.at(&self.place))?;
                self.set_layout(layout);
                Ok(None)
            }
            None => Ok(Some(self.range.clone())),
        }
    }

    /// Finds the pages by their headers.
    fn walk(&self, bytes: &Buffer, limits: &Limits) -> Result<Layout> {
        let pages = Vec::new();
        let mut layout = Layout { dictionary: None, pages, rows_known: true, whole: true };
        let (mut position, mut row, mut slots) = (0usize, 0u64, 0u64);
        while if layout.rows_known { row < self.rows } else { slots < self.num_values } {
            let start = self.range.start + position as u64;
            let place = Place {
                page: Some(layout.pages.len() as u32),
                file_offset: Some(start),
                ..Place::default()
            };
            let Some(rest) = bytes.get(position..).filter(|rest| !rest.is_empty()) else {
                return Err(self.ends_early(&layout, row, slots).at(&place));
            };
            let header = PageHeader::parse(rest, start, limits)
                .map_err(|error| error.rows_lost(self.rows - row.min(self.rows)).at(&place))?;
            let size = header.header_len + header.compressed_page_size as usize;
            let range = start..start + size as u64;
            position += size;
            let rows = match header.kind {
                PageKind::Dictionary { .. } if layout.pages.is_empty() => {
                    layout.dictionary = Some(range);
                    continue;
                }
                PageKind::Dictionary { .. } => {
                    return Err(Error::corrupt("a dictionary page behind data pages").at(&place));
                }
                PageKind::DataV1 { num_values, .. } => {
                    slots += u64::from(num_values);
                    layout.rows_known &= !self.leaf.is_repeated();
                    num_values
                }
                PageKind::DataV2 { num_rows: 0, num_values: 1.., .. } => {
                    return Err(Error::corrupt("a page of values in no row").at(&place));
                }
                PageKind::DataV2 { num_rows, num_values, .. } => {
                    slots += u64::from(num_values);
                    num_rows
                }
                PageKind::Index | PageKind::Other(_) => continue,
            };
            let rows = u64::from(rows);
            if layout.rows_known && rows > self.rows - row {
                return Err(Error::corrupt(format!(
                    "pages of more than the {} rows of the row group",
                    self.rows
                ))
                .at(&place));
            }
            if rows > 0 {
                layout.pages.push(PageLocation { range, first_row: row, rows });
            }
            row += rows;
        }
        if !layout.rows_known {
            self.forget_rows(&mut layout);
        }
        Ok(layout)
    }

    /// Rows of pages that are not known are not guessed; a single page has them all.
    fn forget_rows(&self, layout: &mut Layout) {
        if let [only] = layout.pages.as_mut_slice() {
            only.rows = self.rows;
            layout.rows_known = true;
            return;
        }
        for page in &mut layout.pages {
            (page.first_row, page.rows) = (0, 0);
        }
    }

    fn ends_early(&self, layout: &Layout, row: u64, slots: u64) -> Error {
        if layout.rows_known {
            return Error::truncated(format!(
                "the column chunk ends after {row} of {} rows",
                self.rows
            ))
            .rows_lost(self.rows - row);
        }
        Error::truncated(format!(
            "the column chunk ends after {slots} of {} values",
            self.num_values
        ))
    }

    /// Whether all pages are here until the last morsel is through with the chunk: it was read as a
    /// whole, and no page is longer than it by its header.
    pub(super) fn holds(&self, layout: &Layout) -> bool {
        let ends = layout.pages.last().map(|page| page.range.end);
        layout.whole && ends.is_some_and(|end| end <= self.range.end)
    }

    /// The unit of the dictionary page, if it is neither decoded nor here.
    pub(super) fn want_dictionary(&self, layout: &Layout) -> Result<Option<Range<u64>>> {
        let Some(range) = &layout.dictionary else { return Ok(None) };
        if matches!(*lock(&self.dictionary), DictionaryState::Read(_)) {
            return Ok(None);
        }
        Ok(self.store.get(range)?.is_none().then(|| range.clone()))
    }

    /// The unit of page `index`, if it is neither opened nor here.
    pub(super) fn want_page(&self, layout: &Layout, index: usize) -> Result<Option<Range<u64>>> {
        let opened = lock(&self.state).slots.get(index).is_some_and(|slot| slot.page.is_some());
        let Some(location) = layout.pages.get(index).filter(|_| !opened) else { return Ok(None) };
        Ok(self.store.get(&location.range)?.is_none().then(|| location.range.clone()))
    }

    /// Takes a dictionary of this chunk that pruning has decoded already.
    pub(super) fn offer_dictionary(&self, dictionary: Arc<Dictionary>) {
        let mut state = lock(&self.dictionary);
        if matches!(*state, DictionaryState::Unread) {
            *state = DictionaryState::Read(Some(dictionary));
            self.metrics.dictionary_decoded();
        }
    }

    /// The dictionary, decoded at the first call; its bytes are here.
    pub(super) fn dictionary(
        &self,
        layout: &Layout,
        context: &mut PageContext,
    ) -> Result<Option<Arc<Dictionary>>> {
        let mut state = lock(&self.dictionary);
        if let DictionaryState::Read(dictionary) = &*state {
            return Ok(dictionary.clone());
        }
        let dictionary = match &layout.dictionary {
            None => None,
            Some(range) => {
                let place = Place { file_offset: Some(range.start), ..Place::default() };
                let read = self.read_dictionary(range, context);
                let dictionary = read.map_err(|error| error.at(&place).at(&self.place))?;
                if !layout.whole {
                    self.store.release(range);
                }
                dictionary
            }
        };
        *state = DictionaryState::Read(dictionary.clone());
        Ok(dictionary)
    }

    fn read_dictionary(
        &self,
        range: &Range<u64>,
        context: &mut PageContext,
    ) -> Result<Option<Arc<Dictionary>>> {
        let Some(bytes) = self.store.get(range)? else {
            return Err(Error::internal("the dictionary page is not here"));
        };
        let page = PageStart::read(&bytes, range.start, context.limits())?;
        let PageKind::Dictionary { num_values, encoding, .. } = page.header.kind else {
            // A gap between the chunk's start and its first data page.
            return Ok(None);
        };
        if !matches!(encoding, Encoding::Plain | Encoding::PlainDictionary) {
            let what = format!("{} of a dictionary page", encoding.name());
            return Err(Error::unsupported(Feature::Encoding(what.into())));
        }
        let length_bytes = page.header.uncompressed_page_size as usize;
        let body = context.decompress(self.codec, &page.body, length_bytes)?;
        let dictionary =
            decode_dictionary(body, num_values as usize, &self.leaf.shape, context.budget())?;
        self.metrics.dictionary_decoded();
        Ok(Some(Arc::new(dictionary)))
    }

    /// Opens page `index`, whose bytes are here, or takes it from the morsel that did.
    pub(super) fn open_page(
        &self,
        layout: &Layout,
        index: usize,
        context: &mut PageContext,
    ) -> Result<Arc<DataPage>> {
        let shared = lock(&self.state).slots.get(index).is_some_and(|slot| slot.users > 1);
        if !shared {
            return self.open_page_alone(layout, index, context);
        }
        let _alone = lock(&self.opening);
        let known = lock(&self.state).slots.get(index).and_then(|slot| slot.page.clone());
        if let Some(page) = known {
            return Ok(page);
        }
        let page = self.open_page_alone(layout, index, context)?;
        if let Some(slot) = lock(&self.state).slots.get_mut(index).filter(|s| s.users_left > 0) {
            slot.page = Some(Arc::clone(&page));
        }
        Ok(page)
    }

    fn open_page_alone(
        &self,
        layout: &Layout,
        index: usize,
        context: &mut PageContext,
    ) -> Result<Arc<DataPage>> {
        let location = &layout.pages[index];
        let open = |context: &mut PageContext| {
            let Some(bytes) = self.store.get(&location.range)? else {
                return Err(Error::internal("the page is not here"));
            };
            let start = PageStart::read(&bytes, location.range.start, context.limits())?;
            let page = match self.leaf.max_levels {
                None => DataPage::open(&start, self.codec, self.leaf.shape.nullable, context)?,
                Some(max) => DataPage::open_nested(&start, self.codec, max, context)?,
            };
            if layout.rows_known && page.rows as u64 != location.rows {
                return Err(Error::corrupt(format!(
                    "a page of {} rows where {} should be",
                    page.rows, location.rows
                )));
            }
            if page.continues() && (layout.rows_known || index == 0) {
                return Err(Error::corrupt("a page that begins inside a row"));
            }
            Ok(page)
        };
        let page = open(context).map_err(|error| self.locate(error, layout, index))?;
        self.metrics.page_opened(self.column);
        Ok(Arc::new(page))
    }

    /// `error` of page `index`, with its place and what is lost.
    pub(super) fn locate(&self, error: Error, layout: &Layout, index: usize) -> Error {
        let Some(location) = layout.pages.get(index) else { return error.at(&self.place) };
        let place = Place {
            page: Some(index as u32),
            file_offset: Some(location.range.start),
            ..Place::default()
        };
        let error = if layout.rows_known { error.rows_lost(location.rows) } else { error };
        error.at(&place).at(&self.place)
    }

    /// Tells which morsels there will be.
    pub(super) fn set_cuts(&self, cuts: &[Range<u64>]) {
        let mut state = lock(&self.state);
        state.cuts = cuts.to_vec();
        state.whole_users = cuts.len();
        state.count_users();
    }

    /// A morsel is through with pages `pages`.
    pub(super) fn finish_pages(&self, layout: &Layout, pages: Range<usize>) {
        let mut state = lock(&self.state);
        for index in pages {
            let Some(slot) = state.slots.get_mut(index) else { continue };
            slot.users_left = slot.users_left.saturating_sub(1);
            if slot.users_left == 0 {
                slot.page = None;
                if !layout.whole {
                    self.store.release(&layout.pages[index].range);
                }
            }
        }
    }

    /// A morsel is through with this chunk.
    pub(super) fn finish_morsel(&self) {
        let mut state = lock(&self.state);
        state.whole_users = state.whole_users.saturating_sub(1);
        let whole = state.layout.as_ref().is_none_or(|layout| layout.whole);
        if state.whole_users == 0 && whole {
            self.store.release(&self.range);
        }
    }
}

impl State {
    fn count_users(&mut self) {
        let Some(layout) = &self.layout else { return };
        if self.cuts.is_empty() {
            return;
        }
        let mut slots: Vec<Slot> = layout.pages.iter().map(|_| Slot::default()).collect();
        for cut in &self.cuts {
            for index in layout.overlapping(cut) {
                slots[index].users += 1;
                slots[index].users_left += 1;
            }
        }
        self.slots = slots;
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        self.store.release(&self.range);
        let state = lock(&self.state);
        if let Some(layout) = &state.layout {
            let pages = layout.pages.iter().map(|page| &page.range);
            for range in pages.chain(&layout.dictionary) {
                self.store.release(range);
            }
        }
    }
}
