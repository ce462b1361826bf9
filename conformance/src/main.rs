//! Campaigns: seeded runs that are too long for the test suite, or of which the suite runs a share.
//!
//! Ends with 0 if nothing was found, 1 otherwise.
#![forbid(unsafe_code)]

use clap::{Parser, Subcommand};

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
}

fn main() -> std::process::ExitCode {
    match Arguments::parse().campaign {
        Campaign::Ledger => ledger(),
    }
}

fn ledger() -> std::process::ExitCode {
    match conformance::ledger::entries() {
        Ok(entries) => {
            for entry in entries {
                println!("{:?}\t{}\t{}", entry.state, entry.path, entry.reason);
            }
            std::process::ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("error: {why}");
            std::process::ExitCode::FAILURE
        }
    }
}
