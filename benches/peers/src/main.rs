//! Decodes by Millwork and by the crate `parquet`, of the same bytes in memory, in the same run.
//!
//! ```text
//! cd benches/peers && cargo bench -- [--lineitem FILE] [--rounds N] [--only CONTENDER] [FILTER]
//! ```
//!
//! In: columns written by `parquet` here, flat and nested (of those a value is a slot of a leaf), and the columns of a TPC-H `lineitem` file if its path is
//! given. Out: a table of nanoseconds a value (CPU time of the one thread, the fastest of alternating rounds:
//! what else runs only adds time) and ratios below 1 where Millwork is faster: as read to the fastest
//! rival, flat to the fastest flat one, and flat to Arrow arrays. Before a column is timed its values are read by both and compared; the status
//! is 1 if some differ or are not read.

mod case;
mod nested;
mod ours;
mod rival;

use std::hint::black_box;
use std::process::ExitCode;

use case::Case;
use cpu_time::ThreadTime;

/// Whatever a library reports; only printed.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Reads all of a case; answers its rows, or nothing if it offers no such thing.
type Read = fn(&Case) -> Result<Option<usize>>;

/// Ours as read and flat; the rival's Arrow arrays, Arrow dictionaries, and plain columns.
const CONTENDERS: [(&str, Read); 5] = [
    ("read", ours::read),
    ("flat", ours::read_flat),
    ("arrow", rival::arrow),
    ("arr.dict", rival::arrow_dictionary),
    ("columns", rival::columns),
];

/// What the command line asks for.
struct Arguments {
    lineitem: Option<String>,
    rounds: usize,
    /// The one contender to be timed, for a profiler to see.
    only: Option<usize>,
    filter: String,
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn arguments() -> Result<Arguments> {
    let mut found = Arguments { lineitem: None, rounds: 11, only: None, filter: String::new() };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--lineitem" => found.lineitem = Some(words.next().ok_or("--lineitem FILE")?),
            "--rounds" => found.rounds = words.next().ok_or("--rounds N")?.parse()?,
            "--only" => {
                let name = words.next().ok_or("--only CONTENDER")?;
                found.only = CONTENDERS.iter().position(|(contender, _)| *contender == name);
                found.only.ok_or("a contender is read, flat, arrow, arr.dict or columns")?;
            }
            // What `cargo bench` adds.
            "--bench" => {}
            other => found.filter = other.to_owned(),
        }
    }
    found.rounds = found.rounds.max(1);
    Ok(found)
}

fn run() -> Result<bool> {
    let arguments = arguments()?;
    let mut cases = case::written(&arguments.filter)?;
    cases.extend(nested::written(&arguments.filter)?);
    if let Some(path) = &arguments.lineitem {
        cases.extend(case::of_file(path)?);
    }
    println!("ns a value, fastest of {} rounds, one thread; - : not offered", arguments.rounds);
    println!(
        "{:<34} {:>9} {:>9} | {:>9} {:>9} {:>9} | {:>8} {:>8} {:>8}",
        "column", "as read", "flat", "arrow", "arr.dict", "columns", "r.read", "r.flat", "r.arrow"
    );
    let (mut equal, mut read_logs, mut flat_logs) = (true, Vec::new(), Vec::new());
    for case in cases.iter().filter(|case| case.name.contains(&arguments.filter)) {
        let ours = match ours::digest(case) {
            Ok(ours) => ours,
            Err(error) => {
                println!("{:<34} {error}", case.name);
                equal = false;
                continue;
            }
        };
        if ours != rival::digest(case)? {
            println!("{:<34} the values differ", case.name);
            equal = false;
            continue;
        }
        let times = measure(case, &arguments)?;
        let of = |contender: usize| times[contender].unwrap_or(f64::INFINITY);
        let flat_rival = of(2).min(of(4));
        let (read, flat) = (of(0) / flat_rival.min(of(3)), of(1) / flat_rival);
        read_logs.push(read.ln());
        flat_logs.push(flat.ln());
        let cell = |contender: usize| {
            times[contender].map_or_else(|| "-".to_owned(), |time| format!("{time:.2}"))
        };
        println!(
            "{:<34} {:>9} {:>9} | {:>9} {:>9} {:>9} | {read:>8.2} {flat:>8.2} {:>8.2}",
            case.name,
            cell(0),
            cell(1),
            cell(2),
            cell(3),
            cell(4),
            of(1) / of(2),
        );
    }
    let mean = |logs: &[f64]| (logs.iter().sum::<f64>() / logs.len().max(1) as f64).exp();
    println!("geometric mean {:>75.2} {:>8.2}", mean(&read_logs), mean(&flat_logs));
    Ok(equal)
}

/// Nanoseconds a value of each contender.
fn measure(case: &Case, arguments: &Arguments) -> Result<[Option<f64>; 5]> {
    let mut samples: [Vec<f64>; 5] = Default::default();
    // The first round warms up.
    for round in 0..=arguments.rounds {
        // What runs before a contender leaves its caches: not always the same.
        let numbers = (0..CONTENDERS.len())
            .map(|at| if round % 2 == 0 { at } else { CONTENDERS.len() - 1 - at });
        for number in numbers {
            let (_, contender) = CONTENDERS[number];
            if arguments.only.is_some_and(|only| only != number) {
                continue;
            }
            let started = ThreadTime::now();
            let rows = black_box(contender(case)?);
            let elapsed = started.elapsed();
            let Some(rows) = rows else { continue };
            if rows != case.rows {
                return Err(format!("{}: {rows} rows instead of {}", case.name, case.rows).into());
            }
            if round > 0 {
                samples[number].push(elapsed.as_secs_f64() * 1e9 / case.values().max(1) as f64);
            }
        }
    }
    Ok(samples.map(|samples| samples.into_iter().min_by(f64::total_cmp)))
}
