//! Aligned bytes: [`BufferMut`] while they are written, [`Buffer`] once they are shared.

use std::cell::RefCell;
use std::fmt;
use std::ops::{Deref, Range, RangeInclusive};
use std::sync::{Arc, OnceLock};

use bytemuck::{Pod, Zeroable};

use crate::budget::{Budget, Reservation};
use crate::error::{DecodeError, DecodeErrorKind, Result};

/// Readable bytes behind the length of every allocation.
pub const PADDING: usize = 64;

/// The unit of allocation: one cache line.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C, align(64))]
struct Line([u8; 64]);

struct Allocation {
    lines: Box<[Line]>,
    /// Held for its drop, which gives the bytes back.
    reservation: Option<Reservation>,
}

impl Drop for Allocation {
    fn drop(&mut self) {
        if self.reservation.is_none() {
            spare(std::mem::take(&mut self.lines));
        }
    }
}

thread_local! {
    /// Memory of vectors that were dropped on this thread, for the next ones: a megabyte at most.
    /// The machine's own way takes about as long as decoding what goes there.
    static SPARE: RefCell<Vec<Box<[Line]>>> = const { RefCell::new(Vec::new()) };
}

/// Lines of an allocation that is kept: of vectors of a batch, not of pages.
const SPARE_LINES: RangeInclusive<usize> = 32..=2060;

/// Allocations that a thread keeps.
const SPARES: usize = 8;

/// Keeps `lines` for later, if they are of a usual size and there is room.
fn spare(lines: Box<[Line]>) {
    if SPARE_LINES.contains(&lines.len()) {
        // A thread that ends keeps nothing.
        let _ = SPARE.try_with(|spare| {
            if let Ok(mut spare) = spare.try_borrow_mut()
                && spare.len() < SPARES
            {
                spare.push(lines);
            }
        });
    }
}

/// Kept memory of `count` lines, whatever is in it.
fn take_spare(count: usize) -> Option<Box<[Line]>> {
    if !SPARE_LINES.contains(&count) {
        return None;
    }
    let take = |spare: &RefCell<Vec<Box<[Line]>>>| {
        let mut spare = spare.try_borrow_mut().ok()?;
        let index = spare.iter().position(|lines| lines.len() == count)?;
        Some(spare.swap_remove(index))
    };
    SPARE.try_with(take).ok().flatten()
}

/// Bytes being written by one owner, zeroed at first; [`BufferMut::freeze`] makes them shareable.
///
/// ```
/// use millwork_codecs::buffer::BufferMut;
/// use millwork_codecs::budget::Budget;
/// let mut bytes = BufferMut::zeroed(8, &Budget::unlimited()).unwrap();
/// bytes.typed_mut::<u32>()[1] = 7;
/// assert_eq!(bytes.freeze().as_slice(), [0, 0, 0, 0, 7, 0, 0, 0]);
/// ```
pub struct BufferMut {
    lines: Box<[Line]>,
    len: usize,
    reservation: Option<Reservation>,
}

/// Bytes from which on a buffer outside any budget is none of the usual ones of a batch.
pub const LARGE_BYTES: usize = 256 << 10;

/// What a buffer outside any budget takes from the account around this thread.
fn reserve_large(len: usize) -> Result<Option<Reservation>> {
    if len < LARGE_BYTES {
        return Ok(None);
    }
    let refused = |_| DecodeError::new(DecodeErrorKind::OverBudget { requested: len as u64 }, 0);
    Budget::reserve_around((len as u64).saturating_add(PADDING as u64)).map_err(refused)
}

/// Lines of an allocation of `len` bytes and their padding.
fn lines_for(len: usize) -> usize {
    len.saturating_add(PADDING).div_ceil(64)
}

fn allocate(len: usize) -> Result<Box<[Line]>> {
    let refused = || DecodeError::new(DecodeErrorKind::OutOfMemory { requested: len as u64 }, 0);
    let padded = len.checked_add(PADDING).ok_or_else(refused)?;
    bytemuck::allocation::try_zeroed_slice_box(padded.div_ceil(64)).map_err(|()| refused())
}

impl BufferMut {
    /// `len` zeroed bytes, taken from `budget`.
    ///
    /// # Errors
    /// `OverBudget` if the budget refuses, `OutOfMemory` if the machine does.
    pub fn zeroed(len: usize, budget: &Budget) -> Result<Self> {
        let refused =
            |_| DecodeError::new(DecodeErrorKind::OverBudget { requested: len as u64 }, 0);
        let reservation =
            budget.reserve((len as u64).saturating_add(PADDING as u64)).map_err(refused)?;
        Ok(Self { lines: allocate(len)?, len, reservation: Some(reservation) })
    }

