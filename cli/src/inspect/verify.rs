//! `verify`: whether files are what they say.
//!
//! In: files, a depth. Out: findings, and what was looked at, on standard output. The exit code is that of
//! the worst finding: 3 if rows cannot be read, 1 if a claim is false, 0 if nothing was found.

use millwork_format::ErrorKind;
use millwork_format::error::Place;
use millwork_format::verify::{Depth, Finding, Options, Report, Severity, verify};
use serde_json::{Value, json};

use crate::arguments::{Shape, Verify};
use crate::failure::{Failure, Result};
use crate::output::Output;
use crate::paper;
use crate::paths::inputs;
use crate::source;

/// Verifies each file.
///
/// # Errors
/// [`Failure::Findings`] if there is something to be found; IO; memory.
pub fn run(arguments: &Verify) -> Result<()> {
    let depth = match (arguments.deep, arguments.cheap) {
        (true, _) => Depth::Values,
        (_, true) => Depth::Footer,
        _ => Depth::Pages,
    };
    let limits = arguments.reading.limits();
    let mut output = Output::stdout();
    let mut worst = None;
    for input in inputs(&arguments.files)? {
        let mut findings = Vec::new();
        let mut text = String::new();
        let name = source::name(&input);
        let (report, rows) = match source::open_file(&input, &limits) {
            Ok(file) => {
                let options = Options { depth, ..Options::default() };
                let mut tell = |finding: Finding| match arguments.format {
                    Shape::Json => findings.push(finding_json(&finding)),
                    Shape::Text => text += &finding_text(&finding, file.num_rows()),
                };
                (verify(&file, &options, &mut tell)?, Some(file.num_rows()))
            }
            Err(source::Unopened::File(error)) if is_about_the_file(&error) => {
                let mut place = error.place().clone();
                place.file = Some(name.as_str().into());
                let report = Report { corrupt: 1, ..Report::default() };
                let what = error.what();
                match arguments.format {
                    Shape::Json => findings.push(json!({
                        "severity": Severity::Corrupt.name(),
                        "check": "open",
                        "offset": place.file_offset,
                        "what": what,
                    })),
                    Shape::Text => text += &format!("corrupt: open: {what}\n  --> {place}\n"),
                }
                (report, None)
            }
            Err(unopened) => return Err(unopened.into()),
        };
        worst = worst.max(report.worst());
        match arguments.format {
            Shape::Json => {
                let line = report_json(&name, depth, &report, rows, findings);
                output.write(format!("{line}\n").as_bytes())?;
            }
            Shape::Text => {
                text += &report_text(&name, depth, &report, rows);
                output.write(text.as_bytes())?;
            }
        }
    }
    output.finish()?;
    match worst {
        None => Ok(()),
        Some(worst) => Err(Failure::Findings { is_unreadable: worst != Severity::Wrong }),
    }
}

/// Whether the error is a finding about the file, and not about the machine.
fn is_about_the_file(error: &millwork_format::Error) -> bool {
    use ErrorKind as K;
    matches!(error.kind(), K::Corrupt | K::Truncated | K::Unsupported(_) | K::Crypto)
}

fn depth_name(depth: Depth) -> &'static str {
    match depth {
        Depth::Footer => "cheap",
        Depth::Pages => "pages",
        Depth::Values => "deep",
    }
}

/// The place with "dictionary page" where that is meant.
fn place_text(finding: &Finding) -> String {
    if !finding.in_dictionary {
        return finding.place.to_string();
    }
    let before = Place { file_offset: None, page_byte: None, ..finding.place.clone() };
    let offset = finding.place.file_offset.map(|offset| format!(", offset {offset}"));
    format!("{before}, dictionary page{}", offset.unwrap_or_default())
}

fn finding_text(finding: &Finding, file_rows: u64) -> String {
    let mut text = format!(
        "{}: {}: {}\n  --> {}\n",
        finding.severity.name(),
        finding.check.name(),
        finding.what,
        place_text(finding)
    );
    if let Some(rows) = finding.rows.as_ref().filter(|rows| !rows.is_empty()) {
        let lost = rows.end - rows.start;
        let column = finding.place.column.as_deref().unwrap_or("?");
        text += &format!(
            "   = rows {} .. {} of column \"{column}\" are lost ({} of {})\n",
            paper::grouped(rows.start),
            paper::grouped(rows.end - 1),
            paper::grouped(lost),
            paper::grouped(file_rows),
        );
    }
    text
}

fn finding_json(finding: &Finding) -> Value {
    let place = &finding.place;
    let page = match (finding.in_dictionary, place.page) {
        (true, _) => json!("dictionary"),
        (false, page) => json!(page),
    };
    let rows = finding.rows.as_ref();
    json!({
        "severity": finding.severity.name(),
        "check": finding.check.name(),
        "row_group": place.row_group,
        "column": place.column.as_deref(),
        "page": page,
        "offset": place.file_offset,
        "page_byte": place.page_byte,
        "what": finding.what,
        "first_row": rows.map(|rows| rows.start),
        "rows_lost": rows.map(|rows| rows.end - rows.start),
    })
}

fn status(report: &Report) -> &'static str {
    report.worst().map_or("clean", Severity::name)
}

fn report_json(
    name: &str,
    depth: Depth,
    report: &Report,
    rows: Option<u64>,
    findings: Vec<Value>,
) -> Value {
    json!({
        "file": name,
        "depth": depth_name(depth),
        "status": status(report),
        "rows": rows,
        "corrupt": report.corrupt,
        "wrong": report.wrong,
        "unverified": report.unverified,
        "column_chunks": report.chunks,
        "pages": report.pages,
        "checksums": report.checksums,
        "values": report.values,
        "claims": report.claims,
        "bloom_filters": report.bloom_filters,
        "bytes_read": report.bytes,
        "findings": findings,
    })
}

fn report_text(name: &str, depth: Depth, report: &Report, rows: Option<u64>) -> String {
    let mut looked = Vec::new();
    if let Some(rows) = rows {
        looked.push(paper::counted(rows, "row"));
    }
    if depth > Depth::Footer {
        looked.push(paper::counted(report.pages, "page"));
        looked.push(format!("{} with checksums", paper::grouped(report.checksums)));
    }
    if depth == Depth::Values {
        looked.push(paper::counted(report.values, "value"));
        looked.push(paper::counted(report.claims, "claim"));
        looked.push(paper::counted(report.bloom_filters, "bloom filter"));
    }
    let found =
        [(report.corrupt, "corrupt"), (report.wrong, "wrong"), (report.unverified, "not verified")];
    let found: Vec<String> = found
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{} {what}", paper::grouped(*count)))
        .collect();
    let found = if found.is_empty() { "clean".to_owned() } else { found.join(", ") };
    match looked.is_empty() {
        true => format!("{name}: {found}\n"),
        false => format!("{name}: {found} ({})\n", looked.join(", ")),
    }
}
