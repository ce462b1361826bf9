//! `head` and `cat`: rows in the order of the files, as they are read.

use millwork_format::read::{BatchOptions, Columns};
use millwork_format::types::Field;

use crate::arguments::{Form, Rows};
use crate::failure::{Failure, Result};
use crate::output::Output;
use crate::progress::Progress;
use crate::render::{self, Renderer};
use crate::source;
use crate::terminal;

/// Rows that `head` prints.
pub const HEAD_ROWS: u64 = 10;

/// Prints rows of all files; `default_limit` counts where `--limit` is not given.
///
/// # Errors
/// A file that cannot be read, an unknown column, files of different columns.
pub fn print(arguments: &Rows, default_limit: Option<u64>) -> Result<()> {
    let is_terminal = terminal::is_stdout();
    let form = arguments.format.unwrap_or(if is_terminal { Form::Table } else { Form::Jsonl });
    let mut renderer = render::renderer(form, is_terminal.then(terminal::columns).flatten());
    let mut output = Output::stdout();
    // Rows on a terminal are a sign of life themselves.
    output.progress = (!is_terminal).then(Progress::start);
    let limit = arguments.limit.or(default_limit);
    let printed = print_all(arguments, limit, renderer.as_mut(), &mut output);
    if printed.is_err() && !output.has_failed() {
        renderer.give_up(&mut output)?;
    }
    printed?;
    output.finish()
}

fn print_all(
    arguments: &Rows,
    mut left: Option<u64>,
    renderer: &mut dyn Renderer,
    output: &mut Output,
) -> Result<()> {
    let mut first: Option<(String, Vec<Field>)> = None;
    let limits = arguments.reading.limits();
    for source in source::each(&arguments.files, &limits) {
        let source = source?;
        let columns = match arguments.columns.as_deref() {
            None => Columns::All,
            Some(paths) => {
                let paths: Vec<&str> = paths.iter().map(|path| path.trim()).collect();
                let has_path = |path: &&&str| !source.file.schema().has_path(path);
                if let Some(unknown) = paths.iter().find(has_path) {
                    return Err(source::unknown_column(unknown, &source));
                }
                Columns::named(paths)
            }
        };
        let options = BatchOptions { columns, limit_rows: left, ..BatchOptions::default() };
        let batches = source.file.batches(options)?;
        let fields = batches.fields();
        match &first {
            None => {
                renderer.begin(&fields, output)?;
                first = Some((source.name.clone(), fields));
            }
            Some((name, expected)) => same_columns(name, expected, &source.name, &fields)?,
        }
        for batch in batches {
            let batch = batch?;
            renderer.batch(&batch, output)?;
            left = left.map(|left| left.saturating_sub(batch.count() as u64));
        }
        if left == Some(0) {
            break;
        }
    }
    match first {
        Some(_) => renderer.end(output),
        None => Ok(()),
    }
}

fn same_columns(first: &str, expected: &[Field], name: &str, found: &[Field]) -> Result<()> {
    let differs = |(left, right): (&Field, &Field)| {
        left.name != right.name || left.data_type != right.data_type
    };
    let difference = expected.iter().zip(found).find(|pair| differs(*pair));
    let what = match difference {
        Some((left, right)) => format!(
            "{name} has the column {} {} where {first} has {} {}",
            right.name, right.data_type, left.name, left.data_type
        ),
        None if expected.len() != found.len() => {
            format!("{name} has {} columns, {first} has {}", found.len(), expected.len())
        }
        None => return Ok(()),
    };
    Err(Failure::usage(what).hint("choose columns that all files have with --columns"))
}
