//! What can be typed: verbs, files and switches.
//!
//! In: the words of the command line. Out: [`Arguments`]. Invariant: what parses is legal on its own;
//! only what needs a look at files is checked later.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use millwork_engine::session::machine_memory_bytes;
use millwork_format::limits::Limits;

/// Stands in front of a query that begins with a comment, which would be taken for a switch.
pub const COMMENT_MARK: char = '\u{1}';

/// Open any Parquet file, ask it SQL.
#[derive(Debug, Parser)]
#[command(
    name = "millwork",
    version,
    args_conflicts_with_subcommands = true,
    arg_required_else_help = true,
    after_help = "Examples:\n  \
        millwork trips.parquet                      one screen about the file\n  \
        millwork head trips.parquet                 the first ten rows\n  \
        millwork sql \"select vendor, avg(fare) from 'trips.parquet' group by 1\"\n\n\
        FILE is a file, a directory, a pattern like 'trips*.parquet', or - for standard input.\n\
        Exit codes: 0 ok, 1 findings of verify, 2 usage, 3 file unreadable, 4 not found or IO, 5 SQL, 6 memory or limit,\n\
        7 internal, 130 interrupted."
)]
pub struct Arguments {
    /// What to do; without a verb, FILE is summarised.
    #[command(subcommand)]
    pub verb: Option<Verb>,
    /// Files to summarise.
    #[command(flatten)]
    pub summary: Inspect,
}

/// What to do with the files.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Print the columns with their types.
    #[command(after_help = "Example:\n  millwork schema trips.parquet --format json")]
    Schema(Inspect),
    /// Print what the footer says: row groups, column chunks, key-value metadata.
    #[command(after_help = "Example:\n  millwork meta trips.parquet --format json")]
    Meta(Inspect),
    /// Print the pages of column chunks: headers, checksums, index entries.
    #[command(after_help = "Examples:\n  \
            millwork pages trips.parquet --columns fare --row-group 0\n  \
            millwork pages trips.parquet --format json")]
    Pages(Pages),
    /// Print what the footer says about the values of each column.
    #[command(after_help = "Example:\n  millwork stats trips.parquet --format json")]
    Stats(Inspect),
    /// Check that files are what they say: checksums, counts, indexes; with --deep every value.
    #[command(after_help = "Depths:\n  \
            --cheap   the footer: where column chunks and indexes lie, numbers that contradict one another;\n            \
            no page is looked at\n  \
            default   every page, decompressed: headers, checksums, levels, numbers of rows and values, the\n            \
            shape of indexes; values are counted where they are PLAIN or BYTE_STREAM_SPLIT, and not\n            \
            looked at\n  \
            --deep    every value, decoded: statistics of chunks and pages, page indexes, bloom filters, sizes,\n            \
            sorting, nesting\n\n\
            Examples:\n  \
            millwork verify trips.parquet\n  \
            millwork verify --deep 'trips*.parquet'\n\n\
            Exit codes: 0 clean at that depth, 1 a claim is false, 3 rows cannot be read or verified.")]
    Verify(Verify),
    /// Print the first rows (10 unless --limit says otherwise).
    #[command(
        after_help = "Example:\n  millwork head trips.parquet --limit 3 --columns vendor,fare"
    )]
    Head(Rows),
    /// Print rows in the order of the file, as they are read.
    #[command(after_help = "Example:\n  millwork cat trips.parquet --format csv > trips.csv")]
    Cat(Rows),
    /// Print the number of rows, from footers alone.
    #[command(after_help = "Example:\n  millwork count 'trips*.parquet'")]
    Count(Inspect),
    /// Answer SQL statements, separated by semicolons.
    #[command(after_help = "Examples:\n  \
            millwork sql \"select count(*) from 'trips.parquet'\"\n  \
            millwork sql -f report.sql --format csv -o report.csv\n\n\
            Without a query, on a terminal: a prompt; otherwise standard input is the query.")]
    Sql(Sql),
}

/// How files are read.
#[derive(Args, Clone, Debug)]
pub struct Reading {
    /// Do not verify the checksums of pages.
    #[arg(long)]
    pub no_checksum: bool,
    /// Tighter limits, for untrusted files.
    #[arg(long)]
    pub untrusted: bool,
    /// Memory that may be used, like 2GB or 64MB [default: a quarter of the machine's, for sql 80 %;
    /// with --untrusted at most 512 MiB].
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    pub memory: Option<u64>,
}

impl Reading {
    /// The limits that the switches ask for.
    pub fn limits(&self) -> Limits {
        self.limits_within(self.memory)
    }

    fn limits_within(&self, memory: Option<u64>) -> Limits {
        let base = if self.untrusted { Limits::untrusted() } else { Limits::standard() };
        let base = match (memory, machine_memory_bytes()) {
            (Some(decode_memory_bytes), _) => Limits { decode_memory_bytes, ..base },
            (None, Some(memory_bytes)) => base.on_machine_of(memory_bytes),
            (None, None) => base,
        };
        Limits { verify_checksums: !self.no_checksum, ..base }
    }

