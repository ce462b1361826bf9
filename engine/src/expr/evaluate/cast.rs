//! Conversions: CAST and TRY_CAST.
//!
//! In: a flat vector, its type and the type wanted. Out: a flat vector of that type. A value that
//! does not convert is an error if the cast is strict and a selected, present row has it, else null.
//! Loops without a check run where the extremes of a batch prove that everything fits.

mod numbers;
mod times;

use half::f16;
use millwork_codecs::buffer::{Bitmap, BufferMut, SliceMut};
use millwork_format::record::text::write_value;
use millwork_format::selection::Selection;
use millwork_format::types::{DataType, Storage, TimeUnit};
use millwork_format::vector::{Cell, Data, List, Native, Vector, ViewsBuilder};

use super::super::members;
use super::nested::{check_keys, entry_part};
use super::operand;
use crate::error::{Error, Result};
use crate::kernel::interval::Interval;
use crate::kernel::{mask, parse};

/// What a conversion needs to know beside its function.
struct Conversion<'a> {
    value: &'a Vector,
    from: &'a DataType,
    to: &'a DataType,
    strict: bool,
    rows: usize,
    selection: &'a Selection,
}

/// `value` as `to`.
pub(super) fn cast(
    value: &Vector,
    from: &DataType,
    to: &DataType,
    strict: bool,
    rows: usize,
    selection: &Selection,
) -> Result<Vector> {
    if matches!(value.data(), Data::Null) {
        return Ok(Vector::null(rows));
    }
    if from == to || from.is_text() && to.is_text() {
        return Ok(value.clone());
    }
    let conversion = Conversion { value, from, to, strict, rows, selection };
    if to.is_text() {
        return conversion.to_text();
    }
    if from.is_text() {
        return conversion.of_text();
    }
    match (from, to) {
        (DataType::List(_) | DataType::Struct(_) | DataType::Map { .. }, _) => conversion.nested(),
        (
            DataType::Date | DataType::Time { .. } | DataType::Timestamp { .. } | DataType::Int96,
            _,
        ) => conversion.times(),
        (
            DataType::Binary
            | DataType::Bson
            | DataType::Fixed(_)
            | DataType::Uuid
            | DataType::Geometry
            | DataType::Geography
            | DataType::Interval
            | DataType::SignedInterval,
            _,
        ) => conversion.bytes(),
        // Digits beyond 38 have no arithmetic: they only become text.
        (DataType::WideDecimal { .. }, _) | (_, DataType::WideDecimal { .. }) => {
            Err(conversion.unknown())
        }
        _ => conversion.numbers(),
    }
}

