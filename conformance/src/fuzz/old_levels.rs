//! Levels in BIT_PACKED, which no writer makes any more: they read as the same levels in runs do.
//!
//! In: a shape and levels. Out: nothing; two files of one column that differ in the encoding of their
//! levels alone either read as the same rows or are both refused.

use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::Buffer;
use millwork_format::Result;
use millwork_format::limits::Limits;
use millwork_format::metadata::{Compression, Encoding, PhysicalType};
use millwork_format::read::{BatchOptions, File};
use millwork_format::record::JsonWriter;

use super::input::Input;
use super::{check_error, check_tally};
use crate::assemble::{Assembler, Element, Group, Page, Repetition, run};
use crate::examine::{self, Tally};
use crate::tree::Node;

/// Slots of the page.
const MOST_SLOTS: usize = 1000;

/// Groups and lists above the leaf, outermost first.
const SHAPES: [&[Repetition]; 7] = [
    &[Repetition::Optional],
    &[Repetition::Optional, Repetition::Optional],
    &[Repetition::Repeated],
    &[Repetition::Optional, Repetition::Repeated, Repetition::Optional],
    &[Repetition::Repeated, Repetition::Repeated, Repetition::Repeated],
    &[Repetition::Optional, Repetition::Optional, Repetition::Optional, Repetition::Optional],
    &[
        Repetition::Optional,
        Repetition::Repeated,
        Repetition::Optional,
        Repetition::Repeated,
        Repetition::Optional,
    ],
];

fn count(shape: &[Repetition], wanted: impl Fn(Repetition) -> bool) -> u8 {
    shape.iter().filter(|repetition| wanted(**repetition)).count() as u8
}

/// The highest repetition and definition level.
fn highest(shape: &[Repetition]) -> [u8; 2] {
    let is_repeated = |repetition| repetition == Repetition::Repeated;
    [count(shape, is_repeated), count(shape, |repetition| repetition != Repetition::Required)]
}

fn bit_width(highest: u8) -> usize {
    8 - highest.leading_zeros() as usize
}

/// Level number `index` of `bytes`: from the most significant bit on, as the specification had it.
fn level(bytes: &[u8], width: usize, index: usize) -> u8 {
    let bit = |at: usize| bytes.get(at / 8).map_or(0, |byte| byte >> (7 - at % 8) & 1);
    (index * width..(index + 1) * width).fold(0, |level, at| level << 1 | bit(at))
}

/// The page with its levels as they are, and in runs of one.
struct Twins {
    packed: Vec<u8>,
    runs: Vec<u8>,
}

/// BIT_PACKED levels: a shape, a number of slots, values that are missing, the levels.
pub(super) fn bit_packed_levels(bytes: &[u8], budget: &Budget) {
    reads(bytes, budget);
}

