//! A position in one data page of a nested leaf: its levels and values, row by row.

use std::ops::Range;
use std::sync::Arc;

use millwork_codecs::budget::{Budget, Reservation};
use millwork_codecs::kernel::bits::count_ones_in;

use super::ColumnShape;
use super::values::ValueDecoder;
use super::wanted::Wanted;
use crate::error::{Error, Result};
use crate::levels::{
    LevelPosition, LevelRun, MaxLevels, Skeleton, count_at_least, mask_at_least, nth_one, squeeze,
};
use crate::page::{DataPage, PageLevels};
use crate::room::filled;
use crate::types::DataType;
use crate::vector::Vector;

/// What was read of a leaf: the levels of the chosen rows and the values present among them.
#[derive(Debug)]
pub struct LeafRows {
    pub(super) max: MaxLevels,
    pub(super) skeleton: Skeleton,
    /// In order, page by page, without nulls.
    pub(super) values: Vec<Vector>,
    pub(super) value_count: usize,
    /// For what these rows take until their vector is made.
    memory: Reservation,
}

impl LeafRows {
    /// Nothing yet, of leaf number `leaf` of its column; memory is taken from `budget`.
    ///
    /// # Errors
    /// `LimitExceeded` if memory is refused.
    pub fn new(leaf: usize, max: MaxLevels, budget: &Budget) -> Result<Self> {
        let skeleton = Skeleton {
            definition: LevelRun::all_usual(max.definition, 0),
            repetition: LevelRun::all_usual(0, 0),
            leaf,
        };
        Ok(Self { max, skeleton, values: Vec::new(), value_count: 0, memory: budget.reserve(0)? })
    }

    /// Values that are present.
    #[must_use]
    pub fn value_count(&self) -> usize {
        self.value_count
    }

    /// Makes sure of memory for `slots` more, each of two levels and a value of `width_bytes` that is
    /// decoded, and then perhaps moved to make room for nulls.
    fn reserve(&mut self, slots: usize, width_bytes: usize) -> Result<()> {
        let more = (slots as u64).saturating_mul(2 + 2 * width_bytes as u64);
        Ok(self.memory.resize(self.memory.bytes().saturating_add(more))?)
    }
}

/// Slots that are decoded at a time of levels that stay encoded.
const WINDOW_SLOTS: usize = 64 << 10;

/// Which rows are wanted: all, or those whose bit in `mask` is 1, from bit `from` on.
#[derive(Clone, Copy, Debug)]
pub struct RowMask<'a> {
    /// One bit a row.
    pub mask: &'a [u64],
    /// The bit of the first row.
    pub from: usize,
}

/// Reads the rows of one page of a nested leaf from front to back.
#[derive(Clone, Debug)]
pub struct LeafCursor {
    page: Arc<DataPage>,
    /// Those of the page, or of a window of it.
    levels: PageLevels,
    max: MaxLevels,
    /// `None` for a type without values.
    decoder: Option<ValueDecoder>,
    width_bytes: usize,
    /// Within `levels`.
    slot: usize,
    row: usize,
    /// Values that are passed.
    values: usize,
    /// The place behind the window, where levels stay encoded.
    behind: Option<(LevelPosition, Budget)>,
}

/// Slots that are read or passed over together.
struct Step {
    slots: Range<usize>,
    /// Rows that start among them.
    rows: usize,
}

impl LeafCursor {
    /// A cursor at the first slot of `page`. Values that are put together rather than found in the page
    /// take memory from `budget`.
    ///
    /// # Errors
    /// `Corrupt` if the page's values make no sense at their start; `Unsupported` for an encoding
    /// that is not known.
    pub fn new(
        page: Arc<DataPage>,
        max: MaxLevels,
        shape: &ColumnShape,
        dictionary: Option<&Arc<crate::vector::Dictionary>>,
        budget: &Budget,
    ) -> Result<Self> {
        let (levels, behind) = match (&page.levels, &page.stream) {
            (Some(levels), _) => (levels.clone(), None),
            (None, Some(stream)) => (PageLevels::none(), Some((stream.start()?, budget.clone()))),
            _ => return Err(Error::internal("a page of a nested leaf without levels")),
        };
        // A page without values may be of any encoding, and lack its dictionary.
        let decoder = if shape.data_type == DataType::Null || page.value_count == 0 {
            None
        } else {
            Some(ValueDecoder::new(&page, shape, dictionary, budget)?)
        };
        let width_bytes = shape.decoded_bytes().max(16);
        let (slot, row, values) = (0, 0, 0);
        Ok(Self { page, levels, max, decoder, width_bytes, slot, row, values, behind })
    }

