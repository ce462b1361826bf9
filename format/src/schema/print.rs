//! The schema as text: the language `message .. { .. }` that Parquet tools share, and lines of a table.
//!
//! In: a [`Schema`]. Out: text.

use std::fmt;

use super::{Content, Leaf, Schema, SchemaField};
use crate::metadata::{ConvertedType, EdgeAlgorithm, LogicalType, PhysicalType, Repetition};
use crate::types::{DataType, TimeUnit};

impl fmt::Display for Schema {
    /// Several lines, the last one without an end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "message {} {{", self.name)?;
        for field in &self.fields {
            write_field(f, field, &self.leaves, 1)?;
        }
        f.write_str("}")
    }
}

fn write_field(
    f: &mut fmt::Formatter<'_>,
    field: &SchemaField,
    leaves: &[Leaf],
    depth: usize,
) -> fmt::Result {
    let indent = depth * 2;
    let repetition = match field.repetition {
        Repetition::Required => "required",
        Repetition::Optional => "optional",
        Repetition::Repeated | Repetition::Unknown(_) => "repeated",
    };
    write!(f, "{:indent$}{repetition} ", "")?;
    let leaf = match &field.content {
        Content::Leaf(index) => leaves.get(*index),
        Content::Group(_) => None,
    };
    match leaf {
        Some(leaf) => write!(f, "{} {}", physical_text(leaf), field.name)?,
        None => write!(f, "group {}", field.name)?,
    }
    let decimal = leaf.and_then(|leaf| leaf.converted_decimal);
    if let Some(text) = annotation_text(&field.logical_type, field.converted_type, decimal) {
        write!(f, " ({text})")?;
    }
    if let Some(id) = field.field_id {
        write!(f, " = {id}")?;
    }
    match &field.content {
        Content::Leaf(_) => f.write_str(";\n"),
        Content::Group(children) => {
            f.write_str(" {\n")?;
            for child in children {
                write_field(f, child, leaves, depth + 1)?;
            }
            writeln!(f, "{:indent$}}}", "")
        }
    }
}

fn physical_text(leaf: &Leaf) -> String {
    match leaf.physical_type {
        PhysicalType::Boolean => "boolean".to_string(),
        PhysicalType::Int32 => "int32".to_string(),
        PhysicalType::Int64 => "int64".to_string(),
        PhysicalType::Int96 => "int96".to_string(),
        PhysicalType::Float => "float".to_string(),
        PhysicalType::Double => "double".to_string(),
        PhysicalType::ByteArray => "binary".to_string(),
        PhysicalType::FixedLenByteArray => format!("fixed_len_byte_array({})", leaf.type_length),
    }
}

fn annotation_text(
    logical: &Option<LogicalType>,
    converted: Option<ConvertedType>,
    decimal: Option<(i32, i32)>,
) -> Option<String> {
    match (logical, converted) {
        (Some(logical), _) => Some(logical_text(logical)),
        (None, Some(ConvertedType::Decimal)) => Some(match decimal {
            Some((precision, scale)) => format!("DECIMAL({precision},{scale})"),
            None => "DECIMAL".to_string(),
        }),
        (None, converted) => converted.map(|converted| converted.name().to_string()),
    }
}

impl fmt::Display for LogicalType {
    /// As a schema has it, e.g. `DECIMAL(15,2)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&logical_text(self))
    }
}

fn logical_text(logical: &LogicalType) -> String {
    let unit_text = |unit: &TimeUnit| match unit {
        TimeUnit::Millis => "MILLIS",
        TimeUnit::Micros => "MICROS",
        TimeUnit::Nanos => "NANOS",
    };
    let plain = match logical {
        LogicalType::String => "STRING",
        LogicalType::Map => "MAP",
        LogicalType::List => "LIST",
        LogicalType::Enum => "ENUM",
        LogicalType::Date => "DATE",
        LogicalType::Null => "UNKNOWN",
        LogicalType::Json => "JSON",
        LogicalType::Bson => "BSON",
        LogicalType::Uuid => "UUID",
        LogicalType::Float16 => "FLOAT16",
        LogicalType::File => "FILE",
        LogicalType::Decimal { scale, precision } => {
            return format!("DECIMAL({precision},{scale})");
        }
        LogicalType::Time { unit, utc } => return format!("TIME({},{utc})", unit_text(unit)),
        LogicalType::Timestamp { unit, utc } => {
            return format!("TIMESTAMP({},{utc})", unit_text(unit));
        }
        LogicalType::Integer { bits, signed } => return format!("INTEGER({bits},{signed})"),
        LogicalType::Variant { specification_version: Some(version) } => {
            return format!("VARIANT({version})");
        }
        LogicalType::Variant { .. } => "VARIANT",
        LogicalType::Geometry { crs } => return with_crs("GEOMETRY", crs.as_deref(), None),
        LogicalType::Geography { crs, algorithm } => {
            return with_crs("GEOGRAPHY", crs.as_deref(), edge_text(*algorithm));
        }
        LogicalType::Other(id) => return format!("UNKNOWN_LOGICAL_TYPE_{id}"),
    };
    plain.to_string()
}

/// The algorithm's name, if it is not the usual one.
fn edge_text(algorithm: EdgeAlgorithm) -> Option<&'static str> {
    Some(match algorithm {
        EdgeAlgorithm::Spherical => return None,
        EdgeAlgorithm::Vincenty => "VINCENTY",
        EdgeAlgorithm::Thomas => "THOMAS",
        EdgeAlgorithm::Andoyer => "ANDOYER",
        EdgeAlgorithm::Karney => "KARNEY",
        EdgeAlgorithm::Unknown(_) => "UNKNOWN",
    })
}

fn with_crs(name: &str, crs: Option<&str>, edges: Option<&str>) -> String {
    match (crs, edges) {
        (None, None) => name.to_string(),
        (crs, None) => format!("{name}({})", crs.unwrap_or_default()),
        (crs, Some(edges)) => format!("{name}({},{edges})", crs.unwrap_or("OGC:CRS84")),
    }
}

/// A leaf as a line of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description<'a> {
    /// The dotted path.
    pub path: &'a str,
    /// The SQL type of a value.
    pub data_type: &'a DataType,
    /// The physical type, as `message` text has it.
    pub physical_type: String,
    /// The annotation, as `message` text has it; `None` if there is none.
    pub annotation: Option<String>,
    /// Whether the leaf itself may be null.
    pub nullable: bool,
    /// The definition level of a value that is present.
    pub max_definition_level: u16,
    /// Repeated fields on the path.
    pub max_repetition_level: u16,
    /// The id of the schema that the file's one was made from.
    pub field_id: Option<i32>,
}

impl<'a> Description<'a> {
    pub(super) fn of(leaf: &'a Leaf) -> Self {
        Self {
            path: &leaf.dotted_path,
            data_type: &leaf.data_type,
            physical_type: physical_text(leaf),
            annotation: annotation_text(
                &leaf.logical_type,
                leaf.converted_type,
                leaf.converted_decimal,
            ),
            nullable: leaf.nullable,
            max_definition_level: leaf.max_definition_level,
            max_repetition_level: leaf.max_repetition_level,
            field_id: leaf.field_id,
        }
    }
}
