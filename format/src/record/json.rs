//! Canonical JSON Lines: one object a row, keys in the order of the schema.
//!
//! In: batches. Out: lines. Everything has one form: integers and finite floats are numbers in the
//! fewest digits that are read back; NaN and infinities, decimals (with all digits of their scale),
//! dates, times and UUIDs are strings; bytes are base64; a map is an array of its entries.
//!
//! A column is looked at once a batch: which kind of vector it is, and what of it can be written
//! without looking at the type again. Short entries of a dictionary are written once and then copied,
//! as far as there is room. Text is handed on in the middle of rows and values.

use super::notation::{self, Era, Fraction, TimestampStyle};
use super::stream::{PIECE_BYTES, Stream, handed_on};
use super::text::key_of;
use crate::batch::Batch;
use crate::calendar::int96_parts;
use crate::error::{Error, Result};
use crate::room::room_for;
use crate::schema::unique_names;
use crate::types::{DataType, Field};
use crate::vector::{Cell, Codes, Data, Dictionary, DictionaryId, Vector, Views};
use crate::wide_decimal::WideDecimal;
use millwork_codecs::buffer::Bitmap;

/// Memory for texts of dictionary entries, of all columns together.
const KEPT_BYTES: usize = 8 << 20;

/// Only of so many entries of a dictionary texts are kept: from the first on.
const KEPT_ENTRIES: usize = 64 << 10;

/// Longer values are not kept as text.
const SHORT_BYTES: usize = 4 << 10;

/// Writes batches as canonical JSON Lines, or as the elements of a JSON array.
#[derive(Clone, Debug)]
pub struct JsonWriter {
    columns: Vec<Member>,
    entries: Vec<Entries>,
    /// Bytes that texts of entries may still take.
    room: usize,
    /// Of an array: whether there is an element before the next one.
    array: Option<bool>,
    text: Vec<u8>,
}

/// A member of an object: `"key":`, with the comma in front that it needs, and what follows.
#[derive(Clone, Debug)]
struct Member {
    key: Vec<u8>,
    value: Form,
}

/// How a value is written.
#[derive(Clone, Debug)]
enum Form {
    Scalar(DataType),
    List(Box<Self>),
    Map { key: Box<Self>, value: Option<Box<Self>> },
    Struct(Vec<Member>),
}

impl JsonWriter {
    /// A writer of rows of `fields`; keys that repeat are made unique.
    #[must_use]
    pub fn new(fields: &[Field]) -> Self {
        let columns = members(fields);
        let entries = columns.iter().map(|_| Entries::default()).collect();
        Self { columns, entries, room: KEPT_BYTES, array: None, text: Vec::new() }
    }

    /// The same for the elements of one array, each on a line of its own. The brackets are the caller's:
    /// a line break stands before the first element, a comma and a line break before each other.
    #[must_use]
    pub fn array(fields: &[Field]) -> Self {
        Self { array: Some(false), ..Self::new(fields) }
    }

    /// Appends all selected rows. For text of any length take [`write_batch_to`](Self::write_batch_to).
    ///
    /// # Errors
    /// `Internal` if the batch has another number of columns, or one of another type.
    pub fn write_batch(&mut self, batch: &Batch, out: &mut Vec<u8>) -> Result<()> {
        self.write_rows(batch, &mut Stream::kept(out))
    }

    /// Gives the text of all selected rows to `take`, in pieces of some 256 KiB that end anywhere, also
    /// in the middle of a character. No more text is held than that.
    ///
    /// # Errors
    /// Those of `take`; `Internal` as for [`write_batch`](Self::write_batch).
    pub fn write_batch_to(
        &mut self,
        batch: &Batch,
        take: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let mut text = std::mem::take(&mut self.text);
        let written = handed_on(&mut text, take, |out| self.write_rows(batch, out));
        self.text = text;
        written
    }

    /// Memory of what is kept between batches, in bytes.
    #[cfg(test)]
    pub(super) fn kept_bytes(&self) -> usize {
        let of = |entries: &Entries| entries.spans.capacity() * 8 + entries.text.capacity();
        self.entries.iter().map(of).sum()
    }

