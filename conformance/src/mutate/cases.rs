//! Which mutants there are.
//!
//! In: the bytes of a sound (or oddly broken) file. Out: its mutants by number, each made when asked
//! for.

use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::Buffer;
use millwork_format::column::decode_dictionary;
use millwork_format::limits::Limits;
use millwork_format::metadata::{PageHeader, PageKind};
use millwork_format::page::{PageContext, PageStart, codec_of};
use millwork_format::read::{File, ScanColumn, ScanLeaf};
use millwork_format::vector::Dictionary;

use super::{Tally, examine};
use crate::corpus;

/// Files and page bodies of at most so many bytes are broken at every bit and every length.
const WHOLE_BYTES: usize = 8 << 10;

/// Places drawn in larger ones.
const DRAWN: u64 = 2048;

/// Places drawn in files of more than [`LARGE_BYTES`].
const DRAWN_OF_LARGE: u64 = 256;

const LARGE_BYTES: usize = 128 << 10;

/// Mutants of each file and page body of which several bytes are drawn.
const STORMS: u64 = 32;

/// Ranges broken of files of more than [`WHOLE_BYTES`].
const DRAWN_RANGES: usize = 48;

/// Pages of which the decompressed bodies of one file are broken.
const DRAWN_BODIES: usize = 1000;

/// What is done to a range of the file.
const RANGE_ACTIONS: u64 = 10;

/// Counts that a page header may claim instead of its own.
const CLAIMS: [u32; 8] = [0, 1, 7, 1000, 1 << 16, 1 << 20, 1 << 28, i32::MAX as u32];

/// A file as it is.
pub(super) struct Original {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
}

/// The Parquet files of the corpus, and the table that the tests of this repository share.
pub(super) fn files() -> Result<Vec<Original>, String> {
    let root = corpus::root()?;
    let read = |name: String, path: &Path| {
        let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Original { name, bytes })
    };
    let listed = corpus::files(&root).map_err(|error| format!("{}: {error}", root.display()))?;
    let mut files: Vec<Original> = listed
        .into_iter()
        .filter(|name| name.ends_with(".parquet"))
        .map(|name| read(name.clone(), &root.join(&name)))
        .collect::<Result<_, String>>()?;
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/lineitem.parquet");
    files.push(read("testdata/lineitem.parquet".to_owned(), &table)?);
    Ok(files)
}

/// A well spread function of a number (the finaliser of SplitMix64).
pub(super) fn mix(number: u64) -> u64 {
    let mut bits = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ bits >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ bits >> 31
}

/// A page, decompressed.
pub(super) struct Body {
    pub(super) header: PageHeader,
    pub(super) bytes: Vec<u8>,
    pub(super) leaf: Arc<ScanLeaf>,
    pub(super) dictionary: Option<Arc<Dictionary>>,
}

/// A part of the file.
pub(super) struct Place {
    part: &'static str,
    range: Range<usize>,
    /// The top-level column that it belongs to.
    column: usize,
}

/// All mutants of one file.
pub(super) struct Cases<'a> {
    bytes: &'a [u8],
    ranges: Vec<Place>,
    /// Each with the number of its first mutant.
    bodies: Vec<(u64, Body)>,
    whole: u64,
    count: u64,
}

/// Mutants of `len` bytes as such: each bit, each length, and storms.
fn count_of(len: usize) -> u64 {
    let of_one = match len {
        _ if len <= WHOLE_BYTES => 9 * len as u64,
        _ if len <= LARGE_BYTES => DRAWN,
        _ => DRAWN_OF_LARGE,
    };
    STORMS + of_one
}

/// Mutant `number` of `bytes`.
fn mutate(bytes: &[u8], number: u64, key: u64) -> (Vec<u8>, String) {
    let mut broken = bytes.to_vec();
    let len = bytes.len() as u64;
    if len == 0 {
        return (broken, "empty".to_owned());
    }
    if number < STORMS {
        for draw in 0..2 + number % 7 {
            let random = mix(key ^ draw);
            broken[(random % len) as usize] = (random >> 56) as u8;
        }
        return (broken, format!("storm {key:#x}"));
    }
    let place = if bytes.len() <= WHOLE_BYTES { number - STORMS } else { mix(key) % (9 * len) };
    if place < len {
        broken.truncate(place as usize);
        return (broken, format!("the first {place} bytes"));
    }
    let (bit, byte) = ((place - len) / len, ((place - len) % len) as usize);
    broken[byte] ^= 1 << bit;
    (broken, format!("bit {bit} of byte {byte} flipped"))
}

