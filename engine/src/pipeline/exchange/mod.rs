//! From the lanes of one pipeline to the lanes of another.
//!
//! In: batches and signals of every producer lane. Out: to every consumer lane the rows that the
//! partition gives it, and each signal once. There is one bounded queue for each pair of lanes; a full
//! queue blocks the producer, an empty one the consumer.
//!
//! Invariants: the order between one producer and one consumer is kept; a barrier goes on when every
//! producer that has not ended has delivered it, and no row that came after it goes on before; what
//! is queued is compacted, without dictionaries, and reserved from the budget.

mod partition;
mod queue;
mod sink;
mod source;

pub use partition::{Broadcast, ByHash, Gather, Partition, RoundRobin};
pub use sink::ExchangeSink;
pub use source::ExchangeSource;

use std::sync::Arc;

use millwork_codecs::budget::Budget;

use self::queue::Queue;
use super::operator::KindSet;

/// Batches and signals that a queue takes before it blocks, unless said otherwise.
pub const QUEUE_BATCHES: usize = 4;

/// The queues between two pipelines; both hold a clone. The pipelines run side by side.
#[derive(Clone, Debug)]
pub struct Exchange(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Queue `producer * consumers + consumer`.
    queues: Vec<Queue>,
    producers: usize,
    consumers: usize,
    budget: Budget,
    kinds: KindSet,
}

impl Exchange {
    /// Queues from `producers` lanes to `consumers` lanes that take `queue_batches` (at least 1)
    /// batches or signals each. What is queued is reserved from `budget` as consumer `name`.
    #[must_use]
    pub fn new(
        name: &str,
        producers: usize,
        consumers: usize,
        queue_batches: usize,
        budget: &Budget,
    ) -> Self {
        Self::of_kinds(name, producers, consumers, queue_batches, budget, KindSet::INSERT_ONLY)
    }

    /// As [`Exchange::new`], for rows of `kinds`.
    #[must_use]
    pub fn of_kinds(
        name: &str,
        producers: usize,
        consumers: usize,
        queue_batches: usize,
        budget: &Budget,
        kinds: KindSet,
    ) -> Self {
        let queues = (0..producers * consumers).map(|_| Queue::new(queue_batches.max(1))).collect();
        Self(Arc::new(Shared {
            queues,
            producers,
            consumers,
            budget: budget.consumer(name),
            kinds,
        }))
    }

    /// The sink of lane `producer`; one for each lane.
    #[must_use]
    pub fn sink(&self, producer: usize, partition: impl Partition + 'static) -> ExchangeSink {
        ExchangeSink::new(Arc::clone(&self.0), producer, Box::new(partition))
    }

    /// The source of lane `consumer`; one for each lane.
    #[must_use]
    pub fn source(&self, consumer: usize) -> ExchangeSource {
        ExchangeSource::new(Arc::clone(&self.0), consumer)
    }
}

impl Shared {
    fn queue(&self, producer: usize, consumer: usize) -> &Queue {
        &self.queues[producer * self.consumers + consumer]
    }
}

#[cfg(test)]
mod tests;
