//! The bytes of one file that its readers hold at the moment.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use millwork_codecs::buffer::{Buffer, BufferMut};

use super::coalesce;
use crate::error::{Error, Result};

/// Ranges of one file: asked for, or here. Shared by all readers of the file.
///
/// Bytes are wanted in *units* (a page, a dictionary, an index), which do not overlap. A unit is
/// *claimed*, read from, and *released*; claiming it again changes nothing. What was read goes when all
/// the units claimed of it are released.
///
/// A column chunk *enters* with its range and *leaves* when it is through. Where the ranges of several
/// overlap, as those of row groups that name the same bytes do, units stay until all have left: what
/// one gives back another may be about to read.
#[derive(Debug, Default)]
pub struct RangeStore {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// By first byte. Entries overlap only where a file lies about what lies where.
    entries: BTreeMap<u64, Entry>,
    /// The length of the longest entry there ever was: none that starts further back reaches a byte.
    longest: u64,
    /// Ranges of the chunks that are read, by first byte and number: the byte behind each.
    readers: BTreeMap<(u64, u64), u64>,
    /// The length of the longest of those there ever was, and the next number.
    longest_reader: u64,
    next_reader: u64,
    wakers: Vec<Waker>,
    bytes_delivered: u64,
}

/// A chunk that has entered.
#[derive(Debug)]
pub struct Reader {
    start: u64,
    number: u64,
}

#[derive(Debug)]
struct Entry {
    end: u64,
    state: State,
    /// First bytes of the units that are claimed.
    claimed: BTreeSet<u64>,
}

#[derive(Debug)]
enum State {
    Pending,
    Here(Buffer),
    Failed(Error),
}

impl RangeStore {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The bytes of `range` if they are here, `None` if they are not yet asked for or on their way.
    ///
    /// # Errors
    /// That of the request that was to bring them.
    pub fn get(&self, range: &Range<u64>) -> Result<Option<Buffer>> {
        if range.start >= range.end {
            return Ok(Some(Buffer::empty()));
        }
        let inner = self.lock();
        let Some((start, entry)) = inner.holder(range) else {
            return Ok(None);
        };
        match &entry.state {
            State::Pending => Ok(None),
            State::Failed(error) => Err(error.clone()),
            State::Here(bytes) => {
                let local = (range.start - start) as usize..(range.end - start) as usize;
                Ok(bytes.slice(local))
            }
        }
    }

    /// Claims the units `wanted` (sorted) and answers the
    /// ranges that have to be asked for, each with room for it from `allocate`: those no entry
    /// holds, joined where they touch. They are pending from now on.
    ///
    /// Gaps are not read over: what lies in one may be wanted later, and would be read twice.
    ///
    /// # Errors
    /// That of `allocate`; nothing is claimed then.
    pub fn claim(
        &self,
        wanted: &[Range<u64>],
        mut allocate: impl FnMut(usize) -> Result<BufferMut>,
    ) -> Result<Vec<(Range<u64>, BufferMut)>> {
        let mut inner = self.lock();
        let (held, mut missing): (Vec<_>, Vec<_>) =
            wanted.iter().cloned().partition(|range| inner.holder(range).is_some());
        missing.sort_unstable_by_key(|range| range.start);
        let mut asked = Vec::new();
        for piece in coalesce(missing.clone()) {
            let room = allocate((piece.end - piece.start) as usize)?;
            asked.push((piece, room));
        }
        for range in &held {
            if let Some(entry) = inner.holder_mut(range) {
                entry.claimed.insert(range.start);
            }
        }
        for (piece, _) in &asked {
            let first = missing.partition_point(|range| range.start < piece.start);
            let mut claimed: BTreeSet<u64> = missing[first..]
                .iter()
                .take_while(|range| range.start <= piece.end)
                .map(|range| range.start)
                .collect();
            // Units of a file that lies may overlap: the longer one serves the shorter.
            if let Some(shorter) = inner.entries.remove(&piece.start) {
                claimed.extend(shorter.claimed);
            }
            inner.longest = inner.longest.max(piece.end - piece.start);
            let entry = Entry { end: piece.end, state: State::Pending, claimed };
            inner.entries.insert(piece.start, entry);
        }
        Ok(asked)
    }

