//! Stand-ins for what the layers below are still to give: they go when it is there.
#![allow(dead_code, reason = "the real ones call back")]

use std::time::Duration;

use millwork_format::batch::Batch;
use millwork_format::limits::Limits;
use millwork_format::types::Field;

#[derive(Default)]
pub struct SessionOptions {
    pub threads: usize,
    pub memory_bytes: u64,
    pub limits: Limits,
}

pub struct StatementOutcome {
    pub rows: u64,
    pub elapsed: Duration,
}

pub trait Consumer {
    fn begin(&mut self, statement: usize, fields: &[Field]) -> millwork_engine::Result<()>;
    fn batch(&mut self, batch: &Batch) -> millwork_engine::Result<()>;
    fn end(&mut self, statement: usize, outcome: &StatementOutcome) -> millwork_engine::Result<()>;
}

pub struct Session;

impl Session {
    pub fn new(_options: SessionOptions) -> Self {
        Self
    }

    pub fn run(&mut self, _sql: &str, _consumer: &mut dyn Consumer) -> millwork_engine::Result<()> {
        Err(millwork_engine::Error::unsupported("statements are not answered yet"))
    }
}
