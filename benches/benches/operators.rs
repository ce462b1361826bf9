//! Operators alone, one lane, over batches that are there already, in input rows a second.
//!
//! `cargo bench -p millwork-benches --bench operators [-- FILTER]`. Every batch has 2,048 rows; the
//! columns are: 0 ten distinct i64, 1 a thousand, 2 all different, 3 f64, 4 text in a dictionary of
//! four, 5 text in views, a thousand distinct.

use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Arc;
use std::task::Waker;

use criterion::{BenchmarkGroup, Criterion, Throughput, measurement::WallTime};
use millwork_benches::{BenchResult, Bits};
use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::Slice;
use millwork_engine::Result;
use millwork_engine::expr::{
    AggregateCall, AggregateFunction, Comparison, Expr, Function, SortKey,
};
use millwork_engine::operator::aggregate::{
    AggregateShared, AggregateSink, AggregateSource, AggregateSpec,
};
use millwork_engine::operator::join::{JoinBuildSink, JoinProbe, JoinShared, JoinSpec};
use millwork_engine::operator::sort::{SortShared, SortSink, SortSource, SortSpec};
use millwork_engine::operator::{Filter, Project};
use millwork_engine::pipeline::{
    Answer, Context, Operator, Signal, Sink, SinkAnswer, Source, SourceAnswer,
};
use millwork_engine::plan::logical::JoinKind;
use millwork_engine::value::Scalar;
use millwork_format::batch::Batch;
use millwork_format::types::DataType;
use millwork_format::vector::{Codes, Data, Dictionary, Vector, Views};

const ROWS: usize = 2048;
const BATCHES: usize = 128;

const TYPES: [DataType; 6] = [
    DataType::Int64,
    DataType::Int64,
    DataType::Int64,
    DataType::Float64,
    DataType::Utf8,
    DataType::Utf8,
];

type Group<'a> = BenchmarkGroup<'a, WallTime>;

fn main() -> ExitCode {
    let mut criterion = millwork_benches::criterion(500, 10);
    let done = benches(&mut criterion);
    criterion.final_summary();
    millwork_benches::exit_code(done)
}

fn benches(criterion: &mut Criterion) -> BenchResult {
    let batches = batches()?;
    let mut group = criterion.benchmark_group("operators");
    group.throughput(Throughput::Elements((ROWS * BATCHES) as u64));
    rowwise(&mut group, &batches)?;
    aggregates(&mut group, &batches);
    joins(&mut group, &batches)?;
    sorts(&mut group, &batches);
    group.finish();
    Ok(())
}

fn batches() -> BenchResult<Vec<Batch>> {
    let mut bits = Bits(11);
    let words = Views::copy_of(["AIR", "MAIL", "RAIL", "SHIP"])?;
    let dictionary = Arc::new(Dictionary::new(Vector::new(Data::Views(words), None, 4)?)?);
    let mut batches = Vec::with_capacity(BATCHES);
    for batch in 0..BATCHES {
        let mut below =
            |range: u64| -> Vec<i64> { (0..ROWS).map(|_| (bits.draw() % range) as i64).collect() };
        let (ten, thousand) = (below(10), below(1000));
        let different: Vec<i64> = (0..ROWS).map(|row| (batch * ROWS + row) as i64 * 7).collect();
        let floats: Vec<f64> = thousand.iter().map(|value| *value as f64 / 8.0).collect();
        let codes: Vec<u8> = below(4).into_iter().map(|code| code as u8).collect();
        let codes = Codes::U8(Slice::copy_of(&codes));
        let texts = thousand.iter().map(|value| format!("customer number {value}"));
        let columns = [
            Vector::flat(Slice::copy_of(&ten)),
            Vector::flat(Slice::copy_of(&thousand)),
            Vector::flat(Slice::copy_of(&different)),
            Vector::flat(Slice::copy_of(&floats)),
            Vector::dictionary(codes, None, Arc::clone(&dictionary))?,
            Vector::new(Data::Views(Views::copy_of(texts)?), None, ROWS)?,
        ];
        batches.push(Batch::new(columns, ROWS)?);
    }
    Ok(batches)
}

fn rowwise(group: &mut Group<'_>, batches: &[Batch]) -> BenchResult {
    let column = |index: usize| Expr::column(index, TYPES[index].clone());
    let literal = |index: usize, value: Scalar| Expr::literal(value, TYPES[index].clone());
    let below = |index: usize, value: Scalar| {
        let arguments = vec![column(index), literal(index, value)];
        Expr::call(Function::Compare(Comparison::Less), arguments, DataType::Boolean)
    };
    for (name, conjuncts) in [
        ("filter i64 to a half", vec![below(1, Scalar::Integer(500))]),
        ("filter dictionary text", vec![below(4, Scalar::Text("MAIL".into()))]),
        ("filter text views", vec![below(5, Scalar::Text("customer number 5".into()))]),
    ] {
        let mut filter = Filter::new(&conjuncts)?;
        group.bench_function(name, |b| b.iter(|| push(&mut filter, batches)));
    }
    let product =
        Expr::call(Function::MultiplyChecked, vec![column(0), column(1)], DataType::Int64);
    let sum = Expr::call(Function::AddChecked, vec![product, column(1)], DataType::Int64);
    let mut project = Project::new(&[sum])?;
    group.bench_function("project a * b + b, checked", |b| {
        b.iter(|| push(&mut project, batches));
    });
    Ok(())
}

