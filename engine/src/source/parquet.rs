//! Files as tables: `from 'trips.parquet'`, directories, globs.

use std::any::Any;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::SystemTime;

use millwork_format::error::Limit;
use millwork_format::io::{FileDriver, IoThreads};
use millwork_format::limits::Limits;
use millwork_format::prune::{PruneValue, chunk_bounds, distinct_about};
use millwork_format::read::File;
use millwork_format::schema::Column;
use millwork_format::types::{Field, Storage};

use crate::catalog::{Catalog, Table};
use crate::error::{Error, Result};
use crate::scan::column_in;
use crate::value::Scalar;

/// Threads that read files.
const IO_THREADS: usize = 2;

/// Files whose footers are kept.
const KEPT_FOOTERS: usize = 1024;

/// What the statistics of all row groups say of a column.
#[derive(Debug, Default)]
struct Known {
    bounds: Option<(Scalar, Scalar)>,
    /// Whether both bounds are values.
    is_exact: bool,
    null_count: Option<u64>,
}

/// One or more Parquet files with the same columns.
#[derive(Debug)]
pub struct ParquetTable {
    name: String,
    files: Vec<File>,
    fields: Vec<Field>,
    /// By column, once asked for.
    known: Vec<OnceLock<Known>>,
    /// By column, once asked for.
    distinct: Vec<OnceLock<Option<u64>>>,
}

impl ParquetTable {
    /// The files as one table.
    ///
    /// # Errors
    /// `Type` if a file lacks a column of the first, or has it with another type. Columns that only others
    /// have are no part of the table.
    pub fn new(name: &str, files: Vec<File>) -> Result<Self> {
        let Some((first, others)) = files.split_first() else {
            return Err(Error::internal("a table without files"));
        };
        let columns = first.schema().columns();
        let mut fields: Vec<Field> = columns.iter().map(|column| column.field.clone()).collect();
        for file in others.iter().filter(|other| !other.shares_schema_with(first)) {
            for (column, field) in fields.iter_mut().enumerate() {
                let other = column_in(file, first, column)
                    .and_then(|column| file.schema().columns().get(column))
                    .filter(|other| other.field.data_type == field.data_type);
                let Some(other) = other else {
                    let (name, first) = (file.name(), first.name());
                    let what = format!("{name} has no column {} {}", field.name, field.data_type);
                    return Err(Error::types(what).hint(format!(
                        "{first} has it, and files of one table have the columns of the first"
                    )));
                };
                field.nullable |= other.field.nullable;
            }
        }
        let known = fields.iter().map(|_| OnceLock::new()).collect();
        let distinct = fields.iter().map(|_| OnceLock::new()).collect();
        Ok(Self { name: name.to_string(), files, fields, known, distinct })
    }

