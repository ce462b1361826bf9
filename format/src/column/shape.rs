//! What decoding needs to know of a leaf column.

use millwork_codecs::buffer::View;

use crate::metadata::PhysicalType;
use crate::types::{DataType, Storage};

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

    /// Bytes that a value takes at most when decoded, without the text or bytes behind a view in its page. Decimals
    /// of any length become numbers of up to 32 bytes, those of BYTE_ARRAY beside their views; texts of one length
    /// lie in memory of their own.
    pub(crate) fn decoded_bytes(&self) -> usize {
        let stored = match self.data_type.storage() {
            Storage::Int64 => 8,
            Storage::Int128 => 16,
            Storage::Fixed(width) => width as usize,
            _ => 0,
        };
        match (self.physical, self.plain_width()) {
            (PhysicalType::Boolean, _) => 1,
            (PhysicalType::FixedLenByteArray, Some(width)) if self.data_type.is_text() => {
                width.saturating_add(size_of::<View>())
            }
            (_, Some(width)) => width.max(stored),
            (_, None) => size_of::<View>() + stored,
        }
    }
}