    /// `len` zeroed bytes outside any budget, for the few kilobytes of a batch in flight; from [`LARGE_BYTES`] on
    /// from the account [around](Budget::around) the thread, if there is one.
    ///
    /// # Errors
    /// `OutOfMemory` if the machine refuses, `OverBudget` if that account does.
    pub fn scratch(len: usize) -> Result<Self> {
        let reservation = reserve_large(len)?;
        let lines = match take_spare(lines_for(len)) {
            Some(mut stale) => {
                stale.fill(Line([0; 64]));
                stale
            }
            None => allocate(len)?,
        };
        Ok(Self { lines, len, reservation })
    }

    /// [`BufferMut::scratch`] for a caller that writes over all `len` bytes: those may be left over
    /// from a buffer that this thread dropped.
    ///
    /// # Errors
    /// As [`BufferMut::scratch`].
    pub fn to_fill(len: usize) -> Result<Self> {
        let reservation = reserve_large(len)?;
        Ok(Self { reservation, ..Self::to_fill_unasked(len)? })
    }

    /// [`BufferMut::to_fill`] that no account around the thread is asked for, however large it is: for callers
    /// that have no error to give.
    ///
    /// # Errors
    /// `OutOfMemory` if the machine refuses.
    pub fn to_fill_unasked(len: usize) -> Result<Self> {
        let lines = match take_spare(lines_for(len)) {
            Some(stale) => stale,
            None => allocate(len)?,
        };
        #[cfg_attr(
            not(debug_assertions),
            expect(unused_mut, reason = "it is only filled for tests")
        )]
        let mut made = Self { lines, len, reservation: None };
        // What a caller leaves out is no zero that happens to be right.
        #[cfg(debug_assertions)]
        made.lines.fill(Line([0xa5; 64]));
        Ok(made)
    }

    /// Bytes in use.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no byte is in use.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.lines)[..self.len]
    }

    /// The bytes, to write.
    #[must_use]
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        &mut bytemuck::cast_slice_mut(&mut self.lines)[..self.len]
    }

    /// The bytes as whole values of `T`; a rest too short for one is left out.
    #[must_use]
    pub fn typed<T: Pod>(&self) -> &[T] {
        let whole = self.len - self.len % size_of::<T>();
        bytemuck::cast_slice(&self.as_slice()[..whole])
    }

    /// The bytes as whole values of `T`, to write; a rest too short for one is left out.
    #[must_use]
    pub fn typed_mut<T: Pod>(&mut self) -> &mut [T] {
        let whole = self.len - self.len % size_of::<T>();
        bytemuck::cast_slice_mut(&mut self.as_mut_slice()[..whole])
    }

    /// Bytes that fit before memory has to be moved.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.lines.len() * 64 - PADDING
    }

    /// Makes the buffer `len` bytes long; new bytes are 0. Growing beyond the capacity moves it to
    /// an allocation of at least twice the size.
    ///
    /// # Errors
    /// `OverBudget` or `OutOfMemory`; the buffer is unchanged then.
    pub fn resize(&mut self, len: usize) -> Result<()> {
        if len > self.capacity() {
            let larger = len.max(self.capacity().saturating_mul(2));
            let lines = self.reserve_and_allocate(larger)?;
            let before = std::mem::replace(&mut self.lines, lines);
            let used: &[u8] = &bytemuck::cast_slice(&before)[..self.len];
            let room: &mut [u8] = bytemuck::cast_slice_mut(&mut self.lines);
            room[..self.len].copy_from_slice(used);
        } else {
            // What is given up is zeroed as well: it may come back.
            let changed = len.min(self.len)..len.max(self.len);
            let all: &mut [u8] = bytemuck::cast_slice_mut(&mut self.lines);
            all[changed].fill(0);
        }
        self.len = len;
        Ok(())
    }

    /// Zeroed lines for `len` bytes, which are reserved from now on; nothing is changed by an error.
    fn reserve_and_allocate(&mut self, len: usize) -> Result<Box<[Line]>> {
        let Some(reservation) = &mut self.reservation else {
            let reservation = reserve_large(len)?;
            let lines = allocate(len)?;
            self.reservation = reservation;
            return Ok(lines);
        };
        let refused =
            |_| DecodeError::new(DecodeErrorKind::OverBudget { requested: len as u64 }, 0);
        let before = reservation.bytes();
        reservation.resize((len as u64).saturating_add(PADDING as u64)).map_err(refused)?;
        allocate(len).inspect_err(|_| {
            // To give back is never refused.
            let _ = reservation.resize(before);
        })
    }

    /// Ends writing: the bytes become shareable and no longer change.
    #[must_use]
    pub fn freeze(self) -> Buffer {
        Buffer {
            allocation: Arc::new(Allocation { lines: self.lines, reservation: self.reservation }),
            start: 0,
            len: self.len,
        }
    }
}

