//! Lanes and schedulers: order, blocking, failures, wakes from outside, fairness.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::task::Waker;

use millwork_format::batch::{Batch, MorselId, RowKind};

use super::*;
use crate::error::{Error, ErrorKind};
use crate::pipeline::{
    Answer, BlockTwice, Collected, Context, Fault, FaultAt, Generator, GeneratorConfig, KindSet,
    LaneParts, Operator, Pipeline, Signal, Sink, SinkAnswer, Source, SourceAnswer,
};

/// Doubles every batch: two outputs for each; a last one at the end.
#[derive(Default)]
struct Twice {
    out: Vec<Batch>,
    seen: Option<Batch>,
    at_end: bool,
}

impl Operator for Twice {
    fn push(&mut self, batch: Batch, _: &mut Context<'_>) -> Result<()> {
        assert!(self.out.is_empty(), "pushed before it needed input");
        self.seen = Some(batch.clone());
        self.out = vec![batch.clone(), batch];
        Ok(())
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Result<Answer> {
        Ok(self.out.pop().map_or(Answer::NeedInput, Answer::HaveOutput))
    }

    fn signal(&mut self, signal: Signal, _: &mut Context<'_>) -> Result<()> {
        assert!(!self.at_end, "a signal after the end");
        if signal == Signal::End {
            self.at_end = true;
            self.out.extend(self.seen.take());
        }
        Ok(())
    }

    fn name(&self) -> &str {
        "twice"
    }

    fn counters(&self) -> Vec<(&'static str, u64)> {
        vec![("ends", u64::from(self.at_end))]
    }
}

/// Lets so many batches through, then is done.
struct First(u64, Option<Batch>);

impl Operator for First {
    fn push(&mut self, batch: Batch, _: &mut Context<'_>) -> Result<()> {
        self.1 = Some(batch);
        Ok(())
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Result<Answer> {
        if let Some(batch) = self.1.take() {
            self.0 -= 1;
            return Ok(Answer::HaveOutput(batch));
        }
        Ok(if self.0 == 0 { Answer::Done } else { Answer::NeedInput })
    }
}

/// Notes in order what reaches it.
struct Log(Arc<Mutex<Vec<String>>>, usize);

impl Sink for Log {
    fn push(&mut self, batch: Batch, _: &mut Context<'_>) -> Result<SinkAnswer> {
        self.0.lock().unwrap().push(format!("{} rows", batch.count()));
        self.1 -= 1;
        Ok(if self.1 == 0 { SinkAnswer::Done } else { SinkAnswer::More })
    }

    fn signal(&mut self, signal: Signal, _: &mut Context<'_>) -> Result<SinkAnswer> {
        self.0.lock().unwrap().push(format!("{signal:?}"));
        Ok(SinkAnswer::More)
    }