    /// Those of the files of a query, and its memory, which is an account of its own; 0 leaves that to
    /// the engine.
    pub fn limits_of_query(&self) -> (Limits, u64) {
        let limits = self.limits_within(None);
        let bytes = match (self.memory, self.untrusted) {
            (Some(bytes), _) => bytes,
            (None, true) => limits.decode_memory_bytes,
            (None, false) => 0,
        };
        (limits, bytes)
    }
}

/// Verbs that look at footers.
#[derive(Args, Clone, Debug)]
pub struct Inspect {
    /// A file, a directory, a pattern, or - for standard input.
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Text for people, or JSON for programs.
    #[arg(long, value_enum, default_value_t = Shape::Text)]
    pub format: Shape,
    /// How files are read.
    #[command(flatten)]
    pub reading: Reading,
}

/// The verb that lists pages.
#[derive(Args, Clone, Debug)]
pub struct Pages {
    /// A file, a directory, a pattern, or - for standard input.
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Only these columns, separated by commas; a.b is the field b of a.
    #[arg(long, value_name = "COLUMN,..", value_delimiter = ',')]
    pub columns: Option<Vec<String>>,
    /// Only this row group, counted from 0.
    #[arg(long, value_name = "N")]
    pub row_group: Option<usize>,
    /// For people, or for programs: one JSON object a column chunk.
    #[arg(long, value_enum, default_value_t = Shape::Text)]
    pub format: Shape,
    /// How files are read.
    #[command(flatten)]
    pub reading: Reading,
}

/// The verb that verifies.
#[derive(Args, Clone, Debug)]
pub struct Verify {
    /// A file, a directory, a pattern, or - for standard input.
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Decode everything: prove statistics, page indexes, bloom filters and sorting against the values.
    #[arg(long, conflicts_with = "cheap")]
    pub deep: bool,
    /// Look at the footer alone, and at no page.
    #[arg(long)]
    pub cheap: bool,
    /// For people, or for programs: one JSON object a file.
    #[arg(long, value_enum, default_value_t = Shape::Text)]
    pub format: Shape,
    /// How files are read.
    #[command(flatten)]
    pub reading: Reading,
}

/// The two shapes of what footers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shape {
    /// For people.
    Text,
    /// One JSON object a file, one a line.
    Json,
}

/// Verbs that print rows.
#[derive(Args, Clone, Debug)]
pub struct Rows {
    /// A file, a directory, a pattern, or - for standard input.
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Only these columns, in this order, separated by commas; a.b is the field b of a.
    #[arg(long, value_name = "COLUMN,..", value_delimiter = ',')]
    pub columns: Option<Vec<String>>,
    /// Print at most N rows.
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// The form of the rows [default: table on a terminal, else jsonl].
    #[arg(long, value_enum)]
    pub format: Option<Form>,
    /// How files are read.
    #[command(flatten)]
    pub reading: Reading,
}

/// The verb that answers SQL.
#[derive(Args, Clone, Debug)]
pub struct Sql {
    /// The statements.
    #[arg(value_name = "QUERY", conflicts_with_all = ["command", "file"])]
    pub query: Option<String>,
    /// SQL to run, like QUERY.
    #[arg(short, long, value_name = "QUERY", conflicts_with = "file")]
    pub command: Option<String>,
    /// A file with the statements.
    #[arg(short, long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// The form of the rows.
    #[arg(long, value_enum, default_value_t = Form::Table)]
    pub format: Form,
    /// Write the rows there, not to standard output; the file appears when it is complete.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Worker threads [default: one per core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
    /// Print one line of timing per statement to standard error.
    #[arg(long, value_enum, value_name = "FORM")]
    pub timing: Option<Timing>,
    /// How files are read.
    #[command(flatten)]
    pub reading: Reading,
}

/// The forms of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// Boxes and aligned columns.
    Table,
    /// RFC 4180, a header line first.
    Csv,
    /// One JSON array a statement.
    Json,
    /// One JSON object a row, one a line.
    Jsonl,
    /// A table of Markdown.
    Markdown,
}

/// The forms of timing lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Timing {
    /// One JSON object a statement.
    Json,
}

/// A number of bytes with an optional unit: `64MB` and `64MiB` are both 64 * 2^20.
fn bytes(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let shift = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        _ => return Err(format!("expected a size like 64MB or 2GB, found {text}")),
    };
    match number.parse::<f64>() {
        Ok(number) if number * (1u64 << shift) as f64 >= 1.0 => {
            Ok((number * (1u64 << shift) as f64) as u64)
        }
        _ => Err(format!("expected a size like 64MB or 2GB, found {text}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn sizes_take_units() {
        for (text, expected) in
            [("64MB", 64 << 20), ("2GB", 2 << 30), ("1.5k", 1536), ("100", 100), ("3 MiB", 3 << 20)]
        {
            assert_eq!(bytes(text), Ok(expected), "{text}");
        }
        for text in ["", "MB", "-1", "2 parsecs", "0"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }
}
