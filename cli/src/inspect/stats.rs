//! `stats`: what the footer says about the values of each column.

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

const HEADER: [&str; 10] = [
    "column",
    "type",
    "values",
    "nulls",
    "distinct",
    "NaNs",
    "on disk",
    "ratio",
    "encodings",
    "min … max",
];

/// Prints the statistics of each column of each file.
///
/// # Errors
/// A file that cannot be read; statistics whose bytes are broken.
pub fn print(arguments: &Inspect) -> Result<()> {
    print_each(arguments, text, json)
}

fn text(source: &Source) -> Result<String> {
    let mut rows = vec![HEADER.map(str::to_owned)];
    for leaf in source.file.schema().leaves() {
        let total = Total::of(source, leaf)?;
        let range = total.bounds().map(|(min, max)| bounds::shown(min, max)).unwrap_or_default();
        let count = |count: Option<u64>| count.map(paper::grouped).unwrap_or_default();
        rows.push([
            leaf.dotted_path.to_string(),
            leaf.data_type.to_string(),
            paper::grouped(total.values),
            count(total.nulls),
            count(total.distinct),
            count(total.nans),
            paper::bytes(total.compressed_bytes),
            total.ratio().map(|ratio| format!("{ratio:.1}x")).unwrap_or_default(),
            total.encodings.join(" "),
            range,
        ]);
    }
    let heading = format!(
        "{}: {} in {}\n",
        paper::visible(&source.name),
        paper::counted(source.file.num_rows(), "row"),
        paper::counted(source.file.footer().num_row_groups() as u64, "row group"),
    );
    Ok(heading + &paper::aligned(&rows, &[2, 3, 4, 5, 6, 7]))
}

fn json(source: &Source, out: &mut Output) -> Result<()> {
    let column = |leaf: &Leaf| {
        let total = Total::of(source, leaf)?;
        let (min, max) = total.bounds().unwrap_or_default();
        Ok(json!({
            "path": &*leaf.dotted_path,
            "type": leaf.data_type.to_string(),
            "values": total.values,
            "nulls": total.nulls,
            "distinct": total.distinct,
            "nans": total.nans,
            "min": min,
            "max": max,
            "is_exact": total.is_exact,
            "compressed_bytes": total.compressed_bytes,
            "uncompressed_bytes": total.uncompressed_bytes,
            "ratio": total.ratio(),
            "encodings": total.encodings,
        }))
    };
    open_object(
        &json!({
            "file": source.name,
            "rows": source.file.num_rows(),
            "row_groups": source.file.footer().num_row_groups(),
        }),
        out,
    )?;
    array("columns", source.file.schema().leaves().iter().map(column), out)?;
    close_object(out)
}