    fn combine(&mut self, _: &mut Context<'_>) -> Result<SinkAnswer> {
        self.0.lock().unwrap().push("combine".to_owned());
        Ok(SinkAnswer::Done)
    }
}

fn schedulers() -> Vec<Box<dyn Scheduler>> {
    vec![
        Box::new(ThreadScheduler { threads: 1 }),
        Box::new(ThreadScheduler { threads: 4 }),
        Box::new(SeededScheduler::new(7, 3)),
        Box::new(SeededScheduler { order: Order::Rounds, ..SeededScheduler::new(8, 2) }),
    ]
}

fn generator(rows: u64, batch_rows: usize, barrier_batches: u64, lane: usize) -> Generator {
    let seed = lane as u64;
    Generator::new(GeneratorConfig {
        seed,
        rows,
        batch_rows,
        barrier_batches,
        ..GeneratorConfig::default()
    })
}

fn run_log(operators: fn() -> Vec<Box<dyn Operator>>, limit: usize, blocking: bool) -> String {
    let log = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&log);
    let mut query = Query::new();
    query.add(Pipeline::new("log", 1, move |_| {
        let (source, sink) = (generator(50, 20, 2, 0), Log(Arc::clone(&log), limit));
        Ok(if blocking {
            LaneParts {
                source: Box::new(BlockTwice::new(source)),
                operators: operators(),
                sink: Box::new(BlockTwice::new(sink)),
            }
        } else {
            LaneParts { source: Box::new(source), operators: operators(), sink: Box::new(sink) }
        })
    }));
    SeededScheduler::new(3, 1).run(query, RunOptions::default()).unwrap();
    let log = seen.lock().unwrap();
    log.join(", ")
}

#[test]
fn batches_and_signals_arrive_in_order_however_often_a_part_blocks() {
    type Operators = fn() -> Vec<Box<dyn Operator>>;
    let plain: Operators = || vec![Box::new(Twice::default())];
    let blocked: Operators = || vec![Box::new(BlockTwice::new(Twice::default()))];
    let first: Operators = || vec![Box::new(First(1, None)), Box::new(Twice::default())];
    let first_blocked: Operators = || {
        vec![Box::new(BlockTwice::new(First(1, None))), Box::new(BlockTwice::new(Twice::default()))]
    };
    let all = "20 rows, 20 rows, 20 rows, 20 rows, Barrier(1), 10 rows, 10 rows, 10 rows, End, \
               combine";
    let cases = [
        (plain, blocked, usize::MAX, all),
        (first, first_blocked, usize::MAX, "20 rows, 20 rows, 20 rows, End, combine"),
        (plain, blocked, 3, "20 rows, 20 rows, 20 rows, combine"),
    ];
    for (operators, blocking, limit, expected) in cases {
        assert_eq!(run_log(operators, limit, false), expected);
        assert_eq!(run_log(blocking, limit, false), expected);
        assert_eq!(run_log(blocking, limit, true), expected);
    }
}

#[test]
fn every_scheduler_runs_every_lane_and_counts() {
    for scheduler in schedulers() {
        let collected = Collected::new();
        let into = collected.clone();
        let mut query = Query::new();
        query.add(Pipeline::new("numbers", 5, move |lane| {
            Ok(LaneParts {
                source: Box::new(BlockTwice::new(generator(1000, 7, 3, lane))),
                operators: vec![Box::new(Twice::default()), Box::new(Twice::default())],
                sink: Box::new(BlockTwice::new(into.sink())),
            })
        }));
        let options = RunOptions { analyze: true, ..RunOptions::default() };
        let report = scheduler.run(query, options).unwrap();
        // 143 batches a lane, the last of 6 rows; every end adds the last batch once more.
        let once = 2 * 1000 + 6;
        let twice = 2 * once + 6;
        let rows: usize = collected.take().iter().map(Batch::count).sum();
        assert_eq!(rows, 5 * twice);
        assert_eq!(report.worker_rows.len(), scheduler.threads());
        assert_eq!(report.worker_rows.iter().sum::<u64>(), 5000);
        let pipeline = &report.pipelines[0];
        assert_eq!(pipeline.lane_rows, [1000; 5]);
        let names: Vec<&str> = pipeline.parts.iter().map(|part| part.name.as_str()).collect();
        assert_eq!(names, ["generator", "twice", "twice", "collect"]);
        assert_eq!(pipeline.parts[0].counter("batches_generated"), 5 * 143);
        assert_eq!(pipeline.parts[1].counter("ends"), 5);
        assert_eq!(
            (pipeline.parts[1].rows_in, pipeline.parts[1].rows_out),
            (5000, 5 * once as u64)
        );
        assert_eq!(pipeline.parts[3].rows_in, 5 * twice as u64);
        assert!(pipeline.parts.iter().all(|part| part.busy_ns > 0));
    }
}

#[test]
fn pipelines_wait_for_what_they_depend_on() {
    for scheduler in schedulers() {
        let built = Collected::new();
        let table: Arc<OnceLock<u64>> = Arc::default();
        let (into, from, to) = (built.clone(), built.clone(), Arc::clone(&table));
        let mut query = Query::new();
        let build = query.add(
            Pipeline::new("build", 3, move |lane| {
                Ok(LaneParts {
                    source: Box::new(generator(100, 10, 0, lane)),
                    operators: Vec::new(),
                    sink: Box::new(into.sink()),
                })
            })
            .finally(move |_| {
                let rows = from.take().iter().map(Batch::count).sum::<usize>() as u64;
                to.set(rows).map_err(|_| Error::internal("finished twice"))
            }),
        );
        let none = query.add(Pipeline::new("no lanes", 0, |_| Err(Error::internal("built"))));
        let probed = Collected::new();
        let probe = probed.clone();
        query.add(
            Pipeline::new("probe", 2, move |lane| {
                let rows = *table.get().ok_or_else(|| Error::internal("built too early"))?;
                Ok(LaneParts {
                    source: Box::new(generator(rows, 10, 0, lane)),
                    operators: Vec::new(),
                    sink: Box::new(probe.sink()),
                })
            })
            .after(build)
            .after(none)
            .after(build),
        );
        scheduler.run(query, RunOptions::default()).unwrap();
        assert_eq!(probed.take().iter().map(Batch::count).sum::<usize>(), 600);
    }
}

/// Takes all memory it can get and answers `Blocked` for ever, giving its waker away.
struct Stuck(Arc<Mutex<Vec<Waker>>>, Vec<millwork_codecs::budget::Reservation>);

impl Source for Stuck {
    fn poll(&mut self, context: &mut Context<'_>) -> Result<SourceAnswer> {
        self.1.push(context.budget.reserve(100)?);
        self.0.lock().unwrap().push(context.waker.clone());
        Ok(SourceAnswer::Blocked)
    }
}

fn stuck_query(fault: Option<(Fault, u64)>) -> (Query, Arc<Mutex<Vec<Waker>>>) {
    let wakers: Arc<Mutex<Vec<Waker>>> = Arc::default();
    let kept = Arc::clone(&wakers);
    let mut query = Query::new();
    query.add(Pipeline::new("stuck", 3, move |_| {
        Ok(LaneParts {
            source: Box::new(Stuck(Arc::clone(&kept), Vec::new())),
            operators: vec![Box::new(Twice::default())],
            sink: Box::new(Collected::new().sink()),
        })
    }));
    if let Some((fault, at_call)) = fault {
        query.add(Pipeline::new("failing", 2, move |lane| {
            let at_call = at_call + lane as u64;
            Ok(LaneParts {
                source: Box::new(FaultAt::new(generator(9999, 5, 0, lane), fault.clone(), at_call)),
                operators: Vec::new(),
                sink: Box::new(Collected::new().sink()),
            })
        }));
    }
    (query, wakers)
}

#[test]
fn the_first_failure_ends_everything_and_returns_all_memory() {
    for scheduler in schedulers() {
        let token = CancelToken::new();
        let faults = [
            (Fault::Error, ErrorKind::Evaluate, "injected error"),
            (Fault::Panic, ErrorKind::Internal, "panic: injected panic"),
            (Fault::Cancel(token.clone()), ErrorKind::Cancelled, "the query was cancelled"),
        ];
        for (fault, kind, text) in faults {
            let (query, wakers) = stuck_query(Some((fault, 40)));
            let options = RunOptions { cancel: token.clone(), ..RunOptions::default() };
            let budget = options.budget.clone();
            let error = scheduler.run(query, options).unwrap_err();
            assert_eq!((error.kind(), error.what()), (&kind, text));
            assert_eq!(budget.reserved(), 0);
            for waker in wakers.lock().unwrap().drain(..) {
                waker.wake();
            }
        }
    }
}

#[test]
fn a_token_raised_elsewhere_wakes_workers_that_sleep() {
    let token = CancelToken::new();
    let (query, wakers) = stuck_query(None);
    let options = RunOptions { cancel: token.clone(), ..RunOptions::default() };
    let result = std::thread::scope(|scope| {
        scope.spawn(|| {
            while wakers.lock().unwrap().len() < 3 {
                std::thread::yield_now();
            }
            token.cancel();
        });
        ThreadScheduler { threads: 3 }.run(query, options)
    });
    assert_eq!(result.unwrap_err().kind(), &ErrorKind::Cancelled);
}

#[test]
fn a_deadlock_is_reported_with_the_lanes_that_wait() {
    let (query, _wakers) = stuck_query(None);
    let error = SeededScheduler::new(1, 1).run(query, RunOptions::default()).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Internal);
    for lane in ["stuck lane 0", "stuck lane 1", "stuck lane 2"] {
        assert!(error.what().contains(lane), "{error}");
    }
}

