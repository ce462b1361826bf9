//! Delays and faults put around parts, for tests that compare runs with and without them.
//!
//! [`BlockTwice`] answers `Blocked` twice before everything that its part answers and wakes itself;
//! [`FaultAt`] lets a part fail at its n-th call. Neither changes a row.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use millwork_format::batch::{Batch, MorselId};

use super::operator::{Answer, Context, KindSet, Operator, Sink, SinkAnswer, Source, SourceAnswer};
use super::scheduler::CancelToken;
use super::signal::Signal;
use crate::error::{Error, Result};

const BLOCKS: u8 = 2;

/// A part that answers `Blocked` twice first, every time, having woken its lane.
#[derive(Clone, Debug)]
pub struct BlockTwice<T> {
    inner: T,
    left: u8,
    /// What the sink answered while its blocks go on.
    answer: Option<SinkAnswer>,
}

impl<T> BlockTwice<T> {
    /// `inner`, delayed.
    #[must_use]
    pub fn new(inner: T) -> Self {
        Self { inner, left: BLOCKS, answer: None }
    }

    fn blocks(&mut self, context: &Context<'_>) -> bool {
        if self.left == 0 {
            self.left = BLOCKS;
            return false;
        }
        self.left -= 1;
        context.waker.wake_by_ref();
        true
    }
}

impl<T: Source> Source for BlockTwice<T> {
    fn poll(&mut self, context: &mut Context<'_>) -> Result<SourceAnswer> {
        if self.blocks(context) {
            return Ok(SourceAnswer::Blocked);
        }
        self.inner.poll(context)
    }

    fn stop(&mut self) {
        self.inner.stop();
    }

    fn morsel(&self) -> MorselId {
        self.inner.morsel()
    }

    fn row_kinds(&self) -> KindSet {
        self.inner.row_kinds()
    }

    fn name(&self) -> &str {
        self.inner.name()
    }

    fn counters(&self) -> Vec<(&'static str, u64)> {
        self.inner.counters()
    }
}

impl<T: Operator> Operator for BlockTwice<T> {
    fn push(&mut self, batch: Batch, context: &mut Context<'_>) -> Result<()> {
        self.inner.push(batch, context)
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Result<Answer> {
        if self.blocks(context) {
            return Ok(Answer::Blocked);
        }
        self.inner.poll(context)
    }

    fn signal(&mut self, signal: Signal, context: &mut Context<'_>) -> Result<()> {
        self.inner.signal(signal, context)
    }

    fn row_kinds(&self, input: KindSet) -> Option<KindSet> {
        self.inner.row_kinds(input)
    }

    fn name(&self) -> &str {
        self.inner.name()
    }

    fn counters(&self) -> Vec<(&'static str, u64)> {
        self.inner.counters()
    }
}

impl<T: Sink> BlockTwice<T> {
    /// Keeps `answer` back and answers `Blocked` in its place.
    fn delay(&mut self, answer: SinkAnswer, context: &Context<'_>) -> SinkAnswer {
        self.left = BLOCKS - 1;
        self.answer = Some(answer);
        context.waker.wake_by_ref();
        SinkAnswer::Blocked
    }
}

impl<T: Sink> Sink for BlockTwice<T> {
    fn push(&mut self, batch: Batch, context: &mut Context<'_>) -> Result<SinkAnswer> {
        let answer = self.inner.push(batch, context)?;
        Ok(self.delay(answer, context))
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Result<SinkAnswer> {
        if self.blocks(context) {
            return Ok(SinkAnswer::Blocked);
        }
        match self.answer.take() {
            Some(answer @ (SinkAnswer::More | SinkAnswer::Done)) => Ok(answer),
            // The waker that the part has stored may have been called meanwhile: ask it again.
            Some(SinkAnswer::Blocked) | None => self.inner.poll(context),
        }
    }

    fn signal(&mut self, signal: Signal, context: &mut Context<'_>) -> Result<SinkAnswer> {
        let answer = self.inner.signal(signal, context)?;
        Ok(self.delay(answer, context))
    }

    fn combine(&mut self, context: &mut Context<'_>) -> Result<SinkAnswer> {
        if self.blocks(context) {
            return Ok(SinkAnswer::Blocked);
        }
        self.inner.combine(context)
    }

    fn accepts(&self, input: KindSet) -> bool {
        self.inner.accepts(input)
    }

    fn name(&self) -> &str {
        self.inner.name()
    }

    fn counters(&self) -> Vec<(&'static str, u64)> {
        self.inner.counters()
    }
}

/// How a part fails.
#[derive(Clone, Debug)]
pub enum Fault {
    /// It answers an error whose text is "injected error".
    Error,
    /// It panics with the text "injected panic".
    Panic,
    /// It raises the token and goes on.
    Cancel(CancelToken),
}

/// A part that fails at its n-th call, counted from 1 over all its calls of `poll`, `push`, `signal`
/// and `combine`.
#[derive(Clone, Debug)]
pub struct FaultAt<T> {
    inner: T,
    fault: Fault,
    at_call: u64,
    calls: u64,
    fired: Arc<AtomicBool>,
}

impl<T> FaultAt<T> {
    /// `inner`, with `fault` at call `at_call`; 0: never.
    #[must_use]
    pub fn new(inner: T, fault: Fault, at_call: u64) -> Self {
        Self { inner, fault, at_call, calls: 0, fired: Arc::default() }
    }

