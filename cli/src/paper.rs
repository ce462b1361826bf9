//! Sizes, shares and aligned lines, for people.

use std::borrow::Cow;

use crate::width;

/// Bytes as `512 B`, `1.5 kB`, `2.1 MB`: powers of 1,000.
pub fn bytes(count: u64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 999.95 && unit + 1 < units.len() {
        value /= 1e3;
        unit += 1;
    }
    let unit_name = units.get(unit).copied().unwrap_or_default();
    if unit == 0 { format!("{count} B") } else { format!("{value:.1} {unit_name}") }
}

/// Digits in groups of three: `4 218 903`.
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// `count` and `noun`, with an `s` unless it is one.
pub fn counted(count: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// Whether a terminal would obey `letter` rather than show it: control characters, and those that turn the
/// direction of text.
pub fn is_obeyed(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `text` with the letters that a terminal would obey as `\u{1b}`.
pub fn visible(text: &str) -> Cow<'_, str> {
    escaped(text, is_obeyed)
}

/// The same of whole lines: the breaks between them stay.
pub fn visible_lines(text: &str) -> Cow<'_, str> {
    escaped(text, |letter| letter != '\n' && is_obeyed(letter))
}

fn escaped(text: &str, must: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&must) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        if must(letter) {
            shown.extend(letter.escape_unicode());
        } else {
            shown.push(letter);
        }
    }
    Cow::Owned(shown)
}

/// A bar of at most `width` columns for a share from 0 to 1.
pub fn bar(share: f64, width: usize) -> String {
    let eighths = (share.clamp(0.0, 1.0) * width as f64 * 8.0).round() as usize;
    let rest =
        ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"].get(eighths % 8).copied().unwrap_or_default();
    format!("{}{rest}", "█".repeat(eighths / 8))
}

/// Widest cell that the others of its column are filled up to: one file may have a name of a megabyte.
const WIDEST: usize = 120;

/// Lines of cells, each column as wide as its widest cell up to [`WIDEST`], two spaces between; columns
/// named in `right` are right-aligned. Cells are made [`visible`].
pub fn aligned<const COLUMNS: usize>(rows: &[[String; COLUMNS]], right: &[usize]) -> String {
    let mut widths = [0; COLUMNS];
    let rows: Vec<[Cow<'_, str>; COLUMNS]> =
        rows.iter().map(|row| row.each_ref().map(|cell| visible(cell))).collect();
    for row in &rows {
        for (wanted, cell) in widths.iter_mut().zip(row) {
            *wanted = width::of(cell).min(WIDEST).max(*wanted);
        }
    }
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (at, (cell, wanted)) in row.iter().zip(&widths).enumerate() {
            let padding = " ".repeat(wanted.saturating_sub(width::of(cell)));
            let (before, after) =
                if right.contains(&at) { (&*padding, "") } else { ("", &*padding) };
            line.push_str(&format!("{before}{cell}{after}  "));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        for (count, expected) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (1_500_000, "1.5 MB"),
            (999_950, "1.0 MB"),
        ] {
            assert_eq!(bytes(count), expected);
        }
        assert_eq!(grouped(4_218_903), "4 218 903");
        assert_eq!(grouped(12), "12");
        assert_eq!(counted(1, "row"), "1 row");
        assert_eq!(bar(0.5, 4), "██");
        assert_eq!(bar(0.0, 4), "");
        assert_eq!(visible("a\u{1b}[2J\n\u{202e}ä"), "a\\u{1b}[2J\\u{a}\\u{202e}ä");
        assert_eq!(visible_lines("a\r\nb"), "a\\u{d}\nb");
        let rows = [["a", "1"], ["bcd", "22"]].map(|row| row.map(str::to_owned));
        assert_eq!(aligned(&rows, &[1]), "a     1\nbcd  22\n");
    }
}