/// Batches that come from a thread of their own.
struct Foreign {
    to: std::sync::mpsc::Sender<Waker>,
    left: Arc<AtomicU64>,
    seen: u64,
    asked: bool,
}

impl Source for Foreign {
    fn poll(&mut self, context: &mut Context<'_>) -> Result<SourceAnswer> {
        let left = self.left.load(Ordering::SeqCst);
        if left == 0 {
            return Ok(SourceAnswer::Signal(Signal::End));
        }
        if self.asked && left != self.seen {
            self.asked = false;
            self.seen = left;
            return Ok(SourceAnswer::Batch(Batch::new(Vec::new(), 1)?));
        }
        self.asked = true;
        self.seen = left;
        self.to.send(context.waker.clone()).map_err(|_| Error::internal("thread is gone"))?;
        Ok(SourceAnswer::Blocked)
    }
}

#[test]
fn wakes_from_outside_are_not_lost() {
    let seeded = SeededScheduler { external_wakes: true, ..SeededScheduler::new(1, 1) };
    let schedulers: [&dyn Scheduler; 2] = [&ThreadScheduler { threads: 2 }, &seeded];
    for scheduler in schedulers {
        let left = Arc::new(AtomicU64::new(3000));
        let (to, wakers) = std::sync::mpsc::channel::<Waker>();
        let mut query = Query::new();
        let counter = Arc::clone(&left);
        query.add(Pipeline::new("foreign", 3, move |_| {
            let source =
                Foreign { to: to.clone(), left: Arc::clone(&counter), seen: 0, asked: false };
            Ok(LaneParts {
                source: Box::new(source),
                operators: Vec::new(),
                sink: Box::new(Collected::new().sink()),
            })
        }));
        let count_down = Arc::clone(&left);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                for waker in wakers {
                    let _ = count_down.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                        left.checked_sub(1)
                    });
                    waker.wake_by_ref();
                    waker.wake();
                }
            });
            scheduler.run(query, RunOptions::default()).unwrap();
        });
        assert_eq!(left.load(Ordering::SeqCst), 0);
    }
}

