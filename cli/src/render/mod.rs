//! Rows as text: one renderer a form.
//!
//! In: fields, then batches. Out: bytes for the output. A renderer serves one result after another:
//! [`Renderer::begin`], batches, [`Renderer::end`].
//!
//! - [`lines`]: CSV, JSON and JSON Lines, by the writers of `millwork_format::record`
//! - [`table`]: boxes, and Markdown

pub mod lines;
pub mod table;

use millwork_format::batch::Batch;
use millwork_format::types::Field;

use crate::arguments::Form;
use crate::failure::Result;

/// Renders results one after another.
pub trait Renderer {
    /// A result with these columns begins.
    ///
    /// # Errors
    /// A type that the form cannot show.
    fn begin(&mut self, fields: &[Field], out: &mut Vec<u8>) -> Result<()>;

    /// Rows of the result.
    ///
    /// # Errors
    /// A vector that does not fit its type.
    fn batch(&mut self, batch: &Batch, out: &mut Vec<u8>) -> Result<()>;

    /// The result is complete.
    fn end(&mut self, out: &mut Vec<u8>);
}

/// The renderer of `form`; `columns` is the width of the terminal, if it is one.
pub fn renderer(form: Form, columns: Option<usize>) -> Box<dyn Renderer> {
    match form {
        Form::Table => Box::new(table::Table::boxed(columns)),
        Form::Markdown => Box::new(table::Table::markdown()),
        Form::Csv => Box::new(lines::Csv::default()),
        Form::Json => Box::new(lines::Json::array()),
        Form::Jsonl => Box::new(lines::Json::lines()),
    }
}
