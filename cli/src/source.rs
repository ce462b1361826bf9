//! Files as the verbs meet them: opened, with the name that messages use.
//!
//! Standard input and pipes are read to their end, into memory that counts as memory of the read.

use std::io::{ErrorKind, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use millwork_codecs::buffer::{Buffer, BufferMut};
use millwork_format::Error as FileError;
use millwork_format::error::Limit;
use millwork_format::io::{Driver, DriverProfile, Reply};
use millwork_format::limits::Limits;
use millwork_format::read::File;

use crate::failure::{Failure, Result};
use crate::paper;
use crate::paths::{self, Input};

/// Name of what was read from standard input.
const STDIN: &str = "standard input";

/// An open file with its name.
pub struct Source {
    /// The path as it was typed, or `standard input`.
    pub name: String,
    /// The file.
    pub file: File,
}

/// Opens one input.
///
/// # Errors
/// The file is missing, unreadable or not Parquet.
pub fn open(input: &Input, limits: &Limits) -> Result<Source> {
    Ok(Source { name: name(input), file: open_file(input, limits)? })
}

/// What messages call an input.
pub fn name(input: &Input) -> String {
    match input {
        Input::Path(path) => path.display().to_string(),
        Input::Stdin => STDIN.to_owned(),
    }
}

/// Why an input could not be opened.
pub enum Unopened {
    /// The file is missing, broken, or none of ours.
    File(millwork_format::Error),
    /// Standard input cannot be read.
    Other(Failure),
}

impl From<millwork_format::Error> for Unopened {
    fn from(error: millwork_format::Error) -> Self {
        Self::File(error)
    }
}

impl From<Unopened> for Failure {
    fn from(unopened: Unopened) -> Self {
        match unopened {
            Unopened::File(error) => error.into(),
            Unopened::Other(failure) => failure,
        }
    }
}

/// The same without a name, the reason kept.
///
/// # Errors
/// As [`open`].
pub fn open_file(input: &Input, limits: &Limits) -> std::result::Result<File, Unopened> {
    let from = |stream: &mut dyn Read, name: &str| {
        let (driver, held_bytes) = Pieces::read(stream, name, limits)?;
        // What is left of the memory is for reading.
        let decode_memory_bytes = limits.decode_memory_bytes.saturating_sub(held_bytes);
        let limits = Limits { decode_memory_bytes, ..limits.clone() };
        Ok(File::with_driver(Arc::new(driver), &limits, &limits.budget())?)
    };
    match input {
        Input::Stdin => from(&mut std::io::stdin().lock(), STDIN),
        Input::Path(path) if is_stream(path) => {
            let name = path.display().to_string();
            let mut stream = std::fs::File::open(path).map_err(|error| {
                Unopened::Other(Failure::io(format!("cannot open {name}: {error}")))
            })?;
            from(&mut stream, &name)
        }
        Input::Path(path) => Ok(File::open(path, limits)?),
    }
}

/// Whether `path` is a pipe or something like it, which is read once from its start to its end.
fn is_stream(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| !found.is_file() && !found.is_dir())
}

/// Bytes of a piece of what was read to its end.
const PIECE_BYTES: u64 = 1 << 20;

/// What was read from a stream, in pieces that the budget granted.
#[derive(Debug)]
struct Pieces {
    name: Arc<str>,
    /// All of [`PIECE_BYTES`], but the last.
    pieces: Vec<Buffer>,
    len: u64,
}

impl Pieces {
    /// Reads `stream` to its end; with it come the bytes of the budget that are held.
    fn read(
        stream: &mut dyn Read,
        name: &str,
        limits: &Limits,
    ) -> std::result::Result<(Self, u64), Unopened> {
        let budget = limits.budget();
        let mut read = Self { name: name.into(), pieces: Vec::new(), len: 0 };
        loop {
            let piece = BufferMut::zeroed(PIECE_BYTES as usize, &budget);
            let mut piece = piece.map_err(|_| too_much(name, limits))?;
            let mut filled = 0;
            while let Some(target) = piece.as_mut_slice().get_mut(filled..)
                && !target.is_empty()
            {
                match stream.read(target) {
                    Ok(0) => break,
                    Ok(count) => filled += count,
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) => {
                        let what = format!("cannot read {name}: {error}");
                        return Err(Unopened::Other(Failure::io(what)));
                    }
                }
            }
            read.len += filled as u64;
            read.pieces.push(piece.freeze());
            if (filled as u64) < PIECE_BYTES {
                return Ok((read, budget.reserved()));
            }
        }
    }

    /// Fills `target` from `offset` on; `None` beyond the end.
    fn copy(&self, mut offset: u64, mut target: &mut [u8]) -> Option<()> {
        while !target.is_empty() {
            let piece = self.pieces.get((offset / PIECE_BYTES) as usize)?;
            let from = piece.get((offset % PIECE_BYTES) as usize..)?;
            let count = from.len().min(target.len());
            let (head, rest) = target.split_at_mut(count);
            head.copy_from_slice(from.get(..count)?);
            offset += count as u64;
            target = rest;
        }
        Some(())
    }
}

impl Driver for Pieces {
    fn name(&self) -> &Arc<str> {
        &self.name
    }

    fn len(&self) -> u64 {
        self.len
    }

    fn profile(&self) -> DriverProfile {
        DriverProfile { latency_us: 0 }
    }

    fn request(&self, range: Range<u64>, mut target: BufferMut, reply: Reply) {
        let copied = (range.end <= self.len).then(|| self.copy(range.start, target.as_mut_slice()));
        reply(match copied.flatten() {
            Some(()) => Ok(target.freeze()),
            None => {
                Err(FileError::internal(format!("bytes {range:?} of {} that were read", self.len)))
            }
        });
    }
}

fn too_much(name: &str, limits: &Limits) -> Unopened {
    let most = paper::bytes(limits.decode_memory_bytes);
    let what = format!("{name} is held in memory and has more than the {most} that may be used");
    Unopened::File(FileError::limit(Limit::Memory, what))
}

/// Opens every input that `arguments` name, one after another as they are asked for; errors are those of
/// [`paths::inputs`] and [`open`].
pub fn each<'a>(
    arguments: &'a [PathBuf],
    limits: &'a Limits,
) -> impl Iterator<Item = Result<Source>> + use<'a> {
    paths::inputs(arguments).map(move |input| open(&input?, limits))
}

/// The text of the file `path`.
///
/// # Errors
/// It cannot be read, or is not UTF-8.
pub fn text(path: &Path) -> Result<String> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err(Failure::io(format!("file not found: {}", path.display())))
        }
        Err(error) => Err(Failure::io(format!("cannot read {}: {error}", path.display()))),
    }
}

/// That the file has no column, or part of one, called `name`, and what was meant.
pub fn unknown_column(name: &str, source: &Source) -> Failure {
    let schema = source.file.schema();
    let failure = Failure::usage(format!("no column named {name} in {}", source.name));
    if let Some((outer, _)) = name.split_once(['.', '['])
        && let Some(column) = schema.find(outer)
        && let Some(column) = schema.columns().get(column)
    {
        return failure.hint(format!("{outer} is {}", column.field.data_type));
    }
    match schema.suggest(name) {
        Some(nearest) => failure.hint(format!("did you mean {nearest}?")),
        None => failure.hint(format!("`millwork schema {}` lists the columns", source.name)),
    }
}