    fn column_in<'a>(&self, file: &'a File, column: usize) -> Option<&'a Column> {
        let column = column_in(file, self.files.first()?, column)?;
        file.schema().columns().get(column)
    }

    fn known(&self, column: usize) -> Option<&Known> {
        Some(self.known.get(column)?.get_or_init(|| self.find(column).unwrap_or_default()))
    }

    fn find(&self, column: usize) -> Option<Known> {
        let mut found: Option<(PruneValue, PruneValue)> = None;
        let (mut is_bounded, mut is_exact, mut null_count) = (true, true, Some(0_u64));
        for file in &self.files {
            let described = self.column_in(file, column).filter(|column| column.is_flat)?;
            let leaf = described.leaves.start;
            for row_group in 0..file.footer().num_row_groups() {
                let known = chunk_bounds(file.footer(), file.schema(), row_group, leaf).ok()??;
                null_count = null_count
                    .zip(known.null_count)
                    .and_then(|(sum, own): (u64, u64)| sum.checked_add(own));
                if known.is_all_null() {
                    continue;
                }
                is_exact &= known.min_is_exact && known.max_is_exact && !known.may_have_nan;
                match (known.min, known.max) {
                    (Some(min), Some(max)) => match wider(found.take(), (min, max)) {
                        Some(wide) => found = Some(wide),
                        None => is_bounded = false,
                    },
                    _ => is_bounded = false,
                }
            }
        }
        let field = &self.fields[column];
        let found = found.filter(|_| is_bounded);
        let bounds = found.and_then(|(min, max)| scalar(min, field).zip(scalar(max, field)));
        Some(Known { bounds, is_exact, null_count })
    }

    /// Values that come again and again are the same ones in each row group; where most rows of a row
    /// group have a value of their own, other row groups have others.
    fn guess_distinct(&self, column: usize) -> Option<u64> {
        let (mut most, mut sum) = (0, 0_u64);
        for file in &self.files {
            let described = self.column_in(file, column).filter(|column| column.is_flat)?;
            for group in file.footer().row_groups().filter(|group| group.num_rows() > 0) {
                let found = distinct_about(file.footer(), group.index(), described.leaves.start)?;
                most = most.max(found);
                sum = sum.saturating_add(if found >= group.num_rows() / 4 { found } else { 0 });
            }
        }
        Some(most.max(sum)).filter(|found| *found > 0)
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
        // Rows that cannot be counted are an error of the scan.
        let rows = |file: &File| file.counted_rows().ok();
        self.files.iter().try_fold(0_u64, |sum, file| sum.checked_add(rows(file)?))
    }

    fn bounds(&self, column: usize) -> Option<(Scalar, Scalar)> {
        self.known(column)?.bounds.clone()
    }

    fn extremes(&self, column: usize) -> Option<(Scalar, Scalar)> {
        // Zeros of floats may have either sign in statistics, and literals of fixed bytes are no values.
        let is_other = matches!(
            self.fields.get(column)?.data_type.storage(),
            Storage::Float16
                | Storage::Float32
                | Storage::Float64
                | Storage::Fixed(_)
                | Storage::Null
                | Storage::List
                | Storage::Struct
        );
        self.known(column).filter(|known| known.is_exact && !is_other)?.bounds.clone()
    }

    fn null_count(&self, column: usize) -> Option<u64> {
        self.known(column)?.null_count
    }

    fn distinct_about(&self, column: usize) -> Option<u64> {
        *self.distinct.get(column)?.get_or_init(|| self.guess_distinct(column))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// `found`, if anything was, and `own` as one range; `None` if values are not of one kind.
fn wider(
    found: Option<(PruneValue, PruneValue)>,
    own: (PruneValue, PruneValue),
) -> Option<(PruneValue, PruneValue)> {
    let Some((least, greatest)) = found else { return Some(own) };
    Some((
        if own.0.order(&least)? == Ordering::Less { own.0 } else { least },
        if own.1.order(&greatest)? == Ordering::Greater { own.1 } else { greatest },
    ))
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
    opened: Mutex<Opened>,
}

/// Footers that are kept.
#[derive(Debug, Default)]
struct Opened {
    files: HashMap<PathBuf, (Identity, File)>,
    /// Their memory, about.
    bytes: u64,
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

    /// Opens the file at `path`, which is most often like the file `like` of the same table.
    fn open(&self, path: &Path, like: Option<&File>) -> Result<File> {
        let identity = std::fs::metadata(path)
            .map(|metadata| (metadata.len(), metadata.modified().ok()))
            .unwrap_or_default();
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, file)) = opened.files.get(path)
            && *known == identity
        {
            return Ok(file.clone());
        }
        let driver = Arc::new(FileDriver::open(path, &self.threads()?)?);
        let mut file = File::with_driver(driver, &self.limits, &self.limits.budget())?;
        if let Some(like) = like {
            file.share_schema(like);
        }
        let bytes = file.memory_bytes();
        let is_full = opened.bytes.saturating_add(bytes) > self.limits.decode_memory_bytes;
        if is_full || opened.files.len() >= KEPT_FOOTERS {
            *opened = Opened::default();
        }
        opened.bytes = opened.bytes.saturating_add(bytes);
        opened.files.insert(path.to_path_buf(), (identity, file.clone()));
        Ok(file)
    }

    /// Opens the files at `paths`, behind those in `files`: one table, whose footers are all held.
    fn open_all(&self, paths: Vec<PathBuf>, files: &mut Vec<File>) -> Result<()> {
        let mut held: u64 = files.iter().map(File::memory_bytes).sum();
        for path in paths {
            let file = self.open(&path, files.first())?;
            held = held.saturating_add(file.memory_bytes());
            if held > self.limits.decode_memory_bytes {
                let (count, most) = (files.len() + 1, self.limits.decode_memory_bytes);
                let what = format!("the footers of {count} files take more than {most} bytes");
                return Err(millwork_format::Error::limit(Limit::Memory, what).into());
            }
            files.push(file);
        }
        Ok(())
    }
}

impl Catalog for Files {
    fn table(&self, name: &str) -> Result<Arc<dyn Table>> {
        let mut files = Vec::new();
        self.open_all(resolve(name)?, &mut files)?;
        Ok(Arc::new(ParquetTable::new(name, files)?))
    }

    fn table_function(&self, name: &str, arguments: &[Scalar]) -> Result<Arc<dyn Table>> {
        match (name, arguments) {
            ("read_parquet" | "parquet_scan", [first, rest @ ..]) => {
                let mut files = Vec::new();
                for argument in arguments {
                    let Scalar::Text(path) = argument else { return Err(no_path(name)) };
                    self.open_all(super::paths::resolve(Path::new(&**path))?, &mut files)?;
                }
                let named = match first {
                    Scalar::Text(path) if rest.is_empty() => path,
                    _ => name,
                };
                Ok(Arc::new(ParquetTable::new(named, files)?))
            }
            ("read_parquet" | "parquet_scan", []) => Err(no_path(name)),
            _ => Err(Error::name(format!("unknown function {name}"))),
        }
    }
}

fn no_path(function: &str) -> Error {
    Error::types(format!("{function} takes a path, as text, or a list of paths"))
}

/// The files that `name` stands for. A name without `/` or `.` that is no file is no path.
fn resolve(name: &str) -> Result<Vec<PathBuf>> {
    let path = Path::new(name);
    if !path.exists() && !name.contains(['/', '.', '*', '?', '[', '{']) {
        return Err(Error::name(format!("unknown table {name}"))
            .hint(format!("a file is named by its path: from '{name}.parquet'")));
    }
    Ok(super::paths::resolve(path)?)
}
