//! Lists: offsets into a child.

use std::ops::Range;
use std::sync::Arc;

use millwork_codecs::buffer::Slice;

use super::Vector;
use crate::error::{Error, Limit, Result};

/// Lists of a child: row `i` is rows `offsets[i]..offsets[i + 1]` of the child.
#[derive(Clone, Debug)]
pub struct List {
    offsets: Slice<i32>,
    child: Arc<Vector>,
}

impl List {
    /// Lists with the given `offsets` (one more than there are lists, ascending from 0).
    ///
    /// # Errors
    /// `Internal` if the offsets do not ascend from 0 or end behind the child.
    pub fn new(offsets: Slice<i32>, child: Vector) -> Result<Self> {
        let ascending = offsets.first() == Some(&0) && offsets.windows(2).all(|w| w[0] <= w[1]);
        let inside = offsets.last().is_some_and(|last| *last as usize <= child.len());
        if !ascending || !inside {
            return Err(Error::internal("list offsets must ascend from 0 and end in the child"));
        }
        Ok(Self { offsets, child: Arc::new(child) })
    }

    /// Behind `elements` elements, as an offset.
    ///
    /// # Errors
    /// `LimitExceeded` if there are more than a batch can hold.
    pub fn offset(elements: usize) -> Result<i32> {
        i32::try_from(elements).map_err(|_| {
            Error::limit(Limit::BatchBytes, "more than 2^31 list elements in one batch")
        })
    }

    /// Lists.
    #[must_use]
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One offset more than there are lists, ascending from 0.
    #[must_use]
    pub fn offsets(&self) -> &Slice<i32> {
        &self.offsets
    }

    /// The elements of all lists, one list after the other.
    #[must_use]
    pub fn child(&self) -> &Vector {
        &self.child
    }

    /// The rows of the child that are the elements of list `row`.
    ///
    /// # Panics
    /// If there is no such list.
    #[must_use]
    pub fn range(&self, row: usize) -> Range<usize> {
        let offsets = self.offsets.as_slice();
        offsets[row] as usize..offsets[row + 1] as usize
    }
}
