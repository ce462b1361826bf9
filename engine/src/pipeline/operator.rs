//! The three parts of a pipeline, and what they answer.

use std::fmt;
use std::task::Waker;

use millwork_codecs::budget::Budget;
use millwork_format::batch::{Batch, MorselId, RowKind};

use super::Signal;
use crate::error::Result;

/// What a part of a pipeline is given at each call.
#[derive(Debug)]
pub struct Context<'a> {
    /// Wakes this lane's task. Who answers `Blocked` has stored a clone where it will be called.
    pub waker: &'a Waker,
    /// The query's memory.
    pub budget: &'a Budget,
    /// Ordinal of the lane within its pipeline.
    pub lane: usize,
}

/// What a [`Source`] answers.
#[derive(Debug)]
pub enum SourceAnswer {
    /// A batch; it may have no selected rows.
    Batch(Batch),
    /// A step towards the next batch is done, as much work as a batch; ask again.
    Working,
    /// A signal; after [`Signal::End`] the source is not asked again.
    Signal(Signal),
    /// Nothing now; the waker is registered.
    Blocked,
}

/// Where batches come from.
pub trait Source: Send {
    /// The next batch or signal; at most one batch of work.
    ///
    /// # Errors
    /// Whatever went wrong; the query ends.
    fn poll(&mut self, context: &mut Context<'_>) -> Result<SourceAnswer>;

    /// Told that no more is wanted (a limit is met). It is not polled again.
    fn stop(&mut self) {}

    /// The morsel that it is at: of several failures the one of the first morsel is reported.
    fn morsel(&self) -> MorselId {
        MorselId::END
    }

    /// Row kinds that it emits.
    fn row_kinds(&self) -> KindSet {
        KindSet::INSERT_ONLY
    }

    /// What `EXPLAIN ANALYZE` and errors call it.
    fn name(&self) -> &str {
        "source"
    }

    /// Counters that `EXPLAIN ANALYZE` adds up over lanes, read once when the lane ends.
    fn counters(&self) -> Vec<(&'static str, u64)> {
        Vec::new()
    }
}

/// What an [`Operator`] answers.
#[derive(Debug)]
pub enum Answer {
    /// It has no output now and takes the next batch or signal.
    NeedInput,
    /// An output; poll again.
    HaveOutput(Batch),
    /// Nothing now; the waker is registered.
    Blocked,
    /// It gives no more output and needs no more input: the driver stops the source and sends
    /// [`Signal::End`] on.
    Done,
}

/// A step between source and sink. Protocol: `push` or `signal` only after `poll` answered
/// `NeedInput` (a new operator starts there); then `poll` until `NeedInput` again. A signal is
/// forwarded once the polling after it is through, so what an operator flushes comes before it.
pub trait Operator: Send {
    /// Takes a batch.
    ///
    /// # Errors
    /// Whatever went wrong; the query ends.
    fn push(&mut self, batch: Batch, context: &mut Context<'_>) -> Result<()>;

    /// Goes on with what was taken; at most one batch of work.
    ///
    /// # Errors
    /// Whatever went wrong; the query ends.
    fn poll(&mut self, context: &mut Context<'_>) -> Result<Answer>;

    /// Takes a signal. At [`Signal::End`] the operator makes its last output ready for `poll`; at a
    /// barrier all output before it.
    ///
    /// # Errors
    /// Whatever went wrong; the query ends.
    fn signal(&mut self, signal: Signal, context: &mut Context<'_>) -> Result<()> {
        let _ = (signal, context);
        Ok(())
    }

    /// Row kinds that it emits when it is given `input`; `None` if it does not accept those.
    fn row_kinds(&self, input: KindSet) -> Option<KindSet> {
        (input == KindSet::INSERT_ONLY).then_some(KindSet::INSERT_ONLY)
    }

    /// What `EXPLAIN ANALYZE` and errors call it.
    fn name(&self) -> &str {
        "operator"
    }

    /// Counters that `EXPLAIN ANALYZE` adds up over lanes, read once when the lane ends.
    fn counters(&self) -> Vec<(&'static str, u64)> {
        Vec::new()
    }
}

/// What a [`Sink`] answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SinkAnswer {
    /// It takes more.
    More,
    /// What it was given is consumed, but it takes no more now; the waker is registered. The driver
    /// calls `poll` before it pushes again.
    Blocked,
    /// It needs no more: the driver stops the source and goes on with `combine`, without
    /// [`Signal::End`].
    Done,
}

/// Where a pipeline ends. What it is given it has always consumed, whatever it answers.
pub trait Sink: Send {
    /// Takes a batch.
    ///
    /// # Errors
    /// Whatever went wrong; the query ends.
    fn push(&mut self, batch: Batch, context: &mut Context<'_>) -> Result<SinkAnswer>;

    /// Asks again after `Blocked`.
    ///
    /// # Errors
    /// Whatever went wrong; the query ends.
    fn poll(&mut self, context: &mut Context<'_>) -> Result<SinkAnswer> {
        let _ = context;
        Ok(SinkAnswer::More)
    }

    /// Takes a signal.
    ///
    /// # Errors
    /// Whatever went wrong; the query ends.
    fn signal(&mut self, signal: Signal, context: &mut Context<'_>) -> Result<SinkAnswer> {
        let _ = (signal, context);
        Ok(SinkAnswer::More)
    }

    /// After [`Signal::End`]: merges the lane's state into the pipeline's shared state. `More` means
    /// call again, `Blocked` call again when woken, `Done` that it is merged.
    ///
    /// # Errors
    /// Whatever went wrong; the query ends.
    fn combine(&mut self, context: &mut Context<'_>) -> Result<SinkAnswer> {
        let _ = context;
        Ok(SinkAnswer::Done)
    }

    /// Whether it accepts rows of these kinds.
    fn accepts(&self, input: KindSet) -> bool {
        input == KindSet::INSERT_ONLY
    }

    /// What `EXPLAIN ANALYZE` and errors call it.
    fn name(&self) -> &str {
        "sink"
    }

    /// Counters that `EXPLAIN ANALYZE` adds up over lanes, read once when the lane ends.
    fn counters(&self) -> Vec<(&'static str, u64)> {
        Vec::new()
    }
}

/// A set of row kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KindSet(u8);

impl KindSet {
    /// Only new rows: what files give.
    pub const INSERT_ONLY: Self = Self(1);