impl<'a> Cases<'a> {
    pub(super) fn of(original: &'a Original) -> Self {
        let bytes = &original.bytes;
        let mut found = Found::default();
        // What cannot be opened has no pages that could be told apart.
        let _ = found.walk(bytes);
        if bytes.len() > WHOLE_BYTES {
            let mut place = 0;
            let every = found.ranges.len().div_ceil(DRAWN_RANGES).max(1);
            found.ranges.retain(|_| {
                place += 1;
                (place - 1) % every == 0
            });
        }
        // Thousands of pages that differ in their values alone show nothing new.
        let every = found.bodies.len().div_ceil(DRAWN_BODIES).max(1);
        let mut place = 0;
        found.bodies.retain(|_| {
            place += 1;
            (place - 1) % every == 0
        });
        let whole = count_of(bytes.len());
        let mut count = whole + found.ranges.len() as u64 * RANGE_ACTIONS;
        let mut bodies = Vec::with_capacity(found.bodies.len());
        for body in found.bodies {
            let first = count;
            count += count_of(body.bytes.len()) + 2 * CLAIMS.len() as u64;
            bodies.push((first, body));
        }
        Self { bytes, ranges: found.ranges, bodies, whole, count }
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Mutant `number`, which draws from `key` where it draws.
    pub(super) fn case(&self, number: u64, key: u64) -> Case<'_> {
        if number < self.whole {
            let (bytes, what) = mutate(self.bytes, number, key);
            return Case::File { part: "file", bytes, column: None, what };
        }
        let of_ranges = number - self.whole;
        if let Some(place) = self.ranges.get((of_ranges / RANGE_ACTIONS) as usize) {
            let Place { part, range, column } = place;
            let (bytes, what) = break_range(self.bytes, range, of_ranges % RANGE_ACTIONS, key);
            let column = (bytes.len() > WHOLE_BYTES).then_some(*column);
            return Case::File {
                part,
                bytes,
                column,
                what: format!("{part} at {range:?}: {what}"),
            };
        }
        let index = self.bodies.partition_point(|(first, _)| *first <= number) - 1;
        let (first, body) = &self.bodies[index];
        let local = number - first;
        let claims = CLAIMS.len() as u64;
        if local < 2 * claims {
            let claim = CLAIMS[(local % claims) as usize];
            let what = format!("decompressed page {index}: a claim of {claim} values");
            if local < claims {
                return Case::Body { body, bytes: body.bytes.clone(), claim: Some(claim), what };
            }
            let bytes = one_run(claim, &body.bytes);
            return Case::Body { body, bytes, claim: Some(claim), what: what + " in one run" };
        }
        let (bytes, what) = mutate(&body.bytes, local - 2 * claims, key);
        Case::Body { body, bytes, claim: None, what: format!("decompressed page {index}: {what}") }
    }
}

/// The body of a v1 page whose definition levels are one run of `rows` nulls.
fn one_run(rows: u32, values: &[u8]) -> Vec<u8> {
    let mut levels = Vec::new();
    let mut run = u64::from(rows) << 1;
    while run > 0x7f {
        levels.push(run as u8 | 0x80);
        run >>= 7;
    }
    levels.extend([run as u8, 0]);
    let len = levels.len() as u32;
    [&len.to_le_bytes(), levels.as_slice(), values].concat()
}

/// `bytes` with `range` broken; what follows moves up where bytes are taken away, so the footer stays
/// as it was.
fn break_range(bytes: &[u8], range: &Range<usize>, action: u64, key: u64) -> (Vec<u8>, String) {
    let mut broken = bytes.to_vec();
    let middle = usize::midpoint(range.start, range.end);
    let what = match action {
        0 => {
            broken[range.clone()].fill(0);
            "zeroed"
        }
        1 => {
            broken[range.clone()].fill(0xff);
            "all ones"
        }
        2 => {
            broken.drain(range.clone());
            "cut"
        }
        3 => {
            broken.drain(range.end - 1..range.end);
            "one byte shorter"
        }
        4 => {
            broken.drain(range.start..range.start + 1);
            "without its first byte"
        }
        5 => {
            broken.drain(middle..range.end);
            "half"
        }
        6 => {
            broken[middle..range.end].fill(0);
            "half zeroed"
        }
        7 => {
            broken[range.clone()].reverse();
            "backwards"
        }
        _ => {
            for (draw, byte) in broken[range.clone()].iter_mut().enumerate() {
                *byte = mix(key ^ action ^ (draw as u64) << 8) as u8;
            }
            "random"
        }
    };
    (broken, what.to_owned())
}

