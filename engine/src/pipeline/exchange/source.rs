//! The consumer's side of an exchange: many queues become one ordered stream.

use std::collections::VecDeque;
use std::sync::Arc;

use millwork_format::batch::{Batch, Mark};

use super::Shared;
use super::queue::Item;
use super::sink::no_row_of;
use crate::error::{Error, Result};
use crate::pipeline::operator::{Context, KindSet, Source, SourceAnswer};
use crate::pipeline::signal::Signal;

/// The source of one consumer lane, made by [`super::Exchange::source`].
#[derive(Debug)]
pub struct ExchangeSource {
    exchange: Arc<Shared>,
    consumer: usize,
    inputs: Vec<Input>,
    /// The queue that is looked at first next time.
    next: usize,
    /// What is given before any queue is looked at.
    ready: VecDeque<SourceAnswer>,
    /// The watermark that was given last.
    watermark: Option<i64>,
    /// No rows in the columns of this stream: carries a watermark that came without rows.
    empty: Option<Batch>,
    is_idle: bool,
}

/// What is known of one producer.
#[derive(Clone, Debug, Default)]
struct Input {
    /// The barrier that it has delivered and others have not.
    barrier: Option<u64>,
    watermark: Option<i64>,
    is_idle: bool,
    has_ended: bool,
}

impl ExchangeSource {
    pub(super) fn new(exchange: Arc<Shared>, consumer: usize) -> Self {
        let inputs = vec![Input::default(); exchange.producers];
        Self {
            exchange,
            consumer,
            inputs,
            next: 0,
            ready: VecDeque::new(),
            watermark: None,
            empty: None,
            is_idle: false,
        }
    }

    /// The next item of a queue that may be read, the queues in turn.
    fn take(&mut self, context: &Context<'_>) -> Option<(usize, Item)> {
        let producers = self.inputs.len();
        for offset in 0..producers {
            let producer = (self.next + offset) % producers;
            let input = &self.inputs[producer];
            if input.has_ended || input.barrier.is_some() {
                continue;
            }
            if let Some(item) = self.exchange.queue(producer, self.consumer).take(context.waker) {
                self.next = producer + 1;
                return Some((producer, item));
            }
        }
        None
    }

    fn accept(&mut self, producer: usize, item: Item) -> Result<()> {
        match item {
            Item::Batch(batch, reservation) => {
                drop(reservation);
                self.accept_batch(producer, batch)
            }
            Item::Signal(Signal::Barrier(epoch)) => {
                self.inputs[producer].barrier = Some(epoch);
                self.align_barrier()
            }
            Item::Signal(Signal::Idle) => {
                self.inputs[producer].is_idle = true;
                self.advance_watermark()?;
                self.become_idle();
                Ok(())
            }
            Item::Signal(Signal::End) => {
                self.inputs[producer].has_ended = true;
                if self.inputs.iter().all(|input| input.has_ended) {
                    self.ready.push_back(SourceAnswer::Signal(Signal::End));
                    return Ok(());
                }
                self.advance_watermark()?;
                self.align_barrier()?;
                self.become_idle();
                Ok(())
            }
        }
    }

    /// Passes the batch on, with marks where the watermark of all queues advances.
    fn accept_batch(&mut self, producer: usize, batch: Batch) -> Result<()> {
        self.inputs[producer].is_idle = false;
        self.is_idle = false;
        if self.empty.is_none() {
            let none = no_row_of(&batch)?;
            let empty = batch.clone().with_selection(none)?.compacted()?;
            self.empty = Some(empty.with_marks(Vec::new()));
        }
        if batch.marks().is_empty() {
            self.ready.push_back(SourceAnswer::Batch(batch));
            return Ok(());
        }
        let mut marks = Vec::with_capacity(batch.marks().len());
        for mark in batch.marks() {
            let input = &mut self.inputs[producer];
            input.watermark = input.watermark.max(Some(mark.time));
            let merged = self.merged_watermark();
            if let Some(time) = merged.filter(|_| merged > self.watermark) {
                self.watermark = merged;
                marks.push(Mark { row: mark.row, time });
            }
        }
        self.ready.push_back(SourceAnswer::Batch(batch.with_marks(marks)));
        Ok(())
    }

    /// The least watermark of the queues that have not ended and are not idle, if all have one.
    fn merged_watermark(&self) -> Option<i64> {
        let live = self.inputs.iter().filter(|input| !input.has_ended && !input.is_idle);
        // `None` is less than any time.
        live.map(|input| input.watermark).min().flatten()
    }

    /// Gives the watermark, if it has advanced without a batch.
    fn advance_watermark(&mut self) -> Result<()> {
        let merged = self.merged_watermark();
        let Some(time) = merged.filter(|_| merged > self.watermark) else { return Ok(()) };
        self.watermark = merged;
        let Some(empty) = &self.empty else {
            return Err(Error::internal("a watermark came before any batch"));
        };
        let marked = empty.clone().with_marks(vec![Mark { row: 0, time }]);
        self.ready.push_back(SourceAnswer::Batch(marked));
        Ok(())
    }

    /// Gives the barrier, if every queue that has not ended has delivered it.
    fn align_barrier(&mut self) -> Result<()> {
        let mut open = self.inputs.iter().filter(|input| !input.has_ended).map(|i| i.barrier);
        let Some(Some(epoch)) = open.next() else { return Ok(()) };
        for barrier in open {
            match barrier {
                None => return Ok(()),
                Some(other) if other != epoch => {
                    let text = format!("barrier {other} of one lane meets {epoch} of another");
                    return Err(Error::internal(text));
                }
                Some(_) => {}
            }
        }
        for input in &mut self.inputs {
            input.barrier = None;
        }
        self.ready.push_back(SourceAnswer::Signal(Signal::Barrier(epoch)));
        Ok(())
    }

    /// Gives `Idle`, once, if every queue that has not ended is idle.
    fn become_idle(&mut self) {
        let all = self.inputs.iter().all(|input| input.has_ended || input.is_idle);
        if all && !self.is_idle {
            self.is_idle = true;
            self.ready.push_back(SourceAnswer::Signal(Signal::Idle));
        }
    }

    fn close(&self) {
        for producer in 0..self.inputs.len() {
            self.exchange.queue(producer, self.consumer).close();
        }
    }
}

impl Source for ExchangeSource {
    fn poll(&mut self, context: &mut Context<'_>) -> Result<SourceAnswer> {
        if self.inputs.is_empty() {
            return Ok(SourceAnswer::Signal(Signal::End));
        }
        loop {
            if let Some(answer) = self.ready.pop_front() {
                return Ok(answer);
            }
            match self.take(context) {
                Some((producer, item)) => self.accept(producer, item)?,
                None => return Ok(SourceAnswer::Blocked),
            }
        }
    }

    fn stop(&mut self) {
        self.close();
    }

    fn row_kinds(&self) -> KindSet {
        self.exchange.kinds
    }

    fn name(&self) -> &str {
        "exchange source"
    }
}

impl Drop for ExchangeSource {
    fn drop(&mut self) {
        // Frees what is queued, and the producers of a lane that ended early.
        self.close();
    }
}
