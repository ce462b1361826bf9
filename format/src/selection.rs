//! Which rows of a batch survive: all, a mask, or a list.
//!
//! A [`Selection`] chooses [`Selection::count`] of [`Selection::total`] rows, in order and each once. Kernels
//! are written for [`Selection::All`] and for masks; [`Selection::mask`] and [`Selection::rows`] convert.
//!
//! Invariant: counts are those of the bits, and lists ascend below the total. Masks and lists can only be
//! made by the functions here, which see to it.

use millwork_codecs::buffer::{Bitmap, BitmapMut, Slice, SliceMut};
use millwork_codecs::kernel::positions;

use crate::error::{Error, Result};

/// Sorted, unique row positions out of `0..total()`.
#[derive(Clone, Debug)]
pub enum Selection {
    /// Every row.
    All(usize),
    /// The rows whose bit is 1: [`Selection::from_bitmap`].
    #[non_exhaustive]
    Mask {
        /// One bit a row.
        bits: Bitmap,
        /// Bits that are 1.
        count: usize,
    },
    /// The rows listed, ascending, each once: [`Selection::from_rows`].
    #[non_exhaustive]
    Rows {
        /// Row positions.
        rows: Slice<u32>,
        /// Rows chosen from.
        total: usize,
    },
}

impl Selection {
    /// The rows whose bit is 1.
    #[must_use]
    pub fn from_bitmap(bits: Bitmap) -> Self {
        let count = bits.count_ones();
        if count == bits.len() { Self::All(count) } else { Self::Mask { bits, count } }
    }

    /// The rows listed, out of `total`.
    ///
    /// # Errors
    /// `Internal` if they are not ascending, unique and below `total`.
    pub fn from_rows(rows: Slice<u32>, total: usize) -> Result<Self> {
        let ascending = rows.windows(2).all(|pair| pair[0] < pair[1]);
        let inside = rows.last().is_none_or(|last| (*last as usize) < total);
        if !ascending || !inside {
            let what = format!("a selection whose rows do not ascend below {total}");
            return Err(Error::internal(what));
        }
        Ok(Self::Rows { rows, total })
    }

    /// Rows chosen from.
    #[must_use]
    pub fn total(&self) -> usize {
        match self {
            Self::All(total) | Self::Rows { total, .. } => *total,
            Self::Mask { bits, .. } => bits.len(),
        }
    }

    /// Rows chosen.
    #[must_use]
    pub fn count(&self) -> usize {
        match self {
            Self::All(total) => *total,
            Self::Mask { count, .. } => *count,
            Self::Rows { rows, .. } => rows.len(),
        }
    }

    /// Whether no row is chosen.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.count() == 0
    }

    /// Whether every row is chosen.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.count() == self.total()
    }

    /// The chosen rows as a bitmap of [`Selection::total`] bits.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "a selection is of the rows of one batch")]
    pub fn mask(&self) -> Bitmap {
        match self {
            Self::All(total) => Bitmap::filled(true, *total),
            Self::Mask { bits, .. } => bits.clone(),
            Self::Rows { rows, total } => {
                let mut words = vec![0u64; total.div_ceil(64)];
                for row in rows.iter() {
                    words[*row as usize / 64] |= 1 << (row % 64);
                }
                Bitmap::from_words(Slice::copy_of(&words), *total)
                    .unwrap_or_else(|| Bitmap::filled(false, *total))
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
            Self::All(total) => *total,
            Self::Mask { count, .. } => *count,
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
        Ok(Self::Rows { rows: Slice::copy_of(&kept), total: self.total() })
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
        if let Self::All(total) = self
            && count <= total / 32
        {
            let mut rows = SliceMut::to_fill(count)?;
            rows.iter_mut().zip(0..).for_each(|(slot, row)| *slot = row);
            return Ok(Self::Rows { rows: rows.freeze(), total: *total });
        }
        let mut bits = BitmapMut::with_capacity(self.count())?;
        bits.append_run(true, count)?;
        bits.append_run(false, self.count() - count)?;
        self.refine(&Self::Mask { bits: bits.freeze(), count })
    }
}

impl PartialEq for Selection {
    fn eq(&self, other: &Self) -> bool {
        self.total() == other.total() && self.mask() == other.mask()
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
            assert_eq!((refined.total(), refined.count()), (6, 2));
            assert_eq!(selection.first(1).unwrap().rows()[..], [0]);
        }
        assert_eq!(Selection::All(4).refine(&inner).unwrap(), inner);
        assert!(Selection::from_rows(Slice::copy_of(&[1, 1]), 4).is_err());
        assert!(Selection::from_rows(Slice::copy_of(&[4]), 4).is_err());
    }
}
