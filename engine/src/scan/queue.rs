//! The queue of work that the lanes of a scan take from.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::task::Waker;

use millwork_codecs::budget::Budget;
use millwork_format::batch::MorselId;
use millwork_format::read::RowGroupScan;

use super::ScanShared;
use super::grant::{Grant, Grants};
use super::morsel::{MorselScan, PlannedMorsel};

/// What is left to do.
///
/// Invariant: units are in the order of their morsels, so that lanes work on neighbouring ones and the
/// first unfinished morsel is never behind one that waits for it.
#[derive(Debug, Default)]
pub(super) struct Queue {
    units: VecDeque<Unit>,
    /// Row groups that a lane is cutting: more units may come.
    being_cut: usize,
    /// Morsels of which rows may still come; a row group that is not cut yet counts as its first.
    unfinished: BTreeSet<MorselId>,
    grants: Grants,
    waiting: Vec<Waker>,
}

/// A piece of work.
#[derive(Debug)]
pub(super) enum Unit {
    /// A row group to be cut, and whether its indexes were asked for.
    Group { file: usize, ordinal: usize, group: Option<Arc<RowGroupScan>> },
    /// A morsel.
    Planned(PlannedMorsel),
    /// A morsel with its first bytes asked for.
    Morsel(Box<MorselScan>),
}

impl Unit {
    /// The same; a morsel whose turn has come is ready to be scanned.
    fn begun(self, shared: &ScanShared) -> Self {
        match self {
            Self::Planned(morsel) => Self::Morsel(morsel.begin(shared)),
            other => other,
        }
    }

    pub(super) fn id(&self) -> MorselId {
        match self {
            Self::Group { file, ordinal, .. } => group_id(*file, *ordinal),
            Self::Planned(morsel) => morsel.id,
            Self::Morsel(morsel) => morsel.id(),
        }
    }
}

/// The first morsel of a row group.
pub(super) fn group_id(file: usize, ordinal: usize) -> MorselId {
    MorselId { file: file as u32, row_group: ordinal as u32, morsel: 0 }
}

/// What a lane gets from the queue.
#[derive(Debug)]
pub(super) enum Taken {
    /// Work, and the grant for it. A row group counts as being cut until [`ScanShared::put_morsels`], a
    /// morsel as unfinished until [`ScanShared::finish_morsel`].
    Unit(Unit, Grant),
    /// None now; more may come.
    Later,
    /// None any more.
    Nothing,
}

impl Queue {
    /// Of these units, which are in order.
    pub(super) fn new(units: VecDeque<Unit>) -> Self {
        let unfinished = units.iter().map(Unit::id).collect();
        Self { units, unfinished, ..Self::default() }
    }

    pub(super) fn first_unfinished(&self) -> MorselId {
        self.unfinished.first().copied().unwrap_or(MorselId::END)
    }

    /// As [`ScanShared::take`].
    pub(super) fn take(&mut self, shared: &ScanShared, waker: &Waker, budget: &Budget) -> Taken {
        let Some(unit) = self.units.pop_front() else {
            if self.being_cut == 0 {
                return Taken::Nothing;
            }
            self.waiting.push(waker.clone());
            return Taken::Later;
        };
        let unit = unit.begun(shared);
        let bytes = shared.bytes_about(&unit);
        // What lanes of later morsels have ready may wait for the first, which so waits for none of them.
        let granted = match unit.id() == self.first_unfinished() {
            true => Some(self.grants.give(bytes)),
            false => self.grants.ask(bytes, budget),
        };
        let Some(grant) = granted else {
            self.units.push_front(unit);
            self.waiting.push(waker.clone());
            return Taken::Later;
        };
        self.being_cut += usize::from(matches!(unit, Unit::Group { .. }));
        Taken::Unit(unit, grant)
    }

    /// The first `count` units, and what was granted to others.
    pub(super) fn next(&mut self, count: usize) -> (impl Iterator<Item = &mut Unit>, &Grants) {
        (self.units.iter_mut().take(count), &self.grants)
    }

    /// Puts the morsels of the row group whose first is `place`, which is cut now, where it was.
    pub(super) fn put(&mut self, place: MorselId, morsels: Vec<PlannedMorsel>) {
        self.unfinished.remove(&place);
        self.unfinished.extend(morsels.iter().map(|morsel| morsel.id));
        // Few, as it was the first when it was taken; behind it there may be any number.
        let at = self.units.partition_point(|unit| unit.id() < place);
        let before: Vec<Unit> = self.units.drain(..at).collect();
        let morsels = morsels.into_iter().map(Unit::Planned);
        for unit in before.into_iter().chain(morsels).rev() {
            self.units.push_front(unit);
        }
        self.being_cut = self.being_cut.saturating_sub(1);
    }

    /// Notes that no rows of morsel `id` come any more.
    pub(super) fn finish(&mut self, id: MorselId) {
        self.unfinished.remove(&id);
    }

    /// Takes the grant of a lane back. Answers who waits for one.
    #[must_use]
    pub(super) fn give_back(&mut self, grant: &Grant) -> Vec<Waker> {
        self.grants.give_back(grant);
        std::mem::take(&mut self.waiting)
    }
}
