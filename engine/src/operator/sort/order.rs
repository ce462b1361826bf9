//! The order of a lane's rows, found in steps.
//!
//! In: [`LaneRows`]. Out: their ids, by key, then by place, then as they arrived. Pieces of
//! [`STEP_ROWS`] rows are sorted one a step; then neighbours are merged until one piece is left.

use std::cmp::Ordering;

use millwork_codecs::budget::{Budget, Reservation};

use super::prefix::{Prefix, Prefixes};
use super::rows::LaneRows;
use crate::error::Result;

/// Rows that a step sorts, or merges: about as much work as decoding a batch.
pub(super) const STEP_ROWS: usize = 1 << 15;

/// Rows being sorted.
#[derive(Debug)]
pub(super) struct Sorting {
    pieces: Pieces,
    prefixes: Prefixes,
    /// The ids in the order of places, if that is not the order of the ids.
    ids: Option<Vec<u32>>,
    reservation: Reservation,
}

#[derive(Debug)]
enum Pieces {
    Narrow(Merging<u64>),
    Wide(Merging<u128>),
}

/// Positions (in the order of places) with the first bytes of their keys.
#[derive(Debug)]
struct Merging<P> {
    /// Sorted pieces of `width` rows, the last of fewer.
    pairs: Vec<(P, u32)>,
    /// Pieces of twice the width, as far as they are merged.
    merged: Vec<(P, u32)>,
    width: usize,
    /// How far the two pieces that are being merged are used up.
    left: usize,
    right: usize,
    rows: usize,
}

impl Sorting {
    /// A sort of all of `rows`, whose memory is drawn from `budget`.
    ///
    /// # Errors
    /// If the budget refuses.
    pub(super) fn new(rows: &LaneRows, budget: &Budget) -> Result<Self> {
        let (prefixes, count) = (rows.shape.prefixes(), rows.len());
        let pair_bytes = match prefixes.bytes {
            0..=8 => size_of::<(u64, u32)>(),
            _ => size_of::<(u128, u32)>(),
        };
        let lists = if count > STEP_ROWS { 2 } else { 1 };
        let reservation = budget.reserve(count as u64 * (pair_bytes * lists + 8) as u64)?;
        let pieces = match prefixes.bytes {
            0..=8 => Pieces::Narrow(Merging::new(count)),
            _ => Pieces::Wide(Merging::new(count)),
        };
        Ok(Self { pieces, prefixes, ids: rows.ids_by_place(), reservation })
    }

    /// Goes on; true when the order is found.
    pub(super) fn step(&mut self, rows: &LaneRows) -> bool {
        let ids = self.ids.as_deref();
        match &mut self.pieces {
            Pieces::Narrow(merging) => merging.step(rows, ids, &self.prefixes),
            Pieces::Wide(merging) => merging.step(rows, ids, &self.prefixes),
        }
    }

    /// The first `wanted` ids in order, and what holds their memory.
    pub(super) fn into_order(self, wanted: usize) -> Result<(Vec<u32>, Reservation)> {
        let Self { pieces, ids, mut reservation, .. } = self;
        let order = match pieces {
            Pieces::Narrow(merging) => merging.into_order(ids.as_deref(), wanted),
            Pieces::Wide(merging) => merging.into_order(ids.as_deref(), wanted),
        };
        drop(ids);
        reservation.resize(order.capacity() as u64 * 4)?;
        Ok((order, reservation))
    }
}

#[inline]
fn id_of(ids: Option<&[u32]>, position: u32) -> u32 {
    ids.map_or(position, |ids| ids[position as usize])
}

impl<P: Prefix> Merging<P> {
    fn new(rows: usize) -> Self {
        let merged = if rows > STEP_ROWS { rows } else { 0 };
        Self {
            pairs: Vec::with_capacity(rows),
            merged: Vec::with_capacity(merged),
            width: STEP_ROWS,
            left: 0,
            right: 0,
            rows,
        }
    }

    fn step(&mut self, rows: &LaneRows, ids: Option<&[u32]>, prefixes: &Prefixes) -> bool {
        if prefixes.bytes <= P::BYTES {
            return self.step_by(rows, ids, prefixes, |a, b| a.cmp(b));
        }
        self.step_by(rows, ids, prefixes, |a, b| {
            a.0.cmp(&b.0).then_with(|| {
                let key = |pair: &(P, u32)| rows.key(id_of(ids, pair.1));
                key(a).cmp(key(b)).then(a.1.cmp(&b.1))
            })
        })
    }

    #[inline(always)]
    fn step_by(
        &mut self,
        rows: &LaneRows,
        ids: Option<&[u32]>,
        prefixes: &Prefixes,
        compare: impl Fn(&(P, u32), &(P, u32)) -> Ordering,
    ) -> bool {
        if self.pairs.len() < self.rows {
            let start = self.pairs.len();
            let end = self.rows.min(start + STEP_ROWS);
            let pairs = (start as u32..end as u32)
                .map(|position| (P::of(prefixes, rows.key(id_of(ids, position))), position));
            self.pairs.extend(pairs);
            self.pairs[start..].sort_unstable_by(&compare);
        } else if self.width < self.rows {
            self.merge(STEP_ROWS, &compare);
        }
        self.pairs.len() == self.rows && self.width >= self.rows
    }

    /// Merges about `count` rows.
    #[inline(always)]
    fn merge(&mut self, count: usize, compare: impl Fn(&(P, u32), &(P, u32)) -> Ordering) {
        let until = self.rows.min(self.merged.len() + count);
        while self.merged.len() < until {
            let start = self.merged.len() - self.left - self.right;
            let middle = self.rows.min(start + self.width);
            let end = self.rows.min(middle + self.width);
            let (left, right) = (&self.pairs[start..middle], &self.pairs[middle..end]);
            while self.merged.len() < until
                && let (Some(a), Some(b)) = (left.get(self.left), right.get(self.right))
            {
                let is_left = compare(a, b) == Ordering::Less;
                self.merged.push(if is_left { *a } else { *b });
                self.left += usize::from(is_left);
                self.right += usize::from(!is_left);
            }
            let room = until - self.merged.len();
            if self.right == right.len() {
                let tail = &left[self.left..];
                let taken = tail.len().min(room);
                self.merged.extend_from_slice(&tail[..taken]);
                self.left += taken;
            } else if self.left == left.len() {
                let tail = &right[self.right..];
                let taken = tail.len().min(room);
                self.merged.extend_from_slice(&tail[..taken]);
                self.right += taken;
            }
            if self.left + self.right == end - start {
                (self.left, self.right) = (0, 0);
            }
        }
        if self.merged.len() == self.rows {
            std::mem::swap(&mut self.pairs, &mut self.merged);
            self.merged.clear();
            self.width *= 2;
        }
    }

    fn into_order(self, ids: Option<&[u32]>, wanted: usize) -> Vec<u32> {
        drop(self.merged);
        let mut order = Vec::with_capacity(self.rows.min(wanted));
        order.extend(self.pairs.iter().take(wanted).map(|(_, position)| id_of(ids, *position)));
        order
    }
}
