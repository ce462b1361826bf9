//! Exchanges: every row arrives once, barriers align, watermarks merge, queues block and free.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::task::Waker;

use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::Slice;
use millwork_format::batch::{Batch, Mark};
use millwork_format::selection::Selection;
use millwork_format::vector::{Cell, Codes, Data, Dictionary, Vector, Views};

use super::*;
use crate::error::Result;
use crate::pipeline::{
    Answer, BlockTwice, Collected, Context, Generator, GeneratorConfig, LaneParts, Operator,
    Pipeline, Query, RunOptions, Scheduler, SeededScheduler, Signal, Sink, SinkAnswer, Source,
    SourceAnswer, ThreadScheduler,
};

fn hash_first_column(batch: &Batch, hashes: &mut Vec<u64>) -> Result<()> {
    hashes.clear();
    let values = batch.columns()[0].values::<i64>().unwrap();
    hashes.extend(values.iter().map(|value| (*value as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)));
    Ok(())
}

fn partition(name: &str, producer: usize) -> Box<dyn Partition> {
    match name {
        "hash" => Box::new(ByHash::new(hash_first_column)),
        "broadcast" => Box::new(Broadcast),
        "gather" => Box::new(Gather),
        _ => Box::new(RoundRobin(producer)),
    }
}

impl Partition for Box<dyn Partition> {
    fn partition(&mut self, batch: &Batch, lanes: usize) -> Result<Vec<(usize, Selection)>> {
        (**self).partition(batch, lanes)
    }
}

fn values(batch: &Batch) -> Vec<i64> {
    let compacted = batch.compacted().unwrap();
    compacted.columns()[0].values::<i64>().unwrap().to_vec()
}

/// Sorted values of each consumer lane.
fn exchanged(scheduler: &dyn Scheduler, name: &'static str, length: usize) -> Vec<Vec<i64>> {
    const CONSUMERS: usize = 3;
    let options = RunOptions::default();
    let budget = options.budget.clone();
    let exchange = Exchange::new("exchange", 4, CONSUMERS, length, &budget);
    let collected: Vec<Collected> = (0..CONSUMERS).map(|_| Collected::new()).collect();
    let (from, into) = (exchange.clone(), collected.clone());
    let mut query = Query::new();
    query.add(Pipeline::new("produce", 4, move |lane| {
        let config = GeneratorConfig {
            seed: lane as u64,
            rows: 1000 * lane as u64,
            batch_rows: 64,
            barrier_batches: 3,
            ..GeneratorConfig::default()
        };
        Ok(LaneParts {
            source: Box::new(Generator::new(config)),
            operators: Vec::new(),
            sink: Box::new(BlockTwice::new(exchange.sink(lane, partition(name, lane)))),
        })
    }));
    query.add(Pipeline::new("consume", CONSUMERS, move |lane| {
        Ok(LaneParts {
            source: Box::new(BlockTwice::new(from.source(lane))),
            operators: Vec::new(),
            sink: Box::new(into[lane].sink()),
        })
    }));
    let report = scheduler.run(query, options).unwrap();
    assert_eq!(budget.reserved(), 0);
    assert!(report.part("exchange sink").unwrap().peak_bytes.unwrap() > 0);
    let sorted = |collected: &Collected| {
        let mut all: Vec<i64> = collected.take().iter().flat_map(values).collect();
        all.sort_unstable();
        all
    };
    collected.iter().map(sorted).collect()
}

#[test]
fn every_row_arrives_where_its_partition_sends_it() {
    for (index, name) in ["hash", "broadcast", "gather", "round robin"].into_iter().enumerate() {
        let seeded = SeededScheduler::new(index as u64, 2);
        let reference = exchanged(&seeded, name, 1);
        let rows: Vec<usize> = reference.iter().map(Vec::len).collect();
        match name {
            "hash" => {
                assert_eq!(rows.iter().sum::<usize>(), 6000);
                let mut lane_of_value = BTreeMap::new();
                for (lane, values) in reference.iter().enumerate() {
                    assert!(values.len() > 1000, "{rows:?}");
                    for value in values {
                        assert_eq!(*lane_of_value.entry(*value).or_insert(lane), lane);
                    }
                }
            }
            "broadcast" => assert_eq!(rows, [6000; 3]),
            "gather" => assert_eq!(rows, [6000, 0, 0]),
            _ => assert!(rows.iter().sum::<usize>() == 6000 && rows.iter().all(|r| *r > 1900)),
        }
        assert_eq!(exchanged(&SeededScheduler::new(99, 1), name, 4), reference);
        assert_eq!(exchanged(&ThreadScheduler { threads: 3 }, name, 1), reference);
        assert_eq!(exchanged(&ThreadScheduler { threads: 1 }, name, 2), reference);
    }
}

