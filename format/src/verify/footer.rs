//! What the footer says, against itself and the size of the file.

use std::ops::Range;
use std::sync::Arc;

use super::{Check, Finding, Severity, Visit, severity_of};
use crate::error::{Error, Feature, Place, Result};
use crate::io::Fetcher;
use crate::metadata::{ColumnChunk, RowGroup};
use crate::schema::Leaf;

/// Bytes of the file, what lies there, and of which column chunk it is.
struct Claimed {
    range: Range<u64>,
    what: &'static str,
    of: Place,
}

/// Checks numbers and ranges of the footer.
///
/// # Errors
/// `Io`, and memory that is refused.
pub(super) fn check(visit: &mut Visit<'_>) -> Result<()> {
    let file = visit.file;
    let (footer, place) = (file.footer(), visit.place());
    let claimed = footer.claimed_rows();
    if claimed != i64::try_from(footer.num_rows()).ok() {
        let claimed = claimed.map_or_else(|| "none".to_string(), |rows| rows.to_string());
        let what = format!("{claimed} rows by the file, {} by its row groups", footer.num_rows());
        visit.wrong(Check::Footer, &place, what);
    }
    let fetcher = Fetcher::new(Arc::clone(file.driver()));
    let head = fetcher.read_now(0..file.size_bytes().min(4), visit.budget)?;
    if &head[..] != b"PAR1" {
        let place = Place { file_offset: Some(0), ..place.clone() };
        let what = format!("the file begins with \"{}\", not with \"PAR1\"", head.escape_ascii());
        visit.wrong(Check::Footer, &place, what);
    }
    let mut ranges = Vec::new();
    let mut first_row = 0u64;
    for group in footer.row_groups() {
        let rows = first_row..first_row.saturating_add(visit.rows_of(group.index()));
        for (leaf, chunk) in file.schema().leaves().iter().zip(group.columns()) {
            visit.in_chunk = 0;
            let place = Place {
                row_group: Some(group.index() as u32),
                column: Some(leaf.dotted_path.clone()),
                ..place.clone()
            };
            column_chunk(visit, (group, leaf, chunk), &rows, place, &mut ranges)?;
        }
        group_claims(visit, group);
        first_row = rows.end;
    }
    visit.in_chunk = 0;
    overlaps(visit, ranges);
    Ok(())
}

/// What a row group says of all its chunks together.
fn group_claims(visit: &mut Visit<'_>, group: RowGroup<'_>) {
    visit.in_chunk = 0;
    if group.columns().any(|chunk| chunk.is_encrypted() || !chunk.has_metadata()) {
        return;
    }
    let place = Place { row_group: Some(group.index() as u32), ..visit.place() };
    let sums = group.columns().fold((0u64, 0u64), |(compressed, all), chunk| {
        let more = (chunk.total_compressed_size(), chunk.total_uncompressed_size());
        (compressed.saturating_add(more.0), all.saturating_add(more.1))
    });
    let claimed = group.total_compressed_size();
    if claimed != 0 && claimed != sums.0 {
        let what = format!("{claimed} bytes by the row group, {} by its column chunks", sums.0);
        visit.wrong(Check::Footer, &place, what);
    }
    // 0: not told. Many writers count bytes in the file here too.
    let claimed = group.total_byte_size();
    if claimed != 0 && claimed != sums.1 && claimed != sums.0 {
        let what = format!(
            "{claimed} decompressed bytes by the row group, {} by its column chunks",
            sums.1
        );
        visit.wrong(Check::Footer, &place, what);
    }
    let claimed = group.file_offset().filter(|offset| *offset != 0);
    // Some writers tell where the first chunk ends.
    let places = |chunk: ColumnChunk<'_>| {
        let end = chunk.chunk_range().ok().map(|range| range.end);
        [Some(chunk.data_page_offset()), chunk.dictionary_page_offset(), end].into_iter().flatten()
    };
    if let Some(claimed) = claimed
        && !group.columns().flat_map(places).any(|place| place == claimed)
    {
        let what =
            format!("a row group at {claimed}, where none of its column chunks begins or ends");
        visit.wrong(Check::Footer, &place, what);
    }
}

/// What a chunk says of itself that nothing is read by.
fn chunk_claims(visit: &mut Visit<'_>, leaf: &Leaf, chunk: ColumnChunk<'_>, place: &Place) {
    if let Ok(Some(path)) = chunk.path_in_schema()
        && !path.iter().copied().eq(leaf.path.iter().map(|name| name.as_bytes()))
    {
        let text: Vec<_> = path.iter().map(|name| String::from_utf8_lossy(name)).collect();
        let what =
            format!("a column chunk of \"{}\", where the schema has another", text.join("."));
        visit.wrong(Check::Footer, place, what);
    }
    if !chunk.has_sound_file_offset() {
        let what = "a file_offset that is neither the beginning of the column chunk nor its end";
        visit.wrong(Check::Footer, place, what);
    }
}

