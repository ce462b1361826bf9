//! Files written by other programs, read in steps, under masks and in cut morsels, on every SIMD tier: the
//! rows chosen are those that reading the whole file gives.
//!
//! That the whole reading is right is what `interop`, `alp` and `ledger` prove.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use conformance::corpus;
use conformance::random::Random;
use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::Bitmap;
use millwork_codecs::kernel::{Isa, force, supported};
use millwork_format::Result;
use millwork_format::batch::Batch;
use millwork_format::io::Need;
use millwork_format::limits::Limits;
use millwork_format::metadata::Encoding;
use millwork_format::page::PageContext;
use millwork_format::read::{
    BatchOptions, File, FileScan, MorselReader, RowGroupScan, ScanMetrics,
};
use millwork_format::record::JsonWriter;
use millwork_format::selection::Selection;
use millwork_format::types::Field;

/// Ways through each file on each tier.
const SEEDS: u64 = 6;

/// Files of the corpus of which the chunks are larger, decompressed, are read by other tests.
const MOST_BYTES: u64 = 256 << 10;

fn lines(fields: &[Field], batches: impl Iterator<Item = Result<Batch>>) -> Result<Vec<String>> {
    let mut writer = JsonWriter::new(fields);
    let mut text = Vec::new();
    for batch in batches {
        writer.write_batch(&batch?, &mut text)?;
    }
    Ok(String::from_utf8(text).expect("JSON").lines().map(str::to_owned).collect())
}

fn whole(file: &File) -> Result<Vec<String>> {
    let batches = file.batches(BatchOptions::default())?;
    lines(&batches.fields(), batches)
}

/// Asks until nothing is needed.
fn bring(scan: &FileScan, mut want: impl FnMut() -> Result<Option<Need>>) -> Result<()> {
    while let Some(need) = want()? {
        scan.fetcher().request(&need.required, &Budget::unlimited())?;
        let here = |range: &Range<u64>| matches!(scan.fetcher().store().get(range), Ok(Some(_)));
        let all = |_: &_| need.required.iter().all(here).then_some(Ok(()));
        scan.fetcher().wait_for(all)?;
    }
    Ok(())
}

/// What a way through a file came to.
#[derive(Default)]
struct Chosen {
    lines: Vec<String>,
    rows: Vec<usize>,
}

/// Rows chosen at random, in steps of random length, the columns in turn, in small morsels that are cut
/// at pages of any one column.
fn read_in_steps(file: &File, random: &mut Random) -> Result<Chosen> {
    let all: Vec<usize> = (0..file.schema().columns().len()).collect();
    let leaves: Vec<usize> = (0..file.schema().leaves().len()).collect();
    let scan = FileScan::new(file, 0, &all, Arc::new(ScanMetrics::new(all.len())))?;
    let fields: Vec<Field> = scan.columns().iter().map(|column| column.field.clone()).collect();
    let mut context = PageContext::new(Budget::unlimited(), Limits::standard());
    let (mut batches, mut chosen, mut first) = (Vec::new(), Chosen::default(), 0);
    for ordinal in 0..file.footer().num_row_groups() {
        let group = RowGroupScan::new(&scan, ordinal)?;
        let predicates: &[usize] = if random.below(3) == 0 { &[] } else { &leaves };
        let cut_by = random.below(all.len() as u64) as usize;
        bring(&scan, || group.prepare(predicates, cut_by, &Budget::unlimited()))?;
        // Some files are of one step, some of dozens.
        let longest = [50, 200, 3000][random.below(3) as usize];
        for morsel in group.cut(cut_by, 10 + random.below(longest)) {
            let mut reader = MorselReader::new(&group, morsel.clone());
            let mut row = morsel.start;
            while row < morsel.end {
                let rows = row..morsel.end.min(row + 1 + random.below(longest));
                let density = random.below(5);
                let bits: Vec<bool> = rows.clone().map(|_| random.below(4) < density).collect();
                let selection = Selection::from_bitmap(Bitmap::from_bools(&bits));
                bring(&scan, || {
                    reader.want(&all, std::slice::from_ref(&rows), &Budget::unlimited())
                })?;
                let columns: Result<Vec<_>> = all
                    .iter()
                    .map(|column| reader.read(*column, rows.clone(), &selection, &mut context))
                    .collect();
                batches.push(Batch::new(columns?, selection.count()));
                let taken = bits.iter().zip(first + row..).filter(|(bit, _)| **bit);
                chosen.rows.extend(taken.map(|(_, row)| row as usize));
                row = rows.end;
            }
        }
        first += group.rows();
    }
    chosen.lines = lines(&fields, batches.into_iter())?;
    assert_eq!(scan.fetcher().store().held(), 0, "every unit is released");
    Ok(chosen)
}

