//! The order of a lane's rows, found in steps.
//!
//! In: [`LaneRows`]. Out: their ids, by key, then by place, then as they arrived. Pieces of
//! [`STEP_ROWS`] rows are sorted one a step; then neighbours are merged until one piece is left. Both
//! look only at the first bytes that tell keys apart. Where these are not all, the rows that are equal
//! in them are then put in order among themselves, so that few rows have to be looked at.

use std::cmp::Ordering;

use millwork_codecs::budget::{Budget, Reservation};

use super::prefix::{Prefix, Prefixes};
use super::rows::LaneRows;
use crate::error::Result;

/// Rows that a step sorts, or merges: about as much work as decoding a batch.
pub(super) const STEP_ROWS: usize = 1 << 15;
/// So often are many rows that are equal in their first bytes sorted by the bytes behind these; then
/// by whole keys.
const MOST_ROUNDS: usize = 4;

/// Rows being sorted.
#[derive(Debug)]
pub(super) struct Sorting {
    pieces: Pieces,
    prefixes: Prefixes,
    /// The ids in the order that rows with equal keys keep; `None` if it is that of the ids.
    ids: Option<Vec<u32>>,
    reservation: Reservation,
    budget: Budget,
    /// How often these rows were found equal in the first bytes.
    round: usize,
}

#[derive(Debug)]
enum Pieces {
    Narrow(Merging<u64>),
    Wide(Merging<u128>),
    Ties(Ties),
}

/// Positions (in the order that equal rows keep) with the first bytes of their keys.
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

/// Ids in the order of the first bytes, being ordered where these are equal.
#[derive(Debug)]
struct Ties {
    pairs: Vec<(u128, u32)>,
    /// What is before this is in order.
    done: usize,
    /// A sort of the many rows from there on that are equal.
    many: Option<Box<Sorting>>,
}

impl Sorting {
    /// A sort of all of `rows`, whose memory is drawn from `budget`.
    ///
    /// # Errors
    /// If the budget refuses.
    pub(super) fn new(rows: &LaneRows, budget: &Budget) -> Result<Self> {
        Self::of(rows.len(), rows.shape.prefixes(), rows.ids_by_place(), budget)
    }

    fn of(
        count: usize,
        prefixes: Prefixes,
        ids: Option<Vec<u32>>,
        budget: &Budget,
    ) -> Result<Self> {
        let is_narrow = prefixes.bytes <= u64::BYTES;
        let pair_bytes = if is_narrow { size_of::<(u64, u32)>() } else { size_of::<(u128, u32)>() };
        let lists = if count > STEP_ROWS { 2 } else { 1 };
        let reservation = budget.reserve(count as u64 * (pair_bytes * lists + 8) as u64)?;
        let pieces = match is_narrow {
            true => Pieces::Narrow(Merging::new(count)),
            false => Pieces::Wide(Merging::new(count)),
        };
        Ok(Self { pieces, prefixes, ids, reservation, budget: budget.clone(), round: 0 })
    }

    /// Goes on; true when the order is found.
    ///
    /// # Errors
    /// If the budget refuses.
    pub(super) fn step(&mut self, rows: &LaneRows) -> Result<bool> {
        let (ids, prefixes) = (self.ids.as_deref(), &self.prefixes);
        let is_exact = prefixes.bytes <= u128::BYTES;
        let merging = match &mut self.pieces {
            Pieces::Narrow(merging) => return Ok(merging.step(rows, ids, prefixes, Ord::cmp)),
            Pieces::Ties(ties) => return ties.step(rows, &self.budget, self.round),
            Pieces::Wide(merging) => merging,
        };
        if !is_exact && self.round == MOST_ROUNDS {
            return Ok(merging.step(rows, ids, prefixes, |a, b| {
                a.0.cmp(&b.0).then_with(|| {
                    let key = |pair: &(u128, u32)| rows.key(id_of(ids, pair.1));
                    key(a).cmp(key(b)).then(a.1.cmp(&b.1))
                })
            }));
        }
        if !merging.step(rows, ids, prefixes, Ord::cmp) {
            return Ok(false);
        }
        if is_exact {
            return Ok(true);
        }
        let mut pairs = std::mem::take(&mut merging.pairs);
        if let Some(ids) = self.ids.take() {
            pairs.iter_mut().for_each(|pair| pair.1 = ids[pair.1 as usize]);
        }
        self.pieces = Pieces::Ties(Ties { pairs, done: 0, many: None });
        Ok(false)
    }

