//! A file that is open: its footer and schema over a driver.

use std::path::Path;
use std::sync::Arc;

use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::Buffer;

use super::{BatchOptions, Batches};
use crate::error::{Error, ErrorKind, Feature, Limit, Place, Result};
use crate::io::{Driver, Fetcher, FileDriver, IoThreads, MemoryDriver};
use crate::limits::Limits;
use crate::metadata::{Footer, RowGroup, tail_length};
use crate::schema::Schema;

/// Bytes read from the end of a file at first: most footers are shorter.
const TAIL_READ_BYTES: u64 = 64 << 10;

/// The smallest Parquet file: two magics and the length of a footer.
const SMALLEST_BYTES: u64 = 12;

/// A Parquet file with its footer and schema.
#[derive(Clone, Debug)]
pub struct File {
    driver: Arc<dyn Driver>,
    footer: Arc<Footer>,
    schema: Arc<Schema>,
    limits: Limits,
}

impl File {
    /// Opens the local file at `path`, with an IO thread of its own.
    ///
    /// # Errors
    /// `NotFound`, `Io`, and those of [`File::with_driver`].
    pub fn open(path: &Path, limits: &Limits) -> Result<Self> {
        let driver = FileDriver::open(path, &IoThreads::start(1)?)?;
        Self::with_driver(Arc::new(driver), limits, &limits.budget())
    }

    /// Opens the bytes of a file, called `name` in errors.
    ///
    /// # Errors
    /// Those of [`File::with_driver`].
    pub fn from_bytes(name: &str, bytes: Buffer, limits: &Limits) -> Result<Self> {
        let driver = MemoryDriver::new(name, bytes);
        Self::with_driver(Arc::new(driver), limits, &limits.budget())
    }

    /// Reads the footer through `driver`: one read for most files, waited for on this thread.
    ///
    /// # Errors
    /// `Truncated` for a file too short to be one, `Corrupt` for other kinds of files and broken
    /// footers, `Unsupported` for encrypted footers, `LimitExceeded` beyond `limits` or `budget`. Memory is taken
    /// from `budget` until the file is open.
    pub fn with_driver(driver: Arc<dyn Driver>, limits: &Limits, budget: &Budget) -> Result<Self> {
        let place = Place { file: Some(driver.name().clone()), ..Place::default() };
        let footer = read_footer(&driver, limits, budget).map_err(|error| error.at(&place))?;
        // Of what is kept the caller takes care: see `memory_bytes`.
        let _room = Schema::reserve(&footer, budget).map_err(|error| error.at(&place))?;
        let schema = Schema::of(&footer, limits).map_err(|error| error.at(&place))?;
        let (footer, schema) = (Arc::new(footer), Arc::new(schema));
        Ok(Self { driver, footer, schema, limits: limits.clone() })
    }

    /// The same file over another driver of the same bytes; the footer is not read again.
    #[must_use]
    pub fn over(other: &Self, driver: Arc<dyn Driver>) -> Self {
        Self { driver, ..other.clone() }
    }

    /// Keeps the schema of `other` in place of its own if they are equal: many files of one table have one.
    pub fn share_schema(&mut self, other: &Self) {
        if !self.shares_schema_with(other) && self.schema == other.schema {
            self.schema = Arc::clone(&other.schema);
        }
    }

