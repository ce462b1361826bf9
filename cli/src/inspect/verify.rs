//! `verify`: whether files are what they say.
//!
//! In: files, a depth. Out: findings, and what was looked at, on standard output. The exit code is that of
//! the worst finding: 3 if rows cannot be read or verified, 1 if a claim is false, 0 if nothing was found. What
//! is wrong with one file does not keep from looking at the next.

use millwork_format::ErrorKind;
use millwork_format::error::{Feature, Limit, Place};
use millwork_format::verify::{Depth, Finding, Options, Report, Severity, verify};
use serde_json::{Value, json};

use crate::arguments::{Shape, Verify};
use crate::failure::{Failure, Result};
use crate::output::{Output, Sink as _};
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
    let (mut is_found, mut is_unreadable) = (false, false);
    for input in inputs(&arguments.files)? {
        let mut told = Told { shape: arguments.format, text: String::new(), findings: Vec::new() };
        let name = source::name(&input);
        let verified = match source::open_file(&input, &limits) {
            Ok(file) => {
                let (options, rows) = (Options { depth, ..Options::default() }, file.num_rows());
                let report = verify(&file, &options, &mut |finding| told.finding(&finding, rows));
                report.map(|report| (report, Some(rows)))
            }
            Err(source::Unopened::File(error)) => match why_unopened(&error) {
                Some((severity, what)) => {
                    Ok((told.unopened(severity, &what, error.place(), &name), None))
                }
                None => Err(error),
            },
            Err(unopened) => return Err(unopened.into()),
        };
        let (report, rows) = match verified {
            Ok(verified) => verified,
            Err(error) => {
                // What was found before is not lost.
                output.write(told.text.as_bytes())?;
                output.finish()?;
                return Err(error.into());
            }
        };
        is_found |= report.worst().is_some();
        is_unreadable |= report.corrupt + report.unverified > 0;
        let text = match arguments.format {
            Shape::Json => format!("{}\n", report_json(&name, depth, &report, rows, told.findings)),
            Shape::Text => {
                let text = told.text + &report_text(&name, depth, &report, rows);
                paper::visible_lines(&text).into_owned()
            }
        };
        output.write(text.as_bytes())?;
    }
    output.finish()?;
    match is_found {
        false => Ok(()),
        true => Err(Failure::Findings { is_unreadable }),
    }
}

/// What is said of one file, in the shape that was asked for.
struct Told {
    shape: Shape,
    text: String,
    findings: Vec<Value>,
}

impl Told {
    fn finding(&mut self, finding: &Finding, file_rows: u64) {
        match self.shape {
            Shape::Json => self.findings.push(finding_json(finding)),
            Shape::Text => self.text += &finding_text(finding, file_rows),
        }
    }

    /// A file of which nothing can be verified; answers the report of that.
    fn unopened(&mut self, severity: Severity, what: &str, place: &Place, name: &str) -> Report {
        let severity_name = severity.name();
        let place = Place { file: Some(name.into()), ..place.clone() };
        match self.shape {
            Shape::Json => self.findings.push(json!({
                "severity": severity_name,
                "check": "open",
                "offset": place.file_offset,
                "what": what,
            })),
            Shape::Text => self.text += &format!("{severity_name}: open: {what}\n  --> {place}\n"),
        }
        match severity {
            Severity::Unverified => Report { unverified: 1, ..Report::default() },
            _ => Report { corrupt: 1, ..Report::default() },
        }
    }
}

/// What it means that a file does not open, if that is about the file, and not about the machine.
fn why_unopened(error: &millwork_format::Error) -> Option<(Severity, String)> {
    let what = error.what().to_owned();
    match error.kind() {
        ErrorKind::Unsupported(Feature::Encryption) | ErrorKind::Crypto => {
            let what = "the file is encrypted: it cannot be verified without a key".to_owned();
            Some((Severity::Unverified, what))
        }
        ErrorKind::Corrupt | ErrorKind::Truncated => Some((Severity::Corrupt, what)),
        ErrorKind::LimitExceeded(Limit::Memory) => None,
        ErrorKind::Unsupported(_) | ErrorKind::LimitExceeded(_) => {
            Some((Severity::Unverified, what))
        }
        _ => None,
    }
}

fn depth_name(depth: Depth) -> &'static str {
    match depth {
        Depth::Footer => "cheap",
        Depth::Pages => "pages",
        Depth::Values => "deep",
    }
}

/// What a depth passes over.
fn not_looked_at(depth: Depth) -> Option<&'static str> {
    match depth {
        Depth::Footer => Some("pages"),
        Depth::Pages => Some("values"),
        Depth::Values => None,
    }
}

fn finding_text(finding: &Finding, file_rows: u64) -> String {
    let mut text = format!(
        "{}: {}: {}\n  --> {}\n",
        finding.severity.name(),
        finding.check.name(),
        finding.what,
        finding.place
    );
    if let Some(rows) = finding.rows.as_ref().filter(|rows| !rows.is_empty()) {
        let lost = rows.end - rows.start;
        let column = finding.place.column.as_deref().unwrap_or("?");
        let are = match finding.severity {
            Severity::Unverified => "are not verified",
            _ => "are lost",
        };
        text += &format!(
            "   = rows {} .. {} of column \"{column}\" {are} ({} of {})\n",
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
    let count = rows.map(|rows| rows.end - rows.start);
    let of = |severity: Severity| count.filter(|_| finding.severity == severity);
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
        "rows_lost": of(Severity::Corrupt),
        "rows_not_verified": of(Severity::Unverified),
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
        "not_looked_at": not_looked_at(depth),
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
    if looked.is_empty() {
        return format!("{name}: {found}\n");
    }
    let passed = not_looked_at(depth).map(|what| format!("; {what} not looked at"));
    format!("{name}: {found} ({}{})\n", looked.join(", "), passed.unwrap_or_default())
}
