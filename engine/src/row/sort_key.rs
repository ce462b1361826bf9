//! Keys that order as bytes do.
//!
//! A column's part is a byte that puts nulls first or last, then the value: integers big-endian with
//! the sign flipped, floats as integers that order the same (NaN greatest), strings with 0 escaped
//! and a terminator. The value's bytes are inverted for a descending key. No key is the start of
//! another, so that keys of several columns can be put behind one another and compared at once.

use half::f16;
use millwork_codecs::budget::{Budget, Reservation};
use millwork_format::types::{DataType, Storage};
use millwork_format::vector::{Data, Vector};

use super::{Indexed, NestedCodec, order_of_float};
use crate::error::{Error, Result};
use crate::expr::SortKey;
use crate::kernel::interval::Interval;

/// Makes the keys of batch after batch.
#[derive(Clone, Debug)]
pub struct SortKeyEncoder {
    keys: Vec<(SortKey, Form)>,
    /// By key, that of a nested column.
    codecs: Vec<Option<NestedCodec>>,
}

/// How the values of a column are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Every row is null.
    Null,
    /// An integer (or boolean) in so many bytes.
    Integer(usize),
    /// A float in 8 bytes.
    Float,
    /// So many bytes as they are.
    Fixed(usize),
    /// Nanoseconds and Julian day, in 12 bytes.
    Int96,
    /// An interval with signs as its length in microseconds, in 16 bytes.
    SignedInterval,
    /// Escaped, with a terminator.
    Strings,
    /// As [`NestedCodec`] writes keys.
    Nested,
}

impl Form {
    fn of(data_type: &DataType) -> Option<Self> {
        Some(match (data_type, data_type.storage()) {
            (DataType::Int96, _) => Self::Int96,
            (DataType::SignedInterval, _) => Self::SignedInterval,
            (_, Storage::Null) => Self::Null,
            (_, Storage::Bits | Storage::Int8 | Storage::UInt8) => Self::Integer(1),
            (_, Storage::Int16 | Storage::UInt16) => Self::Integer(2),
            (_, Storage::Int32 | Storage::UInt32) => Self::Integer(4),
            (_, Storage::Int64 | Storage::UInt64) => Self::Integer(8),
            (_, Storage::Int128) => Self::Integer(16),
            (_, Storage::Float16 | Storage::Float32 | Storage::Float64) => Self::Float,
            (_, Storage::Fixed(width)) => Self::Fixed(width as usize),
            (_, Storage::Views) => Self::Strings,
            (_, Storage::List | Storage::Struct) => Self::Nested,
            _ => return None,
        })
    }

    /// Bytes of a present value, where all have as many.
    fn width_bytes(self) -> Option<usize> {
        match self {
            Self::Null => Some(0),
            Self::Integer(width) | Self::Fixed(width) => Some(width),
            Self::Float => Some(8),
            Self::Int96 => Some(12),
            Self::SignedInterval => Some(16),
            Self::Strings | Self::Nested => None,
        }
    }
}

/// Keys, one after the other.
#[derive(Debug)]
pub struct SortKeys {
    bytes: Vec<u8>,
    /// Where each key ends.
    ends: Vec<usize>,
    budget: Budget,
    /// Of the bytes of the longest keys so far.
    reservation: Reservation,
}

impl SortKeys {
    /// No keys yet; their bytes will be taken from `budget`.
    ///
    /// # Errors
    /// If the budget refuses.
    pub fn new(budget: &Budget) -> Result<Self> {
        let (budget, reservation) = (budget.clone(), budget.reserve(0)?);
        Ok(Self { bytes: Vec::new(), ends: Vec::new(), budget, reservation })
    }

    /// Makes sure that `bytes` of keys are reserved.
    fn reserve(&mut self, bytes: usize) -> Result<()> {
        if bytes as u64 > self.reservation.bytes() {
            self.reservation.resize(bytes as u64)?;
        }
        Ok(())
    }