/// The parts of a file.
#[derive(Default)]
struct Found {
    ranges: Vec<Place>,
    bodies: Vec<Body>,
}

impl Found {
    fn walk(&mut self, bytes: &[u8]) -> millwork_format::Result<()> {
        let limits = Limits { verify_checksums: false, ..Limits::untrusted() };
        let bytes = Buffer::copy_of(bytes, &Budget::unlimited())?;
        let file = File::from_bytes("original", bytes.clone(), &limits)?;
        let mut context = PageContext::new(Budget::unlimited(), limits);
        for row_group in 0..file.footer().num_row_groups() {
            for index in 0..file.schema().columns().len() {
                // The other chunks of a broken original are worth breaking all the same.
                let _ = self.walk_chunk(&file, &bytes, (row_group, index), &mut context);
            }
        }
        Ok(())
    }

    fn walk_chunk(
        &mut self,
        file: &File,
        bytes: &Buffer,
        (row_group, index): (usize, usize),
        context: &mut PageContext,
    ) -> millwork_format::Result<()> {
        for leaf in ScanColumn::of(file.schema(), index)?.leaves {
            self.walk_leaf(file, bytes, (row_group, index), leaf, context)?;
        }
        Ok(())
    }

    fn walk_leaf(
        &mut self,
        file: &File,
        bytes: &Buffer,
        (row_group, index): (usize, usize),
        leaf: Arc<ScanLeaf>,
        context: &mut PageContext,
    ) -> millwork_format::Result<()> {
        let place = |part, range| Place { part, range, column: index };
        let Some(chunk) = file.footer().column(row_group, leaf.leaf) else { return Ok(()) };
        for (part, index) in
            [("offset index", chunk.offset_index()), ("column index", chunk.column_index())]
        {
            if let Some((start, len)) = index {
                let range = start as usize..(start as usize).saturating_add(len as usize);
                if bytes.get(range.clone()).is_some_and(|bytes| !bytes.is_empty()) {
                    self.ranges.push(place(part, range));
                }
            }
        }
        let codec = codec_of(chunk.compression())?;
        let range = chunk.chunk_range()?;
        let (mut start, end) = (range.start as usize, range.end as usize);
        let mut dictionary = None;
        while let Some(rest) = bytes.slice(start..end).filter(|rest| !rest.is_empty()) {
            let page = PageStart::read(&rest, start as u64, context.limits())?;
            let body = start + page.header.header_len;
            let next = body + page.body.len();
            self.ranges.push(place("page header", start..body));
            if next > body {
                let is_dictionary = matches!(page.header.kind, PageKind::Dictionary { .. });
                let part = if is_dictionary { "dictionary" } else { "page body" };
                self.ranges.push(place(part, body..next));
            }
            start = next;
            let bytes = examine::decompressed(&page, codec, context)?;
            if let PageKind::Dictionary { num_values, .. } = page.header.kind {
                let body = Buffer::copy_of(&bytes, context.budget())?;
                let entries =
                    decode_dictionary(body, num_values as usize, &leaf.shape, context.budget())?;
                dictionary = Some(Arc::new(entries));
            }
            let (leaf, dictionary) = (Arc::clone(&leaf), dictionary.clone());
            self.bodies.push(Body { header: page.header, bytes, leaf, dictionary });
        }
        Ok(())
    }
}

/// One mutant.
pub(super) enum Case<'a> {
    /// A whole file, of which one column or all are read.
    File { part: &'static str, bytes: Vec<u8>, column: Option<usize>, what: String },
    /// The body of one page, behind decompression; `claim` stands for its header's count.
    Body { body: &'a Body, bytes: Vec<u8>, claim: Option<u32>, what: String },
}

impl Case<'_> {
    /// What was broken.
    pub(super) fn part(&self) -> &'static str {
        match self {
            Self::File { part, .. } => part,
            Self::Body { .. } => "decompressed page",
        }
    }

    pub(super) fn is_behind_checksums(&self) -> bool {
        matches!(self, Self::Body { .. })
    }

    pub(super) fn read(&self, verify: bool, budget: &Budget, tally: &mut Tally) {
        match self {
            Self::File { bytes, column, .. } => {
                examine::file(bytes, *column, verify, budget, tally);
            }
            Self::Body { body, bytes, claim, .. } => {
                examine::body(body, bytes, *claim, budget, tally);
            }
        }
    }
}

impl fmt::Display for Case<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { what, .. } | Self::Body { what, .. } => f.write_str(what),
        }
    }
}
