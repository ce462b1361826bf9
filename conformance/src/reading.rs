//! Our own reading of a file, as goldens are compared with it.
//!
//! In: a path. Out: all rows as canonical JSON Lines, or the error that ended them.

use std::path::Path;

use millwork_format::Result;
use millwork_format::limits::Limits;
use millwork_format::read::{BatchOptions, File};
use millwork_format::record::JsonWriter;
use millwork_format::vector::Cell;
use sha2::{Digest as _, Sha256};

use crate::ledger::{Content, Golden, LargeEntry};
use crate::normal::normal;

/// The rows of the file `path` as canonical JSON Lines, each ending in a line break.
///
/// # Errors
/// Those of opening and reading.
pub fn json_lines(path: &Path, limits: &Limits) -> Result<Vec<u8>> {
    let file = File::open(path, limits)?;
    let batches = file.batches(BatchOptions::default())?;
    let mut writer = JsonWriter::new(&batches.fields());
    let mut lines = Vec::new();
    for batch in batches {
        writer.write_batch(&batch?, &mut lines)?;
    }
    Ok(lines)
}

/// Of each row of the file `path` the only entry of its only column, a map: its key is too large for
/// a line. `None` where a row is something else.
///
/// # Errors
/// Those of opening and reading.
pub fn large_entries(path: &Path, limits: &Limits) -> Result<Vec<Option<LargeEntry>>> {
    let batches = File::open(path, limits)?.batches(BatchOptions::default())?;
    let mut entries = Vec::new();
    for batch in batches {
        let batch = batch?.compacted()?;
        let Some(column) = batch.columns().first() else { continue };
        entries.extend((0..batch.rows()).map(|row| large_entry(column.cell(row))));
    }
    Ok(entries)
}

fn large_entry(map: Cell<'_>) -> Option<LargeEntry> {
    let Cell::List { child, start, end } = map else { return None };
    let Cell::Struct { children: [key, value], row } = child.cell(start) else { return None };
    let (Cell::Bytes(key), Cell::Integer(value)) = (key.cell(row), value.cell(row)) else {
        return None;
    };
    let entry = LargeEntry {
        key_bytes: key.len() as u64,
        key_digest: hexadecimal(Sha256::digest(key).as_slice()),
        value,
    };
    (end == start + 1).then_some(entry)
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Compares our `lines` with the golden's rows.
///
/// # Errors
/// The first difference, in words.
pub fn compare(lines: &[u8], golden: &Golden) -> std::result::Result<(), String> {
    let text = std::str::from_utf8(lines).map_err(|error| format!("our lines: {error}"))?;
    let found = text.lines().count() as u64;
    if found != golden.rows {
        return Err(format!("{found} rows, the golden has {}", golden.rows));
    }
    let (expected, digest) = match &golden.content {
        Content::Lines(expected) => (expected, None),
        Content::Digest { head, digest } => (head, Some(digest)),
        Content::Keys(_) => return Err("a golden of large keys, not of lines".to_owned()),
    };
    for (row, (ours, theirs)) in text.lines().zip(expected).enumerate() {
        if normal(ours)? != normal(theirs)? {
            return Err(format!("row {row}\n    ours:   {ours}\n    golden: {theirs}"));
        }
    }
    let Some(digest) = digest else { return Ok(()) };
    let mut hasher = Sha256::new();
    for line in text.lines() {
        hasher.update(normal(line)?);
        hasher.update(b"\n");
    }
    if hexadecimal(hasher.finalize().as_slice()) == *digest {
        return Ok(());
    }
    Err(format!("the first {} rows are equal, the digest of all is not", expected.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn golden(content: Content) -> Golden {
        let (readers, apart, schema) = (Vec::new(), Vec::new(), Vec::new());
        Golden { oracle: String::new(), readers, apart, schema, rows: 2, content }
    }

    #[test]
    fn rows_and_digests_are_compared_by_value() {
        let lines = b"{\"a\":1.0}\n{\"a\":2.5}\n";
        let rows = |rows: [&str; 2]| Content::Lines(rows.map(str::to_owned).to_vec());
        assert_eq!(compare(lines, &golden(rows([r#"{"a": 1}"#, r#"{"a":25e-1}"#]))), Ok(()));
        let other = compare(lines, &golden(rows([r#"{"a":1}"#, r#"{"a":2}"#])));
        assert!(other.is_err_and(|why| why.starts_with("row 1")));
        // printf '{"a":1}\n{"a":~4004000000000000}\n' | sha256sum
        let digest = "630e9b49dad239e23e23d5402030ab717dff7359ce52a473919a935b3d9111e5";
        let head = vec![r#"{"a":1}"#.to_owned()];
        let right = Content::Digest { head: head.clone(), digest: digest.to_owned() };
        assert_eq!(compare(lines, &golden(right)), Ok(()));
        let wrong = Content::Digest { head, digest: digest.replace('1', "2") };
        assert!(compare(lines, &golden(wrong)).is_err());
        assert!(compare(lines, &golden(Content::Keys(Vec::new()))).is_err());
    }
}
