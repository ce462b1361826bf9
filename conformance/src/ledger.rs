//! The ledger: every file of the corpus with what is true of it, and the golden of a file.
//!
//! In: `ledger.txt` and the folder `golden` of this crate. Out: entries and goldens as types.
//! Invariant: a line that does not parse is an error, never skipped.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// What is true of a file of the corpus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Our canonical JSON Lines equal the golden.
    Reads,
    /// A bare part of a file, which answers as the reason says.
    Probed,
    /// A typed error of the kind that the reason begins with.
    Rejects,
    /// Corrupt with checksums verified; reads as its golden with them off.
    RejectsChecksum,
    /// `Unsupported`; the reason names what is missing.
    NotYet,
    /// Not a Parquet file.
    Aside,
}

/// One line of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What is true of the file.
    pub state: State,
    /// Path below the folder of parquet-testing.
    pub path: String,
    /// Why, in words; may be empty.
    pub reason: String,
}

impl Entry {
    /// Whether a file reader can be asked about it at all.
    #[must_use]
    pub fn is_parquet(&self) -> bool {
        self.path.ends_with(".parquet") || self.path.ends_with(".parquet.encrypted")
    }
}

/// What another program read from a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Golden {
    /// Which program decoded the file.
    pub oracle: String,
    /// Who gives these rows: the oracle first, then the others that agree with it in each value.
    pub readers: Vec<String>,
    /// Who gives something else or nothing, of a column or of all, and why.
    pub apart: Vec<(String, String)>,
    /// Names of the top-level columns, and their types as the oracle prints them.
    pub schema: Vec<(String, String)>,
    /// Number of rows.
    pub rows: u64,
    /// The rows, or where there are too many, their digest.
    pub content: Content,
}

/// Programs that read files; other readers of a golden are documents of the corpus.
const PROGRAMS: [&str; 3] = ["pyarrow ", "duckdb ", "hyparquet "];

impl Golden {
    /// How many programs give these rows.
    #[must_use]
    pub fn programs(&self) -> usize {
        let is_program = |reader: &&String| PROGRAMS.iter().any(|name| reader.starts_with(name));
        self.readers.iter().filter(is_program).count()
    }

    /// The readers on one line, in parentheses what stands apart.
    #[must_use]
    pub fn agreement(&self) -> String {
        let apart = self.apart.iter().map(|(reader, why)| format!("{reader}: {why}"));
        let apart: Vec<_> = apart.collect();
        let readers = self.readers.join(", ");
        if apart.is_empty() { readers } else { format!("{readers} ({})", apart.join("; ")) }
    }
}

/// Rows of a golden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// All rows as canonical JSON.
    Lines(Vec<String>),
    /// The first rows, and the SHA-256 of the normal form of all.
    Digest {
        /// The first rows as canonical JSON.
        head: Vec<String>,
        /// In lower-case hexadecimal digits.
        digest: String,
    },
    /// Rows too large to keep, each a map with one entry.
    Keys(Vec<LargeEntry>),
}

/// The only entry of a map whose key is too large to keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LargeEntry {
    /// Bytes of the key.
    pub key_bytes: u64,
    /// SHA-256 of the key, in lower-case hexadecimal digits.
    pub key_digest: String,
    /// The value.
    pub value: i128,
}

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The entries of the ledger, in its order.
///
/// # Errors
/// The file cannot be read, or a line does not parse.
pub fn entries() -> Result<Vec<Entry>, String> {
    let path = folder().join("ledger.txt");
    let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines.map(entry).collect()
}

fn entry(line: &str) -> Result<Entry, String> {
    let (state, rest) = line.split_once(' ').ok_or_else(|| format!("no path: {line}"))?;
    let state = match state {
        "reads" => State::Reads,
        "probed" => State::Probed,
        "rejects" => State::Rejects,
        "rejects-checksum" => State::RejectsChecksum,
        "not-yet" => State::NotYet,
        "aside" => State::Aside,
        _ => return Err(format!("unknown state: {line}")),
    };
    let (path, reason) = rest.trim().split_once("  ").unwrap_or((rest.trim(), ""));
    if reason.is_empty() && !matches!(state, State::Reads) {
        return Err(format!("no reason: {line}"));
    }
    Ok(Entry { state, path: path.to_owned(), reason: reason.trim().to_owned() })
}

/// Where the golden of the file `path` of the corpus lies, whether there is one or not.
#[must_use]
pub fn golden_path(path: &str) -> PathBuf {
    folder().join("golden").join(format!("{path}.json"))
}

/// The golden of the file `path` of the corpus.
///
/// # Errors
/// There is none, or it does not have the form that `scripts/make_goldens.py` writes.
pub fn golden(path: &str) -> Result<Golden, String> {
    golden_at(&golden_path(path))
}

/// The golden in the file `at`.
///
/// # Errors
/// As [`golden`].
pub fn golden_at(at: &Path) -> Result<Golden, String> {
    let path = at.display();
    let text = std::fs::read_to_string(at).map_err(|error| format!("{path}: {error}"))?;
    let value: Value = serde_json::from_str(&text).map_err(|error| format!("{path}: {error}"))?;
    let rows = value["rows"].as_u64().ok_or_else(|| format!("{path}: no rows"))?;
    let keys = value["keys"].as_array().and_then(|keys| keys.iter().map(large_entry).collect());
    let digest = value["digest"].as_str().map(str::to_owned);
    let content = match (lines(&value["jsonl"]), lines(&value["head"]), digest, keys) {
        (Some(lines), None, None, None) => Content::Lines(lines),
        (None, Some(head), Some(digest), None) => Content::Digest { head, digest },
        (None, None, None, Some(keys)) => Content::Keys(keys),
        _ => return Err(format!("{path}: a golden has jsonl, or head and digest, or keys")),
    };
    let oracle = value["oracle"].as_str().ok_or_else(|| format!("{path}: no oracle"))?.to_owned();
    let schema = pairs(&value["schema"]).ok_or_else(|| format!("{path}: no schema"))?;
    let readers = match value.get("readers") {
        Some(readers) => lines(readers).ok_or_else(|| format!("{path}: readers"))?,
        None => Vec::new(),
    };
    let apart = match value.get("apart") {
        Some(apart) => pairs(apart).ok_or_else(|| format!("{path}: apart"))?,
        None => Vec::new(),
    };
    Ok(Golden { oracle, readers, apart, schema, rows, content })
}

fn pairs(value: &Value) -> Option<Vec<(String, String)>> {
    value.as_array()?.iter().map(pair).collect()
}

fn pair(value: &Value) -> Option<(String, String)> {
    let [name, printed] = value.as_array()?.as_slice() else { return None };
    Some((name.as_str()?.to_owned(), printed.as_str()?.to_owned()))
}

fn large_entry(value: &Value) -> Option<LargeEntry> {
    let [key_bytes, key_digest, value] = value.as_array()?.as_slice() else { return None };
    Some(LargeEntry {
        key_bytes: key_bytes.as_u64()?,
        key_digest: key_digest.as_str()?.to_owned(),
        value: value.as_i64()?.into(),
    })
}

fn lines(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|line| line.as_str().map(str::to_owned)).collect()
}
