//! The rows of one lane, and where they came from.
//!
//! In: batches with their keys. Out: rows by id, their keys and places. Rows arrive in blocks, one a
//! batch; which block a row is of follows from its id.

use std::sync::Arc;

use millwork_codecs::budget::{Budget, Reservation};
use millwork_format::batch::Origin;
use millwork_format::vector::Vector;

use super::prefix::KeyShape;
use crate::error::Result;
use crate::row::{RowLayout, RowStore, SortKeys};

/// What puts rows with equal keys in order. Rows of one place stay as they arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) origin: Option<Origin>,
    pub(super) lane: usize,
}

/// Rows of one place that arrived together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    pub(super) first_id: u32,
    pub(super) place: Place,
}

/// The rows of one lane. Column 0 of the store is the key, the others are the input's.
#[derive(Debug)]
pub(super) struct LaneRows {
    pub(super) store: RowStore,
    /// By ascending id.
    pub(super) blocks: Vec<Block>,
    pub(super) shape: KeyShape,
    rows: usize,
    /// Of the blocks.
    reservation: Reservation,
}

impl LaneRows {
    /// No rows of `layout`, whose keys are of `key_width_bytes` if all are of one width.
    ///
    /// # Errors
    /// If the budget refuses.
    pub(super) fn new(
        layout: &Arc<RowLayout>,
        key_width_bytes: Option<usize>,
        budget: &Budget,
    ) -> Result<Self> {
        Ok(Self {
            store: RowStore::new(Arc::clone(layout), budget)?,
            blocks: Vec::new(),
            shape: KeyShape::new(key_width_bytes),
            rows: 0,
            reservation: budget.reserve(0)?,
        })
    }

    /// Rows; their ids count up from 0.
    pub(super) fn len(&self) -> usize {
        self.rows
    }

    /// The key of row `id`.
    #[inline]
    pub(super) fn key(&self, id: u32) -> &[u8] {
        self.store.value_bytes(0, id)
    }

    /// Where row `id` came from.
    pub(super) fn place(&self, id: u32) -> Option<Place> {
        self.blocks.get(block_of(&self.blocks, id)).map(|block| block.place)
    }

    /// Adds rows `rows[i]` of `columns` with key `key_of[i]` of `keys`, all of `place`.
    pub(super) fn add(
        &mut self,
        place: Place,
        keys: &SortKeys,
        key_of: &[u32],
        columns: &[Vector],
        rows: &[u32],
    ) -> Result<()> {
        self.shape.add(key_of.iter().map(|key| keys.get(*key as usize)));
        let first_id = self.store.append_keyed(keys, key_of, columns, rows)?;
        self.open_block(first_id, place)?;
        self.rows += rows.len();
        Ok(())
    }

    /// Adds copies of the rows `ids` of `other`; ids ascend, over all calls.
    pub(super) fn add_copies(&mut self, other: &Self, ids: &[u32]) -> Result<()> {
        let first_id = self.store.append_rows(&other.store, ids)?;
        self.shape.add(ids.iter().map(|id| other.key(*id)));
        self.rows += ids.len();
        let mut block = None;
        for (position, id) in ids.iter().enumerate() {
            let of = block_of(&other.blocks, *id);
            if block != Some(of)
                && let Some(found) = other.blocks.get(of)
            {
                block = Some(of);
                self.open_block(first_id + position as u32, found.place)?;
            }
        }
        Ok(())
    }

    /// The store, and the blocks by ascending id.
    pub(super) fn into_parts(self) -> (RowStore, Vec<Block>, Reservation) {
        (self.store, self.blocks, self.reservation)
    }

    fn open_block(&mut self, first_id: u32, place: Place) -> Result<()> {
        if self.blocks.last().is_some_and(|last| last.place == place) {
            return Ok(());
        }
        if self.blocks.len() == self.blocks.capacity() {
            let blocks = (self.blocks.len() * 2).max(4);
            self.reservation.resize((blocks * size_of::<Block>()) as u64)?;
            self.blocks.reserve_exact(blocks - self.blocks.len());
        }
        self.blocks.push(Block { first_id, place });
        Ok(())
    }

    /// All ids in the order of their places; `None` where that is the order of the ids.
    pub(super) fn ids_by_place(&self) -> Option<Vec<u32>> {
        if self.blocks.is_sorted_by_key(|block| block.place) {
            return None;
        }
        let ends = self.blocks.iter().skip(1).map(|block| block.first_id);
        let ends = ends.chain(std::iter::once(self.rows as u32));
        let mut ranges: Vec<(Place, u32, u32)> =
            self.blocks.iter().zip(ends).map(|(b, end)| (b.place, b.first_id, end)).collect();
        ranges.sort_unstable();
        let mut ids = Vec::with_capacity(self.rows);
        ids.extend(ranges.into_iter().flat_map(|(_, start, end)| start..end));
        Some(ids)
    }
}

/// Which of `blocks` row `id` is of.
pub(super) fn block_of(blocks: &[Block], id: u32) -> usize {
    blocks.partition_point(|block| block.first_id <= id).saturating_sub(1)
}
