//! Levels of a page that claims far more of them than its bytes show: they are decoded where they are
//! read, a piece at a time.
//!
//! Six bytes may rightly say that 2^31 rows are null. Opening such a page walks over its runs once: they
//! are checked and counted, and the place in them is marked every [`MARK_SLOTS`] slots, so that passing
//! over rows costs the same wherever it ends. Ordinary pages are decoded at once, which is faster.

use millwork_codecs::budget::{Budget, Reservation};
use millwork_codecs::buffer::{Bitmap, BitmapMut, Slice, SliceMut};
use millwork_codecs::encoding::hybrid::HybridDecoder;

use super::decode::bit_width;
use super::{LevelBytes, MaxLevels, the_only_one};
use crate::error::{Error, Result};
use crate::room::filled;

/// Slots between two marks: 2,048 of them, half a MiB, for the longest page there can be.
const MARK_SLOTS: usize = 1 << 20;

/// Decoded levels of fewer bytes are never worth a stream.
const SMALL_BYTES: usize = 1 << 20;

/// Decoded levels of more bytes always are.
const LARGE_BYTES: usize = 64 << 20;

/// Between the two they are if they take that many times the bytes of the encoded ones.
const RATIO: usize = 64;

/// The encoded levels of a page, as far as it has any that say something.
#[derive(Clone, Debug)]
pub(crate) struct EncodedLevels {
    pub(crate) slots: usize,
    pub(crate) definition: Option<LevelBytes>,
    pub(crate) repetition: Option<LevelBytes>,
}

/// Levels that stay encoded.
#[derive(Debug)]
pub(crate) struct LevelStream {
    max: MaxLevels,
    slots: usize,
    /// How many slots have each definition level, from 0 to the highest.
    definition: Vec<u64>,
    /// The same of repetition levels.
    repetition: Vec<u64>,
    /// Whether the first slot continues a row.
    continues: bool,
    /// One for each [`MARK_SLOTS`] slots, the first at slot 0.
    marks: Vec<LevelPosition>,
    _memory: Reservation,
}

/// A place between two slots of a [`LevelStream`].
#[derive(Clone, Debug)]
pub(crate) struct LevelPosition {
    /// `None` where all levels are the usual one.
    definition: Option<HybridDecoder>,
    repetition: Option<HybridDecoder>,
    /// Slots before it.
    pub(crate) slot: usize,
    /// Rows that start before it.
    pub(crate) rows: usize,
    /// Values before it.
    pub(crate) values: usize,
}

/// The levels of some slots, one byte each; `None` where all are the usual one.
pub(crate) struct LevelWindow {
    pub(crate) definition: Option<Slice<u8>>,
    pub(crate) repetition: Option<Slice<u8>>,
}

impl LevelStream {
    /// Whether levels that would take `decoded_bytes` are to be read from their `encoded_bytes`.
    fn is_due(decoded_bytes: usize, encoded_bytes: usize) -> bool {
        decoded_bytes > LARGE_BYTES
            || (decoded_bytes > SMALL_BYTES && decoded_bytes / RATIO > encoded_bytes)
    }

    /// A stream of the definition levels of `rows` rows of a flat column; `None` if a bitmap serves them
    /// better.
    ///
    /// # Errors
    /// `Truncated` or `Corrupt` if the levels are fewer, or make no sense; `LimitExceeded` if memory is
    /// refused.
    pub(crate) fn of_flat(
        levels: &LevelBytes,
        rows: usize,
        budget: &Budget,
    ) -> Result<Option<Self>> {
        let LevelBytes::Hybrid(bytes) = levels else { return Ok(None) };
        if !Self::is_due(rows / 8, bytes.len()) {
            return Ok(None);
        }
        let decoder = HybridDecoder::new(bytes.clone(), 1, rows)?;
        let max = MaxLevels { definition: 1, repetition: 0 };
        let start = LevelPosition::start(Some(decoder), None);
        Self::walk(start, max, rows, budget).map(Some)
    }

    /// The same of a nested leaf.
    ///
    /// # Errors
    /// As [`LevelStream::of_flat`].
    pub(crate) fn of_nested(
        encoded: &EncodedLevels,
        max: MaxLevels,
        budget: &Budget,
    ) -> Result<Option<Self>> {
        let slots = encoded.slots;
        let (mut decoded_bytes, mut encoded_bytes) = (0usize, 0usize);
        let mut decoder = |levels: &Option<LevelBytes>, max: u8, usual: u8| match levels {
            Some(levels) if the_only_one(levels, slots) == Some(usual) => Ok(Some(None)),
            None => Ok(Some(None)),
            Some(LevelBytes::BitPacked(_)) => Ok(None),
            Some(LevelBytes::Hybrid(bytes)) => {
                decoded_bytes = decoded_bytes.saturating_add(slots);
                encoded_bytes = encoded_bytes.saturating_add(bytes.len());
                let decoder = HybridDecoder::new(bytes.clone(), bit_width(max), slots)?;
                Ok::<_, Error>(Some(Some(decoder)))
            }
        };
        let definition = decoder(&encoded.definition, max.definition, max.definition)?;
        let repetition = decoder(&encoded.repetition, max.repetition, 0)?;
        let (Some(definition), Some(repetition)) = (definition, repetition) else {
            return Ok(None);
        };
        if !Self::is_due(decoded_bytes, encoded_bytes) {
            return Ok(None);
        }
        Self::walk(LevelPosition::start(definition, repetition), max, slots, budget).map(Some)
    }

