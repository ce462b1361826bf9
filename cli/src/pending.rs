//! Stand-ins for what the layers below are still to give: they go when it is there.
#![allow(dead_code, reason = "the real ones call back")]

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::time::Duration;

use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::Buffer;
use millwork_format::batch::Batch;
use millwork_format::error::{Error, Feature, Place, Result};
use millwork_format::limits::Limits;
use millwork_format::metadata::{Footer, tail_length};
use millwork_format::schema::Schema;
use millwork_format::types::Field;

pub struct File {
    footer: Footer,
    schema: Schema,
    size_bytes: u64,
}

pub struct BatchOptions {
    pub columns: Option<Vec<usize>>,
    pub limit_rows: Option<u64>,
    pub budget: Budget,
}

impl File {
    pub fn open(path: &Path, limits: &Limits) -> Result<Self> {
        let name = path.display().to_string();
        let mut file = std::fs::File::open(path).map_err(|e| Error::io("cannot open", e))?;
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(0))
            .and_then(|_| file.read_to_end(&mut bytes))
            .map_err(|e| Error::io("cannot read", e))?;
        Self::from_bytes(&name, Buffer::copy_of(&bytes, &Budget::unlimited())?, limits)
    }

    pub fn from_bytes(name: &str, bytes: Buffer, limits: &Limits) -> Result<Self> {
        let place = Place { file: Some(name.into()), ..Place::default() };
        Self::read(bytes, limits).map_err(|error| error.at(&place))
    }

    fn read(bytes: Buffer, limits: &Limits) -> Result<Self> {
        let size = bytes.len();
        let tail = bytes
            .as_slice()
            .last_chunk()
            .ok_or_else(|| Error::truncated("too short").hint("it is not a Parquet file"))?;
        let start = size.saturating_sub(8 + tail_length(tail)?.metadata_len as usize);
        let slice = bytes.slice(start..size).ok_or_else(|| Error::truncated("no footer"))?;
        let footer = Footer::parse(slice, start as u64, limits)?;
        let schema = Schema::of(&footer, limits)?;
        Ok(Self { footer, schema, size_bytes: size as u64 })
    }

    pub fn footer(&self) -> &Footer {
        &self.footer
    }

    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    pub fn num_rows(&self) -> u64 {
        self.footer.num_rows()
    }

    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    pub fn batches(&self, _options: BatchOptions) -> impl Iterator<Item = Result<Batch>> {
        std::iter::once(Err(Error::unsupported(Feature::Other("reading pages".into()))))
    }
}

pub struct JsonWriter;

impl JsonWriter {
    pub fn new(_fields: &[Field]) -> Self {
        Self
    }

    pub fn write_batch(&mut self, _batch: &Batch, _out: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }
}

pub struct CsvWriter;

impl CsvWriter {
    pub fn new(_fields: &[Field]) -> Self {
        Self
    }

    pub fn write_header(&self, _out: &mut Vec<u8>) {}

    pub fn write_batch(&mut self, _batch: &Batch, _out: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }
}

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
