//! Pipelines: a source, operators, a sink, run to completion between breakers.
//!
//! The *driver* owns the loop; operators never call one another. One call does at most one batch of
//! work. Nothing here waits: a part that cannot go on registers the waker it is given and answers
//! [`Answer::Blocked`]; the worker turns to another task until the waker is called.
//!
//! A *lane* is one instance of a pipeline with its local state, run by one worker at a time. Signals
//! travel between the batches of a lane, in order.

mod operator;
mod signal;

pub use operator::{Answer, Context, KindSet, Operator, Sink, SinkAnswer, Source, SourceAnswer};
pub use signal::Signal;
