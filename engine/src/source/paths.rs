//! From a path as it was typed to files: directories and patterns.
//!
//! In: a path. Out: files, sorted by name. Invariant: a path gives at least one file or an error that
//! names it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

use millwork_format::schema::closest;
use millwork_format::{Error, ErrorKind, Result};

/// Patterns that the braces of one may stand for.
const MOST_ALTERNATIVES: usize = 1_024;

/// The files that `path` stands for: itself, the Parquet files of a directory and those below it, or
/// the files that match a pattern: `*`, `?` and `[a-z]` within a name, `**` for any number of directories,
/// `{a,b}` for either. What exists by that very name is no pattern. Hidden files and those of unfinished jobs
/// (`_` first) are no part of a directory.
///
/// # Errors
/// `NotFound` if there is no such file, or no Parquet file there; `Io` if a directory cannot be listed;
/// `InvalidArgument` if braces stand for too many patterns.
pub fn resolve(path: &Path) -> Result<Vec<PathBuf>> {
    if path.is_dir() {
        return directory(path);
    }
    match path.try_exists() {
        Ok(true) => Ok(vec![path.to_owned()]),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Err(Error::io(format!("cannot open {}", path.display()), error))
        }
        _ if is_pattern(&path.to_string_lossy()) => matching(path),
        _ => Err(not_found(path)),
    }
}

/// Whether `text` has letters that stand for others.
fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '[', '{'])
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
    if path.is_symlink() {
        return error.hint("there is a link of that name, but nothing where it leads");
    }
    let Ok(entries) = fs::read_dir(folder_of(path)) else {
        return error.hint(format!("there is no directory {} either", folder_of(path).display()));
    };
    let names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // All may have the ending, which makes none like another.
    let stem = |name: &str| name.strip_suffix(".parquet").unwrap_or(name).to_owned();
    let stems: Vec<String> = names.iter().map(|name| stem(name)).collect();
    let nearest = closest(&stem(&name), stems.iter().map(String::as_str));
    match nearest.and_then(|nearest| stems.iter().position(|stem| stem == nearest)) {
        Some(index) => {
            error.hint(format!("did you mean {}?", path.with_file_name(&names[index]).display()))
        }
        None => error.hint("a file is named by its path, a pattern is like 'trips*.parquet'"),
    }
}