    /// Whether both keep one schema.
    #[must_use]
    pub fn shares_schema_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.schema, &other.schema)
    }

    /// What errors call it.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        self.driver.name()
    }

    /// Where its bytes come from.
    #[must_use]
    pub fn driver(&self) -> &Arc<dyn Driver> {
        &self.driver
    }

    /// Its metadata.
    #[must_use]
    pub fn footer(&self) -> &Footer {
        &self.footer
    }

    /// Its schema.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The limits it is read under.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Rows.
    #[must_use]
    pub fn num_rows(&self) -> u64 {
        self.footer.num_rows()
    }

    /// Rows, as an answer that stands for having read them.
    ///
    /// # Errors
    /// `Corrupt` if a row group of 0 rows has chunks with values: reading it would fail.
    pub fn counted_rows(&self) -> Result<u64> {
        for group in self.footer.row_groups() {
            self.check_rows(group)?;
        }
        Ok(self.num_rows())
    }

    /// # Errors
    /// `Corrupt` if `group` has values that no row accounts for.
    pub(super) fn check_rows(&self, group: RowGroup<'_>) -> Result<()> {
        let Some(chunk) = group.values_without_rows() else { return Ok(()) };
        let leaf = self.schema.leaves().get(chunk.leaf());
        let place = Place {
            file: Some(self.name().clone()),
            row_group: u32::try_from(group.index()).ok(),
            column: leaf.map(|leaf| leaf.dotted_path.clone()),
            ..Place::default()
        };
        Err(Error::corrupt(format!(
            "a row group of 0 rows with a column chunk of {} values",
            chunk.num_values()
        ))
        .at(&place))
    }

    /// Bytes of the file.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.driver.len()
    }

    /// About the bytes of memory that the footer and the schema take as long as the file is open.
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        let (footer, schema) = (self.footer(), self.schema());
        let bytes = footer.memory_bytes() + schema.memory_bytes();
        bytes as u64
    }

    /// The file's rows in order, decoded on this thread as they are asked for.
    ///
    /// # Errors
    /// `InvalidArgument` for a column or path that is not there, and for a filter that makes no sense of its
    /// column's type; `Unsupported` for a column that cannot be read.
    pub fn batches(&self, options: BatchOptions) -> Result<Batches> {
        let place = Place { file: Some(self.name().clone()), ..Place::default() };
        Batches::new(self, options).map_err(|error| error.at(&place))
    }
}

/// What to make of a file without a footer.
const NOT_PARQUET: &str = "it is not a Parquet file, or its writer was stopped before the footer";

fn read_footer(driver: &Arc<dyn Driver>, limits: &Limits, budget: &Budget) -> Result<Footer> {
    let fetcher = Fetcher::new(Arc::clone(driver));
    let len = driver.len();
    if len == 0 {
        return Err(Error::truncated("the file is empty").hint(NOT_PARQUET));
    }
    if len < SMALLEST_BYTES {
        return Err(Error::corrupt(format!("a file of {len} bytes is too short to be Parquet"))
            .hint(NOT_PARQUET));
    }
    let tail_start = len - len.min(TAIL_READ_BYTES);
    let tail = fetcher.read_now(tail_start..len, budget)?;
    let Some(last_8_bytes) = tail.last_chunk::<8>() else {
        return Err(Error::internal("a tail of less than 8 bytes"));
    };
    let found = tail_length(last_8_bytes)?;
    if found.encrypted {
        return Err(Error::unsupported(Feature::Encryption));
    }
    let metadata_len = u64::from(found.metadata_len);
    let Some(start) = (len - 8).checked_sub(metadata_len).filter(|start| *start >= 4) else {
        return Err(Error::new(
            ErrorKind::Corrupt,
            format!("a footer of {metadata_len} bytes in a file of {len}"),
        )
        .hint(NOT_PARQUET));
    };
    if metadata_len > limits.footer_bytes {
        return Err(Error::limit(
            Limit::FooterBytes,
            format!("a footer of {metadata_len} bytes, {} are allowed", limits.footer_bytes),
        ));
    }
    let bytes = if start >= tail_start {
        let local = (start - tail_start) as usize..tail.len() - 8;
        let own = tail.slice(local).ok_or_else(|| Error::internal("a footer outside the tail"))?;
        // A small footer is kept without the data in front of it.
        match own.allocated_bytes() as u64 <= 2 * TAIL_READ_BYTES && own.len() < tail.len() / 2 {
            true => Buffer::copy_of(&own, budget)?,
            false => own,
        }
    } else {
        fetcher.read_now(start..len - 8, budget)?
    };
    Footer::parse(bytes, start, limits)
}