/// One counter of units that all lanes draw from.
struct Shared(Arc<AtomicU64>, u64);

impl Source for Shared {
    fn poll(&mut self, _: &mut Context<'_>) -> Result<SourceAnswer> {
        if self.0.fetch_add(1, Ordering::SeqCst) >= self.1 {
            return Ok(SourceAnswer::Signal(Signal::End));
        }
        Ok(SourceAnswer::Batch(Batch::new(Vec::new(), 1)?))
    }
}

#[test]
fn lanes_that_share_a_source_get_equal_shares() {
    for seed in 0..50 {
        let units = Arc::new(AtomicU64::new(0));
        let mut query = Query::new();
        query.add(Pipeline::new("shared", 2, move |_| {
            Ok(LaneParts {
                source: Box::new(Shared(Arc::clone(&units), 1001)),
                operators: vec![Box::new(BlockTwice::new(Twice::default()))],
                sink: Box::new(Collected::new().sink()),
            })
        }));
        let order = Order::Rounds;
        let scheduler =
            SeededScheduler { order, slice_batches: 1, ..SeededScheduler::new(seed, 2) };
        let report = scheduler.run(query, RunOptions::default()).unwrap();
        let rows = &report.pipelines[0].lane_rows;
        assert_eq!(rows.iter().sum::<u64>(), 1001);
        assert!(rows[0].abs_diff(rows[1]) <= 1, "seed {seed}: {rows:?}");
    }
}

