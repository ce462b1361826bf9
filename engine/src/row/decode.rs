//! Rows to vectors, column by column.

use std::collections::HashMap;

use bytemuck::Pod;
use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::{Bitmap, BufferMut, Slice, SliceMut, View};
use millwork_format::types::Storage;
use millwork_format::vector::{Data, Vector, Views};

use super::RowStore;
use super::layout::{RowLayout, SlotKind};
use super::nested::NestedCodec;
use super::store::Page;
use crate::error::{Error, Result};

/// The fixed parts of the rows that are decoded, found once for all columns.
type FixedParts<'a> = [(&'a Page, &'a [u8])];

/// About the bytes that a byte of a stored nested value takes while it is decoded: the value, whether it is there,
/// and both once more when they become vectors. Nulls of wide fields and empty strings may take twice as many.
const DECODED_BYTES: u64 = 4;

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
        self.decode_parts(column, &self.fixed_parts(ids))
    }

    /// All columns of the rows `ids`.
    ///
    /// # Panics
    /// If there is no such row.
    ///
    /// # Errors
    /// As [`RowStore::decode_column`].
    pub fn decode(&self, ids: &[u32]) -> Result<Vec<Vector>> {
        self.decode_from(0, ids)
    }

    /// The columns from `first_column` on of the rows `ids`.
    ///
    /// # Panics
    /// If there is no such row.
    ///
    /// # Errors
    /// As [`RowStore::decode_column`].
    pub fn decode_from(&self, first_column: usize, ids: &[u32]) -> Result<Vec<Vector>> {
        let parts = self.fixed_parts(ids);
        let columns = first_column..self.layout.types().len();
        columns.map(|column| self.decode_parts(column, &parts)).collect()
    }

    /// Whether column `column` of row `id` is null.
    #[inline]
    #[must_use]
    pub fn is_null(&self, column: usize, id: u32) -> bool {
        self.has_nulls[column] && is_null_at(self.row(id).1, column)
    }

    /// The bytes of column `column`, which is of a fixed width or a string, in row `id`.
    ///
    /// # Panics
    /// If there is no such column or row.
    #[inline]
    #[must_use]
    pub fn value_bytes(&self, column: usize, id: u32) -> &[u8] {
        let (offset, kind) = self.layout.slot(column);
        let (page, row) = self.row(id);
        if !matches!(kind, SlotKind::View | SlotKind::Nested) {
            return &row[offset..offset + kind.width_bytes()];
        }
        let view = view_at(row, offset);
        if view.is_inline() {
            // They stand behind the length.
            return &row[offset + 4..offset + 4 + view.len()];
        }
        let (buffer, start) = view.location();
        self.heap.bytes((buffer + page.heap_base) as usize, start as usize, view.len())
    }

    fn fixed_parts(&self, ids: &[u32]) -> Vec<(&Page, &[u8])> {
        ids.iter().map(|id| self.row(*id)).collect()
    }

    fn decode_parts(&self, column: usize, parts: &FixedParts<'_>) -> Result<Vector> {
        let (offset, kind) = self.layout.slot(column);
        let data = match kind {
            SlotKind::Empty => return Ok(Vector::null(parts.len())),
            SlotKind::Plain(storage) => decode_plain(storage, offset, parts)?,
            SlotKind::Fixed(width) => {
                let mut bytes = BufferMut::scratch(parts.len().saturating_mul(width))?;
                let slots = bytes.as_mut_slice().chunks_exact_mut(width.max(1));
                for (slot, (_, row)) in slots.zip(parts) {
                    slot.copy_from_slice(&row[offset..offset + width]);
                }
                Data::Fixed { width_bytes: width, bytes: bytes.freeze() }
            }
            SlotKind::View => {
                let heap = self.sealed_heap()?;
                let mut views = SliceMut::<View>::scratch(parts.len())?;
                for (slot, (page, row)) in views.iter_mut().zip(parts) {
                    *slot = view_at(row, offset).shift_buffer(page.heap_base);
                }
                Data::Views(Views::new(views.freeze(), heap.clone()))
            }
            SlotKind::Nested => return self.decode_nested(column, offset, parts),
        };
        Ok(Vector::new(data, self.decode_validity(column, parts), parts.len())?)
    }

    /// A row that is listed several times, as in the answer of a join, is decoded once.
    fn decode_nested(
        &self,
        column: usize,
        offset: usize,
        parts: &FixedParts<'_>,
    ) -> Result<Vector> {
        let mut places: HashMap<*const u8, u32> = HashMap::new();
        let mut views: Vec<Option<(&Page, View)>> = Vec::new();
        let mut rows = Vec::with_capacity(parts.len());
        for (page, row) in parts {
            rows.push(*places.entry(row.as_ptr()).or_insert_with(|| {
                let is_there = !is_null_at(row, column);
                views.push(is_there.then(|| (*page, view_at(row, offset))));
                views.len() as u32 - 1
            }));
        }
        let bytes: Vec<Option<&[u8]>> = views
            .iter()
            .map(|value| value.as_ref().map(|(page, view)| self.bytes_of(page, view)))
            .collect();
        let stored: u64 = bytes.iter().flatten().map(|bytes| bytes.len() as u64).sum();
        let _memory = Budget::reserve_around(stored.saturating_mul(DECODED_BYTES))?;
        let decoded = NestedCodec::new(&self.layout.types()[column]).decode(&bytes)?;
        Ok(if views.len() == rows.len() { decoded } else { decoded.take(&rows)? })
    }

    fn decode_validity(&self, column: usize, parts: &FixedParts<'_>) -> Option<Bitmap> {
        if !self.has_nulls[column] {
            return None;
        }
        decode_bits(parts, |row| !is_null_at(row, column))
    }
}