/// The first difference between ways through `path` on all tiers and its whole reading.
fn difference(path: &Path, tiers: &[Isa]) -> std::result::Result<(), String> {
    let told = |error: millwork_format::Error| format!("{}: {error}", path.display());
    let file = File::open(path, &Limits::standard()).map_err(told)?;
    if file.schema().columns().is_empty() {
        return Ok(());
    }
    let expected = whole(&file).map_err(told)?;
    for tier in tiers {
        force(*tier);
        for seed in 1..=SEEDS {
            let mut random = Random(seed * 0x9e37_79b9);
            let chosen = read_in_steps(&file, &mut random).map_err(told)?;
            let place = format!("{}, seed {seed}, {tier:?}", path.display());
            if chosen.lines.len() != chosen.rows.len() {
                return Err(format!("{place}: {} rows", chosen.lines.len()));
            }
            for (row, line) in chosen.rows.iter().zip(&chosen.lines) {
                if expected.get(*row) != Some(line) {
                    let expected = expected.get(*row);
                    return Err(format!("{place}, row {row}:\n  {line}\n  {expected:?}"));
                }
            }
        }
    }
    Ok(())
}

/// The Parquet files below `folder`, sorted.
fn fixtures(folder: &Path) -> Vec<PathBuf> {
    let names = corpus::files(folder).expect("a folder of folders");
    let files = names.iter().filter(|name| name.ends_with(".parquet"));
    files.map(|name| folder.join(name)).collect()
}

/// Files of the corpus that are read whole, and not large.
fn of_corpus() -> Vec<PathBuf> {
    let root = match corpus::root() {
        Ok(root) => root,
        Err(why) => {
            assert!(!corpus::is_required(), "{why}");
            println!("without the corpus: {why}");
            return Vec::new();
        }
    };
    let names = corpus::files(&root).expect("the corpus");
    let paths = names.iter().filter(|name| name.ends_with(".parquet")).map(|name| root.join(name));
    let reads = |path: &PathBuf| {
        let Ok(file) = File::open(path, &Limits::standard()) else { return false };
        let chunks = file.footer().row_groups().flat_map(|group| group.columns());
        let bytes: u64 = chunks.map(|chunk| chunk.total_uncompressed_size()).sum();
        bytes <= MOST_BYTES && whole(&file).is_ok()
    };
    paths.filter(reads).collect()
}

/// Encodings of values that the chunks of `path` name.
fn encodings(path: &Path) -> Vec<Encoding> {
    let file = File::open(path, &Limits::standard()).unwrap();
    let chunks = |group| (0..file.footer().num_columns()).map(move |leaf| (group, leaf));
    let chunks = (0..file.footer().num_row_groups()).flat_map(chunks);
    let named = chunks.filter_map(|(group, leaf)| file.footer().column(group, leaf));
    named.flat_map(|chunk| chunk.encodings().iter().collect::<Vec<_>>()).collect()
}

// One test: the tier is a setting of the process.
#[test]
fn steps_masks_and_morsels_give_the_same_rows_on_every_tier() {
    let interop = fixtures(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/interop"));
    assert!(interop.len() > 90, "{} files of other programs", interop.len());
    let found: BTreeSet<i32> =
        interop.iter().flat_map(|path| encodings(path)).map(Encoding::code).collect();
    for encoding in [
        Encoding::Plain,
        Encoding::Rle,
        Encoding::RleDictionary,
        Encoding::DeltaBinaryPacked,
        Encoding::DeltaLengthByteArray,
        Encoding::DeltaByteArray,
        Encoding::ByteStreamSplit,
        Encoding::Alp,
    ] {
        assert!(found.contains(&encoding.code()), "no file has {encoding:?}");
    }
    let tiers = supported();
    let paths: Vec<PathBuf> = interop.into_iter().chain(of_corpus()).collect();
    let wrong: Vec<String> =
        paths.iter().filter_map(|path| difference(path, &tiers).err()).collect();
    println!("{} files, {tiers:?}", paths.len());
    assert!(wrong.is_empty(), "{} files are read wrongly:\n{}", wrong.len(), wrong.join("\n"));
}
