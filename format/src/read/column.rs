//! A column of a scan.

use std::sync::Arc;

use crate::column::ColumnShape;
use crate::error::{Error, Feature, Place, Result};
use crate::levels::MaxLevels;
use crate::schema::{Layout, Projected, Schema};
use crate::types::Field;

/// A top-level column that is read, or some of the fields in it.
#[derive(Clone, Debug)]
pub struct ScanColumn {
    /// Ordinal of its first leaf: of its only one if it is flat.
    pub leaf: usize,
    /// Its name and type, as it is read.
    pub field: Field,
    /// Its leaves that are read, in the order of the file.
    pub leaves: Vec<Arc<ScanLeaf>>,
    /// How levels make its vector; `None` if it is flat.
    pub layout: Option<Layout>,
}

/// A leaf that is read.
#[derive(Clone, Debug)]
pub struct ScanLeaf {
    /// Its ordinal.
    pub leaf: usize,
    /// Its dotted path, for errors.
    pub path: Arc<str>,
    /// What decoding needs to know.
    pub shape: ColumnShape,
    /// Its highest levels if it lies in a nested column.
    pub max_levels: Option<MaxLevels>,
}

impl ScanColumn {
    /// Top-level column `index` of `schema`.
    ///
    /// # Errors
    /// `InvalidArgument` if there is none.
    pub fn of(schema: &Schema, index: usize) -> Result<Self> {
        let column = schema.columns().get(index).ok_or_else(|| {
            Error::invalid_argument(format!(
                "column {index} of a file of {} columns",
                schema.columns().len()
            ))
        })?;
        Self::projected(
            schema,
            Projected {
                column: index,
                field: column.field.clone(),
                layout: column.layout.clone(),
                is_whole: true,
            },
        )
    }

    /// The part of a column that a path chose.
    ///
    /// # Errors
    /// As [`ScanColumn::of`].
    pub fn projected(schema: &Schema, chosen: Projected) -> Result<Self> {
        let Projected { column, field, layout, .. } = chosen;
        let Some(described) = schema.columns().get(column) else {
            return Err(Error::invalid_argument("a projection of another schema"));
        };
        let layout = (!described.is_flat).then_some(layout);
        Self::new(schema, field, layout, described.leaves.start)
    }

    /// The column `field` with the leaves of `layout`, or with `leaf` alone if it is flat.
    fn new(schema: &Schema, field: Field, layout: Option<Layout>, leaf: usize) -> Result<Self> {
        let mut ordinals = Vec::new();
        match &layout {
            Some(layout) => layout.leaves(&mut ordinals),
            None => ordinals.push(leaf),
        }
        let leaves: Result<Vec<_>> = ordinals
            .iter()
            .map(|leaf| ScanLeaf::of(schema, *leaf, layout.is_some()).map(Arc::new))
            .collect();
        Ok(Self { leaf: ordinals.first().copied().unwrap_or(leaf), field, leaves: leaves?, layout })
    }

    /// Whether it is one leaf without repetition, perhaps in structs: then what is known of the leaf's
    /// values is known of the column's.
    #[must_use]
    pub fn has_one_value_a_row(&self) -> bool {
        matches!(&self.layout, None | Some(Layout::Leaf { .. }))
            && self.leaves.first().is_some_and(|leaf| !leaf.is_repeated())
    }

    /// Whether it is one leaf without repetition and at most one level of definition.
    #[must_use]
    pub fn is_flat(&self) -> bool {
        self.layout.is_none()
    }
}

impl ScanLeaf {
    fn of(schema: &Schema, leaf: usize, is_nested: bool) -> Result<Self> {
        let Some(found) = schema.leaves().get(leaf) else {
            return Err(Error::internal("a column without its leaf"));
        };
        if let Some(digits) = found.unreadable_decimal() {
            let place = Place { column: Some(found.dotted_path.clone()), ..Place::default() };
            let what = format!("a DECIMAL of {digits} digits");
            return Err(Error::unsupported(Feature::Other(what.into())).at(&place));
        }
        let level = |level: u16| {
            u8::try_from(level).map_err(|_| Error::internal("a schema deeper than 255"))
        };
        let max_levels = MaxLevels {
            definition: level(found.max_definition_level)?,
            repetition: level(found.max_repetition_level)?,
        };
        Ok(Self {
            leaf,
            path: found.dotted_path.clone(),
            shape: ColumnShape {
                physical: found.physical_type,
                type_length: found.type_length,
                nullable: found.max_definition_level > 0,
                data_type: found.data_type.clone(),
            },
            max_levels: is_nested.then_some(max_levels),
        })
    }

    /// Whether it may have any number of values in a row.
    pub(super) fn is_repeated(&self) -> bool {
        self.max_levels.is_some_and(|max| max.repetition > 0)
    }
}