    /// Rows of the page that were started so far.
    #[must_use]
    pub fn row(&self) -> usize {
        self.row
    }

    /// Whether all slots are passed.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.slot == self.levels.slots && self.slots_behind() == 0
    }

    /// Whether the page has rows after those started so far.
    #[must_use]
    pub fn has_more_rows(&self) -> bool {
        self.row < self.page.rows
    }

    /// From here to the end of row number `rows` that starts from here on, or of the page. Slots that
    /// continue a row come along; with no rows they are all there is.
    fn step(&self, rows: usize) -> Step {
        let (start, slots) = (self.slot, self.levels.slots);
        let (end, rows) = match &self.levels.row_starts {
            None => {
                let end = slots.min(start.saturating_add(rows));
                (end, end - start)
            }
            Some(words) => match nth_one(words, start, rows) {
                Some(end) => (end, rows),
                None => (slots, count_ones_in(words, start, slots - start)),
            },
        };
        Step { slots: start..end, rows }
    }

    /// Slots of the page behind the window.
    fn slots_behind(&self) -> usize {
        match (&self.page.stream, &self.behind) {
            (Some(stream), Some((position, _))) => stream.slots() - position.slot,
            _ => 0,
        }
    }

    /// Makes the next slots the window. `false` if there are none.
    fn next_window(&mut self) -> Result<bool> {
        let slots = self.slots_behind().min(WINDOW_SLOTS);
        let Some((position, budget)) = self.behind.as_mut().filter(|_| slots > 0) else {
            return Ok(false);
        };
        // What the window before took is given back first.
        (self.levels, self.slot) = (PageLevels::none(), 0);
        self.levels = PageLevels::window(position, slots, budget)?;
        Ok(true)
    }

    /// Passes to the last marked place before which at most `rows` rows of the page start, if that lies
    /// behind the window.
    fn leap(&mut self, rows: usize) -> Result<()> {
        let (Some(stream), Some((position, _))) = (&self.page.stream, &mut self.behind) else {
            return Ok(());
        };
        let Some(mark) = stream.mark_before(rows).filter(|mark| mark.slot >= position.slot) else {
            return Ok(());
        };
        if let (Some(decoder), 1..) = (&mut self.decoder, mark.values - self.values) {
            decoder.skip(mark.values - self.values)?;
        }
        (self.row, self.values) = (mark.rows, mark.values);
        (self.levels, self.slot) = (PageLevels::none(), 0);
        *position = mark.clone();
        Ok(())
    }

    /// Goes on by up to `rows` rows as `pass` does it window by window: it is given the slots, the values
    /// in them, and how many rows were passed before. Answers how many rows.
    fn advance(
        &mut self,
        rows: usize,
        mut pass: impl FnMut(&mut Self, &Step, usize, usize) -> Result<()>,
    ) -> Result<usize> {
        let mut done = 0;
        loop {
            let step = self.step(rows - done);
            let values = self.values_in(&step.slots);
            pass(self, &step, values, done)?;
            self.slot = step.slots.end;
            self.row += step.rows;
            self.values += values;
            done += step.rows;
            // A row may go on in the next window.
            if self.slot < self.levels.slots || !self.next_window()? {
                return Ok(done);
            }
        }
    }

    /// Passes over the slots that continue a row and over up to `rows` rows; answers how many rows.
    ///
    /// # Errors
    /// `Corrupt` or `Truncated` if the values end first.
    pub fn skip(&mut self, rows: usize) -> Result<usize> {
        let before = self.row;
        self.leap(before.saturating_add(rows))?;
        let leapt = self.row - before;
        let passed = self.advance(rows - leapt, |cursor, _, values, _| {
            if let (Some(decoder), 1..) = (&mut cursor.decoder, values) {
                decoder.skip(values)?;
            }
            Ok(())
        })?;
        Ok(leapt + passed)
    }

    /// Reads into `out` the slots that continue a row and those of up to `rows` rows; answers how many
    /// rows. Of a `mask` the first bit is that of the first row that starts; the one before is that of
    /// the row that is continued.
    ///
    /// # Errors
    /// `Corrupt` or `Truncated` if the values end first or are no values; `LimitExceeded` if memory
    /// is refused.
    pub fn read(
        &mut self,
        rows: usize,
        mask: Option<RowMask<'_>>,
        shape: &ColumnShape,
        out: &mut LeafRows,
    ) -> Result<usize> {
        self.advance(rows, |cursor, step, values, done| match mask {
            None => cursor.read_all(step.slots.clone(), values, shape, out),
            Some(RowMask { mask, from }) => {
                let chosen = cursor.chosen(step, RowMask { mask, from: from + done });
                cursor.read_chosen(step, &chosen, values, shape, out)
            }
        })
    }

    fn read_all(
        &mut self,
        slots: Range<usize>,
        values: usize,
        shape: &ColumnShape,
        out: &mut LeafRows,
    ) -> Result<()> {
        out.reserve(slots.len(), self.width_bytes)?;
        self.append_levels(std::slice::from_ref(&slots), out)?;
        if let (Some(decoder), 1..) = (&mut self.decoder, values) {
            let data = decoder.decode(shape, Wanted::All(values))?;
            out.values.push(Vector::new(data, None, values)?);
            out.value_count += values;
        }
        Ok(())
    }

    fn read_chosen(
        &mut self,
        step: &Step,
        chosen: &[Range<usize>],
        values: usize,
        shape: &ColumnShape,
        out: &mut LeafRows,
    ) -> Result<()> {
        let count: usize = chosen.iter().map(ExactSizeIterator::len).sum();
        out.reserve(count, self.width_bytes)?;
        self.append_levels(chosen, out)?;
        let Some(decoder) = self.decoder.as_mut().filter(|_| values > 0) else { return Ok(()) };
        let slots = mask_of(chosen, &step.slots)?;
        let wanted = match &self.levels.definition {
            None => slots,
            Some(each) => {
                let present = mask_at_least(&each[step.slots.clone()], self.max.definition)?;
                squeeze(&slots, &present)?.words().to_vec()
            }
        };
        let count = wanted.iter().map(|word| word.count_ones() as usize).sum();
        if count == 0 {
            return decoder.skip(values);
        }
        let data = decoder.decode(shape, Wanted::Masked { mask: &wanted, values, count })?;
        out.values.push(Vector::new(data, None, count)?);
        out.value_count += count;
        Ok(())
    }

    fn append_levels(&self, ranges: &[Range<usize>], out: &mut LeafRows) -> Result<()> {
        out.skeleton.definition.append(self.levels.definition.as_ref(), ranges)?;
        out.skeleton.repetition.append(self.levels.repetition.as_ref(), ranges)
    }

    /// Values present in `slots`.
    fn values_in(&self, slots: &Range<usize>) -> usize {
        match &self.levels.definition {
            Some(each) => count_at_least(&each[slots.clone()], self.max.definition),
            None => slots.len(),
        }
    }

    /// The slots of the rows of `step` that `mask` chooses, neighbours joined.
    fn chosen(&self, step: &Step, mask: RowMask<'_>) -> Vec<Range<usize>> {
        let is_chosen = |row: usize| mask.mask[row / 64] >> (row % 64) & 1 == 1;
        let mut ranges = Vec::new();
        let mut open: Option<usize> = None;
        let mut visit = |slot: usize, is_chosen: bool| match (open, is_chosen) {
            (None, true) => open = Some(slot),
            (Some(start), false) => {
                ranges.push(start..slot);
                open = None;
            }
            _ => {}
        };
        match &self.levels.row_starts {
            None => {
                for row in 0..step.rows {
                    visit(step.slots.start + row, is_chosen(mask.from + row));
                }
            }
            Some(words) => {
                let first = nth_one(words, step.slots.start, 0).unwrap_or(step.slots.end);
                if first > step.slots.start && mask.from > 0 {
                    visit(step.slots.start, is_chosen(mask.from - 1));
                }
                let mut slot = first;
                for row in 0..step.rows {
                    visit(slot, is_chosen(mask.from + row));
                    slot = nth_one(words, slot + 1, 0).unwrap_or(step.slots.end);
                }
            }
        }
        visit(step.slots.end, false);
        ranges
    }
}

/// One bit a slot of `slots`: whether one of the ascending `ranges` has it.
fn mask_of(ranges: &[Range<usize>], slots: &Range<usize>) -> Result<Vec<u64>> {
    let mut words = filled(0u64, slots.len().div_ceil(64))?;
    for range in ranges {
        let (start, end) = (range.start - slots.start, range.end - slots.start);
        let (first, last) = (start / 64, (end - 1) / 64);
        let (head, tail) = (u64::MAX << (start % 64), u64::MAX >> (63 - (end - 1) % 64));
        if first == last {
            words[first] |= head & tail;
        } else {
            words[first] |= head;
            words[first + 1..last].fill(u64::MAX);
            words[last] |= tail;
        }
    }
    Ok(words)
}
