//! Files as the verbs meet them: opened, with the name that messages use.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use millwork_codecs::buffer::Buffer;
use millwork_format::limits::Limits;
use millwork_format::read::File;

use crate::failure::{Failure, Result};
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
    match input {
        Input::Path(path) => Ok(File::open(path, limits)?),
        Input::Stdin => {
            let mut bytes = Vec::new();
            let most = limits.decode_memory_bytes;
            std::io::stdin().lock().take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(
                |error| Unopened::Other(Failure::io(format!("cannot read {STDIN}: {error}"))),
            )?;
            let buffer =
                Buffer::copy_of(&bytes, &limits.budget()).map_err(millwork_format::Error::from)?;
            Ok(File::from_bytes(STDIN, buffer, limits)?)
        }
    }
}

/// Opens every input that `arguments` name, one after another as they are asked for.
///
/// # Errors
/// As [`paths::inputs`]; items as [`open`].
pub fn each<'a>(
    arguments: &[PathBuf],
    limits: &'a Limits,
) -> Result<impl Iterator<Item = Result<Source>> + use<'a>> {
    Ok(paths::inputs(arguments)?.into_iter().map(move |input| open(&input, limits)))
}

/// The text of the file `path`.
///
/// # Errors
/// It cannot be read, or is not UTF-8.
pub fn text(path: &Path) -> Result<String> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(Failure::io(format!("file not found: {}", path.display())))
        }
        Err(error) => Err(Failure::io(format!("cannot read {}: {error}", path.display()))),
    }
}