    fn write_rows(&mut self, batch: &Batch, out: &mut Stream<'_>) -> Result<()> {
        if batch.columns().len() != self.columns.len() {
            return Err(Error::internal(format!(
                "a batch of {} columns for JSON of {}",
                batch.columns().len(),
                self.columns.len()
            )));
        }
        let mut columns: Vec<Column<'_>> = room_for(self.columns.len())?;
        for ((member, vector), entries) in
            self.columns.iter().zip(batch.columns()).zip(&mut self.entries)
        {
            let values = Values::of(vector, &member.value, entries, &mut self.room)?;
            let validity = vector.validity();
            columns.push(Column { key: &member.key, form: &member.value, validity, values });
        }
        for row in batch.selection().rows().iter() {
            match &mut self.array {
                Some(true) => out.text.extend_from_slice(b",\n{"),
                Some(is_begun) => {
                    *is_begun = true;
                    out.text.extend_from_slice(b"\n{");
                }
                None => out.text.push(b'{'),
            }
            for column in &mut columns {
                out.text.extend_from_slice(column.key);
                column.write(*row as usize, &mut self.room, out)?;
            }
            out.text.extend_from_slice(if self.array.is_some() { b"}" } else { b"}\n" });
            out.eased()?;
        }
        Ok(())
    }
}

/// Appends `cell`, a value of type `data_type`, as canonical JSON.
///
/// # Errors
/// `Internal` if the cell does not belong to the type.
pub fn write_value(data_type: &DataType, cell: Cell<'_>, out: &mut Vec<u8>) -> Result<()> {
    form(data_type).write(cell, &mut Stream::kept(out))
}

/// Appends `text` as a JSON string. Bytes that are not UTF-8 are appended as they are.
pub fn write_string(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    escape(text, out);
    out.push(b'"');
}

/// The same of text of any length.
fn write_text(text: &[u8], out: &mut Stream<'_>) -> Result<()> {
    if text.len() <= PIECE_BYTES {
        write_string(text, out.text);
        return Ok(());
    }
    out.text.push(b'"');
    for piece in text.chunks(PIECE_BYTES) {
        escape(piece, out.text);
        out.eased()?;
    }
    out.text.push(b'"');
    Ok(())
}

fn escape(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| must_escape(*byte)) {
        let (plain, from) = rest.split_at(at);
        out.extend_from_slice(plain);
        let Some((byte, behind)) = from.split_first() else {
            break;
        };
        write_escape(*byte, out);
        rest = behind;
    }
    out.extend_from_slice(rest);
}

const fn must_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

fn write_escape(byte: u8, out: &mut Vec<u8>) {
    match byte {
        b'"' | b'\\' => out.extend([b'\\', byte]),
        b'\n' => out.extend(b"\\n"),
        b'\r' => out.extend(b"\\r"),
        b'\t' => out.extend(b"\\t"),
        8 => out.extend(b"\\b"),
        12 => out.extend(b"\\f"),
        _ => {
            let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
            out.extend(*b"\\u00");
            out.extend([digit(byte >> 4), digit(byte & 15)]);
        }
    }
}

fn members(fields: &[Field]) -> Vec<Member> {
    let names = unique_names(fields.iter().map(|field| &*field.name));
    fields
        .iter()
        .zip(names)
        .enumerate()
        .map(|(index, (field, name))| {
            let mut key = if index == 0 { Vec::new() } else { vec![b','] };
            write_string(name.as_bytes(), &mut key);
            key.push(b':');
            Member { key, value: form(&field.data_type) }
        })
        .collect()
}

fn form(data_type: &DataType) -> Form {
    let boxed = |field: &Field| Box::new(form(&field.data_type));
    match data_type {
        DataType::List(element) => Form::List(boxed(element)),
        DataType::Map { key, value } => {
            Form::Map { key: boxed(key), value: value.as_deref().map(boxed) }
        }
        DataType::Struct(fields) => Form::Struct(members(fields)),
        scalar => Form::Scalar(scalar.clone()),
    }
}

