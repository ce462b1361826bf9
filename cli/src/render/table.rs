//! Aligned columns: boxes for a terminal, or Markdown.
//!
//! In: batches. Out: a header with names and types, the rows, and how many they were. Widths come
//! from the first [`MEASURED_ROWS`] rows, or fewer where those take [`WAITING_BYTES`], so that a long result
//! streams: later cells are cut to fit. Of a value only what can be shown becomes text. Invariant: every line
//! of a box has the same width.

use std::borrow::Cow;

use millwork_format::batch::Batch;
use millwork_format::record::text;
use millwork_format::schema::unique_names;
use millwork_format::types::{DataType, Field};
use millwork_format::vector::Cell;

use super::Renderer;
use crate::failure::{Failure, Result};
use crate::output::Sink;
use crate::paper;
use crate::width;

/// Rows that are looked at before the first is printed.
const MEASURED_ROWS: usize = 1_000;
/// Memory of rows that wait until the widths are known.
const WAITING_BYTES: usize = 8 << 20;
/// The widest cell.
const CELL_WIDTH: usize = 64;
/// The widest cell of a box of one column, which takes nothing from others.
const LONE_WIDTH: usize = 16 << 10;
/// The longest cell of Markdown, where nothing is cut.
const MARKDOWN_BYTES: usize = 4 << 20;
/// Cells of Markdown are padded up to that.
const MARKDOWN_WIDTH: usize = 1_000;
/// Bytes that a column of a terminal may have: letters with what is drawn over them.
const BYTES_OF_WIDTH: usize = 16;
/// No column is squeezed below this.
const NARROWEST: usize = 8;

/// Renders results as tables.
pub struct Table {
    style: Style,
    columns: Vec<Column>,
    waiting: Vec<Vec<String>>,
    waiting_bytes: usize,
    is_open: bool,
    rows: u64,
}

enum Style {
    Boxed { terminal: Option<usize> },
    Markdown,
}

struct Column {
    name: String,
    data_type: DataType,
    is_right: bool,
    width: usize,
}

impl Table {
    /// Boxes, not wider than `terminal` if that can be done.
    pub fn boxed(terminal: Option<usize>) -> Self {
        Self::of(Style::Boxed { terminal })
    }

    /// A table of Markdown; cells are not cut.
    pub fn markdown() -> Self {
        Self::of(Style::Markdown)
    }

    fn of(style: Style) -> Self {
        Self {
            style,
            columns: Vec::new(),
            waiting: Vec::new(),
            waiting_bytes: 0,
            is_open: false,
            rows: 0,
        }
    }

    /// Fixes the widths, prints the header and the rows that wait.
    fn open(&mut self, out: &mut dyn Sink) -> Result<()> {
        self.is_open = true;
        self.waiting_bytes = 0;
        let waiting = std::mem::take(&mut self.waiting);
        for (at, column) in self.columns.iter_mut().enumerate() {
            let cells = waiting.iter().filter_map(|row| row.get(at)).map(|cell| width::of(cell));
            let header = width::of(&column.name).max(match self.style {
                Style::Boxed { .. } => width::of(&one_line(&column.data_type.to_string())),
                Style::Markdown => 3,
            });
            column.width = cells.max().unwrap_or(0).max(header);
        }
        let widest = self.widest();
        for column in &mut self.columns {
            column.width = column.width.min(widest);
        }
        if let Style::Boxed { terminal: Some(terminal) } = self.style {
            squeeze(&mut self.columns, terminal);
        }
        self.header(out)?;
        for row in &waiting {
            self.row(row, out)?;
        }
        Ok(())
    }

    /// The widest that a column becomes. One column alone (as of EXPLAIN) takes nothing from others.
    fn widest(&self) -> usize {
        match self.style {
            Style::Markdown => MARKDOWN_WIDTH,
            Style::Boxed { .. } if self.columns.len() > 1 => CELL_WIDTH,
            Style::Boxed { .. } => LONE_WIDTH,
        }
    }

    /// The text of a cell on one line, as much of it as can be shown.
    fn cell(&self, column: &Column, cell: Cell<'_>) -> Result<String> {
        let most_bytes = match self.style {
            Style::Markdown => MARKDOWN_BYTES,
            Style::Boxed { .. } => self.widest() * BYTES_OF_WIDTH,
        };
        let mut text = String::new();
        let is_whole = text::write_beginning(&column.data_type, cell, most_bytes, &mut text);
        match self.style {
            Style::Markdown if is_whole => Ok(escaped(&one_line(&text))),
            Style::Markdown => Err(too_long(column)),
            Style::Boxed { .. } => {
                let cut = if is_whole { "" } else { "…" };
                Ok(width::truncated(&(one_line(&text) + cut), self.widest()))
            }
        }
    }

    fn header(&self, out: &mut dyn Sink) -> Result<()> {
        let names: Vec<String> = self.columns.iter().map(|column| column.name.clone()).collect();
        match self.style {
            Style::Boxed { .. } => {
                let types: Vec<String> = self
                    .columns
                    .iter()
                    .map(|column| one_line(&column.data_type.to_string()))
                    .collect();
                self.rule(['┌', '┬', '┐'], out)?;
                self.row(&names, out)?;
                self.row(&types, out)?;
                self.rule(['├', '┼', '┤'], out)
            }
            Style::Markdown => {
                let names: Vec<String> = names.iter().map(|name| escaped(name)).collect();
                self.row(&names, out)?;
                for column in &self.columns {
                    let dashes = "-".repeat(column.width + 1);
                    let end = if column.is_right { ":" } else { "-" };
                    push(out, &format!("|{dashes}{end}"))?;
                }
                push(out, "|\n")
            }
        }
    }

