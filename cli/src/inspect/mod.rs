//! What files say about themselves, and whether it is true. Only `pages` and `verify` read pages.
//!
//! - [`bounds`]: least and greatest values as text
//! - [`total`]: what the chunks of a column say together
//! - [`pieces`]: JSON in pieces
//! - [`count`], [`schema`], [`meta`], [`stats`], [`pages`], [`verify`], [`summary`]: the verbs

mod bounds;
mod pieces;
mod total;
pub mod count;
pub mod schema;
pub mod meta;
pub mod stats;
pub mod pages;
pub mod verify;
pub mod summary;

use crate::arguments::{Inspect, Shape};
use crate::failure::{Failure, Result};
use crate::output::{Output, Sink as _};
use crate::paper::visible_lines;
use crate::source::{self, Source};

/// Prints lines for people, or one JSON object, for each file.
fn print_each(
    arguments: &Inspect,
    text: impl Fn(&Source) -> Result<String>,
    json: impl Fn(&Source, &mut Output) -> Result<()>,
) -> Result<()> {
    let mut output = Output::stdout();
    let limits = arguments.reading.limits();
    for (at, source) in source::each(&arguments.files, &limits)?.enumerate() {
        let source = source?;
        match arguments.format {
            Shape::Json => json(&source, &mut output)?,
            Shape::Text => {
                output.write(if at == 0 { b"" } else { b"\n" })?;
                output.write(visible_lines(&text(&source)?).as_bytes())?;
            }
        }
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