    /// Keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are no keys.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Key number `index`.
    ///
    /// # Panics
    /// If there is no such key.
    #[inline]
    #[must_use]
    pub fn get(&self, index: usize) -> &[u8] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.bytes[start..self.ends[index]]
    }

    /// Forgets all keys; the memory is used again.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }
}

impl SortKeyEncoder {
    /// An encoder of `keys` over columns of these types.
    ///
    /// # Errors
    /// `Internal` for a column that is not there.
    pub fn new(keys: &[SortKey], types: &[DataType]) -> Result<Self> {
        let form = |key: &SortKey| {
            let data_type = types
                .get(key.column)
                .ok_or_else(|| Error::internal("a sort key is no column of its input"))?;
            let form = Form::of(data_type)
                .ok_or_else(|| Error::unsupported(format!("an order by {data_type}")))?;
            Ok((*key, form))
        };
        let keys: Vec<(SortKey, Form)> = keys.iter().map(form).collect::<Result<_>>()?;
        let codec = |(key, form): &(SortKey, Form)| {
            (*form == Form::Nested).then(|| NestedCodec::new(&types[key.column]))
        };
        Ok(Self { codecs: keys.iter().map(codec).collect(), keys })
    }

    /// Bytes of a key, where all have as many.
    #[must_use]
    pub fn width_bytes(&self) -> Option<usize> {
        self.keys.iter().map(|(_, form)| Some(1 + form.width_bytes()?)).sum()
    }

    /// Appends the keys of `rows` to `out`.
    ///
    /// # Panics
    /// If a row does not exist.
    ///
    /// # Errors
    /// `Internal` if a vector is not of its type; or if the budget of `out` refuses.
    pub fn encode(&self, columns: &[Vector], rows: &[u32], out: &mut SortKeys) -> Result<()> {
        let missing = || Error::internal("a sort key is no column of its input");
        let mut parts = Vec::with_capacity(self.keys.len());
        for ((key, form), codec) in self.keys.iter().zip(&self.codecs) {
            let column = columns.get(key.column).ok_or_else(missing)?;
            let values = Indexed::new(column, rows);
            let nested = match codec {
                Some(codec) => Some(encoded(codec, &values, &out.budget)?),
                None => None,
            };
            parts.push((key, *form, values, nested));
        }
        let mut lengths = vec![0usize; rows.len()];
        for (_, form, values, nested) in &parts {
            match nested {
                Some(nested) => nested.add_lengths(&mut lengths),
                None => add_lengths(*form, values, &mut lengths)?,
            }
        }
        let mut end = out.bytes.len();
        let mut cursors = lengths;
        for cursor in &mut cursors {
            let start = end;
            end += *cursor;
            *cursor = start;
            out.ends.push(end);
        }
        out.reserve(end)?;
        out.bytes.reserve_exact(end - out.bytes.len());
        out.bytes.resize(end, 0);
        for (key, form, values, nested) in &parts {
            let mut target = Target { bytes: &mut out.bytes, cursors: &mut cursors, key };
            match nested {
                Some(nested) => target.nested(values, nested),
                None => target.column(*form, values)?,
            }
        }
        Ok(())
    }
}

fn mismatch() -> Error {
    Error::internal("a sort key is not of its type")
}

/// The values of a nested column as bytes that order, those of a null row none.
fn encoded(codec: &NestedCodec, values: &Indexed<'_>, budget: &Budget) -> Result<SortKeys> {
    let mut keys = SortKeys::new(budget)?;
    for (position, index) in values.indices().iter().enumerate() {
        if values.is_valid(position) {
            codec.encode_key(values.data(), *index as usize, &mut keys.bytes)?;
            keys.reserve(keys.bytes.capacity())?;
        }
        keys.ends.push(keys.bytes.len());
    }
    Ok(keys)
}

impl SortKeys {
    /// Adds the length of each key and of its null byte.
    fn add_lengths(&self, lengths: &mut [usize]) {
        for (index, length) in lengths.iter_mut().enumerate() {
            *length += 1 + self.get(index).len();
        }
    }
}