impl Form {
    fn write(&self, cell: Cell<'_>, out: &mut Stream<'_>) -> Result<()> {
        match (self, cell) {
            (_, Cell::Null) => out.text.extend(b"null"),
            (Self::Scalar(data_type), cell) => write_scalar(data_type, cell, out)?,
            (Self::List(element), Cell::List { child, start, end }) => {
                out.text.push(b'[');
                for row in start..end {
                    if row > start {
                        out.text.push(b',');
                    }
                    element.write(child.cell(row), out)?;
                }
                out.text.push(b']');
            }
            (Self::Map { key, value }, Cell::List { child, start, end }) => {
                out.text.push(b'[');
                for row in start..end {
                    if row > start {
                        out.text.push(b',');
                    }
                    write_entry(key, value.as_deref(), child.cell(row), out)?;
                }
                out.text.push(b']');
            }
            (Self::Struct(members), Cell::Struct { children, row }) => {
                out.text.push(b'{');
                for (member, child) in members.iter().zip(children) {
                    out.text.extend_from_slice(&member.key);
                    member.value.write(child.cell(row), out)?;
                }
                out.text.push(b'}');
            }
            (form, cell) => {
                return Err(Error::internal(format!("{cell:?} to be written as {form:?}")));
            }
        }
        out.eased()
    }
}

/// An entry of a map: an object, or its key where there are no values.
fn write_entry(
    key: &Form,
    value: Option<&Form>,
    entry: Cell<'_>,
    out: &mut Stream<'_>,
) -> Result<()> {
    let Some(value) = value else {
        return key.write(key_of(entry), out);
    };
    let Cell::Struct { children: [keys, values], row } = entry else {
        return Err(Error::internal(format!("{entry:?} as the entry of a map")));
    };
    out.text.extend(b"{\"key\":");
    key.write(keys.cell(row), out)?;
    out.text.extend(b",\"value\":");
    value.write(values.cell(row), out)?;
    out.text.push(b'}');
    Ok(())
}

fn write_scalar(data_type: &DataType, cell: Cell<'_>, out: &mut Stream<'_>) -> Result<()> {
    let text = &mut *out.text;
    match cell {
        Cell::Null => text.extend(b"null"),
        Cell::Boolean(value) => write_boolean(value, text),
        Cell::Integer(value) => write_integer(data_type, value, text)?,
        Cell::Float16(value) => write_float32(value.to_f32(), text),
        Cell::Float32(value) => write_float32(value, text),
        Cell::Float64(value) => write_float64(value, text),
        Cell::Bytes(bytes) if data_type.is_text() => write_text(bytes, out)?,
        Cell::Bytes(bytes) => write_bytes(data_type, bytes, out)?,
        Cell::List { .. } | Cell::Struct { .. } => {
            return Err(Error::internal(format!("{cell:?} to be written as {data_type}")));
        }
    }
    Ok(())
}

fn write_boolean(value: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(if value { b"true" } else { b"false" });
}

fn style(digits: usize, utc: bool) -> TimestampStyle {
    TimestampStyle {
        separator: "T",
        fraction: Fraction::Digits(digits),
        zone: if utc { "Z" } else { "" },
        era: Era::Sign,
    }
}

fn write_integer(data_type: &DataType, value: i128, out: &mut Vec<u8>) -> Result<()> {
    let narrow =
        || i64::try_from(value).map_err(|_| Error::internal(format!("{value} as a {data_type}")));
    out.push(b'"');
    match data_type {
        DataType::Decimal { scale, .. } => notation::decimal(value, *scale, out),
        DataType::Date => notation::date(narrow()?, Era::Sign, out),
        DataType::Time { unit, .. } => {
            notation::time(narrow()?, *unit, Fraction::Digits(unit.digits()), out);
        }
        DataType::Timestamp { unit, utc } => {
            notation::timestamp(narrow()?, *unit, style(unit.digits(), *utc), out);
        }
        _ => {
            out.pop();
            notation::integer(value, out);
            return Ok(());
        }
    }
    out.push(b'"');
    Ok(())
}

fn write_float32(value: f32, out: &mut Vec<u8>) {
    if value.is_finite() {
        out.extend_from_slice(zmij::Buffer::new().format_finite(value).as_bytes());
    } else {
        write_float64(value.into(), out);
    }
}

