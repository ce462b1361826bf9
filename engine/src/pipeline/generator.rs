//! A source of pseudo-random rows: the same configuration gives the same rows and signals.
//!
//! In: a [`GeneratorConfig`]. Out: batches of BIGINT columns, a barrier after every n-th batch, `End`.

use millwork_codecs::buffer::{Bitmap, Slice};
use millwork_format::batch::{BATCH_ROWS, Batch};
use millwork_format::vector::{Data, Vector};

use super::operator::{Context, Source, SourceAnswer};
use super::signal::Signal;
use crate::error::Result;

/// What a [`Generator`] gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GeneratorConfig {
    /// Decides the values.
    pub seed: u64,
    /// Rows in all.
    pub rows: u64,
    /// Rows of a batch; the last one may have fewer.
    pub batch_rows: usize,
    /// BIGINT columns of a batch.
    pub columns: usize,
    /// Values are 0 to `distinct` - 1; 0: any 64 bits.
    pub distinct: u64,
    /// One value in so many is null; 0: none is.
    pub null_one_in: u64,
    /// A barrier after so many batches, epochs counted from 1; 0: none.
    pub barrier_batches: u64,
}

impl Default for GeneratorConfig {
    /// 10,000 rows of two columns, 1,000 distinct values, no nulls, no barriers.
    fn default() -> Self {
        Self {
            seed: 1,
            rows: 10_000,
            batch_rows: BATCH_ROWS,
            columns: 2,
            distinct: 1000,
            null_one_in: 0,
            barrier_batches: 0,
        }
    }
}

/// A source of pseudo-random rows.
#[derive(Clone, Debug)]
pub struct Generator {
    config: GeneratorConfig,
    state: u64,
    given_rows: u64,
    given_batches: u64,
    /// Batches since the last barrier.
    since_barrier: u64,
    epoch: u64,
}

impl Generator {
    /// A source that gives what `config` says.
    #[must_use]
    pub fn new(config: GeneratorConfig) -> Self {
        let state = (config.seed ^ 0x9E37_79B9_7F4A_7C15).wrapping_mul(0xBF58_476D_1CE4_E5B9) | 1;
        Self { config, state, given_rows: 0, given_batches: 0, since_barrier: 0, epoch: 0 }
    }

    fn next(&mut self) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn column(&mut self, rows: usize) -> Result<Vector> {
        let mut values = Vec::with_capacity(rows);
        let mut valid = Vec::with_capacity(rows);
        for _ in 0..rows {
            // The high bits are the good ones.
            let value = self.next();
            let is_null = self.config.null_one_in > 0
                && (value >> 40).is_multiple_of(self.config.null_one_in);
            let value = match self.config.distinct {
                0 => value as i64,
                distinct => ((u128::from(value) * u128::from(distinct)) >> 64) as i64,
            };
            values.push(if is_null { 0 } else { value });
            valid.push(!is_null);
        }
        let validity = (self.config.null_one_in > 0).then(|| Bitmap::from_bools(&valid));
        Ok(Vector::new(Data::Int64(Slice::copy_of(&values)), validity, rows)?)
    }
}

impl Source for Generator {
    fn poll(&mut self, _: &mut Context<'_>) -> Result<SourceAnswer> {
        if self.config.barrier_batches > 0 && self.since_barrier == self.config.barrier_batches {
            self.since_barrier = 0;
            self.epoch += 1;
            return Ok(SourceAnswer::Signal(Signal::Barrier(self.epoch)));
        }
        let left = self.config.rows - self.given_rows;
        if left == 0 {
            return Ok(SourceAnswer::Signal(Signal::End));
        }
        let rows = left.min(self.config.batch_rows.max(1) as u64);
        self.given_rows += rows;
        self.given_batches += 1;
        self.since_barrier += 1;
        let rows = rows as usize;
        let columns: Result<Vec<Vector>> =
            (0..self.config.columns).map(|_| self.column(rows)).collect();
        Ok(SourceAnswer::Batch(Batch::new(columns?, rows)?))
    }

    fn stop(&mut self) {
        self.given_rows = self.config.rows;
    }

    fn name(&self) -> &str {
        "generator"
    }

    fn counters(&self) -> Vec<(&'static str, u64)> {
        vec![("batches_generated", self.given_batches)]
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use millwork_codecs::budget::Budget;

    use super::*;

    fn all(config: GeneratorConfig) -> (Vec<(i64, bool)>, Vec<String>) {
        let budget = Budget::unlimited();
        let mut context = Context { waker: Waker::noop(), budget: &budget, lane: 0 };
        let (mut generator, mut rows, mut seen) = (Generator::new(config), Vec::new(), Vec::new());
        loop {
            match generator.poll(&mut context).unwrap() {
                SourceAnswer::Batch(batch) => {
                    let column = &batch.columns()[0];
                    let values = column.values::<i64>().unwrap();
                    rows.extend(
                        values
                            .iter()
                            .copied()
                            .zip((0..).map(|row| row < column.len() && column.is_valid(row))),
                    );
                    seen.push(batch.count().to_string());
                }
                SourceAnswer::Signal(signal) => {
                    seen.push(format!("{signal:?}"));
                    if signal == Signal::End {
                        return (rows, seen);
                    }
                }
                SourceAnswer::Working | SourceAnswer::Blocked => {
                    panic!("a generator always has something")
                }
            }
        }
    }

    #[test]
    fn the_same_configuration_gives_the_same_rows_and_signals() {
        let config = GeneratorConfig {
            rows: 2050,
            batch_rows: 500,
            distinct: 10,
            null_one_in: 4,
            barrier_batches: 2,
            ..GeneratorConfig::default()
        };
        let (rows, seen) = all(config);
        assert_eq!(seen, ["500", "500", "Barrier(1)", "500", "500", "Barrier(2)", "50", "End"]);
        assert_eq!(rows.len(), 2050);
        let nulls = rows.iter().filter(|row| !row.1).count();
        assert!((400..630).contains(&nulls), "{nulls} nulls of 2050");
        for value in 0..10 {
            let count = rows.iter().filter(|row| **row == (value, true)).count();
            assert!((90..220).contains(&count), "{count} times {value}");
        }
        assert_eq!(all(config).0, rows);
        assert_ne!(all(GeneratorConfig { seed: 2, ..config }).0, rows);
    }
}
