//! `millwork FILE`: one screen about a file.

use millwork_format::metadata::Compression;
use millwork_format::schema::Leaf;
use serde_json::json;

use super::pieces::{array, close_object, open_object};
use super::total::Total;
use super::{bounds, print_each};
use crate::arguments::Inspect;
use crate::failure::Result;
use crate::output::Output;
use crate::paper;
use crate::source::Source;

/// Leaves that are shown; the rest is counted.
const SHOWN_LEAVES: usize = 200;
const BAR_WIDTH: usize = 8;
const TYPE_WIDTH: usize = 32;
/// Below this many rows a row group costs more than it is worth.
const SMALL_GROUP_ROWS: u64 = 10_000;

const HEADER: [&str; 8] =
    ["#", "column", "type", "nulls", "encodings", "codec", "size on disk", "min … max"];

/// Prints a summary of each file.
///
/// # Errors
/// A file that cannot be read; statistics whose bytes are broken.
pub fn print(arguments: &Inspect) -> Result<()> {
    print_each(arguments, text, json)
}

/// The encodings of values: levels have theirs everywhere.
fn encodings(total: &Total<'_>) -> Vec<&'static str> {
    let of_levels = ["RLE", "BIT_PACKED"];
    total.encodings.iter().copied().filter(|name| !of_levels.contains(name)).collect()
}

fn text(source: &Source) -> Result<String> {
    let (footer, schema) = (source.file.footer(), source.file.schema());
    let leaves = schema.leaves();
    let mut text = String::new();
    let sizes = footer.row_groups().flat_map(|group| group.columns());
    let (mut on_disk, mut decoded, mut filters) = (0u64, 0u64, 0u64);
    let (mut indexed, mut chunks) = (0u64, 0u64);
    for chunk in sizes {
        on_disk = on_disk.saturating_add(chunk.total_compressed_size());
        decoded = decoded.saturating_add(chunk.total_uncompressed_size());
        filters += u64::from(chunk.bloom_filter().is_some());
        indexed += u64::from(chunk.column_index().is_some() && chunk.offset_index().is_some());
        chunks += 1;
    }
    let ratio = if on_disk == 0 { 1.0 } else { decoded as f64 / on_disk as f64 };
    text += &format!(
        "{}  {} on disk, pages {} decompressed ({ratio:.1}x)\n{} x {} in {}, written by {}\n",
        paper::visible(&source.name),
        paper::bytes(source.file.size_bytes()),
        paper::bytes(decoded),
        paper::counted(source.file.num_rows(), "row"),
        paper::counted(schema.columns().len() as u64, "column"),
        paper::counted(footer.num_row_groups() as u64, "row group"),
        paper::visible(footer.created_by().unwrap_or("an unknown program")),
    );
    let of_chunks = |count: u64| match count {
        0 => "none".to_owned(),
        count if count == chunks => "all columns".to_owned(),
        count => format!("{count} of {chunks} column chunks"),
    };
    text += &format!(
        "page index: {}   bloom filters: {}   encryption: {}\n\n",
        of_chunks(indexed),
        of_chunks(filters),
        if footer.encryption_algorithm().is_some() { "yes" } else { "none" },
    );
    let mut rows = vec![HEADER.map(str::to_owned)];
    for (at, leaf) in leaves.iter().take(SHOWN_LEAVES).enumerate() {
        let total = Total::of(source, leaf)?;
        let share = if on_disk == 0 { 0.0 } else { total.compressed_bytes as f64 / on_disk as f64 };
        rows.push([
            (at + 1).to_string(),
            leaf.dotted_path.to_string(),
            crate::width::truncated(&leaf.data_type.to_string(), TYPE_WIDTH),
            total.nulls.map_or_else(|| "?".to_owned(), paper::grouped),
            encodings(&total).join(" "),
            total.codecs.join(" "),
            format!(
                "{:>9} {:>5.1}% {}",
                paper::bytes(total.compressed_bytes),
                share * 100.0,
                paper::bar(share, BAR_WIDTH)
            ),
            total.bounds().map(|(min, max)| bounds::shown(min, max)).unwrap_or_default(),
        ]);
    }
    text += &paper::aligned(&rows, &[0, 3]);
    if leaves.len() > SHOWN_LEAVES {
        text += &format!("and {} more\n", leaves.len() - SHOWN_LEAVES);
    }
    for hint in hints(source) {
        text += &format!("hint: {hint}\n");
    }
    Ok(text)
}

/// What would make the file quicker or smaller, as far as its footer tells.
fn hints(source: &Source) -> Vec<String> {
    let footer = source.file.footer();
    let (rows, groups) = (source.file.num_rows(), footer.num_row_groups() as u64);
    let mut hints = Vec::new();
    if groups > 1 && rows / groups < SMALL_GROUP_ROWS {
        hints.push(format!(
            "row groups of {} on average are small: larger ones read and compress better",
            paper::counted(rows / groups, "row")
        ));
    }
    let mut chunks = footer.row_groups().flat_map(|group| group.columns()).peekable();
    let is_empty = chunks.peek().is_none();
    let mut has_statistics = false;
    let mut is_uncompressed = true;
    for chunk in chunks {
        has_statistics |= matches!(chunk.statistics(), Ok(Some(_)));
        is_uncompressed &= chunk.compression() == Compression::Uncompressed;
    }
    if !is_empty && !has_statistics {
        hints.push("no statistics: filters have to read every page".to_owned());
    }
    if !is_empty && is_uncompressed {
        hints.push("pages are not compressed: zstd would make the file smaller".to_owned());
    }
    hints
}

fn json(source: &Source, out: &mut Output) -> Result<()> {
    let (footer, schema) = (source.file.footer(), source.file.schema());
    let column = |leaf: &Leaf| {
        let total = Total::of(source, leaf)?;
        let (min, max) = total.bounds().unwrap_or_default();
        Ok(json!({
            "path": &*leaf.dotted_path,
            "type": leaf.data_type.to_string(),
            "nulls": total.nulls,
            "min": min,
            "max": max,
            "encodings": encodings(&total),
            "codecs": total.codecs,
            "compressed_bytes": total.compressed_bytes,
            "uncompressed_bytes": total.uncompressed_bytes,
        }))
    };
    open_object(
        &json!({
            "file": source.name,
            "size_bytes": source.file.size_bytes(),
            "rows": source.file.num_rows(),
            "row_groups": footer.num_row_groups(),
            "created_by": footer.created_by(),
        }),
        out,
    )?;
    array("columns", schema.leaves().iter().map(column), out)?;
    close_object(out)
}
