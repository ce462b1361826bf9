//! Pages of rows, and the heap of their long strings.

use std::sync::Arc;

use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::{Buffer, BufferMut, View};

use super::layout::RowLayout;
use crate::error::{Error, Result};

/// A page of rows is meant to have about this many bytes.
const PAGE_BYTES: usize = 1 << 18;
/// A heap buffer does not grow beyond this, unless one string is longer.
const HEAP_BYTES: usize = 1 << 20;
/// What a page or heap buffer starts with.
const FIRST_BYTES: usize = 1 << 12;

/// Append-only rows of one layout.
///
/// The id of a row is `page << page_shift | row of the page`; within a store that only appends, ids
/// count up from 0 without gaps.
#[derive(Debug)]
pub struct RowStore {
    pub(super) layout: Arc<RowLayout>,
    pub(super) pages: Vec<Page>,
    pub(super) page_shift: u32,
    pub(super) heap: Heap,
    /// Whether some row of the column is null.
    pub(super) has_nulls: Vec<bool>,
    budget: Budget,
}

#[derive(Debug)]
pub(super) struct Page {
    pub(super) bytes: BufferMut,
    pub(super) rows: usize,
    /// Added to the buffer numbers of the page's views.
    pub(super) heap_base: u32,
}

/// Long strings and nested values.
#[derive(Debug)]
pub(super) struct Heap {
    full: Vec<Buffer>,
    current: BufferMut,
    used_bytes: usize,
    /// All buffers, once the store is sealed.
    sealed: Option<Arc<[Buffer]>>,
}

/// Zeroed bytes from `budget`; a refusal names who holds the memory.
fn allocate(len: usize, budget: &Budget) -> Result<BufferMut> {
    drop(budget.reserve(len as u64)?);
    Ok(BufferMut::zeroed(len, budget)?)
}

impl RowStore {
    /// No rows of `layout`; pages and heap will be drawn from `budget`.
    ///
    /// # Errors
    /// If the budget refuses.
    pub fn new(layout: Arc<RowLayout>, budget: &Budget) -> Result<Self> {
        let rows_per_page = (PAGE_BYTES / layout.width_bytes()).clamp(16, 1 << 16);
        Ok(Self {
            page_shift: rows_per_page.ilog2(),
            pages: Vec::new(),
            heap: Heap {
                full: Vec::new(),
                current: BufferMut::scratch(0)?,
                used_bytes: 0,
                sealed: None,
            },
            has_nulls: vec![false; layout.types().len()],
            layout,
            budget: budget.clone(),
        })
    }

    /// The layout of the rows.
    #[must_use]
    pub fn layout(&self) -> &Arc<RowLayout> {
        &self.layout
    }