    /// Puts the answer to a request in its place and wakes whoever waits.
    pub fn deliver(&self, start: u64, bytes: Result<Buffer>) {
        let wakers = {
            let mut inner = self.lock();
            if let Ok(bytes) = &bytes {
                inner.bytes_delivered += bytes.len() as u64;
            }
            let is_answer = |entry: &Entry| match &bytes {
                // The answer to a shorter request that another one has taken the place of.
                Ok(bytes) => bytes.len() as u64 == entry.end - start,
                Err(_) => true,
            };
            if let Some(entry) = inner.entries.get_mut(&start).filter(|entry| is_answer(entry)) {
                entry.state = match bytes {
                    Ok(bytes) => State::Here(bytes),
                    Err(error) => State::Failed(error),
                };
                if entry.claimed.is_empty() {
                    inner.entries.remove(&start);
                }
            }
            std::mem::take(&mut inner.wakers)
        };
        for waker in wakers {
            waker.wake();
        }
    }

    /// Wakes `waker` at the next delivery.
    pub fn wake_at_delivery(&self, waker: &Waker) {
        let mut inner = self.lock();
        if !inner.wakers.iter().any(|known| known.will_wake(waker)) {
            inner.wakers.push(waker.clone());
        }
    }

    /// From now on units within `range` are there for this reader, too.
    #[must_use]
    pub fn enter(&self, range: &Range<u64>) -> Reader {
        let mut inner = self.lock();
        let reader = Reader { start: range.start, number: inner.next_reader };
        inner.next_reader += 1;
        inner.longest_reader = inner.longest_reader.max(range.end.saturating_sub(range.start));
        inner.readers.insert((reader.start, reader.number), range.end);
        reader
    }

    /// The reader is through: units of its range that are there for nobody else are released.
    pub fn leave(&self, reader: &Reader) {
        let mut inner = self.lock();
        let Some(end) = inner.readers.remove(&(reader.start, reader.number)) else { return };
        let range = reader.start..end;
        let reach = range.start.saturating_sub(inner.longest)..range.end;
        let claimed = inner.entries.range(reach).flat_map(|(start, entry)| {
            entry.claimed.range(range.clone()).map(|unit| (*start, *unit))
        });
        let gone: Vec<(u64, u64)> =
            claimed.filter(|(_, unit)| !inner.has_readers(&(*unit..*unit + 1), 1)).collect();
        for (start, unit) in gone {
            inner.give_back(start, unit);
        }
    }

    /// Gives back a unit; one that is not claimed is none to give back, nor is one that several readers
    /// may want.
    pub fn release(&self, range: &Range<u64>) {
        let mut inner = self.lock();
        if inner.has_readers(range, 2) {
            return;
        }
        let Some(start) = inner.holder(range).map(|(start, _)| start) else { return };
        inner.give_back(start, range.start);
    }

    /// Bytes that drivers delivered so far.
    #[must_use]
    pub fn bytes_delivered(&self) -> u64 {
        self.lock().bytes_delivered
    }

    /// Entries held at the moment: 0 once every reader has released what it claimed.
    #[must_use]
    pub fn held(&self) -> usize {
        self.lock().entries.len()
    }
}

impl Inner {
    /// Whether the ranges of at least `count` readers overlap `range`.
    fn has_readers(&self, range: &Range<u64>, count: usize) -> bool {
        let first = range.start.saturating_sub(self.longest_reader);
        let near = self.readers.range((first, 0)..(range.end, 0));
        near.filter(|(_, end)| **end > range.start).take(count).count() == count
    }

    /// Takes the claim of the unit that starts at `unit` from the entry that starts at `start`.
    fn give_back(&mut self, start: u64, unit: u64) {
        let Some(entry) = self.entries.get_mut(&start) else { return };
        entry.claimed.remove(&unit);
        if entry.claimed.is_empty() && !matches!(entry.state, State::Pending) {
            self.entries.remove(&start);
        }
    }

