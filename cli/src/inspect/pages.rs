//! `pages`: the pages of column chunks, with what their headers and indexes say.

use std::collections::HashSet;

use millwork_format::ErrorKind;
use millwork_format::inventory::{Checksum, ChunkPages, PageEntry, pages};
use millwork_format::metadata::{ColumnChunk, Encoding, PageKind};
use millwork_format::schema::Leaf;
use serde_json::{Value, json};

use super::meta::statistics_json;
use super::{bounds, look_at_each};
use crate::arguments::{Pages, Shape};
use crate::failure::{Failure, Result};
use crate::output::{Output, Sink as _};
use crate::paper;
use crate::source::{Source, unknown_column};

const HEADER: [&str; 10] = [
    "page",
    "offset",
    "on disk",
    "decoded",
    "values",
    "first row",
    "encoding",
    "crc",
    "nulls",
    "min … max",
];

/// Prints the pages of each file's chunks; what is broken is said, and the rest goes on.
///
/// # Errors
/// A file that cannot be read; a column or a row group that does not exist. At the end: findings, if pages or
/// indexes are broken.
pub fn print(arguments: &Pages) -> Result<()> {
    let mut output = Output::stdout();
    let limits = arguments.reading.limits();
    let mut broken = Broken::default();
    let looked = look_at_each(&arguments.files, &limits, &mut output, |source, output| {
        pages_of(source, arguments, output, &mut broken)
    });
    output.finish()?;
    looked?;
    match broken.pages || broken.indexes {
        true => Err(Failure::Findings { is_unreadable: broken.pages }),
        false => Ok(()),
    }
}

/// What was met that is broken.
#[derive(Default)]
struct Broken {
    pages: bool,
    indexes: bool,
}

/// The pages of one file's chunks.
fn pages_of(
    source: &Source,
    arguments: &Pages,
    output: &mut Output,
    broken: &mut Broken,
) -> Result<()> {
    let groups = source.file.footer().num_row_groups();
    let chosen = match arguments.row_group {
        Some(group) if group >= groups => {
            return Err(Failure::usage(format!(
                "no row group {group} in {}, which has {groups}",
                source.name
            )));
        }
        Some(group) => group..group + 1,
        None => 0..groups,
    };
    let leaves = leaves(source, arguments.columns.as_deref())?;
    for group in chosen {
        for leaf in &leaves {
            let Some(chunk) = source.file.footer().column(group, leaf.index) else { continue };
            let budget = source.file.limits().budget();
            let mut found = match pages(&source.file, group, leaf.index, &budget) {
                Ok(found) => found,
                Err(error) if *error.kind() == ErrorKind::Corrupt => {
                    ChunkPages { broken: Some(error), ..ChunkPages::default() }
                }
                Err(error) => return Err(error.into()),
            };
            let piece = match arguments.format {
                Shape::Text => {
                    paper::visible_lines(&text(source, chunk, leaf, &found)).into_owned()
                }
                Shape::Json => format!("{}\n", chunk_json(source, chunk, leaf, &found)),
            };
            output.write(piece.as_bytes())?;
            broken.indexes |= !found.broken_indexes.is_empty();
            if let Some(error) = found.broken.take() {
                broken.pages = true;
                output.flush()?;
                Failure::from(error).print();
            }
        }
    }
    Ok(())
}

/// The leaves in what `columns` name, by paths as `cat` takes them.
fn leaves<'a>(source: &'a Source, columns: Option<&[String]>) -> Result<Vec<&'a Leaf>> {
    let schema = source.file.schema();
    let Some(columns) = columns else { return Ok(schema.leaves().iter().collect()) };
    let mut chosen = Vec::new();
    for path in columns.iter().map(|path| path.trim()) {
        let Ok(projected) = schema.project([path]) else {
            return Err(unknown_column(path, source));
        };
        projected.iter().for_each(|column| column.layout.leaves(&mut chosen));
    }
    // Named twice, shown once.
    let mut seen = HashSet::new();
    chosen.retain(|leaf| seen.insert(*leaf));
    Ok(chosen.into_iter().filter_map(|leaf| schema.leaves().get(leaf)).collect())
}

fn kind(page: &PageEntry) -> (&'static str, Option<u32>, Option<Encoding>) {
    match page.header.kind {
        PageKind::DataV1 { num_values, encoding, .. } => ("v1", Some(num_values), Some(encoding)),
        PageKind::DataV2 { num_values, encoding, .. } => ("v2", Some(num_values), Some(encoding)),
        PageKind::Dictionary { num_values, encoding, .. } => {
            ("dictionary", Some(num_values), Some(encoding))
        }
        PageKind::Index => ("index", None, None),
        PageKind::Other(_) => ("unknown", None, None),
    }
}

fn text(source: &Source, chunk: ColumnChunk<'_>, leaf: &Leaf, found: &ChunkPages) -> String {
    let indexes = [
        (found.offset_index.is_some(), "offset index"),
        (found.column_index.is_some(), "column index"),
        (found.bloom_filter.is_some(), "bloom filter"),
    ];
    let indexes: Vec<&str> =
        indexes.iter().filter(|(is_there, _)| *is_there).map(|(_, name)| *name).collect();
    let heading = format!(
        "{}, row group {}, column {}: {}, {}{}\n",
        paper::visible(&source.name),
        chunk.row_group(),
        paper::visible(&leaf.dotted_path),
        paper::counted(found.pages.len() as u64, "page"),
        chunk.compression().name(),
        if indexes.is_empty() { String::new() } else { format!(", {}", indexes.join(", ")) },
    );
    let broken = found.broken_indexes.iter();
    let broken = broken.map(|(name, error)| format!("the {name} is broken: {error}\n"));
    let heading = heading + &broken.collect::<String>();
    let mut rows = vec![HEADER.map(str::to_owned)];
    for page in &found.pages {
        let (name, values, encoding) = kind(page);
        let number = |count: Option<u64>| count.map(paper::grouped).unwrap_or_default();
        let (nulls, range) = claimed(source, leaf, page, found);
        rows.push([
            page.ordinal.map_or_else(|| name.to_owned(), |ordinal| format!("{ordinal} ({name})")),
            page.offset.to_string(),
            paper::bytes(page.header.compressed_page_size.into()),
            paper::bytes(page.header.uncompressed_page_size.into()),
            number(values.map(u64::from)),
            number(page.first_row),
            encoding.map(|encoding| encoding.name().to_owned()).unwrap_or_default(),
            page.checksum.name().to_owned(),
            number(nulls),
            range,
        ]);
    }
    heading + &paper::aligned(&rows, &[1, 2, 3, 4, 5, 8]) + "\n"
}

