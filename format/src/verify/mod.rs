//! Whether a file is what it says: every claim against the bytes, as deep as is asked for.
//!
//! In: an open [`File`], a [`Depth`]. Out: [`Finding`]s as they are met, each with its place and the rows that
//! are lost, and a [`Report`] of what was looked at. A bad page is not the end: the next one is looked at,
//! as long as it can be found.
//!
//! | depth | reads | proves |
//! |---|---|---|
//! | [`Depth::Footer`] | the footer, and the first four bytes | sizes and paths agree; ranges lie in the file, in front of the footer, and do not overlap |
//! | [`Depth::Pages`] | every page, decompressed, with its levels | headers, checksums, levels, counts of rows and values, encodings, the shape of indexes, nothing behind the last page; that a page holds as many values as it says, where they are PLAIN or BYTE_STREAM_SPLIT |
//! | [`Depth::Values`] | every page, decoded | values of every encoding, bounds, counts of nulls and NaNs, page index, bloom filters, sizes, sorting, nesting |
//!
//! [`Severity::Corrupt`] means that rows cannot be read; [`Severity::Wrong`] that they can, but that the file
//! says something false about them, so that readers which believe it may give wrong answers;
//! [`Severity::Unverified`] that something is encrypted, of a kind that is not known here, or beyond the
//! limits. Memory that is refused ends everything; every other limit is a finding like others. Claims that
//! nobody may believe (bounds of an unknown order, old bounds of strings) are not looked at; counts of
//! distinct values are compared with the number of values, and with the entries of a dictionary that are used.
//!
//! Memory: one page, its dictionary, a window of a megabyte, sixteen bytes for each page of nested columns,
//! and the extremes of a chunk and a page, of which a megabyte each is kept. Nesting and sorting are
//! looked at through the reader, which holds what it always does. Findings beyond [`MOST_FINDINGS`] of a column
//! chunk are counted, not told.
//!
//! | module | holds |
//! |---|---|
//! | `footer` | ranges of chunks and indexes |
//! | `indexes` | page index and bloom filter of one chunk |
//! | `totals` | what its pages come to |
//! | `pages` | one chunk, page by page |
//! | `decode` | one page decoded, and compared with what is claimed of it |
//! | `count` | how many values a body holds, without decoding them |
//! | `values` | what the values of a page are |
//! | `claims` | statistics and indexes against that |
//! | `rows` | the order of rows, and columns that have to agree |

mod footer;
mod values;
mod claims;
mod pages;
mod indexes;
mod count;
mod decode;
mod totals;
mod rows;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use millwork_codecs::budget::Budget;

use crate::error::{Error, ErrorKind, Limit, Place, Result};
use crate::metadata::{ColumnChunk, RowGroup};
use crate::read::File;
use crate::room::filled;

/// Findings of one column chunk that are told one by one.
pub const MOST_FINDINGS: u64 = 100;

/// How much is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// Only what the footer says.
    Footer,
    /// Headers, checksums and levels of all pages, and indexes.
    #[default]
    Pages,
    /// Every value.
    Values,
}

/// What a finding means for the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// This could not be looked at: it needs a key, something that this crate does not have, or more than
    /// the limits allow.
    Unverified,
    /// Everything can be read, but a claim about it is false.
    Wrong,
    /// Rows cannot be read.
    Corrupt,
}

impl Severity {
    /// One word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unverified => "unverified",
            Self::Wrong => "wrong",
            Self::Corrupt => "corrupt",
        }
    }
}

/// What was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Check {
    /// Numbers of the footer that contradict one another.
    Footer,
    /// Where column chunks and indexes lie.
    Range,
    /// The header of a page.
    PageHeader,
    /// The CRC-32 of a page.
    PageChecksum,
    /// What is in a page: compression, levels, values.
    PageBody,
    /// Numbers of rows and values.
    Count,
    /// Encodings that a chunk lists.
    Encodings,
    /// Where pages lie and begin.
    OffsetIndex,
    /// Bounds and counts of pages.
    ColumnIndex,
    /// Bounds and counts of a chunk.
    Statistics,
    /// Bytes of strings and histograms of levels.
    SizeStatistics,
    /// Values that a bloom filter denies.
    BloomFilter,
    /// The order of rows.
    Sorting,
    /// Leaves of one column that have to agree.
    Nesting,
}