fn column_chunk(
    visit: &mut Visit<'_>,
    (group, leaf, chunk): (RowGroup<'_>, &Leaf, ColumnChunk<'_>),
    rows: &Range<u64>,
    place: Place,
    ranges: &mut Vec<Claimed>,
) -> Result<()> {
    if chunk.is_encrypted() {
        let what = "an encrypted column, which cannot be verified without its key";
        visit.unverified(Check::Range, place, what, Some(rows.clone()));
        return Ok(());
    }
    if chunk.has_file_path() {
        let error = Error::unsupported(Feature::ExternalColumnChunk);
        visit.unverified(Check::Range, place, error.what(), Some(rows.clone()));
        return Ok(());
    }
    if chunk.physical_type() != leaf.physical_type {
        let what = format!(
            "a column chunk of {} in a column of {}",
            chunk.physical_type().name(),
            leaf.physical_type.name()
        );
        visit.wrong(Check::Footer, &place, what);
    }
    chunk_claims(visit, leaf, chunk, &place);
    // Nobody looks for the pages of no rows.
    if group.num_rows() > 0 || chunk.num_values() > 0 {
        let most = chunk.most_range();
        match chunk.chunk_range() {
            Ok(range) => {
                if group.num_rows() == 0 {
                    visit.spoilt[leaf.index] = true;
                    no_rows(visit, chunk, &range, &place, rows);
                }
                counts(visit, group, leaf, chunk, &range, &place);
                ranges.push(Claimed { range, what: "pages", of: place.clone() });
            }
            // Pages tell where they end.
            Err(error) if most.is_ok() => {
                let start = most.map(|range| range.start).ok();
                let place = Place { file_offset: start, ..place.clone() };
                visit.wrong(Check::Range, &place, error.what());
            }
            Err(error) => {
                visit.spoilt[leaf.index] = true;
                out_of_range(visit, chunk, &error, &place, rows)?;
            }
        }
    }
    index_ranges(visit, chunk, &place, ranges);
    Ok(())
}

fn counts(
    visit: &mut Visit<'_>,
    group: RowGroup<'_>,
    leaf: &Leaf,
    chunk: ColumnChunk<'_>,
    range: &Range<u64>,
    place: &Place,
) {
    let is_one_a_row = leaf.max_repetition_level == 0 && !range.is_empty() && group.num_rows() > 0;
    if is_one_a_row && chunk.num_values() != group.num_rows() {
        let what = format!(
            "{} values by the column chunk, {} rows by the row group",
            chunk.num_values(),
            group.num_rows()
        );
        visit.wrong(Check::Count, place, what);
    }
}

/// Values of a row group that says it has no rows: no reader gives them.
fn no_rows(
    visit: &mut Visit<'_>,
    chunk: ColumnChunk<'_>,
    range: &Range<u64>,
    place: &Place,
    rows: &Range<u64>,
) {
    visit.tell(Finding {
        severity: Severity::Corrupt,
        check: Check::Count,
        place: Place { page: Some(0), file_offset: Some(range.start), ..place.clone() },
        in_dictionary: false,
        what: format!("{} values by the column chunk, 0 rows by the row group", chunk.num_values()),
        rows: Some(rows.clone()),
    });
}

/// None of the pages can be read: the first one is named.
fn out_of_range(
    visit: &mut Visit<'_>,
    chunk: ColumnChunk<'_>,
    error: &Error,
    place: &Place,
    rows: &Range<u64>,
) -> Result<()> {
    let data = chunk.data_page_offset();
    let dictionary = chunk.dictionary_page_offset().filter(|at| *at < data || data == 0);
    let place = Place {
        page: if dictionary.is_none() { Some(0) } else { None },
        file_offset: Some(dictionary.unwrap_or(data)),
        ..place.clone()
    };
    visit.tell(Finding {
        severity: severity_of(error)?,
        check: Check::Range,
        place,
        in_dictionary: dictionary.is_some(),
        what: error.what().to_string(),
        rows: Some(rows.clone()),
    });
    Ok(())
}

/// Page indexes and bloom filters lie in the file.
fn index_ranges(
    visit: &mut Visit<'_>,
    chunk: ColumnChunk<'_>,
    place: &Place,
    ranges: &mut Vec<Claimed>,
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
        match start.checked_add(u64::from(len)).filter(|end| *end <= data_end) {
            Some(end) => ranges.push(Claimed { range: start..end, what, of: place.clone() }),
            None => {
                let place = Place { file_offset: Some(start), ..place.clone() };
                let text =
                    format!("the {what} of {len} bytes, but the footer begins at {data_end}");
                visit.wrong(check, &place, text);
            }
        }
    }
}

/// Nothing lies inside something else.
fn overlaps(visit: &mut Visit<'_>, mut ranges: Vec<Claimed>) {
    // Sizes that are too short by a header (PARQUET-816) were made longer on suspicion.
    let slack = if visit.file.footer().forgets_dictionary_headers() { 100 } else { 0 };
    ranges.retain(|claimed| claimed.range.start < claimed.range.end);
    ranges.sort_by_key(|claimed| (claimed.range.start, claimed.range.end));
    let mut last: Option<Claimed> = None;
    for claimed in ranges {
        if let Some(before) = &last
            && claimed.range.start + slack < before.range.end
        {
            let text = format!(
                "{} that begin inside the {} of column \"{}\" of row group {}, which end at {}",
                claimed.what,
                before.what,
                before.of.column.as_deref().unwrap_or_default(),
                before.of.row_group.unwrap_or_default(),
                before.range.end
            );
            let place = Place { file_offset: Some(claimed.range.start), ..claimed.of.clone() };
            visit.wrong(Check::Range, &place, text);
        }
        if last.as_ref().is_none_or(|before| claimed.range.end > before.range.end) {
            last = Some(claimed);
        }
    }
}
