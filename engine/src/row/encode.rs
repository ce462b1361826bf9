//! Vectors to rows, column by column.

use std::ops::Range;

use bytemuck::Pod;
use millwork_codecs::buffer::View;
use millwork_format::types::Storage;
use millwork_format::vector::{Data, Vector, Views};

use super::decode::view_at;
use super::layout::{RowLayout, SlotKind};
use super::nested::NestedCodec;
use super::{Indexed, RowStore, SortKeys};
use crate::error::{Error, Result};

/// The slots of one column in the rows being written.
struct Target<'a> {
    /// The rows, one after the other.
    rows: &'a mut [u8],
    width_bytes: usize,
    offset: usize,
}

impl Target<'_> {
    fn slots(&mut self, size_bytes: usize) -> impl Iterator<Item = &mut [u8]> {
        let offset = self.offset;
        self.rows
            .chunks_exact_mut(self.width_bytes)
            .map(move |row| &mut row[offset..offset + size_bytes])
    }

    fn write<T: Pod>(&mut self, values: &[T], indices: &[u32]) {
        for (slot, index) in self.slots(size_of::<T>()).zip(indices) {
            slot.copy_from_slice(bytemuck::bytes_of(&values[*index as usize]));
        }
    }

    fn write_each<T: Pod>(&mut self, values: impl Iterator<Item = T>) {
        for (slot, value) in self.slots(size_of::<T>()).zip(values) {
            slot.copy_from_slice(bytemuck::bytes_of(&value));
        }
    }
}

impl RowStore {
    /// Appends the rows `rows` of `columns`, one vector a column of the layout. Answers the id of the
    /// first; the others follow.
    ///
    /// # Errors
    /// If memory is refused; `Internal` if a vector is not of its column's type; `Evaluate` if a
    /// decimal has more digits than its type.
    pub fn append(&mut self, columns: &[&Vector], rows: &[u32]) -> Result<u32> {
        if columns.len() != self.layout().types().len() {
            return Err(Error::internal("a row store was given another number of columns"));
        }
        self.append_pieces(rows.len(), |store, page, range| {
            for (column, vector) in columns.iter().enumerate() {
                store.encode_column(column, &Indexed::new(vector, &rows[range.clone()]), page)?;
            }
            Ok(())
        })
    }

    /// Appends rows whose first column is the key `key_of[i]` of `keys` and whose others are row
    /// `rows[i]` of `columns`. Answers the id of the first; the others follow.
    ///
    /// # Panics
    /// If there are not as many keys as rows, or there is no such key.
    ///
    /// # Errors
    /// As [`RowStore::append`]; `Internal` also if the first column is not of the keys' width.
    pub fn append_keyed(
        &mut self,
        keys: &SortKeys,
        key_of: &[u32],
        columns: &[Vector],
        rows: &[u32],
    ) -> Result<u32> {
        if columns.len() + 1 != self.layout().types().len() || key_of.len() != rows.len() {
            return Err(Error::internal("a row store was given another number of columns"));
        }
        self.append_pieces(rows.len(), |store, page, range| {
            store.encode_keys(keys, &key_of[range.clone()], page)?;
            for (column, vector) in columns.iter().enumerate() {
                store.encode_column(
                    column + 1,
                    &Indexed::new(vector, &rows[range.clone()]),
                    page,
                )?;
            }
            Ok(())
        })
    }

    /// Appends copies of the rows `ids` of `other`, which has the same layout. Answers the id of the
    /// first; the others follow.
    ///
    /// # Panics
    /// If there is no such row.
    ///
    /// # Errors
    /// If memory is refused.
    pub fn append_rows(&mut self, other: &Self, ids: &[u32]) -> Result<u32> {
        for (mine, theirs) in self.has_nulls.iter_mut().zip(&other.has_nulls) {
            *mine |= theirs;
        }
        let outside: Vec<usize> = (0..self.layout.types().len())
            .map(|column| self.layout.slot(column))
            .filter(|(_, kind)| matches!(kind, SlotKind::View | SlotKind::Nested))
            .map(|(offset, _)| offset)
            .collect();
        self.append_pieces(ids.len(), |store, page, range| {
            let width_bytes = store.layout.width_bytes();
            let mut start = store.pages[page].rows * width_bytes;
            for id in &ids[range] {
                let (from, row) = other.row(*id);
                let slot = start..start + width_bytes;
                store.pages[page].bytes.as_mut_slice()[slot.clone()].copy_from_slice(row);
                for offset in &outside {
                    let view = view_at(row, *offset);
                    if !view.is_inline() {
                        let copy = store.store_bytes(other.bytes_of(from, &view))?;
                        let row = &mut store.pages[page].bytes.as_mut_slice()[slot.clone()];
                        row[*offset..*offset + 16].copy_from_slice(bytemuck::bytes_of(&copy));
                    }
                }
                start += width_bytes;
            }
            Ok(())
        })
    }

