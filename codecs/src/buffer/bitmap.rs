//! One bit a row: validity, booleans, masks. Least significant bit first, in words of 64.

use std::fmt;

use super::{Slice, SliceMut};
use crate::budget::Budget;
use crate::error::Result;

/// Shared bits, one a row, from bit 0 of word 0 on. Bits behind the length are 0.
///
/// ```
/// use millwork_codecs::buffer::Bitmap;
/// let bits = Bitmap::from_bools(&[true, false, true]);
/// assert_eq!((bits.len(), bits.count_ones(), bits.get(2)), (3, 2, true));
/// ```
#[derive(Clone)]
pub struct Bitmap {
    words: Slice<u64>,
    len: usize,
}

fn tail_mask(len: usize) -> u64 {
    if len.is_multiple_of(64) { u64::MAX } else { (1 << (len % 64)) - 1 }
}

impl Bitmap {
    /// The first `len` bits of `words`. `None` if there are fewer, or if a bit behind them is set.
    #[must_use]
    pub fn from_words(words: Slice<u64>, len: usize) -> Option<Self> {
        let words = words.slice(0..len.div_ceil(64))?;
        match words.last() {
            Some(last) if last & !tail_mask(len) != 0 => None,
            _ => Some(Self { words, len }),
        }
    }

    /// A copy of `bools`.
    #[must_use]
    pub fn from_bools(bools: &[bool]) -> Self {
        let mut words = vec![0u64; bools.len().div_ceil(64)];
        for (row, bit) in bools.iter().enumerate() {
            words[row / 64] |= u64::from(*bit) << (row % 64);
        }
        Self { words: Slice::copy_of(&words), len: bools.len() }
    }

    /// `len` bits, all equal to `bit`.
    #[must_use]
    pub fn filled(bit: bool, len: usize) -> Self {
        let mut words = vec![if bit { u64::MAX } else { 0 }; len.div_ceil(64)];
        if let Some(last) = words.last_mut() {
            *last &= tail_mask(len);
        }
        Self { words: Slice::copy_of(&words), len }
    }

    /// Bits.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bit `row`.
    ///
    /// # Panics
    /// If `row` is behind the length rounded up to 64.
    #[inline]
    #[must_use]
    pub fn get(&self, row: usize) -> bool {
        self.words[row / 64] >> (row % 64) & 1 == 1
    }

    /// The words; bits behind the length are 0.
    #[inline]
    #[must_use]
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// Bits that are 1.
    #[must_use]
    pub fn count_ones(&self) -> usize {
        self.words().iter().map(|word| word.count_ones() as usize).sum()
    }

    /// The rows whose bit is 1, ascending.
    pub fn ones(&self) -> impl Iterator<Item = usize> + '_ {
        self.words().iter().enumerate().flat_map(|(index, &word)| {
            let mut left = word;
            std::iter::from_fn(move || {
                (left != 0).then(|| {
                    let bit = left.trailing_zeros() as usize;
                    left &= left - 1;
                    index * 64 + bit
                })
            })
        })
    }
}

impl PartialEq for Bitmap {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.words() == other.words()
    }
}

impl Eq for Bitmap {}

impl fmt::Debug for Bitmap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bitmap(")?;
        for row in 0..self.len.min(128) {
            f.write_str(if self.get(row) { "1" } else { "0" })?;
        }
        f.write_str(if self.len > 128 { "..)" } else { ")" })
    }
}

/// Bits being appended by one owner.
#[derive(Debug)]
pub struct BitmapMut {
    words: SliceMut<u64>,
    len: usize,
}

impl BitmapMut {
    /// No bits, with room for `capacity` before memory has to be moved.
    ///
    /// # Errors
    /// `OutOfMemory` if the machine refuses.
    pub fn with_capacity(capacity: usize) -> Result<Self> {
        let mut words = SliceMut::scratch(capacity.div_ceil(64))?;
        words.resize(0)?;
        Ok(Self { words, len: 0 })
    }

    /// No bits, with room for `capacity` before memory has to be moved, all of it from `budget`.
    ///
    /// # Errors
    /// `OverBudget` if the budget refuses, `OutOfMemory` if the machine does.
    pub fn within(capacity: usize, budget: &Budget) -> Result<Self> {
        let mut words = SliceMut::zeroed(capacity.div_ceil(64), budget)?;
        words.resize(0)?;
        Ok(Self { words, len: 0 })
    }

