//! One value of a row, and a row as the values of its columns.
//!
//! In: a cell of a vector and its type. Out: a [`Value`] borrowed from the batch; nothing is copied.

use half::f16;

use super::notation::interval_parts;
use super::text::key_of;
use crate::calendar::int96_parts;
use crate::error::{Error, Result};
use crate::types::{DataType, Field, TimeUnit};
use crate::vector::{Cell, Vector};
use crate::wide_decimal::WideDecimal;

/// One value, borrowed from its batch.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Value<'a> {
    /// Not present.
    Null,
    /// True or false.
    Boolean(bool),
    /// An integer of any width.
    Integer(i128),
    /// Half precision.
    Float16(f16),
    /// Single precision.
    Float32(f32),
    /// Double precision.
    Float64(f64),
    /// An exact decimal.
    Decimal(Decimal),
    /// An exact decimal of more than 38 digits.
    WideDecimal(WideDecimal),
    /// A date.
    Date(Date),
    /// A time of day.
    Time(Time),
    /// A point in time.
    Timestamp(Timestamp),
    /// A span of months, days and milliseconds.
    Interval(Interval),
    /// UTF-8 text: strings, members of enumerations, JSON documents.
    Text(&'a str),
    /// Bytes: also BSON, UUID (16 of them) and WKB.
    Bytes(&'a [u8]),
    /// A list.
    List(List<'a>),
    /// A map.
    Map(Map<'a>),
    /// A struct: a row of its own.
    Struct(Row<'a>),
}

/// `unscaled * 10^-scale`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Decimal {
    /// The digits, as an integer.
    pub unscaled: i128,
    /// How many of them stand behind the point.
    pub scale: u8,
}

/// A day of the proleptic Gregorian calendar; [`crate::calendar::civil_from_days`] gives its year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    /// Days since 1970-01-01.
    pub days: i32,
}

/// A time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Time {
    /// Units since midnight.
    pub since_midnight: i64,
    /// The unit.
    pub unit: TimeUnit,
    /// Whether it is adjusted to UTC.
    pub utc: bool,
}

/// A point in time, by the clock on the wall or (`utc`) an instant. The days and the time of day are
/// apart, so that INT96 does not wrap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Timestamp {
    /// Whole days since 1970-01-01.
    pub days: i64,
    /// Nanoseconds of the day.
    pub nanos_of_day: i64,
    /// Whether it is an instant (adjusted to UTC) or local time.
    pub utc: bool,
}

impl Timestamp {
    /// Nanoseconds since 1970-01-01T00:00:00; 128 bits hold every one.
    #[must_use]
    pub fn nanos(&self) -> i128 {
        i128::from(self.days) * i128::from(crate::calendar::NANOS_PER_DAY)
            + i128::from(self.nanos_of_day)
    }
}

/// A span of time in three parts that do not add up to one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Interval {
    /// Months.
    pub months: u32,
    /// Days.
    pub days: u32,
    /// Milliseconds.
    pub millis: u32,
}

/// The elements of one list.
#[derive(Clone, Copy, Debug)]
pub struct List<'a> {
    element: &'a DataType,
    child: &'a Vector,
    start: usize,
    end: usize,
}

impl<'a> List<'a> {
    /// Elements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// The elements in order.
    ///
    /// # Errors
    /// Each item: `Internal` if the element does not belong to its type.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Result<Value<'a>>> + use<'a> {
        let (child, element) = (self.child, self.element);
        (self.start..self.end).map(move |row| Value::of(child.cell(row), element))
    }
}

/// The entries of one map, in file order, duplicates kept.
#[derive(Clone, Copy, Debug)]
pub struct Map<'a> {
    key: &'a DataType,
    value: Option<&'a DataType>,
    entries: &'a Vector,
    start: usize,
    end: usize,
}

impl<'a> Map<'a> {
    /// Entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Keys and values in order; the values of a map without any are null.
    ///
    /// # Errors
    /// Each item: `Internal` if the entry does not belong to its type.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Result<(Value<'a>, Value<'a>)>> + use<'a> {
        let map = *self;
        (map.start..map.end).map(move |row| {
            let entry = map.entries.cell(row);
            let value = match (map.value, entry) {
                (Some(value), Cell::Struct { children: [_, values], row }) => {
                    Value::of(values.cell(row), value)?
                }
                _ => Value::Null,
            };
            Ok((Value::of(key_of(entry), map.key)?, value))
        })
    }
}

/// One row of a file, or one struct inside it.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    fields: &'a [Field],
    columns: &'a [Vector],
    row: usize,
}

