//! A column of a scan.

use std::sync::Arc;

use crate::column::ColumnShape;
use crate::error::{Error, Feature, Place, Result};
use crate::schema::Schema;
use crate::types::Field;

/// A flat top-level column that is read.
#[derive(Clone, Debug)]
pub struct ScanColumn {
    /// Ordinal of its leaf.
    pub leaf: usize,
    /// Its name and type.
    pub field: Field,
    /// Its dotted path, for errors.
    pub path: Arc<str>,
    /// What decoding needs to know.
    pub shape: ColumnShape,
}

impl ScanColumn {
    /// Top-level column `index` of `schema`.
    ///
    /// # Errors
    /// `InvalidArgument` if there is none; `Unsupported(Nested)` if it is not flat.
    pub fn of(schema: &Schema, index: usize) -> Result<Self> {
        let column = schema.columns().get(index).ok_or_else(|| {
            Error::invalid_argument(format!(
                "column {index} of a file of {} columns",
                schema.columns().len()
            ))
        })?;
        let leaf = column.leaves.start;
        let found = schema.leaves().get(leaf).filter(|_| column.is_flat);
        let Some(found) = found else {
            let place = Place { column: Some(column.field.name.clone()), ..Place::default() };
            return Err(Error::unsupported(Feature::Nested).at(&place));
        };
        Ok(Self {
            leaf,
            field: column.field.clone(),
            path: found.dotted_path.clone(),
            shape: ColumnShape {
                physical: found.physical_type,
                type_length: found.type_length,
                nullable: found.max_definition_level > 0,
                data_type: found.data_type.clone(),
            },
        })
    }
}
