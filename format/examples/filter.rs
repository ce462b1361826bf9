//! Rows of a file that pass a filter: `cargo run -p millwork-format --example filter [FILE]`.
#![allow(clippy::print_stdout, reason = "an example shows what it finds")]

use std::path::PathBuf;

use millwork_format::Result;
use millwork_format::limits::Limits;
use millwork_format::prune::{Comparison, Predicate};
use millwork_format::read::{BatchOptions, Columns, File};

fn main() -> Result<()> {
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/lineitem.parquet");
    let path = std::env::args_os().nth(1).map_or_else(|| PathBuf::from(own), PathBuf::from);
    let file = File::open(&path, &Limits::standard())?;
    let shipped = file.schema().leaf_at("l_shipdate")?;
    let options = BatchOptions {
        columns: Columns::named(["l_orderkey", "l_comment"]),
        // Days since 1970: before 1992-04-10.
        filter: Some(Predicate::compare(shipped, Comparison::Less, 8500)),
        ..BatchOptions::default()
    };
    let mut rows = file.rows(options)?;
    let mut count = 0;
    while let Some(row) = rows.read_next()? {
        println!("{:>8} {}", row.get::<i64>("l_orderkey")?, row.get::<&str>("l_comment")?);
        count += 1;
    }
    println!("{count} of {} rows", file.num_rows());
    Ok(())
}
