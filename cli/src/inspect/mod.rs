//! What files say about themselves, and whether it is true. Only `pages` and `verify` read pages.
//!
//! A file that cannot be read does not keep from looking at the next: what is wrong with it is said on standard
//! error, and the exit code is that of the first.
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

use std::path::PathBuf;

use millwork_format::limits::Limits;

use crate::arguments::{Inspect, Shape};
use crate::failure::{Failure, Result};
use crate::output::{Output, Sink as _};
use crate::paper::visible_lines;
use crate::source::{self, Source};

/// Looks at each file that `arguments` name; one that fails is said, and the next is looked at.
///
/// # Errors
/// What is written goes nowhere. At the end [`Failure::Files`], if a file failed.
fn look_at_each(
    arguments: &[PathBuf],
    limits: &Limits,
    output: &mut Output,
    mut look: impl FnMut(&Source, &mut Output) -> Result<()>,
) -> Result<()> {
    let mut first_code = None;
    for source in source::each(arguments, limits) {
        let Err(failure) = source.and_then(|source| look(&source, output)) else { continue };
        if output.has_failed() {
            return Err(failure);
        }
        output.end_line()?;
        output.flush()?;
        failure.print();
        first_code.get_or_insert(failure.code());
    }
    first_code.map_or(Ok(()), |code| Err(Failure::Files { code }))
}

/// Prints lines for people, or one JSON object, for each file.
fn print_each(
    arguments: &Inspect,
    text: impl Fn(&Source) -> Result<String>,
    json: impl Fn(&Source, &mut Output) -> Result<()>,
) -> Result<()> {
    let mut output = Output::stdout();
    let mut separator: &[u8] = b"";
    let limits = arguments.reading.limits();
    let looked = look_at_each(&arguments.files, &limits, &mut output, |source, output| {
        if arguments.format == Shape::Json {
            return json(source, output);
        }
        let text = text(source)?;
        output.write(separator)?;
        separator = b"\n";
        output.write(visible_lines(&text).as_bytes())
    });
    output.finish()?;
    looked
}

/// The file's error as the program's, with the file's name.
fn located(error: millwork_format::Error, source: &Source) -> Failure {
    let place = millwork_format::error::Place {
        file: Some(source.name.as_str().into()),
        ..Default::default()
    };
    Failure::from(error.at(&place))
}
