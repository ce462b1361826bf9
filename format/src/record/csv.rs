//! CSV as RFC 4180 has it, with lines that end in a line feed.
//!
//! In: batches. Out: a header, then one record a selected row: null is empty, an empty string `""`;
//! values are written as [`text`] shows them and quoted where they contain a comma, a quote or an end
//! of line.

use super::text;
use crate::batch::Batch;
use crate::error::{Error, Result};
use crate::schema::unique_names;
use crate::types::{DataType, Field};
use crate::vector::{Cell, Data};

/// Writes batches as CSV.
#[derive(Clone, Debug)]
pub struct CsvWriter {
    names: Vec<String>,
    types: Vec<DataType>,
    scratch: String,
}

impl CsvWriter {
    /// A writer of rows of `fields`; names that repeat are made unique.
    #[must_use]
    pub fn new(fields: &[Field]) -> Self {
        Self {
            names: unique_names(fields.iter().map(|field| &*field.name)),
            types: fields.iter().map(|field| field.data_type.clone()).collect(),
            scratch: String::new(),
        }
    }

    /// Appends the line with the names.
    pub fn write_header(&self, out: &mut Vec<u8>) {
        for (index, name) in self.names.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            push_field(name.as_bytes(), out);
        }
        out.push(b'\n');
    }

    /// Appends a line for each selected row.
    ///
    /// # Errors
    /// `Internal` if the batch has another number of columns.
    pub fn write_batch(&mut self, batch: &Batch, out: &mut Vec<u8>) -> Result<()> {
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
                    out.push(b',');
                }
                let row = *row as usize;
                match (column.cell(row), column.data()) {
                    (Cell::Null, _) => {}
                    (Cell::Bytes(bytes), Data::Views(_) | Data::Dictionary(..))
                        if data_type.is_text() =>
                    {
                        push_field(bytes, out);
                    }
                    (cell, _) => {
                        self.scratch.clear();
                        text::write_value(data_type, cell, &mut self.scratch);
                        push_field(self.scratch.as_bytes(), out);
                    }
                }
            }
            out.push(b'\n');
        }
        Ok(())
    }
}

fn push_field(bytes: &[u8], out: &mut Vec<u8>) {
    let special = |byte: &u8| matches!(byte, b',' | b'"' | b'\n' | b'\r');
    if !bytes.is_empty() && !bytes.iter().any(special) {
        return out.extend_from_slice(bytes);
    }
    out.push(b'"');
    for byte in bytes {
        if *byte == b'"' {
            out.push(b'"');
        }
        out.push(*byte);
    }
    out.push(b'"');
}
