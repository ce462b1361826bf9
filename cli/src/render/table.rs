//! Aligned columns: boxes for a terminal, or Markdown.
//!
//! In: batches. Out: a header with names and types, the rows, and how many they were. Widths come
//! from the first [`MEASURED_ROWS`] rows, so that a long result streams: later cells are cut to fit.
//! Invariant: every line of a box has the same width.

use millwork_format::batch::Batch;
use millwork_format::record::text;
use millwork_format::schema::unique_names;
use millwork_format::types::{DataType, Field};

use super::Renderer;
use crate::failure::Result;
use crate::width;

/// Rows that are looked at before the first is printed.
const MEASURED_ROWS: usize = 1_000;
/// The widest cell.
const CELL_WIDTH: usize = 64;
/// No column is squeezed below this.
const NARROWEST: usize = 8;

/// Renders results as tables.
pub struct Table {
    style: Style,
    columns: Vec<Column>,
    waiting: Vec<Vec<String>>,
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
        Self { style, columns: Vec::new(), waiting: Vec::new(), is_open: false, rows: 0 }
    }

    /// Fixes the widths, prints the header and the rows that wait.
    fn open(&mut self, out: &mut Vec<u8>) {
        self.is_open = true;
        let waiting = std::mem::take(&mut self.waiting);
        for (at, column) in self.columns.iter_mut().enumerate() {
            let cells = waiting.iter().filter_map(|row| row.get(at)).map(|cell| width::of(cell));
            let header = width::of(&column.name).max(match self.style {
                Style::Boxed { .. } => width::of(&column.data_type.to_string()),
                Style::Markdown => 3,
            });
            column.width = cells.max().unwrap_or(0).max(header);
        }
        if let Style::Boxed { terminal } = self.style {
            // One column alone (as of EXPLAIN) takes nothing from others.
            if self.columns.len() > 1 {
                for column in &mut self.columns {
                    column.width = column.width.min(CELL_WIDTH);
                }
            }
            if let Some(terminal) = terminal {
                squeeze(&mut self.columns, terminal);
            }
        }
        self.header(out);
        for row in &waiting {
            self.row(row, out);
        }
    }

    fn header(&self, out: &mut Vec<u8>) {
        let names: Vec<String> = self.columns.iter().map(|column| column.name.clone()).collect();
        match self.style {
            Style::Boxed { .. } => {
                let types: Vec<String> =
                    self.columns.iter().map(|column| column.data_type.to_string()).collect();
                self.rule(['┌', '┬', '┐'], out);
                self.row(&names, out);
                self.row(&types, out);
                self.rule(['├', '┼', '┤'], out);
            }
            Style::Markdown => {
                let names: Vec<String> = names.iter().map(|name| escaped(name)).collect();
                self.row(&names, out);
                for column in &self.columns {
                    let dashes = "-".repeat(column.width + 1);
                    let end = if column.is_right { ":" } else { "-" };
                    push(out, &format!("|{dashes}{end}"));
                }
                push(out, "|\n");
            }
        }
    }

    fn rule(&self, [left, middle, right]: [char; 3], out: &mut Vec<u8>) {
        let parts: Vec<String> =
            self.columns.iter().map(|column| "─".repeat(column.width + 2)).collect();
        push(out, &format!("{left}{}{right}\n", parts.join(&middle.to_string())));
    }

    fn row(&self, cells: &[String], out: &mut Vec<u8>) {
        let bar = if matches!(self.style, Style::Boxed { .. }) { "│" } else { "|" };
        for (column, cell) in self.columns.iter().zip(cells) {
            let text = match self.style {
                Style::Boxed { .. } => width::truncated(cell, column.width),
                Style::Markdown => cell.clone(),
            };
            let padding = " ".repeat(column.width.saturating_sub(width::of(&text)));
            let (before, after) = if column.is_right { (&*padding, "") } else { ("", &*padding) };
            push(out, &format!("{bar} {before}{text}{after} "));
        }
        push(out, &format!("{bar}\n"));
    }
}

impl Renderer for Table {
    fn begin(&mut self, fields: &[Field], _out: &mut Vec<u8>) -> Result<()> {
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

    fn batch(&mut self, batch: &Batch, out: &mut Vec<u8>) -> Result<()> {
        for row in batch.selection().rows().iter() {
            let mut cells = Vec::with_capacity(self.columns.len());
            for (column, vector) in self.columns.iter().zip(batch.columns()) {
                let mut text = String::new();
                text::write_value(&column.data_type, vector.cell(*row as usize), &mut text);
                let text = one_line(&text);
                cells.push(match self.style {
                    Style::Boxed { .. } => text,
                    Style::Markdown => escaped(&text),
                });
            }
            self.rows += 1;
            if self.is_open {
                self.row(&cells, out);
            } else {
                self.waiting.push(cells);
                if self.waiting.len() == MEASURED_ROWS {
                    self.open(out);
                }
            }
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        if !self.is_open {
            self.open(out);
        }
        if let Style::Boxed { .. } = self.style {
            self.rule(['└', '┴', '┘'], out);
            let rows = if self.rows == 1 { "row" } else { "rows" };
            push(out, &format!("{} {rows}\n", self.rows));
        }
    }
}

/// Takes from the widest column until the box fits, or every column is narrow.
fn squeeze(columns: &mut [Column], terminal: usize) {
    let borders = 3 * columns.len() + 1;
    loop {
        let total: usize = columns.iter().map(|column| column.width).sum();
        let excess = (total + borders).saturating_sub(terminal);
        let widest = columns.iter_mut().max_by_key(|column| column.width);
        match widest {
            Some(widest) if excess > 0 && widest.width > NARROWEST => widest.width -= 1,
            _ => return,
        }
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
    if !text.contains(|c: char| c.is_control()) {
        return text.to_owned();
    }
    let visible = |c: char| match c {
        '\n' => '⏎',
        c if u32::from(c) < 0x20 => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
        c if c.is_control() => '\u{fffd}',
        c => c,
    };
    text.chars().map(visible).collect()
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('|', "\\|")
}

fn push(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests;