fn add_lengths(form: Form, values: &Indexed<'_>, lengths: &mut [usize]) -> Result<()> {
    if let Some(width) = form.width_bytes() {
        // A null is as long, so that the keys of fixed columns are of one length.
        lengths.iter_mut().for_each(|length| *length += 1 + width);
        return Ok(());
    }
    let views = match values.data() {
        Data::Views(views) => Some(views),
        Data::Null => None,
        _ => return Err(mismatch()),
    };
    for (position, length) in lengths.iter_mut().enumerate() {
        *length += 1;
        if let (Some(views), true) = (views, values.is_valid(position)) {
            let bytes = views.get(values.indices()[position] as usize);
            *length += bytes.len() + 2 + memchr::memchr_iter(0, bytes).count();
        }
    }
    Ok(())
}

/// Where the next parts of keys are written.
struct Target<'a> {
    bytes: &'a mut [u8],
    /// Where each key goes on.
    cursors: &'a mut [usize],
    key: &'a SortKey,
}

impl Target<'_> {
    fn column(&mut self, form: Form, values: &Indexed<'_>) -> Result<()> {
        match form {
            Form::Null => self.each(values, 0, |_, _| {}),
            _ if matches!(values.data(), Data::Null) => {
                self.each(values, form.width_bytes().unwrap_or(0), |_, _| {});
            }
            Form::Integer(width) => self.integers(width, values)?,
            Form::Float => self.floats(values)?,
            Form::Fixed(_) | Form::Int96 | Form::SignedInterval => self.fixed(form, values)?,
            Form::Strings => self.strings(values)?,
            Form::Nested => return Err(mismatch()),
        }
        Ok(())
    }

    /// Writes a null byte and, if present, what `write` makes of the value's place, inverted if
    /// descending.
    #[inline(always)]
    fn each(
        &mut self,
        values: &Indexed<'_>,
        width: usize,
        mut write: impl FnMut(usize, &mut [u8]),
    ) {
        let null_byte = u8::from(!self.key.nulls_first);
        let may_be_null = values.may_be_null();
        for (position, cursor) in self.cursors.iter_mut().enumerate() {
            let slot = &mut self.bytes[*cursor..*cursor + 1 + width];
            *cursor += 1 + width;
            if may_be_null && !values.is_valid(position) {
                slot[0] = null_byte;
                continue;
            }
            slot[0] = 1 - null_byte;
            write(values.indices()[position] as usize, &mut slot[1..]);
            if self.key.descending {
                slot[1..].iter_mut().for_each(|byte| *byte = !*byte);
            }
        }
    }

    fn integers(&mut self, width: usize, values: &Indexed<'_>) -> Result<()> {
        macro_rules! signed {
            ($numbers:expr, $native:ty) => {
                self.each(values, width, |index, slot| {
                    let flipped = $numbers[index] ^ <$native>::MIN;
                    slot.copy_from_slice(&flipped.to_be_bytes());
                })
            };
        }
        macro_rules! unsigned {
            ($numbers:expr) => {
                self.each(values, width, |index, slot| {
                    slot.copy_from_slice(&$numbers[index].to_be_bytes());
                })
            };
        }
        match (values.data(), width) {
            (Data::Boolean(bits), 1) => {
                self.each(values, 1, |index, slot| slot[0] = bits.get(index).into());
            }
            (Data::Int8(numbers), 1) => signed!(numbers, i8),
            (Data::Int16(numbers), 2) => signed!(numbers, i16),
            (Data::Int32(numbers), 4) => signed!(numbers, i32),
            (Data::Int64(numbers), 8) => signed!(numbers, i64),
            (Data::Int128(numbers), 16) => signed!(numbers, i128),
            (Data::UInt8(numbers), 1) => unsigned!(numbers),
            (Data::UInt16(numbers), 2) => unsigned!(numbers),
            (Data::UInt32(numbers), 4) => unsigned!(numbers),
            (Data::UInt64(numbers), 8) => unsigned!(numbers),
            (Data::Int64(numbers), 16) => self.each(values, width, |index, slot| {
                let flipped = i128::from(numbers[index]) ^ i128::MIN;
                slot.copy_from_slice(&flipped.to_be_bytes());
            }),
            // A decimal of at most 18 digits.
            (Data::Int128(numbers), 8) => self.each(values, width, |index, slot| {
                let flipped = numbers[index] as i64 ^ i64::MIN;
                slot.copy_from_slice(&flipped.to_be_bytes());
            }),
            _ => return Err(mismatch()),
        }
        Ok(())
    }

    fn floats(&mut self, values: &Indexed<'_>) -> Result<()> {
        let bytes = |float: f64| (order_of_float(float) ^ i64::MIN).to_be_bytes();
        match values.data() {
            Data::Float64(floats) => self.each(values, 8, |index, slot| {
                slot.copy_from_slice(&bytes(floats[index]));
            }),
            Data::Float32(floats) => self.each(values, 8, |index, slot| {
                slot.copy_from_slice(&bytes(floats[index].into()));
            }),
            Data::Float16(halves) => self.each(values, 8, |index, slot| {
                slot.copy_from_slice(&bytes(f16::from_bits(halves[index]).to_f64()));
            }),
            _ => return Err(mismatch()),
        }
        Ok(())
    }

    fn fixed(&mut self, form: Form, values: &Indexed<'_>) -> Result<()> {
        let (Data::Fixed { width_bytes, bytes }, Some(width)) = (values.data(), form.width_bytes())
        else {
            return Err(mismatch());
        };
        if *width_bytes != width {
            return Err(mismatch());
        }
        let value = |index: usize| &bytes.as_slice()[index * width..][..width];
        match form {
            Form::Int96 => self.each(values, width, |index, slot| {
                let value = value(index);
                let nanos: i64 = bytemuck::pod_read_unaligned(&value[..8]);
                let day: i32 = bytemuck::pod_read_unaligned(&value[8..]);
                slot[..4].copy_from_slice(&(day ^ i32::MIN).to_be_bytes());
                slot[4..].copy_from_slice(&(nanos ^ i64::MIN).to_be_bytes());
            }),
            Form::SignedInterval => self.each(values, width, |index, slot| {
                let length = Interval::from_bytes(value(index)).unwrap_or_default().length_micros();
                slot.copy_from_slice(&(length ^ i128::MIN).to_be_bytes());
            }),
            _ => self.each(values, width, |index, slot| slot.copy_from_slice(value(index))),
        }
        Ok(())
    }

    fn nested(&mut self, values: &Indexed<'_>, keys: &SortKeys) {
        let null_byte = u8::from(!self.key.nulls_first);
        let flip = if self.key.descending { 0xff } else { 0 };
        for (position, cursor) in self.cursors.iter_mut().enumerate() {
            let key = keys.get(position);
            let slot = &mut self.bytes[*cursor..*cursor + 1 + key.len()];
            *cursor += 1 + key.len();
            slot[0] = if values.is_valid(position) { 1 - null_byte } else { null_byte };
            for (byte, own) in slot[1..].iter_mut().zip(key) {
                *byte = own ^ flip;
            }
        }
    }

    fn strings(&mut self, values: &Indexed<'_>) -> Result<()> {
        let Data::Views(views) = values.data() else { return Err(mismatch()) };
        let null_byte = u8::from(!self.key.nulls_first);
        let flip = if self.key.descending { 0xff } else { 0 };
        for (position, cursor) in self.cursors.iter_mut().enumerate() {
            let mut at = *cursor;
            let mut write = |byte: u8| {
                self.bytes[at] = byte;
                at += 1;
            };
            if values.is_valid(position) {
                write(1 - null_byte);
                for byte in views.get(values.indices()[position] as usize) {
                    write(byte ^ flip);
                    if *byte == 0 {
                        write(!flip);
                    }
                }
                write(flip);
                write(flip);
            } else {
                write(null_byte);
            }
            *cursor = at;
        }
        Ok(())
    }
}
