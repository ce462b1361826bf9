//! Files as the verbs meet them: opened, with the name that messages use.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use millwork_codecs::budget::Budget;
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
    match input {
        Input::Path(path) => {
            Ok(Source { name: path.display().to_string(), file: File::open(path, limits)? })
        }
        Input::Stdin => {
            let mut bytes = Vec::new();
            std::io::stdin()
                .lock()
                .read_to_end(&mut bytes)
                .map_err(|error| Failure::io(format!("cannot read {STDIN}: {error}")))?;
            let buffer = Buffer::copy_of(&bytes, &Budget::unlimited())
                .map_err(millwork_format::Error::from)?;
            Ok(Source { name: STDIN.to_owned(), file: File::from_bytes(STDIN, buffer, limits)? })
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