    /// The entry that holds all of `range`, and where it starts; of several the last.
    fn holder(&self, range: &Range<u64>) -> Option<(u64, &Entry)> {
        let reach = range.end.saturating_sub(self.longest)..=range.start;
        if reach.is_empty() {
            return None;
        }
        let mut before = self.entries.range(reach).rev();
        before.find(|(_, entry)| range.end <= entry.end).map(|(start, entry)| (*start, entry))
    }

    fn holder_mut(&mut self, range: &Range<u64>) -> Option<&mut Entry> {
        let start = self.holder(range)?.0;
        self.entries.get_mut(&start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millwork_codecs::budget::Budget;

    #[test]
    fn units_of_a_file_that_lies_overlap_and_are_found() {
        let store = RangeStore::default();
        let bytes: Vec<u8> = (0..100).collect();
        let bring = |wanted: &[Range<u64>]| {
            let asked = store.claim(wanted, |len| Ok(BufferMut::scratch(len)?)).unwrap();
            for (range, _) in asked {
                let bytes = &bytes[range.start as usize..range.end as usize];
                store.deliver(
                    range.start,
                    Ok(Buffer::copy_of(bytes, &Budget::unlimited()).unwrap()),
                );
            }
        };
        bring(&[10..20, 40..45]);
        // The second starts inside what is there and ends behind it.
        let units = [8..12, 12..30, 30..60];
        bring(&units);
        for unit in &units {
            let found = store.get(unit).unwrap().unwrap();
            assert_eq!(&*found, &bytes[unit.start as usize..unit.end as usize]);
        }
        for unit in [10..20, 40..45].iter().chain(&units) {
            store.release(unit);
        }
        assert_eq!(store.held(), 0);
    }

    #[test]
    fn ranges_are_asked_for_once_and_go_when_released() {
        let store = RangeStore::default();
        let claim = |wanted: &[Range<u64>]| {
            let asked = store.claim(wanted, |len| Ok(BufferMut::scratch(len)?));
            asked.unwrap().into_iter().map(|(range, _)| range).collect::<Vec<_>>()
        };
        assert_eq!(claim(&[0..10, 10..20, 100..110]), [0..20, 100..110]);
        assert_eq!(claim(&[10..20, 20..30]), vec![20..30; 1]);
        assert!(claim(std::slice::from_ref(&(10..20))).is_empty());
        assert!(store.get(&(12..20)).unwrap().is_none());
        let budget = Budget::unlimited();
        let bytes: Vec<u8> = (0..20).collect();
        store.deliver(0, Ok(Buffer::copy_of(&bytes, &budget).unwrap()));
        assert_eq!(&*store.get(&(12..20)).unwrap().unwrap(), &bytes[12..20]);
        store.deliver(100, Err(Error::truncated("gone")));
        assert!(store.get(&(100..110)).is_err());
        for range in [0..10, 10..20, 100..110] {
            store.release(&range);
        }
        assert_eq!(store.held(), 1);
        store.release(&(20..30));
        store.deliver(20, Ok(Buffer::copy_of(&bytes[..10], &budget).unwrap()));
        assert_eq!(store.held(), 0);
        assert_eq!(budget.reserved(), 0);
    }

    #[test]
    fn bytes_of_several_readers_stay_until_all_have_left() {
        let store = RangeStore::default();
        let read = |range: &Range<u64>| {
            let asked =
                store.claim(std::slice::from_ref(range), |len| Ok(BufferMut::scratch(len)?));
            for (range, room) in asked.unwrap() {
                store.deliver(range.start, Ok(room.freeze()));
            }
        };
        let (first, second, other) =
            (store.enter(&(0..100)), store.enter(&(50..150)), store.enter(&(150..200)));
        for unit in [0..50, 50..100, 100..150, 150..200] {
            read(&unit);
            store.release(&unit);
        }
        let here = |unit: Range<u64>| store.get(&unit).unwrap().is_some();
        assert_eq!(
            [here(0..50), here(50..100), here(100..150), here(150..200)],
            [false, true, false, false]
        );
        // The second reader does not claim what is here for it; units of its own go with it.
        store.leave(&first);
        assert!(here(60..70));
        read(&(120..130));
        store.leave(&second);
        assert_eq!(store.held(), 0);
        store.leave(&other);
    }
}
