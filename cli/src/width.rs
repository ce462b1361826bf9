//! Columns that text takes on a terminal.
//!
//! In: characters. Out: 0 for combining marks, 2 for East Asian wide ones and most pictures, else 1.

/// Ranges of characters that are drawn over the one before.
const COMBINING: [(u32, u32); 6] = [
    (0x0300, 0x036F),
    (0x1AB0, 0x1AFF),
    (0x1DC0, 0x1DFF),
    (0x200B, 0x200F),
    (0x20D0, 0x20FF),
    (0xFE00, 0xFE0F),
];

/// Ranges of characters that take two columns.
const WIDE: [(u32, u32); 9] = [
    (0x1100, 0x115F),
    (0x2E80, 0x303E),
    (0x3041, 0xA4CF),
    (0xAC00, 0xD7A3),
    (0xF900, 0xFAFF),
    (0xFE30, 0xFE6F),
    (0xFF00, 0xFF60),
    (0x1F300, 0x1FAFF),
    (0x20000, 0x3FFFD),
];

/// Columns of one character.
pub fn of_char(character: char) -> usize {
    let code = u32::from(character);
    let within =
        |ranges: &[(u32, u32)]| ranges.iter().any(|(from, to)| (*from..=*to).contains(&code));
    match code {
        0..0x300 => 1,
        _ if within(&COMBINING) => 0,
        _ if within(&WIDE) => 2,
        _ => 1,
    }
}

/// Columns of `text`.
pub fn of(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.chars().map(of_char).sum() }
}

/// `text` cut to `limit` columns, `…` in the place of what is cut off.
pub fn truncated(text: &str, limit: usize) -> String {
    if of(text) <= limit {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut taken = 0;
    for character in text.chars() {
        taken += of_char(character);
        if taken > limit.saturating_sub(1) {
            break;
        }
        kept.push(character);
    }
    kept.push('…');
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_those_of_terminals() {
        for (text, expected) in [("abc", 3), ("äöü", 3), ("日本", 4), ("e\u{301}", 1), ("🚀", 2)]
        {
            assert_eq!(of(text), expected, "{text}");
        }
        assert_eq!(truncated("abcdef", 4), "abc…");
        assert_eq!(truncated("日本語", 4), "日…");
        assert_eq!(truncated("abcd", 4), "abcd");
    }
}
