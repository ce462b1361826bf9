//! Files as tables: `from 'trips.parquet'`, directories, globs.

use std::any::Any;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::SystemTime;

use millwork_codecs::budget::Budget;
use millwork_format::io::{FileDriver, IoThreads};
use millwork_format::limits::Limits;
use millwork_format::prune::{PruneValue, chunk_bounds};
use millwork_format::read::File;
use millwork_format::types::Field;

use crate::catalog::{Catalog, Table};
use crate::error::{Error, ErrorKind, Result};
use crate::value::Scalar;

/// Threads that read files.
const IO_THREADS: usize = 2;

/// Files whose footers are kept.
const KEPT_FOOTERS: usize = 1024;

/// One or more Parquet files with the same columns.
#[derive(Debug)]
pub struct ParquetTable {
    name: String,
    files: Vec<File>,
    fields: Vec<Field>,
    /// By column, once asked for.
    bounds: Vec<OnceLock<Option<(Scalar, Scalar)>>>,
}

impl ParquetTable {
    /// The files as one table.
    ///
    /// # Errors
    /// `Type` if a file has other columns than the first.
    pub fn new(name: &str, files: Vec<File>) -> Result<Self> {
        let Some(first) = files.first() else {
            return Err(Error::internal("a table without files"));
        };
        let names = first.schema().display_names();
        let columns = first.schema().columns();
        let fields: Vec<Field> = columns
            .iter()
            .zip(names)
            .map(|(column, name)| Field { name: name.into(), ..column.field.clone() })
            .collect();
        for file in &files[1..] {
            let others = file.schema().columns();
            let same = others.len() == columns.len()
                && others.iter().zip(columns).all(|(other, column)| {
                    other.field.name == column.field.name
                        && other.field.data_type == column.field.data_type
                });
            if !same {
                return Err(Error::types(format!(
                    "{} has other columns than {}",
                    file.name(),
                    first.name()
                ))
                .hint("files of one table have the same columns in the same order"));
            }
        }
        let bounds = fields.iter().map(|_| OnceLock::new()).collect();
        Ok(Self { name: name.to_string(), files, fields, bounds })
    }

    /// The least and greatest value that the statistics of all row groups allow.
    fn find_bounds(&self, column: usize) -> Option<(Scalar, Scalar)> {
        let mut found: Option<(PruneValue, PruneValue)> = None;
        for file in &self.files {
            let described = file.schema().columns().get(column).filter(|column| column.is_flat)?;
            let leaf = described.leaves.start;
            for row_group in 0..file.footer().num_row_groups() {
                let known = chunk_bounds(file.footer(), file.schema(), row_group, leaf).ok()??;
                if known.is_all_null() {
                    continue;
                }
                let (min, max) = (known.min?, known.max?);
                found = Some(match found {
                    None => (min, max),
                    Some((least, greatest)) => (
                        if min.order(&least)? == Ordering::Less { min } else { least },
                        if max.order(&greatest)? == Ordering::Greater { max } else { greatest },
                    ),
                });
            }
        }
        let (min, max) = found?;
        Some((scalar(min, &self.fields[column])?, scalar(max, &self.fields[column])?))
    }

    /// The files, in order.
    #[must_use]
    pub fn files(&self) -> &[File] {
        &self.files
    }
}

impl Table for ParquetTable {
    fn name(&self) -> &str {
        &self.name
    }

    fn fields(&self) -> &[Field] {
        &self.fields
    }

    fn row_count(&self) -> Option<u64> {
        Some(self.files.iter().map(File::num_rows).sum())
    }

    fn bounds(&self, column: usize) -> Option<(Scalar, Scalar)> {
        self.bounds.get(column)?.get_or_init(|| self.find_bounds(column)).clone()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// `value` as a value of `field`.
fn scalar(value: PruneValue, field: &Field) -> Option<Scalar> {
    Some(match value {
        PruneValue::Boolean(value) => Scalar::Boolean(value),
        PruneValue::Integer(value) => Scalar::Integer(value),
        PruneValue::Float(value) => Scalar::Float(value),
        // A bound that was cut off in the middle of a letter is no text.
        PruneValue::Bytes(bytes) if field.data_type.is_text() => {
            Scalar::Text(String::from_utf8(bytes).ok()?.into())
        }
        PruneValue::Bytes(bytes) => Scalar::Bytes(bytes.into()),
    })
}

/// What makes a cached footer stale.
type Identity = (u64, Option<SystemTime>);

/// The files a session has opened.
#[derive(Debug)]
pub struct Files {
    limits: Limits,
    threads: OnceLock<Arc<IoThreads>>,
    opened: Mutex<HashMap<PathBuf, (Identity, File)>>,
}

impl Files {
    /// A catalog of files that are read under `limits`.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, threads: OnceLock::new(), opened: Mutex::default() }
    }

    fn threads(&self) -> Result<Arc<IoThreads>> {
        if let Some(threads) = self.threads.get() {
            return Ok(Arc::clone(threads));
        }
        let started = IoThreads::start(IO_THREADS)?;
        Ok(Arc::clone(self.threads.get_or_init(|| started)))
    }

    fn open(&self, path: &Path) -> Result<File> {
        let identity = std::fs::metadata(path)
            .map(|metadata| (metadata.len(), metadata.modified().ok()))
            .unwrap_or_default();
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, file)) = opened.get(path)
            && *known == identity
        {
            return Ok(file.clone());
        }
        let driver = Arc::new(FileDriver::open(path, &self.threads()?)?);
        let file = File::with_driver(driver, &self.limits, &Budget::unlimited())?;
        if opened.len() >= KEPT_FOOTERS {
            opened.clear();
        }
        opened.insert(path.to_path_buf(), (identity, file.clone()));
        Ok(file)
    }
}