impl fmt::Debug for BufferMut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BufferMut({} bytes)", self.len)
    }
}

/// Shared bytes that no longer change: a reference-counted allocation and a range of it.
#[derive(Clone)]
pub struct Buffer {
    allocation: Arc<Allocation>,
    start: usize,
    len: usize,
}

impl Buffer {
    /// No bytes, without allocating.
    #[must_use]
    pub fn empty() -> Self {
        static EMPTY: OnceLock<Arc<Allocation>> = OnceLock::new();
        let allocation = EMPTY.get_or_init(|| {
            Arc::new(Allocation { lines: Box::new([Line([0; 64])]), reservation: None })
        });
        Self { allocation: Arc::clone(allocation), start: 0, len: 0 }
    }

    /// A copy of `bytes`, taken from `budget`.
    ///
    /// # Errors
    /// `OverBudget` or `OutOfMemory`.
    pub fn copy_of(bytes: &[u8], budget: &Budget) -> Result<Self> {
        let requested = bytes.len() as u64;
        let refused = |_| DecodeError::new(DecodeErrorKind::OverBudget { requested }, 0);
        let reservation =
            budget.reserve(requested.saturating_add(PADDING as u64)).map_err(refused)?;
        Self::copied(bytes, Some(reservation))
    }

    /// A copy of `bytes` outside any budget: for the few kilobytes of a batch in flight.
    ///
    /// # Errors
    /// As [`BufferMut::scratch`].
    pub fn scratch_copy_of(bytes: &[u8]) -> Result<Self> {
        Self::copied(bytes, reserve_large(bytes.len())?)
    }

    /// Each byte is written once: nothing is zeroed only to be written over.
    fn copied(bytes: &[u8], reservation: Option<Reservation>) -> Result<Self> {
        let requested = bytes.len() as u64;
        let refused = |_| DecodeError::new(DecodeErrorKind::OutOfMemory { requested }, 0);
        let count = bytes.len().saturating_add(PADDING).div_ceil(64);
        let mut lines = Vec::new();
        lines.try_reserve_exact(count).map_err(refused)?;
        let (whole, rest) = bytes.as_chunks::<64>();
        lines.extend(whole.iter().map(|line| Line(*line)));
        let mut last = Line([0; 64]);
        last.0[..rest.len()].copy_from_slice(rest);
        lines.push(last);
        lines.resize(count, Line([0; 64]));
        Ok(Self {
            allocation: Arc::new(Allocation { lines: lines.into_boxed_slice(), reservation }),
            start: 0,
            len: bytes.len(),
        })
    }

    /// The bytes.
    #[inline]
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.allocation.lines)[self.start..self.start + self.len]
    }

    /// The bytes, for kernels that read up to [`PADDING`] bytes past the end.
    #[inline]
    #[must_use]
    pub fn padded(&self) -> Padded<'_> {
        let all: &[u8] = bytemuck::cast_slice(&self.allocation.lines);
        Padded { bytes: &all[self.start..], len: self.len }
    }

    /// The piece `range` of these bytes, sharing the allocation. `None` if it is out of bounds.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Option<Self> {
        if range.start > range.end || range.end > self.len {
            return None;
        }
        Some(Self {
            allocation: Arc::clone(&self.allocation),
            start: self.start + range.start,
            len: range.end - range.start,
        })
    }

    /// Bytes of the whole allocation this keeps alive.
    #[must_use]
    pub fn allocated_bytes(&self) -> usize {
        self.allocation.lines.len() * 64
    }

    /// Whether its allocation is reserved from an account.
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        self.allocation.reservation.is_some()
    }

    /// Whether both are the same bytes of the same allocation.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.allocation, &other.allocation)
            && self.start == other.start
            && self.len == other.len
    }
}

impl Deref for Buffer {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffer({} bytes)", self.len)
    }
}

/// Bytes followed by at least [`PADDING`] readable ones. Only [`Buffer`] makes these.
#[derive(Clone, Copy, Debug)]
pub struct Padded<'a> {
    /// The bytes and the whole rest of the allocation.
    bytes: &'a [u8],
    len: usize,
}

