//! `meta`: what the footer says, chunk by chunk.

use millwork_format::metadata::created_by::Writer;
use millwork_format::metadata::{
    ColumnChunk, ConvertedType, PhysicalType, Repetition, RowGroup, SchemaElement, Statistics,
};
use millwork_format::schema::Leaf;
use serde_json::{Value, json};

use super::pieces::{array, close_object, open_object};
use super::{bounds, located, look_at_each};
use crate::arguments::{Inspect, Shape};
use crate::failure::{Failure, Result};
use crate::output::{Output, Sink as _};
use crate::paper;
use crate::source::Source;

/// Longest value of key-value metadata that people are shown.
const VALUE_WIDTH: usize = 100;

const HEADER: [&str; 8] =
    ["column", "codec", "encodings", "values", "nulls", "on disk", "decoded", "min … max"];

/// Prints the metadata of each file.
///
/// # Errors
/// A file that cannot be read; statistics whose bytes are broken.
pub fn print(arguments: &Inspect) -> Result<()> {
    let mut output = Output::stdout();
    let limits = arguments.reading.limits();
    let mut is_first = true;
    let looked = look_at_each(&arguments.files, &limits, &mut output, |source, output| {
        match arguments.format {
            Shape::Json => write_json(source, output),
            Shape::Text => write_text(source, std::mem::replace(&mut is_first, false), output),
        }
    });
    output.finish()?;
    looked
}

/// Row group by row group.
fn write_text(source: &Source, is_first: bool, out: &mut Output) -> Result<()> {
    let footer = source.file.footer();
    let mut text = format!(
        "{}{}: {}, {}, {}, footer {}, version {}, created by {}\n",
        if is_first { "" } else { "\n" },
        paper::visible(&source.name),
        paper::bytes(source.file.size_bytes()),
        paper::counted(source.file.num_rows(), "row"),
        paper::counted(footer.num_row_groups() as u64, "row group"),
        paper::bytes(footer.struct_bytes() as u64),
        footer.version(),
        paper::visible(footer.created_by().unwrap_or("an unknown program")),
    );
    for pair in footer.key_values() {
        let value = crate::width::truncated(pair.value.unwrap_or_default(), VALUE_WIDTH);
        let value = value.replace('\n', "⏎");
        text += &format!("{} = {}\n", paper::visible(pair.key), paper::visible(&value));
    }
    out.write(paper::visible_lines(&text).as_bytes())?;
    let leaves = source.file.schema().leaves();
    for group in footer.row_groups() {
        let mut text = format!(
            "\nrow group {}: {}, {} on disk, {} decoded{}\n",
            group.index(),
            paper::counted(group.num_rows(), "row"),
            paper::bytes(group.total_compressed_size()),
            paper::bytes(group.total_byte_size()),
            sorted(group, leaves),
        );
        let mut rows = vec![HEADER.map(str::to_owned)];
        for (chunk, leaf) in group.columns().zip(leaves) {
            let statistics = chunk.statistics().map_err(|error| located(error, source))?;
            let nulls = statistics.and_then(|statistics| statistics.null_count);
            rows.push([
                leaf.dotted_path.to_string(),
                chunk.compression().name().to_owned(),
                encodings(chunk).join(" "),
                paper::grouped(chunk.num_values()),
                nulls.map(paper::grouped).unwrap_or_default(),
                paper::bytes(chunk.total_compressed_size()),
                paper::bytes(chunk.total_uncompressed_size()),
                statistics
                    .map(|found| bounds::range(leaf, &found, footer.writer()))
                    .unwrap_or_default(),
            ]);
        }
        text += &paper::aligned(&rows, &[3, 4, 5, 6]);
        out.write(paper::visible_lines(&text).as_bytes())?;
    }
    Ok(())
}

fn sorted(group: RowGroup<'_>, leaves: &[Leaf]) -> String {
    /// Columns and letters of their names that are shown.
    const COLUMNS: usize = 100;
    const LETTERS: usize = 100;
    let sorting_columns = group.sorting_columns();
    let mut columns: Vec<String> = sorting_columns
        .iter()
        .take(COLUMNS)
        .map(|sorting| {
            let path = leaves.get(sorting.column as usize).map_or("?", |leaf| &*leaf.dotted_path);
            let path = crate::width::truncated(path, LETTERS);
            let path = paper::visible(&path);
            let order = if sorting.descending { "desc" } else { "asc" };
            let nulls = if sorting.nulls_first { "first" } else { "last" };
            format!("{path} {order} nulls {nulls}")
        })
        .collect();
    if sorting_columns.len() > COLUMNS {
        columns.push(format!("{} more", sorting_columns.len() - COLUMNS));
    }
    if columns.is_empty() { String::new() } else { format!(", sorted by {}", columns.join(", ")) }
}

