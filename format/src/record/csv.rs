//! CSV as RFC 4180 has it, with lines that end in a line feed.
//!
//! In: batches. Out: a header, then one record a selected row: null is empty, an empty string `""`;
//! values are written as [`text`] shows them and quoted where they contain a comma, a quote or an end
//! of line; nested values of more than 256 KiB always. Text is handed on in the middle of rows and values.

use super::stream::{HANDED_ON_BYTES, PIECE_BYTES, Stream, handed_on};
use super::text;
use crate::batch::Batch;
use crate::error::{Error, Result};
use crate::schema::unique_names;
use crate::types::{DataType, Field};
use crate::vector::Cell;

/// Writes batches as CSV.
#[derive(Clone, Debug)]
pub struct CsvWriter {
    names: Vec<String>,
    types: Vec<DataType>,
    scratch: Vec<u8>,
    text: Vec<u8>,
}

impl CsvWriter {
    /// A writer of rows of `fields`; names that repeat are made unique.
    #[must_use]
    pub fn new(fields: &[Field]) -> Self {
        Self {
            names: unique_names(fields.iter().map(|field| &*field.name)),
            types: fields.iter().map(|field| field.data_type.clone()).collect(),
            scratch: Vec::new(),
            text: Vec::new(),
        }
    }

    /// Appends the line with the names.
    pub fn write_header(&self, out: &mut Vec<u8>) {
        for (index, name) in self.names.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            push_name(name.as_bytes(), out);
        }
        out.push(b'\n');
    }

    /// Appends a line for each selected row. For text of any length take
    /// [`write_batch_to`](Self::write_batch_to).
    ///
    /// # Errors
    /// `Internal` if the batch has another number of columns.
    pub fn write_batch(&mut self, batch: &Batch, out: &mut Vec<u8>) -> Result<()> {
        self.write_rows(batch, &mut Stream::kept(out))
    }

    /// Gives a line for each selected row to `take`, in pieces of some 256 KiB that end anywhere, also in
    /// the middle of a character. No more text is held than that.
    ///
    /// # Errors
    /// Those of `take`; `Internal` if the batch has another number of columns.
    pub fn write_batch_to(
        &mut self,
        batch: &Batch,
        take: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let mut text = std::mem::take(&mut self.text);
        let written = handed_on(&mut text, take, |out| self.write_rows(batch, out));
        self.text = text;
        written
    }

    fn write_rows(&mut self, batch: &Batch, out: &mut Stream<'_>) -> Result<()> {
        let columns = batch.columns();
        if columns.len() != self.types.len() {
            return Err(Error::internal(format!(
                "a batch of {} columns for CSV of {}",
                columns.len(),
                self.types.len()
            )));
        }
        for row in batch.selection().rows().iter() {
            for (index, (column, data_type)) in columns.iter().zip(&self.types).enumerate() {
                if index > 0 {
                    out.text.push(b',');
                }
                write_field(data_type, column.cell(*row as usize), &mut self.scratch, out)?;
            }
            out.text.push(b'\n');
            out.eased()?;
        }
        Ok(())
    }
}

fn write_field(
    data_type: &DataType,
    cell: Cell<'_>,
    scratch: &mut Vec<u8>,
    out: &mut Stream<'_>,
) -> Result<()> {
    match cell {
        Cell::Null => return Ok(()),
        Cell::Bytes(bytes) if data_type.is_text() => return push_field(bytes, out),
        _ => {}
    }
    scratch.clear();
    let mut is_whole = true;
    let mut stop = |_: &[u8]| {
        is_whole = false;
        Err(Error::internal("longer than a field that is looked at"))
    };
    let written =
        text::write(data_type, cell, &mut Stream::to(scratch, HANDED_ON_BYTES, &mut stop));
    if is_whole {
        written?;
        return push_field(scratch, out);
    }
    scratch.clear();
    out.text.push(b'"');
    let mut quoted = |piece: &[u8]| push_doubled(piece, out);
    let mut inner = Stream::to(scratch, PIECE_BYTES, &mut quoted);
    text::write(data_type, cell, &mut inner)?;
    inner.hand_on()?;
    out.text.push(b'"');
    Ok(())
}

fn must_quote(bytes: &[u8]) -> bool {
    bytes.is_empty() || bytes.iter().any(|byte| matches!(byte, b',' | b'"' | b'\n' | b'\r'))
}

fn push_name(bytes: &[u8], out: &mut Vec<u8>) {
    if must_quote(bytes) {
        out.push(b'"');
        double(bytes, out);
        out.push(b'"');
    } else {
        out.extend_from_slice(bytes);
    }
}

fn push_field(bytes: &[u8], out: &mut Stream<'_>) -> Result<()> {
    if bytes.len() <= PIECE_BYTES {
        push_name(bytes, out.text);
        return out.eased();
    }
    if !must_quote(bytes) {
        return out.long(bytes);
    }
    out.text.push(b'"');
    push_doubled(bytes, out)?;
    out.text.push(b'"');
    Ok(())
}

fn push_doubled(bytes: &[u8], out: &mut Stream<'_>) -> Result<()> {
    for piece in bytes.chunks(PIECE_BYTES) {
        double(piece, out.text);
        out.eased()?;
    }
    Ok(())
}

/// Appends `bytes`, each quote twice.
fn double(bytes: &[u8], out: &mut Vec<u8>) {
    for byte in bytes {
        if *byte == b'"' {
            out.push(b'"');
        }
        out.push(*byte);
    }
}
