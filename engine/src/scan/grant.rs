//! How many lanes of a scan work at once: as many as their memory is there for, and always one.
//!
//! A lane takes a morsel only with a *grant*: about what the morsel will take, by what the footer says
//! of its columns. The first grant is always given, so that a query moves whatever the budget; a
//! further one only if it fits beside those given and what the query's other parts hold. A lane that
//! gets none waits until another gives its grant back. Nothing is reserved here: pages and vectors
//! reserve what they really take, out of the room that the grants of others left.

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
        let elsewhere = scan.reserved().saturating_sub(scan.consumer_reserved());
        let room = scan.limit().saturating_sub(elsewhere);
        if self.lanes > 0 && self.bytes.saturating_add(bytes) > room {
            return None;
        }
        self.lanes += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        Some(Grant(bytes))
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
}