impl Catalog for Files {
    fn table(&self, name: &str) -> Result<Arc<dyn Table>> {
        let paths = resolve(name)?;
        let files: Result<Vec<File>> = paths.iter().map(|path| self.open(path)).collect();
        Ok(Arc::new(ParquetTable::new(name, files?)?))
    }

    fn table_function(&self, name: &str, arguments: &[Scalar]) -> Result<Arc<dyn Table>> {
        match (name, arguments) {
            ("read_parquet" | "parquet_scan", [Scalar::Text(path)]) => self.table(path),
            ("read_parquet" | "parquet_scan", _) => {
                Err(Error::types(format!("{name} takes one path, as text")))
            }
            _ => Err(Error::name(format!("unknown function {name}"))),
        }
    }
}

/// The files that `name` stands for: one file, the Parquet files of a directory, those of a glob.
fn resolve(name: &str) -> Result<Vec<PathBuf>> {
    let path = Path::new(name);
    if path.is_dir() {
        let found = parquet_files(path, &|file| file.ends_with(".parquet"))?;
        return if found.is_empty() { Err(none_in(name)) } else { Ok(found) };
    }
    if !path.exists() && name.contains(['*', '?']) {
        let pattern = path.file_name().map(|file| file.to_string_lossy().into_owned());
        let folder = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let matches = |file: &str| pattern.as_ref().is_some_and(|p| glob_matches(p, file));
        let found = if folder.is_dir() { parquet_files(folder, &matches)? } else { Vec::new() };
        return if found.is_empty() { Err(none_in(name)) } else { Ok(found) };
    }
    let looks_like_a_path = name.contains(['/', '.']);
    if !path.exists() && !looks_like_a_path {
        return Err(Error::name(format!("unknown table {name}"))
            .hint(format!("a file is named by its path: from '{name}.parquet'")));
    }
    Ok(vec![path.to_path_buf()])
}

fn none_in(name: &str) -> Error {
    let error = millwork_format::Error::new(
        millwork_format::ErrorKind::NotFound,
        format!("no Parquet files in {name}"),
    );
    debug_assert_eq!(
        Error::from(error.clone()).kind(),
        &ErrorKind::File(millwork_format::ErrorKind::NotFound)
    );
    error.into()
}

fn parquet_files(folder: &Path, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<PathBuf>> {
    let listed = std::fs::read_dir(folder).map_err(|error| {
        millwork_format::Error::io(format!("cannot list {}", folder.display()), error)
    })?;
    let mut found: Vec<PathBuf> = listed
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| {
            let file = path.file_name().map(|file| file.to_string_lossy().into_owned());
            path.is_file() && file.is_some_and(|file| !file.starts_with('.') && wanted(&file))
        })
        .collect();
    found.sort();
    Ok(found)
}

/// Whether `text` matches `pattern`, in which `*` stands for any letters and `?` for one.
fn glob_matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // Where the last star was, and how much of the text it has taken.
    let mut star = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(letter) if *letter == '?' || *letter == text[t] => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((at, taken)) = star else { return false };
                star = Some((at, taken + 1));
                p = at + 1;
                t = taken + 1;
            }
        }
    }
    pattern[p..].iter().all(|letter| *letter == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        for (pattern, text, expected) in [
            ("*.parquet", "a.parquet", true),
            ("a*b*c", "aXXbYYbc", true),
            ("a*b*c", "aXXbYYb", false),
            ("?.parquet", "ab.parquet", false),
            ("*", "", true),
            ("", "a", false),
        ] {
            assert_eq!(glob_matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn what_is_not_there_is_named() {
        let missing = resolve("no/such/file.parquet").unwrap();
        assert_eq!(missing, [PathBuf::from("no/such/file.parquet")]);
        assert_eq!(*resolve("orders").unwrap_err().kind(), ErrorKind::Name);
        assert_eq!(none_in("x").what(), "no Parquet files in x");
    }
}
