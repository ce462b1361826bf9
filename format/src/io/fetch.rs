//! The thin glue between a reader's needs and a driver.

use std::ops::Range;
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::thread::Thread;

use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::{Buffer, BufferMut};

use super::{Driver, Need, RangeStore};
use crate::error::{Error, Place, Result};

/// One file's driver with the store its answers go to.
#[derive(Clone, Debug)]
pub struct Fetcher {
    driver: Arc<dyn Driver>,
    store: Arc<RangeStore>,
}

impl Fetcher {
    /// Brings the bytes of `driver` into a store of its own.
    #[must_use]
    pub fn new(driver: Arc<dyn Driver>) -> Self {
        Self { driver, store: Arc::default() }
    }

    /// The driver.
    #[must_use]
    pub fn driver(&self) -> &Arc<dyn Driver> {
        &self.driver
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Arc<RangeStore> {
        &self.store
    }

    /// Claims `units` and asks the driver for those of their bytes that nobody asked for yet.
    /// Answers how many requests that made.
    ///
    /// # Errors
    /// `Truncated` if the file ends before one of them; `LimitExceeded(Memory)` if the budget refuses
    /// room for them; nothing stays claimed then.
    pub fn request(&self, units: &[Range<u64>], budget: &Budget) -> Result<usize> {
        let len = self.driver.len();
        if let Some(unit) = units.iter().find(|unit| unit.end > len) {
            let place = Place {
                file: Some(self.driver.name().clone()),
                file_offset: Some(unit.start),
                ..Place::default()
            };
            let what =
                format!("{} bytes wanted in a file of {len}", unit.end.saturating_sub(unit.start));
            return Err(Error::truncated(what).at(&place));
        }
        let memory = self.driver.in_memory();
        let allocate = |len| match memory {
            Some(_) => Ok(BufferMut::scratch(0)?),
            None => Ok(BufferMut::zeroed(len, budget)?),
        };
        let asked = self.store.claim(units, allocate)?;
        let count = asked.len();
        for (range, target) in asked {
            let store = Arc::clone(&self.store);
            let start = range.start;
            if let Some(all) = memory {
                let bytes = all.slice(start as usize..range.end as usize);
                let missing = || Error::internal(format!("bytes {range:?} of {len}"));
                store.deliver(start, bytes.ok_or_else(missing));
                continue;
            }
            let reply = Box::new(move |bytes| store.deliver(start, bytes));
            self.driver.request(range, target, reply);
        }
        Ok(count)
    }

    /// Reads `range`, waiting for it: for those who have nothing else to do.
    ///
    /// # Errors
    /// `Truncated` if the file ends before; `LimitExceeded` if memory is refused; whatever the driver
    /// answers.
    pub fn read_now(&self, range: Range<u64>, budget: &Budget) -> Result<Buffer> {
        self.request(std::slice::from_ref(&range), budget)?;
        let bytes = self.wait_for(|store| store.get(&range).transpose());
        self.store.release(&range);
        bytes
    }

    /// Waits on this thread until `look` finds what it wants in the store.
    ///
    /// # Errors
    /// Whatever `look` answers.
    pub fn wait_for<T>(&self, look: impl Fn(&RangeStore) -> Option<Result<T>>) -> Result<T> {
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        loop {
            self.store.wake_at_delivery(&waker);
            match look(&self.store) {
                Some(found) => return found,
                None => std::thread::park(),
            }
        }
    }

    /// Ranges of `need` that this driver should be asked for: with the useful ones if a second
    /// round would cost more.
    #[must_use]
    pub fn worth_asking(&self, need: &Need) -> Vec<Range<u64>> {
        let mut ranges = need.required.clone();
        if self.driver.profile().serves_useful() {
            ranges.extend(need.useful.iter().cloned());
            ranges.sort_by_key(|range| range.start);
        }
        ranges
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::io::MemoryDriver;

    #[test]
    fn bytes_behind_the_end_are_refused_before_memory_is_taken() {
        let budget = Budget::new(1 << 10);
        let bytes = Buffer::copy_of(&[7; 100], &Budget::unlimited()).unwrap();
        let fetcher = Fetcher::new(Arc::new(MemoryDriver::new("short", bytes)));
        let wanted = [0..10, 90..1 << 40];
        let error = fetcher.request(&wanted, &budget).unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Truncated, "{error}");
        assert_eq!(error.place().file_offset, Some(90));
        assert_eq!((budget.peak(), fetcher.store().held()), (0, 0));
        let wanted = std::slice::from_ref(&(90..100));
        assert_eq!(fetcher.request(wanted, &budget).unwrap(), 1);
    }
}