#[inline]
fn is_null_at(row: &[u8], column: usize) -> bool {
    let (byte, bit) = RowLayout::null_bit(column);
    row[byte] & bit != 0
}

#[inline]
fn decode_bits(parts: &FixedParts<'_>, bit: impl Fn(&[u8]) -> bool) -> Option<Bitmap> {
    let mut words = vec![0u64; parts.len().div_ceil(64)];
    for (word, parts) in words.iter_mut().zip(parts.chunks(64)) {
        for (position, (_, row)) in parts.iter().enumerate() {
            *word |= u64::from(bit(row)) << position;
        }
    }
    Bitmap::from_words(Slice::copy_of(&words), parts.len())
}

fn decode_plain(storage: Storage, offset: usize, parts: &FixedParts<'_>) -> Result<Data> {
    Ok(match storage {
        Storage::Bits => {
            let bits = decode_bits(parts, |row| row[offset] != 0);
            Data::Boolean(bits.ok_or_else(|| Error::internal("bits behind a bitmap's end"))?)
        }
        Storage::Int8 => Data::Int8(decode_values(offset, parts)?),
        Storage::Int16 => Data::Int16(decode_values(offset, parts)?),
        Storage::Int32 => Data::Int32(decode_values(offset, parts)?),
        Storage::Int64 => Data::Int64(decode_values(offset, parts)?),
        Storage::Int128 => Data::Int128(decode_values(offset, parts)?),
        Storage::UInt8 => Data::UInt8(decode_values(offset, parts)?),
        Storage::UInt16 => Data::UInt16(decode_values(offset, parts)?),
        Storage::UInt32 => Data::UInt32(decode_values(offset, parts)?),
        Storage::UInt64 => Data::UInt64(decode_values(offset, parts)?),
        Storage::Float16 => Data::Float16(decode_values(offset, parts)?),
        Storage::Float32 => Data::Float32(decode_values(offset, parts)?),
        Storage::Float64 => Data::Float64(decode_values(offset, parts)?),
        other => return Err(Error::internal(format!("{other:?} in a plain slot"))),
    })
}

fn decode_values<T: Pod>(offset: usize, parts: &FixedParts<'_>) -> Result<Slice<T>> {
    let mut values = SliceMut::<T>::scratch(parts.len())?;
    let target: &mut [T] = &mut values;
    for (value, (_, row)) in target.iter_mut().zip(parts) {
        *value = value_at(row, offset);
    }
    Ok(values.freeze())
}

#[inline]
pub(super) fn value_at<T: Pod>(row: &[u8], offset: usize) -> T {
    bytemuck::pod_read_unaligned(&row[offset..offset + size_of::<T>()])
}

#[inline]
pub(super) fn view_at(row: &[u8], offset: usize) -> View {
    value_at(row, offset)
}