impl Check {
    /// A name that stays as it is.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Footer => "footer",
            Self::Range => "range",
            Self::PageHeader => "page-header",
            Self::PageChecksum => "page-checksum",
            Self::PageBody => "page-body",
            Self::Count => "count",
            Self::Encodings => "encodings",
            Self::OffsetIndex => "offset-index",
            Self::ColumnIndex => "column-index",
            Self::Statistics => "statistics",
            Self::SizeStatistics => "size-statistics",
            Self::BloomFilter => "bloom-filter",
            Self::Sorting => "sorting",
            Self::Nesting => "nesting",
        }
    }
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it means.
    pub severity: Severity,
    /// What was checked.
    pub check: Check,
    /// Where.
    pub place: Place,
    /// Whether it is about the dictionary page of the chunk.
    pub in_dictionary: bool,
    /// What was found, and what should be there.
    pub what: String,
    /// Rows of the file whose values in this column are lost ([`Severity::Corrupt`]) or were not looked at
    /// ([`Severity::Unverified`]), or among which they are; `None` of [`Severity::Wrong`].
    pub rows: Option<Range<u64>>,
}

/// What was looked at, and what was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Column chunks.
    pub chunks: u64,
    /// Pages, dictionaries among them.
    pub pages: u64,
    /// Pages whose checksum was verified.
    pub checksums: u64,
    /// Values that were decoded, without nulls.
    pub values: u64,
    /// Bounds and counts (of chunks, and of pages) that were compared with the values.
    pub claims: u64,
    /// Bloom filters that were asked about every value of their chunk.
    pub bloom_filters: u64,
    /// Bytes that were read.
    pub bytes: u64,
    /// Findings of [`Severity::Corrupt`].
    pub corrupt: u64,
    /// Findings of [`Severity::Wrong`].
    pub wrong: u64,
    /// Findings of [`Severity::Unverified`].
    pub unverified: u64,
}

impl Report {
    /// The worst that was found.
    #[must_use]
    pub fn worst(&self) -> Option<Severity> {
        match (self.corrupt, self.wrong, self.unverified) {
            (1.., _, _) => Some(Severity::Corrupt),
            (_, 1.., _) => Some(Severity::Wrong),
            (_, _, 1..) => Some(Severity::Unverified),
            _ => None,
        }
    }
}

/// How files are verified.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// How much is looked at.
    pub depth: Depth,
    /// Where memory is taken from; if `None`, an account of [`Limits::decode_memory_bytes`].
    ///
    /// [`Limits::decode_memory_bytes`]: crate::limits::Limits::decode_memory_bytes
    pub budget: Option<Budget>,
}

/// Verifies `file`; `found` is called with each finding, in the order of the file.
///
/// ```
/// use std::path::Path;
/// use millwork_format::limits::Limits;
/// use millwork_format::read::File;
/// use millwork_format::verify::{Depth, Options, verify};
///
/// let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/lineitem.parquet");
/// let file = File::open(&path, &Limits::standard())?;
/// let options = Options { depth: Depth::Values, ..Options::default() };
/// let report = verify(&file, &options, &mut |finding| println!("{finding:?}"))?;
/// assert_eq!(report.worst(), None);
/// assert_eq!(report.chunks, 16 * file.footer().num_row_groups() as u64);
/// # Ok::<(), millwork_format::Error>(())
/// ```
///
/// # Errors
/// `Io` and `LimitExceeded` of memory: what keeps it from looking. Everything else is a finding.
pub fn verify(file: &File, options: &Options, found: &mut dyn FnMut(Finding)) -> Result<Report> {
    let budget = options.budget.clone().unwrap_or_else(|| file.limits().budget());
    let mut visit = Visit {
        file,
        budget: &budget,
        depth: options.depth,
        report: Report::default(),
        found,
        in_chunk: 0,
        spoilt: filled(false, file.footer().num_columns())?,
        page_starts: BTreeMap::new(),
        group_rows: file.footer().row_groups().map(rows_of).collect(),
    };
    footer::check(&mut visit)?;
    if options.depth > Depth::Footer {
        let mut first_row = 0;
        for group in file.footer().row_groups() {
            for leaf in 0..file.footer().num_columns() {
                pages::check(&mut visit, group, leaf, first_row)?;
            }
            first_row = first_row.saturating_add(visit.rows_of(group.index()));
        }
    }
    if options.depth == Depth::Values {
        rows::check(&mut visit)?;
    }
    Ok(visit.report)
}