    fn walk(start: LevelPosition, max: MaxLevels, slots: usize, budget: &Budget) -> Result<Self> {
        let marks = slots.div_ceil(MARK_SLOTS);
        let memory = budget.reserve((marks * size_of::<LevelPosition>()) as u64)?;
        let mut stream = Self {
            max,
            slots,
            definition: filled(0, usize::from(max.definition) + 1)?,
            repetition: filled(0, usize::from(max.repetition) + 1)?,
            continues: start.begins_inside_a_row(budget)?,
            marks: Vec::new(),
            _memory: memory,
        };
        let mut position = start;
        for slot in (0..slots).step_by(MARK_SLOTS) {
            stream.marks.push(position.clone());
            let (definition, repetition) = position.pass((slots - slot).min(MARK_SLOTS), max)?;
            add(&mut stream.definition, &definition);
            add(&mut stream.repetition, &repetition);
        }
        Ok(stream)
    }

    /// Slots.
    pub(crate) fn slots(&self) -> usize {
        self.slots
    }

    /// Rows that start in it.
    pub(crate) fn rows(&self) -> usize {
        self.repetition.first().map_or(0, |rows| *rows as usize)
    }

    /// Values that are present.
    pub(crate) fn values(&self) -> usize {
        self.definition.last().map_or(0, |values| *values as usize)
    }

    /// Whether the first slot continues a row.
    pub(crate) fn continues(&self) -> bool {
        self.continues
    }

    /// How many slots have each definition level and each repetition level.
    pub(crate) fn counts(&self) -> (&[u64], &[u64]) {
        (&self.definition, &self.repetition)
    }

    /// The place before its first slot.
    pub(crate) fn start(&self) -> Result<LevelPosition> {
        self.marks.first().cloned().ok_or_else(|| Error::internal("a stream without a start"))
    }

    /// The last mark before which at most `rows` rows start.
    pub(crate) fn mark_before(&self, rows: usize) -> Option<&LevelPosition> {
        let behind = self.marks.partition_point(|mark| mark.rows <= rows);
        self.marks.get(behind.checked_sub(1)?)
    }

    /// `position` moved on to slot `slot`.
    ///
    /// # Errors
    /// Those of the levels, which were walked over before.
    pub(crate) fn seek(&self, position: &LevelPosition, slot: usize) -> Result<LevelPosition> {
        let mark = self.marks.get(slot / MARK_SLOTS).filter(|mark| mark.slot > position.slot);
        let mut position = mark.unwrap_or(position).clone();
        position.pass(slot.saturating_sub(position.slot), self.max)?;
        Ok(position)
    }
}

fn add(sums: &mut [u64], more: &[u64]) {
    sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
}

impl LevelPosition {
    fn start(definition: Option<HybridDecoder>, repetition: Option<HybridDecoder>) -> Self {
        Self { definition, repetition, slot: 0, rows: 0, values: 0 }
    }

    fn begins_inside_a_row(&self, budget: &Budget) -> Result<bool> {
        let first = self.clone().window(1, budget)?;
        let level = first.repetition.and_then(|levels| levels.first().copied());
        Ok(level.is_some_and(|level| level != 0))
    }

    /// Passes over `slots` slots; answers how many have each definition and each repetition level.
    fn pass(&mut self, slots: usize, max: MaxLevels) -> Result<([u64; 256], [u64; 256])> {
        let tally = |decoder: &mut Option<HybridDecoder>, max: u8, usual: u8| {
            let mut counts = [0; 256];
            match decoder {
                Some(decoder) => decoder.tally(slots, &mut counts[..=usize::from(max)])?,
                None => counts[usize::from(usual)] = slots as u64,
            }
            Ok::<_, Error>(counts)
        };
        let definition = tally(&mut self.definition, max.definition, max.definition)?;
        let repetition = tally(&mut self.repetition, max.repetition, 0)?;
        self.slot += slots;
        self.values += definition[usize::from(max.definition)] as usize;
        self.rows += repetition[0] as usize;
        Ok((definition, repetition))
    }

    /// The validity of the next `rows` rows of a flat column, which it passes over.
    ///
    /// # Errors
    /// Those of the levels, which were walked over before; `LimitExceeded` if memory is refused.
    pub(crate) fn validity(&mut self, rows: usize, budget: &Budget) -> Result<Bitmap> {
        let mut bits = BitmapMut::within(rows, budget)?;
        match &mut self.definition {
            Some(decoder) => decoder.decode_bits(rows, &mut bits)?,
            None => bits.append_run(true, rows)?,
        }
        let bits = bits.freeze();
        self.slot += rows;
        self.rows += rows;
        self.values += bits.count_ones();
        Ok(bits)
    }

    /// The levels of the next `slots` slots. Rows and values of this position are not those behind it.
    ///
    /// # Errors
    /// As [`LevelPosition::validity`].
    pub(crate) fn window(&mut self, slots: usize, budget: &Budget) -> Result<LevelWindow> {
        let each = |decoder: &mut Option<HybridDecoder>| match decoder {
            None => Ok(None),
            Some(decoder) => {
                let mut found = SliceMut::<u8>::zeroed(slots, budget)?;
                decoder.decode(&mut found)?;
                Ok::<_, Error>(Some(found.freeze()))
            }
        };
        let definition = each(&mut self.definition)?;
        let repetition = each(&mut self.repetition)?;
        self.slot += slots;
        Ok(LevelWindow { definition, repetition })
    }
}
