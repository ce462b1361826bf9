//! From what was typed to files: directories, patterns, standard input.
//!
//! In: arguments of the command line. Out: [`Input`]s in a stable order. Invariant: what was typed
//! gives at least one input or an error that names it.

use std::fs;
use std::path::{Path, PathBuf};

use millwork_format::schema::closest;

use crate::failure::{Failure, Result};

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
        } else if argument.is_dir() {
            found.extend(directory(argument)?.into_iter().map(Input::Path));
        } else if argument.exists() {
            found.push(Input::Path(argument.clone()));
        } else if argument.to_string_lossy().contains(['*', '?']) {
            found.extend(matching(argument)?.into_iter().map(Input::Path));
        } else {
            return Err(not_found(argument));
        }
    }
    Ok(found)
}

fn not_found(path: &Path) -> Failure {
    let failure = Failure::io(format!("file not found: {}", path.display()));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let Ok(entries) = fs::read_dir(folder) else {
        return failure.hint(format!("there is no directory {} either", folder.display()));
    };
    let names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    match closest(&name, names.iter().map(String::as_str)) {
        Some(nearest) => {
            failure.hint(format!("did you mean {}?", path.with_file_name(nearest).display()))
        }
        None => failure,
    }
}

/// The Parquet files below `folder`; hidden ones and those of unfinished jobs (`_`) are left out.
fn directory(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        let entries = fs::read_dir(&next)
            .map_err(|error| Failure::io(format!("cannot list {}: {error}", next.display())))?;
        for entry in entries.flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            if name.starts_with(['.', '_']) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(".parquet") {
                found.push(path);
            }
        }
    }
    if found.is_empty() {
        return Err(Failure::io(format!("no Parquet files in {}", folder.display()))
            .hint("files are found by the ending .parquet, in directories below too"));
    }
    found.sort();
    Ok(found)
}

/// The files that match `pattern`, of which the last part may hold `*` and `?`.
fn matching(pattern: &Path) -> Result<Vec<PathBuf>> {
    let nothing = || Failure::io(format!("no file matches {}", pattern.display()));
    let folder = match pattern.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if folder.to_string_lossy().contains(['*', '?']) {
        return Err(nothing().hint("* and ? are understood in the last part of a path only"));
    }
    let name: Vec<char> =
        pattern.file_name().unwrap_or_default().to_string_lossy().chars().collect();
    let entries = fs::read_dir(folder).map_err(|_| nothing())?;
    let mut found: Vec<PathBuf> = entries
        .flatten()
        .filter(|entry| {
            let candidate: Vec<char> = entry.file_name().to_string_lossy().chars().collect();
            candidate.first() != Some(&'.') && matches(&name, &candidate)
        })
        .map(|entry| pattern.with_file_name(entry.file_name()))
        .filter(|path| path.is_file())
        .collect();
    if found.is_empty() {
        return Err(nothing());
    }
    found.sort();
    Ok(found)
}

/// Whether all of `name` is matched by `pattern`. Steps back to the last `*` only: quadratic at most.
fn matches(pattern: &[char], name: &[char]) -> bool {
    let (mut at, mut next) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while next < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, next));
                at += 1;
            }
            Some(c) if *c == '?' || Some(c) == name.get(next) => {
                at += 1;
                next += 1;
            }
            _ => match &mut star {
                Some((star_at, taken)) => {
                    *taken += 1;
                    (at, next) = (*star_at + 1, *taken);
                }
                None => return false,
            },
        }
    }
    pattern.get(at..).unwrap_or_default().iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_names() {
        for (pattern, name, expected) in [
            ("*.parquet", "a.parquet", true),
            ("*.parquet", "a.parquet.gz", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b*", "xxbxxa", false),
            ("**", "", true),
        ] {
            let pattern: Vec<char> = pattern.chars().collect();
            let characters: Vec<char> = name.chars().collect();
            assert_eq!(matches(&pattern, &characters), expected, "{pattern:?} {name}");
        }
    }
}
