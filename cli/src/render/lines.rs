//! CSV, JSON and JSON Lines: the writers of `millwork_format::record`, one result after another.

use millwork_format::batch::Batch;
use millwork_format::record::{CsvWriter, JsonWriter};
use millwork_format::types::Field;
use millwork_format::{Error, Result as FileResult};

use super::Renderer;
use crate::failure::{Failure, Result};
use crate::output::Sink;

/// Lets `write` write to `out`; a failure of `out` comes back as it was.
fn through(
    out: &mut dyn Sink,
    write: impl FnOnce(&mut dyn FnMut(&[u8]) -> FileResult<()>) -> FileResult<()>,
) -> Result<()> {
    let mut failure: Option<Failure> = None;
    let written = write(&mut |text| {
        out.write(text).map_err(|refused| {
            failure = Some(refused);
            Error::internal("the output takes no more")
        })
    });
    match failure {
        Some(failure) => Err(failure),
        None => Ok(written?),
    }
}

/// RFC 4180, a header line before each result.
#[derive(Default)]
pub struct Csv {
    writer: Option<CsvWriter>,
}

impl Renderer for Csv {
    fn begin(&mut self, fields: &[Field], out: &mut dyn Sink) -> Result<()> {
        let writer = CsvWriter::new(fields);
        let mut header = Vec::new();
        writer.write_header(&mut header);
        self.writer = Some(writer);
        out.write(&header)
    }

    fn batch(&mut self, batch: &Batch, out: &mut dyn Sink) -> Result<()> {
        match &mut self.writer {
            Some(writer) => through(out, |take| writer.write_batch_to(batch, take)),
            None => Ok(()),
        }
    }

    fn end(&mut self, _out: &mut dyn Sink) -> Result<()> {
        self.writer = None;
        Ok(())
    }
}

/// Canonical JSON objects: one a line, or the elements of one array a result.
pub struct Json {
    writer: Option<JsonWriter>,
    is_array: bool,
    rows: u64,
}

impl Json {
    /// One object a line.
    pub fn lines() -> Self {
        Self { writer: None, is_array: false, rows: 0 }
    }

    /// One array a result, one object a line.
    pub fn array() -> Self {
        Self { is_array: true, ..Self::lines() }
    }
}

impl Renderer for Json {
    fn begin(&mut self, fields: &[Field], out: &mut dyn Sink) -> Result<()> {
        self.rows = 0;
        if self.is_array {
            self.writer = Some(JsonWriter::array(fields));
            return out.write(b"[");
        }
        self.writer = Some(JsonWriter::new(fields));
        Ok(())
    }

    fn batch(&mut self, batch: &Batch, out: &mut dyn Sink) -> Result<()> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        self.rows += batch.count() as u64;
        through(out, |take| writer.write_batch_to(batch, take))
    }

    fn end(&mut self, out: &mut dyn Sink) -> Result<()> {
        self.writer = None;
        match (self.is_array, self.rows) {
            (true, 0) => out.write(b"]\n"),
            (true, _) => out.write(b"\n]\n"),
            (false, _) => Ok(()),
        }
    }
}
