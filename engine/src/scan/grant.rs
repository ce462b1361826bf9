//! What memory lets a scan do at once: how many lanes work, as many as there is memory for and always one; and
//! what is read ahead.
//!
//! A lane takes a morsel, or a row group to cut, only with a *grant*: about what that will take, by what
//! the footer says of its columns. The first grant is always given, so that a query moves whatever the budget, and
//! so is that of the first unfinished morsel: lanes of later ones may hold theirs until its rows have left. A
//! further one is given only if it fits beside those given and what the query's other parts hold. A lane that
//! gets none waits until another gives its grant back. Nothing is reserved here: pages and vectors
//! reserve what they really take, out of the room that the grants of others left.

use std::ops::Range;

use millwork_codecs::budget::Budget;

/// The grants that lanes of a scan hold.
#[derive(Debug, Default)]
pub(super) struct Grants {
    lanes: usize,
    bytes: u64,
}

/// What one lane was granted; it goes back by [`Grants::give_back`].
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Grant(u64);

impl Grants {
    /// A grant of `bytes`, if they are there. `scan` is the consumer of all lanes of the scan.
    pub(super) fn ask(&mut self, bytes: u64, scan: &Budget) -> Option<Grant> {
        let fits = self.promised(scan).saturating_add(bytes) <= scan.limit();
        (self.lanes == 0 || fits).then(|| self.give(bytes))
    }

    /// A grant of `bytes`, whether they are there or not.
    pub(super) fn give(&mut self, bytes: u64) -> Grant {
        self.lanes += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        Grant(bytes)
    }

    /// Whether `ranges` may be read before they are needed: while they, what is granted and what is reserved
    /// take no more than half the memory, so that they never take what work under way needs.
    pub(super) fn has_room_ahead(&self, ranges: &[Range<u64>], scan: &Budget) -> bool {
        let bytes: u64 = ranges.iter().map(|range| range.end - range.start).sum();
        let held = scan.reserved().max(self.promised(scan));
        held.saturating_add(bytes) <= scan.limit() / 2
    }

    /// What lanes were granted, and what the other parts of the query hold.
    fn promised(&self, scan: &Budget) -> u64 {
        let elsewhere = scan.reserved().saturating_sub(scan.consumer_reserved());
        elsewhere.saturating_add(self.bytes)
    }

    /// Takes `grant` back.
    pub(super) fn give_back(&mut self, grant: &Grant) {
        self.lanes = self.lanes.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(grant.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_lane_always_moves_and_more_only_where_there_is_room() {
        let budget = Budget::new(100);
        let scan = budget.consumer("scan");
        let mut grants = Grants::default();
        let large = grants.ask(1_000, &scan).expect("the first");
        assert_eq!(grants.ask(1, &scan), None);
        grants.give_back(&large);
        let first = grants.ask(40, &scan).expect("the first");
        // What the scan itself holds is what its grants are for.
        let _pages = scan.reserve(30).expect("room");
        let second = grants.ask(40, &scan).expect("room");
        assert_eq!(grants.ask(40, &scan), None);
        grants.give_back(&second);
        let _rows = budget.consumer("sort").reserve(30).expect("room");
        assert_eq!(grants.ask(40, &scan), None);
        assert!(grants.ask(30, &scan).is_some());
        grants.give_back(&first);
    }

    #[test]
    fn what_is_read_ahead_leaves_what_was_granted() {
        let budget = Budget::new(100);
        let scan = budget.consumer("scan");
        let mut grants = Grants::default();
        // In two pieces.
        let fits =
            |grants: &Grants, bytes: u64| grants.has_room_ahead(&[0..3, 7..4 + bytes], &scan);
        assert!(fits(&grants, 50) && !fits(&grants, 51));
        let grant = grants.ask(40, &scan).expect("the first");
        assert!(fits(&grants, 10) && !fits(&grants, 11));
        grants.give_back(&grant);
        let _rows = budget.consumer("sort").reserve(45).expect("room");
        assert!(fits(&grants, 5) && !fits(&grants, 6));
    }
}
