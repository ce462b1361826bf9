//! The types of columns, as pyarrow prints them: to compare schemas with those of goldens.
//!
//! In: a [`Field`]. Out: text like `list<element: int32 not null>`. What pyarrow knows and our types do not is
//! left out on both sides: the name of a map's entries, and who else is named in them ([`without_entries`]).

use millwork_format::types::{DataType, Field, TimeUnit};

/// The type of `field`, as pyarrow prints it.
#[must_use]
pub fn printed(field: &Field) -> String {
    let unit = |unit| match unit {
        TimeUnit::Millis => "ms",
        TimeUnit::Micros => "us",
        TimeUnit::Nanos => "ns",
    };
    let plain = match &field.data_type {
        DataType::Null => "null",
        DataType::Boolean => "bool",
        DataType::Int8 => "int8",
        DataType::Int16 => "int16",
        DataType::Int32 => "int32",
        DataType::Int64 => "int64",
        DataType::UInt8 => "uint8",
        DataType::UInt16 => "uint16",
        DataType::UInt32 => "uint32",
        DataType::UInt64 => "uint64",
        DataType::Float16 => "halffloat",
        DataType::Float32 => "float",
        DataType::Float64 => "double",
        DataType::Date => "date32[day]",
        // pyarrow wraps it into what it can hold.
        DataType::Int96 => "timestamp[ns]",
        DataType::Utf8 => "string",
        DataType::Enum | DataType::Json | DataType::Bson | DataType::Binary => "binary",
        DataType::Geometry | DataType::Geography => "binary",
        DataType::Interval => "fixed_size_binary[12]",
        DataType::Uuid => "fixed_size_binary[16]",
        DataType::Fixed(bytes) => return format!("fixed_size_binary[{bytes}]"),
        DataType::Decimal { precision, scale } => {
            return format!("decimal128({precision}, {scale})");
        }
        DataType::WideDecimal { precision, scale } => {
            return format!("decimal256({precision}, {scale})");
        }
        DataType::Time { unit: TimeUnit::Millis, .. } => "time32[ms]",
        DataType::Time { unit: of, .. } => return format!("time64[{}]", unit(*of)),
        DataType::Timestamp { unit: of, utc: false } => {
            return format!("timestamp[{}]", unit(*of));
        }
        DataType::Timestamp { unit: of, utc: true } => {
            return format!("timestamp[{}, tz=UTC]", unit(*of));
        }
        DataType::List(element) => return format!("list<{}>", named(element)),
        DataType::Struct(fields) => {
            let fields: Vec<String> = fields.iter().map(named).collect();
            return format!("struct<{}>", fields.join(", "));
        }
        DataType::Map { key, value: None } => return format!("list<{}>", named(key)),
        DataType::Map { key, value: Some(value) } => {
            return format!("map<{}, {}>", printed(key), printed(value));
        }
        other => return format!("{other:?}"),
    };
    plain.to_owned()
}

fn named(field: &Field) -> String {
    let required = if field.nullable { "" } else { " not null" };
    format!("{}: {}{required}", field.name, printed(field))
}

/// A type as pyarrow prints it, without the names of maps' entries: `map<string, int32 ('entries')>`.
#[must_use]
pub fn without_entries(printed: &str) -> String {
    let mut kept = String::with_capacity(printed.len());
    let mut rest = printed;
    while let Some(at) = rest.find(" ('") {
        kept.push_str(&rest[..at]);
        let behind = &rest[at + 3..];
        rest = behind.find("')").map_or("", |end| &behind[end + 2..]);
    }
    kept + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_of_maps_lose_their_names() {
        let printed = "map<string, map<int32, bool ('value')> ('a')>";
        assert_eq!(without_entries(printed), "map<string, map<int32, bool>>");
        assert_eq!(without_entries("int32"), "int32");
    }
}
