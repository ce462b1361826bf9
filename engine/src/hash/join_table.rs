//! Keys to the build rows of a join.
//!
//! Rows lie in one array, those of a bucket together; a directory names where each bucket starts. If
//! the only key is an integer and the keys are dense, a bucket is a key; else it is some bits of the
//! hash, and 16 more say which other bits occur in the bucket, so that most probes without a match end
//! there.

use millwork_codecs::budget::{Budget, Reservation};
use millwork_format::vector::Data;

use crate::error::{Error, Result};
use crate::row::Indexed;

/// What a bucket of the directory is.
#[derive(Debug)]
enum Finder {
    /// There is one bucket: no key.
    Everything,
    /// The key minus `least`; at most one row each, its id plus one.
    Unique { least: i64, ids: Vec<u32> },
    /// The key minus `least`.
    Dense { least: i64, starts: Vec<u32> },
    /// The low bits of the hash: first row of the bucket above 16 bits of which tags occur.
    Hashed { directory: Vec<u64> },
}

/// The build rows of a join by key.
#[derive(Debug)]
pub struct JoinTable {
    finder: Finder,
    /// Row ids, by bucket.
    rows: Vec<u32>,
    /// The integer key of each of `rows`, where there is one and buckets do not say it.
    keys: Vec<i64>,
    _reservation: Reservation,
}

/// Rows that may match one probe row: positions `next..end` of a table.
#[derive(Clone, Copy, Debug)]
pub struct Candidate {
    /// The probe row.
    pub row: u32,
    /// The first position not looked at.
    pub next: u32,
    /// Behind the last position.
    pub end: u32,
    /// The probe row's key, for a table with integer keys.
    pub key: i64,
}

/// The tag bits of a bucket with `hash` in it.
#[inline]
fn tag(hash: u64) -> u64 {
    1 << (hash >> 60)
}

impl JoinTable {
    /// A table in which every probe row finds all of `ids`.
    ///
    /// # Errors
    /// If the budget refuses.
    pub fn everything(ids: Vec<u32>, budget: &Budget) -> Result<Self> {
        let reservation = budget.reserve(ids.len() as u64 * 4)?;
        let finder = Finder::Everything;
        Ok(Self { finder, rows: ids, keys: Vec::new(), _reservation: reservation })
    }

    /// A table of rows with integer keys: `keys[i]` is that of row `ids[i]`, `hashes[i]` its hash.
    ///
    /// # Errors
    /// If the budget refuses.
    pub fn of_integers(keys: &[i64], ids: &[u32], hashes: &[u64], budget: &Budget) -> Result<Self> {
        let least = keys.iter().copied().min().unwrap_or(0);
        let greatest = keys.iter().copied().max().unwrap_or(0);
        let range = i128::from(greatest) - i128::from(least) + 1;
        if range > 4 * keys.len() as i128 + 1024 {
            let mut table = Self::of_hashes(ids, hashes, budget)?;
            table._reservation.resize(table._reservation.bytes() + keys.len() as u64 * 8)?;
            table.keys = ordered(&table.finder, keys, hashes);
            return Ok(table);
        }
        let range = range as usize;
        let reservation = budget.reserve(range as u64 * 4 + ids.len() as u64 * 4)?;
        let mut unique = vec![0u32; range];
        let mut repeated = false;
        for (key, id) in keys.iter().zip(ids) {
            let slot = &mut unique[(key - least) as usize];
            repeated |= *slot != 0;
            *slot = id + 1;
        }
        if !repeated {
            let finder = Finder::Unique { least, ids: unique };
            return Ok(Self {
                finder,
                rows: Vec::new(),
                keys: Vec::new(),
                _reservation: reservation,
            });
        }
        drop(unique);
        let bucket = |index: usize| (keys[index] - least) as usize;
        let (starts, rows) = by_bucket(range, ids, bucket);
        let finder = Finder::Dense { least, starts };
        Ok(Self { finder, rows, keys: Vec::new(), _reservation: reservation })
    }

    /// A table of rows of which only hashes are known: `hashes[i]` is that of row `ids[i]`.
    ///
    /// # Errors
    /// If the budget refuses.
    pub fn of_hashes(ids: &[u32], hashes: &[u64], budget: &Budget) -> Result<Self> {
        let buckets = ids.len().next_power_of_two().max(16);
        let reservation = budget.reserve(buckets as u64 * 12 + ids.len() as u64 * 4)?;
        let mask = buckets - 1;
        let (starts, rows) = by_bucket(buckets, ids, |index| hashes[index] as usize & mask);
        let mut directory: Vec<u64> = starts.iter().map(|start| u64::from(*start) << 16).collect();
        for hash in hashes {
            directory[*hash as usize & mask] |= tag(*hash);
        }
        let finder = Finder::Hashed { directory };
        Ok(Self { finder, rows, keys: Vec::new(), _reservation: reservation })
    }

