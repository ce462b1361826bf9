//! Values of one type: [`SliceMut`] while they are written, [`Slice`] once they are shared.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut, Range};

use bytemuck::Pod;

use super::{Buffer, BufferMut};
use crate::budget::Budget;
use crate::error::Result;

/// Shared values of one plain type, aligned for it.
///
/// ```
/// use millwork_codecs::buffer::Slice;
/// let values = Slice::<i64>::copy_of(&[1, 2, 3]);
/// assert_eq!(values.slice(1..3).unwrap()[..], [2, 3]);
/// ```
pub struct Slice<T> {
    buffer: Buffer,
    kind: PhantomData<T>,
}

impl<T: Pod> Slice<T> {
    /// No values.
    #[must_use]
    pub fn empty() -> Self {
        Self { buffer: Buffer::empty(), kind: PhantomData }
    }

    /// A copy of `values`, outside any budget.
    ///
    /// # Panics
    /// If the machine is out of memory.
    #[must_use]
    #[allow(clippy::panic, reason = "as Vec does: for small copies")]
    pub fn copy_of(values: &[T]) -> Self {
        match SliceMut::to_fill_unasked(values.len()) {
            Ok(mut copy) => {
                copy.copy_from_slice(values);
                copy.freeze()
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// `buffer` seen as values. `None` if it is misaligned for `T` or not a whole number of them.
    #[must_use]
    pub fn from_buffer(buffer: Buffer) -> Option<Self> {
        bytemuck::try_cast_slice::<u8, T>(&buffer).ok()?;
        Some(Self { buffer, kind: PhantomData })
    }

    /// The values.
    #[inline]
    #[must_use]
    pub fn as_slice(&self) -> &[T] {
        bytemuck::cast_slice(self.buffer.as_slice())
    }

    /// The piece `range` of these values, sharing the memory. `None` if it is out of bounds.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Option<Self> {
        let width = size_of::<T>();
        let bytes = range.start.checked_mul(width)?..range.end.checked_mul(width)?;
        Some(Self { buffer: self.buffer.slice(bytes)?, kind: PhantomData })
    }

    /// The bytes of the values.
    #[must_use]
    pub fn buffer(&self) -> &Buffer {
        &self.buffer
    }
}

impl<T> Clone for Slice<T> {
    fn clone(&self) -> Self {
        Self { buffer: self.buffer.clone(), kind: PhantomData }
    }
}

impl<T: Pod> Deref for Slice<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        self.as_slice()
    }
}

impl<T: Pod + fmt::Debug> fmt::Debug for Slice<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_slice().fmt(f)
    }
}

/// Values of one plain type being written by one owner.
///
/// Dereferences to the values in use; [`SliceMut::resize`], [`SliceMut::push`] and
/// [`SliceMut::extend_from_slice`] change how many those are.
pub struct SliceMut<T> {
    buffer: BufferMut,
    kind: PhantomData<T>,
}

impl<T: Pod> SliceMut<T> {
    /// `len` zeroed values, taken from `budget`.
    ///
    /// # Errors
    /// `OverBudget` or `OutOfMemory`.
    pub fn zeroed(len: usize, budget: &Budget) -> Result<Self> {
        let bytes = len.saturating_mul(size_of::<T>());
        Ok(Self { buffer: BufferMut::zeroed(bytes, budget)?, kind: PhantomData })
    }

    /// `len` zeroed values outside any budget: for the few kilobytes of a batch in flight.
    ///
    /// # Errors
    /// `OutOfMemory` if the machine refuses.
    pub fn scratch(len: usize) -> Result<Self> {
        let bytes = len.saturating_mul(size_of::<T>());
        Ok(Self { buffer: BufferMut::scratch(bytes)?, kind: PhantomData })
    }

    /// [`SliceMut::scratch`] for a caller that writes over all `len` values: those may be any.
    ///
    /// # Errors
    /// `OutOfMemory` if the machine refuses.
    pub fn to_fill(len: usize) -> Result<Self> {
        let bytes = len.saturating_mul(size_of::<T>());
        Ok(Self { buffer: BufferMut::to_fill(bytes)?, kind: PhantomData })
    }

    /// [`BufferMut::to_fill_unasked`] for values.
    ///
    /// # Errors
    /// `OutOfMemory` if the machine refuses.
    pub fn to_fill_unasked(len: usize) -> Result<Self> {
        let bytes = len.saturating_mul(size_of::<T>());
        Ok(Self { buffer: BufferMut::to_fill_unasked(bytes)?, kind: PhantomData })
    }

    /// Makes the slice `len` values long; new values are 0.
    ///
    /// # Errors
    /// `OverBudget` or `OutOfMemory`; the slice is unchanged then.
    pub fn resize(&mut self, len: usize) -> Result<()> {
        self.buffer.resize(len.saturating_mul(size_of::<T>()))
    }

    /// Adds one value at the end.
    ///
    /// # Errors
    /// `OverBudget` or `OutOfMemory`.
    pub fn push(&mut self, value: T) -> Result<()> {
        let len = self.len();
        self.resize(len + 1)?;
        self[len] = value;
        Ok(())
    }

    /// Adds `values` at the end.
    ///
    /// # Errors
    /// `OverBudget` or `OutOfMemory`.
    pub fn extend_from_slice(&mut self, values: &[T]) -> Result<()> {
        let len = self.len();
        self.resize(len + values.len())?;
        self[len..].copy_from_slice(values);
        Ok(())
    }

    /// Ends writing: the values become shareable and no longer change.
    #[must_use]
    pub fn freeze(self) -> Slice<T> {
        Slice { buffer: self.buffer.freeze(), kind: PhantomData }
    }
}

impl<T: Pod> Deref for SliceMut<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        self.buffer.typed()
    }
}

impl<T: Pod> DerefMut for SliceMut<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        self.buffer.typed_mut()
    }
}

impl<T: Pod + fmt::Debug> fmt::Debug for SliceMut<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_and_freezes() {
        let mut values = SliceMut::<i32>::scratch(0).unwrap();
        for value in 0..100 {
            values.push(value).unwrap();
        }
        values.extend_from_slice(&[7, 8]).unwrap();
        values.resize(101).unwrap();
        let frozen = values.freeze();
        assert_eq!((frozen.len(), frozen[99], frozen[100]), (101, 99, 7));
        assert!(frozen.slice(100..102).is_none());
    }

    #[test]
    fn a_misaligned_buffer_is_no_slice() {
        let buffer = Buffer::copy_of(&[0; 16], &Budget::unlimited()).unwrap();
        assert!(Slice::<i32>::from_buffer(buffer.slice(1..9).unwrap()).is_none());
        assert!(Slice::<i32>::from_buffer(buffer.slice(4..9).unwrap()).is_none());
        assert_eq!(Slice::<i32>::from_buffer(buffer.slice(4..12).unwrap()).unwrap().len(), 2);
    }
}
