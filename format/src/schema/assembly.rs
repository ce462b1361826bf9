//! Lists, maps and structs out of repeated fields and groups.
//!
//! In: the fields of the tree, with the leaves' types. Out: the top-level columns with their types and
//! layouts. Lists and maps follow the rules of parquet-format's LogicalTypes.md, those of backward
//! compatibility included; a group that is annotated as one and is none is a struct.

use std::ops::Range;
use std::sync::Arc;

use super::{Column, Content, Layout, Leaf, SchemaField, unique_names};
use crate::metadata::{ConvertedType, LogicalType, Repetition};
use crate::types::{DataType, Field};

/// One column for each of `fields`.
pub(super) fn columns(fields: &[SchemaField], leaves: &[Leaf]) -> Vec<Column> {
    let mut next_leaf = 0;
    let mut columns: Vec<Column> = fields
        .iter()
        .map(|field| {
            let start = next_leaf;
            next_leaf = end_of(field).unwrap_or(start);
            column(field, start..next_leaf, leaves)
        })
        .collect();
    make_unique(columns.iter_mut().map(|column| &mut column.field));
    columns
}

/// Gives fields of one parent names that differ.
fn make_unique<'a>(fields: impl Iterator<Item = &'a mut Field>) {
    let mut fields: Vec<&mut Field> = fields.collect();
    let names = unique_names(fields.iter().map(|field| &*field.name));
    for (field, name) in fields.iter_mut().zip(names) {
        if *field.name != *name {
            field.name = name.into();
        }
    }
}

fn column(field: &SchemaField, range: Range<usize>, leaves: &[Leaf]) -> Column {
    let (assembled, layout) = assemble(field, leaves);
    let is_flat = matches!(field.content, Content::Leaf(_)) && field.repetition_level == 0;
    Column { field: assembled, leaves: range, is_flat, layout }
}

/// Behind the last leaf of `field`; `None` if it has none.
fn end_of(field: &SchemaField) -> Option<usize> {
    match &field.content {
        Content::Leaf(index) => Some(index + 1),
        Content::Group(children) => children.iter().rev().find_map(end_of),
    }
}

/// The type and layout of a field in its parent: a repeated one is a list of what it holds, without
/// nulls anywhere.
fn assemble(field: &SchemaField, leaves: &[Leaf]) -> (Field, Layout) {
    let (data_type, layout) = occurrence(field, leaves);
    if field.repetition != Repetition::Repeated {
        // What is null in all rows may be null.
        let nullable = field.repetition == Repetition::Optional || data_type == DataType::Null;
        return (Field { name: Arc::clone(&field.name), data_type, nullable }, layout);
    }
    let nullable = data_type == DataType::Null;
    let element = Field { name: "element".into(), data_type, nullable };
    list_of(field, field.definition_level - 1, false, field, (element, layout))
}

/// The list `named`, whose elements are the occurrences of `repeated`.
fn list_of(
    named: &SchemaField,
    definition_level: u16,
    nullable: bool,
    repeated: &SchemaField,
    (element, layout): (Field, Layout),
) -> (Field, Layout) {
    let data_type = DataType::List(Arc::new(element));
    let layout = Layout::List {
        definition_level,
        element_definition_level: repeated.definition_level,
        repetition_level: repeated.repetition_level,
        element: Box::new(layout),
    };
    (Field { name: Arc::clone(&named.name), data_type, nullable }, layout)
}

/// The type of one occurrence of a field, whatever its repetition.
fn occurrence(field: &SchemaField, leaves: &[Leaf]) -> (DataType, Layout) {
    match &field.content {
        Content::Leaf(index) => {
            let data_type =
                leaves.get(*index).map_or(DataType::Null, |leaf| leaf.data_type.clone());
            (data_type, Layout::Leaf { leaf: *index, definition_level: field.definition_level })
        }
        Content::Group(children) => match (annotated(field), children.as_slice()) {
            (Some(Annotated::List), [repeated]) if is_repeated(repeated) => {
                let element = list_element(field, repeated, leaves);
                let (list, layout) =
                    list_of(field, field.definition_level, false, repeated, element);
                (list.data_type, layout)
            }
            (Some(Annotated::Map), [repeated]) if is_repeated(repeated) => {
                map(field, repeated, leaves).unwrap_or_else(|| structure(field, children, leaves))
            }
            _ => structure(field, children, leaves),
        },
    }
}

fn structure(field: &SchemaField, children: &[SchemaField], leaves: &[Leaf]) -> (DataType, Layout) {
    let (mut fields, layouts): (Vec<Field>, Vec<Layout>) =
        children.iter().map(|child| assemble(child, leaves)).unzip();
    make_unique(fields.iter_mut());
    let layout = Layout::Struct { definition_level: field.definition_level, children: layouts };
    (DataType::Struct(fields.into()), layout)
}

/// The element of the list `list`, whose only child is `repeated`.
fn list_element(list: &SchemaField, repeated: &SchemaField, leaves: &[Leaf]) -> (Field, Layout) {
    if let Content::Group(children) = &repeated.content
        && let [only] = children.as_slice()
        && !is_repeated(only)
        && !names_the_element(list, repeated)
    {
        return assemble(only, leaves);
    }
    let (data_type, layout) = occurrence(repeated, leaves);
    (Field { name: Arc::clone(&repeated.name), data_type, nullable: false }, layout)
}

/// Whether the repeated group of a two-level list is named as old writers named their elements.
fn names_the_element(list: &SchemaField, repeated: &SchemaField) -> bool {
    let is_tuple = repeated.name.strip_suffix("_tuple") == Some(&*list.name);
    &*repeated.name == "array" || is_tuple
}

/// The map `field`, whose only child is `entries`; `None` if that is not a group of one or two.
/// Key and value are known by their place, as old writers had other names for them.
fn map(field: &SchemaField, entries: &SchemaField, leaves: &[Leaf]) -> Option<(DataType, Layout)> {
    let Content::Group(children) = &entries.content else {
        return None;
    };
    let (key, value) = match children.as_slice() {
        [key] => (key, None),
        [key, value] => (key, Some(value)),
        _ => return None,
    };
    let (key, key_layout) = assemble(key, leaves);
    let mut layouts = vec![key_layout];
    let value = value.map(|value| {
        let (value, value_layout) = assemble(value, leaves);
        layouts.push(value_layout);
        Arc::new(value)
    });
    let layout = Layout::List {
        definition_level: field.definition_level,
        element_definition_level: entries.definition_level,
        repetition_level: entries.repetition_level,
        element: Box::new(Layout::Struct {
            definition_level: entries.definition_level,
            children: layouts,
        }),
    };
    Some((DataType::Map { key: Arc::new(key), value }, layout))
}

enum Annotated {
    List,
    Map,
}

fn annotated(field: &SchemaField) -> Option<Annotated> {
    match (&field.logical_type, field.converted_type) {
        (Some(LogicalType::List), _) => Some(Annotated::List),
        (Some(LogicalType::Map), _) => Some(Annotated::Map),
        (Some(LogicalType::Other(_)) | None, Some(converted)) => match converted {
            ConvertedType::List => Some(Annotated::List),
            ConvertedType::Map | ConvertedType::MapKeyValue => Some(Annotated::Map),
            _ => None,
        },
        _ => None,
    }
}

fn is_repeated(field: &SchemaField) -> bool {
    field.repetition == Repetition::Repeated
}
