//! The memory budget: one account that page, dictionary, IO, vector and operator memory is drawn from.
//!
//! A [`Budget`] is a cheap handle on a shared account. Each handle belongs to a named *consumer*
//! ("scan lineitem", "join build"), so that a refusal can say who holds the memory. Taking bytes
//! gives a [`Reservation`], which gives them back when dropped. Nothing here allocates for the
//! caller: reserve first, allocate after.
//!
//! Invariant: the sum of all live reservations equals [`Budget::reserved`], and it never exceeds
//! [`Budget::limit`].

use std::cell::RefCell;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// A handle on a shared memory account, labelled with the consumer that uses it.
///
/// Cloning gives another handle of the same consumer; [`Budget::consumer`] one of a new consumer.
///
/// ```
/// use millwork_codecs::budget::Budget;
/// let budget = Budget::new(1000);
/// let scan = budget.consumer("scan");
/// let held = scan.reserve(600).unwrap();
/// assert_eq!(budget.reserved(), 600);
/// let refused = budget.consumer("join").reserve(500).unwrap_err();
/// assert_eq!(refused.top[0], ("scan".to_string(), 600));
/// drop(held);
/// assert_eq!((budget.reserved(), budget.peak()), (0, 600));
/// ```
#[derive(Clone)]
pub struct Budget {
    account: Arc<Account>,
    consumer: Arc<Consumer>,
}

struct Account {
    limit_bytes: u64,
    reserved_bytes: AtomicU64,
    peak_bytes: AtomicU64,
    pressed: AtomicBool,
    consumers: Mutex<Vec<Weak<Consumer>>>,
}

struct Consumer {
    name: String,
    reserved_bytes: AtomicU64,
    peak_bytes: AtomicU64,
}

/// A refused reservation: what was asked for, what was left, and who holds the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverBudget {
    /// Bytes asked for.
    pub requested: u64,
    /// Bytes that were reserved at that moment.
    pub reserved: u64,
    /// Bytes the account may hold.
    pub limit: u64,
    /// Consumers and the bytes each holds, the largest first, at most five.
    pub top: Vec<(String, u64)>,
}

impl fmt::Display for OverBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { requested, reserved, limit, .. } = self;
        write!(
            f,
            "{requested} bytes do not fit the memory budget, {reserved} of {limit} are in use"
        )
    }
}

impl std::error::Error for OverBudget {}

impl Budget {
    /// An account of `limit_bytes` with one consumer called "query".
    #[must_use]
    pub fn new(limit_bytes: u64) -> Self {
        let consumer = Arc::new(Consumer::named("query"));
        let account = Arc::new(Account {
            limit_bytes,
            reserved_bytes: AtomicU64::new(0),
            peak_bytes: AtomicU64::new(0),
            pressed: AtomicBool::new(false),
            consumers: Mutex::new(vec![Arc::downgrade(&consumer)]),
        });
        Self { account, consumer }
    }

    /// An account that never refuses; it still counts.
    #[must_use]
    pub fn unlimited() -> Self {
        Self::new(u64::MAX)
    }

    /// A handle on the same account for a new consumer called `name`.
    #[must_use]
    pub fn consumer(&self, name: impl Into<String>) -> Self {
        let consumer = Arc::new(Consumer::named(name));
        let mut consumers = self.account.consumers.lock().unwrap_or_else(PoisonError::into_inner);
        consumers.retain(|known| known.strong_count() > 0);
        consumers.push(Arc::downgrade(&consumer));
        drop(consumers);
        Self { account: Arc::clone(&self.account), consumer }
    }

    /// Takes `bytes` from the account.
    ///
    /// # Errors
    /// [`OverBudget`] if the account would exceed its limit; nothing is taken then, and the
    /// account's pressure flag is raised so that operators give memory back at their next call.
    pub fn reserve(&self, bytes: u64) -> Result<Reservation, OverBudget> {
        self.take(bytes)?;
        Ok(Reservation { budget: self.clone(), bytes })
    }

    fn take(&self, bytes: u64) -> Result<(), OverBudget> {
        let account = &*self.account;
        let mut reserved = account.reserved_bytes.load(Ordering::Relaxed);
        let after = loop {
            let after = match reserved.checked_add(bytes) {
                Some(after) if after <= account.limit_bytes => after,
                _ => {
                    account.pressed.store(true, Ordering::Relaxed);
                    return Err(self.refusal(bytes, reserved));
                }
            };
            match account.reserved_bytes.compare_exchange_weak(
                reserved,
                after,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => break after,
                Err(now) => reserved = now,
            }
        };
        account.peak_bytes.fetch_max(after, Ordering::Relaxed);
        let mine = self.consumer.reserved_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.consumer.peak_bytes.fetch_max(mine, Ordering::Relaxed);
        Ok(())
    }

