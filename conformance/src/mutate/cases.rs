//! Which mutants there are.
//!
//! In: the bytes of a sound (or oddly broken) file. Out: its mutants by number, each made when asked
//! for.

use std::fmt::{self, Write as _};
use std::ops::Range;
use std::sync::OnceLock;

use millwork_codecs::budget::Budget;

use super::Extent;
use super::structure::Structure;
use crate::anatomy::{Anatomy, Body, Original, Place};
use crate::examine::{self, Tally};

/// Files of at most so many bytes are broken at every bit and every length, as a whole.
pub(super) const WHOLE_BYTES: usize = 8 << 10;

/// Places drawn in larger files.
const DRAWN: u64 = 2048;

/// Places drawn in files of more than [`LARGE_BYTES`].
const DRAWN_OF_LARGE: u64 = 256;

const LARGE_BYTES: usize = 128 << 10;

/// Page bodies of at most so many bytes are read from their first row to their last, in four ways, once a
/// mutant; of larger ones the rows near the broken place are read, and the others passed over. Reading
/// all of a body for each of its bits takes the square of its length.
const WHOLE_BODY_BYTES: usize = 64 << 10;

/// Bytes of a body between two places whose rows are known.
const BUCKET_BYTES: usize = 4 << 10;

/// Rows read around a broken place, at most.
const NEAR_ROWS: usize = 1 << 10;

/// Mutants of each file and page body of which several bytes are drawn.
const STORMS: u64 = 32;

/// Ranges of files of more than [`WHOLE_BYTES`] that are broken in every way; each of the others in one.
const DRAWN_RANGES: usize = 48;

/// The ways in turn where a range is broken in one: zeroed, cut, shortened.
const IN_TURN: [u64; 3] = [0, 2, 3];

/// What is done to a range of the file.
const RANGE_ACTIONS: u64 = 10;

/// Mutants of each file whose structure has other contents.
pub(super) const STRUCTURES: u64 = 10_000;

/// Counts that a page header may claim instead of its own.
const CLAIMS: [u32; 8] = [0, 1, 7, 1000, 1 << 16, 1 << 20, 1 << 28, i32::MAX as u32];

/// A well spread function of a number (the finaliser of SplitMix64).
pub(super) fn mix(number: u64) -> u64 {
    let mut bits = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ bits >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ bits >> 31
}

/// All mutants of one file.
pub(super) struct Cases<'a> {
    bytes: &'a [u8],
    /// Those that are broken in every way, and those in one.
    ranges: Vec<Place>,
    others: Vec<Place>,
    /// Each with the number of its first mutant.
    bodies: Vec<(u64, Breakable)>,
    whole: u64,
    /// The number of the first mutant of the structure of the file, if that can be told.
    structures: u64,
    structure: Option<Structure>,
    count: u64,
}

/// A page body, and where its rows lie.
struct Breakable {
    body: Body,
    /// Rows in front of each multiple of [`BUCKET_BYTES`], where that was asked for.
    row_at: Vec<OnceLock<usize>>,
}

impl Breakable {
    fn row_at(&self, bucket: usize) -> usize {
        let found = self.row_at.get(bucket);
        let count = || examine::rows_within(&self.body, bucket * BUCKET_BYTES);
        found.map_or(0, |found| *found.get_or_init(count))
    }

    /// Rows around byte `place`, as if all between two known places had the same length.
    fn rows_near(&self, place: usize) -> Range<usize> {
        let bucket = place / BUCKET_BYTES;
        let (first, next) = (self.row_at(bucket), self.row_at(bucket + 1));
        let within = next.saturating_sub(first);
        let row = first + within * (place % BUCKET_BYTES) / BUCKET_BYTES;
        let margin = (within / 8).clamp(64, NEAR_ROWS / 2);
        row.saturating_sub(margin)..row + margin
    }
}

