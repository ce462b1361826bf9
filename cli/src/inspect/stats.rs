//! `stats`: what the footer says about the values of each column.

use millwork_format::metadata::{ColumnChunk, Statistics};
use millwork_format::schema::Leaf;
use serde_json::json;

use super::pieces::{array, close_object, open_object};
use super::{bounds, located, meta, print_each};
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

/// What the chunks of one leaf say together. A number that one of them does not tell is not known.
struct Total<'a> {
    values: u64,
    nulls: Option<u64>,
    nans: Option<u64>,
    /// Only of a single chunk: others may have the same values.
    distinct: Option<u64>,
    compressed_bytes: u64,
    uncompressed_bytes: u64,
    encodings: Vec<&'static str>,
    chunks: Vec<(u64, Option<Statistics<'a>>)>,
    /// Whether every chunk says that its bounds are values.
    is_exact: Option<bool>,
}

impl<'a> Total<'a> {
    fn of(source: &'a Source, leaf: &Leaf) -> Result<Self> {
        let groups = source.file.footer().row_groups();
        let chunks: Vec<ColumnChunk<'a>> =
            groups.filter_map(|group| group.column(leaf.index)).collect();
        let mut total = Self {
            values: 0,
            nulls: Some(0),
            nans: Some(0),
            distinct: None,
            compressed_bytes: 0,
            uncompressed_bytes: 0,
            encodings: Vec::new(),
            chunks: Vec::with_capacity(chunks.len()),
            is_exact: None,
        };
        let mut is_first = true;
        for chunk in &chunks {
            let statistics = chunk.statistics().map_err(|error| located(error, source))?;
            let known = statistics.unwrap_or_default();
            let sum = |sum: Option<u64>, more: Option<u64>| {
                sum.zip(more).map(|(a, b)| a.saturating_add(b))
            };
            total.values = total.values.saturating_add(chunk.num_values());
            total.nulls = sum(total.nulls, known.null_count);
            total.nans = sum(total.nans, known.nan_count);
            total.distinct = known.distinct_count.filter(|_| chunks.len() == 1);
            let more = |sum: &mut u64, bytes| *sum = sum.saturating_add(bytes);
            more(&mut total.compressed_bytes, chunk.total_compressed_size());
            more(&mut total.uncompressed_bytes, chunk.total_uncompressed_size());
            // A chunk of nulls has no bounds.
            if known.null_count != Some(chunk.num_values()) {
                let exact = known.is_min_value_exact.zip(known.is_max_value_exact);
                let exact = exact.map(|(min, max)| min && max);
                total.is_exact = match is_first {
                    true => exact,
                    false => total.is_exact.zip(exact).map(|(all, one)| all && one),
                };
                is_first = false;
            }
            for encoding in meta::encodings(*chunk) {
                if !total.encodings.contains(&encoding) {
                    total.encodings.push(encoding);
                }
            }
            total.chunks.push((chunk.num_values(), statistics));
        }
        Ok(total)
    }

    fn ratio(&self) -> Option<f64> {
        (self.compressed_bytes > 0)
            .then(|| self.uncompressed_bytes as f64 / self.compressed_bytes as f64)
    }
}

fn text(source: &Source) -> Result<String> {
    let mut rows = vec![HEADER.map(str::to_owned)];
    for leaf in source.file.schema().leaves() {
        let total = Total::of(source, leaf)?;
        let bounds = bounds::merged(leaf, &total.chunks, source.file.footer().writer());
        let range = bounds.map(|(min, max)| bounds::shown(min, max)).unwrap_or_default();
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
        let (min, max) =
            bounds::merged(leaf, &total.chunks, source.file.footer().writer()).unwrap_or_default();
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
