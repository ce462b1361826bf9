//! Rows, one after the other, with typed getters: the way in for code that wants values, not vectors.
//!
//! In: [`Batches`]. Out: a [`Row`] at a time, borrowed from the batch that is being walked; a batch is
//! decoded when the first of its rows is asked for. Cost: a getter looks at the type of the value it
//! takes, so a loop over one column of millions of rows belongs on vectors instead.

use std::sync::Arc;

use super::value::Row;
use crate::batch::Batch;
use crate::error::Result;
use crate::read::{BatchOptions, Batches, File};
use crate::types::Field;

/// The rows of a file in order.
///
/// ```
/// use millwork_format::limits::Limits;
/// use millwork_format::read::{BatchOptions, File};
/// use millwork_format::record::{Date, Decimal};
///
/// # fn main() -> millwork_format::Result<()> {
/// let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/lineitem.parquet");
/// let file = File::open(path.as_ref(), &Limits::standard())?;
/// let mut rows = file.rows(BatchOptions::default())?;
/// let mut late = 0;
/// while let Some(row) = rows.read_next()? {
///     let shipped: Date = row.get("l_shipdate")?;
///     let comment: Option<&str> = row.get("l_comment")?;
///     let price: Decimal = row.get("l_extendedprice")?;
///     if shipped.days > 10_000 && comment.is_some() && price.unscaled > 0 {
///         late += 1;
///     }
/// }
/// assert!(late > 0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Rows {
    batches: Batches,
    fields: Arc<[Field]>,
    current: Option<Batch>,
    /// The next of the batch's selected rows.
    next: usize,
}

impl File {
    /// The file's rows in order, each with typed getters; decoded on this thread, batch by batch.
    ///
    /// # Errors
    /// As [`File::batches`].
    pub fn rows(&self, options: BatchOptions) -> Result<Rows> {
        Ok(Rows::new(self.batches(options)?))
    }
}

impl Rows {
    /// The rows of `batches`.
    #[must_use]
    pub fn new(batches: Batches) -> Self {
        let fields = batches.fields().into();
        Self { batches, fields, current: None, next: 0 }
    }

    /// The columns of a row.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The next row; `None` behind the last.
    ///
    /// # Errors
    /// Those of reading the file, with their place. After an error there are no more rows.
    pub fn read_next(&mut self) -> Result<Option<Row<'_>>> {
        while self.current.as_ref().is_none_or(|batch| self.next >= batch.rows()) {
            self.current = None;
            let Some(batch) = self.batches.next().transpose()? else { return Ok(None) };
            (self.current, self.next) = (Some(batch), 0);
        }
        let Some(batch) = &self.current else { return Ok(None) };
        let row = Row::new(&self.fields, batch.columns(), self.next);
        self.next += 1;
        Ok(Some(row))
    }
}

#[cfg(test)]
mod tests;
