//! Names of SQL types to types, and the fields of dates.

use std::sync::Arc;

use millwork_format::types::{DataType, Field, TimeUnit};
use sqlparser::ast as parsed;

use super::Converter;
use super::map_type::MARKS;
use crate::error::{Error, Result};
use crate::expr::DatePart;
use crate::sql::types;

/// DECIMAL without arguments, as in DuckDB.
const DECIMAL_DEFAULT: (u64, i64) = (18, 3);

impl Converter<'_> {
    pub(super) fn data_type(&mut self, data_type: parsed::DataType) -> Result<DataType> {
        use parsed::DataType as Parsed;
        Ok(match data_type {
            Parsed::Bool | Parsed::Boolean => DataType::Boolean,
            Parsed::TinyInt(_) => DataType::Int8,
            Parsed::SmallInt(_) | Parsed::Int2(_) | Parsed::Int16 => DataType::Int16,
            Parsed::Int(_) | Parsed::Integer(_) | Parsed::Int4(_) | Parsed::Int32 => {
                DataType::Int32
            }
            Parsed::BigInt(_) | Parsed::Int8(_) | Parsed::Int64 => DataType::Int64,
            Parsed::HugeInt | Parsed::Int128 => DataType::Int128,
            Parsed::UTinyInt | Parsed::UInt8 => DataType::UInt8,
            Parsed::USmallInt | Parsed::UInt16 => DataType::UInt16,
            Parsed::UInt32 => DataType::UInt32,
            Parsed::UBigInt | Parsed::UInt64 => DataType::UInt64,
            Parsed::Float(_) | Parsed::Float4 | Parsed::Real | Parsed::Float32 => DataType::Float32,
            Parsed::Double(_) | Parsed::DoublePrecision | Parsed::Float8 | Parsed::Float64 => {
                DataType::Float64
            }
            Parsed::Decimal(info) | Parsed::Numeric(info) | Parsed::Dec(info) => {
                self.decimal(info)?
            }
            Parsed::Varchar(_)
            | Parsed::Char(_)
            | Parsed::Character(_)
            | Parsed::CharacterVarying(_)
            | Parsed::CharVarying(_)
            | Parsed::Text
            | Parsed::String(_) => DataType::Utf8,
            Parsed::Blob(_) | Parsed::Bytea | Parsed::Binary(_) | Parsed::Varbinary(_) => {
                DataType::Binary
            }
            Parsed::Date => DataType::Date,
            Parsed::Time(_, zone) => DataType::Time { unit: TimeUnit::Micros, utc: is_utc(zone) },
            Parsed::Timestamp(digits, zone) => timestamp(digits, is_utc(zone)),
            Parsed::TimestampNtz(digits) | Parsed::Datetime(digits) => timestamp(digits, false),
            Parsed::Interval { .. } => DataType::SignedInterval,
            Parsed::Uuid => DataType::Uuid,
            Parsed::JSON => DataType::Json,
            Parsed::Array(
                parsed::ArrayElemTypeDef::SquareBracket(element, None)
                | parsed::ArrayElemTypeDef::AngleBracket(element),
            ) => {
                let element = self.nested(|this| this.data_type(*element))?;
                DataType::List(Arc::new(Field::nullable("element", element)))
            }
            Parsed::Struct(fields, _) => {
                let mut members: Vec<Field> = Vec::with_capacity(fields.len());
                for field in fields {
                    let name = field.field_name.map_or_else(String::new, |name| name.value);
                    let data_type = self.nested(|this| this.data_type(field.field_type))?;
                    members.push(Field::nullable(&name, data_type));
                }
                match members.as_slice() {
                    [key, value] if [&*key.name, &*value.name] == MARKS => {
                        types::map_of(key.data_type.clone(), value.data_type.clone())
                    }
                    _ => DataType::Struct(members.into()),
                }
            }
            Parsed::Custom(name, _) => self.custom(&name.to_string())?,
            other => return self.unsupported(format!("type {other}")),
        })
    }

    /// Types that are words to the parser.
    fn custom(&mut self, name: &str) -> Result<DataType> {
        Ok(match name.to_ascii_uppercase().as_str() {
            "UINTEGER" => DataType::UInt32,
            "LONG" => DataType::Int64,
            "SHORT" => DataType::Int16,
            "LOGICAL" => DataType::Boolean,
            "BPCHAR" => DataType::Utf8,
            "TIMESTAMP_MS" => timestamp(Some(3), false),
            "TIMESTAMP_US" => timestamp(Some(6), false),
            "TIMESTAMP_NS" => timestamp(Some(9), false),
            "TIMESTAMPTZ" => timestamp(None, true),
            _ => return Err(Error::name(format!("unknown type {name}")).at(self.last)),
        })
    }

    fn decimal(&mut self, info: parsed::ExactNumberInfo) -> Result<DataType> {
        let (precision, scale) = match info {
            parsed::ExactNumberInfo::None => DECIMAL_DEFAULT,
            parsed::ExactNumberInfo::Precision(precision) => (precision, 0),
            parsed::ExactNumberInfo::PrecisionAndScale(precision, scale) => (precision, scale),
        };
        let valid =
            |&(precision, scale): &(u8, u8)| (1..=38).contains(&precision) && scale <= precision;
        u8::try_from(precision)
            .ok()
            .zip(u8::try_from(scale).ok())
            .filter(valid)
            .map(|(precision, scale)| DataType::Decimal { precision, scale })
            .ok_or_else(|| {
                let what = format!(
                    "DECIMAL({precision},{scale}): the precision is 1 to 38, the scale at most that"
                );
                Error::types(what).at(self.last)
            })
    }

    pub(super) fn date_part(&mut self, field: &parsed::DateTimeField) -> Result<DatePart> {
        let name = field.to_string();
        date_part(name.trim_matches('\'')).ok_or_else(|| {
            Error::unsupported(format!("EXTRACT of {name} is not supported")).at(self.last)
        })
    }
}