/// Nulls of a page, and its bounds: by the column index or, where there is none, by the header.
fn claimed(
    source: &Source,
    leaf: &Leaf,
    page: &PageEntry,
    found: &ChunkPages,
) -> (Option<u64>, String) {
    if let Some((ordinal, index)) = page.ordinal.zip(found.column_index.as_ref()) {
        let ordinal = ordinal as usize;
        let (min, max) = bounds::of_page(leaf, index, ordinal);
        return (index.null_count(ordinal), bounds::shown(min, max));
    }
    match page.statistics(source.file.limits()) {
        Ok(None) => (None, String::new()),
        Ok(Some(statistics)) => {
            let writer = source.file.footer().writer();
            (statistics.null_count, bounds::range(leaf, &statistics, writer))
        }
        Err(error) => (None, error.to_string()),
    }
}

fn chunk_json(source: &Source, chunk: ColumnChunk<'_>, leaf: &Leaf, found: &ChunkPages) -> Value {
    let broken = found.broken_indexes.iter();
    let broken: Vec<Value> =
        broken.map(|(name, error)| json!({ "index": name, "error": error.to_string() })).collect();
    let list: Vec<Value> =
        found.pages.iter().map(|page| page_json(source, leaf, page, found)).collect();
    json!({
        "file": source.name,
        "row_group": chunk.row_group(),
        "column": &*leaf.dotted_path,
        "compression": chunk.compression().name(),
        "boundary_order": found.column_index.as_ref()
            .map(|index| format!("{:?}", index.boundary_order).to_lowercase()),
        "bloom_filter_bytes": found.bloom_filter.map(|header| header.num_bytes),
        "pages": list,
        "broken_indexes": broken,
        "broken": found.broken.as_ref().map(ToString::to_string),
    })
}

fn page_json(source: &Source, leaf: &Leaf, page: &PageEntry, found: &ChunkPages) -> Value {
    let (name, values, encoding) = kind(page);
    let mut value = json!({
        "page": page.ordinal,
        "type": name,
        "offset": page.offset,
        "header_bytes": page.header.header_len,
        "compressed_bytes": page.header.compressed_page_size,
        "uncompressed_bytes": page.header.uncompressed_page_size,
        "values": values,
        "encoding": encoding.map(Encoding::name),
        "rows": page.rows,
        "first_row": page.first_row,
        "crc": page.header.crc.map(|crc| format!("{crc:08x}")),
        "crc_state": page.checksum.name(),
    });
    match page.statistics(source.file.limits()) {
        Ok(None) => {}
        Ok(Some(statistics)) => {
            let writer = source.file.footer().writer();
            value["statistics"] = statistics_json(leaf, &statistics, writer);
        }
        Err(error) => value["statistics"] = json!({ "error": error.to_string() }),
    }
    if let Checksum::Wrong { found } = page.checksum {
        value["crc_found"] = json!(format!("{found:08x}"));
    }
    match page.header.kind {
        PageKind::DataV1 { definition_level_encoding, repetition_level_encoding, .. } => {
            value["definition_level_encoding"] = json!(definition_level_encoding.name());
            value["repetition_level_encoding"] = json!(repetition_level_encoding.name());
        }
        PageKind::DataV2 {
            num_nulls,
            definition_levels_byte_length,
            repetition_levels_byte_length,
            is_compressed,
            ..
        } => {
            value["nulls"] = json!(num_nulls);
            value["definition_levels_bytes"] = json!(definition_levels_byte_length);
            value["repetition_levels_bytes"] = json!(repetition_levels_byte_length);
            value["is_compressed"] = json!(is_compressed);
        }
        PageKind::Dictionary { is_sorted, .. } => value["is_sorted"] = json!(is_sorted),
        PageKind::Index | PageKind::Other(_) => {}
    }
    let Some(ordinal) = page.ordinal.map(|ordinal| ordinal as usize) else { return value };
    if let Some(index) = &found.offset_index {
        value["offset_index"] = json!({
            "offset": index.offsets.get(ordinal),
            "compressed_page_size": index.compressed_sizes.get(ordinal),
            "first_row": index.first_rows.get(ordinal),
            "unencoded_byte_array_data_bytes": index.unencoded_bytes.get(ordinal),
        });
    }
    if let Some(index) = &found.column_index {
        let (min, max) = bounds::of_page(leaf, index, ordinal);
        value["column_index"] = json!({
            "is_null_page": index.is_null_page(ordinal),
            "null_count": index.null_count(ordinal),
            "nan_count": index.nan_count(ordinal),
            "min": min,
            "max": max,
            "repetition_level_histogram": index.repetition_level_histogram(ordinal),
            "definition_level_histogram": index.definition_level_histogram(ordinal),
        });
    }
    value
}
