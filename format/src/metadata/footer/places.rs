//! Which column a footer is broken at.
//!
//! In: the schema as far as it was read. Out: dotted paths, for errors.

use std::sync::Arc;

use super::super::schema_element::SchemaElement;
use crate::thrift::compact::{CompactReader, WireType};

/// The name in the schema element that `reader` is at, however broken its other fields are.
pub(super) fn element_name(mut reader: CompactReader<'_>) -> Option<String> {
    let mut name = None;
    // The name that was found counts, whatever comes behind it.
    let _ = reader.structure(|reader, field| {
        if (field.id, field.wire) == (4, WireType::Binary) {
            name = Some(String::from_utf8_lossy(reader.binary()?).into_owned());
            return Ok(());
        }
        reader.skip(field.wire)
    });
    name
}

/// The path of the element that follows `elements`, or of the last of them if there is no `next` name: the
/// names below the root joined by dots.
pub(super) fn dotted_path(elements: &[SchemaElement], next: Option<&str>) -> Option<Arc<str>> {
    // By open group: children that are to come, and its name.
    let mut groups: Vec<(u32, &str)> = Vec::new();
    let mut path = None;
    let elements = elements
        .iter()
        .map(|element| (&*element.name, element.num_children.unwrap_or(0).unsigned_abs()));
    for (index, (name, children)) in elements.chain(next.map(|name| (name, 0))).enumerate() {
        while groups.pop_if(|(left, _)| *left == 0).is_some() {}
        if let Some((left, _)) = groups.last_mut() {
            *left -= 1;
        }
        let names = groups.iter().skip(1).map(|(_, name)| *name).chain([name]);
        path = (index > 0).then(|| names.collect::<Vec<_>>().join("."));
        groups.push((children, name));
    }
    path.map(Arc::from)
}

/// The path of leaf `leaf` of the schema.
pub(super) fn path_of_leaf(schema: &[SchemaElement], leaf: usize) -> Option<Arc<str>> {
    let leaves = schema.iter().enumerate().skip(1).filter(|(_, element)| element.is_leaf());
    let (at, _) = leaves.filter(|(_, element)| element.physical_type.is_some()).nth(leaf)?;
    dotted_path(schema.get(..=at)?, None)
}
