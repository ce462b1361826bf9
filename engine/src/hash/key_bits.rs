//! Which integers of a range are keys, a bit each: a join's answer to most rows, without its table.

use millwork_codecs::budget::{Budget, Reservation};

/// Bytes of bits for each key at most, beside [`FREE_BYTES`].
const MOST_BYTES_A_KEY: u64 = 16;
/// Bytes of bits that few keys may take, too.
const FREE_BYTES: u64 = 1 << 20;

/// A set of integers.
#[derive(Debug)]
pub struct KeyBits {
    least: i64,
    words: Vec<u64>,
    _reservation: Reservation,
}

impl KeyBits {
    /// The set of `keys`; `None` if they lie too far apart, or if `budget` has no room: who asks gets on
    /// without.
    #[must_use]
    pub fn of(keys: &[i64], budget: &Budget) -> Option<Self> {
        let least = keys.iter().copied().min().unwrap_or(0);
        let greatest = keys.iter().copied().max().unwrap_or(0);
        let range = greatest.abs_diff(least).checked_add(1)?;
        let bytes = range.div_ceil(64) * 8;
        if bytes > (keys.len() as u64 * MOST_BYTES_A_KEY).saturating_add(FREE_BYTES) {
            return None;
        }
        let reservation = budget.reserve(bytes).ok()?;
        let mut words = vec![0_u64; (bytes / 8) as usize];
        for key in keys {
            let place = key.abs_diff(least);
            words[(place / 64) as usize] |= 1 << (place % 64);
        }
        Some(Self { least, words, _reservation: reservation })
    }

    /// Whether `key` is one of them.
    #[inline]
    #[must_use]
    pub fn contains(&self, key: i64) -> bool {
        let place = key.wrapping_sub(self.least) as u64;
        let word = self.words.get((place / 64) as usize).copied().unwrap_or(0);
        word >> (place % 64) & 1 == 1
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn exactly_the_keys_are_in_it() {
        let budget = Budget::new(1 << 20);
        let keys = [-3, 64, 61, -3, 1000];
        let bits = KeyBits::of(&keys, &budget).unwrap();
        for key in -200..2000 {
            assert_eq!(bits.contains(key), keys.contains(&key), "{key}");
        }
        for key in [i64::MIN, i64::MAX, i64::MIN + 3, i64::MAX - 2] {
            assert!(!bits.contains(key));
        }
        drop(bits);
        assert_eq!(budget.reserved(), 0);
    }

    #[test]
    fn keys_at_the_ends_of_the_range_of_integers() {
        let budget = Budget::unlimited();
        let bits = KeyBits::of(&[i64::MAX, i64::MAX - 70], &budget).unwrap();
        assert!(bits.contains(i64::MAX) && bits.contains(i64::MAX - 70));
        assert!(!bits.contains(i64::MIN) && !bits.contains(i64::MAX - 1));
        assert!(!KeyBits::of(&[], &budget).unwrap().contains(1));
        // Too far apart; no room.
        assert!(KeyBits::of(&[i64::MIN, i64::MAX], &budget).is_none());
        assert!(KeyBits::of(&[1, 1 << 20], &Budget::new(1000)).is_none());
    }
}