/// Single flips and prefixes of a body: every one.
fn places_of(body: &Body) -> u64 {
    9 * body.bytes.len() as u64
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

/// Mutant `number` of `bytes`: what it is, and where it is broken.
fn mutate(bytes: &[u8], number: u64, key: u64) -> (Vec<u8>, String) {
    let len = bytes.len() as u64;
    if number < STORMS || len == 0 {
        return storm(bytes, number, key);
    }
    let place = if bytes.len() <= WHOLE_BYTES { number - STORMS } else { mix(key) % (9 * len) };
    let (bytes, what, _) = break_at(bytes, place);
    (bytes, what)
}

/// `bytes` with several places overwritten.
fn storm(bytes: &[u8], number: u64, key: u64) -> (Vec<u8>, String) {
    let mut broken = bytes.to_vec();
    if bytes.is_empty() {
        return (broken, "empty".to_owned());
    }
    for draw in 0..2 + number % 7 {
        let random = mix(key ^ draw);
        broken[(random % bytes.len() as u64) as usize] = (random >> 56) as u8;
    }
    (broken, format!("storm {key:#x}"))
}

/// Breaks `bytes` at one of nine times as many places as there are: the prefixes, then the flips; with
/// the byte it happened at.
fn break_at(bytes: &[u8], place: u64) -> (Vec<u8>, String, usize) {
    let len = bytes.len() as u64;
    if place < len {
        let prefix = bytes[..place as usize].to_vec();
        return (prefix, format!("the first {place} bytes"), place as usize);
    }
    let mut broken = bytes.to_vec();
    let (bit, byte) = ((place - len) / len, ((place - len) % len) as usize);
    broken[byte] ^= 1 << bit;
    (broken, format!("bit {bit} of byte {byte} flipped"), byte)
}

impl<'a> Cases<'a> {
    pub(super) fn of(original: &'a Original) -> Self {
        let bytes = &original.bytes;
        let found = Anatomy::of(bytes);
        let every = match bytes.len() {
            ..=WHOLE_BYTES => 1,
            _ => found.places.len().div_ceil(DRAWN_RANGES).max(1),
        };
        let places = found.places.into_iter().enumerate();
        let (ranges, others): (Vec<_>, Vec<_>) = places.partition(|(place, _)| place % every == 0);
        let [ranges, others] = [ranges, others]
            .map(|places| places.into_iter().map(|(_, place)| place).collect::<Vec<Place>>());
        let whole = count_of(bytes.len());
        let mut count = whole + ranges.len() as u64 * RANGE_ACTIONS + others.len() as u64;
        let mut bodies = Vec::with_capacity(found.bodies.len());
        for body in found.bodies {
            let first = count;
            count += 2 * CLAIMS.len() as u64 + STORMS + places_of(&body);
            let row_at = std::iter::repeat_with(OnceLock::new)
                .take(body.bytes.len() / BUCKET_BYTES + 2)
                .collect();
            bodies.push((first, Breakable { body, row_at }));
        }
        let (structures, structure) = (count, Structure::of(bytes));
        count += structure.as_ref().map_or(0, |_| STRUCTURES);
        Self { bytes, ranges, others, bodies, whole, structures, structure, count }
    }

    /// The numbers of the mutants of that extent.
    pub(super) fn numbers(&self, extent: Extent) -> Range<u64> {
        match extent {
            Extent::Everything => 0..self.count,
            Extent::SmallFiles => STORMS..self.whole,
            Extent::Structures => self.structures..self.count,
        }
    }

    /// A line for the file and one for each of its page bodies that is large.
    pub(super) fn describe(&self, name: &str, lines: &mut String) {
        let (bodies, small) =
            (self.bodies.len(), |body: &Body| body.bytes.len() <= WHOLE_BODY_BYTES);
        let _ = writeln!(
            lines,
            "{name}: {} bytes, {} mutants, {} of the file and its parts, {bodies} page bodies",
            self.bytes.len(),
            self.count,
            self.whole + self.ranges.len() as u64 * RANGE_ACTIONS + self.others.len() as u64,
        );
        for (_, Breakable { body, .. }) in self.bodies.iter().filter(|(_, b)| !small(&b.body)) {
            let _ = writeln!(
                lines,
                "  body of {} bytes, {} mutants, {:?}",
                body.bytes.len(),
                places_of(body),
                body.header.kind,
            );
        }
    }

    /// The range that mutant `number` of those of ranges breaks, and the way.
    fn range(&self, number: u64) -> Option<(&Place, u64)> {
        if let Some(place) = self.ranges.get((number / RANGE_ACTIONS) as usize) {
            return Some((place, number % RANGE_ACTIONS));
        }
        let other = (number - self.ranges.len() as u64 * RANGE_ACTIONS) as usize;
        Some((self.others.get(other)?, IN_TURN[other % IN_TURN.len()]))
    }

    /// Mutant `number`, which draws from `key` where it draws, and takes pieces of `other`.
    pub(super) fn case(&self, number: u64, key: u64, other: Option<&Structure>) -> Case<'_> {
        if number < self.whole {
            let (bytes, what) = mutate(self.bytes, number, key);
            return Case::File { part: "file", bytes, column: None, what };
        }
        if let Some((place, action)) = self.range(number - self.whole) {
            let Place { part, range, column } = place;
            let (bytes, what) = break_range(self.bytes, range, action, key);
            let column = (bytes.len() > WHOLE_BYTES).then_some(*column);
            return Case::File {
                part,
                bytes,
                column,
                what: format!("{part} at {range:?}: {what}"),
            };
        }
        if let Some(structure) = self.structure.as_ref().filter(|_| number >= self.structures) {
            let mutant = structure.mutant(self.bytes, &self.ranges, other, key);
            let (bytes, what) = mutant.unwrap_or_else(|| (Vec::new(), "not written".to_owned()));
            // Of a large file one column is read.
            let columns = self.ranges.last().map_or(0, |place| place.column) + 1;
            let column = (bytes.len() > WHOLE_BYTES).then_some(key as usize % columns);
            return Case::File { part: "structure", bytes, column, what };
        }
        let index = self.bodies.partition_point(|(first, _)| *first <= number) - 1;
        let (first, breakable) = &self.bodies[index];
        let body = &breakable.body;
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
        let described = |what: String| format!("decompressed page {index}: {what}");
        let local = local - 2 * claims;
        if local < STORMS {
            let (bytes, what) = storm(&body.bytes, local, key);
            return Case::Body { body, bytes, claim: None, what: described(what) };
        }
        let (bytes, what, at) = break_at(&body.bytes, local - STORMS);
        let what = described(what);
        if body.bytes.len() <= WHOLE_BODY_BYTES {
            return Case::Body { body, bytes, claim: None, what };
        }
        Case::LargeBody { body, bytes, rows: breakable.rows_near(at), what }
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

/// One mutant.
pub(super) enum Case<'a> {
    /// A whole file, of which one column or all are read.
    File { part: &'static str, bytes: Vec<u8>, column: Option<usize>, what: String },
    /// The body of one page, behind decompression; `claim` stands for its header's count.
    Body { body: &'a Body, bytes: Vec<u8>, claim: Option<u32>, what: String },
    /// The same of a large one, of which `rows` are read and the others passed over.
    LargeBody { body: &'a Body, bytes: Vec<u8>, rows: Range<usize>, what: String },
}

impl Case<'_> {
    /// What was broken.
    pub(super) fn part(&self) -> &'static str {
        match self {
            Self::File { part, .. } => part,
            Self::Body { .. } => "decompressed page",
            Self::LargeBody { .. } => "large decompressed page",
        }
    }

    pub(super) fn is_behind_checksums(&self) -> bool {
        !matches!(self, Self::File { .. })
    }

    pub(super) fn read(&self, verify: bool, budget: &Budget, tally: &mut Tally) {
        match self {
            Self::File { bytes, column, .. } => {
                examine::file(bytes, *column, verify, budget, tally);
            }
            Self::Body { body, bytes, claim, .. } => {
                examine::body(body, bytes, *claim, budget, tally);
            }
            Self::LargeBody { body, bytes, rows, .. } => {
                examine::body_near(body, bytes, rows.clone(), budget, tally);
            }
        }
    }
}

impl fmt::Display for Case<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { what, .. } | Self::Body { what, .. } | Self::LargeBody { what, .. } => {
                f.write_str(what)
            }
        }
    }
}
