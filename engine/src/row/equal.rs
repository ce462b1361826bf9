//! Rows against vectors, column by column.

use bytemuck::Pod;
use half::f16;
use millwork_format::types::{DataType, Storage};
use millwork_format::vector::{Data, Vector, Views};

use super::decode::{value_at, view_at};
use super::layout::SlotKind;
use super::nested::NestedCodec;
use super::{Indexed, RowStore, float_bits};
use crate::error::{Error, Result};
use crate::kernel::interval::Interval;

impl RowStore {
    /// Sets `equal[i]` to false where column `column` of row `ids[i]` differs from row `rows[i]` of
    /// `vector`. Nulls equal one another; so do NaNs, and -0.0 and 0.0.
    ///
    /// # Panics
    /// If lengths differ or a row does not exist.
    ///
    /// # Errors
    /// `Internal` if the vector is not of the column's type.
    pub fn compare_column(
        &self,
        column: usize,
        vector: &Vector,
        rows: &[u32],
        ids: &[u32],
        equal: &mut [bool],
    ) -> Result<()> {
        let values = Indexed::new(vector, rows);
        let pairs = Pairs { store: self, offset: self.layout.slot(column).0, ids };
        if !values.may_be_null() && !self.has_nulls[column] {
            return pairs.compare(column, &values, equal);
        }
        let mut same = vec![true; ids.len()];
        if !matches!(values.data(), Data::Null) {
            pairs.compare(column, &values, &mut same)?;
        }
        for (position, id) in ids.iter().enumerate() {
            let (left, right) = (!values.is_valid(position), self.is_null(column, *id));
            equal[position] &= if left || right { left == right } else { same[position] };
        }
        Ok(())
    }
}

struct Pairs<'a> {
    store: &'a RowStore,
    offset: usize,
    ids: &'a [u32],
}

impl Pairs<'_> {
    fn compare(&self, column: usize, values: &Indexed<'_>, equal: &mut [bool]) -> Result<()> {
        let kind = self.store.layout.slot(column).1;
        let mismatch = || Error::internal("a vector does not fit the row layout's type");
        match (kind, values.data()) {
            (SlotKind::Empty, _) => {}
            (SlotKind::View, Data::Views(views)) => self.strings(views, values, equal),
            (SlotKind::Nested, data) => {
                let codec = NestedCodec::new(&self.store.layout.types()[column]);
                let mut key = Vec::new();
                for (position, index) in values.indices().iter().enumerate() {
                    // A row that is null on either side is not looked at.
                    let id = self.ids[position];
                    if !values.is_valid(position) || self.store.is_null(column, id) {
                        continue;
                    }
                    key.clear();
                    codec.encode_key(data, *index as usize, &mut key)?;
                    let (page, row) = self.store.row(id);
                    let view = view_at(row, self.offset);
                    equal[position] &= codec.is_key_of(&key, self.store.bytes_of(page, &view))?;
                }
            }
            (SlotKind::Fixed(width), Data::Fixed { width_bytes, bytes })
                if width == *width_bytes
                    && self.store.layout.types()[column] == DataType::SignedInterval =>
            {
                // A month is thirty days.
                let length =
                    |bytes: &[u8]| Interval::from_bytes(bytes).map(Interval::length_micros);
                for (position, index) in values.indices().iter().enumerate() {
                    let row = self.store.row(self.ids[position]).1;
                    let stored = &row[self.offset..self.offset + width];
                    let value = &bytes.as_slice()[*index as usize * width..][..width];
                    equal[position] &= length(stored) == length(value);
                }
            }
            (SlotKind::Fixed(width), Data::Fixed { width_bytes, bytes })
                if width == *width_bytes =>
            {
                for (position, index) in values.indices().iter().enumerate() {
                    let row = self.store.row(self.ids[position]).1;
                    equal[position] &= row[self.offset..self.offset + width]
                        == bytes.as_slice()[*index as usize * width..][..width];
                }
            }
            (SlotKind::Plain(storage), data) => {
                return self.plain(storage, data, values.indices(), equal);
            }
            _ => return Err(mismatch()),
        }
        Ok(())
    }

    fn strings(&self, views: &Views, values: &Indexed<'_>, equal: &mut [bool]) {
        for ((same, index), id) in equal.iter_mut().zip(values.indices()).zip(self.ids) {
            let view = &views.views()[*index as usize];
            let (page, row) = self.store.row(*id);
            let stored = view_at(row, self.offset);
            *same &= if view.is_inline() {
                view.bits() == stored.bits()
            } else {
                view.head() == stored.head()
                    && self.store.bytes_of(page, &stored) == view.bytes(views.buffers())
            };
        }
    }

    fn plain(
        &self,
        storage: Storage,
        data: &Data,
        indices: &[u32],
        equal: &mut [bool],
    ) -> Result<()> {
        match (storage, data) {
            (Storage::Bits, Data::Boolean(bits)) => {
                self.each(indices, equal, |index, stored: u8| u8::from(bits.get(index)) == stored);
            }
            (Storage::Int8, Data::Int8(values)) => self.values(values, indices, equal),
            (Storage::Int16, Data::Int16(values)) => self.values(values, indices, equal),
            (Storage::Int32, Data::Int32(values)) => self.values(values, indices, equal),
            (Storage::Int64, Data::Int64(values)) => self.values(values, indices, equal),
            (Storage::Int128, Data::Int128(values)) => self.values(values, indices, equal),
            (Storage::UInt8, Data::UInt8(values)) => self.values(values, indices, equal),
            (Storage::UInt16, Data::UInt16(values)) => self.values(values, indices, equal),
            (Storage::UInt32, Data::UInt32(values)) => self.values(values, indices, equal),
            (Storage::UInt64, Data::UInt64(values)) => self.values(values, indices, equal),
            (Storage::Int64, Data::Int128(values)) => {
                self.each(indices, equal, |index, stored: i64| values[index] == i128::from(stored));
            }
            (Storage::Int128, Data::Int64(values)) => {
                self.each(indices, equal, |index, stored: i128| {
                    i128::from(values[index]) == stored
                });
            }
            (Storage::Float16, Data::Float16(values)) => {
                let bits = |half: u16| float_bits(f16::from_bits(half).to_f64());
                self.each(indices, equal, |index, stored: u16| bits(values[index]) == bits(stored));
            }
            (Storage::Float32, Data::Float32(values)) => {
                self.each(indices, equal, |index, stored: f32| {
                    float_bits(values[index].into()) == float_bits(stored.into())
                });
            }
            (Storage::Float64, Data::Float64(values)) => {
                self.each(indices, equal, |index, stored: f64| {
                    float_bits(values[index]) == float_bits(stored)
                });
            }
            _ => return Err(Error::internal("a vector does not fit the row layout's type")),
        }
        Ok(())
    }

    fn values<T: Pod + PartialEq>(&self, values: &[T], indices: &[u32], equal: &mut [bool]) {
        self.each(indices, equal, |index, stored: T| values[index] == stored);
    }

    #[inline]
    fn each<T: Pod>(&self, indices: &[u32], equal: &mut [bool], same: impl Fn(usize, T) -> bool) {
        for ((slot, index), id) in equal.iter_mut().zip(indices).zip(self.ids) {
            *slot &= same(*index as usize, value_at(self.store.row(*id).1, self.offset));
        }
    }
}
