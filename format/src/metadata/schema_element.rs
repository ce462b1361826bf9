//! One node of the schema, as the footer lists them: depth first, with the number of children.
//!
//! In: the struct `SchemaElement`. Out: [`SchemaElement`]. Building the tree is the schema's work; here
//! only the numbers are checked one by one.

use super::enums::{ConvertedType, PhysicalType, Repetition};
use super::logical_type::LogicalType;
use crate::error::Result;
use crate::thrift::compact::{CompactReader, WireType};

/// A node of the flattened schema.
#[derive(Clone, Debug, PartialEq)]
pub struct SchemaElement {
    /// The field's name; bytes that are not UTF-8 are replaced.
    pub name: Box<str>,
    /// How values are stored; absent on groups.
    pub physical_type: Option<PhysicalType>,
    /// Bytes of a FIXED_LEN_BYTE_ARRAY, not negative.
    pub type_length: Option<i32>,
    /// How often the field occurs; absent on the root.
    pub repetition: Option<Repetition>,
    /// Elements directly under this one, not negative; absent or 0 on leaves.
    pub num_children: Option<i32>,
    /// The old annotation; absent, too, if its code is unknown.
    pub converted_type: Option<ConvertedType>,
    /// Digits behind the point of an old decimal.
    pub scale: Option<i32>,
    /// Digits of an old decimal.
    pub precision: Option<i32>,
    /// The id of the schema that this one was made from.
    pub field_id: Option<i32>,
    /// The annotation.
    pub logical_type: Option<LogicalType>,
}

impl SchemaElement {
    /// Whether this is a leaf: it has a physical type and no children.
    #[must_use]
    pub fn is_leaf(&self) -> bool {
        self.physical_type.is_some() && self.num_children.unwrap_or(0) == 0
    }

    /// Reads one element.
    ///
    /// # Errors
    /// `Corrupt` for an unknown physical type and for negative lengths or counts; those of the reader.
    pub(super) fn read(reader: &mut CompactReader<'_>) -> Result<Self> {
        let mut element = Self {
            name: Box::default(),
            physical_type: None,
            type_length: None,
            repetition: None,
            num_children: None,
            converted_type: None,
            scale: None,
            precision: None,
            field_id: None,
            logical_type: None,
        };
        reader.structure(|reader, field| {
            match (field.id, field.wire) {
                (1, WireType::I32) => element.physical_type = Some(physical_type(reader)?),
                (2, WireType::I32) => element.type_length = Some(count(reader, "type length")?),
                (3, WireType::I32) => {
                    element.repetition = Some(Repetition::from_code(reader.i32()?));
                }
                (4, WireType::Binary) => {
                    element.name = String::from_utf8_lossy(reader.binary()?).into();
                }
                (5, WireType::I32) => {
                    element.num_children = Some(count(reader, "number of children")?);
                }
                (6, WireType::I32) => {
                    element.converted_type = ConvertedType::from_code(reader.i32()?);
                }
                (7, WireType::I32) => element.scale = Some(reader.i32()?),
                (8, WireType::I32) => element.precision = Some(reader.i32()?),
                (9, WireType::I32) => element.field_id = Some(reader.i32()?),
                (10, WireType::Struct) => element.logical_type = LogicalType::read(reader)?,
                (_, wire) => reader.skip(wire)?,
            }
            Ok(())
        })?;
        Ok(element)
    }
}

/// Reads a physical type; one that does not exist says nothing about how to read the values.
pub(super) fn physical_type(reader: &mut CompactReader<'_>) -> Result<PhysicalType> {
    let code = reader.i32()?;
    PhysicalType::from_code(code)
        .ok_or_else(|| reader.corrupt(format!("physical type {code} does not exist")))
}

fn count(reader: &mut CompactReader<'_>, what: &str) -> Result<i32> {
    let count = reader.i32()?;
    if count < 0 {
        return Err(reader.corrupt(format!("a {what} of {count} in the schema")));
    }
    Ok(count)
}
