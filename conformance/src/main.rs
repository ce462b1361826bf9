//! Campaigns: seeded runs that are too long for the test suite, which runs a share of them.
//!
//! `conformance CAMPAIGN [--share 1/4] [--seed N]` ends with 0 if nothing was found, 1 otherwise.
#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::{Args, Parser, Subcommand, ValueEnum};
use conformance::ledger;

/// Seeds of a whole campaign of simulation.
const SIMULATE_SEEDS: u64 = 10_000;

/// Queries of a whole campaign of agreement.
const AGREE_QUERIES: u64 = 1_000;

/// Queries between two lines of a campaign of agreement.
const AGREE_STEP: u64 = 50;

/// Long seeded runs against the workspace.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    campaign: Campaign,
}

#[derive(Subcommand)]
enum Campaign {
    /// Lists the files of the corpus and what the ledger says of them.
    Ledger,
    /// Pipelines under the seeded scheduler: barriers, injected errors, panics and cancellation.
    Simulate(Extent),
    /// Generated queries, each run in every way: batch sizes, threads, tiers, pruning, blocking.
    Agree {
        #[command(flatten)]
        extent: Extent,
        /// Print the queries and their rows as lines of JSON instead, for `scripts/differential.py`.
        #[arg(long)]
        print: bool,
    },
    /// Broken files, pages and indexes: no panic, no hang, no more memory than allowed.
    Mutate {
        #[command(flatten)]
        extent: Extent,
        /// Which mutants: all, or every bit and every length of the files of at most 8 KiB.
        #[arg(long, value_enum, default_value_t = Files::All)]
        files: Files,
        /// Break only the files whose names contain this.
        #[arg(long, default_value = "")]
        only: String,
        /// Print how many mutants there are of what, instead.
        #[arg(long)]
        plan: bool,
    },
    /// Inputs of the fuzzer: `fuzz/run` calls this.
    Fuzz {
        #[command(subcommand)]
        action: Fuzz,
    },
}

#[derive(Subcommand)]
enum Fuzz {
    /// Prints the names of all targets.
    Targets,
    /// Writes the inputs kept for a target, and its seeds, into a folder.
    Unpack {
        /// The target.
        target: String,
        /// The folder.
        folder: PathBuf,
    },
    /// Keeps the inputs in a folder for a target, the shortest first.
    Pack {
        /// The target.
        target: String,
        /// The folder.
        folder: PathBuf,
        /// The most bytes to keep.
        #[arg(long, default_value_t = 256 << 10)]
        most_bytes: usize,
    },
    /// Runs every input kept for a target, or for all.
    Replay {
        /// The target.
        target: Option<String>,
    },
}

/// Which part of a campaign to run.
#[derive(Args, Clone, Copy)]
struct Extent {
    /// The share of the campaign's cases to run, as a fraction.
    #[arg(long, default_value = "1/1", value_parser = fraction)]
    share: f64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

/// Which mutants there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Files {
    /// All.
    All,
    /// Files of at most 8 KiB, at every bit and every length.
    Exhaustive,
    /// Footers and page headers with other contents.
    Structures,
}

impl Extent {
    /// As many of `cases` as the share is, at least one.
    fn of(self, cases: u64) -> u64 {
        ((cases as f64 * self.share).ceil() as u64).max(1)
    }
}

fn fraction(text: &str) -> Result<f64, String> {
    let (part, whole) = text.split_once('/').unwrap_or((text, "1"));
    match (part.trim().parse::<f64>(), whole.trim().parse::<f64>()) {
        (Ok(part), Ok(whole)) if part > 0.0 && part <= whole => Ok(part / whole),
        _ => Err(format!("expected a fraction like 1/4, found {text}")),
    }
}

fn main() -> ExitCode {
    let started = Instant::now();
    let ended = match Arguments::parse().campaign {
        Campaign::Ledger => ledger(),
        Campaign::Simulate(extent) => simulate(extent),
        Campaign::Agree { extent, print } => agree(extent, print),
        Campaign::Mutate { plan: true, .. } => {
            conformance::mutate::plan().map(|plan| print!("{plan}"))
        }
        Campaign::Mutate { extent, files, only, .. } => mutate(extent, files, only),
        Campaign::Fuzz { action } => fuzz(action),
    };
    match ended {
        Ok(()) => {
            eprintln!("done in {:.1} s", started.elapsed().as_secs_f64());
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}

fn ledger() -> Result<(), String> {
    for entry in ledger::entries()? {
        println!("{:?}\t{}\t{}", entry.state, entry.path, entry.reason);
        if ledger::golden_path(&entry.path).exists() {
            println!("\tgolden: {}", ledger::golden(&entry.path)?.agreement());
        }
    }
    Ok(())
}

fn simulate(extent: Extent) -> Result<(), String> {
    let seeds = extent.seed..extent.seed.saturating_add(extent.of(SIMULATE_SEEDS));
    let summary = conformance::simulate::run(seeds.clone())?;
    println!("seeds {seeds:?}: {summary:?}");
    Ok(())
}

fn agree(extent: Extent, print: bool) -> Result<(), String> {
    let seeds = extent.seed..extent.seed.saturating_add(extent.of(AGREE_QUERIES));
    if print {
        return conformance::agree::print(seeds, &mut |line| println!("{line}"));
    }
    for first in seeds.clone().step_by(AGREE_STEP as usize) {
        let step = first..seeds.end.min(first + AGREE_STEP);
        let summary = conformance::agree::run(step.clone(), 1)?;
        println!("seeds {step:?}: {summary:?}");
    }
    Ok(())
}

fn mutate(extent: Extent, files: Files, only: String) -> Result<(), String> {
    let options = conformance::mutate::Options {
        extent: match files {
            Files::All => conformance::mutate::Extent::Everything,
            Files::Exhaustive => conformance::mutate::Extent::SmallFiles,
            Files::Structures => conformance::mutate::Extent::Structures,
        },
        share: extent.share,
        seed: extent.seed,
        threads: 2,
        only,
    };
    let summary = conformance::mutate::run(options)?;
    println!("{summary}");
    match summary.found {
        0 => Ok(()),
        found => Err(format!("{found} findings")),
    }
}

fn fuzz(action: Fuzz) -> Result<(), String> {
    use conformance::fuzz::{TARGETS, kept, seeds};
    match action {
        Fuzz::Targets => TARGETS.iter().for_each(|target| println!("{}", target.name)),
        Fuzz::Unpack { target, folder } => {
            let mut inputs = kept::read(&target)?;
            inputs.extend(seeds(&target)?);
            kept::to_folder(&inputs, &folder)?;
        }
        Fuzz::Pack { target, folder, most_bytes } => {
            let inputs = kept::from_folder(&folder)?;
            let found = inputs.len();
            let kept = kept::write(&target, inputs, most_bytes)?;
            println!("{target}: {kept} of {found} inputs kept");
        }
        Fuzz::Replay { target } => {
            let wanted = |name: &str| target.as_ref().is_none_or(|target| target == name);
            for target in TARGETS.iter().filter(|target| wanted(target.name)) {
                let inputs = kept::read(target.name)?;
                inputs.iter().for_each(|input| target.run(input));
                println!("{}: {} inputs", target.name, inputs.len());
            }
        }
    }
    Ok(())
}
