//! Memory for pages and vectors: aligned, padded, reference counted, accounted for.
//!
//! * [`BufferMut`]: bytes being written, owned by one.
//! * [`Buffer`]: bytes that no longer change, shared by count; cutting a piece out costs one count.
//! * [`Slice`]: a [`Buffer`] seen as values of one type.
//! * [`Bitmap`], [`BitmapMut`]: one bit a row, least significant bit first, in words of 64.
//! * [`View`]: one string of a vector, in 16 bytes.
//! * [`Padded`]: bytes that are followed by [`PADDING`] readable ones: what over-reading kernels take.
//!
//! Invariants: an allocation starts at a multiple of 64 bytes and has at least [`PADDING`] readable
//! bytes behind its length; bits of a bitmap behind its length are 0. Memory is zeroed when it is
//! allocated, so nothing stale can be read, but by who asks for memory `to_fill` and does not fill it.

mod bitmap;
mod bytes;
mod slice;
mod view;

pub use bitmap::{Bitmap, BitmapMut};
pub use bytes::{Buffer, BufferMut, LARGE_BYTES, PADDING, Padded};
pub use slice::{Slice, SliceMut};
pub use view::View;
