//! What decoding needs to know of a leaf column.

use crate::metadata::PhysicalType;
use crate::types::DataType;

/// The physical and the decoded type of a flat leaf column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnShape {
    /// How the file keeps values.
    pub physical: PhysicalType,
    /// Bytes of a FIXED_LEN_BYTE_ARRAY; 0 for other types.
    pub type_length: u32,
    /// Whether rows may be null: the highest definition level is 1, else 0.
    pub nullable: bool,
    /// What values are decoded to.
    pub data_type: DataType,
}

impl ColumnShape {
    /// Bytes of a PLAIN value, or `None` if that varies (BYTE_ARRAY) or is less than one (BOOLEAN).
    #[must_use]
    pub fn plain_width(&self) -> Option<usize> {
        match self.physical {
            PhysicalType::Int32 | PhysicalType::Float => Some(4),
            PhysicalType::Int64 | PhysicalType::Double => Some(8),
            PhysicalType::Int96 => Some(12),
            PhysicalType::FixedLenByteArray => Some(self.type_length as usize),
            PhysicalType::Boolean | PhysicalType::ByteArray => None,
        }
    }
}