    fn give_back(&self, bytes: u64) {
        self.consumer.reserved_bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.account.reserved_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    #[cold]
    fn refusal(&self, requested: u64, reserved: u64) -> OverBudget {
        OverBudget { requested, reserved, limit: self.limit(), top: self.top_consumers(5) }
    }

    /// The consumers that hold most, largest first, at most `count`, those with nothing left out.
    #[must_use]
    pub fn top_consumers(&self, count: usize) -> Vec<(String, u64)> {
        let consumers = self.account.consumers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut held: Vec<(String, u64)> = consumers
            .iter()
            .filter_map(Weak::upgrade)
            .map(|consumer| {
                (consumer.name.clone(), consumer.reserved_bytes.load(Ordering::Relaxed))
            })
            .filter(|(_, bytes)| *bytes > 0)
            .collect();
        held.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        held.truncate(count);
        held
    }

    /// Bytes now reserved from the account, by all consumers.
    #[must_use]
    pub fn reserved(&self) -> u64 {
        self.account.reserved_bytes.load(Ordering::Relaxed)
    }

    /// The most bytes that were ever reserved at once.
    #[must_use]
    pub fn peak(&self) -> u64 {
        self.account.peak_bytes.load(Ordering::Relaxed)
    }

    /// Bytes that this handle's consumer holds now.
    #[must_use]
    pub fn consumer_reserved(&self) -> u64 {
        self.consumer.reserved_bytes.load(Ordering::Relaxed)
    }

    /// The most bytes that this handle's consumer ever held at once.
    #[must_use]
    pub fn consumer_peak(&self) -> u64 {
        self.consumer.peak_bytes.load(Ordering::Relaxed)
    }

    /// The most bytes the account may hold.
    #[must_use]
    pub fn limit(&self) -> u64 {
        self.account.limit_bytes
    }
}

thread_local! {
    /// The account that [`Budget::around`] has put around this thread.
    static AROUND: RefCell<Option<Budget>> = const { RefCell::new(None) };
}

impl Budget {
    /// Runs `work`, in which large buffers that are made outside any budget (`scratch`, `to_fill`) are taken
    /// from this account: vectors of a batch are small, unless a file or a query makes them large.
    ///
    /// ```
    /// use millwork_codecs::budget::Budget;
    /// use millwork_codecs::buffer::BufferMut;
    /// let budget = Budget::new(1 << 20);
    /// assert!(budget.around(|| BufferMut::scratch(2 << 20)).is_err());
    /// let small = budget.around(|| BufferMut::scratch(1 << 10)).unwrap();
    /// assert_eq!((small.len(), budget.reserved()), (1 << 10, 0));
    /// ```
    pub fn around<R>(&self, work: impl FnOnce() -> R) -> R {
        struct Restored(Option<Budget>);
        impl Drop for Restored {
            fn drop(&mut self) {
                let before = self.0.take();
                // A thread that ends makes no buffers.
                let _ = AROUND.try_with(|around| around.replace(before));
            }
        }
        let _restored = Restored(AROUND.with(|around| around.replace(Some(self.clone()))));
        work()
    }

    /// Takes `bytes` from the account [around](Budget::around) this thread; `None` if there is none.
    ///
    /// # Errors
    /// [`OverBudget`] if that account refuses.
    pub fn reserve_around(bytes: u64) -> Result<Option<Reservation>, OverBudget> {
        let account = AROUND.try_with(|around| around.borrow().clone()).ok().flatten();
        account.map(|account| account.reserve(bytes)).transpose()
    }
}

impl Consumer {
    fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), reserved_bytes: AtomicU64::new(0), peak_bytes: AtomicU64::new(0) }
    }
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Budget")
            .field("consumer", &self.consumer.name)
            .field("reserved", &self.reserved())
            .field("limit", &self.limit())
            .finish()
    }
}

/// Bytes taken from a [`Budget`]; they return when this is dropped.
#[derive(Debug)]
pub struct Reservation {
    budget: Budget,
    bytes: u64,
}

impl Reservation {
    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Makes this reservation hold exactly `bytes`, taking or giving back the difference.
    ///
    /// # Errors
    /// [`OverBudget`] if growing is refused; the reservation is unchanged then.
    pub fn resize(&mut self, bytes: u64) -> Result<(), OverBudget> {
        if bytes > self.bytes {
            self.budget.take(bytes - self.bytes)?;
        } else {
            self.budget.give_back(self.bytes - bytes);
        }
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.give_back(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_growth_changes_nothing() {
        let budget = Budget::new(100);
        let mut held = budget.reserve(40).unwrap();
        assert!(held.resize(101).is_err());
        assert_eq!((held.bytes(), budget.reserved()), (40, 40));
        held.resize(10).unwrap();
        assert_eq!(budget.reserved(), 10);
        drop(held);
        assert_eq!((budget.reserved(), budget.peak()), (0, 40));
    }

    #[test]
    fn sums_that_overflow_are_refused() {
        let budget = Budget::unlimited();
        let _held = budget.reserve(u64::MAX).unwrap();
        assert!(budget.reserve(1).is_err());
    }

    #[test]
    fn concurrent_reservations_add_up() {
        let budget = Budget::new(1 << 20);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                let budget = budget.consumer("worker");
                scope.spawn(move || {
                    for bytes in 0..2000 {
                        drop(budget.reserve(bytes % 64));
                    }
                });
            }
        });
        assert_eq!(budget.reserved(), 0);
        assert!(budget.top_consumers(5).is_empty());
    }
}
