//! Rows to vectors, column by column.

use bytemuck::Pod;
use millwork_codecs::buffer::{Bitmap, BufferMut, Slice, SliceMut, View};
use millwork_format::types::Storage;
use millwork_format::vector::{Data, Vector, Views};

use super::RowStore;
use super::layout::{RowLayout, SlotKind};
use super::nested::decode_nested;
use super::store::Page;
use crate::error::{Error, Result};

impl RowStore {
    /// Column `column` of the rows `ids`, in that order; an id may be listed more than once. Long
    /// strings are views into the store's heap, which stays alive for them.
    ///
    /// # Panics
    /// If there is no such column or row.
    ///
    /// # Errors
    /// `Internal` if the store is not sealed; or if memory is refused.
    pub fn decode_column(&self, column: usize, ids: &[u32]) -> Result<Vector> {
        let (offset, kind) = self.layout.slot(column);
        let data = match kind {
            SlotKind::Empty => return Ok(Vector::null(ids.len())),
            SlotKind::Plain(storage) => self.decode_plain(storage, offset, ids)?,
            SlotKind::Fixed(width) => {
                let mut bytes = BufferMut::scratch(ids.len().saturating_mul(width))?;
                let slots = bytes.as_mut_slice().chunks_exact_mut(width);
                for (slot, id) in slots.zip(ids) {
                    slot.copy_from_slice(&self.row(*id).1[offset..offset + width]);
                }
                Data::Fixed { width_bytes: width, bytes: bytes.freeze() }
            }
            SlotKind::View => {
                let heap = self.sealed_heap()?;
                let mut views = SliceMut::<View>::scratch(ids.len())?;
                for (slot, id) in views.iter_mut().zip(ids) {
                    let (page, row) = self.row(*id);
                    *slot = view_at(row, offset).shift_buffer(page.heap_base);
                }
                Data::Views(Views::new(views.freeze(), heap.clone()))
            }
            SlotKind::Nested => {
                let values: Vec<Option<(&Page, View)>> = ids
                    .iter()
                    .map(|id| {
                        let (page, row) = self.row(*id);
                        (!self.is_null(column, *id)).then(|| (page, view_at(row, offset)))
                    })
                    .collect();
                let bytes: Vec<Option<&[u8]>> = values
                    .iter()
                    .map(|value| value.as_ref().map(|(page, view)| self.bytes_of(page, view)))
                    .collect();
                return decode_nested(&self.layout.types()[column], &bytes);
            }
        };
        Ok(Vector::new(data, self.decode_validity(column, ids), ids.len())?)
    }

    /// All columns of the rows `ids`.
    ///
    /// # Panics
    /// If there is no such row.
    ///
    /// # Errors
    /// As [`RowStore::decode_column`].
    pub fn decode(&self, ids: &[u32]) -> Result<Vec<Vector>> {
        (0..self.layout.types().len()).map(|column| self.decode_column(column, ids)).collect()
    }

    /// Whether column `column` of row `id` is null.
    #[inline]
    #[must_use]
    pub fn is_null(&self, column: usize, id: u32) -> bool {
        let (byte, bit) = RowLayout::null_bit(column);
        self.has_nulls[column] && self.row(id).1[byte] & bit != 0
    }

    fn decode_validity(&self, column: usize, ids: &[u32]) -> Option<Bitmap> {
        if !self.has_nulls[column] {
            return None;
        }
        let mut words = vec![0u64; ids.len().div_ceil(64)];
        for (position, id) in ids.iter().enumerate() {
            words[position / 64] |= u64::from(!self.is_null(column, *id)) << (position % 64);
        }
        Bitmap::from_words(Slice::copy_of(&words), ids.len())
    }

    fn decode_plain(&self, storage: Storage, offset: usize, ids: &[u32]) -> Result<Data> {
        Ok(match storage {
            Storage::Bits => {
                let mut words = vec![0u64; ids.len().div_ceil(64)];
                for (position, id) in ids.iter().enumerate() {
                    words[position / 64] |= u64::from(self.row(*id).1[offset]) << (position % 64);
                }
                let bits = Bitmap::from_words(Slice::copy_of(&words), ids.len());
                Data::Boolean(bits.ok_or_else(|| Error::internal("bits behind a bitmap's end"))?)
            }
            Storage::Int8 => Data::Int8(self.decode_values(offset, ids)?),
            Storage::Int16 => Data::Int16(self.decode_values(offset, ids)?),
            Storage::Int32 => Data::Int32(self.decode_values(offset, ids)?),
            Storage::Int64 => Data::Int64(self.decode_values(offset, ids)?),
            Storage::Int128 => Data::Int128(self.decode_values(offset, ids)?),
            Storage::UInt8 => Data::UInt8(self.decode_values(offset, ids)?),
            Storage::UInt16 => Data::UInt16(self.decode_values(offset, ids)?),
            Storage::UInt32 => Data::UInt32(self.decode_values(offset, ids)?),
            Storage::UInt64 => Data::UInt64(self.decode_values(offset, ids)?),
            Storage::Float16 => Data::Float16(self.decode_values(offset, ids)?),
            Storage::Float32 => Data::Float32(self.decode_values(offset, ids)?),
            Storage::Float64 => Data::Float64(self.decode_values(offset, ids)?),
            other => return Err(Error::internal(format!("{other:?} in a plain slot"))),
        })
    }

    fn decode_values<T: Pod>(&self, offset: usize, ids: &[u32]) -> Result<Slice<T>> {
        let mut values = SliceMut::<T>::scratch(ids.len())?;
        let target: &mut [T] = &mut values;
        for (value, id) in target.iter_mut().zip(ids) {
            *value = value_at(self.row(*id).1, offset);
        }
        Ok(values.freeze())
    }
}

#[inline]
pub(super) fn value_at<T: Pod>(row: &[u8], offset: usize) -> T {
    bytemuck::pod_read_unaligned(&row[offset..offset + size_of::<T>()])
}

#[inline]
pub(super) fn view_at(row: &[u8], offset: usize) -> View {
    value_at(row, offset)
}
