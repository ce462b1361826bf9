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

/// The inputs that `arguments` name, in their order; files of directories and patterns by name. IO for an argument
/// that is no such file, or a directory or a pattern without a Parquet file.
pub fn inputs(arguments: &[PathBuf]) -> impl Iterator<Item = Result<Input>> {
    arguments.iter().flat_map(|argument| {
        if argument.as_os_str() == "-" {
            return vec![Ok(Input::Stdin)];
        }
        match resolve(argument) {
            Ok(paths) => paths.into_iter().map(|path| Ok(Input::Path(path))).collect(),
            Err(error) => vec![Err(error.into())],
        }
    })
}