#[test]
fn a_part_that_does_not_accept_changes_is_named() {
    struct Changes;
    impl Source for Changes {
        fn poll(&mut self, _: &mut Context<'_>) -> Result<SourceAnswer> {
            Ok(SourceAnswer::Signal(Signal::End))
        }
        fn row_kinds(&self) -> KindSet {
            KindSet::INSERT_ONLY.with(RowKind::Delete)
        }
    }
    let mut query = Query::new();
    query.add(Pipeline::new("changes", 1, |_| {
        Ok(LaneParts {
            source: Box::new(Changes),
            operators: vec![Box::new(Twice::default())],
            sink: Box::new(Collected::new().sink()),
        })
    }));
    let error = SeededScheduler::new(1, 1).run(query, RunOptions::default()).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Unsupported);
    assert_eq!(error.what(), "twice does not accept changes (rows of kinds +I -D)");
}

/// Counts what is queued.
#[derive(Default)]
struct Pile(Mutex<Vec<Arc<task::Task>>>);

impl task::Ready for Pile {
    fn push(&self, task: Arc<task::Task>) {
        self.0.lock().unwrap().push(task);
    }

    fn interrupt(&self) {}
}

#[test]
fn of_several_failures_the_first_by_pipeline_morsel_and_lane_is_told() {
    let ready: Arc<dyn task::Ready> = Arc::new(Pile::default());
    let (query, _wakers) = stuck_query(None);
    let run = run::Run::start(query, RunOptions::default(), ready).unwrap();
    let at = |row_group| MorselId { row_group, ..MorselId::default() };
    let end = MorselId::END;
    for (pipeline, morsel, lane) in
        [(1, at(0), 0), (0, end, 2), (0, at(9), 0), (0, at(4), 7), (0, at(4), 5), (2, at(1), 1)]
    {
        let place = run::FailurePlace { pipeline, morsel, lane };
        run.fail(place, Error::evaluate(format!("{pipeline}.{lane}")));
    }
    assert!(run.is_over());
    assert_eq!(run.close(Vec::new()).unwrap_err().what(), "0.5");
}

#[test]
fn a_task_is_queued_once_however_often_it_is_woken() {
    let pile = Arc::new(Pile::default());
    let ready: Arc<dyn task::Ready> = Arc::<Pile>::clone(&pile);
    let (query, _wakers) = stuck_query(None);
    let run = run::Run::start(query, RunOptions::default(), ready).unwrap();
    let task = pile.0.lock().unwrap().remove(0);
    let queued = || pile.0.lock().unwrap().iter().filter(|t| Arc::ptr_eq(t, &task)).count();
    let waker = Waker::from(Arc::clone(&task));
    waker.wake_by_ref();
    assert_eq!(queued(), 0, "it was queued already");
    assert_eq!(run.execute(&task, 1).0, run::After::Nothing);
    assert!(task.is_parked());
    waker.wake_by_ref();
    waker.wake_by_ref();
    assert_eq!(queued(), 1);
    pile.0.lock().unwrap().retain(|other| !Arc::ptr_eq(other, &task));
    // Woken while it runs: the worker queues it again.
    let slot = task.begin();
    waker.wake_by_ref();
    waker.wake_by_ref();
    drop(slot);
    assert!(task.park());
    assert_eq!(queued(), 0);
    run.fail(run::FailurePlace::of(0, 0), Error::evaluate("end"));
    assert!(run.close(Vec::new()).is_err());
    waker.wake_by_ref();
    assert_eq!(queued(), 0, "it is over");
}
