//! A position in one data page: read rows, skip rows, read rows under a selection.

use std::sync::Arc;

use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::{Bitmap, BitmapMut};
use millwork_codecs::kernel::bits::count_ones_in;
use millwork_codecs::kernel::mask_bits;

use super::values::ValueDecoder;
use super::wanted::Wanted;
use super::{ColumnShape, nulls};
use crate::error::{Error, Result};
use crate::levels::{LevelPosition, squeeze};
use crate::page::DataPage;
use crate::room::{filled, room_for};
use crate::vector::{Data, Dictionary, Vector};

/// Reads the rows of one page from front to back.
#[derive(Clone, Debug)]
pub struct PageCursor {
    page: Arc<DataPage>,
    decoder: ValueDecoder,
    row: usize,
    /// Where it is in levels that stay encoded.
    encoded: Option<(LevelPosition, Budget)>,
}

/// What is known of the next rows before their values are decoded.
struct Ahead {
    /// Values among them.
    values: usize,
    /// Which of them are present, and the place behind them, where levels stay encoded.
    encoded: Option<(Bitmap, LevelPosition)>,
}

impl PageCursor {
    /// A cursor at the first row of `page`. Values that are put together rather than found in the page
    /// take memory from `budget`.
    ///
    /// # Errors
    /// `Corrupt` if the page's values make no sense at their start; `Unsupported` for an encoding
    /// that is not known.
    pub fn new(
        page: Arc<DataPage>,
        shape: &ColumnShape,
        dictionary: Option<&Arc<Dictionary>>,
        budget: &Budget,
    ) -> Result<Self> {
        let decoder = ValueDecoder::new(&page, shape, dictionary, budget)?;
        let start = page.stream.as_ref().map(|stream| stream.start()).transpose()?;
        let encoded = start.map(|start| (start, budget.clone()));
        Ok(Self { page, decoder, row: 0, encoded })
    }

    /// The row that is read next, counted from the page's first.
    #[must_use]
    pub fn row(&self) -> usize {
        self.row
    }

    /// Whether values come as codes of a dictionary.
    #[must_use]
    pub fn is_codes(&self) -> bool {
        self.decoder.is_codes()
    }

    /// Passes over the next `rows` rows.
    ///
    /// # Errors
    /// `Corrupt` or `Truncated` if the values end first.
    pub fn skip(&mut self, rows: usize) -> Result<()> {
        self.check(rows)?;
        if let (Some(stream), Some((position, _))) = (&self.page.stream, &mut self.encoded) {
            let behind = stream.seek(position, self.row + rows)?;
            self.decoder.skip(behind.values - position.values)?;
            *position = behind;
        } else {
            let values = self.ahead(rows)?.values;
            self.decoder.skip(values)?;
        }
        self.row += rows;
        Ok(())
    }

    /// The next `rows` rows.
    ///
    /// # Errors
    /// `Corrupt` or `Truncated` if the values end first or are no values.
    pub fn read(&mut self, rows: usize, shape: &ColumnShape) -> Result<Vector> {
        let ahead = self.ahead(rows)?;
        let values = ahead.values;
        let data = self.decoder.decode(shape, Wanted::All(values))?;
        let words = self.pass(rows, ahead)?;
        if values == rows {
            return Vector::new(data, None, rows);
        }
        let mut bits = BitmapMut::with_capacity(rows)?;
        bits.append_words(&words, 0, rows)?;
        finish(data, bits.freeze())
    }

    /// Of the next `rows` rows those whose bit in `mask` (from bit `from` on) is 1, `count` in all.
    ///
    /// # Errors
    /// `Corrupt` or `Truncated` if the values end first or are no values.
    pub fn read_masked(
        &mut self,
        rows: usize,
        mask: &[u64],
        from: usize,
        count: usize,
        shape: &ColumnShape,
    ) -> Result<Vector> {
        let ahead = self.ahead(rows)?;
        let values = ahead.values;
        let selected = cut(mask, from, rows)?;
        let validity = self.pass(rows, ahead)?;
        if values == rows {
            let wanted = Wanted::Masked { mask: &selected, values, count };
            return Vector::new(self.decoder.decode(shape, wanted)?, None, count);
        }
        // In the world of values: which of them are wanted; in the world of wanted rows: which of
        // them are present.
        let of_values = squeeze(&selected, &validity)?.freeze();
        let present = squeeze(&validity, &selected)?.freeze();
        let count = of_values.count_ones();
        let wanted = Wanted::Masked { mask: of_values.words(), values, count };
        finish(self.decoder.decode(shape, wanted)?, present)
    }

    fn check(&self, rows: usize) -> Result<()> {
        let left = self.page.rows - self.row;
        if rows > left {
            return Err(Error::internal(format!("{rows} rows wanted of {left} left in a page")));
        }
        Ok(())
    }

    /// Looks at the next `rows` rows.
    fn ahead(&self, rows: usize) -> Result<Ahead> {
        self.check(rows)?;
        if let Some((position, budget)) = &self.encoded {
            let mut behind = position.clone();
            let bits = behind.validity(rows, budget)?;
            let values = behind.values - position.values;
            return Ok(Ahead { values, encoded: Some((bits, behind)) });
        }
        let values = match &self.page.validity {
            Some(bits) => count_ones_in(bits.words(), self.row, rows),
            None if self.page.value_count == 0 => 0,
            None => rows,
        };
        Ok(Ahead { values, encoded: None })
    }

    /// Passes over the next `rows` rows, of which `ahead` is known; answers which of them are present,
    /// unless all are.
    fn pass(&mut self, rows: usize, ahead: Ahead) -> Result<Vec<u64>> {
        let start = self.row;
        self.row += rows;
        if let (Some((bits, behind)), Some((position, _))) = (ahead.encoded, &mut self.encoded) {
            *position = behind;
            return cut(bits.words(), 0, rows);
        }
        match &self.page.validity {
            _ if ahead.values == rows => Ok(Vec::new()),
            Some(bits) => cut(bits.words(), start, rows),
            None => filled(0, rows.div_ceil(64)),
        }
    }
}

/// Bits `from..from + count` of `words`, from bit 0 on.
fn cut(words: &[u64], from: usize, count: usize) -> Result<Vec<u64>> {
    let mut found = room_for(count.div_ceil(64))?;
    let word = |at: usize| mask_bits(words, from + at * 64, (count - at * 64).min(64));
    found.extend((0..count.div_ceil(64)).map(word));
    Ok(found)
}

/// Values spread over the rows that are present.
fn finish(data: Data, present: Bitmap) -> Result<Vector> {
    let rows = present.len();
    if let Data::Dictionary(_, dictionary) = &data
        && dictionary.is_empty()
    {
        return Ok(Vector::null(rows));
    }
    Vector::new(nulls::spread(data, &present)?, Some(present), rows)
}
