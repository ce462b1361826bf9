//! LIMIT and OFFSET, counted over all lanes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use millwork_codecs::buffer::Slice;
use millwork_format::batch::Batch;
use millwork_format::selection::Selection;

use crate::error::{Error, Result};
use crate::pipeline::{Answer, Context, Operator};

/// What the lanes of a limit share.
#[derive(Debug)]
pub struct LimitShared {
    /// Rows still to be left out.
    skip: AtomicU64,
    /// Rows still to be given.
    left: AtomicU64,
}

impl LimitShared {
    /// Lets `limit` rows (all if `None`) through after the first `offset`, whichever lane they come
    /// from; where order matters there is one lane.
    #[must_use]
    pub fn new(limit: Option<u64>, offset: u64) -> Arc<Self> {
        let (skip, left) = (AtomicU64::new(offset), AtomicU64::new(limit.unwrap_or(u64::MAX)));
        Arc::new(Self { skip, left })
    }

    /// Whether all rows were given.
    #[must_use]
    pub fn is_met(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0
    }
}

/// Takes up to `wanted` from `counter` and answers how many.
fn claim(counter: &AtomicU64, wanted: u64) -> u64 {
    let mut left = counter.load(Ordering::Relaxed);
    loop {
        let taken = left.min(wanted);
        // No limit is never used up.
        if taken == 0 || left == u64::MAX {
            return taken;
        }
        let exchange =
            counter.compare_exchange_weak(left, left - taken, Ordering::Relaxed, Ordering::Relaxed);
        match exchange {
            Ok(_) => return taken,
            Err(now) => left = now,
        }
    }
}

/// Lets the first rows through; then it is done.
#[derive(Debug)]
pub struct LimitOperator {
    shared: Arc<LimitShared>,
    output: Option<Batch>,
}

impl LimitOperator {
    /// The limit of one lane.
    #[must_use]
    pub fn new(shared: Arc<LimitShared>) -> Self {
        Self { shared, output: None }
    }
}

impl Operator for LimitOperator {
    fn push(&mut self, batch: Batch, _context: &mut Context<'_>) -> Result<()> {
        if batch.kinds().is_some() {
            return Err(Error::unsupported("a limit of rows that change"));
        }
        let count = batch.count() as u64;
        let skipped = claim(&self.shared.skip, count);
        let taken = claim(&self.shared.left, count - skipped);
        if taken == count {
            self.output = Some(batch);
        } else if taken > 0 {
            let rows = batch.selection().rows();
            let kept = &rows[skipped as usize..(skipped + taken) as usize];
            let selection = Selection::from_rows(Slice::copy_of(kept), batch.rows())?;
            self.output = Some(batch.with_selection(selection)?);
        }
        Ok(())
    }

    fn poll(&mut self, _context: &mut Context<'_>) -> Result<Answer> {
        Ok(match self.output.take() {
            Some(batch) => Answer::HaveOutput(batch),
            None if self.shared.is_met() => Answer::Done,
            None => Answer::NeedInput,
        })
    }

    fn name(&self) -> &str {
        "limit"
    }
}

#[cfg(test)]
mod tests {
    use millwork_format::types::DataType;

    use super::*;
    use crate::operator::tests::{batch, rows, run};
    use crate::row::tests::Random;

    #[test]
    fn offset_and_limit_cut_where_they_say() {
        let mut random = Random::new(2);
        let batches: Vec<Batch> =
            (0..4).map(|_| batch(&mut random, &[DataType::Int64], 300, 9)).collect();
        let all: Vec<_> = batches.iter().flat_map(rows).collect();
        for (limit, offset) in [(0, 0), (1, 0), (10, 500), (700, 3), (5000, 10), (5, 5000)] {
            let mut operator = LimitOperator::new(LimitShared::new(Some(limit), offset));
            let found: Vec<_> =
                run(&mut operator, &batches).unwrap().iter().flat_map(rows).collect();
            let expected = all.iter().skip(offset as usize).take(limit as usize);
            assert_eq!(found, expected.cloned().collect::<Vec<_>>(), "{limit} {offset}");
        }
        let mut endless = LimitOperator::new(LimitShared::new(None, 7));
        let found: usize = run(&mut endless, &batches).unwrap().iter().map(Batch::count).sum();
        assert_eq!(found, all.len() - 7);
    }
}