/// Done after one batch.
struct One(Option<Batch>, bool);

impl Operator for One {
    fn push(&mut self, batch: Batch, _: &mut Context<'_>) -> Result<()> {
        self.0 = Some(batch);
        Ok(())
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Result<Answer> {
        if let Some(batch) = self.0.take() {
            self.1 = true;
            return Ok(Answer::HaveOutput(batch));
        }
        Ok(if self.1 { Answer::Done } else { Answer::NeedInput })
    }
}

#[test]
fn producers_end_when_no_consumer_wants_more() {
    let budget = Budget::unlimited();
    let exchange = Exchange::new("exchange", 2, 2, 1, &budget);
    let from = exchange.clone();
    let mut query = Query::new();
    query.add(Pipeline::new("endless", 2, move |lane| {
        let config = GeneratorConfig { rows: u64::MAX, batch_rows: 10, ..Default::default() };
        Ok(LaneParts {
            source: Box::new(Generator::new(config)),
            operators: Vec::new(),
            sink: Box::new(exchange.sink(lane, Broadcast)),
        })
    }));
    let collected = Collected::new();
    let into = collected.clone();
    query.add(Pipeline::new("one", 2, move |lane| {
        Ok(LaneParts {
            source: Box::new(from.source(lane)),
            operators: vec![Box::new(One(None, false))],
            sink: Box::new(into.sink()),
        })
    }));
    let options = RunOptions { budget: budget.clone(), ..RunOptions::default() };
    ThreadScheduler { threads: 2 }.run(query, options).unwrap();
    assert_eq!(collected.take().len(), 2);
    assert_eq!(budget.reserved(), 0);
}

fn marked(first: i64, rows: i64, marks: &[(u32, i64)]) -> Batch {
    let values: Vec<i64> = (first..first + rows).collect();
    let marks = marks.iter().map(|(row, time)| Mark { row: *row, time: *time }).collect();
    let column = Vector::flat(Slice::copy_of(&values));
    Batch::new(vec![column], rows as usize).unwrap().with_marks(marks)
}

/// What the source gives until it blocks or ends, as text.
fn drain(source: &mut ExchangeSource, budget: &Budget) -> Vec<String> {
    let mut seen = Vec::new();
    loop {
        let mut context = Context { waker: Waker::noop(), budget, lane: 0 };
        match source.poll(&mut context).unwrap() {
            SourceAnswer::Working => {}
            SourceAnswer::Blocked => return seen,
            SourceAnswer::Batch(batch) => {
                let marks: Vec<(u32, i64)> =
                    batch.marks().iter().map(|mark| (mark.row, mark.time)).collect();
                assert_eq!(batch.columns().len(), 1);
                seen.push(format!("{:?} {marks:?}", values(&batch)));
            }
            SourceAnswer::Signal(signal) => {
                seen.push(format!("{signal:?}"));
                if signal == Signal::End {
                    return seen;
                }
            }
        }
    }
}

#[test]
fn barriers_align_and_the_watermark_is_the_least_of_the_queues_that_are_not_idle() {
    let budget = Budget::unlimited();
    let exchange = Exchange::new("exchange", 2, 1, 8, &budget);
    let mut sinks = [exchange.sink(0, Gather), exchange.sink(1, Gather)];
    let mut source = exchange.source(0);
    let mut context = Context { waker: Waker::noop(), budget: &budget, lane: 0 };
    let mut give = |sink: usize, what: std::result::Result<Batch, Signal>| {
        let answer = match what {
            Ok(batch) => sinks[sink].push(batch, &mut context),
            Err(signal) => sinks[sink].signal(signal, &mut context),
        };
        assert_eq!(answer.unwrap(), SinkAnswer::More);
    };
    let steps: [(usize, std::result::Result<Batch, Signal>, &[&str]); 14] = [
        (0, Ok(marked(1, 2, &[(0, 10), (1, 20)])), &["[1, 2] []"]),
        (1, Ok(marked(3, 2, &[(0, 5), (2, 15)])), &["[3, 4] [(0, 5), (2, 15)]"]),
        (0, Err(Signal::Barrier(1)), &[]),
        (0, Ok(marked(5, 1, &[(0, 30)])), &[]),
        (1, Ok(marked(6, 1, &[(0, 16)])), &["[6] [(0, 16)]"]),
        (1, Err(Signal::Barrier(1)), &["Barrier(1)", "[5] []"]),
        (1, Err(Signal::Idle), &["[] [(0, 30)]"]),
        (0, Ok(marked(7, 1, &[(1, 40)])), &["[7] [(1, 40)]"]),
        (0, Err(Signal::Idle), &["Idle"]),
        (1, Ok(marked(8, 1, &[(0, 35), (1, 50)])), &["[8] [(1, 50)]"]),
        (0, Ok(marked(9, 0, &[(0, 60)])), &["[] []"]),
        (0, Err(Signal::Barrier(2)), &[]),
        (1, Err(Signal::End), &["[] [(0, 60)]", "Barrier(2)"]),
        (0, Err(Signal::End), &["End"]),
    ];
    for (index, (sink, what, expected)) in steps.into_iter().enumerate() {
        give(sink, what);
        assert_eq!(drain(&mut source, &budget), expected, "step {index}");
    }
    assert_eq!(budget.reserved(), 0);
}

#[test]
fn a_full_queue_blocks_and_what_it_was_given_counts_as_taken() {
    struct Count(Mutex<u32>);
    impl std::task::Wake for Count {
        fn wake(self: Arc<Self>) {
            *self.0.lock().unwrap() += 1;
        }
    }
    let budget = Budget::unlimited();
    let exchange = Exchange::new("exchange", 1, 2, 1, &budget);
    let (mut first, mut second) = (exchange.source(0), exchange.source(1));
    let mut sink = exchange.sink(0, Broadcast);
    let wakes = Arc::new(Count(Mutex::new(0)));
    let waker = Waker::from(Arc::clone(&wakes));
    let mut context = Context { waker: &waker, budget: &budget, lane: 0 };
    assert_eq!(sink.push(marked(1, 1, &[]), &mut context).unwrap(), SinkAnswer::More);
    assert_eq!(sink.push(marked(2, 1, &[]), &mut context).unwrap(), SinkAnswer::Blocked);
    assert_eq!(drain(&mut first, &budget), ["[1] []"]);
    assert_eq!(*wakes.0.lock().unwrap(), 1);
    assert_eq!(sink.poll(&mut context).unwrap(), SinkAnswer::Blocked);
    assert_eq!(drain(&mut second, &budget), ["[1] []"]);
    assert_eq!(sink.poll(&mut context).unwrap(), SinkAnswer::More);
    assert_eq!(drain(&mut first, &budget), ["[2] []"]);
    drop(first);
    assert_eq!(sink.push(marked(3, 1, &[]), &mut context).unwrap(), SinkAnswer::Blocked);
    assert_eq!(drain(&mut second, &budget), ["[2] []"]);
    second.stop();
    assert_eq!(sink.poll(&mut context).unwrap(), SinkAnswer::Done);
    assert_eq!(budget.reserved(), 0);
}

#[test]
fn no_dictionary_crosses_and_part_of_a_batch_holds_only_its_own_strings() {
    let budget = Budget::unlimited();
    let exchange = Exchange::new("exchange", 1, 2, 4, &budget);
    let strings: Vec<String> = (0..100).map(|row| format!("{row:0>100}")).collect();
    let flat = || {
        let views = Data::Views(Views::copy_of(&strings).unwrap());
        Vector::new(views, None, 100).unwrap()
    };
    let dictionary = Arc::new(Dictionary::new(flat()).unwrap());
    let codes: Vec<u8> = (0..100).rev().collect();
    let coded = Data::Dictionary(Codes::U8(Slice::copy_of(&codes)), dictionary);
    let coded = Vector::new(coded, None, 100).unwrap();
    let batch = Batch::new(vec![flat(), coded], 100).unwrap();
    let two = |batch: &Batch, _: usize| {
        let rows = |rows: &[u32]| Selection::from_rows(Slice::copy_of(rows), 100).unwrap();
        Ok(vec![(0, rows(&[7, 9])), (1, batch.selection().clone())])
    };
    let mut sink = exchange.sink(0, two);
    let mut context = Context { waker: Waker::noop(), budget: &budget, lane: 0 };
    sink.push(batch, &mut context).unwrap();
    let text = |batch: &Batch, column: usize, row: usize| match batch.columns()[column].cell(row) {
        Cell::Bytes(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
        _ => panic!("no text"),
    };
    let mut rows_of = |lane: usize| {
        let before = budget.reserved();
        let answer = exchange.source(lane).poll(&mut context).unwrap();
        let SourceAnswer::Batch(batch) = answer else { panic!("{answer:?}") };
        assert!(batch.columns().iter().all(|column| matches!(column.data(), Data::Views(_))));
        (batch, before - budget.reserved())
    };
    let (part, part_bytes) = rows_of(0);
    let (whole, whole_bytes) = rows_of(1);
    for (row, from) in [(0, 7), (1, 9)] {
        for column in [0, 1] {
            assert_eq!(text(&part, column, row), text(&whole, column, from));
        }
    }
    assert_eq!(text(&whole, 1, 99), strings[0]);
    assert!((400..4000).contains(&part_bytes), "{part_bytes} bytes for 4 strings of 100");
    assert!(whole_bytes >= 20_000, "{whole_bytes} bytes for 200 strings of 100");
}
