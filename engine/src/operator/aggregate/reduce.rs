//! The loops of aggregation: free functions over slices.

use super::plan::Pick;

/// Rows of a batch by group.
#[derive(Clone, Copy, Debug)]
pub(super) enum Grouped<'a> {
    /// The first so many rows, all of group 0.
    All(usize),
    /// `rows` in pieces, each of one group.
    Runs { rows: &'a [u32], runs: &'a [Run] },
    /// Row `rows[i]` is of group `groups[i]`.
    Scattered { rows: &'a [u32], groups: &'a [u32] },
}

/// Positions `start..end` are rows of `group`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub(super) group: u32,
    pub(super) start: u32,
    pub(super) end: u32,
}

impl Run {
    pub(super) fn of<'a>(&self, rows: &'a [u32]) -> &'a [u32] {
        &rows[self.start as usize..self.end as usize]
    }
}

impl Grouped<'_> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::All(len) => *len,
            Self::Runs { rows, .. } | Self::Scattered { rows, .. } => rows.len(),
        }
    }
}

/// Values added in 64 bits at once; their sum fits where each is below 2^52.
const BLOCK: usize = 2048;
const BIAS: i64 = 1 << 52;

/// The sum of a block, or `None` if a value is too large to be sure of it.
#[inline(always)]
fn sum_block(values: impl Iterator<Item = i64>) -> Option<i64> {
    let (mut sum, mut seen) = (0i64, 0u64);
    for value in values {
        sum = sum.wrapping_add(value);
        seen |= value.wrapping_add(BIAS) as u64;
    }
    (seen >> 53 == 0).then_some(sum)
}

pub(super) fn sum_all(values: &[i64]) -> i128 {
    let block = |block: &[i64]| match sum_block(block.iter().copied()) {
        Some(sum) => i128::from(sum),
        None => block.iter().map(|value| i128::from(*value)).sum(),
    };
    values.chunks(BLOCK).map(block).sum()
}

pub(super) fn sum_rows(values: &[i64], rows: &[u32]) -> i128 {
    let block = |rows: &[u32]| match sum_block(rows.iter().map(|row| values[*row as usize])) {
        Some(sum) => i128::from(sum),
        None => rows.iter().map(|row| i128::from(values[*row as usize])).sum(),
    };
    rows.chunks(BLOCK).map(block).sum()
}

/// The sum of 128-bit values, or `None` on overflow.
pub(super) fn sum_wide(mut values: impl Iterator<Item = i128>) -> Option<i128> {
    values.try_fold(0i128, i128::checked_add)
}

/// A sum of floats and what rounding took from it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct FloatSum {
    pub(super) sum: f64,
    pub(super) lost: f64,
}

impl FloatSum {
    #[inline(always)]
    pub(super) fn add(&mut self, value: f64) {
        let sum = self.sum + value;
        let part = sum - self.sum;
        self.lost += (self.sum - (sum - part)) + (value - part);
        self.sum = sum;
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.add(other.sum);
        self.lost += other.lost;
    }

    pub(super) fn value(self) -> f64 {
        // With an infinity or NaN in the sum the lost part is NaN and means nothing.
        if self.lost.is_finite() { self.sum + self.lost } else { self.sum }
    }
}

/// Adds in four independent chains, which the CPU overlaps.
#[inline(always)]
fn sum_floats(len: usize, value: impl Fn(usize) -> f64) -> FloatSum {
    let mut lanes = [FloatSum::default(); 4];
    for start in (0..len / 4).map(|block| block * 4) {
        for (lane, sum) in lanes.iter_mut().enumerate() {
            sum.add(value(start + lane));
        }
    }
    for position in len - len % 4..len {
        lanes[0].add(value(position));
    }
    let [mut all, second, third, fourth] = lanes;
    for lane in [second, third, fourth] {
        all.merge(lane);
    }
    all
}

pub(super) fn sum_floats_all(values: &[f64]) -> FloatSum {
    sum_floats(values.len(), |position| values[position])
}

pub(super) fn sum_floats_rows(values: &[f64], rows: &[u32]) -> FloatSum {
    sum_floats(rows.len(), |position| values[rows[position] as usize])
}

/// Updates the picked value of each group.
pub(super) fn pick<T: Copy + Ord>(
    values: &[T],
    grouped: Grouped<'_>,
    order: Pick,
    picked: &mut [T],
    seen: &mut [bool],
) {
    match order {
        Pick::Least => pick_by(values, grouped, picked, seen, |new, old| new.min(old)),
        Pick::Greatest => pick_by(values, grouped, picked, seen, |new, old| new.max(old)),
        Pick::First => pick_by(values, grouped, picked, seen, |_, old| old),
    }
}

#[inline(always)]
fn pick_by<T: Copy>(
    values: &[T],
    grouped: Grouped<'_>,
    picked: &mut [T],
    seen: &mut [bool],
    better: impl Fn(T, T) -> T + Copy,
) {
    let mut merge = |group: usize, value: T| {
        picked[group] = if seen[group] { better(value, picked[group]) } else { value };
        seen[group] = true;
    };
    match grouped {
        Grouped::All(len) => {
            if let [first, rest @ ..] = &values[..len] {
                merge(0, rest.iter().fold(*first, |best, value| better(*value, best)));
            }
        }
        Grouped::Runs { rows, runs } => {
            for run in runs {
                if let [first, rest @ ..] = run.of(rows) {
                    let first = values[*first as usize];
                    let best = rest.iter().fold(first, |b, row| better(values[*row as usize], b));
                    merge(run.group as usize, best);
                }
            }
        }
        Grouped::Scattered { rows, groups } => {
            for (row, group) in rows.iter().zip(groups) {
                merge(*group as usize, values[*row as usize]);
            }
        }
    }
}

/// Adds the number of rows of each group.
pub(super) fn count(grouped: Grouped<'_>, counts: &mut [i64]) {
    match grouped {
        Grouped::All(len) => counts[0] += len as i64,
        Grouped::Runs { runs, .. } => {
            for run in runs {
                counts[run.group as usize] += i64::from(run.end - run.start);
            }
        }
        Grouped::Scattered { groups, .. } => {
            for group in groups {
                counts[*group as usize] += 1;
            }
        }
    }
}
