//! EXPLAIN and EXPLAIN ANALYZE, as text and as JSON.

use std::fmt::Write as _;
use std::time::Duration;

use millwork_format::batch::BATCH_ROWS;
use millwork_format::error::OneLine;
use serde_json::{Value, json};

use super::Report;
use crate::plan::LogicalPlan;
use crate::plan::logical::Scan;
use crate::scan::{Foreseen, ScanReport, ScanShared, ScanSpec};
use crate::source::ParquetTable;

/// The plan, and what footers tell of its scans: which row groups have no row for it, and which
/// conditions indexes will be asked about. Reads nothing.
pub(super) fn plain(plan: &LogicalPlan, as_json: bool) -> String {
    let mut scans = Vec::new();
    foreseen(plan, &mut scans);
    if as_json {
        let mut tree = tree(plan);
        if let Some(node) = tree.as_object_mut() {
            let scan = |(scan, known): &(&Scan, Foreseen)| {
                json!({
                    "table": scan.table.name(),
                    "row_groups": known.row_groups,
                    "row_groups_pruned_by_statistics": known.pruned_by_statistics,
                    "asked_of_indexes": asked(scan, known),
                })
            };
            node.insert("scans".to_owned(), scans.iter().map(scan).collect());
        }
        return tree.to_string();
    }
    let mut text = plan.explain();
    for (at, (scan, known)) in scans.iter().enumerate() {
        let _ = write!(
            text,
            "{}scan {}: {} of {} row groups pruned by statistics",
            if at == 0 { "\n" } else { "" },
            scan.table.name(),
            known.pruned_by_statistics,
            known.row_groups
        );
        let asked = asked(scan, known);
        let _ = match asked.is_empty() {
            true => writeln!(text, "; indexes can't tell more"),
            false => writeln!(text, "; indexes are asked about {}", asked.join(" AND ")),
        };
    }
    text
}

fn asked(scan: &Scan, known: &Foreseen) -> Vec<String> {
    let predicates = known.asked.iter().filter_map(|at| scan.predicates.get(*at));
    predicates.map(|predicate| scan.named(predicate)).collect()
}

/// The scans of files with conditions, and what is known of them.
fn foreseen<'a>(plan: &'a LogicalPlan, into: &mut Vec<(&'a Scan, Foreseen)>) {
    if let LogicalPlan::Scan(scan) = plan
        && !scan.predicates.is_empty()
        && let Some(table) = scan.table.as_any().downcast_ref::<ParquetTable>()
        && let Ok(shared) = ScanShared::new(ScanSpec {
            files: table.files().to_vec(),
            columns: scan.columns.clone(),
            predicates: scan.predicates.clone(),
            filters: Vec::new(),
            wanted: vec![true; scan.columns.len()],
            prune: true,
            batch_rows: BATCH_ROWS,
            morsel_rows: u64::MAX,
        })
    {
        into.push((scan, shared.foreseen()));
    }
    plan.inputs().into_iter().for_each(|input| foreseen(input, into));
}

/// The plan and what running it did.
pub(super) fn analyzed(
    plan: &LogicalPlan,
    report: &Report,
    elapsed: Duration,
    as_json: bool,
) -> String {
    if as_json {
        return json!({
            "plan": tree(plan),
            "elapsed_ms": elapsed.as_secs_f64() * 1e3,
            "peak_reserved_bytes": report.query.peak_bytes,
            "worker_rows": report.query.worker_rows,
            "scans": report.scans.iter().map(|(name, scan)| scan_json(name, scan)).collect::<Vec<_>>(),
            "pipelines": pipelines(report),
        })
        .to_string();
    }
    let mut text = plan.explain();
    let _ = writeln!(
        text,
        "\n{:.1} ms, {} bytes reserved at most",
        elapsed.as_secs_f64() * 1e3,
        report.query.peak_bytes
    );
    for (name, scan) in &report.scans {
        let _ = writeln!(
            text,
            "scan {}: {} of {} row groups pruned{}, {} rows pruned by page index{}, {} \
             rows left out for operators above, {} morsels, {} pages decompressed, {} dictionaries \
             decoded, {} entries evaluated, {} bytes read, {} rounds",
            OneLine(name),
            scan.row_groups_pruned,
            scan.row_groups,
            by_evidence(scan),
            scan.rows_pruned_by_pages,
            by_pages(scan),
            scan.rows_filtered,
            scan.morsels,
            scan.totals.pages_decompressed,
            scan.totals.dictionaries_decoded,
            scan.dictionary_entries_evaluated,
            scan.bytes_read,
            scan.totals.need_rounds,
        );
    }
    for pipeline in &report.query.pipelines {
        let _ =
            writeln!(text, "pipeline {} (rows by lane {:?})", pipeline.name, pipeline.lane_rows);
        for part in &pipeline.parts {
            let _ = write!(
                text,
                "  {}: {} rows in, {} rows out, {:.3} ms",
                part.name,
                part.rows_in,
                part.rows_out,
                part.busy_ns as f64 / 1e6
            );
            if let Some(bytes) = part.peak_bytes {
                let _ = write!(text, ", {bytes} bytes at most");
            }
            for (counter, value) in &part.counters {
                let _ = write!(text, ", {counter} {value}");
            }
            text.push('\n');
        }
    }
    text
}