    /// The same, raising `fired` when the fault happens.
    #[must_use]
    pub fn telling(mut self, fired: &Arc<AtomicBool>) -> Self {
        self.fired = Arc::clone(fired);
        self
    }

    fn call(&mut self) -> Result<()> {
        self.calls += 1;
        if self.calls != self.at_call {
            return Ok(());
        }
        self.fired.store(true, Ordering::SeqCst);
        match &self.fault {
            Fault::Error => Err(Error::evaluate("injected error")),
            // Without the panic hook, which would print one message for each.
            Fault::Panic => std::panic::resume_unwind(Box::new("injected panic")),
            Fault::Cancel(token) => {
                token.cancel();
                Ok(())
            }
        }
    }
}

impl<T: Source> Source for FaultAt<T> {
    fn poll(&mut self, context: &mut Context<'_>) -> Result<SourceAnswer> {
        self.call()?;
        self.inner.poll(context)
    }

    fn stop(&mut self) {
        self.inner.stop();
    }

    fn morsel(&self) -> MorselId {
        self.inner.morsel()
    }

    fn row_kinds(&self) -> KindSet {
        self.inner.row_kinds()
    }

    fn name(&self) -> &str {
        self.inner.name()
    }

    fn counters(&self) -> Vec<(&'static str, u64)> {
        self.inner.counters()
    }
}

impl<T: Operator> Operator for FaultAt<T> {
    fn push(&mut self, batch: Batch, context: &mut Context<'_>) -> Result<()> {
        self.call()?;
        self.inner.push(batch, context)
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Result<Answer> {
        self.call()?;
        self.inner.poll(context)
    }

    fn signal(&mut self, signal: Signal, context: &mut Context<'_>) -> Result<()> {
        self.call()?;
        self.inner.signal(signal, context)
    }

    fn row_kinds(&self, input: KindSet) -> Option<KindSet> {
        self.inner.row_kinds(input)
    }

    fn name(&self) -> &str {
        self.inner.name()
    }

    fn counters(&self) -> Vec<(&'static str, u64)> {
        self.inner.counters()
    }
}

impl<T: Sink> Sink for FaultAt<T> {
    fn push(&mut self, batch: Batch, context: &mut Context<'_>) -> Result<SinkAnswer> {
        self.call()?;
        self.inner.push(batch, context)
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Result<SinkAnswer> {
        self.call()?;
        self.inner.poll(context)
    }

    fn signal(&mut self, signal: Signal, context: &mut Context<'_>) -> Result<SinkAnswer> {
        self.call()?;
        self.inner.signal(signal, context)
    }

    fn combine(&mut self, context: &mut Context<'_>) -> Result<SinkAnswer> {
        self.call()?;
        self.inner.combine(context)
    }

    fn accepts(&self, input: KindSet) -> bool {
        self.inner.accepts(input)
    }

    fn name(&self) -> &str {
        self.inner.name()
    }

    fn counters(&self) -> Vec<(&'static str, u64)> {
        self.inner.counters()
    }
}
