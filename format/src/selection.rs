//! Which rows of a batch survive: all, a mask, or a list.
//!
//! A [`Selection`] is sorted and unique and knows its count. Kernels are written for [`Selection::All`]
//! and for masks; [`Selection::mask`] and [`Selection::rows`] convert.

use millwork_codecs::buffer::{Bitmap, BitmapMut, Slice, SliceMut};
use millwork_codecs::kernel::positions;

use crate::error::Result;

/// Sorted, unique row positions out of `0..len()`.
#[derive(Clone, Debug)]
pub enum Selection {
    /// Every row.
    All(usize),
    /// The rows whose bit is 1.
    Mask {
        /// One bit a row.
        bits: Bitmap,
        /// Bits that are 1.
        count: usize,
    },
    /// The rows listed, ascending, each once.
    Rows {
        /// Row positions.
        rows: Slice<u32>,
        /// Rows chosen from.
        len: usize,
    },
}

impl Selection {
    /// The rows whose bit is 1.
    #[must_use]
    pub fn from_bitmap(bits: Bitmap) -> Self {
        let count = bits.count_ones();
        if count == bits.len() { Self::All(count) } else { Self::Mask { bits, count } }
    }

    /// The rows listed, out of `len`. `None` if they are not ascending, unique and below `len`.
    #[must_use]
    pub fn from_rows(rows: Slice<u32>, len: usize) -> Option<Self> {
        let ascending = rows.windows(2).all(|pair| pair[0] < pair[1]);
        let inside = rows.last().is_none_or(|last| (*last as usize) < len);
        (ascending && inside).then_some(Self::Rows { rows, len })
    }

    /// Rows chosen from.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::All(len) | Self::Rows { len, .. } => *len,
            Self::Mask { bits, .. } => bits.len(),
        }
    }

    /// Rows chosen.
    #[must_use]
    pub fn count(&self) -> usize {
        match self {
            Self::All(len) => *len,
            Self::Mask { count, .. } => *count,
            Self::Rows { rows, .. } => rows.len(),
        }
    }

    /// Whether no row is chosen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// Whether every row is chosen.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.count() == self.len()
    }

    /// The chosen rows as a bitmap of [`Selection::len`] bits.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "a selection is of the rows of one batch")]
    pub fn mask(&self) -> Bitmap {
        match self {
            Self::All(len) => Bitmap::filled(true, *len),
            Self::Mask { bits, .. } => bits.clone(),
            Self::Rows { rows, len } => {
                let mut words = vec![0u64; len.div_ceil(64)];
                for row in rows.iter() {
                    words[*row as usize / 64] |= 1 << (row % 64);
                }
                Bitmap::from_words(Slice::copy_of(&words), *len)
                    .unwrap_or_else(|| Bitmap::filled(false, *len))
            }
        }
    }

    /// The chosen rows, ascending.
    ///
    /// # Panics
    /// If the machine is out of memory.
    #[must_use]
    #[allow(clippy::panic, reason = "as Slice::copy_of does: for the rows of a batch")]
    pub fn rows(&self) -> Slice<u32> {
        let count = match self {
            Self::All(len) => *len,
            Self::Mask { bits, .. } => bits.count_ones(),
            Self::Rows { rows, .. } => return rows.clone(),
        };
        let mut rows = match SliceMut::to_fill_unasked(count) {
            Ok(rows) => rows,
            Err(error) => panic!("{error}"),
        };
        match self {
            Self::Mask { bits, .. } => {
                positions(bits.words(), bits.len(), &mut rows);
            }
            _ => rows.iter_mut().zip(0..).for_each(|(slot, row)| *slot = row),
        }
        rows.freeze()
    }

    /// Of the rows chosen here, those that `inner` (a selection of the chosen rows, in order) keeps.
    ///
    /// # Errors
    /// If memory is refused.
    pub fn refine(&self, inner: &Self) -> Result<Self> {
        if inner.is_all() {
            return Ok(self.clone());
        }
        if let Self::All(_) = self {
            return Ok(inner.clone());
        }
        let outer = self.rows();
        let kept: Vec<u32> = match inner {
            Self::Mask { bits, .. } => bits.ones().map(|position| outer[position]).collect(),
            _ => inner.rows().iter().map(|position| outer[*position as usize]).collect(),
        };
        Ok(Self::Rows { rows: Slice::copy_of(&kept), len: self.len() })
    }

    /// The first `count` of the rows chosen.
    ///
    /// # Errors
    /// If memory is refused.
    pub fn first(&self, count: usize) -> Result<Self> {
        if count >= self.count() {
            return Ok(self.clone());
        }
        // The shorter of the two: a row of a list, or a bit of a mask for each row.
        if let Self::All(len) = self
            && count <= len / 32
        {
            let mut rows = SliceMut::to_fill(count)?;
            rows.iter_mut().zip(0..).for_each(|(slot, row)| *slot = row);
            return Ok(Self::Rows { rows: rows.freeze(), len: *len });
        }
        let mut bits = BitmapMut::with_capacity(self.count())?;
        bits.append_run(true, count)?;
        bits.append_run(false, self.count() - count)?;
        self.refine(&Self::Mask { bits: bits.freeze(), count })
    }
}

impl PartialEq for Selection {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.mask() == other.mask()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_agree_and_refine_composes() {
        let outer = Bitmap::from_bools(&[true, false, true, true, false, true]);
        let inner = Selection::from_bitmap(Bitmap::from_bools(&[false, true, true, false]));
        let mask = Selection::from_bitmap(outer.clone());
        let rows = Selection::from_rows(mask.rows(), 6).unwrap();
        assert_eq!(mask, rows);
        for selection in [mask, rows] {
            let refined = selection.refine(&inner).unwrap();
            assert_eq!(refined.rows()[..], [2, 3]);
            assert_eq!((refined.len(), refined.count()), (6, 2));
            assert_eq!(selection.first(1).unwrap().rows()[..], [0]);
        }
        assert_eq!(Selection::All(4).refine(&inner).unwrap(), inner);
        assert!(Selection::from_rows(Slice::copy_of(&[1, 1]), 4).is_none());
        assert!(Selection::from_rows(Slice::copy_of(&[4]), 4).is_none());
    }
}