/// Names of the encodings of a chunk.
pub fn encodings(chunk: ColumnChunk<'_>) -> Vec<&'static str> {
    chunk.encodings().iter().map(|encoding| encoding.name()).collect()
}

/// One object, written piece by piece: a footer of many columns is never a whole tree of values.
fn write_json(source: &Source, out: &mut Output) -> Result<()> {
    let footer = source.file.footer();
    let leaves = source.file.schema().leaves();
    open_object(
        &json!({
            "file": source.name,
            "size_bytes": source.file.size_bytes(),
            "footer_offset": footer.base_offset(),
            "footer_bytes": footer.struct_bytes(),
            "version": footer.version(),
            "created_by": footer.created_by(),
            "rows": source.file.num_rows(),
            "num_rows": footer.claimed_rows(),
            "encryption": footer.encryption_algorithm().is_some(),
        }),
        out,
    )?;
    let orders =
        leaves.iter().map(|leaf| Ok(json!(leaf.column_order.map(|order| format!("{order:?}")))));
    let pairs = footer.key_values().map(|pair| Ok(json!({ "key": pair.key, "value": pair.value })));
    array("schema", footer.schema().iter().map(|element| Ok(element_json(element))), out)?;
    array("column_orders", orders, out)?;
    array("key_values", pairs, out)?;
    out.write(b",\"row_groups\":[")?;
    for (at, group) in footer.row_groups().enumerate() {
        out.write(if at == 0 { b"" } else { b"," })?;
        let sorting: Vec<Value> = group
            .sorting_columns()
            .iter()
            .map(|sorting| {
                json!({
                    "column": leaves.get(sorting.column as usize).map(|leaf| &*leaf.dotted_path),
                    "descending": sorting.descending,
                    "nulls_first": sorting.nulls_first,
                })
            })
            .collect();
        open_object(
            &json!({
                "rows": group.num_rows(),
                "file_offset": group.file_offset(),
                "ordinal": group.ordinal(),
                "total_byte_size": group.total_byte_size(),
                "total_compressed_size": group.total_compressed_size(),
                "sorting_columns": sorting,
            }),
            out,
        )?;
        let chunks = group.columns().zip(leaves);
        array("columns", chunks.map(|(chunk, leaf)| chunk_json(source, chunk, leaf)), out)?;
        out.write(b"}")?;
    }
    out.write(b"]")?;
    close_object(out)
}

fn element_json(element: &SchemaElement) -> Value {
    json!({
        "name": &*element.name,
        "type": element.physical_type.map(PhysicalType::name),
        "type_length": element.type_length,
        "repetition": element.repetition.map(Repetition::name),
        "num_children": element.num_children,
        "converted_type": element.converted_type.map(ConvertedType::name),
        "scale": element.scale,
        "precision": element.precision,
        "field_id": element.field_id,
        "logical_type": element.logical_type.as_ref().map(ToString::to_string),
    })
}

fn located_by<'a>(source: &'a Source) -> impl Fn(millwork_format::Error) -> Failure + 'a {
    move |error| located(error, source)
}

/// Statistics of a chunk or of a page.
pub fn statistics_json(leaf: &Leaf, found: &Statistics<'_>, writer: Writer<'_>) -> Value {
    let (min, max) = bounds::texts(leaf, found, writer);
    json!({
        "null_count": found.null_count,
        "distinct_count": found.distinct_count,
        "nan_count": found.nan_count,
        "min": min,
        "max": max,
        "is_min_value_exact": found.is_min_value_exact,
        "is_max_value_exact": found.is_max_value_exact,
    })
}

fn chunk_json(source: &Source, chunk: ColumnChunk<'_>, leaf: &Leaf) -> Result<Value> {
    let statistics = chunk.statistics().map_err(|error| located(error, source))?;
    let writer = source.file.footer().writer();
    let bounds = statistics.map(|found| statistics_json(leaf, &found, writer));
    let encodings_of_pages: Vec<Value> = chunk
        .encoding_stats()
        .map_err(located_by(source))?
        .iter()
        .map(|stats| {
            json!({
                "page_type": stats.page_type.name(),
                "encoding": stats.encoding.name(),
                "count": stats.count,
            })
        })
        .collect();
    let sizes = chunk.size_statistics().map_err(located_by(source))?.map(|sizes| {
        json!({
            "unencoded_byte_array_data_bytes": sizes.unencoded_byte_array_data_bytes,
            "repetition_level_histogram": sizes.repetition_level_histogram,
            "definition_level_histogram": sizes.definition_level_histogram,
        })
    });
    let shapes = chunk.geospatial_statistics().map_err(located_by(source))?.map(|shapes| {
        let edges = |edges: (f64, f64)| json!([edges.0, edges.1]);
        let bounding_box = shapes.bounding_box.map(|found| {
            json!({
                "x": edges(found.x),
                "y": edges(found.y),
                "z": found.z.map(edges),
                "m": found.m.map(edges),
            })
        });
        json!({ "bounding_box": bounding_box, "types": shapes.types })
    });
    let pairs: Vec<Value> = chunk
        .key_values()
        .map_err(located_by(source))?
        .iter()
        .map(|pair| json!({ "key": pair.key, "value": pair.value }))
        .collect();
    let range = |found: Option<(u64, u32)>| {
        found.map(|(offset, length)| json!({ "offset": offset, "length": length }))
    };
    Ok(json!({
        "path": &*leaf.dotted_path,
        "physical_type": chunk.physical_type().name(),
        "compression": chunk.compression().name(),
        "encodings": encodings(chunk),
        "values": chunk.num_values(),
        "total_compressed_size": chunk.total_compressed_size(),
        "total_uncompressed_size": chunk.total_uncompressed_size(),
        "data_page_offset": chunk.data_page_offset(),
        "dictionary_page_offset": chunk.dictionary_page_offset(),
        "offset_index": range(chunk.offset_index()),
        "column_index": range(chunk.column_index()),
        "bloom_filter_offset": chunk.bloom_filter().map(|(offset, _)| offset),
        "bloom_filter_length": chunk.bloom_filter().and_then(|(_, length)| length),
        "encoding_stats": encodings_of_pages,
        "size_statistics": sizes,
        "geospatial_statistics": shapes,
        "key_values": pairs,
        "is_encrypted": chunk.is_encrypted(),
        "statistics": bounds,
    }))
}
