//! What files say about themselves, and whether it is true. Only `pages` and `verify` read pages.
//!
//! - [`bounds`]: least and greatest values as text
//! - [`count`], [`schema`], [`meta`], [`stats`], [`pages`], [`verify`], [`summary`]: the verbs

mod bounds;
pub mod count;
pub mod schema;
pub mod meta;
pub mod stats;
pub mod pages;
pub mod verify;
pub mod summary;

use serde_json::Value;

use crate::arguments::{Inspect, Shape};
use crate::failure::{Failure, Result};
use crate::output::{Output, Sink as _};
use crate::paper::visible_lines;
use crate::source::{self, Source};

/// Prints one piece a file: lines for people, or one JSON object.
fn print_each(
    arguments: &Inspect,
    text: impl Fn(&Source) -> Result<String>,
    json: impl Fn(&Source) -> Result<Value>,
) -> Result<()> {
    let mut output = Output::stdout();
    let limits = arguments.reading.limits();
    for (at, source) in source::each(&arguments.files, &limits)?.enumerate() {
        let source = source?;
        let piece = match arguments.format {
            Shape::Json => format!("{}\n", json(&source)?),
            Shape::Text if at == 0 => visible_lines(&text(&source)?).into_owned(),
            Shape::Text => format!("\n{}", visible_lines(&text(&source)?)),
        };
        output.write(piece.as_bytes())?;
    }
    output.finish()
}

/// The file's error as the program's, with the file's name.
fn located(error: millwork_format::Error, source: &Source) -> Failure {
    let place = millwork_format::error::Place {
        file: Some(source.name.as_str().into()),
        ..Default::default()
    };
    Failure::from(error.at(&place))
}
