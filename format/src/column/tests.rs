//! Levels that stay encoded are read as those that are decoded with their page.

use std::sync::Arc;

use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::Buffer;
use millwork_codecs::compression::Codec;

use super::{ColumnShape, LeafCursor, LeafRows, PageCursor, RowMask};
use crate::levels::{LevelRun, MaxLevels};
use crate::limits::Limits;
use crate::metadata::{Encoding, PageHeader, PageKind, PhysicalType};
use crate::page::{DataPage, PageContext, PageStart};
use crate::types::DataType;
use crate::vector::Vector;

const SHAPE: ColumnShape = ColumnShape {
    physical: PhysicalType::Boolean,
    type_length: 0,
    nullable: true,
    data_type: DataType::Boolean,
};

struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}

fn varint(mut value: usize, out: &mut Vec<u8>) {
    while value > 0x7f {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Hybrid runs of `slots` levels in up to `longest` of one kind; `bits` is 1 or 2.
fn runs(random: &mut Random, slots: usize, longest: usize, max: usize) -> Vec<u8> {
    let (mut out, mut left) = (Vec::new(), slots);
    while left > 0 {
        if random.below(3) == 0 {
            // Eight levels a group, in as many bytes as a level has bits.
            let groups = 1 + random.below(40);
            varint(groups << 1 | 1, &mut out);
            let levels: Vec<usize> = (0..8).map(|_| random.below(max + 1)).collect();
            let width = if max > 1 { 2 } else { 1 };
            let packed = levels.iter().rev().fold(0usize, |all, level| all << width | level);
            for _ in 0..groups {
                out.extend(&packed.to_le_bytes()[..width]);
            }
            left = left.saturating_sub(groups * 8);
        } else {
            let run = (1 + random.below(longest)).min(left);
            varint(run << 1, &mut out);
            out.push(random.below(max + 1) as u8);
            left -= run;
        }
    }
    out
}

/// A page of `slots` with these levels; with `padding`, so many bytes that they are worth decoding.
fn page(slots: usize, levels: &[&[u8]], padding: usize, max: MaxLevels) -> Arc<DataPage> {
    let mut body = Vec::new();
    for runs in levels {
        body.extend(((runs.len() + padding) as u32).to_le_bytes());
        body.extend(*runs);
        body.resize(body.len() + padding, 0);
    }
    let mut random = Random(9);
    body.extend((0..slots.div_ceil(8)).map(|_| random.below(256) as u8));
    let header = PageHeader {
        kind: PageKind::DataV1 {
            num_values: slots as u32,
            encoding: Encoding::Plain,
            definition_level_encoding: Encoding::Rle,
            repetition_level_encoding: Encoding::Rle,
        },
        compressed_page_size: body.len() as u32,
        uncompressed_page_size: body.len() as u32,
        crc: None,
        header_len: 0,
        statistics_at: None,
    };
    let budget = Budget::unlimited();
    let start = PageStart { header, body: Buffer::copy_of(&body, &budget).unwrap() };
    let mut context = PageContext::new(budget, Limits::standard());
    let codec = Codec::Uncompressed;
    Arc::new(match levels.len() {
        1 if max.definition == 1 => DataPage::open(&start, codec, true, &mut context).unwrap(),
        _ => DataPage::open_nested(&start, codec, max, &mut context).unwrap(),
    })
}

fn same(left: &Vector, right: &Vector) {
    assert_eq!(left.len(), right.len());
    for row in 0..left.len() {
        assert_eq!(format!("{:?}", left.cell(row)), format!("{:?}", right.cell(row)), "row {row}");
    }
}

fn mask(random: &mut Random, rows: usize) -> Vec<u64> {
    let dense = random.below(2) == 0;
    (0..rows.div_ceil(64) + 1)
        .map(|_| if dense { u64::MAX ^ 1 << random.below(64) } else { 1 << random.below(64) })
        .collect()
}

#[test]
fn rows_of_a_flat_page_are_the_same_from_encoded_levels() {
    let budget = Budget::new(4 << 20);
    for seed in 1..4 {
        let mut random = Random(seed * 0x9e37_79b9);
        let slots = 9_000_000 + random.below(1 << 20);
        let levels = runs(&mut random, slots, 60_000, 1);
        let max = MaxLevels { definition: 1, repetition: 0 };
        let (whole, encoded) =
            (page(slots, &[&levels], 1 << 20, max), page(slots, &[&levels], 0, max));
        assert!(whole.validity.is_some() && whole.stream.is_none());
        assert!(encoded.validity.is_none() && encoded.stream.is_some());
        assert_eq!(whole.value_count, encoded.value_count);
        let cursor = |page: &Arc<DataPage>| {
            PageCursor::new(Arc::clone(page), &SHAPE, None, &budget).unwrap()
        };
        let (mut left, mut right) = (cursor(&whole), cursor(&encoded));
        for step in 0.. {
            let rows = (1 + random.below(5000)).min(slots - left.row());
            match step % 3 {
                _ if rows == 0 => break,
                0 => same(&left.read(rows, &SHAPE).unwrap(), &right.read(rows, &SHAPE).unwrap()),
                1 => {
                    let rows = random.below(2_000_000).min(slots - left.row());
                    left.skip(rows).unwrap();
                    right.skip(rows).unwrap();
                }
                _ => {
                    let mask = mask(&mut random, rows);
                    let count = (0..rows).filter(|row| mask[row / 64] >> (row % 64) & 1 == 1);
                    let count = count.count();
                    let read = |cursor: &mut PageCursor| {
                        cursor.read_masked(rows, &mask, 0, count, &SHAPE).unwrap()
                    };
                    same(&read(&mut left), &read(&mut right));
                }
            }
            assert_eq!(left.row(), right.row());
        }
        assert!(right.skip(1).is_err());
    }
}

fn levels_of(run: &LevelRun) -> Vec<u8> {
    run.each().map_or_else(|| vec![run.usual(); run.len()], <[u8]>::to_vec)
}

fn same_rows(left: &LeafRows, right: &LeafRows) {
    let (one, other) = (&left.skeleton, &right.skeleton);
    assert!(levels_of(&one.definition) == levels_of(&other.definition));
    assert!(levels_of(&one.repetition) == levels_of(&other.repetition));
    let cells = |rows: &LeafRows| -> Vec<String> {
        let of = |vector: &Vector| {
            (0..vector.len()).map(|row| format!("{:?}", vector.cell(row))).collect::<Vec<_>>()
        };
        rows.values.iter().flat_map(of).collect()
    };
    assert!(cells(left) == cells(right));
    assert_eq!(left.value_count, right.value_count);
}

#[test]
fn rows_of_a_nested_page_are_the_same_from_encoded_levels() {
    let budget = Budget::new(2 << 30);
    // Lists in runs, of which some are longer than a window, and some than what lies between marks.
    for (seed, longest, repetition) in
        [(1, 200, 1), (2, 60_000, 1), (3, 1_500_000, 1), (4, 60_000, 0), (5, 1_500_000, 0)]
    {
        let mut random = Random(seed * 0x9e37_79b9);
        let slots = if longest == 200 { 1_200_000 } else { 5_000_000 };
        let max = MaxLevels { definition: 2, repetition };
        let definition = runs(&mut random, slots, longest.max(20_000), 2);
        let repetitions = match longest {
            // A long run of rows with a few lists.
            200 => {
                let mut out = Vec::new();
                varint(1_100_000 << 1, &mut out);
                out.push(0);
                [out, runs(&mut random, 100_000, longest, 1)].concat()
            }
            _ => runs(&mut random, slots, longest, 1),
        };
        let levels: &[&[u8]] =
            if repetition == 1 { &[&repetitions, &definition] } else { &[&definition] };
        let (whole, encoded) = (page(slots, levels, 1 << 20, max), page(slots, levels, 0, max));
        assert!(whole.levels.is_some() && whole.stream.is_none());
        assert!(encoded.levels.is_none() && encoded.stream.is_some());
        assert_eq!((whole.rows, whole.value_count), (encoded.rows, encoded.value_count));
        assert_eq!(whole.continues(), encoded.continues());
        let cursor = |page: &Arc<DataPage>| {
            LeafCursor::new(Arc::clone(page), max, &SHAPE, None, &budget).unwrap()
        };
        let (mut left, mut right) = (cursor(&whole), cursor(&encoded));
        for step in 0.. {
            if left.is_done() || step > 3000 {
                break;
            }
            if step % 3 == 1 {
                let rows = random.below(whole.rows / 20 + 2);
                assert_eq!(left.skip(rows).unwrap(), right.skip(rows).unwrap());
            } else {
                let rows = 1 + random.below(3000);
                let mask = mask(&mut random, rows + 1);
                let mask = (step % 3 == 2).then_some(RowMask { mask: &mask, from: 1 });
                let read = |cursor: &mut LeafCursor| {
                    let mut out = LeafRows::new(0, max, &budget).unwrap();
                    let rows = cursor.read(rows, mask, &SHAPE, &mut out).unwrap();
                    (rows, out)
                };
                let ((passed, left), (same, right)) = (read(&mut left), read(&mut right));
                assert_eq!(passed, same);
                same_rows(&left, &right);
            }
            let at = |cursor: &LeafCursor| (cursor.row(), cursor.is_done(), cursor.has_more_rows());
            assert_eq!(at(&left), at(&right), "step {step}");
        }
        let most = usize::MAX >> 1;
        assert_eq!(left.skip(most).unwrap(), right.skip(most).unwrap());
        assert!(left.is_done() && right.is_done());
    }
}