/// Whether the page of the input is read; that its two files agree.
fn reads(bytes: &[u8], budget: &Budget) -> bool {
    let mut input = Input(bytes);
    let shape = SHAPES[usize::from(input.u8()) % SHAPES.len()];
    let slots = usize::from(input.u16()) % MOST_SLOTS;
    let missing = usize::from(input.u8() % 4);
    let [repetition, definition] = highest(shape);
    let mut twins = Twins { packed: Vec::new(), runs: Vec::new() };
    let mut rest = input.0;
    let (mut present, mut rows) = (slots, slots);
    for (max, is_repetition) in [(repetition, true), (definition, false)] {
        if max == 0 || slots == 0 {
            continue;
        }
        let width = bit_width(max);
        let (levels, behind) = rest.split_at((slots * width).div_ceil(8).min(rest.len()));
        rest = behind;
        let each: Vec<u8> = (0..slots).map(|slot| level(levels, width, slot)).collect();
        let encoded: Vec<u8> = each.iter().flat_map(|level| run(1, (*level).into(), 1)).collect();
        twins.packed.extend(levels);
        // Bytes that are missing are zeros: most inputs get as far as the values.
        twins.packed.resize(twins.packed.len() + (slots * width).div_ceil(8) - levels.len(), 0);
        twins.runs.extend((encoded.len() as u32).to_le_bytes());
        twins.runs.extend(encoded);
        let counted = |level: u8| each.iter().filter(|found| **found == level).count();
        if is_repetition {
            rows = counted(0);
        } else {
            present = counted(max);
        }
    }
    let values: Vec<u8> = (0..present.saturating_sub(missing) as u32)
        .flat_map(|value| value.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    twins.packed.extend(&values);
    twins.runs.extend(&values);
    agree(shape, [slots, rows], twins, budget)
}

fn agree(shape: &[Repetition], [slots, rows]: [usize; 2], twins: Twins, budget: &Budget) -> bool {
    let files = [(Encoding::BitPacked, twins.packed), (Encoding::Rle, twins.runs)];
    let [packed, runs] = files.map(|(encoding, body)| {
        let mut page = Page::v1(slots as i32, Encoding::Plain, body);
        for field in [3, 4] {
            page.own(5, field, Node::I32(encoding.code()));
        }
        file_of(shape, rows, page)
    });
    let (Ok(packed), Ok(runs)) = (packed, runs) else { return false };
    let mut tally = Tally::default();
    examine::file(&packed, None, false, budget, &mut tally);
    check_tally(&tally);
    match (lines(&packed, budget), lines(&runs, budget)) {
        (Ok(packed), Ok(runs)) => {
            assert!(packed == runs, "{packed}\n---\n{runs}");
            true
        }
        (Err(error), Err(_)) => {
            check_error(&error);
            false
        }
        (packed, runs) => {
            assert!(packed.is_ok() && runs.is_ok(), "one alone: {packed:?} and {runs:?}");
            false
        }
    }
}

fn lines(file: &[u8], budget: &Budget) -> Result<String> {
    let bytes = Buffer::copy_of(file, budget)?;
    let file = File::from_bytes("fuzzed", bytes, &Limits::untrusted())?;
    let options = BatchOptions { budget: Some(budget.clone()), ..BatchOptions::default() };
    let batches = file.batches(options)?;
    let mut writer = JsonWriter::new(&batches.fields());
    let mut lines = Vec::new();
    for batch in batches {
        writer.write_batch(&batch?, &mut lines)?;
    }
    Ok(String::from_utf8_lossy(&lines).into_owned())
}

/// The file of one column of that shape, its leaf INT32 and named `v`.
fn file_of(shape: &[Repetition], rows: usize, page: Page) -> std::result::Result<Vec<u8>, String> {
    let mut schema = vec![Element::root(1)];
    let mut path = Vec::new();
    for (depth, repetition) in shape.iter().enumerate() {
        let is_leaf = depth + 1 == shape.len();
        schema.push(match is_leaf {
            true => Element::leaf("v", *repetition, PhysicalType::Int32),
            false => Element::group("g", *repetition, 1),
        });
        path.push(if is_leaf { "v" } else { "g" });
    }
    let mut file = Assembler::default();
    let chunk = file.chunk(&path, PhysicalType::Int32, Compression::Uncompressed, &[page])?;
    let group = Group { chunks: vec![chunk], rows: rows as i64 };
    let footer = Assembler::footer(schema, vec![group]);
    Ok(file.end_with(&footer)?.into_bytes())
}

/// Levels of every shape, all that there are in turn.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for (number, shape) in SHAPES.iter().enumerate() {
        for slots in [1usize, 7, 8, 33, 200] {
            let [repetition, definition] = highest(shape);
            let mut input = vec![number as u8];
            input.extend((slots as u16).to_le_bytes());
            input.push(0);
            for (max, is_repetition) in [(repetition, true), (definition, false)] {
                if max == 0 {
                    continue;
                }
                let width = bit_width(max);
                // Every fourth slot may be null or empty, the next starts a row of three values.
                let level = |slot: usize| match (is_repetition, slot % 4) {
                    (false, 0) => (slot / 4 % (usize::from(max) + 1)) as u8,
                    (false, _) => max,
                    (true, 2 | 3) => (slot / 4 % usize::from(max) + 1) as u8,
                    (true, _) => 0,
                };
                let bits = (0..slots)
                    .flat_map(|slot| (0..width).rev().map(move |bit| level(slot) >> bit & 1));
                let bits: Vec<u8> = bits.collect();
                let pack = |bits: &[u8]| {
                    bits.iter().enumerate().fold(0, |byte, (at, bit)| byte | bit << (7 - at))
                };
                input.extend(bits.chunks(8).map(pack));
            }
            found.push(input);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_pages_that_are_read() {
        for seed in seeds() {
            assert!(reads(&seed, &Budget::unlimited()), "{seed:?}");
        }
    }

    #[test]
    fn levels_come_from_the_most_significant_bit_on() {
        // 5, 3 and 6 of three bits.
        let levels = [0b1010_1111, 0b0000_0000];
        assert_eq!([0, 1, 2].map(|index| level(&levels, 3, index)), [5, 3, 6]);
    }
}
