//! One value as text, for tables.

use millwork_format::types::DataType;
use millwork_format::vector::{Cell, Vector};

use crate::failure::Result;

/// Appends row `row` of `vector` as text.
///
/// # Errors
/// A vector that does not fit its type.
pub fn write(vector: &Vector, row: usize, data_type: &DataType, out: &mut String) -> Result<()> {
    match vector.cell(row) {
        Cell::Null => out.push_str("NULL"),
        Cell::Bytes(bytes) if data_type.is_text() => {
            out.push_str(&String::from_utf8_lossy(bytes));
        }
        Cell::Integer(value) => out.push_str(&value.to_string()),
        other => out.push_str(&format!("{other:?}")),
    }
    Ok(())
}