impl<'a> Row<'a> {
    pub(super) fn new(fields: &'a [Field], columns: &'a [Vector], row: usize) -> Self {
        Self { fields, columns, row }
    }

    /// The columns, in the order of the schema.
    #[must_use]
    pub fn fields(&self) -> &'a [Field] {
        self.fields
    }

    /// The value of the column at `position`; `None` if there is no such column.
    ///
    /// # Errors
    /// `Internal` if the value does not belong to its type.
    #[must_use]
    pub fn value(&self, position: usize) -> Option<Result<Value<'a>>> {
        let (vector, field) = (self.columns.get(position)?, self.fields.get(position)?);
        Some(Value::of(vector.cell(self.row), &field.data_type))
    }

    /// All values in the order of the columns.
    ///
    /// # Errors
    /// Each item: `Internal` if the value does not belong to its type.
    pub fn values(&self) -> impl ExactSizeIterator<Item = Result<Value<'a>>> + use<'a> {
        let row = self.row;
        let pairs = self.columns.iter().zip(self.fields);
        pairs.map(move |(vector, field)| Value::of(vector.cell(row), &field.data_type))
    }
}

impl<'a> Value<'a> {
    /// What `cell` means as a value of type `data_type`.
    ///
    /// # Errors
    /// `Internal` if it does not belong to the type.
    pub fn of(cell: Cell<'a>, data_type: &'a DataType) -> Result<Self> {
        let wrong = || Error::internal(format!("{cell:?} as a value of {data_type}"));
        Ok(match (cell, data_type) {
            (Cell::Null, _) => Self::Null,
            (Cell::Boolean(value), _) => Self::Boolean(value),
            (Cell::Float16(value), _) => Self::Float16(value),
            (Cell::Float32(value), _) => Self::Float32(value),
            (Cell::Float64(value), _) => Self::Float64(value),
            (Cell::Integer(value), data_type) => {
                return of_integer(value, data_type).ok_or_else(wrong);
            }
            (Cell::Bytes(bytes), text) if text.is_text() => {
                Self::Text(std::str::from_utf8(bytes).map_err(|_| wrong())?)
            }
            (Cell::Bytes(bytes), DataType::Interval) => {
                let (months, days, millis) = interval_parts(bytes.try_into().map_err(|_| wrong())?);
                Self::Interval(Interval { months, days, millis })
            }
            (Cell::Bytes(bytes), DataType::Int96) => {
                let (days, nanos_of_day) = int96_parts(bytes.try_into().map_err(|_| wrong())?);
                Self::Timestamp(Timestamp { days, nanos_of_day, utc: false })
            }
            (Cell::Bytes(bytes), DataType::WideDecimal { scale, .. }) => {
                Self::WideDecimal(WideDecimal::from_ordered(bytes, *scale).ok_or_else(wrong)?)
            }
            (Cell::Bytes(bytes), _) => Self::Bytes(bytes),
            (Cell::List { child, start, end }, DataType::List(element)) => {
                Self::List(List { element: &element.data_type, child, start, end })
            }
            (Cell::List { child, start, end }, DataType::Map { key, value }) => Self::Map(Map {
                key: &key.data_type,
                value: value.as_ref().map(|value| &value.data_type),
                entries: child,
                start,
                end,
            }),
            (Cell::Struct { children, row }, DataType::Struct(fields)) => {
                Self::Struct(Row::new(fields, children, row))
            }
            (Cell::List { .. } | Cell::Struct { .. }, _) => return Err(wrong()),
        })
    }
}

fn of_integer<'a>(value: i128, data_type: &DataType) -> Option<Value<'a>> {
    Some(match data_type {
        DataType::Decimal { scale, .. } => {
            Value::Decimal(Decimal { unscaled: value, scale: *scale })
        }
        DataType::Date => Value::Date(Date { days: value.try_into().ok()? }),
        DataType::Time { unit, utc } => {
            Value::Time(Time { since_midnight: value.try_into().ok()?, unit: *unit, utc: *utc })
        }
        DataType::Timestamp { unit, utc } => {
            let value: i64 = value.try_into().ok()?;
            let per_day = unit.per_second() * 86_400;
            let nanos_per_unit = 1_000_000_000 / unit.per_second();
            Value::Timestamp(Timestamp {
                days: value.div_euclid(per_day),
                nanos_of_day: value.rem_euclid(per_day) * nanos_per_unit,
                utc: *utc,
            })
        }
        _ => Value::Integer(value),
    })
}
