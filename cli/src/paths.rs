//! From what was typed to files: standard input, or what the engine makes of a path.

use std::path::PathBuf;

use millwork_engine::source::paths::resolve;

use crate::failure::Result;

/// One file to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Standard input, read to its end.
    Stdin,
    /// A file.
    Path(PathBuf),
}

/// The inputs that `arguments` name, in their order; files of directories and patterns by name.
///
/// # Errors
/// IO if there is no such file, or no Parquet file in a directory or behind a pattern.
pub fn inputs(arguments: &[PathBuf]) -> Result<Vec<Input>> {
    let mut found = Vec::new();
    for argument in arguments {
        if argument.as_os_str() == "-" {
            found.push(Input::Stdin);
        } else {
            found.extend(resolve(argument)?.into_iter().map(Input::Path));
        }
    }
    Ok(found)
}
