//! One column chunk, shared by the readers of its row group.
//!
//! It knows where its pages lie (`layout`), decodes its dictionary once, opens a page that several
//! morsels share once, and gives the bytes of a page back when its last morsel is through with it.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::Buffer;
use millwork_codecs::compression::Codec;

use super::layout::{Extent, Layout, dictionary_among, page_among};
use super::{File, ScanLeaf, ScanMetrics};
use crate::column::{PageCursor, carried_value, decode_dictionary};
use crate::error::{Error, ErrorKind, Feature, Limit, Place, Result};
use crate::io::{RangeStore, Reader};
use crate::metadata::{ColumnChunk, Encoding, OffsetIndex, PageHeader, PageKind};
use crate::page::{DataPage, PageContext, PageStart, codec_of};
use crate::types::DataType;
use crate::vector::Dictionary;

/// A column chunk of a row group that is being scanned.
#[derive(Debug)]
pub(super) struct Chunk {
    column: usize,
    leaf: Arc<ScanLeaf>,
    place: Place,
    codec: Codec,
    row_group: usize,
    extent: Extent,
    /// The same where pages were found not to be as long as the footer says, and how that was found.
    corrected: OnceLock<(Extent, Error, Reader)>,
    /// Whether v2 headers of its writer say nothing about compression.
    denies_compression: bool,
    /// Whether offset indexes of its writer count elements of lists as rows.
    miscounts_rows: bool,
    /// Where values of DELTA_BYTE_ARRAY may begin as those of the page before: by page its last value, as far
    /// as that is known.
    carried: Option<Mutex<Vec<Buffer>>>,
    store: Arc<RangeStore>,
    /// Its units are there until it leaves.
    reader: Reader,
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
    /// First rows of morsels that were through with it before its pages were known.
    unseen: HashSet<u64>,
}

#[derive(Debug, Default)]
struct Slot {
    users: usize,
    users_left: usize,
    page: Option<Arc<DataPage>>,
    /// Where morsels that end inside the page left it: those behind them go on from there.
    left_at: Vec<PageCursor>,
}

impl Slot {
    /// Places that are kept: with a morsel for each lane the next is not far behind one of them.
    const MOST_PLACES: usize = 8;
}