/// The part of a date that `name` names, in any case.
pub fn date_part(name: &str) -> Option<DatePart> {
    Some(match name.to_ascii_lowercase().as_str() {
        "millennium" | "millennia" | "millenniums" | "mil" | "mils" => DatePart::Millennium,
        "century" | "centuries" | "cent" | "c" => DatePart::Century,
        "decade" | "decades" | "dec" | "decs" => DatePart::Decade,
        "isoyear" => DatePart::IsoYear,
        "year" | "years" | "yr" | "yrs" | "y" => DatePart::Year,
        "quarter" | "quarters" => DatePart::Quarter,
        "month" | "months" | "mon" => DatePart::Month,
        "week" | "weeks" | "w" => DatePart::Week,
        "day" | "days" | "d" | "dayofmonth" => DatePart::Day,
        "dow" | "dayofweek" | "weekday" => DatePart::DayOfWeek,
        "isodow" => DatePart::IsoDayOfWeek,
        "julian" => DatePart::Julian,
        "doy" | "dayofyear" => DatePart::DayOfYear,
        "hour" | "hours" | "h" => DatePart::Hour,
        "minute" | "minutes" | "m" => DatePart::Minute,
        "second" | "seconds" | "s" => DatePart::Second,
        "millisecond" | "milliseconds" | "ms" | "msec" | "msecs" => DatePart::Millisecond,
        "microsecond" | "microseconds" | "us" | "usec" | "usecs" => DatePart::Microsecond,
        "epoch" => DatePart::Epoch,
        _ => return None,
    })
}

fn is_utc(zone: parsed::TimezoneInfo) -> bool {
    matches!(zone, parsed::TimezoneInfo::WithTimeZone | parsed::TimezoneInfo::Tz)
}

fn timestamp(digits: Option<u64>, utc: bool) -> DataType {
    let unit = match digits {
        Some(0..=3) => TimeUnit::Millis,
        Some(7..) => TimeUnit::Nanos,
        None | Some(_) => TimeUnit::Micros,
    };
    DataType::Timestamp { unit, utc }
}