    /// Makes place for `rows` rows, page by page, and has each page's share written by
    /// `write(store, page, which of the rows)` behind the rows that are there. Answers the id of the
    /// first.
    fn append_pieces(
        &mut self,
        rows: usize,
        mut write: impl FnMut(&mut Self, usize, Range<usize>) -> Result<()>,
    ) -> Result<u32> {
        let mut first_id = None;
        let mut done = 0;
        while first_id.is_none() || done < rows {
            let (page, room) = self.page_with_room(rows - done)?;
            let first = self.pages[page].rows;
            first_id.get_or_insert((page as u32) << self.page_shift | first as u32);
            write(self, page, done..done + room)?;
            self.pages[page].rows += room;
            done += room;
        }
        Ok(first_id.unwrap_or(0))
    }

    /// Writes the keys listed into the first column, behind the rows of `page`.
    fn encode_keys(&mut self, keys: &SortKeys, key_of: &[u32], page: usize) -> Result<()> {
        let (offset, kind) = self.layout.slot(0);
        let copies = match kind {
            SlotKind::View => {
                let copied = key_of.iter().map(|key| self.store_bytes(keys.get(*key as usize)));
                Some(copied.collect::<Result<Vec<View>>>()?)
            }
            _ => None,
        };
        let width_bytes = self.layout.width_bytes();
        let start = self.pages[page].rows * width_bytes;
        let end = start + key_of.len() * width_bytes;
        let rows = &mut self.pages[page].bytes.as_mut_slice()[start..end];
        let mut target = Target { rows, width_bytes, offset };
        match (kind, copies) {
            (_, Some(copies)) => target.write_each(copies.into_iter()),
            (SlotKind::Fixed(width), None) => {
                for (slot, key) in target.slots(width).zip(key_of) {
                    let key = keys.get(*key as usize);
                    if key.len() != width {
                        return Err(mismatch());
                    }
                    slot.copy_from_slice(key);
                }
            }
            _ => return Err(mismatch()),
        }
        Ok(())
    }

    /// Writes `values` into column `column`, behind the rows of `page`.
    fn encode_column(&mut self, column: usize, values: &Indexed<'_>, page: usize) -> Result<()> {
        let (offset, kind) = self.layout.slot(column);
        let width_bytes = self.layout.width_bytes();
        let first = self.pages[page].rows;
        let range = first * width_bytes..(first + values.len()) * width_bytes;
        if values.may_be_null() {
            self.has_nulls[column] = true;
            let (byte, bit) = RowLayout::null_bit(column);
            let rows = &mut self.pages[page].bytes.as_mut_slice()[range.clone()];
            for (position, row) in rows.chunks_exact_mut(width_bytes).enumerate() {
                if !values.is_valid(position) {
                    row[byte] |= bit;
                }
            }
            if matches!(values.data(), Data::Null) {
                return Ok(());
            }
        }
        let views = match kind {
            SlotKind::View => Some(self.copied_strings(values)?),
            SlotKind::Nested => Some(self.copied_nested(column, values)?),
            _ => None,
        };
        let rows = &mut self.pages[page].bytes.as_mut_slice()[range];
        let mut target = Target { rows, width_bytes, offset };
        match (kind, views) {
            (_, Some(views)) => target.write_each(views.into_iter()),
            (SlotKind::Plain(storage), None) => return write_plain(storage, values, &mut target),
            (SlotKind::Fixed(width), None) => return write_fixed(width, values, &mut target),
            _ => return Err(mismatch()),
        }
        Ok(())
    }