#[derive(Debug)]
enum DictionaryState {
    Unread,
    /// Decoded by pruning, from the page that fills these bytes of the file.
    Offered(Range<u64>, Arc<Dictionary>),
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
        let codec = codec_of(chunk.compression()).map_err(|error| error.at(&place))?;
        let range = match rows {
            0 => Ok(0..0),
            _ => match chunk.chunk_range() {
                Ok(range) if !range.is_empty() => Ok(range),
                Ok(_) => chunk.most_range(),
                Err(error) => chunk.most_range().map_err(|_| error),
            },
        };
        let range = range.map_err(|error| error.at(&place))?;
        let is_stretched = range.end - range.start > chunk.total_compressed_size();
        let reader = store.enter(&range);
        let extent = Extent {
            range,
            rows,
            is_stretched,
            num_values: chunk.num_values(),
            is_repeated: leaf.is_repeated(),
            aligns_pages: chunk.aligns_pages(),
            data_start: chunk.data_page_offset(),
        };
        // Of nulls alone a dictionary says nothing.
        let dictionary = match leaf.shape.data_type {
            DataType::Null => DictionaryState::Read(None),
            _ => DictionaryState::Unread,
        };
        Ok(Self {
            column,
            leaf,
            place,
            codec,
            row_group: chunk.row_group(),
            extent,
            corrected: OnceLock::new(),
            denies_compression: chunk.denies_compression(),
            miscounts_rows: chunk.miscounts_rows(),
            carried: chunk.carries_prefixes().then(Mutex::default),
            store,
            reader,
            metrics,
            state: Mutex::default(),
            dictionary: Mutex::new(dictionary),
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
        self.extent.num_values
    }

    /// Whether all values of a row that starts in a page are known to lie in it.
    pub(super) fn has_whole_rows(&self) -> bool {
        !self.extent.is_repeated || self.extent.aligns_pages
    }

    pub(super) fn compressed_bytes(&self) -> u64 {
        self.extent().range.end - self.extent().range.start
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
        if self.carried.is_some() {
            return Err(Error::corrupt("an offset index of pages that go on from one another"));
        }
        if self.miscounts_rows && self.extent.is_repeated {
            return Err(Error::corrupt("an offset index that counts elements as rows"));
        }
        self.set_layout(self.extent.by_index(index)?);
        Ok(())
    }

    /// The unit that has to be read before the layout is known; `None` if it is known. Memory for many pages is
    /// taken from `budget`.
    ///
    /// # Errors
    /// `Corrupt` or `Truncated` if the page headers cannot be walked; `LimitExceeded` if memory is refused.
    pub(super) fn want_layout(&self, file: &File, budget: &Budget) -> Result<Option<Range<u64>>> {
        if self.layout().is_some() {
            return Ok(None);
        }
        if self.extent.rows == 0 {
            self.set_layout(Extent::without_rows());
            return Ok(None);
        }
        let extent = self.extent();
        let Some(bytes) = self.store.get(&extent.range)? else {
            return Ok(Some(extent.range.clone()));
        };
        match extent.by_headers(&bytes, file.limits(), budget) {
            Ok(layout) => {
                self.set_layout(layout);
                Ok(None)
            }
            Err(error) if *error.kind() == ErrorKind::LimitExceeded(Limit::Memory) => {
                Err(error.at(&self.place))
            }
            Err(error) => self.correct(file, &extent.range, error).map(Some),
        }
    }

    fn extent(&self) -> &Extent {
        self.corrected.get().map_or(&self.extent, |(extent, ..)| extent)
    }

    /// Pages cannot be walked in `range`, for `error`: the range to try next.
    ///
    /// # Errors
    /// `error`, or how it began, if there is none.
    fn correct(&self, file: &File, range: &Range<u64>, error: Error) -> Result<Range<u64>> {
        if let Some((corrected, first, _)) = self.corrected.get() {
            return match corrected.range == *range {
                true => Err(first.clone()),
                false => Ok(corrected.range.clone()),
            };
        }
        let error = error.at(&self.place);
        let Some(chunk) = file.footer().column(self.row_group, self.leaf.leaf) else {
            return Err(error);
        };
        let most = chunk.most_range().map_err(|error| error.at(&self.place))?;
        if most == *range {
            return Err(error);
        }
        let extent = Extent { range: most.clone(), is_stretched: false, ..self.extent.clone() };
        let reader = self.store.enter(&most);
        match self.corrected.set((extent, error, reader)) {
            Ok(()) => self.store.leave(&self.reader),
            Err((_, _, reader)) => self.store.leave(&reader),
        }
        Ok(most)
    }

    /// The unit of the dictionary page, if it is neither decoded nor here.
    pub(super) fn want_dictionary(&self, layout: &Layout) -> Result<Option<Range<u64>>> {
        let Some(range) = &layout.dictionary else { return Ok(None) };
        if lock(&self.dictionary).settle(layout).is_some() {
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

    /// Takes a dictionary of this chunk that pruning has decoded already, from the page that fills
    /// `range`. It counts if the layout has the dictionary there.
    pub(super) fn offer_dictionary(&self, range: Range<u64>, dictionary: Arc<Dictionary>) {
        let mut state = lock(&self.dictionary);
        if matches!(*state, DictionaryState::Unread) {
            *state = DictionaryState::Offered(range, dictionary);
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
        if let Some(dictionary) = state.settle(layout) {
            return Ok(dictionary);
        }
        let dictionary = match &layout.dictionary {
            None => None,
            Some(range) => {
                let place = Place {
                    dictionary_page: true,
                    file_offset: Some(range.start),
                    ..Place::default()
                };
                let read = self.read_dictionary(layout, range, context);
                let lost = |error: Error| error.rows_lost(self.extent.rows);
                let dictionary = read.map_err(|error| lost(error).at(&place).at(&self.place))?;
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
        layout: &Layout,
        range: &Range<u64>,
        context: &mut PageContext,
    ) -> Result<Option<Arc<Dictionary>>> {
        let Some(mut bytes) = self.store.get(range)? else {
            return Err(Error::internal("the dictionary page is not here"));
        };
        let mut start = range.start;
        if !layout.whole {
            let found = dictionary_among(&bytes, start, context.limits())?;
            // Or a gap between the chunk's start and its first data page.
            let Some(found) = found else { return Ok(None) };
            start += found.start as u64;
            bytes = bytes.slice(found).unwrap_or_else(Buffer::empty);
        }
        let page = PageStart::read(&bytes, start, context.limits())?;
        let PageKind::Dictionary { num_values, encoding, .. } = page.header.kind else {
            return Err(Error::internal("a dictionary page that is none"));
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
        let mut page = self.cut_page(layout, index, context)?;
        if let Some(carried) = self.carried.as_ref().filter(|_| index > 0)
            && page.encoding == Encoding::DeltaByteArray
        {
            page.before = self.value_before(&mut lock(carried), layout, index, context)?;
        }
        self.metrics.page_opened(self.column);
        Ok(Arc::new(page))
    }

    /// The last value in front of page `index`: pages that were not walked for theirs are. All pages are
    /// here: without an offset index the chunk is one unit.
    fn value_before(
        &self,
        known: &mut Vec<Buffer>,
        layout: &Layout,
        index: usize,
        context: &mut PageContext,
    ) -> Result<Buffer> {
        while known.len() < index {
            let at = known.len();
            let mut page = self.cut_page(layout, at, context)?;
            page.before = known.last().cloned().unwrap_or_else(Buffer::empty);
            let last = carried_value(&page, context.budget());
            known.push(last.map_err(|error| self.locate(error, layout, at))?);
        }
        let before = index.checked_sub(1).and_then(|before| known.get(before));
        Ok(before.cloned().unwrap_or_else(Buffer::empty))
    }

    fn cut_page(
        &self,
        layout: &Layout,
        index: usize,
        context: &mut PageContext,
    ) -> Result<DataPage> {
        let location = &layout.pages[index];
        let open = |context: &mut PageContext| {
            let Some(bytes) = self.store.get(&location.range)? else {
                return Err(Error::internal("the page is not here"));
            };
            let mut start = PageStart::read(&bytes, location.range.start, context.limits())?;
            if self.denies_compression {
                start = start.with_compression();
            }
            if !layout.whole {
                let behind = location.range.start + start.header.page_bytes()..location.range.end;
                let header_at = |offset: u64| {
                    let rest = bytes.get((offset - location.range.start) as usize..);
                    PageHeader::parse(rest.unwrap_or_default(), offset, context.limits())
                };
                if page_among(behind, header_at)?.is_some() {
                    return Err(Error::corrupt("two pages where the offset index has one"));
                }
            }
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
            if page.continues() && ((layout.rows_known && layout.is_aligned) || index == 0) {
                return Err(Error::corrupt("a page that begins inside a row"));
            }
            Ok(page)
        };
        open(context).map_err(|error| self.locate(error, layout, index))
    }

    /// Keeps the place at which a morsel left page `index`, if others will read on in it.
    pub(super) fn leave_at(&self, index: usize, cursor: PageCursor) {
        let mut state = lock(&self.state);
        let Some(slot) = state.slots.get_mut(index).filter(|slot| slot.users_left > 1) else {
            return;
        };
        if slot.left_at.len() == Slot::MOST_PLACES {
            slot.left_at.remove(0);
        }
        slot.left_at.push(cursor);
    }

    /// The last place in page `index`, not behind its row `row`, at which another morsel left it.
    pub(super) fn nearest(&self, index: usize, row: usize) -> Option<PageCursor> {
        let state = lock(&self.state);
        let places = state.slots.get(index)?.left_at.iter().filter(|cursor| cursor.row() <= row);
        places.max_by_key(|cursor| cursor.row()).cloned()
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
                slot.left_at = Vec::new();
                if !layout.whole {
                    self.store.release(&layout.pages[index].range);
                }
            }
        }
    }

    /// The morsel of rows `rows` is through with this chunk, of which it was through with pages `seen` before, or
    /// has not seen any.
    pub(super) fn finish_morsel(&self, rows: &Range<u64>, seen: Option<Range<usize>>) {
        let layout = self.layout();
        match (&layout, seen) {
            (Some(layout), Some(pages)) => self.finish_pages(layout, pages),
            (Some(layout), None) => self.finish_pages(layout, layout.overlapping(rows)),
            (None, _) => {
                lock(&self.state).unseen.insert(rows.start);
            }
        }
        let mut state = lock(&self.state);
        state.whole_users = state.whole_users.saturating_sub(1);
        let whole = state.layout.as_ref().is_none_or(|layout| layout.whole);
        if state.whole_users == 0 && whole {
            self.store.release(&self.extent().range);
        }
    }
}

impl DictionaryState {
    /// The dictionary of a chunk of that layout, if it is known.
    fn settle(&mut self, layout: &Layout) -> Option<Option<Arc<Dictionary>>> {
        if let Self::Offered(range, dictionary) = self {
            let is_there = layout.dictionary.as_ref() == Some(range);
            let dictionary = Arc::clone(dictionary);
            *self = if is_there { Self::Read(Some(dictionary)) } else { Self::Unread };
        }
        match self {
            Self::Read(dictionary) => Some(dictionary.clone()),
            _ => None,
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
            let is_left = !self.unseen.contains(&cut.start);
            for index in layout.overlapping(cut) {
                slots[index].users += 1;
                slots[index].users_left += usize::from(is_left);
            }
        }
        self.slots = slots;
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        self.store.leave(&self.reader);
        if let Some((_, _, reader)) = self.corrected.get() {
            self.store.leave(reader);
        }
    }
}