    /// Bits so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The words so far; bits behind the length are 0.
    #[must_use]
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// Adds one bit.
    ///
    /// # Errors
    /// `OutOfMemory` if the machine refuses.
    pub fn push(&mut self, bit: bool) -> Result<()> {
        self.append_run(bit, 1)
    }

    /// Adds `count` bits equal to `bit`.
    ///
    /// # Errors
    /// `OutOfMemory` if the machine refuses.
    pub fn append_run(&mut self, bit: bool, count: usize) -> Result<()> {
        let start = self.len;
        let end = start + count;
        self.words.resize(end.div_ceil(64))?;
        self.len = end;
        if bit && count > 0 {
            let (first, last) = (start / 64, (end - 1) / 64);
            let head = u64::MAX << (start % 64);
            if first == last {
                self.words[first] |= head & tail_mask(end);
            } else {
                self.words[first] |= head;
                self.words[first + 1..last].fill(u64::MAX);
                self.words[last] |= tail_mask(end);
            }
        }
        Ok(())
    }

    /// Adds `count` bits of `words`, from bit `from` on.
    ///
    /// # Panics
    /// If `words` holds fewer than `from + count` bits.
    ///
    /// # Errors
    /// `OutOfMemory` if the machine refuses.
    pub fn append_words(&mut self, words: &[u64], from: usize, count: usize) -> Result<()> {
        assert!(from + count <= words.len() * 64, "bits {from}+{count} of {} words", words.len());
        self.words.resize((self.len + count).div_ceil(64))?;
        let whole = count / 64 * 64;
        let (first, shift) = (self.len / 64, self.len % 64);
        let source = |row: usize| {
            let (word, shift) = ((from + row) / 64, (from + row) % 64);
            if shift == 0 {
                words[word]
            } else {
                words[word] >> shift | words[word + 1] << (64 - shift)
            }
        };
        if shift == 0 {
            for (index, word) in self.words[first..first + whole / 64].iter_mut().enumerate() {
                *word = source(index * 64);
            }
        } else {
            let mut target = &mut self.words[first..];
            for row in (0..whole).step_by(64) {
                let bits = source(row);
                if let [low, high, ..] = target {
                    *low |= bits << shift;
                    *high = bits >> (64 - shift);
                }
                target = target.get_mut(1..).unwrap_or_default();
            }
        }
        let mut done = whole;
        while done < count {
            let (source, target) = (from + done, self.len + done);
            let take = (64 - source % 64).min(64 - target % 64).min(count - done);
            let bits = words[source / 64] >> (source % 64) & (u64::MAX >> (64 - take));
            self.words[target / 64] |= bits << (target % 64);
            done += take;
        }
        self.len += count;
        Ok(())
    }

    /// Ends writing.
    #[must_use]
    pub fn freeze(self) -> Bitmap {
        Bitmap { words: self.words.freeze(), len: self.len }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_and_copies_match_single_bits() {
        let pattern: Vec<bool> = (0..300).map(|row| row * 7 % 11 < 4).collect();
        let source = Bitmap::from_bools(&pattern);
        for start in [0, 1, 63, 64, 65, 100] {
            for from in [0, 1, 31, 64, 77] {
                for count in [0, 1, 2, 63, 64, 65, 128, 200] {
                    let mut bits = BitmapMut::with_capacity(8).unwrap();
                    bits.append_run(true, start).unwrap();
                    bits.append_words(source.words(), from, count).unwrap();
                    bits.append_run(false, 3).unwrap();
                    bits.append_run(true, 70).unwrap();
                    let mut expected = vec![true; start];
                    expected.extend_from_slice(&pattern[from..from + count]);
                    expected.extend_from_slice(&[false; 3]);
                    expected.extend_from_slice(&[true; 70]);
                    let bits = bits.freeze();
                    assert_eq!(bits, Bitmap::from_bools(&expected));
                    let ones: Vec<usize> =
                        (0..expected.len()).filter(|row| expected[*row]).collect();
                    assert_eq!(bits.ones().collect::<Vec<_>>(), ones);
                    assert_eq!(bits.count_ones(), ones.len());
                }
            }
        }
    }

    #[test]
    fn stray_bits_are_refused() {
        let words = Slice::copy_of(&[0b1011u64]);
        assert!(Bitmap::from_words(words.clone(), 3).is_none());
        assert_eq!(Bitmap::from_words(words, 4).unwrap().count_ones(), 3);
        assert_eq!(Bitmap::filled(true, 70).count_ones(), 70);
    }
}