fn directory(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in entries_of(&next)? {
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
    let mut found = BTreeSet::new();
    for one in alternatives(&pattern.to_string_lossy())? {
        let start = if one.starts_with('/') { PathBuf::from("/") } else { PathBuf::new() };
        let parts: Vec<&str> = one.split('/').filter(|part| !part.is_empty()).collect();
        walk(&start, &parts, &mut found)?;
    }
    if found.is_empty() {
        let what = format!("no file matches {}", pattern.display());
        return Err(Error::new(ErrorKind::NotFound, what).hint(
            "patterns are like 'trips*.parquet', 'year=*/**/*.parquet' or '{a,b}-[0-9].parquet'",
        ));
    }
    Ok(found.into_iter().collect())
}

/// The patterns that braces stand for: `{a,b}c` for `ac` and `bc`. A brace without its end is a letter.
fn alternatives(pattern: &str) -> Result<Vec<String>> {
    let mut done = Vec::new();
    let mut open = vec![pattern.to_owned()];
    while let Some(next) = open.pop() {
        let Some((before, choices, behind)) = first_braces(&next) else {
            done.push(next);
            continue;
        };
        open.extend(choices.iter().map(|choice| [before, choice, behind].concat()));
        if open.len() + done.len() > MOST_ALTERNATIVES {
            let what = format!("{pattern} stands for more than {MOST_ALTERNATIVES} patterns");
            return Err(Error::invalid_argument(what));
        }
    }
    Ok(done)
}

/// What stands before the first pair of braces, in it, separated by commas, and behind it.
fn first_braces(pattern: &str) -> Option<(&str, Vec<&str>, &str)> {
    let (before, from) = pattern.split_once('{')?;
    let (mut depth, mut start, mut choices) = (0, 0, Vec::new());
    for (at, letter) in from.char_indices() {
        match letter {
            '{' => depth += 1,
            ',' if depth == 0 => {
                choices.push(from.get(start..at)?);
                start = at + 1;
            }
            '}' if depth == 0 => {
                choices.push(from.get(start..at)?);
                return Some((before, choices, from.get(at + 1..)?));
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Adds the files below `folder` that match `parts`, one a level. `**` is any number of levels.
///
/// # Errors
/// `Io` if a directory cannot be listed: rows would be missing.
fn walk(folder: &Path, parts: &[&str], found: &mut BTreeSet<PathBuf>) -> Result<()> {
    let Some((part, rest)) = parts.split_first() else {
        if folder.is_file() {
            found.insert(folder.to_owned());
        }
        return Ok(());
    };
    if !is_pattern(part) {
        return walk(&folder.join(part), rest, found);
    }
    let listed = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    if !listed.is_dir() {
        return Ok(());
    }
    let is_deep = *part == "**";
    if is_deep && !rest.is_empty() {
        walk(folder, rest, found)?;
    }
    let pattern = tokens(part);
    for entry in entries_of(listed)? {
        let name = entry.file_name();
        let text = name.to_string_lossy();
        if text.starts_with('.') && !part.starts_with('.') {
            continue;
        }
        let path = folder.join(&name);
        if !is_deep {
            if matches(&pattern, &text) {
                walk(&path, rest, found)?;
            }
        } else if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            // Links to directories are not followed: they may lead back.
            walk(&path, parts, found)?;
        } else if rest.is_empty() {
            walk(&path, rest, found)?;
        }
    }
    Ok(())
}

/// What is in `folder`, all of it.
fn entries_of(folder: &Path) -> Result<Vec<fs::DirEntry>> {
    let listed = fs::read_dir(folder).and_then(Iterator::collect);
    listed.map_err(|error| Error::io(format!("cannot list {}", folder.display()), error))
}

/// A part of a pattern.
#[derive(Debug, PartialEq, Eq)]
enum Token {
    /// `*`: any letters.
    Any,
    /// `?`: one letter.
    One,
    /// `[a-z]`, or `[!a-z]`: one of these, or one that is none of these.
    Class { ranges: Vec<(char, char)>, is_negated: bool },
    /// Itself.
    Letter(char),
}

fn tokens(pattern: &str) -> Vec<Token> {
    let letters: Vec<char> = pattern.chars().collect();
    let (mut tokens, mut rest) = (Vec::new(), letters.as_slice());
    while let Some((letter, behind)) = rest.split_first() {
        rest = behind;
        tokens.push(match letter {
            '*' => Token::Any,
            '?' => Token::One,
            '[' => match class(behind) {
                Some((class, behind)) => {
                    rest = behind;
                    class
                }
                None => Token::Letter('['),
            },
            letter => Token::Letter(*letter),
        });
    }
    tokens
}

/// A class behind its `[`, and what follows; `None` if it does not end.
fn class(letters: &[char]) -> Option<(Token, &[char])> {
    let (is_negated, mut rest) = match letters {
        ['!' | '^', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let mut ranges = Vec::new();
    loop {
        match rest {
            // A bracket that comes first is one of the letters.
            [']', behind @ ..] if !ranges.is_empty() => {
                return Some((Token::Class { ranges, is_negated }, behind));
            }
            [from, '-', to, behind @ ..] if *to != ']' => {
                ranges.push((*from, *to));
                rest = behind;
            }
            [letter, behind @ ..] => {
                ranges.push((*letter, *letter));
                rest = behind;
            }
            [] => return None,
        }
    }
}

impl Token {
    fn takes(&self, letter: char) -> bool {
        match self {
            Self::Any | Self::One => true,
            Self::Letter(wanted) => *wanted == letter,
            Self::Class { ranges, is_negated } => {
                ranges.iter().any(|(from, to)| (*from..=*to).contains(&letter)) != *is_negated
            }
        }
    }
}

/// Whether `pattern` matches all of `text`. Steps back to the last `*` only: at most quadratic.
fn matches(pattern: &[Token], text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut next) = (0, 0);
    // Where the last star was, and how much of the text it has taken.
    let mut star: Option<(usize, usize)> = None;
    while let Some(letter) = text.get(next) {
        match pattern.get(at) {
            Some(Token::Any) => {
                star = Some((at, next));
                at += 1;
            }
            Some(token) if token.takes(*letter) => {
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
    pattern.get(at..).unwrap_or_default().iter().all(|token| *token == Token::Any)
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
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[]-]*", "-x", true),
            ("[ab", "[ab", true),
            ("*[0-9]", "a1b2", true),
        ] {
            assert_eq!(matches(&tokens(pattern), name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn patterns_reach_into_directories() {
        let root = tempfile::tempdir().expect("a folder");
        for name in [
            "a/1.parquet",
            "a/2.parquet",
            "b/1.parquet",
            "b/c/3.parquet",
            ".h/4.parquet",
            "[x].parquet",
        ] {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, b"").expect("written");
        }
        let of = |pattern: &str| -> Vec<String> {
            let found = resolve(&root.path().join(pattern)).unwrap_or_default();
            let name = |path: &PathBuf| {
                path.strip_prefix(root.path()).expect("inside").display().to_string()
            };
            found.iter().map(name).collect()
        };
        assert_eq!(of("*/*.parquet"), ["a/1.parquet", "a/2.parquet", "b/1.parquet"]);
        assert_eq!(of("**/[13].parquet"), ["a/1.parquet", "b/1.parquet", "b/c/3.parquet"]);
        assert_eq!(of("b/**"), ["b/1.parquet", "b/c/3.parquet"]);
        assert_eq!(of("{a,b/c}/{2,3}.parquet"), ["a/2.parquet", "b/c/3.parquet"]);
        assert_eq!(of("[ab]/1.parquet"), ["a/1.parquet", "b/1.parquet"]);
        assert_eq!(of("[x].parquet"), ["[x].parquet"]);
        assert_eq!(of("{a,b"), [""; 0]);
        let many = resolve(Path::new(&"{a,b}".repeat(20))).expect_err("too many");
        assert_eq!(many.kind(), &ErrorKind::InvalidArgument);
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
