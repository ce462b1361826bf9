//! The unit that flows: vectors of equal length, the rows that survive, and where they came from.

use std::sync::Arc;

use millwork_codecs::buffer::Slice;

use crate::error::{Error, Result};
use crate::selection::Selection;
use crate::vector::Vector;

/// Rows that a batch of a query is meant to have at most; of few columns that are only read
/// [`BatchOptions::batch_rows`](crate::read::BatchOptions::batch_rows) may have more.
pub const BATCH_ROWS: usize = 2048;

/// Bytes of values that a batch is meant to have at most, by the averages of its row group.
pub const BATCH_BYTES: u64 = 16 << 20;

/// Where the rows of a batch come from: it gives order, row ids, and the place of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// Ordinal of the file within the scan.
    pub file: u32,
    /// Ordinal of the row group within the file.
    pub row_group: u32,
    /// Ordinal of the morsel within the row group.
    pub morsel: u32,
    /// First row, within the row group.
    pub first_row: u64,
}

impl Origin {
    /// The morsel that the rows belong to.
    #[must_use]
    pub fn morsel_id(&self) -> MorselId {
        MorselId { file: self.file, row_group: self.row_group, morsel: self.morsel }
    }
}

/// Names a morsel of a scan; ids ascend in the order of rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MorselId {
    /// Ordinal of the file within the scan.
    pub file: u32,
    /// Ordinal of the row group within the file.
    pub row_group: u32,
    /// Ordinal of the morsel within the row group.
    pub morsel: u32,
}

impl MorselId {
    /// Behind every morsel there can be.
    pub const END: Self = Self { file: u32::MAX, row_group: u32::MAX, morsel: u32::MAX };
}

/// What a row of a batch means for a table that changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum RowKind {
    /// `+I`: the row is new.
    Insert = 0,
    /// `-U`: the row as it was before an update.
    UpdateBefore = 1,
    /// `+U`: the row as it is after an update.
    UpdateAfter = 2,
    /// `-D`: the row is gone.
    Delete = 3,
}

/// A watermark inside a batch: rows from `row` on come after event time `time`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Row of the batch before which the watermark stands.
    pub row: u32,
    /// Event time in microseconds since 1970-01-01.
    pub time: i64,
}

/// Vectors of equal length with the selection of their rows that are meant.
///
/// Owned, `Send` and `'static`: cloning copies counts, not values.
#[derive(Clone, Debug)]
pub struct Batch {
    columns: Arc<[Vector]>,
    selection: Selection,
    origin: Option<Origin>,
    /// One [`RowKind`] a row as `u8`; absent where every row is an insert.
    kinds: Option<Slice<u8>>,
    marks: Vec<Mark>,
}

impl Batch {
    /// A batch of `columns`, all rows selected. `rows` counts where there are no columns.
    ///
    /// # Errors
    /// `Internal` if a column has another length.
    pub fn new(columns: impl Into<Arc<[Vector]>>, rows: usize) -> Result<Self> {
        let columns = columns.into();
        if let Some(column) = columns.iter().find(|column| column.len() != rows) {
            return Err(Error::internal(format!(
                "a column of {} rows in a batch of {rows}",
                column.len()
            )));
        }
        let selection = Selection::All(rows);
        Ok(Self { columns, selection, origin: None, kinds: None, marks: Vec::new() })
    }

    /// The same rows with `selection` in place of the present one.
    ///
    /// # Errors
    /// `Internal` if it is not over the rows of this batch.
    pub fn with_selection(mut self, selection: Selection) -> Result<Self> {
        if selection.total() != self.rows() {
            return Err(Error::internal(format!(
                "a selection over {} rows in a batch of {}",
                selection.total(),
                self.rows()
            )));
        }
        self.selection = selection;
        Ok(self)
    }

    /// The same batch, coming from `origin`.
    #[must_use]
    pub fn with_origin(mut self, origin: Option<Origin>) -> Self {
        self.origin = origin;
        self
    }

    /// The same batch with `marks` in place of the present ones.
    #[must_use]
    pub fn with_marks(mut self, marks: Vec<Mark>) -> Self {
        self.marks = marks;
        self
    }

    /// The same rows with other columns: selection, origin, kinds and marks are kept.
    ///
    /// # Errors
    /// `Internal` if a column has another length.
    pub fn with_columns(&self, columns: impl Into<Arc<[Vector]>>) -> Result<Self> {
        let replaced = Self::new(columns, self.rows())?;
        Ok(Self { columns: replaced.columns, ..self.clone() })
    }

    /// The columns; all have [`Batch::rows`] rows.
    #[must_use]
    pub fn columns(&self) -> &[Vector] {
        &self.columns
    }

    /// Rows, selected or not.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.selection.total()
    }

    /// Rows selected.
    #[must_use]
    pub fn count(&self) -> usize {
        self.selection.count()
    }

    /// The rows that are meant.
    #[must_use]
    pub fn selection(&self) -> &Selection {
        &self.selection
    }

    /// Where the rows come from, if from a file.
    #[must_use]
    pub fn origin(&self) -> Option<Origin> {
        self.origin
    }

    /// Row kinds, or `None` where every row is an insert.
    #[must_use]
    pub fn kinds(&self) -> Option<&Slice<u8>> {
        self.kinds.as_ref()
    }

    /// Watermarks, by ascending row.
    #[must_use]
    pub fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// Bytes that its selected rows hold, about: what is shared with other batches (dictionaries,
    /// pages) is not counted.
    #[must_use]
    pub fn row_bytes(&self) -> u64 {
        self.share_of(self.columns.iter().map(Vector::row_bytes).sum())
    }

    /// The same without those that are reserved from an account already.
    #[must_use]
    pub fn unreserved_row_bytes(&self) -> u64 {
        self.share_of(self.columns.iter().map(Vector::unreserved_row_bytes).sum())
    }

    /// What its selected rows have of `all` that all rows take.
    fn share_of(&self, all: u64) -> u64 {
        match self.rows() as u64 {
            0 => 0,
            rows => (u128::from(all) * self.count() as u128 / u128::from(rows)) as u64,
        }
    }

    /// The same batch with only the selected rows, all selected.
    ///
    /// # Errors
    /// If memory is refused.
    pub fn compacted(&self) -> Result<Self> {
        if self.selection.is_all() {
            return Ok(self.clone());
        }
        let columns: Result<Vec<Vector>> =
            self.columns.iter().map(|column| column.select(&self.selection)).collect();
        let mut batch = Self::new(columns?, self.count())?.with_origin(self.origin);
        if let Some(kinds) = &self.kinds {
            let kept: Vec<u8> =
                self.selection.rows().iter().map(|row| kinds[*row as usize]).collect();
            batch.kinds = Some(Slice::copy_of(&kept));
        }
        batch.marks = self
            .marks
            .iter()
            .map(|mark| Mark {
                row: self.selection.mask().ones().take_while(|row| *row < mark.row as usize).count()
                    as u32,
                time: mark.time,
            })
            .collect();
        Ok(batch)
    }
}
