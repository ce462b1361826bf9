//! `count`: the number of rows, from footers alone.

use serde_json::json;

use super::look_at_each;
use crate::arguments::{Inspect, Shape};
use crate::failure::Result;
use crate::output::{Output, Sink as _};

/// Prints the number of rows of all files together, unless one cannot be read: that of the others would be no
/// answer. As JSON, one object a file.
///
/// # Errors
/// A file that cannot be read.
pub fn print(arguments: &Inspect) -> Result<()> {
    let mut output = Output::stdout();
    let limits = arguments.reading.limits();
    let mut total: u64 = 0;
    let counted = look_at_each(&arguments.files, &limits, &mut output, |source, output| {
        let rows = source.file.counted_rows()?;
        total = total.saturating_add(rows);
        if arguments.format == Shape::Text {
            return Ok(());
        }
        output.write(format!("{}\n", json!({ "file": source.name, "rows": rows })).as_bytes())
    });
    if arguments.format == Shape::Text && counted.is_ok() {
        output.write(format!("{total}\n").as_bytes())?;
    }
    output.finish()?;
    counted
}
