//! Values as Rust types of the caller's choice.
//!
//! In: a [`Value`]. Out: a `T: FromValue`, or an error that names the column and both types. Text and
//! bytes are copied only where a `String` or `Vec` is asked for.

use half::f16;

use super::value::{Date, Decimal, Interval, List, Map, Row, Time, Timestamp, Value};
use crate::error::{Error, Result};
use crate::types::Field;
use crate::wide_decimal::WideDecimal;

/// A Rust type that values can be taken as.
///
/// Integers are taken as any integer type that holds the value; floats only widen. `Option` is for
/// columns that may be null, and [`Value`] takes everything.
pub trait FromValue<'a>: Sized {
    /// What errors call it.
    const NAME: &'static str;

    /// The value, or `None` if it is not of this type.
    fn from_value(value: Value<'a>) -> Option<Self>;
}

macro_rules! integers {
    ($($type:ident)*) => {$(
        impl FromValue<'_> for $type {
            const NAME: &'static str = stringify!($type);

            fn from_value(value: Value<'_>) -> Option<Self> {
                match value {
                    Value::Integer(value) => value.try_into().ok(),
                    _ => None,
                }
            }
        }
    )*};
}

integers!(i8 i16 i32 i64 i128 u8 u16 u32 u64);

macro_rules! plain {
    ($($type:ty, $name:literal: $($pattern:pat => $value:expr),+;)*) => {$(
        impl<'a> FromValue<'a> for $type {
            const NAME: &'static str = $name;

            fn from_value(value: Value<'a>) -> Option<Self> {
                match value {
                    $($pattern => Some($value),)+
                    _ => None,
                }
            }
        }
    )*};
}

plain! {
    bool, "bool": Value::Boolean(value) => value;
    f16, "f16": Value::Float16(value) => value;
    f32, "f32": Value::Float32(value) => value, Value::Float16(value) => value.to_f32();
    f64, "f64": Value::Float64(value) => value, Value::Float32(value) => value.into(),
        Value::Float16(value) => value.to_f64();
    Decimal, "Decimal": Value::Decimal(value) => value;
    WideDecimal, "WideDecimal": Value::WideDecimal(value) => value;
    Date, "Date": Value::Date(value) => value;
    Time, "Time": Value::Time(value) => value;
    Timestamp, "Timestamp": Value::Timestamp(value) => value;
    Interval, "Interval": Value::Interval(value) => value;
    &'a str, "&str": Value::Text(value) => value;
    String, "String": Value::Text(value) => value.to_owned();
    &'a [u8], "&[u8]": Value::Bytes(value) => value, Value::Text(value) => value.as_bytes();
    Vec<u8>, "Vec<u8>": Value::Bytes(value) => value.to_vec(),
        Value::Text(value) => value.as_bytes().to_vec();
    List<'a>, "List": Value::List(value) => value;
    Map<'a>, "Map": Value::Map(value) => value;
    Row<'a>, "Row": Value::Struct(value) => value;
}

impl<'a> FromValue<'a> for Value<'a> {
    const NAME: &'static str = "Value";

    fn from_value(value: Self) -> Option<Self> {
        Some(value)
    }
}

impl<'a, T: FromValue<'a>> FromValue<'a> for Option<T> {
    const NAME: &'static str = T::NAME;

    fn from_value(value: Value<'a>) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            value => T::from_value(value).map(Some),
        }
    }
}

/// `value` of `field` as a `T`.
fn taken<'a, T: FromValue<'a>>(value: Value<'a>, field: &Field) -> Result<T> {
    T::from_value(value).ok_or_else(|| match value {
        Value::Null => Error::invalid_argument(format!("column \"{}\" is null here", field.name))
            .hint(format!("read it as Option<{}>", T::NAME)),
        Value::Integer(value) if matches!(T::NAME.as_bytes(), [b'i' | b'u', ..]) => {
            Error::invalid_argument(format!(
                "{value} of column \"{}\" does not fit {}",
                field.name,
                T::NAME
            ))
        }
        _ => Error::invalid_argument(format!(
            "column \"{}\" of type {} cannot be read as {}",
            field.name,
            field.data_type,
            T::NAME
        )),
    })
}

impl<'a> Row<'a> {
    /// The value of `column` (a position or a name) as a `T`. Of columns with the same name the first
    /// is taken.
    ///
    /// # Errors
    /// `InvalidArgument` if there is no such column, if it is null and `T` is no `Option`, or if its
    /// value is not a `T`.
    pub fn get<T: FromValue<'a>>(&self, column: impl ColumnKey) -> Result<T> {
        let fields = self.fields();
        let found = column.position(fields);
        let Some((value, field)) = found.and_then(|at| Some((self.value(at)?, fields.get(at)?)))
        else {
            let names: Vec<&str> = fields.iter().map(|field| &*field.name).take(20).collect();
            return Err(Error::invalid_argument(format!("no column {}", column.shown()))
                .hint(format!("there are: {}", names.join(", "))));
        };
        taken(value?, field)
    }
}

/// How a column is named: by position or by name.
pub trait ColumnKey {
    /// Where it is among `fields`.
    fn position(&self, fields: &[Field]) -> Option<usize>;
    /// What errors call it.
    fn shown(&self) -> String;
}

impl ColumnKey for usize {
    fn position(&self, fields: &[Field]) -> Option<usize> {
        (*self < fields.len()).then_some(*self)
    }

    fn shown(&self) -> String {
        format!("{self} of the row")
    }
}

impl ColumnKey for &str {
    fn position(&self, fields: &[Field]) -> Option<usize> {
        fields.iter().position(|field| &*field.name == *self)
    }

    fn shown(&self) -> String {
        format!("\"{self}\"")
    }
}
