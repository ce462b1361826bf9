//! `did you mean`: the nearest of the names that exist.

/// The name nearest to `wanted`, if one is near: at most a third of its letters differ.
pub fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let limit = wanted.chars().count() / 3;
    names
        .map(|name| (distance(wanted, name), name))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Letters to insert, delete, replace or swap with their neighbour, in any case.
fn distance(left: &str, right: &str) -> usize {
    let letters = |text: &str| -> Vec<char> {
        text.chars().take(64).map(|letter| letter.to_ascii_lowercase()).collect()
    };
    let (left, right) = (letters(left), letters(right));
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, &a) in left.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, &b) in right.iter().enumerate() {
            let mut cost = (row[j] + usize::from(a != b)).min(row[j + 1] + 1).min(next[j] + 1);
            if i > 0 && j > 0 && a == right[j - 1] && left[i - 1] == b {
                cost = cost.min(before[j - 1] + 1);
            }
            next.push(cost);
        }
        before = std::mem::replace(&mut row, next);
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn the_nearest_name_is_found_and_far_ones_are_not() {
        let names = || ["l_orderkey", "l_partkey", "l_quantity"].into_iter();
        assert_eq!(nearest("l_quantiy", names()), Some("l_quantity"));
        assert_eq!(nearest("L_ORDREKEY", names()), Some("l_orderkey"));
        assert_eq!(nearest("price", names()), None);
    }
}