impl<'a> Padded<'a> {
    /// The bytes without the padding.
    #[inline]
    #[must_use]
    pub fn as_slice(self) -> &'a [u8] {
        &self.bytes[..self.len]
    }

    /// The bytes with all that is readable behind them: at least [`PADDING`] more.
    #[inline]
    #[must_use]
    pub fn with_padding(self) -> &'a [u8] {
        self.bytes
    }

    /// Bytes, without the padding.
    #[inline]
    #[must_use]
    pub fn len(self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[inline]
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len == 0
    }

    /// The piece from byte `start` on. `None` if that is behind the end.
    #[inline]
    #[must_use]
    pub fn tail(self, start: usize) -> Option<Self> {
        let len = self.len.checked_sub(start)?;
        Some(Self { bytes: &self.bytes[start..], len })
    }

    /// The first `len` bytes. `None` if there are fewer.
    #[inline]
    #[must_use]
    pub fn head(self, len: usize) -> Option<Self> {
        (len <= self.len).then_some(Self { bytes: self.bytes, len })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allocations_are_aligned_and_padded() {
        for len in [0, 1, 63, 64, 65, 4096] {
            let buffer = BufferMut::scratch(len).unwrap().freeze();
            assert_eq!(buffer.as_ptr() as usize % 64, 0);
            assert_eq!(buffer.len(), len);
            assert!(buffer.padded().with_padding().len() >= len + PADDING);
        }
        assert!(Buffer::empty().padded().with_padding().len() >= PADDING);
    }

    #[test]
    fn memory_returns_to_the_budget_with_the_last_piece() {
        let budget = Budget::new(1000);
        let buffer = Buffer::copy_of(b"page bytes", &budget).unwrap();
        let piece = buffer.slice(5..10).unwrap();
        drop(buffer);
        assert!(budget.reserved() > 0);
        assert_eq!(&*piece, b"bytes");
        assert!(piece.slice(2..6).is_none());
        drop(piece);
        assert_eq!(budget.reserved(), 0);
    }

    #[test]
    fn copies_of_every_length_are_padded_with_zeros() {
        let bytes: Vec<u8> = (1..=255).collect();
        for len in 0..=bytes.len() {
            let copy = Buffer::scratch_copy_of(&bytes[..len]).unwrap();
            assert_eq!(&*copy, &bytes[..len]);
            let all = copy.padded().with_padding();
            assert!(all.len() >= len + PADDING && all[len..].iter().all(|byte| *byte == 0));
        }
    }

    #[test]
    fn memory_is_used_again_and_zeroed_where_that_is_promised() {
        let len = 5000;
        let mut first = BufferMut::to_fill(len).unwrap();
        first.as_mut_slice().fill(7);
        let first = first.freeze();
        let (place, piece) = (first.as_ptr(), first.slice(10..20).unwrap());
        drop(first);
        // A piece is still in use.
        assert_ne!(BufferMut::to_fill(len).unwrap().freeze().as_ptr(), place);
        assert_eq!(&*piece, &[7; 10]);
        drop(piece);
        let again = BufferMut::to_fill(len).unwrap().freeze();
        drop(again);
        let zeroed = BufferMut::scratch(len).unwrap();
        assert!(zeroed.as_slice().iter().all(|byte| *byte == 0));
        assert!(zeroed.freeze().padded().with_padding().iter().all(|byte| *byte == 0));
        // Memory of a budget goes back to where it came from.
        let budget = Budget::new(1 << 20);
        drop(BufferMut::zeroed(len, &budget).unwrap().freeze());
        assert_eq!(budget.reserved(), 0);
        let kept = SPARE.with(|spare| spare.borrow().len());
        assert!((1..=SPARES).contains(&kept));
    }

    #[test]
    fn a_refused_allocation_is_an_error() {
        let budget = Budget::new(1000);
        let error = BufferMut::zeroed(1000, &budget).unwrap_err();
        assert_eq!(error.kind, DecodeErrorKind::OverBudget { requested: 1000 });
        assert!(BufferMut::scratch(usize::MAX).is_err());
    }

    #[test]
    fn shrinking_zeroes_what_growing_shows_again() {
        let mut buffer = BufferMut::scratch(10).unwrap();
        buffer.as_mut_slice().fill(9);
        buffer.resize(3).unwrap();
        buffer.resize(300).unwrap();
        assert_eq!(&buffer.as_slice()[..5], [9, 9, 9, 0, 0]);
        assert_eq!(buffer.len(), 300);
    }

    #[test]
    fn growing_within_the_capacity_shows_zeros() {
        let mut buffer = BufferMut::scratch(10).unwrap();
        let all: &mut [u8] = bytemuck::cast_slice_mut(&mut buffer.lines);
        all.fill(7);
        buffer.resize(20).unwrap();
        assert_eq!(buffer.as_slice()[10..], [0; 10]);
    }
}