    /// This set with `kind` added.
    #[must_use]
    pub const fn with(self, kind: RowKind) -> Self {
        Self(self.0 | 1 << kind as u8)
    }

    /// Whether every kind of this set is in `other`.
    #[must_use]
    pub const fn is_within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// Whether `kind` is in the set.
    #[must_use]
    pub const fn contains(self, kind: RowKind) -> bool {
        self.0 & 1 << kind as u8 != 0
    }
}

impl fmt::Display for KindSet {
    /// The changelog's short names: `+I -U +U -D`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (RowKind::Insert, "+I"),
            (RowKind::UpdateBefore, "-U"),
            (RowKind::UpdateAfter, "+U"),
            (RowKind::Delete, "-D"),
        ];
        let mut separator = "";
        for (_, name) in names.into_iter().filter(|(kind, _)| self.contains(*kind)) {
            write!(f, "{separator}{name}")?;
            separator = " ";
        }
        Ok(())
    }
}

impl<T: Source + ?Sized> Source for Box<T> {
    fn poll(&mut self, context: &mut Context<'_>) -> Result<SourceAnswer> {
        (**self).poll(context)
    }
    fn stop(&mut self) {
        (**self).stop();
    }
    fn morsel(&self) -> MorselId {
        (**self).morsel()
    }
    fn row_kinds(&self) -> KindSet {
        (**self).row_kinds()
    }
    fn name(&self) -> &str {
        (**self).name()
    }
    fn counters(&self) -> Vec<(&'static str, u64)> {
        (**self).counters()
    }
}

impl<T: Operator + ?Sized> Operator for Box<T> {
    fn push(&mut self, batch: Batch, context: &mut Context<'_>) -> Result<()> {
        (**self).push(batch, context)
    }
    fn poll(&mut self, context: &mut Context<'_>) -> Result<Answer> {
        (**self).poll(context)
    }
    fn signal(&mut self, signal: Signal, context: &mut Context<'_>) -> Result<()> {
        (**self).signal(signal, context)
    }
    fn row_kinds(&self, input: KindSet) -> Option<KindSet> {
        (**self).row_kinds(input)
    }
    fn name(&self) -> &str {
        (**self).name()
    }
    fn counters(&self) -> Vec<(&'static str, u64)> {
        (**self).counters()
    }
}

impl<T: Sink + ?Sized> Sink for Box<T> {
    fn push(&mut self, batch: Batch, context: &mut Context<'_>) -> Result<SinkAnswer> {
        (**self).push(batch, context)
    }
    fn poll(&mut self, context: &mut Context<'_>) -> Result<SinkAnswer> {
        (**self).poll(context)
    }
    fn signal(&mut self, signal: Signal, context: &mut Context<'_>) -> Result<SinkAnswer> {
        (**self).signal(signal, context)
    }
    fn combine(&mut self, context: &mut Context<'_>) -> Result<SinkAnswer> {
        (**self).combine(context)
    }
    fn accepts(&self, input: KindSet) -> bool {
        (**self).accepts(input)
    }
    fn name(&self) -> &str {
        (**self).name()
    }
    fn counters(&self) -> Vec<(&'static str, u64)> {
        (**self).counters()
    }
}
