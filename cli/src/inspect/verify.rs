//! `verify`: whether files are what they say.
//!
//! In: files, a depth. Out: findings, and what was looked at, on standard output. The exit code is that of
//! the worst finding: 3 if rows cannot be read or verified, 1 if a claim is false, 0 if nothing was found; that of
//! the first file that is not there, or that the machine does not let read, comes before. What is wrong with one
//! file does not keep from looking at the next.

use std::ops::Range;

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
/// [`Failure::Findings`] if there is something to be found; [`Failure::Files`] for IO and memory.
pub fn run(arguments: &Verify) -> Result<()> {
    let depth = match (arguments.deep, arguments.cheap) {
        (true, _) => Depth::Values,
        (_, true) => Depth::Footer,
        _ => Depth::Pages,
    };
    let limits = arguments.reading.limits();
    let mut output = Output::stdout();
    let (mut is_found, mut is_unreadable, mut first_code) = (false, false, None);
    let mut failed = |failure: Failure, output: &mut Output| -> Result<()> {
        output.flush()?;
        failure.print();
        first_code.get_or_insert(failure.code());
        Ok(())
    };
    for input in inputs(&arguments.files) {
        let input = match input {
            Ok(input) => input,
            Err(failure) => {
                failed(failure, &mut output)?;
                continue;
            }
        };
        let mut told = Told::new(arguments.format);
        let name = source::name(&input);
        let mut rows = None;
        let verified = match source::open_file(&input, &limits) {
            Ok(file) => {
                let options = Options { depth, ..Options::default() };
                rows = Some(file.num_rows());
                verify(&file, &options, &mut |finding| told.finding(&finding, file.num_rows()))
            }
            Err(source::Unopened::File(error)) => match why_unopened(&error) {
                Some((severity, what)) => Ok(told.unopened(severity, &what, error.place(), &name)),
                None => Err(error),
            },
            Err(unopened) => {
                failed(unopened.into(), &mut output)?;
                continue;
            }
        };
        let (report, error) = match verified {
            Ok(report) => (report, None),
            // What was found before is told all the same.
            Err(error) => (told.so_far.clone(), Some(error)),
        };
        is_found |= report.worst().is_some();
        is_unreadable |= told.has_unread_rows;
        let text = match arguments.format {
            Shape::Json => {
                let mut value = report_json(&name, depth, &report, rows, told.findings);
                value["findings_left_out"] = json!(told.left_out);
                if let Some(error) = &error {
                    value["status"] = json!("unfinished");
                    value["error"] = json!(error.to_string());
                }
                format!("{value}\n")
            }
            Shape::Text => {
                let mut text = told.text;
                if told.left_out > 0 {
                    text += &format!("{} more are counted\n", paper::grouped(told.left_out));
                }
                if error.is_none() {
                    text += &report_text(&name, depth, &report, rows);
                }
                paper::visible_lines(&text).into_owned()
            }
        };
        output.write(text.as_bytes())?;
        if let Some(error) = error {
            failed(error.into(), &mut output)?;
        }
    }
    output.finish()?;
    match (first_code, is_found) {
        (Some(code), _) => Err(Failure::Files { code }),
        (None, true) => Err(Failure::Findings { is_unreadable }),
        (None, false) => Ok(()),
    }
}

/// What is said of one file, in the shape that was asked for.
struct Told {
    shape: Shape,
    text: String,
    findings: Vec<Value>,
    /// How many findings of each kind.
    so_far: Report,
    /// Whether rows cannot be read, or were not looked at. A claim that could not be verified is no such thing.
    has_unread_rows: bool,
    /// About the bytes of all that were found.
    bytes: usize,
    /// Findings that are only counted.
    left_out: u64,
}

/// Bytes of findings that are kept until the file is through; further ones are counted.
const MOST_BYTES: usize = 64 << 20;

/// Bytes of one beside its words: in a tree of JSON a key takes as much as its value.
const FINDING_BYTES: usize = 2 << 10;

impl Told {
    fn new(shape: Shape) -> Self {
        Self {
            shape,
            text: String::new(),
            findings: Vec::new(),
            so_far: Report::default(),
            has_unread_rows: false,
            bytes: 0,
            left_out: 0,
        }
    }

    fn finding(&mut self, finding: &Finding, file_rows: u64) {
        *match finding.severity {
            Severity::Corrupt => &mut self.so_far.corrupt,
            Severity::Wrong => &mut self.so_far.wrong,
            Severity::Unverified => &mut self.so_far.unverified,
        } += 1;
        self.has_unread_rows |= finding.severity == Severity::Corrupt
            || (finding.severity == Severity::Unverified && finding.rows.is_some());
        self.bytes += FINDING_BYTES + finding.what.len() + finding.place.to_string().len();
        if self.bytes > MOST_BYTES {
            self.left_out += 1;
            return;
        }
        match self.shape {
            Shape::Json => self.findings.push(finding_json(finding)),
            Shape::Text => self.text += &finding_text(finding, file_rows),
        }
    }

    /// A file of which nothing can be verified; answers the report of that.
    fn unopened(&mut self, severity: Severity, what: &str, place: &Place, name: &str) -> Report {
        self.has_unread_rows = true;
        let severity_name = severity.name();
        let place = Place { file: Some(name.into()), ..place.clone() };
        match self.shape {
            Shape::Json => {
                let page = json!(place.page);
                self.findings.push(finding_value(severity, "open", &place, &page, what, None));
            }
            Shape::Text => {
                let what = paper::visible(what);
                self.text += &format!("{severity_name}: open: {what}\n  --> {place}\n");
            }
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
        paper::visible(&finding.what),
        finding.place
    );
    if let Some(rows) = finding.rows.as_ref().filter(|rows| !rows.is_empty()) {
        let lost = rows.end - rows.start;
        let column = paper::visible(finding.place.column.as_deref().unwrap_or("?"));
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
    let page = match (finding.in_dictionary, finding.place.page) {
        (true, _) => json!("dictionary"),
        (false, page) => json!(page),
    };
    let (severity, check) = (finding.severity, finding.check.name());
    finding_value(severity, check, &finding.place, &page, &finding.what, finding.rows.as_ref())
}

fn finding_value(
    severity: Severity,
    check: &str,
    place: &Place,
    page: &Value,
    what: &str,
    rows: Option<&Range<u64>>,
) -> Value {
    let count = rows.map(|rows| rows.end - rows.start);
    let of = |this: Severity| count.filter(|_| severity == this);
    json!({
        "severity": severity.name(),
        "check": check,
        "row_group": place.row_group,
        "column": place.column.as_deref(),
        "page": page,
        "offset": place.file_offset,
        "page_byte": place.page_byte,
        "what": what,
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
    let name = paper::visible(name);
    let found = if found.is_empty() { "clean".to_owned() } else { found.join(", ") };
    if looked.is_empty() {
        return format!("{name}: {found}\n");
    }
    let passed = not_looked_at(depth).map(|what| format!("; {what} not looked at"));
    format!("{name}: {found} ({}{})\n", looked.join(", "), passed.unwrap_or_default())
}
