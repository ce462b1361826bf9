//! `count`: the number of rows, from footers alone.

use serde_json::json;

use crate::arguments::{Inspect, Shape};
use crate::failure::Result;
use crate::output::{Output, Sink as _};
use crate::source;

/// Prints the number of rows of all files together; as JSON, one object a file.
///
/// # Errors
/// A file that cannot be read.
pub fn print(arguments: &Inspect) -> Result<()> {
    let mut output = Output::stdout();
    let limits = arguments.reading.limits();
    let mut total: u64 = 0;
    for source in source::each(&arguments.files, &limits)? {
        let source = source?;
        let rows = source.file.counted_rows()?;
        total = total.saturating_add(rows);
        if arguments.format == Shape::Json {
            output
                .write(format!("{}\n", json!({ "file": source.name, "rows": rows })).as_bytes())?;
        }
    }
    if arguments.format == Shape::Text {
        output.write(format!("{total}\n").as_bytes())?;
    }
    output.finish()
}