/// What all parts of a verification share.
struct Visit<'a> {
    file: &'a File,
    budget: &'a Budget,
    depth: Depth,
    report: Report,
    found: &'a mut dyn FnMut(Finding),
    /// Findings of this column chunk so far.
    in_chunk: u64,
    /// By leaf: whether something of it cannot be read.
    spoilt: Vec<bool>,
    /// By row group and leaf of a nested column: the first row (of the row group) of each page, and the
    /// byte of the file at which it lies.
    page_starts: BTreeMap<(usize, usize), Vec<(u64, u64)>>,
    /// By row group: its rows.
    group_rows: Vec<u64>,
}

/// The rows of a row group; of one that says 0 and has values, as many as its chunks have.
fn rows_of(group: RowGroup<'_>) -> u64 {
    match group.values_without_rows() {
        None => group.num_rows(),
        Some(_) => group
            .columns()
            .map(ColumnChunk::num_values)
            .min_by_key(|values| {
                // Of a repeated leaf a row may have many.
                (*values == 0, *values)
            })
            .unwrap_or(0),
    }
}

impl Visit<'_> {
    /// Rows of row group `group`.
    fn rows_of(&self, group: usize) -> u64 {
        self.group_rows.get(group).copied().unwrap_or(0)
    }

    /// Findings so far that keep from reading rows.
    fn unread(&self) -> u64 {
        self.report.corrupt + self.report.unverified
    }

    fn tell(&mut self, mut finding: Finding) {
        finding.place.dictionary_page = finding.in_dictionary;
        let counter = match finding.severity {
            Severity::Corrupt => &mut self.report.corrupt,
            Severity::Wrong => &mut self.report.wrong,
            Severity::Unverified => &mut self.report.unverified,
        };
        *counter += 1;
        self.in_chunk += 1;
        if self.in_chunk <= MOST_FINDINGS {
            (self.found)(finding);
        }
    }

    /// A claim that is false.
    fn wrong(&mut self, check: Check, place: &Place, what: impl Into<String>) {
        self.tell(Finding {
            severity: Severity::Wrong,
            check,
            place: place.clone(),
            in_dictionary: false,
            what: what.into(),
            rows: None,
        });
    }

    /// Something that is not looked at.
    fn unverified(
        &mut self,
        check: Check,
        place: Place,
        what: impl Into<String>,
        rows: Option<Range<u64>>,
    ) {
        let (severity, what) = (Severity::Unverified, what.into());
        self.tell(Finding { severity, check, place, in_dictionary: false, what, rows });
    }

    /// An error of reading, as a finding about `rows`; what keeps from looking goes on as an error.
    fn broken(
        &mut self,
        check: Check,
        error: Error,
        place: &Place,
        rows: Option<Range<u64>>,
    ) -> Result<()> {
        let error = error.at(place);
        let severity = severity_of(&error)?;
        let (place, what) = (error.place().clone(), error.what().to_string());
        self.tell(Finding { severity, check, place, in_dictionary: false, what, rows });
        Ok(())
    }

    /// The same of the dictionary page of a chunk.
    fn broken_dictionary(
        &mut self,
        check: Check,
        error: Error,
        place: &Place,
        rows: Range<u64>,
    ) -> Result<()> {
        let error = error.at(&Place { page: None, ..place.clone() });
        let severity = severity_of(&error)?;
        let place = Place { page: None, ..error.place().clone() };
        let (what, rows, in_dictionary) = (error.what().to_string(), Some(rows), true);
        self.tell(Finding { severity, check, place, in_dictionary, what, rows });
        Ok(())
    }

    fn place(&self) -> Place {
        Place { file: Some(Arc::clone(self.file.name())), ..Place::default() }
    }
}

/// What it means for rows that they end in `error`.
///
/// # Errors
/// `error` itself if it keeps from looking.
fn severity_of(error: &Error) -> Result<Severity> {
    match error.kind() {
        ErrorKind::Io | ErrorKind::NotFound | ErrorKind::LimitExceeded(Limit::Memory) => {
            Err(error.clone())
        }
        ErrorKind::Unsupported(_) | ErrorKind::LimitExceeded(_) => Ok(Severity::Unverified),
        _ => Ok(Severity::Corrupt),
    }
}