/// What left row groups out, and what was asked in vain; empty if only statistics were there to ask.
fn by_evidence(scan: &ScanReport) -> String {
    let named = [
        (scan.row_groups_pruned_by_statistics, "by statistics"),
        (scan.row_groups_pruned_by_bloom_filter, "by bloom filter"),
        (scan.row_groups_pruned_by_dictionary, "by dictionary"),
    ];
    let mut parts: Vec<String> = named
        .iter()
        .filter(|(groups, _)| *groups > 0)
        .map(|(groups, what)| format!("{groups} {what}"))
        .collect();
    let asked =
        [(scan.bloom_filters_asked, "bloom filters"), (scan.dictionaries_asked, "dictionaries")];
    for (count, what) in asked.iter().filter(|(count, _)| *count > 0) {
        parts.push(format!("{count} {what} asked"));
    }
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
}

fn by_pages(scan: &ScanReport) -> String {
    match scan.pages {
        0 => String::new(),
        pages => format!(
            " ({} of {pages} pages, all pages of {} row groups)",
            scan.pages_pruned, scan.row_groups_pruned_by_page_index
        ),
    }
}

fn tree(plan: &LogicalPlan) -> Value {
    let inputs: Vec<Value> = plan.inputs().into_iter().map(tree).collect();
    json!({ "node": plan.explain_line(), "inputs": inputs })
}

fn scan_json(name: &str, scan: &ScanReport) -> Value {
    json!({
        "table": name,
        "row_groups": scan.row_groups,
        "row_groups_pruned": scan.row_groups_pruned,
        "row_groups_pruned_by_statistics": scan.row_groups_pruned_by_statistics,
        "row_groups_pruned_by_bloom_filter": scan.row_groups_pruned_by_bloom_filter,
        "row_groups_pruned_by_dictionary": scan.row_groups_pruned_by_dictionary,
        "row_groups_pruned_by_page_index": scan.row_groups_pruned_by_page_index,
        "bloom_filters_asked": scan.bloom_filters_asked,
        "dictionaries_asked": scan.dictionaries_asked,
        "index_pages": scan.pages,
        "index_pages_pruned": scan.pages_pruned,
        "rows_pruned_by_pages": scan.rows_pruned_by_pages,
        "rows_filtered": scan.rows_filtered,
        "morsels": scan.morsels,
        "pages_decompressed": scan.totals.pages_decompressed,
        "pages_decompressed_by_column": scan.totals.pages_decompressed_by_column,
        "dictionaries_decoded": scan.totals.dictionaries_decoded,
        "dictionary_entries_evaluated": scan.dictionary_entries_evaluated,
        "rows_decoded": scan.totals.rows_decoded,
        "need_rounds": scan.totals.need_rounds,
        "most_rounds_of_a_morsel": scan.most_rounds,
        "bytes_read": scan.bytes_read,
    })
}

fn pipelines(report: &Report) -> Vec<Value> {
    let part = |part: &crate::pipeline::PartMetrics| {
        let mut value = json!({
            "name": part.name,
            "rows_in": part.rows_in,
            "rows_out": part.rows_out,
            "batches_in": part.batches_in,
            "batches_out": part.batches_out,
            "time_ms": part.busy_ns as f64 / 1e6,
            "peak_bytes": part.peak_bytes,
        });
        for (name, count) in &part.counters {
            value[*name] = json!(count);
        }
        value
    };
    report
        .query
        .pipelines
        .iter()
        .map(|pipeline| {
            json!({
                "name": pipeline.name,
                "lane_rows": pipeline.lane_rows,
                "parts": pipeline.parts.iter().map(part).collect::<Vec<_>>(),
            })
        })
        .collect()
}
