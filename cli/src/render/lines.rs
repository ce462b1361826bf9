//! CSV, JSON and JSON Lines: the writers of `millwork_format::record`, one result after another.

use millwork_format::batch::Batch;
use millwork_format::record::{CsvWriter, JsonWriter};
use millwork_format::types::Field;

use super::Renderer;
use crate::failure::Result;

/// RFC 4180, a header line before each result.
#[derive(Default)]
pub struct Csv {
    writer: Option<CsvWriter>,
}

impl Renderer for Csv {
    fn begin(&mut self, fields: &[Field], out: &mut Vec<u8>) -> Result<()> {
        let writer = CsvWriter::new(fields);
        writer.write_header(out);
        self.writer = Some(writer);
        Ok(())
    }

    fn batch(&mut self, batch: &Batch, out: &mut Vec<u8>) -> Result<()> {
        match &mut self.writer {
            Some(writer) => Ok(writer.write_batch(batch, out)?),
            None => Ok(()),
        }
    }

    fn end(&mut self, _out: &mut Vec<u8>) {
        self.writer = None;
    }
}

/// Canonical JSON objects: one a line, or the elements of one array a result.
pub struct Json {
    writer: Option<JsonWriter>,
    is_array: bool,
    rows: u64,
    lines: Vec<u8>,
}

impl Json {
    /// One object a line.
    pub fn lines() -> Self {
        Self { writer: None, is_array: false, rows: 0, lines: Vec::new() }
    }

    /// One array a result, one object a line.
    pub fn array() -> Self {
        Self { is_array: true, ..Self::lines() }
    }
}

impl Renderer for Json {
    fn begin(&mut self, fields: &[Field], out: &mut Vec<u8>) -> Result<()> {
        self.writer = Some(JsonWriter::new(fields));
        self.rows = 0;
        if self.is_array {
            out.push(b'[');
        }
        Ok(())
    }

    fn batch(&mut self, batch: &Batch, out: &mut Vec<u8>) -> Result<()> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        if !self.is_array {
            return Ok(writer.write_batch(batch, out)?);
        }
        self.lines.clear();
        writer.write_batch(batch, &mut self.lines)?;
        for line in self.lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            out.extend_from_slice(if self.rows == 0 { b"\n" } else { b",\n" });
            out.extend_from_slice(line);
            self.rows += 1;
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        if self.is_array {
            out.extend_from_slice(if self.rows == 0 { b"]\n" } else { b"\n]\n" });
        }
        self.writer = None;
    }
}
