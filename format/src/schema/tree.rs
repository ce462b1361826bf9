//! From the flattened elements of a footer to a tree of fields and the list of its leaves.
//!
//! In: elements, depth first, each with its number of children. Out: fields with their levels, leaves
//! with their types. Every element is used exactly once; depth and leaves are limited.

use std::sync::Arc;

use super::annotation;
use super::{Content, Leaf, SchemaField};
use crate::error::{Error, Limit, Result};
use crate::limits::Limits;
use crate::metadata::{PhysicalType, Repetition, SchemaElement};
use crate::types::DataType;

/// What [`build`] returns.
pub(super) struct Tree {
    pub(super) name: Arc<str>,
    pub(super) fields: Vec<SchemaField>,
    pub(super) leaves: Vec<Leaf>,
}

/// Builds the tree; the errors are those of [`super::Schema::new`].
pub(super) fn build(elements: &[SchemaElement], limits: &Limits) -> Result<Tree> {
    let Some((root, rest)) = elements.split_first() else {
        return Err(Error::corrupt("a schema without a root"));
    };
    let mut builder = Builder {
        elements: rest.iter(),
        leaves: Vec::new(),
        path: Vec::new(),
        max_depth: limits.schema_depth.min(MAX_DEPTH) as usize,
        max_leaves: limits.columns as usize,
        path_bytes: 0,
        max_path_bytes: limits.metadata_bytes,
    };
    let top = Levels { definition: 0, repetition: 0 };
    let fields = builder.children(children_of(root), top)?;
    let left = builder.elements.len();
    if left > 0 {
        return Err(Error::corrupt(format!("{left} schema elements belong to no group")));
    }
    Ok(Tree { name: Arc::from(&*root.name), fields, leaves: builder.leaves })
}

/// The recursion must not exhaust the stack, and levels fit a byte, whatever limit is chosen.
const MAX_DEPTH: u32 = 255;

#[derive(Clone, Copy)]
struct Levels {
    definition: u16,
    repetition: u16,
}

struct Builder<'a> {
    elements: std::slice::Iter<'a, SchemaElement>,
    leaves: Vec<Leaf>,
    path: Vec<Arc<str>>,
    max_depth: usize,
    max_leaves: usize,
    /// Of all leaves so far: each has the names around it, however long and many those are.
    path_bytes: u64,
    max_path_bytes: u64,
}

fn children_of(element: &SchemaElement) -> usize {
    element.num_children.and_then(|count| usize::try_from(count).ok()).unwrap_or(0)
}

impl Builder<'_> {
    fn children(&mut self, count: usize, around: Levels) -> Result<Vec<SchemaField>> {
        if count > 0 && self.path.len() >= self.max_depth {
            return Err(Error::limit(
                Limit::SchemaDepth,
                format!("a schema nested deeper than {} levels", self.max_depth),
            ));
        }
        // Grows with the elements that are there, not with the number claimed.
        let mut fields = Vec::new();
        for _ in 0..count {
            fields.push(self.field(around)?);
        }
        Ok(fields)
    }

    fn field(&mut self, around: Levels) -> Result<SchemaField> {
        let Some(element) = self.elements.next() else {
            return Err(Error::corrupt("the schema ends before all children of a group are named"));
        };
        let name: Arc<str> = Arc::from(&*element.name);
        // Readers have always taken a missing repetition for the enumeration's 0.
        let repetition = element.repetition.unwrap_or(Repetition::Required);
        let (definition, repeated) = match repetition {
            Repetition::Required => (0, 0),
            Repetition::Optional => (1, 0),
            Repetition::Repeated => (1, 1),
            Repetition::Unknown(code) => {
                return Err(Error::corrupt(format!(
                    "the schema's field \"{name}\" has repetition {code}, which does not exist"
                )));
            }
        };
        let levels = Levels {
            definition: around.definition + definition,
            repetition: around.repetition + repeated,
        };
        self.path.push(Arc::clone(&name));
        let content = match element.physical_type {
            Some(physical_type) if children_of(element) == 0 => {
                Content::Leaf(self.leaf(element, physical_type, repetition, levels)?)
            }
            _ => Content::Group(self.children(children_of(element), levels)?),
        };
        self.path.pop();
        Ok(SchemaField {
            name,
            repetition,
            definition_level: levels.definition,
            repetition_level: levels.repetition,
            content,
            field_id: element.field_id,
            converted_type: element.converted_type,
            logical_type: element.logical_type.clone(),
        })
    }

    fn leaf(
        &mut self,
        element: &SchemaElement,
        physical_type: PhysicalType,
        repetition: Repetition,
        levels: Levels,
    ) -> Result<usize> {
        let index = self.leaves.len();
        if index >= self.max_leaves {
            return Err(Error::limit(
                Limit::Columns,
                format!("a schema of more than {} leaf columns", self.max_leaves),
            ));
        }
        let names = self.path.iter().map(|name| (name.len() + 1 + size_of::<Arc<str>>()) as u64);
        self.path_bytes = self.path_bytes.saturating_add(names.sum());
        if self.path_bytes > self.max_path_bytes {
            return Err(Error::limit(
                Limit::MetadataBytes,
                format!("paths of leaves of more than {} bytes in all", self.max_path_bytes),
            ));
        }
        let dotted_path: Arc<str> = Arc::from(self.path.join("."));
        let type_length = match (physical_type, element.type_length) {
            (PhysicalType::FixedLenByteArray, Some(length)) if length >= 1 => length.unsigned_abs(),
            (PhysicalType::FixedLenByteArray, length) => {
                return Err(Error::corrupt(format!(
                    "FIXED_LEN_BYTE_ARRAY column \"{dotted_path}\" has length {}, at least 1 is needed",
                    length.map_or("none".to_string(), |length| length.to_string()),
                )));
            }
            _ => 0,
        };
        let data_type = annotation::data_type(element, physical_type, type_length);
        // What is null in all rows may be null.
        let nullable = repetition == Repetition::Optional || data_type == DataType::Null;
        self.leaves.push(Leaf {
            index,
            path: self.path.clone(),
            dotted_path,
            physical_type,
            type_length,
            max_definition_level: levels.definition,
            max_repetition_level: levels.repetition,
            data_type,
            nullable,
            column_order: None,
            field_id: element.field_id,
            converted_type: element.converted_type,
            converted_decimal: element
                .precision
                .map(|precision| (precision, element.scale.unwrap_or(0))),
            logical_type: element.logical_type.clone(),
        });
        Ok(index)
    }
}
