//! What the footer says, against itself and the size of the file.

use std::ops::Range;

use super::{Check, Severity, Visit};
use crate::error::{Error, Feature, Place};
use crate::metadata::ColumnChunk;

/// Checks numbers and ranges of the footer.
pub(super) fn check(visit: &mut Visit<'_>) {
    let file = visit.file;
    let (footer, place) = (file.footer(), visit.place());
    let claimed = footer.claimed_rows();
    if claimed != i64::try_from(footer.num_rows()).ok() {
        let claimed = claimed.map_or_else(|| "none".to_string(), |rows| rows.to_string());
        let what = format!("{claimed} rows by the file, {} by its row groups", footer.num_rows());
        visit.wrong(Check::Footer, &place, what);
    }
    let mut ranges: Vec<(Range<u64>, String)> = Vec::new();
    for group in footer.row_groups() {
        for (leaf, chunk) in file.schema().leaves().iter().zip(group.columns()) {
            visit.in_chunk = 0;
            let place = Place {
                row_group: Some(group.index() as u32),
                column: Some(leaf.dotted_path.clone()),
                ..place.clone()
            };
            if chunk.has_file_path() || chunk.is_encrypted() {
                let feature = if chunk.is_encrypted() {
                    Feature::Encryption
                } else {
                    Feature::ExternalColumnChunk
                };
                let what = Error::unsupported(feature).what().to_string();
                visit.tell(super::Finding {
                    severity: Severity::Unverified,
                    check: Check::Range,
                    place,
                    in_dictionary: false,
                    what,
                    rows: None,
                });
                continue;
            }
            if chunk.physical_type() != leaf.physical_type {
                let what = format!(
                    "a column chunk of {} in a column of {}",
                    chunk.physical_type().name(),
                    leaf.physical_type.name()
                );
                visit.wrong(Check::Footer, &place, what);
            }
            if let (0, Ok(range)) = (leaf.max_repetition_level, chunk.chunk_range())
                && chunk.num_values() != group.num_rows()
                && !range.is_empty()
            {
                let what = format!(
                    "{} values by the column chunk, {} rows by the row group",
                    chunk.num_values(),
                    group.num_rows()
                );
                visit.wrong(Check::Count, &place, what);
            }
            let of = format!("column \"{}\" of row group {}", leaf.dotted_path, group.index());
            if let (Ok(range), true) = (chunk.chunk_range(), group.num_rows() > 0) {
                ranges.push((range, format!("pages of {of}")));
            }
            index_ranges(visit, chunk, &place, &of, &mut ranges);
        }
    }
    visit.in_chunk = 0;
    overlaps(visit, ranges, &place);
}

/// Page indexes and bloom filters lie in the file.
fn index_ranges(
    visit: &mut Visit<'_>,
    chunk: ColumnChunk<'_>,
    place: &Place,
    of: &str,
    ranges: &mut Vec<(Range<u64>, String)>,
) {
    let data_end = visit.file.footer().base_offset();
    let bloom = chunk.bloom_filter().map(|(offset, len)| (offset, len.unwrap_or(0)));
    let named = [
        (chunk.offset_index(), Check::OffsetIndex, "offset index"),
        (chunk.column_index(), Check::ColumnIndex, "column index"),
        (bloom, Check::BloomFilter, "bloom filter"),
    ];
    for (range, check, what) in named {
        let Some((start, len)) = range else { continue };
        let place = Place { file_offset: Some(start), ..place.clone() };
        match start.checked_add(u64::from(len)).filter(|end| *end <= data_end) {
            Some(end) => ranges.push((start..end, format!("{what} of {of}"))),
            None => {
                let text =
                    format!("the {what} of {len} bytes, but the footer begins at {data_end}");
                visit.wrong(check, &place, text);
            }
        }
    }
}

/// Nothing lies inside something else.
fn overlaps(visit: &mut Visit<'_>, mut ranges: Vec<(Range<u64>, String)>, place: &Place) {
    // Sizes that are too short by a header (PARQUET-816) were made longer on suspicion.
    let slack = if visit.file.footer().forgets_dictionary_headers() { 100 } else { 0 };
    ranges.retain(|(range, _)| range.start < range.end);
    ranges.sort_by_key(|(range, _)| (range.start, range.end));
    let mut last: Option<(Range<u64>, String)> = None;
    for (range, what) in ranges {
        if let Some((before, of)) = &last
            && range.start + slack < before.end
        {
            let place = Place { file_offset: Some(range.start), ..place.clone() };
            let text = format!("{what} begin inside the {of}, which end at {}", before.end);
            visit.wrong(Check::Range, &place, text);
        }
        if last.as_ref().is_none_or(|(before, _)| range.end > before.end) {
            last = Some((range, what));
        }
    }
}
