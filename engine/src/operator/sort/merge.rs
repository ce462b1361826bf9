//! The sorted runs of all lanes as one.
//!
//! In: runs. Out: ids of rows, in order, in one store that holds the rows of all lanes. The runs stand
//! in a queue by their next rows; taking a row moves its run back to where its next one belongs.

use std::cell::Cell;
use std::cmp::Ordering;

use millwork_codecs::budget::Reservation;
use millwork_format::batch::BATCH_ROWS;

use super::rows::{Block, Place, block_of};
use super::shared::Run;
use crate::error::Result;
use crate::row::RowStore;

/// Bytes of keys of one run that are copied at once, about.
const KEY_BYTES: usize = 256 << 10;

/// The rows of all lanes, being read in order.
#[derive(Debug)]
pub(super) struct Merge {
    store: RowStore,
    cursors: Vec<Cursor>,
    /// Cursors that have rows, the one with the first row last; not used for a single run.
    queue: Vec<usize>,
}

/// How far a run is read.
#[derive(Debug)]
struct Cursor {
    /// Ids as they were in the lane.
    order: Vec<u32>,
    next: usize,
    /// What the lane's ids have become in the joined store.
    first_id: u32,
    blocks: Vec<Block>,
    /// Where the last comparison of places looked.
    block: Cell<usize>,
    /// The keys of rows from `next` on: what to compare lies together.
    keys: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
    /// How many of them are used.
    used: usize,
    /// Of `order` and `blocks`.
    _reservations: [Reservation; 2],
}

impl Merge {
    /// Joins `runs`; `None` if there are none.
    ///
    /// # Errors
    /// If memory is refused, or there are more than 2^32 rows.
    pub(super) fn new(runs: Vec<Run>) -> Result<Option<Self>> {
        let mut joined: Option<RowStore> = None;
        let mut cursors = Vec::with_capacity(runs.len());
        for run in runs {
            let (store, blocks, of_blocks) = run.rows.into_parts();
            let first_id = match &mut joined {
                Some(joined) => joined.append_store(store)?,
                None => {
                    joined = Some(store);
                    0
                }
            };
            cursors.push(Cursor {
                order: run.order,
                next: 0,
                first_id,
                blocks,
                block: Cell::new(0),
                keys: Vec::new(),
                ends: Vec::new(),
                used: 0,
                _reservations: [run.reservation, of_blocks],
            });
        }
        let Some(mut store) = joined else { return Ok(None) };
        store.seal()?;
        let mut merge = Self { store, queue: Vec::with_capacity(cursors.len()), cursors };
        if merge.cursors.len() == 1 {
            return Ok(Some(merge));
        }
        for index in 0..merge.cursors.len() {
            if merge.cursors[index].load(&merge.store) {
                merge.enqueue(index);
            }
        }
        Ok(Some(merge))
    }

    /// The rows.
    pub(super) fn store(&self) -> &RowStore {
        &self.store
    }

    /// The next `count` rows into `ids`, fewer at the end.
    pub(super) fn next(&mut self, count: usize, ids: &mut Vec<u32>) {
        ids.clear();
        if let [cursor] = &mut self.cursors[..] {
            let end = cursor.order.len().min(cursor.next.saturating_add(count));
            ids.extend_from_slice(&cursor.order[cursor.next..end]);
            cursor.next = end;
            return;
        }
        while ids.len() < count
            && let Some(index) = self.queue.last().copied()
        {
            let cursor = &mut self.cursors[index];
            ids.push(cursor.first_id + cursor.order[cursor.next]);
            cursor.next += 1;
            cursor.used += 1;
            if cursor.used == cursor.ends.len() && !cursor.load(&self.store) {
                self.queue.pop();
            } else if let [.., second, first] = self.queue[..]
                && self.compare(second, first) == Ordering::Less
            {
                self.queue.pop();
                self.enqueue(index);
            }
        }
    }

    /// Leaves out the next `count` rows, at most `most` of them if runs have to be compared. Answers
    /// how many it left out; none at the end.
    pub(super) fn skip(&mut self, count: u64, most: usize) -> u64 {
        if let [cursor] = &mut self.cursors[..] {
            // Nothing has to be compared.
            let left = (cursor.order.len() - cursor.next) as u64;
            cursor.next += left.min(count) as usize;
            return left.min(count);
        }
        let mut ids = Vec::new();
        self.next(count.min(most as u64) as usize, &mut ids);
        ids.len() as u64
    }

    fn enqueue(&mut self, index: usize) {
        let place =
            self.queue.partition_point(|queued| self.compare(*queued, index) == Ordering::Greater);
        self.queue.insert(place, index);
    }

    /// Compares the next rows of two cursors.
    #[inline]
    fn compare(&self, left: usize, right: usize) -> Ordering {
        let (a, b) = (&self.cursors[left], &self.cursors[right]);
        a.key().cmp(b.key()).then_with(|| a.place().cmp(&b.place())).then(left.cmp(&right))
    }
}

impl Cursor {
    /// Reads the keys of the next rows; false if there are none.
    fn load(&mut self, store: &RowStore) -> bool {
        self.keys.clear();
        self.ends.clear();
        self.used = 0;
        let end = self.order.len().min(self.next + BATCH_ROWS);
        for id in &self.order[self.next..end] {
            self.keys.extend_from_slice(store.value_bytes(0, self.first_id + id));
            self.ends.push(self.keys.len());
            if self.keys.len() > KEY_BYTES {
                break;
            }
        }
        end > self.next
    }

    #[inline]
    fn key(&self) -> &[u8] {
        let start = if self.used == 0 { 0 } else { self.ends[self.used - 1] };
        &self.keys[start..self.ends[self.used]]
    }

    /// Where the next row came from.
    fn place(&self) -> Option<Place> {
        let id = self.order[self.next];
        let block = self.block.get();
        let is_in = |block: usize| {
            self.blocks.get(block).is_some_and(|block| block.first_id <= id)
                && self.blocks.get(block + 1).is_none_or(|next| id < next.first_id)
        };
        let block = if is_in(block) { block } else { block_of(&self.blocks, id) };
        self.block.set(block);
        self.blocks.get(block).map(|block| block.place)
    }
}