    /// Whether rows are found by an integer key: then a match is exact.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        !matches!(self.finder, Finder::Hashed { .. }) || !self.keys.is_empty()
    }

    /// Whether probing needs the hashes of keys.
    #[must_use]
    pub fn needs_hashes(&self) -> bool {
        matches!(self.finder, Finder::Hashed { .. })
    }

    /// Whether probing needs integer keys.
    #[must_use]
    pub fn needs_integers(&self) -> bool {
        match self.finder {
            Finder::Everything => false,
            Finder::Unique { .. } | Finder::Dense { .. } => true,
            Finder::Hashed { .. } => !self.keys.is_empty(),
        }
    }

    /// Whether a row may have a key of this hash. Any may where the table needs no hashes.
    #[inline]
    #[must_use]
    pub fn may_have(&self, hash: u64) -> bool {
        match &self.finder {
            Finder::Hashed { directory } => {
                directory[hash as usize & (directory.len() - 2)] & tag(hash) != 0
            }
            _ => true,
        }
    }

    /// The build row at `position` of a candidate, if its key may be the candidate's.
    #[inline]
    #[must_use]
    pub fn row_at(&self, candidate: &Candidate, position: u32) -> Option<u32> {
        if matches!(self.finder, Finder::Unique { .. }) {
            return Some(position);
        }
        let index = position as usize;
        if !self.keys.is_empty() && self.keys[index] != candidate.key {
            return None;
        }
        Some(self.rows[index])
    }

    /// Appends the candidates of `rows`, one at most a row: `keys` and `hashes` are theirs, as far as
    /// the table needs them. A row whose key is null is not to be among them.
    ///
    /// # Panics
    /// If keys or hashes that are needed are fewer than rows.
    pub fn find(
        &self,
        rows: &[u32],
        keys: &[i64],
        hashes: &[u64],
        candidates: &mut Vec<Candidate>,
    ) {
        match &self.finder {
            Finder::Everything => {
                let end = self.rows.len() as u32;
                let each = rows.iter().map(|row| Candidate { row: *row, next: 0, end, key: 0 });
                candidates.extend(each.filter(|candidate| candidate.end > 0));
            }
            Finder::Unique { least, ids } => {
                for (row, key) in rows.iter().zip(&keys[..rows.len()]) {
                    let place = key.wrapping_sub(*least) as u64;
                    let id = ids.get(place as usize).copied().unwrap_or(0);
                    if id > 0 {
                        let next = id - 1;
                        candidates.push(Candidate { row: *row, next, end: id, key: *key });
                    }
                }
            }
            Finder::Dense { least, starts } => {
                for (row, key) in rows.iter().zip(&keys[..rows.len()]) {
                    let place = key.wrapping_sub(*least) as u64 as usize;
                    if place < starts.len() - 1 {
                        let (next, end) = (starts[place], starts[place + 1]);
                        if next < end {
                            candidates.push(Candidate { row: *row, next, end, key: *key });
                        }
                    }
                }
            }
            Finder::Hashed { directory } => {
                let mask = directory.len() - 2;
                for (position, (row, hash)) in rows.iter().zip(&hashes[..rows.len()]).enumerate() {
                    let bucket = *hash as usize & mask;
                    let found = directory[bucket];
                    if found & tag(*hash) != 0 {
                        let (next, end) =
                            ((found >> 16) as u32, (directory[bucket + 1] >> 16) as u32);
                        let key = keys.get(position).copied().unwrap_or(0);
                        candidates.push(Candidate { row: *row, next, end, key });
                    }
                }
            }
        }
    }
}

/// Where each bucket starts (and behind the last, the end), and `ids` in the order of their buckets.
fn by_bucket(buckets: usize, ids: &[u32], bucket: impl Fn(usize) -> usize) -> (Vec<u32>, Vec<u32>) {
    let mut starts = vec![0u32; buckets + 1];
    for index in 0..ids.len() {
        starts[bucket(index) + 1] += 1;
    }
    let mut sum = 0;
    for start in &mut starts {
        sum += *start;
        *start = sum;
    }
    // Filling moves each start to the next bucket's; from the back, it ends where it belongs.
    let mut rows = vec![0u32; ids.len()];
    let mut ends = starts.clone();
    for (index, id) in ids.iter().enumerate().rev() {
        let end = &mut ends[bucket(index) + 1];
        *end -= 1;
        rows[*end as usize] = *id;
    }
    (starts, rows)
}

/// `keys` in the order of the buckets of `finder`.
fn ordered(finder: &Finder, keys: &[i64], hashes: &[u64]) -> Vec<i64> {
    let Finder::Hashed { directory } = finder else { return Vec::new() };
    let mask = directory.len() - 2;
    let positions: Vec<u32> = (0..keys.len() as u32).collect();
    let order = by_bucket(mask + 1, &positions, |index| hashes[index] as usize & mask).1;
    order.iter().map(|position| keys[*position as usize]).collect()
}

/// Fills `keys` with the integer of each row; one of more than 64 bits is cut.
///
/// # Errors
/// `Internal` if the vector is not of integers.
pub fn integer_keys(key: &Indexed<'_>, keys: &mut Vec<i64>) -> Result<()> {
    keys.clear();
    let indices = key.indices().iter().map(|index| *index as usize);
    match key.data() {
        Data::Null => keys.extend(indices.map(|_| 0)),
        Data::Int8(values) => keys.extend(indices.map(|index| i64::from(values[index]))),
        Data::Int16(values) => keys.extend(indices.map(|index| i64::from(values[index]))),
        Data::Int32(values) => keys.extend(indices.map(|index| i64::from(values[index]))),
        Data::Int64(values) => keys.extend(indices.map(|index| values[index])),
        Data::UInt8(values) => keys.extend(indices.map(|index| i64::from(values[index]))),
        Data::UInt16(values) => keys.extend(indices.map(|index| i64::from(values[index]))),
        Data::UInt32(values) => keys.extend(indices.map(|index| i64::from(values[index]))),
        Data::Int128(values) => {
            keys.extend(indices.map(|index| values[index] as i64));
        }
        _ => return Err(Error::internal("an integer key of another type")),
    }
    Ok(())
}