    fn copied_strings(&mut self, values: &Indexed<'_>) -> Result<Vec<View>> {
        let Data::Views(views) = values.data() else { return Err(mismatch()) };
        let mut copies = Vec::with_capacity(values.len());
        if views.len() * 4 <= values.len() {
            return self.copied_entries(views, values);
        }
        for (position, index) in values.indices().iter().enumerate() {
            let view = views.views()[*index as usize];
            copies.push(match () {
                () if view.is_inline() => view,
                () if !values.is_valid(position) => View::default(),
                () => self.store_bytes(view.bytes(views.buffers()))?,
            });
        }
        Ok(copies)
    }

    /// As [`RowStore::copied_strings`] where the strings are few: rows with the same one share a copy.
    fn copied_entries(&mut self, views: &Views, values: &Indexed<'_>) -> Result<Vec<View>> {
        let mut copied: Vec<Option<View>> = vec![None; views.len()];
        let mut copies = Vec::with_capacity(values.len());
        for index in values.indices() {
            let entry = &mut copied[*index as usize];
            copies.push(match entry {
                Some(copy) => *copy,
                None => {
                    let view = views.views()[*index as usize];
                    let copy = self.store_bytes(view.bytes(views.buffers()))?;
                    *entry.insert(copy)
                }
            });
        }
        Ok(copies)
    }

    fn copied_nested(&mut self, column: usize, values: &Indexed<'_>) -> Result<Vec<View>> {
        let codec = NestedCodec::new(&self.layout.types()[column]);
        let mut copies = Vec::with_capacity(values.len());
        let mut bytes = Vec::new();
        for (position, index) in values.indices().iter().enumerate() {
            bytes.clear();
            if values.is_valid(position) {
                codec.encode(values.data(), *index as usize, &mut bytes)?;
            }
            copies.push(self.store_bytes(&bytes)?);
        }
        Ok(copies)
    }
}

fn mismatch() -> Error {
    Error::internal("a vector does not fit the row layout's type")
}

fn write_plain(storage: Storage, values: &Indexed<'_>, target: &mut Target<'_>) -> Result<()> {
    let indices = values.indices();
    match (storage, values.data()) {
        (Storage::Bits, Data::Boolean(bits)) => {
            target.write_each(indices.iter().map(|index| u8::from(bits.get(*index as usize))));
        }
        (Storage::Int8, Data::Int8(values)) => target.write(values, indices),
        (Storage::Int16, Data::Int16(values)) => target.write(values, indices),
        (Storage::Int32, Data::Int32(values)) => target.write(values, indices),
        (Storage::Int64, Data::Int64(values)) => target.write(values, indices),
        (Storage::Int128, Data::Int128(values)) => target.write(values, indices),
        (Storage::UInt8, Data::UInt8(values)) => target.write(values, indices),
        (Storage::UInt16, Data::UInt16(values)) => target.write(values, indices),
        (Storage::UInt32, Data::UInt32(values)) => target.write(values, indices),
        (Storage::UInt64, Data::UInt64(values)) => target.write(values, indices),
        (Storage::Float16, Data::Float16(values)) => target.write(values, indices),
        (Storage::Float32, Data::Float32(values)) => target.write(values, indices),
        (Storage::Float64, Data::Float64(values)) => target.write(values, indices),
        (Storage::Int128, Data::Int64(values)) => {
            target.write_each(indices.iter().map(|index| i128::from(values[*index as usize])));
        }
        (Storage::Int64, Data::Int128(wide)) => {
            let narrow: std::result::Result<Vec<i64>, _> =
                indices.iter().map(|index| i64::try_from(wide[*index as usize])).collect();
            let narrow =
                narrow.map_err(|_| Error::evaluate("a decimal has more digits than its type"))?;
            target.write_each(narrow.into_iter());
        }
        _ => return Err(mismatch()),
    }
    Ok(())
}

fn write_fixed(width: usize, values: &Indexed<'_>, target: &mut Target<'_>) -> Result<()> {
    let Data::Fixed { width_bytes, bytes } = values.data() else { return Err(mismatch()) };
    if *width_bytes != width {
        return Err(mismatch());
    }
    for (slot, index) in target.slots(width).zip(values.indices()) {
        slot.copy_from_slice(&bytes.as_slice()[*index as usize * width..][..width]);
    }
    Ok(())
}
