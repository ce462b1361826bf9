//! Pipelines: a source, operators, a sink, run to completion between breakers.
//!
//! The *driver* owns the loop; operators never call one another. One call does at most one batch of
//! work. Nothing here waits: a part that cannot go on registers the waker it is given and answers
//! [`Answer::Blocked`]; the worker turns to another task until the waker is called.
//!
//! A *lane* is one instance of a pipeline with its local state, run by one worker at a time. Signals
//! travel between the batches of a lane, in order.

mod signal;
mod operator;
mod metrics;
mod lane;
mod query;
mod scheduler;
mod exchange;
mod generator;
mod collect;
mod window;
mod inject;

pub use collect::{CollectSink, Collected};
pub use exchange::{
    Broadcast, ByHash, Exchange, ExchangeSink, ExchangeSource, Gather, Partition, QUEUE_BATCHES,
    RoundRobin,
};
pub use generator::{Generator, GeneratorConfig};
pub use inject::{BlockTwice, Fault, FaultAt};
pub use lane::{Lane, LaneParts, LaneState};
pub use metrics::{PEAK_BYTES, PartMetrics, PipelineReport, QueryReport};
pub use operator::{Answer, Context, KindSet, Operator, Sink, SinkAnswer, Source, SourceAnswer};
pub use query::{Build, Finish, FinishContext, Pipeline, PipelineId, Query};
pub use scheduler::{
    CancelToken, Order, RunOptions, SLICE_BATCHES, Scheduler, SeededScheduler, ThreadScheduler,
};
pub use signal::Signal;
pub use window::{Taken, WINDOW_BYTES, Window, WindowOrder, WindowSink, WindowSource};
