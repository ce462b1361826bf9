//! Where the parts of a row are.

use millwork_format::types::{DataType, Storage};

/// How a slot keeps its value; a null one is zeroed or holds anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotKind {
    /// Nothing: every row is null.
    Empty,
    /// A flat type of a fixed width, little-endian; a boolean as one byte.
    Plain(Storage),
    /// That many bytes.
    Fixed(usize),
    /// A string view whose buffer number counts the heap buffers of the store.
    View,
    /// The same, of a nested value as bytes.
    Nested,
}

impl SlotKind {
    fn of(data_type: &DataType) -> Self {
        match data_type.storage() {
            Storage::Null => Self::Empty,
            Storage::Fixed(width) => Self::Fixed(width as usize),
            Storage::Views => Self::View,
            Storage::List | Storage::Struct => Self::Nested,
            plain => Self::Plain(plain),
        }
    }

    /// Bytes of the slot.
    pub(super) fn width_bytes(self) -> usize {
        match self {
            Self::Empty => 0,
            Self::Fixed(width) => width,
            Self::View | Self::Nested => 16,
            Self::Plain(storage) => match storage {
                Storage::Bits | Storage::Int8 | Storage::UInt8 => 1,
                Storage::Int16 | Storage::UInt16 | Storage::Float16 => 2,
                Storage::Int32 | Storage::UInt32 | Storage::Float32 => 4,
                Storage::Int128 => 16,
                _ => 8,
            },
        }
    }
}

/// The shape of a row: a null bitmap (1 = null), then the slots in column order, without gaps.
#[derive(Clone, Debug)]
pub struct RowLayout {
    types: Vec<DataType>,
    slots: Vec<(usize, SlotKind)>,
    width_bytes: usize,
}

impl RowLayout {
    /// The layout of rows of these types.
    ///
    /// A decimal takes the slot of its type, whatever the width of the vectors that come.
    #[must_use]
    pub fn new(types: &[DataType]) -> Self {
        let mut offset = types.len().div_ceil(8);
        let mut slots = Vec::with_capacity(types.len());
        for data_type in types {
            let kind = SlotKind::of(data_type);
            slots.push((offset, kind));
            offset += kind.width_bytes();
        }
        // A row without columns still has a place.
        Self { types: types.to_vec(), slots, width_bytes: offset.max(1) }
    }

    /// The columns' types.
    #[must_use]
    pub fn types(&self) -> &[DataType] {
        &self.types
    }

    /// Bytes of a row's fixed part.
    #[must_use]
    pub fn width_bytes(&self) -> usize {
        self.width_bytes
    }

    /// Byte of the row at which the slot of column `column` starts, and how it is kept.
    ///
    /// # Panics
    /// If there is no such column.
    #[must_use]
    pub fn slot(&self, column: usize) -> (usize, SlotKind) {
        self.slots[column]
    }

    /// Byte and bit of column `column` in the null bitmap.
    #[must_use]
    pub fn null_bit(column: usize) -> (usize, u8) {
        (column / 8, 1 << (column % 8))
    }
}