fn write_float64(value: f64, out: &mut Vec<u8>) {
    match value {
        f64::INFINITY => out.extend(b"\"Infinity\""),
        f64::NEG_INFINITY => out.extend(b"\"-Infinity\""),
        value if value.is_nan() => out.extend(b"\"NaN\""),
        value => out.extend_from_slice(zmij::Buffer::new().format_finite(value).as_bytes()),
    }
}

fn write_bytes(data_type: &DataType, bytes: &[u8], stream: &mut Stream<'_>) -> Result<()> {
    let out = &mut *stream.text;
    let wrong_width =
        |_| Error::internal(format!("a value of {} bytes as a {data_type}", bytes.len()));
    if *data_type == DataType::Interval {
        let parts = notation::interval_parts(bytes.try_into().map_err(wrong_width)?);
        let (months, days, millis) = parts;
        let text = format!("{{\"months\":{months},\"days\":{days},\"millis\":{millis}}}");
        out.extend_from_slice(text.as_bytes());
        return Ok(());
    }
    if *data_type == DataType::SignedInterval {
        let parts = notation::signed_interval_parts(bytes.try_into().map_err(wrong_width)?);
        let (months, days, micros) = parts;
        let sign = if micros < 0 { "-" } else { "" };
        let (millis, rest) = (micros.unsigned_abs() / 1_000, micros.unsigned_abs() % 1_000);
        let fraction = format!(".{rest:03}");
        let fraction = if rest == 0 { "" } else { fraction.trim_end_matches('0') };
        let text =
            format!("{{\"months\":{months},\"days\":{days},\"millis\":{sign}{millis}{fraction}}}");
        out.extend_from_slice(text.as_bytes());
        return Ok(());
    }
    out.push(b'"');
    match data_type {
        DataType::Int96 => {
            let parts = int96_parts(bytes.try_into().map_err(wrong_width)?);
            notation::int96(parts, style(9, false), out);
        }
        DataType::Uuid => notation::uuid(bytes.try_into().map_err(wrong_width)?, out),
        DataType::WideDecimal { scale, .. } => match WideDecimal::from_ordered(bytes, *scale) {
            Some(decimal) => out.extend_from_slice(decimal.to_string().as_bytes()),
            None => return Err(Error::internal("a wide decimal of another width")),
        },
        _ => {
            for piece in bytes.chunks(PIECE_BYTES) {
                notation::base64(piece, stream.text);
                stream.eased()?;
            }
        }
    }
    stream.text.push(b'"');
    Ok(())
}

/// A column of a batch, ready to be written row by row.
struct Column<'a> {
    key: &'a [u8],
    form: &'a Form,
    validity: Option<&'a Bitmap>,
    values: Values<'a>,
}