impl Conversion<'_> {
    /// The error of types between which there is no conversion.
    #[cold]
    fn unknown(&self) -> Error {
        Error::types(format!("cannot convert {} to {}", self.from, self.to))
    }

    /// The error of a value that does not convert.
    #[cold]
    fn unfit(&self, row: usize) -> Error {
        let mut text = String::new();
        render_cell(self.value.cell(row), self.from, &mut text);
        let quote = if self.from.is_text() { "'" } else { "" };
        Error::evaluate(format!("cannot convert {quote}{text}{quote} to {}", self.to))
    }

    /// The result's validity: that of the argument, without the rows whose bit in `failed` is 1;
    /// those are an error if the cast is strict.
    fn validity(&self, failed: &[u64]) -> Result<Option<Bitmap>> {
        let validity = self.value.validity();
        if failed.iter().all(|word| *word == 0) {
            return Ok(validity.cloned());
        }
        let mut words = mask::words(self.rows)?;
        words.copy_from_slice(failed);
        let failed = mask::bitmap(words, self.rows)?;
        if self.strict {
            let meant = mask::and(&operand::meant(self.selection, validity)?, &failed)?;
            if let Some(row) = meant.ones().next() {
                return Err(self.unfit(row));
            }
        }
        mask::both_valid(validity, Some(&mask::not(&failed)?))
    }

    /// Plain values made row by row.
    fn plain<T: Native>(&self, convert: impl Fn(usize) -> Option<T>) -> Result<Vector> {
        let mut out = SliceMut::<T>::scratch(self.rows)?;
        let mut failed = mask::words(self.rows)?;
        for (row, slot) in out.iter_mut().enumerate() {
            match convert(row) {
                Some(value) => *slot = value,
                None => failed[row / 64] |= 1 << (row % 64),
            }
        }
        Ok(Vector::new(T::into_data(out.freeze()), self.validity(&failed)?, self.rows)?)
    }

    /// Floats of half precision made row by row.
    fn halves(&self, convert: impl Fn(usize) -> Option<f32>) -> Result<Vector> {
        let mut out = SliceMut::<u16>::scratch(self.rows)?;
        let mut failed = mask::words(self.rows)?;
        for (row, slot) in out.iter_mut().enumerate() {
            match convert(row) {
                Some(value) => *slot = f16::from_f32(value).to_bits(),
                None => failed[row / 64] |= 1 << (row % 64),
            }
        }
        Ok(Vector::new(Data::Float16(out.freeze()), self.validity(&failed)?, self.rows)?)
    }

    fn booleans(&self, convert: impl Fn(usize) -> Option<bool>) -> Result<Vector> {
        let mut out = mask::words(self.rows)?;
        let mut failed = mask::words(self.rows)?;
        for row in 0..self.rows {
            match convert(row) {
                Some(value) => out[row / 64] |= u64::from(value) << (row % 64),
                None => failed[row / 64] |= 1 << (row % 64),
            }
        }
        let validity = self.validity(&failed)?;
        Ok(Vector::new(Data::Boolean(mask::bitmap(out, self.rows)?), validity, self.rows)?)
    }

    /// Strings or bytes of the width that the type has.
    fn byte_arrays(&self, convert: impl Fn(usize) -> Option<Vec<u8>>) -> Result<Vector> {
        let mut failed = mask::words(self.rows)?;
        let fixed = match self.to.storage() {
            Storage::Fixed(width) => Some(width as usize),
            _ => None,
        };
        let mut builder = ViewsBuilder::new()?;
        let mut bytes = BufferMut::scratch(self.rows.saturating_mul(fixed.unwrap_or(0)))?;
        for row in 0..self.rows {
            let value = convert(row).filter(|v| fixed.is_none_or(|width| v.len() == width));
            match (&value, fixed) {
                (Some(value), Some(width)) => {
                    bytes.as_mut_slice()[row * width..][..width].copy_from_slice(value);
                }
                (Some(value), None) => builder.push(value)?,
                (None, _) => {
                    failed[row / 64] |= 1 << (row % 64);
                    if fixed.is_none() {
                        builder.push(b"")?;
                    }
                }
            }
        }
        let data = match fixed {
            Some(width_bytes) => Data::Fixed { width_bytes, bytes: bytes.freeze() },
            None => Data::Views(builder.finish()?),
        };
        Ok(Vector::new(data, self.validity(&failed)?, self.rows)?)
    }

    fn to_text(&self) -> Result<Vector> {
        let mut builder = ViewsBuilder::new()?;
        let mut text = String::new();
        for row in 0..self.rows {
            text.clear();
            match self.value.cell(row) {
                Cell::Null => {}
                cell => render_cell(cell, self.from, &mut text),
            }
            builder.push(text.as_bytes())?;
        }
        let validity = self.value.validity().cloned();
        Ok(Vector::new(Data::Views(builder.finish()?), validity, self.rows)?)
    }

    fn of_text(&self) -> Result<Vector> {
        let texts = operand::Texts::of(self.value)?;
        let text = |row: usize| texts.text(row);
        macro_rules! integers {
            ($native:ty) => {
                self.plain(|row| <$native>::try_from(parse::integer(text(row))?).ok())
            };
        }
        match self.to {
            DataType::Boolean => self.booleans(|row| parse::boolean(text(row))),
            DataType::Int8 => integers!(i8),
            DataType::Int16 => integers!(i16),
            DataType::Int32 => integers!(i32),
            DataType::Int64 => integers!(i64),
            DataType::Int128 => integers!(i128),
            DataType::UInt8 => integers!(u8),
            DataType::UInt16 => integers!(u16),
            DataType::UInt32 => integers!(u32),
            DataType::UInt64 => integers!(u64),
            DataType::Float16 => self.halves(|row| parse::float(text(row))),
            DataType::Float32 => self.plain(|row| parse::float(text(row))),
            DataType::Float64 => self.plain(|row| parse::double(text(row))),
            DataType::Decimal { precision, scale } => {
                let digits = |row: usize| {
                    let unscaled = parse::decimal(text(row), (*scale).into())?;
                    numbers::within_precision(unscaled, *precision)
                };
                if self.to.storage() == Storage::Int64 {
                    self.plain(|row| i64::try_from(digits(row)?).ok())
                } else {
                    self.plain(digits)
                }
            }
            DataType::Date => self.plain(|row| parse::date(text(row))),
            DataType::Time { unit, .. } => {
                let count = |row: usize| parse::time(text(row), *unit);
                if self.to.storage() == Storage::Int32 {
                    self.plain(|row| i32::try_from(count(row)?).ok())
                } else {
                    self.plain(count)
                }
            }
            DataType::Timestamp { unit, utc } => {
                self.plain(|row| parse::timestamp(text(row), *unit, *utc))
            }
            DataType::SignedInterval => {
                self.byte_arrays(|row| Interval::parse(text(row)).map(|one| one.to_bytes().into()))
            }
            DataType::Uuid => self.byte_arrays(|row| parse::uuid(text(row)).map(Vec::from)),
            DataType::Binary | DataType::Fixed(_) => self.byte_arrays(|row| parse::blob(text(row))),
            _ => Err(self.unknown()),
        }
    }

    /// Between byte arrays, fixed or not.
    fn bytes(&self) -> Result<Vector> {
        match self.to {
            DataType::Binary | DataType::Bson | DataType::Geometry | DataType::Geography => {
                if let Data::Views(_) = self.value.data() {
                    return Ok(self.value.clone());
                }
            }
            DataType::SignedInterval => {
                return self.byte_arrays(|row| match self.value.cell(row) {
                    Cell::Bytes(bytes) => Interval::of_file(bytes).map(|one| one.to_bytes().into()),
                    _ => Some(Interval::default().to_bytes().into()),
                });
            }
            DataType::Fixed(_) | DataType::Uuid => {}
            _ => return Err(self.unknown()),
        }
        self.byte_arrays(|row| match self.value.cell(row) {
            Cell::Bytes(bytes) => Some(bytes.to_vec()),
            _ => None,
        })
    }

    /// Between lists, maps and structs, child by child. Of children only what lies in rows that are selected
    /// and present may raise errors.
    fn nested(&self) -> Result<Vector> {
        let meant = operand::meant(self.selection, self.value.validity())?;
        let mut validity = self.value.validity().cloned();
        let data = match (self.value.data(), self.from, self.to) {
            (Data::List(list), DataType::List(from), DataType::List(to)) => {
                let elements = self.elements(list, &meant, &from.data_type, &to.data_type)?;
                Data::List(List::new(list.offsets().clone(), elements)?)
            }
            (
                Data::List(list),
                DataType::Map { key, value },
                DataType::Map { key: to_key, value: to_value },
            ) => {
                let from = DataType::map_entries(key, value.as_ref());
                let to = DataType::map_entries(to_key, to_value.as_ref());
                let entries = self.elements(list, &meant, &from, &to)?;
                if key.data_type != to_key.data_type {
                    let keys = operand::flat(&entry_part(&entries, 0))?;
                    validity = self.with_keys(list, &keys, &meant, &to_key.data_type)?;
                }
                Data::List(List::new(list.offsets().clone(), entries)?)
            }
            (Data::Struct(children), DataType::Struct(from), DataType::Struct(to)) => {
                let places = members(from, to).ok_or_else(|| self.unknown())?;
                let selection = Selection::from_bitmap(meant);
                let mut cast = Vec::with_capacity(to.len());
                for (place, to) in places.into_iter().zip(to.iter()) {
                    cast.push(match place {
                        Some(place) => {
                            let from = &from[place].data_type;
                            self.child(&children[place], from, &to.data_type, &selection)?
                        }
                        None => Vector::null(self.rows),
                    });
                }
                Data::Struct(cast.into())
            }
            _ => return Err(self.unknown()),
        };
        Ok(Vector::new(data, validity, self.rows)?)
    }

    fn child(
        &self,
        value: &Vector,
        from: &DataType,
        to: &DataType,
        selection: &Selection,
    ) -> Result<Vector> {
        cast(&operand::flat(value)?, from, to, self.strict, value.len(), selection)
    }

    /// The elements of `list`, of which those in rows `meant` may raise errors.
    fn elements(
        &self,
        list: &List,
        meant: &Bitmap,
        from: &DataType,
        to: &DataType,
    ) -> Result<Vector> {
        let count = list.child().len();
        let mut words = mask::words(count)?;
        for row in meant.ones() {
            for element in list.range(row) {
                words[element / 64] |= 1 << (element % 64);
            }
        }
        let selection = Selection::from_bitmap(mask::bitmap(words, count)?);
        self.child(list.child(), from, to, &selection)
    }

    /// The validity of maps whose keys were converted to `keys`: none may be null or there twice.
    fn with_keys(
        &self,
        list: &List,
        keys: &Vector,
        meant: &Bitmap,
        key_type: &DataType,
    ) -> Result<Option<Bitmap>> {
        let mut failed = mask::words(self.rows)?;
        for row in meant.ones() {
            match check_keys(keys, list.range(row), key_type) {
                Err(error) if self.strict => return Err(error),
                Err(_) => failed[row / 64] |= 1 << (row % 64),
                Ok(()) => {}
            }
        }
        self.validity(&failed)
    }
}

/// A value as DuckDB writes it. Instants of INT96 have microseconds here, as everywhere in SQL.
pub(super) fn render_cell(cell: Cell<'_>, data_type: &DataType, out: &mut String) {
    let micros = match cell {
        Cell::Bytes(bytes) if *data_type == DataType::Int96 => times::int96_micros(bytes),
        _ => None,
    };
    match micros {
        Some(micros) => {
            let instant = DataType::Timestamp { unit: TimeUnit::Micros, utc: false };
            write_value(&instant, Cell::Integer(micros.into()), out);
        }
        None => write_value(data_type, cell, out),
    }
}
