//! Whole columns and filtered scans of a file, in rows a second.
//!
//! `cargo bench -p millwork-benches --bench scan [-- FILTER]`. The file is the one of the repository,
//! or the one that `MILLWORK_BENCH_FILE` names (a `lineitem` of TPC-H). Columns are decoded from
//! memory on one thread; queries read the file on as many threads as their name says.

use std::hint::black_box;
use std::process::ExitCode;

use criterion::{Criterion, Throughput};
use millwork_benches::{BenchResult, bench_file, bench_path};
use millwork_engine::session::{Session, SessionOptions};
use millwork_format::limits::Limits;
use millwork_format::read::{BatchOptions, Columns, File};

/// What is asked of the file: from nothing decoded to everything aggregated.
const QUERIES: [(&str, &str); 5] = [
    ("count", "select count(*) from lineitem"),
    ("filter to nothing", "select count(*) from lineitem where l_quantity < 0"),
    (
        "filter to a fiftieth, sum",
        "select sum(l_extendedprice * l_discount) from lineitem
         where l_shipdate >= date '1994-01-01' and l_shipdate < date '1995-01-01'
           and l_discount between 0.05 and 0.07 and l_quantity < 24",
    ),
    (
        "group by two flags",
        "select l_returnflag, l_linestatus, sum(l_quantity), avg(l_tax), count(*) from lineitem
         group by 1, 2",
    ),
    ("filter text by pattern", "select count(*) from lineitem where l_comment like '%final%'"),
];

fn main() -> ExitCode {
    let mut criterion = millwork_benches::criterion(1000, 10);
    let done = columns(&mut criterion).and_then(|()| queries(&mut criterion));
    criterion.final_summary();
    millwork_benches::exit_code(done)
}

fn columns(criterion: &mut Criterion) -> BenchResult {
    let file = File::from_bytes("bench", bench_file()?, &Limits::standard())?;
    let mut group = criterion.benchmark_group("column");
    group.throughput(Throughput::Elements(file.num_rows()));
    for (column, of_schema) in file.schema().columns().iter().enumerate() {
        group.bench_function(&*of_schema.field.name, |b| b.iter(|| read_column(&file, column)));
    }
    group.finish();
    Ok(())
}

fn read_column(file: &File, column: usize) -> millwork_format::Result<usize> {
    let columns = Columns::At(vec![column]);
    let mut rows = 0;
    for batch in file.batches(BatchOptions { columns, ..BatchOptions::default() })? {
        rows += black_box(batch?).rows();
    }
    Ok(rows)
}

fn queries(criterion: &mut Criterion) -> BenchResult {
    let file = File::from_bytes("bench", bench_file()?, &Limits::standard())?;
    for threads in [1, 2] {
        let session = Session::new(SessionOptions { threads, ..SessionOptions::default() });
        let mut group = criterion.benchmark_group(format!("query on {threads} threads"));
        group.throughput(Throughput::Elements(file.num_rows()));
        for (name, text) in QUERIES {
            let text = text.replacen("lineitem", &format!("'{}'", bench_path()), 1);
            session.execute(&session.plan(&text)?, false)?;
            group.bench_function(name, |b| {
                b.iter(|| session.plan(&text).and_then(|plan| session.execute(&plan, false)));
            });
        }
        group.finish();
    }
    Ok(())
}