    fn rule(&self, [left, middle, right]: [char; 3], out: &mut dyn Sink) -> Result<()> {
        let parts: Vec<String> =
            self.columns.iter().map(|column| "─".repeat(column.width + 2)).collect();
        push(out, &format!("{left}{}{right}\n", parts.join(&middle.to_string())))
    }

    fn row(&self, cells: &[String], out: &mut dyn Sink) -> Result<()> {
        let bar = if matches!(self.style, Style::Boxed { .. }) { "│" } else { "|" };
        for (column, cell) in self.columns.iter().zip(cells) {
            let text = match self.style {
                Style::Boxed { .. } => Cow::Owned(width::truncated(cell, column.width)),
                Style::Markdown => Cow::Borrowed(&**cell),
            };
            let padding = " ".repeat(column.width.saturating_sub(width::of(&text)));
            let (before, after) = if column.is_right { (&*padding, "") } else { ("", &*padding) };
            for part in [bar, " ", before, &text, after, " "] {
                push(out, part)?;
            }
        }
        push(out, bar)?;
        push(out, "\n")
    }
}

/// What there is no room for in a table of Markdown.
fn too_long(column: &Column) -> Failure {
    let most = paper::bytes(MARKDOWN_BYTES as u64);
    let what = format!("a value of {} has more than {most} of text", column.name);
    Failure::limit(what).hint("--format csv, json and jsonl have values of any length")
}

impl Renderer for Table {
    fn begin(&mut self, fields: &[Field], _out: &mut dyn Sink) -> Result<()> {
        let names = unique_names(fields.iter().map(|field| &*field.name));
        self.columns = fields
            .iter()
            .zip(names)
            .map(|(field, name)| Column {
                name: one_line(&name),
                data_type: field.data_type.clone(),
                is_right: is_number(&field.data_type),
                width: 0,
            })
            .collect();
        (self.is_open, self.rows) = (false, 0);
        Ok(())
    }

    fn batch(&mut self, batch: &Batch, out: &mut dyn Sink) -> Result<()> {
        for row in batch.selection().rows().iter() {
            let mut cells = Vec::with_capacity(self.columns.len());
            for (column, vector) in self.columns.iter().zip(batch.columns()) {
                cells.push(self.cell(column, vector.cell(*row as usize))?);
            }
            self.rows += 1;
            if self.is_open {
                self.row(&cells, out)?;
                continue;
            }
            let bytes = cells.iter().map(|cell| cell.capacity() + size_of::<String>());
            self.waiting_bytes += bytes.sum::<usize>();
            self.waiting.push(cells);
            if self.waiting.len() == MEASURED_ROWS || self.waiting_bytes >= WAITING_BYTES {
                self.open(out)?;
            }
        }
        Ok(())
    }

    fn give_up(&mut self, out: &mut dyn Sink) -> Result<()> {
        if self.waiting.is_empty() { Ok(()) } else { self.open(out) }
    }

    fn end(&mut self, out: &mut dyn Sink) -> Result<()> {
        if !self.is_open {
            self.open(out)?;
        }
        if let Style::Boxed { .. } = self.style {
            self.rule(['└', '┴', '┘'], out)?;
            let rows = if self.rows == 1 { "row" } else { "rows" };
            push(out, &format!("{} {rows}\n", self.rows))?;
        }
        Ok(())
    }
}

/// Takes from the widest columns, one after the other, until the box fits or every column is narrow.
fn squeeze(columns: &mut [Column], terminal: usize) {
    let room = terminal.saturating_sub(3 * columns.len() + 1);
    let total =
        |most: usize| -> usize { columns.iter().map(|column| column.width.min(most)).sum() };
    let widest = columns.iter().map(|column| column.width).max().unwrap_or(0);
    // The greatest width to which all can be cut so that the box fits.
    let (mut fits, mut exceeds) = (NARROWEST, widest + 1);
    while fits + 1 < exceeds {
        let middle = fits.midpoint(exceeds);
        if total(middle) <= room { fits = middle } else { exceeds = middle }
    }
    let mut left = room.saturating_sub(total(fits));
    for column in columns.iter_mut().filter(|column| column.width > fits) {
        column.width = fits + usize::from(left > 0);
        left = left.saturating_sub(1);
    }
}

fn is_number(data_type: &DataType) -> bool {
    use DataType as T;
    matches!(
        data_type,
        T::Int8
            | T::Int16
            | T::Int32
            | T::Int64
            | T::Int128
            | T::UInt8
            | T::UInt16
            | T::UInt32
            | T::UInt64
            | T::Float16
            | T::Float32
            | T::Float64
            | T::Decimal { .. }
    )
}

/// Line breaks and other control characters as one visible character each.
fn one_line(text: &str) -> String {
    if !text.contains(paper::is_obeyed) {
        return text.to_owned();
    }
    let visible = |c: char| match c {
        '\n' => '⏎',
        c if u32::from(c) < 0x20 => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
        c if paper::is_obeyed(c) => '\u{fffd}',
        c => c,
    };
    text.chars().map(visible).collect()
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('|', "\\|")
}

fn push(out: &mut dyn Sink, text: &str) -> Result<()> {
    out.write(text.as_bytes())
}

#[cfg(test)]
mod tests;