    /// Rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pages.iter().map(|page| page.rows).sum()
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pages.is_empty()
    }

    /// Ids of all rows, ascending.
    pub fn ids(&self) -> impl Iterator<Item = u32> + '_ {
        self.pages.iter().enumerate().flat_map(|(page, rows)| {
            let first = (page as u32) << self.page_shift;
            first..first + rows.rows as u32
        })
    }

    /// A page with room for at least one row, and how many rows fit.
    pub(super) fn page_with_room(&mut self, wanted_rows: usize) -> Result<(usize, usize)> {
        let (width, per_page) = (self.layout.width_bytes(), 1usize << self.page_shift);
        if self.pages.last().is_none_or(|page| page.rows == per_page) {
            if self.pages.len() >= 1 << (32 - self.page_shift) {
                return Err(Error::unsupported(
                    "more than 2^32 rows of operator state in one table",
                ));
            }
            let rows = if self.pages.is_empty() { FIRST_BYTES / width } else { per_page };
            let bytes = allocate(rows.clamp(1, per_page) * width, &self.budget)?;
            self.pages.push(Page { bytes, rows: 0, heap_base: 0 });
        }
        let index = self.pages.len() - 1;
        let page = &mut self.pages[index];
        let room = wanted_rows.min(per_page - page.rows);
        let needed = (page.rows + room) * width;
        if needed > page.bytes.len() {
            drop(self.budget.reserve(needed as u64)?);
            page.bytes.resize(needed.max((page.bytes.len() * 2).min(per_page * width)))?;
        }
        Ok((index, room))
    }

    /// The fixed part of row `id`.
    #[inline]
    pub(super) fn row(&self, id: u32) -> (&Page, &[u8]) {
        let width = self.layout.width_bytes();
        let page = &self.pages[(id >> self.page_shift) as usize];
        let start = (id as usize & ((1 << self.page_shift) - 1)) * width;
        (page, &page.bytes.as_slice()[start..start + width])
    }

    /// The string or nested value at `view` of a row of `page`.
    #[inline]
    pub(super) fn bytes_of<'a>(&'a self, page: &Page, view: &'a View) -> &'a [u8] {
        if view.is_inline() {
            return view.bytes(&[]);
        }
        let (buffer, offset) = view.location();
        self.heap.bytes((buffer + page.heap_base) as usize, offset as usize, view.len())
    }

    /// Copies `bytes` into the heap.
    pub(super) fn store_bytes(&mut self, bytes: &[u8]) -> Result<View> {
        self.heap.store(bytes, &self.budget)
    }

    /// Ends appending for now, so that rows can be decoded.
    ///
    /// # Errors
    /// If memory is refused.
    pub fn seal(&mut self) -> Result<()> {
        self.heap.seal()
    }

    /// The heap buffers of a sealed store.
    pub(super) fn sealed_heap(&self) -> Result<&Arc<[Buffer]>> {
        let sealed = self.heap.sealed.as_ref();
        sealed.ok_or_else(|| Error::internal("rows are decoded from a store that is not sealed"))
    }

    /// Takes the pages of `other`, which has the same layout, behind the pages here. Both are sealed
    /// by this. Answers the number to add to the ids that rows had in `other`.
    ///
    /// # Errors
    /// If memory is refused, or ids run out.
    pub fn append_store(&mut self, mut other: Self) -> Result<u32> {
        self.seal()?;
        other.seal()?;
        if self.pages.len() + other.pages.len() > 1 << (32 - self.page_shift) {
            return Err(Error::unsupported("more than 2^32 rows of operator state in one table"));
        }
        let first_id = (self.pages.len() as u32) << self.page_shift;
        let heap_base = self.heap.full.len() as u32;
        self.heap.full.append(&mut other.heap.full);
        self.heap.sealed = Some(self.heap.full.clone().into());
        self.pages.extend(other.pages.into_iter().map(|mut page| {
            page.heap_base += heap_base;
            page
        }));
        for (mine, theirs) in self.has_nulls.iter_mut().zip(&other.has_nulls) {
            *mine |= theirs;
        }
        Ok(first_id)
    }
}

impl Heap {
    pub(super) fn bytes(&self, buffer: usize, offset: usize, len: usize) -> &[u8] {
        let buffer = match self.full.get(buffer) {
            Some(full) => full.as_slice(),
            None => self.current.as_slice(),
        };
        &buffer[offset..offset + len]
    }

    fn store(&mut self, bytes: &[u8], budget: &Budget) -> Result<View> {
        if let Some(view) = View::inline(bytes) {
            return Ok(view);
        }
        if bytes.len() > i32::MAX as usize {
            return Err(Error::unsupported("a value of more than 2 GiB in operator state"));
        }
        self.sealed = None;
        if self.used_bytes + bytes.len() > self.current.len().max(HEAP_BYTES) {
            self.freeze_current()?;
        }
        let (start, end) = (self.used_bytes, self.used_bytes + bytes.len());
        if self.current.is_empty() {
            self.current = allocate(end.max(FIRST_BYTES), budget)?;
        } else if end > self.current.len() {
            drop(budget.reserve(end as u64)?);
            self.current.resize(end.max((self.current.len() * 2).min(HEAP_BYTES)))?;
        }
        self.current.as_mut_slice()[start..end].copy_from_slice(bytes);
        self.used_bytes = end;
        Ok(View::outside(bytes, self.full.len() as u32, start as u32))
    }

    fn freeze_current(&mut self) -> Result<()> {
        if self.used_bytes > 0 {
            let full = std::mem::replace(&mut self.current, BufferMut::scratch(0)?);
            self.full.push(full.freeze());
            self.used_bytes = 0;
        }
        Ok(())
    }

    fn seal(&mut self) -> Result<()> {
        if self.sealed.is_none() {
            self.freeze_current()?;
            self.sealed = Some(self.full.clone().into());
        }
        Ok(())
    }
}
