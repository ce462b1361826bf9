//! What the tests of operators share: driving one part by hand, batches of random rows.

use std::task::Waker;

use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::{Bitmap, Slice};
use millwork_format::batch::Batch;
use millwork_format::selection::Selection;
use millwork_format::types::DataType;

use crate::error::Result;
use crate::pipeline::{Answer, Context, Operator, Signal, Sink, SinkAnswer, Source, SourceAnswer};
use crate::row::tests::{Random, text, vector};

/// Calls `body` with a context that wakes nobody.
pub(crate) fn with_context<R>(body: impl FnOnce(&mut Context<'_>) -> R) -> R {
    let budget = Budget::unlimited();
    body(&mut Context { waker: Waker::noop(), budget: &budget, lane: 0 })
}

/// A batch with random rows and a random selection.
pub(crate) fn batch(random: &mut Random, types: &[DataType], rows: usize, range: usize) -> Batch {
    let columns: Vec<_> = types.iter().map(|t| vector(random, t, rows, range)).collect();
    let selection = match random.below(3) {
        0 => Selection::All(rows),
        1 => Selection::from_bitmap(Bitmap::from_bools(
            &(0..rows).map(|_| random.below(3) > 0).collect::<Vec<_>>(),
        )),
        _ => {
            let chosen: Vec<u32> = (0..rows as u32).filter(|_| random.below(10) == 0).collect();
            Selection::from_rows(Slice::copy_of(&chosen), rows).unwrap()
        }
    };
    Batch::new(columns, rows).unwrap().with_selection(selection).unwrap()
}

/// The selected rows as texts.
pub(crate) fn rows(batch: &Batch) -> Vec<Vec<String>> {
    let selected = batch.selection().rows();
    selected
        .iter()
        .map(|row| batch.columns().iter().map(|c| text(c.cell(*row as usize))).collect())
        .collect()
}

/// Pushes `batches` into `sink` and combines it.
pub(crate) fn fill(sink: &mut impl Sink, batches: &[Batch]) -> Result<()> {
    with_context(|context| {
        for batch in batches {
            sink.push(batch.clone(), context)?;
        }
        sink.signal(Signal::End, context)?;
        while sink.combine(context)? != SinkAnswer::Done {}
        Ok(())
    })
}

/// All batches of `source`.
pub(crate) fn drain(source: &mut impl Source) -> Result<Vec<Batch>> {
    let mut batches = Vec::new();
    with_context(|context| {
        loop {
            match source.poll(context)? {
                SourceAnswer::Batch(batch) => batches.push(batch),
                SourceAnswer::Working => {}
                SourceAnswer::Signal(Signal::End) => return Ok(batches),
                other => panic!("{other:?}"),
            }
        }
    })
}

/// What `operator` makes of `batches`.
pub(crate) fn run(operator: &mut impl Operator, batches: &[Batch]) -> Result<Vec<Batch>> {
    let mut results = Vec::new();
    with_context(|context| {
        for batch in batches {
            operator.push(batch.clone(), context)?;
            loop {
                match operator.poll(context)? {
                    Answer::HaveOutput(batch) => {
                        assert!(batch.rows() <= 2048);
                        results.push(batch);
                    }
                    Answer::NeedInput => break,
                    Answer::Done => return Ok(results),
                    Answer::Blocked => panic!("nobody wakes"),
                }
            }
        }
        Ok(results)
    })
}
