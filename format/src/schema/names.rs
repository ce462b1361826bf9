//! Names of columns: made unique, and found again when they were misspelt.
//!
//! In: names as files have them. Out: unique ones; the nearest one.

use std::collections::HashMap;

/// `names` in order; one that was there before, in either case of ASCII letters, gets the first of
/// `_1`, `_2`, .. that is free.
///
/// ```
/// use millwork_format::schema::unique_names;
/// assert_eq!(unique_names(["a", "b", "a", "A"]), ["a", "b", "a_1", "A_2"]);
/// ```
pub fn unique_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    // Of each name in small letters the last suffix that was tried behind it.
    let mut suffixes: HashMap<String, usize> = HashMap::new();
    let mut unique = Vec::new();
    for name in names {
        let mut free = name.to_string();
        let small = name.to_ascii_lowercase();
        if let Some(mut suffix) = suffixes.get(&small).copied() {
            while suffixes.contains_key(&free.to_ascii_lowercase()) {
                suffix += 1;
                free = format!("{name}_{suffix}");
            }
            suffixes.insert(small, suffix);
        }
        suffixes.insert(free.to_ascii_lowercase(), 0);
        unique.push(free);
    }
    unique
}

/// The one of `names` that is most like `name`, regardless of case; `None` if none is like it: at most
/// a third of its letters, but at least one, may have to be changed, added, removed or swapped; two of four
/// where the first is the same.
///
/// ```
/// use millwork_format::schema::closest;
/// assert_eq!(closest("vendr", ["trip", "vendor", "fare"]), Some("vendor"));
/// assert_eq!(closest("fair", ["trip", "vendor", "fare"]), Some("fare"));
/// assert_eq!(closest("x", ["trip", "vendor"]), None);
/// ```
pub fn closest<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    /// Beyond that many letters nobody misspells a name, and comparing takes long.
    const MAX_LETTERS: usize = 128;
    let wanted: Vec<char> = name.to_lowercase().chars().take(MAX_LETTERS).collect();
    let allowed = |letters: &[char]| match letters.first() == wanted.first() {
        true => (wanted.len() / 3).max((wanted.len() / 2).min(2)),
        false => wanted.len() / 3,
    };
    names
        .into_iter()
        .filter_map(|name| {
            let letters: Vec<char> = name.to_lowercase().chars().take(MAX_LETTERS).collect();
            let allowed = allowed(&letters).max(1);
            if letters.len().abs_diff(wanted.len()) > allowed {
                return None;
            }
            let edits = edits(&wanted, &letters);
            (edits <= allowed && edits < wanted.len()).then_some((edits, name))
        })
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, name)| name)
}

/// Letters to change, add, remove or swap with their neighbour to make `to` of `from`.
fn edits(from: &[char], to: &[char]) -> usize {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for (i, letter) in from.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, other) in to.iter().enumerate() {
            let changed = last[j] + usize::from(letter != other);
            let mut fewest = changed.min(last[j + 1] + 1).min(row[j] + 1);
            let swapped = i > 0 && j > 0 && from[i - 1] == *other && to[j - 1] == *letter;
            if swapped {
                fewest = fewest.min(before_last[j - 1] + 1);
            }
            row.push(fewest);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(0)
}
