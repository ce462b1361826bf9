//! Which consumer lane gets which rows of a batch.

use millwork_codecs::buffer::Slice;
use millwork_format::batch::Batch;
use millwork_format::selection::Selection;

use crate::error::{Error, Result};

/// Divides the rows of batches among lanes.
pub trait Partition: Send {
    /// Consumer lanes, each below `lanes`, and the rows of `batch` that each gets: selections over
    /// all its rows, out of the selected ones.
    ///
    /// # Errors
    /// Whatever went wrong; the query ends.
    fn partition(&mut self, batch: &Batch, lanes: usize) -> Result<Vec<(usize, Selection)>>;
}

impl<F> Partition for F
where
    F: FnMut(&Batch, usize) -> Result<Vec<(usize, Selection)>> + Send,
{
    fn partition(&mut self, batch: &Batch, lanes: usize) -> Result<Vec<(usize, Selection)>> {
        self(batch, lanes)
    }
}

/// All rows to lane 0.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gather;

impl Partition for Gather {
    fn partition(&mut self, batch: &Batch, _: usize) -> Result<Vec<(usize, Selection)>> {
        Ok(vec![(0, batch.selection().clone())])
    }
}

/// All rows to every lane.
#[derive(Clone, Copy, Debug, Default)]
pub struct Broadcast;

impl Partition for Broadcast {
    fn partition(&mut self, batch: &Batch, lanes: usize) -> Result<Vec<(usize, Selection)>> {
        Ok((0..lanes).map(|lane| (lane, batch.selection().clone())).collect())
    }
}

/// Whole batches to the lanes in turn, beginning at the one given.
#[derive(Clone, Copy, Debug, Default)]
pub struct RoundRobin(pub usize);

impl Partition for RoundRobin {
    fn partition(&mut self, batch: &Batch, lanes: usize) -> Result<Vec<(usize, Selection)>> {
        let lane = self.0 % lanes.max(1);
        self.0 = lane + 1;
        Ok(vec![(lane, batch.selection().clone())])
    }
}

/// Every row to the lane that its hash says. The function clears the list that it is given and puts
/// one hash for each row of the batch in, selected or not; the high bits decide.
#[derive(Clone, Debug)]
pub struct ByHash<F> {
    hash: F,
    hashes: Vec<u64>,
}

impl<F: FnMut(&Batch, &mut Vec<u64>) -> Result<()> + Send> ByHash<F> {
    /// A partition by `hash`.
    #[must_use]
    pub fn new(hash: F) -> Self {
        Self { hash, hashes: Vec::new() }
    }
}

impl<F: FnMut(&Batch, &mut Vec<u64>) -> Result<()> + Send> Partition for ByHash<F> {
    fn partition(&mut self, batch: &Batch, lanes: usize) -> Result<Vec<(usize, Selection)>> {
        if lanes <= 1 {
            return Ok(vec![(0, batch.selection().clone())]);
        }
        (self.hash)(batch, &mut self.hashes)?;
        let rows = batch.rows();
        if self.hashes.len() != rows {
            let found = self.hashes.len();
            return Err(Error::internal(format!("{found} hashes of a batch of {rows} rows")));
        }
        divide(batch.selection(), &self.hashes, lanes)
            .into_iter()
            .enumerate()
            .filter(|(_, rows)| !rows.is_empty())
            .map(|(lane, listed)| Ok((lane, Selection::from_rows(Slice::copy_of(&listed), rows)?)))
            .collect()
    }
}

/// The selected rows of each lane, ascending.
fn divide(selection: &Selection, hashes: &[u64], lanes: usize) -> Vec<Vec<u32>> {
    let expected = selection.count() / lanes;
    let mut divided: Vec<Vec<u32>> =
        (0..lanes).map(|_| Vec::with_capacity(expected + expected / 4)).collect();
    let lane_of = |hash: u64| (((hash >> 32) * lanes as u64) >> 32) as usize;
    match selection {
        Selection::All(rows) => {
            for (row, hash) in hashes[..*rows].iter().enumerate() {
                divided[lane_of(*hash)].push(row as u32);
            }
        }
        _ => {
            for row in selection.rows().iter() {
                divided[lane_of(hashes[*row as usize])].push(*row);
            }
        }
    }
    divided
}
