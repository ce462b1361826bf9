//! Opening a file: footer and schema, in time a file.
//!
//! `cargo bench -p millwork-benches --bench footer [-- FILTER]`. The file is the one of the
//! repository, or the one that `MILLWORK_BENCH_FILE` names; it is in memory.

use std::hint::black_box;
use std::process::ExitCode;

use criterion::{Criterion, Throughput};
use millwork_benches::{BenchResult, bench_file};
use millwork_format::limits::Limits;
use millwork_format::metadata::Footer;
use millwork_format::read::File;
use millwork_format::schema::Schema;

fn main() -> ExitCode {
    let mut criterion = millwork_benches::criterion(500, 20);
    let done = benches(&mut criterion);
    criterion.final_summary();
    millwork_benches::exit_code(done)
}

fn benches(criterion: &mut Criterion) -> BenchResult {
    let bytes = bench_file()?;
    let limits = Limits::standard();
    let file = File::from_bytes("bench", bytes.clone(), &limits)?;
    let start = usize::try_from(file.footer().base_offset())?;
    let end = bytes.as_slice().len() - 8;
    let footer = bytes.slice(start..end).ok_or("a footer outside its file")?;
    let groups = file.footer().num_row_groups() * file.footer().num_columns();
    let mut group = criterion.benchmark_group("footer");
    group.throughput(Throughput::Elements(groups as u64));
    group.bench_function("parse", |b| {
        b.iter(|| Footer::parse(black_box(&footer).clone(), start as u64, &limits));
    });
    group.bench_function("schema", |b| {
        b.iter(|| Schema::of(black_box(file.footer()), &limits));
    });
    group.bench_function("open", |b| {
        b.iter(|| File::from_bytes("bench", black_box(&bytes).clone(), &limits));
    });
    group.finish();
    Ok(())
}
