//! The program `millwork`: arguments in, rows on standard output, messages on standard error.
//!
//! Thin: files are read by `millwork_format`, statements answered by `millwork_engine`; here they are
//! found, rendered and reported. The order of the modules is the order of the layers.
#![forbid(unsafe_code)]

mod terminal;
mod arguments;
mod width;
mod paper;
mod failure;
mod progress;
mod output;
mod interrupt;
mod paths;
mod render;
mod source;
mod inspect;
mod rows;
mod sql;
mod prompt;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};
use millwork_format::schema::closest;

use crate::arguments::{Arguments, COMMENT_MARK, Verb};
use crate::failure::{Failure, Result};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = Arguments::parse_from(std::env::args_os().map(marked));
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.print();
            ExitCode::from(failure.code())
        }
    }
}

/// With a mark in front of a query that begins with a comment, which would be taken for a switch.
fn marked(word: OsString) -> OsString {
    let is_comment = word.to_str().and_then(|text| text.strip_prefix("--")).is_some_and(|rest| {
        rest.starts_with(char::is_whitespace) && rest.contains(|c: char| !c.is_whitespace())
    });
    if !is_comment {
        return word;
    }
    let mut marked = OsString::from(COMMENT_MARK.to_string());
    marked.push(word);
    marked
}

fn run(arguments: &Arguments) -> Result<()> {
    match &arguments.verb {
        None => {
            misspelt_verb(&arguments.summary.files)?;
            inspect::summary::print(&arguments.summary)
        }
        Some(Verb::Schema(files)) => inspect::schema::print(files),
        Some(Verb::Meta(files)) => inspect::meta::print(files),
        Some(Verb::Pages(chosen)) => inspect::pages::print(chosen),
        Some(Verb::Stats(files)) => inspect::stats::print(files),
        Some(Verb::Verify(files)) => inspect::verify::run(files),
        Some(Verb::Count(files)) => inspect::count::print(files),
        Some(Verb::Head(rows)) => rows::print(rows, Some(rows::HEAD_ROWS)),
        Some(Verb::Cat(rows)) => rows::print(rows, None),
        Some(Verb::Sql(sql)) => sql::run(sql, prompt::run),
    }
}

/// `millwork hed FILE` summarises no file called `hed`, nor does `millwork hed`.
fn misspelt_verb(files: &[PathBuf]) -> Result<()> {
    let Some(first) = files.first() else { return Ok(()) };
    let is_word = first.to_str().is_some_and(|word| word.chars().all(|c| c.is_ascii_alphabetic()));
    if first.exists() || !is_word {
        return Ok(());
    }
    let command = Arguments::command();
    let verbs: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
    match first.to_str().and_then(|word| closest(word, verbs.iter().copied())) {
        Some(verb) => Err(Failure::usage(format!("there is no verb {}", first.display()))
            .hint(format!("did you mean {verb}?"))),
        None => Ok(()),
    }
}