    /// The first `wanted` ids in order, and what holds their memory.
    ///
    /// # Errors
    /// If the budget refuses.
    pub(super) fn into_order(self, wanted: usize) -> Result<(Vec<u32>, Reservation)> {
        let Self { pieces, ids, mut reservation, .. } = self;
        let ids = ids.as_deref();
        let order = match pieces {
            Pieces::Narrow(merging) => in_order(&merging.pairs, ids, wanted),
            Pieces::Wide(merging) => in_order(&merging.pairs, ids, wanted),
            Pieces::Ties(ties) => in_order(&ties.pairs, None, wanted),
        };
        reservation.resize(order.capacity() as u64 * 4)?;
        Ok((order, reservation))
    }
}

#[inline]
fn id_of(ids: Option<&[u32]>, position: u32) -> u32 {
    ids.map_or(position, |ids| ids[position as usize])
}

fn in_order<P>(pairs: &[(P, u32)], ids: Option<&[u32]>, wanted: usize) -> Vec<u32> {
    let mut order = Vec::with_capacity(pairs.len().min(wanted));
    order.extend(pairs.iter().take(wanted).map(|(_, position)| id_of(ids, *position)));
    order
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

    /// Sorts a piece, or merges as many rows; true when one piece is left.
    #[inline(always)]
    fn step(
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
        let is_over = self.pairs.len() == self.rows && self.width >= self.rows;
        if is_over {
            self.merged = Vec::new();
        }
        is_over
    }

    /// Merges `count` rows, or those that are left of this width.
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
            let (used, tail) = match self.right == right.len() {
                true => (&mut self.left, left),
                false => (&mut self.right, right),
            };
            // Both have rows left if `until` is reached.
            let taken = (tail.len() - *used).min(room);
            self.merged.extend_from_slice(&tail[*used..*used + taken]);
            *used += taken;
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
}

impl Ties {
    /// Orders the next rows; true when all are.
    fn step(&mut self, rows: &LaneRows, budget: &Budget, round: usize) -> Result<bool> {
        if let Some(mut sorting) = self.many.take() {
            if !sorting.step(rows)? {
                self.many = Some(sorting);
                return Ok(false);
            }
            let (order, _reservation) = sorting.into_order(usize::MAX)?;
            for (pair, id) in self.pairs[self.done..].iter_mut().zip(&order) {
                pair.1 = *id;
            }
            self.done += order.len();
        }
        let until = self.pairs.len().min(self.done + STEP_ROWS);
        let mut keys: Vec<(&[u8], u32, u32)> = Vec::new();
        while self.done < until {
            let tied = &self.pairs[self.done..];
            let prefix = tied[0].0;
            let count = tied.iter().take_while(|pair| pair.0 == prefix).count();
            let tied = &mut self.pairs[self.done..self.done + count];
            if count > STEP_ROWS {
                let ids: Vec<u32> = tied.iter().map(|pair| pair.1).collect();
                let mut shape = rows.shape.emptied();
                shape.add(ids.iter().map(|id| rows.key(*id)));
                let mut sorting = Sorting::of(count, shape.prefixes(), Some(ids), budget)?;
                sorting.round = round + 1;
                self.many = Some(Box::new(sorting));
                return Ok(false);
            }
            if count > 1 {
                keys.clear();
                let numbered = (0..).zip(&*tied);
                keys.extend(numbered.map(|(number, pair)| (rows.key(pair.1), number, pair.1)));
                keys.sort_unstable();
                for (pair, (_, _, id)) in tied.iter_mut().zip(&keys) {
                    pair.1 = *id;
                }
            }
            self.done += count;
        }
        Ok(self.done == self.pairs.len())
    }
}
