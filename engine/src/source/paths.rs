//! From a path as it was typed to files: directories and patterns.
//!
//! In: a path. Out: files, sorted by name. Invariant: a path gives at least one file or an error that
//! names it.

use std::fs;
use std::path::{Path, PathBuf};

use millwork_format::schema::closest;
use millwork_format::{Error, ErrorKind, Result};

/// The files that `path` stands for: itself, the Parquet files of a directory and those below it, or
/// the files that match a pattern with `*` and `?` in its last part. Hidden files and those of
/// unfinished jobs (`_` first) are no part of a directory.
///
/// # Errors
/// `NotFound` if there is no such file, or no Parquet file there; `Io` if a directory cannot be listed.
pub fn resolve(path: &Path) -> Result<Vec<PathBuf>> {
    if path.is_dir() {
        return directory(path);
    }
    if !path.exists() && is_pattern(&path.to_string_lossy()) {
        return matching(path);
    }
    if !path.exists() {
        return Err(not_found(path));
    }
    Ok(vec![path.to_owned()])
}

/// Whether `text` has letters that stand for others.
fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// The directory that `path` lies in.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn not_found(path: &Path) -> Error {
    let error = Error::new(ErrorKind::NotFound, format!("file not found: {}", path.display()));
    let Ok(entries) = fs::read_dir(folder_of(path)) else {
        return error.hint(format!("there is no directory {} either", folder_of(path).display()));
    };
    let names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    match closest(&name, names.iter().map(String::as_str)) {
        Some(nearest) => {
            error.hint(format!("did you mean {}?", path.with_file_name(nearest).display()))
        }
        None => error.hint("a file is named by its path, a pattern is like 'trips*.parquet'"),
    }
}

fn directory(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        let entries = fs::read_dir(&next)
            .map_err(|error| Error::io(format!("cannot list {}", next.display()), error))?;
        for entry in entries.flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            if name.starts_with(['.', '_']) {
                continue;
            }
            // Links to directories are not followed: they may lead back.
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(path);
            } else if name.ends_with(".parquet") && path.is_file() {
                found.push(path);
            }
        }
    }
    if found.is_empty() {
        let what = format!("no Parquet files in {}", folder.display());
        return Err(Error::new(ErrorKind::NotFound, what)
            .hint("files are found by the ending .parquet, in directories below too"));
    }
    found.sort();
    Ok(found)
}

fn matching(pattern: &Path) -> Result<Vec<PathBuf>> {
    let nothing = || {
        Error::new(ErrorKind::NotFound, format!("no file matches {}", pattern.display()))
            .hint("* and ? are understood in the last part of a path")
    };
    if is_pattern(&folder_of(pattern).to_string_lossy()) {
        return Err(nothing());
    }
    let name = pattern.file_name().unwrap_or_default().to_string_lossy();
    let entries = fs::read_dir(folder_of(pattern)).map_err(|_| nothing())?;
    let mut found: Vec<PathBuf> = entries
        .flatten()
        .filter(|entry| {
            let candidate = entry.file_name();
            let candidate = candidate.to_string_lossy();
            !candidate.starts_with('.') && matches(&name, &candidate)
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

/// Whether `pattern`, in which `*` stands for any letters and `?` for one, matches all of `text`.
/// Steps back to the last `*` only: at most quadratic.
fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut next) = (0, 0);
    // Where the last star was, and how much of the text it has taken.
    let mut star: Option<(usize, usize)> = None;
    while let Some(letter) = text.get(next) {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, next));
                at += 1;
            }
            Some(wanted) if *wanted == '?' || wanted == letter => {
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
    pattern.get(at..).unwrap_or_default().iter().all(|letter| *letter == '*')
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
            ("a*b*c", "aXXbYYbc", true),
            ("a*b*c", "aXXbYYb", false),
            ("**", "", true),
            ("", "a", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn what_is_not_there_is_named() {
        for (path, what) in [
            ("no/such/file.parquet", "file not found: no/such/file.parquet"),
            ("no/such/*.parquet", "no file matches no/such/*.parquet"),
            ("no*/a.parquet", "no file matches no*/a.parquet"),
            ("src/source", "no Parquet files in src/source"),
        ] {
            let error = resolve(Path::new(path)).expect_err("an error");
            assert_eq!((error.kind(), error.what()), (&ErrorKind::NotFound, what));
            assert!(error.hint_text().is_some(), "{path}");
        }
    }
}
