//! Rows as text: one renderer a form.
//!
//! In: fields, then batches. Out: text, given to the output as it is made. A renderer serves one result after another:
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
use crate::output::Sink;

/// Renders results one after another.
pub trait Renderer {
    /// A result with these columns begins.
    ///
    /// # Errors
    /// A type that the form cannot show; text that can go nowhere.
    fn begin(&mut self, fields: &[Field], out: &mut dyn Sink) -> Result<()>;

    /// Rows of the result.
    ///
    /// # Errors
    /// A vector that does not fit its type; a value that the form has no room for; text that can go nowhere.
    fn batch(&mut self, batch: &Batch, out: &mut dyn Sink) -> Result<()>;

    /// The result is complete.
    ///
    /// # Errors
    /// Text that can go nowhere.
    fn end(&mut self, out: &mut dyn Sink) -> Result<()>;

    /// The result will not be complete: rows that have waited are given to the output.
    ///
    /// # Errors
    /// Text that can go nowhere.
    fn give_up(&mut self, _out: &mut dyn Sink) -> Result<()> {
        Ok(())
    }
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
