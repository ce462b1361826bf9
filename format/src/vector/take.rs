//! Picking rows out of a vector.

use std::sync::Arc;

use bytemuck::Pod;
use millwork_codecs::buffer::{Bitmap, BitmapMut, BufferMut, Slice, SliceMut};

use super::dictionary::with_codes;
use super::{Codes, Data, List, Vector, Views, with_plain};
use crate::error::{Error, Result};
use crate::selection::Selection;

impl Vector {
    /// The rows that `selection` chooses, in order.
    ///
    /// # Errors
    /// `Internal` if it is a selection over another number of rows; or if memory is refused.
    pub fn select(&self, selection: &Selection) -> Result<Self> {
        if selection.total() != self.len() {
            return Err(Error::internal(format!(
                "a selection over {} rows of a vector of {}",
                selection.total(),
                self.len()
            )));
        }
        match selection {
            Selection::All(_) => Ok(self.clone()),
            _ => self.take(&selection.rows()),
        }
    }

    /// The rows listed, in the order listed; a row may be listed more than once.
    ///
    /// # Panics
    /// If a row is not below [`Vector::len`].
    ///
    /// # Errors
    /// If memory is refused.
    pub fn take(&self, rows: &[u32]) -> Result<Self> {
        let len = rows.len();
        let validity = match self.validity() {
            Some(bits) => Some(take_bits(bits, rows)?),
            None => None,
        };
        let data = match self.data() {
            Data::Null => Data::Null,
            Data::Boolean(bits) => Data::Boolean(take_bits(bits, rows)?),
            Data::Fixed { width_bytes, bytes } => {
                let width = *width_bytes;
                let mut taken = BufferMut::scratch(len.saturating_mul(width))?;
                let target = taken.as_mut_slice();
                for (slot, row) in target.chunks_exact_mut(width).zip(rows) {
                    slot.copy_from_slice(&bytes.as_slice()[*row as usize * width..][..width]);
                }
                Data::Fixed { width_bytes: width, bytes: taken.freeze() }
            }
            Data::Views(views) => Data::Views(Views::new(
                take_plain(views.views(), rows)?,
                Arc::clone(views.buffers()),
            )),
            Data::Dictionary(codes, dictionary) => {
                let codes: Codes =
                    with_codes!(codes, |codes, rebuild| rebuild(take_plain(codes, rows)?));
                Data::Dictionary(codes, Arc::clone(dictionary))
            }
            Data::Constant(inner) => Data::Constant(Arc::clone(inner)),
            Data::List(list) => Data::List(take_lists(list, rows)?),
            Data::Struct(children) => {
                let taken: Result<Vec<Self>> =
                    children.iter().map(|child| child.take(rows)).collect();
                Data::Struct(taken?.into())
            }
            plain => with_plain!(
                plain,
                |values, rebuild| rebuild(take_plain(values, rows)?),
                else return Err(Error::internal("data without rows"))
            ),
        };
        Self::new(data, validity, len)
    }

    /// Rows `start..end`, in order.
    ///
    /// # Panics
    /// If `end` is behind [`Vector::len`].
    ///
    /// # Errors
    /// If memory is refused.
    pub fn slice(&self, start: usize, end: usize) -> Result<Self> {
        if start == 0 && end == self.len() {
            return Ok(self.clone());
        }
        let rows: Vec<u32> = (start as u32..end as u32).collect();
        self.take(&rows)
    }
}

fn take_plain<T: Pod>(values: &[T], rows: &[u32]) -> Result<Slice<T>> {
    let mut taken = SliceMut::scratch(rows.len())?;
    let target: &mut [T] = &mut taken;
    for (slot, row) in target.iter_mut().zip(rows) {
        *slot = values[*row as usize];
    }
    Ok(taken.freeze())
}

fn take_bits(bits: &Bitmap, rows: &[u32]) -> Result<Bitmap> {
    let mut taken = BitmapMut::with_capacity(rows.len())?;
    for chunk in rows.chunks(64) {
        let mut word = 0u64;
        for (position, row) in chunk.iter().enumerate() {
            word |= u64::from(bits.get(*row as usize)) << position;
        }
        taken.append_words(&[word], 0, chunk.len())?;
    }
    Ok(taken.freeze())
}

/// Rows may be listed any number of times: what that comes to is known before anything is copied.
fn take_lists(list: &List, rows: &[u32]) -> Result<List> {
    let mut offsets = SliceMut::<i32>::scratch(rows.len() + 1)?;
    let mut end = 0u64;
    for (row, offset) in rows.iter().zip(offsets.iter_mut().skip(1)) {
        end += list.range(*row as usize).len() as u64;
        *offset = List::offset(usize::try_from(end).unwrap_or(usize::MAX))?;
    }
    let mut elements = SliceMut::<u32>::to_fill(end as usize)?;
    let mut rest: &mut [u32] = &mut elements;
    for row in rows {
        let range = list.range(*row as usize);
        let (own, behind) = rest.split_at_mut(range.len());
        own.iter_mut().zip(range).for_each(|(slot, element)| *slot = element as u32);
        rest = behind;
    }
    List::new(offsets.freeze(), list.child().take(&elements)?)
}
