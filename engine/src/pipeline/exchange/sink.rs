//! The producer's side of an exchange.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use millwork_codecs::buffer::Slice;
use millwork_format::batch::Batch;
use millwork_format::selection::Selection;
use millwork_format::vector::{Data, Vector};

use super::queue::{Item, Offered};
use super::{Partition, Shared};
use crate::error::{Error, Result};
use crate::pipeline::metrics::PEAK_BYTES;
use crate::pipeline::operator::{Context, KindSet, Sink, SinkAnswer};
use crate::pipeline::signal::Signal;

/// The sink of one producer lane, made by [`super::Exchange::sink`].
pub struct ExchangeSink {
    exchange: Arc<Shared>,
    producer: usize,
    partition: Box<dyn Partition>,
    /// What did not fit into the queue of each consumer, in order.
    pending: Vec<VecDeque<Item>>,
    sent_batches: u64,
    blocked: u64,
}

impl ExchangeSink {
    pub(super) fn new(
        exchange: Arc<Shared>,
        producer: usize,
        partition: Box<dyn Partition>,
    ) -> Self {
        let pending = (0..exchange.consumers).map(|_| VecDeque::new()).collect();
        Self { exchange, producer, partition, pending, sent_batches: 0, blocked: 0 }
    }

    /// Puts the rows of `selection` behind what waits for `consumer`.
    fn put(&mut self, consumer: usize, batch: &Batch, selection: Selection) -> Result<()> {
        let Some(pending) = self.pending.get_mut(consumer) else {
            return Err(Error::internal(format!("a partition names lane {consumer}")));
        };
        let says_nothing = selection.is_none() && batch.marks().is_empty();
        if says_nothing || self.exchange.queue(self.producer, consumer).is_closed() {
            return Ok(());
        }
        let batch = detached(&batch.clone().with_selection(selection)?)?;
        let bytes = batch.columns().iter().map(Vector::unreserved_row_bytes).sum();
        let reservation = self.exchange.budget.reserve(bytes)?;
        pending.push_back(Item::Batch(batch, reservation));
        self.sent_batches += 1;
        Ok(())
    }

    /// Moves what fits into the queues.
    fn flush(&mut self, context: &Context<'_>) -> SinkAnswer {
        let (mut open, mut full) = (0, 0);
        for (consumer, pending) in self.pending.iter_mut().enumerate() {
            let queue = self.exchange.queue(self.producer, consumer);
            while let Some(item) = pending.pop_front() {
                match queue.offer(item, context.waker) {
                    Offered::Taken => {}
                    Offered::Full(item) => {
                        pending.push_front(item);
                        full += 1;
                        break;
                    }
                    Offered::Closed => pending.clear(),
                }
            }
            open += usize::from(!queue.is_closed());
        }
        if open == 0 {
            return SinkAnswer::Done;
        }
        if full > 0 {
            self.blocked += 1;
            return SinkAnswer::Blocked;
        }
        SinkAnswer::More
    }
}

impl Sink for ExchangeSink {
    fn push(&mut self, batch: Batch, context: &mut Context<'_>) -> Result<SinkAnswer> {
        let parts = self.partition.partition(&batch, self.exchange.consumers)?;
        if !batch.marks().is_empty() {
            // A watermark concerns every lane, also those that get no row.
            for consumer in 0..self.exchange.consumers {
                if parts.iter().all(|part| part.0 != consumer) {
                    self.put(consumer, &batch, no_row_of(&batch)?)?;
                }
            }
        }
        for (consumer, selection) in parts {
            self.put(consumer, &batch, selection)?;
        }
        Ok(self.flush(context))
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Result<SinkAnswer> {
        Ok(self.flush(context))
    }

    fn signal(&mut self, signal: Signal, context: &mut Context<'_>) -> Result<SinkAnswer> {
        for pending in &mut self.pending {
            pending.push_back(Item::Signal(signal));
        }
        Ok(self.flush(context))
    }

    fn accepts(&self, input: KindSet) -> bool {
        input.is_within(self.exchange.kinds)
    }

    fn name(&self) -> &str {
        "exchange sink"
    }

    fn counters(&self) -> Vec<(&'static str, u64)> {
        let mut counters = vec![("batches_sent", self.sent_batches), ("blocked", self.blocked)];
        if self.producer == 0 {
            // All lanes draw from one account: one of them says how much.
            counters.push((PEAK_BYTES, self.exchange.budget.consumer_peak()));
        }
        counters
    }
}

impl fmt::Debug for ExchangeSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExchangeSink")
            .field("producer", &self.producer)
            .field("pending", &self.pending)
            .finish_non_exhaustive()
    }
}

/// `batch` compacted and without dictionaries: they never cross an exchange. Where only some rows are
/// taken, strings are copied out, so that a few of them do not hold (and reserve) whole pages in
/// every queue.
fn detached(batch: &Batch) -> Result<Batch> {
    let is_part = !batch.selection().is_all();
    let compacted = batch.compacted()?;
    if !is_part && !compacted.columns().iter().any(has_dictionary) {
        return Ok(compacted);
    }
    let mut columns = Vec::with_capacity(compacted.columns().len());
    for column in compacted.columns() {
        let detaches = is_part || has_dictionary(column);
        columns.push(if detaches { column.detached()? } else { column.clone() });
    }
    Ok(compacted.with_columns(columns)?)
}

fn has_dictionary(column: &Vector) -> bool {
    match column.data() {
        Data::Dictionary(..) => true,
        Data::List(list) => has_dictionary(list.child()),
        Data::Struct(children) => children.iter().any(has_dictionary),
        _ => false,
    }
}

/// The selection of none of the rows.
pub(super) fn no_row_of(batch: &Batch) -> Result<Selection> {
    Ok(Selection::from_rows(Slice::empty(), batch.rows())?)
}