/// Where the values of a column are.
enum Values<'a> {
    /// All the same: the text.
    Same(Vec<u8>),
    /// Entries of a dictionary.
    Coded(&'a Codes, &'a Dictionary, &'a mut Entries),
    Int32(&'a [i32]),
    Int64(&'a [i64]),
    Float32(&'a [f32]),
    Float64(&'a [f64]),
    Text(&'a Views),
    /// The general case.
    Cells(&'a Vector),
}

impl<'a> Values<'a> {
    fn of(
        vector: &'a Vector,
        form: &Form,
        entries: &'a mut Entries,
        room: &mut usize,
    ) -> Result<Self> {
        let scalar = match form {
            Form::Scalar(data_type) => data_type,
            _ => return Ok(Self::Cells(vector)),
        };
        Ok(match (vector.data(), scalar) {
            (Data::Null, _) => Self::Same(b"null".to_vec()),
            (Data::Constant(inner), _) if is_short(inner.cell(0)) => {
                let mut text = Vec::new();
                form.write(inner.cell(0), &mut Stream::kept(&mut text))?;
                Self::Same(text)
            }
            (Data::Dictionary(codes, dictionary), _) => {
                entries.begin(dictionary, room);
                Self::Coded(codes, dictionary, entries)
            }
            (Data::Int32(values), DataType::Int32) => Self::Int32(values),
            (Data::Int64(values), DataType::Int64) => Self::Int64(values),
            (Data::Float32(values), DataType::Float32) => Self::Float32(values),
            (Data::Float64(values), DataType::Float64) => Self::Float64(values),
            (Data::Views(views), text) if text.is_text() => Self::Text(views),
            _ => Self::Cells(vector),
        })
    }
}

impl Column<'_> {
    fn write(&mut self, row: usize, room: &mut usize, out: &mut Stream<'_>) -> Result<()> {
        let text = &mut *out.text;
        if self.validity.is_some_and(|bits| !bits.get(row)) {
            text.extend(b"null");
            return Ok(());
        }
        match &mut self.values {
            Values::Same(same) => text.extend_from_slice(same),
            Values::Coded(codes, dictionary, entries) => {
                let entry = codes.get(row) as usize;
                let cell = dictionary.values().cell(entry);
                if !entries.copy(entry, text)
                    && !entries.keep(entry, cell, self.form, room, text)?
                {
                    self.form.write(cell, out)?;
                }
            }
            Values::Int32(values) => {
                text.extend_from_slice(itoa::Buffer::new().format(values[row]).as_bytes());
            }
            Values::Int64(values) => {
                text.extend_from_slice(itoa::Buffer::new().format(values[row]).as_bytes());
            }
            Values::Float32(values) => write_float32(values[row], text),
            Values::Float64(values) => write_float64(values[row], text),
            Values::Text(views) => write_text(views.get(row), out)?,
            Values::Cells(vector) => self.form.write(vector.cell(row), out)?,
        }
        out.eased()
    }
}

/// Whether the text of `cell` is worth keeping.
fn is_short(cell: Cell<'_>) -> bool {
    !matches!(cell, Cell::Bytes(bytes) if bytes.len() > SHORT_BYTES)
}

/// The texts of a dictionary's entries, as far as they were needed and there was room.
#[derive(Clone, Debug, Default)]
struct Entries {
    dictionary: Option<DictionaryId>,
    /// Start and end of each entry's text, of the first entries; the end is 0 while there is none.
    spans: Vec<(u32, u32)>,
    text: Vec<u8>,
    /// Bytes taken from the room of all columns.
    held: usize,
}

impl Entries {
    /// Forgets the texts if they are those of another dictionary.
    fn begin(&mut self, dictionary: &Dictionary, room: &mut usize) {
        if self.dictionary != Some(dictionary.id()) {
            *room += self.held;
            *self = Self { dictionary: Some(dictionary.id()), ..Self::default() };
        }
    }

    /// Appends the text of `entry` to `out`; whether there is one.
    fn copy(&self, entry: usize, out: &mut Vec<u8>) -> bool {
        match self.spans.get(entry) {
            Some((start, end)) if *end > 0 => {
                let text = self.text.get(*start as usize..*end as usize);
                out.extend_from_slice(text.unwrap_or_default());
                true
            }
            _ => false,
        }
    }

    /// Appends the text of `entry`, which is `cell`, and keeps it; `false`, with nothing done, where it
    /// is long or there is no room.
    fn keep(
        &mut self,
        entry: usize,
        cell: Cell<'_>,
        form: &Form,
        room: &mut usize,
        out: &mut Vec<u8>,
    ) -> Result<bool> {
        if entry >= KEPT_ENTRIES || !is_short(cell) {
            return Ok(false);
        }
        if self.spans.len() <= entry {
            let wanted = (entry + 1).next_power_of_two();
            let more = wanted - self.spans.len();
            let bytes = more * size_of::<(u32, u32)>();
            if bytes > *room || self.spans.try_reserve_exact(more).is_err() {
                return Ok(false);
            }
            *room -= bytes;
            self.held += bytes;
            self.spans.resize(wanted, (0, 0));
        }
        let before = out.len();
        form.write(cell, &mut Stream::kept(out))?;
        let text = out.get(before..).unwrap_or_default();
        let start = self.text.len();
        if text.len() <= *room && self.text.try_reserve(text.len()).is_ok() {
            self.text.extend_from_slice(text);
            *room -= text.len();
            self.held += text.len();
            if let Some(span) = self.spans.get_mut(entry) {
                *span = (start as u32, self.text.len() as u32);
            }
        }
        Ok(true)
    }
}