fn aggregates(group: &mut Group<'_>, batches: &[Batch]) {
    for (name, groups) in [
        ("aggregate all", vec![]),
        ("aggregate by dictionary text, 4 groups", vec![4]),
        ("aggregate by i64, 10 groups", vec![0]),
        ("aggregate by i64, 1,000 groups", vec![1]),
        ("aggregate by i64, every row its own", vec![2]),
        ("aggregate by text views, 1,000 groups", vec![5]),
        ("aggregate by two i64, 10,000 groups", vec![0, 1]),
    ] {
        group.bench_function(name, |b| b.iter(|| aggregate(&groups, batches)));
    }
}

fn aggregate(groups: &[usize], batches: &[Batch]) -> Result<usize> {
    let call = |function, argument: Option<usize>, data_type| AggregateCall {
        function,
        argument,
        distinct: false,
        filter: None,
        argument_type: argument.map_or(DataType::Null, |column| TYPES[column].clone()),
        data_type,
    };
    let spec = AggregateSpec {
        groups: groups.iter().map(|column| (*column, TYPES[*column].clone())).collect(),
        aggregates: vec![
            call(AggregateFunction::CountRows, None, DataType::Int64),
            call(AggregateFunction::SumInteger, Some(1), DataType::Int128),
            call(AggregateFunction::Average, Some(3), DataType::Float64),
        ],
    };
    let shared = AggregateShared::new(spec, &Budget::unlimited())?;
    fill(&mut AggregateSink::new(Arc::clone(&shared))?, batches)?;
    drain(&mut AggregateSource::new(shared))
}

fn joins(group: &mut Group<'_>, batches: &[Batch]) -> BenchResult {
    for (name, key, build) in [
        ("join 1:1, integers close together", 2, batches),
        ("join on text, 1,000 build rows", 5, &batches[..1]),
    ] {
        group.bench_function(format!("{name}: build"), |b| b.iter(|| built(key, build)));
        // Of the large side a matching row each; of the text as many as there are.
        let shared = built(key, build)?;
        let mut probe = JoinProbe::new(shared)?;
        group.bench_function(format!("{name}: probe"), |b| b.iter(|| push(&mut probe, batches)));
    }
    Ok(())
}

fn built(key: usize, batches: &[Batch]) -> Result<Arc<JoinShared>> {
    let spec = JoinSpec {
        kind: if key == 2 { JoinKind::Inner } else { JoinKind::Semi },
        left_types: TYPES.to_vec(),
        right_types: TYPES.to_vec(),
        left_keys: vec![key],
        right_keys: vec![key],
        residual: None,
        output: Some(vec![1, 3]),
    };
    let shared = JoinShared::new(spec, &Budget::unlimited())?;
    fill(&mut JoinBuildSink::new(Arc::clone(&shared))?, batches)?;
    shared.finish()?;
    Ok(shared)
}

fn sorts(group: &mut Group<'_>, batches: &[Batch]) {
    for (name, column, limit) in [
        ("sort by i64", 1, None),
        ("sort by text views", 5, None),
        ("first 10 by i64", 1, Some(10)),
        ("first 10 by text views", 5, Some(10)),
    ] {
        group.bench_function(name, |b| b.iter(|| sort(column, limit, batches)));
    }
}

fn sort(column: usize, limit: Option<u64>, batches: &[Batch]) -> Result<usize> {
    let key = SortKey { column, descending: false, nulls_first: false };
    let spec = SortSpec { keys: vec![key], types: TYPES.to_vec(), limit, offset: 0 };
    let shared = SortShared::new(spec, &Budget::unlimited())?;
    fill(&mut SortSink::new(Arc::clone(&shared))?, batches)?;
    drain(&mut SortSource::new(shared))
}

/// Runs `batches` through `operator`; answers the selected rows that come out.
fn push(operator: &mut dyn Operator, batches: &[Batch]) -> Result<usize> {
    let budget = Budget::unlimited();
    let mut context = Context { waker: Waker::noop(), budget: &budget, lane: 0 };
    let mut rows = 0;
    for batch in batches {
        operator.push(batch.clone(), &mut context)?;
        while let Answer::HaveOutput(batch) = operator.poll(&mut context)? {
            rows += black_box(batch).count();
        }
    }
    Ok(rows)
}

fn fill(sink: &mut dyn Sink, batches: &[Batch]) -> Result<()> {
    let budget = Budget::unlimited();
    let mut context = Context { waker: Waker::noop(), budget: &budget, lane: 0 };
    for batch in batches {
        sink.push(batch.clone(), &mut context)?;
    }
    sink.signal(Signal::End, &mut context)?;
    while sink.combine(&mut context)? != SinkAnswer::Done {}
    Ok(())
}

fn drain(source: &mut dyn Source) -> Result<usize> {
    let budget = Budget::unlimited();
    let mut context = Context { waker: Waker::noop(), budget: &budget, lane: 0 };
    let mut rows = 0;
    while let SourceAnswer::Batch(batch) = source.poll(&mut context)? {
        rows += black_box(batch).count();
    }
    Ok(rows)
}
