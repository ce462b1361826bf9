//! The levels of some rows of a leaf, as they are gathered page by page.

use std::ops::Range;

use millwork_codecs::buffer::Slice;

use crate::error::Result;
use crate::room::more_room;

/// Levels in order: shared with a page as long as they are one piece of it, copied from then on.
/// Where all are the same one they are not kept at all.
#[derive(Clone, Debug)]
pub(crate) struct LevelRun {
    usual: u8,
    len: usize,
    shared: Option<Slice<u8>>,
    /// All levels, if there are any here.
    own: Vec<u8>,
}

impl LevelRun {
    /// `len` levels, all of them `usual`.
    pub(crate) fn all_usual(usual: u8, len: usize) -> Self {
        Self { usual, len, shared: None, own: Vec::new() }
    }

    /// The levels `own`.
    pub(crate) fn of(usual: u8, own: Vec<u8>) -> Self {
        Self { usual, len: own.len(), shared: None, own }
    }

    /// Levels.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The level of every slot while there is no list of each.
    pub(crate) fn usual(&self) -> u8 {
        self.usual
    }

    /// The levels one by one; `None` if all are the usual one.
    pub(crate) fn each(&self) -> Option<&[u8]> {
        if self.own.is_empty() { self.shared.as_deref() } else { Some(&self.own) }
    }

    /// Adds the pieces `ranges` of a page's levels, which are `None` where all are usual.
    ///
    /// # Errors
    /// If memory is refused.
    pub(crate) fn append(
        &mut self,
        page: Option<&Slice<u8>>,
        ranges: &[Range<usize>],
    ) -> Result<()> {
        let more: usize = ranges.iter().map(ExactSizeIterator::len).sum();
        match (page, ranges) {
            _ if more == 0 => {}
            (None, _) if self.each().is_none() => {}
            (Some(levels), [range]) if self.len == 0 => self.shared = levels.slice(range.clone()),
            (levels, _) => {
                self.copy_out(more)?;
                match levels {
                    None => self.own.resize(self.len + more, self.usual),
                    Some(levels) => {
                        for range in ranges {
                            self.own.extend_from_slice(&levels[range.clone()]);
                        }
                    }
                }
            }
        }
        self.len += more;
        Ok(())
    }

    /// Makes the levels this run's own, with room for `more`.
    fn copy_out(&mut self, more: usize) -> Result<()> {
        if !self.own.is_empty() {
            return more_room(&mut self.own, more);
        }
        more_room(&mut self.own, self.len + more)?;
        match self.shared.take() {
            Some(levels) => self.own.extend_from_slice(&levels),
            None => self.own.resize(self.len, self.usual),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_pages_follow_one_another() {
        let page = Slice::copy_of(&[0u8, 1, 2, 3, 4]);
        let mut run = LevelRun::all_usual(7, 0);
        run.append(None, &[0..2, 5..5]).unwrap();
        assert_eq!((run.len(), run.each()), (2, None));
        run.append(Some(&page), &[0..1, 3..5]).unwrap();
        run.append(None, std::slice::from_ref(&(0..1))).unwrap();
        assert_eq!(run.each(), Some(&[7, 7, 0, 3, 4, 7][..]));
        let mut shared = LevelRun::all_usual(7, 0);
        shared.append(Some(&page), std::slice::from_ref(&(1..3))).unwrap();
        assert_eq!(shared.each(), Some(&[1, 2][..]));
        shared.append(Some(&page), std::slice::from_ref(&(0..1))).unwrap();
        assert_eq!((shared.len(), shared.each()), (3, Some(&[1, 2, 0][..])));
    }
}
