//! Functions of structs, lists and maps.
//!
//! In: vectors, flat or constant. Out: fields as they lie there, elements picked out of the child by
//! position: strings are not copied.

use millwork_codecs::buffer::{Bitmap, Slice, SliceMut};
use millwork_format::selection::Selection;
use millwork_format::types::DataType;
use millwork_format::vector::{Cell, Data, List, Vector, concat};

use super::super::Function;
use super::cast::render_cell;
use super::compare::order;
use super::{choose, operand};
use crate::error::{Error, Result};
use crate::kernel::mask;

/// Whether [`apply`] knows the function.
pub(super) fn is_nested(function: &Function) -> bool {
    matches!(
        function,
        Function::StructField(_)
            | Function::StructPack
            | Function::ListElement
            | Function::ListLength
            | Function::ListSlice
            | Function::ListValue
            | Function::ListContains
            | Function::ListPosition
            | Function::ListConcat { .. }
            | Function::MapOfLists
            | Function::MapElement
            | Function::MapExtract
            | Function::MapKeys
            | Function::MapValues
            | Function::MapEntries
    )
}

/// A function of nested values, or one that makes some.
pub(super) fn apply(
    function: &Function,
    values: &[Vector],
    types: &[&DataType],
    result: &DataType,
    rows: usize,
    selection: &Selection,
) -> Result<Vector> {
    let mut flat = Vec::with_capacity(values.len());
    for value in values {
        flat.push(value.flatten()?);
    }
    match (function, flat.as_slice()) {
        (Function::ListValue, parts) => list_value(parts, rows),
        (Function::StructPack, parts) => Ok(Vector::new(Data::Struct(parts.into()), None, rows)?),
        (Function::ListConcat { .. }, _) if *result == DataType::Null => Ok(Vector::null(rows)),
        (Function::ListConcat { is_lenient }, [a, b]) => list_concat(a, b, *is_lenient, rows),
        (_, [first, ..]) if matches!(first.data(), Data::Null) => Ok(Vector::null(rows)),
        (Function::StructField(index), [value]) => struct_field(value, *index),
        (Function::ListLength, [value]) => list_length(value, rows),
        (Function::ListElement, [value, index]) => list_element(value, index, rows),
        (Function::ListSlice, [value, first, last]) => list_slice(value, [first, last], rows),
        (Function::ListContains | Function::ListPosition, [list, value]) => {
            let element = types.get(1).copied().unwrap_or(&DataType::Null);
            member(function, list, value, element, rows)
        }
        (Function::MapOfLists, [keys, values]) => {
            let DataType::Map { key, .. } = result else { return Err(operand::layout()) };
            map_of_lists(keys, values, &key.data_type, rows, selection)
        }
        (Function::MapElement | Function::MapExtract, [map, key]) => {
            let key_type = types.get(1).copied().unwrap_or(&DataType::Null);
            let is_list = matches!(function, Function::MapExtract);
            map_value(map, key, key_type, is_list, rows)
        }
        (Function::MapKeys, [map]) => map_part(map, 0),
        (Function::MapValues, [map]) => map_part(map, 1),
        (Function::MapEntries, [map]) => Ok(map.clone()),
        _ => Err(operand::layout()),
    }
}

fn list_of(vector: &Vector) -> Result<&List> {
    match vector.data() {
        Data::List(list) => Ok(list),
        _ => Err(operand::layout()),
    }
}

fn struct_field(value: &Vector, index: usize) -> Result<Vector> {
    let Data::Struct(children) = value.data() else { return Err(operand::layout()) };
    let child = children.get(index).ok_or_else(operand::layout)?;
    match value.validity() {
        Some(present) if !matches!(child.data(), Data::Null) => choose::within(child, present),
        _ => Ok(child.clone()),
    }
}

fn list_length(value: &Vector, rows: usize) -> Result<Vector> {
    let list = list_of(value)?;
    let mut out = SliceMut::<i64>::scratch(rows)?;
    for (slot, ends) in out.iter_mut().zip(list.offsets().windows(2)) {
        *slot = i64::from(ends[1] - ends[0]);
    }
    Ok(Vector::new(Data::Int64(out.freeze()), value.validity().cloned(), rows)?)
}

/// Rows of `child`, null where there is none.
fn picked(child: &Vector, places: &[Option<u32>]) -> Result<Vector> {
    if child.is_empty() || matches!(child.data(), Data::Null) {
        return Ok(Vector::null(places.len()));
    }
    let rows: Vec<u32> = places.iter().map(|place| place.unwrap_or(0)).collect();
    let taken = child.take(&rows)?;
    if places.iter().all(Option::is_some) {
        return Ok(taken);
    }
    let found: Vec<bool> = places.iter().map(Option::is_some).collect();
    choose::within(&taken, &Bitmap::from_bools(&found))
}

fn list_element(value: &Vector, index: &Vector, rows: usize) -> Result<Vector> {
    let list = list_of(value)?;
    let mut places = vec![None; rows];
    for (row, place) in places.iter_mut().enumerate().filter(|(row, _)| value.is_valid(*row)) {
        let Cell::Integer(index) = index.cell(row) else { continue };
        let range = list.range(row);
        let length = range.len() as i128;
        // Negative positions count from the end.
        let position = if index < 0 { index + length } else { index - 1 };
        if (0..length).contains(&position) {
            *place = Some((range.start + position as usize) as u32);
        }
    }
    picked(list.child(), &places)
}

/// Lists with the elements `elements` of `child`, cut at `offsets`.
fn gathered(
    child: &Vector,
    elements: &[u32],
    offsets: &[i32],
    validity: Option<Bitmap>,
) -> Result<Vector> {
    let rows = offsets.len() - 1;
    let list = List::new(Slice::copy_of(offsets), child.take(elements)?)?;
    Ok(Vector::new(Data::List(list), validity, rows)?)
}

fn list_slice(value: &Vector, ends: [&Vector; 2], rows: usize) -> Result<Vector> {
    let list = list_of(value)?;
    let (mut elements, mut offsets) = (Vec::new(), vec![0]);
    let mut valid = vec![false; rows];
    for (row, valid) in valid.iter_mut().enumerate() {
        let of = [ends[0].cell(row), ends[1].cell(row)];
        if let (true, [Cell::Integer(first), Cell::Integer(last)]) = (value.is_valid(row), of) {
            *valid = true;
            let range = list.range(row);
            let length = range.len() as i128;
            let from_start = |at: i128| if at < 0 { at + length + 1 } else { at };
            let first = (from_start(first) - 1).max(0);
            let last = from_start(last).min(length);
            if first < last {
                let start = range.start as u32;
                elements.extend(start + first as u32..start + last as u32);
            }
        }
        offsets.push(List::offset(elements.len())?);
    }
    gathered(list.child(), &elements, &offsets, Some(Bitmap::from_bools(&valid)))
}

fn list_value(parts: &[Vector], rows: usize) -> Result<Vector> {
    let offsets: Result<Vec<i32>> =
        (0..=rows).map(|row| Ok(List::offset(row * parts.len())?)).collect();
    if parts.is_empty() {
        return gathered(&Vector::null(0), &[], &offsets?, None);
    }
    let all = concat(parts)?;
    let places = (0..rows).flat_map(|row| (0..parts.len()).map(move |part| part * rows + row));
    let elements: Result<Vec<u32>> = places.map(|place| Ok(List::offset(place)? as u32)).collect();
    gathered(&all, &elements?, &offsets?, None)
}

fn list_concat(a: &Vector, b: &Vector, is_lenient: bool, rows: usize) -> Result<Vector> {
    let empty =
        || -> Result<List> { Ok(List::new(Slice::copy_of(&vec![0; rows + 1]), Vector::null(0))?) };
    let list = |vector: &Vector| match vector.data() {
        Data::Null => empty(),
        _ => list_of(vector).cloned(),
    };
    let (x, y) = (list(a)?, list(b)?);
    let child = concat(&[x.child().clone(), y.child().clone()])?;
    let shift = x.child().len();
    let (mut elements, mut offsets) = (Vec::new(), vec![0]);
    let mut valid = vec![false; rows];
    for (row, valid) in valid.iter_mut().enumerate() {
        let there = [a.is_valid(row), b.is_valid(row)];
        // As in DuckDB: two nulls are an empty list.
        *valid = is_lenient || there[0] && there[1];
        if *valid && there[0] {
            elements.extend(x.range(row).map(|element| element as u32));
        }
        if *valid && there[1] {
            elements.extend(y.range(row).map(|element| (shift + element) as u32));
        }
        offsets.push(List::offset(elements.len())?);
    }
    gathered(&child, &elements, &offsets, Some(Bitmap::from_bools(&valid)))
}

/// Where in its list the value of each row is.
fn position(list: &List, row: usize, value: Cell<'_>, data_type: &DataType) -> Option<usize> {
    let child = list.child();
    list.range(row).find(|element| order(child.cell(*element), value, data_type).is_eq())
}

fn member(
    function: &Function,
    lists: &Vector,
    value: &Vector,
    element: &DataType,
    rows: usize,
) -> Result<Vector> {
    let list = list_of(lists)?;
    if let Function::ListContains = function {
        let mut words = mask::words(rows)?;
        let mut valid = vec![false; rows];
        for row in (0..rows).filter(|row| lists.is_valid(*row)) {
            // Nothing is in an empty list, whatever it is.
            valid[row] = value.is_valid(row) || list.range(row).is_empty();
            if value.is_valid(row) && position(list, row, value.cell(row), element).is_some() {
                words[row / 64] |= 1 << (row % 64);
            }
        }
        let data = Data::Boolean(mask::bitmap(words, rows)?);
        return Ok(Vector::new(data, Some(Bitmap::from_bools(&valid)), rows)?);
    }
    let mut places = vec![0i32; rows];
    let mut found = vec![false; rows];
    for row in (0..rows).filter(|row| lists.is_valid(*row)) {
        if let Some(element) = position(list, row, value.cell(row), element) {
            places[row] = (element - list.range(row).start + 1) as i32;
            found[row] = true;
        }
    }
    let data = Data::Int32(Slice::copy_of(&places));
    Ok(Vector::new(data, Some(Bitmap::from_bools(&found)), rows)?)
}

fn map_of_lists(
    keys: &Vector,
    values: &Vector,
    key_type: &DataType,
    rows: usize,
    selection: &Selection,
) -> Result<Vector> {
    if matches!(values.data(), Data::Null) {
        return Ok(Vector::null(rows));
    }
    let (key_lists, value_lists) = (list_of(keys)?, list_of(values)?);
    let (mut of_keys, mut of_values, mut offsets) = (Vec::new(), Vec::new(), vec![0]);
    let validity = mask::both_valid(keys.validity(), values.validity())?;
    let meant = operand::meant(selection, validity.as_ref())?;
    for row in 0..rows {
        if meant.get(row) {
            let (own, other) = (key_lists.range(row), value_lists.range(row));
            if own.len() != other.len() {
                return Err(Error::evaluate(format!(
                    "a map of {} keys and {} values",
                    own.len(),
                    other.len()
                )));
            }
            check_keys(key_lists.child(), own.clone(), key_type)?;
            of_keys.extend(own.map(|element| element as u32));
            of_values.extend(other.map(|element| element as u32));
        }
        offsets.push(List::offset(of_keys.len())?);
    }
    let children = [key_lists.child().take(&of_keys)?, value_lists.child().take(&of_values)?];
    let entries = Vector::new(Data::Struct(children.into()), None, of_keys.len())?;
    let list = List::new(Slice::copy_of(&offsets), entries)?;
    Ok(Vector::new(Data::List(list), validity, rows)?)
}

/// Refuses keys that are null or repeat.
pub(super) fn check_keys(
    keys: &Vector,
    range: std::ops::Range<usize>,
    key_type: &DataType,
) -> Result<()> {
    let mut sorted: Vec<usize> = range.collect();
    if sorted.iter().any(|key| !keys.is_valid(*key)) {
        return Err(Error::evaluate("a key of a map is null"));
    }
    sorted.sort_by(|a, b| order(keys.cell(*a), keys.cell(*b), key_type));
    for pair in sorted.windows(2) {
        if order(keys.cell(pair[0]), keys.cell(pair[1]), key_type).is_eq() {
            let mut text = String::new();
            render_cell(keys.cell(pair[0]), key_type, &mut text);
            return Err(Error::evaluate(format!("the key {text} of a map is there twice")));
        }
    }
    Ok(())
}

/// Keys (0) or values (1) of a map's entries, `count` of them.
pub(super) fn entry_part(entries: &Vector, part: usize) -> Vector {
    match entries.data() {
        Data::Struct(children) => {
            children.get(part).cloned().unwrap_or_else(|| Vector::null(entries.len()))
        }
        _ => Vector::null(entries.len()),
    }
}

fn map_part(map: &Vector, part: usize) -> Result<Vector> {
    let list = list_of(map)?;
    let child = entry_part(&list.child().flatten()?, part);
    let data = Data::List(List::new(list.offsets().clone(), child)?);
    Ok(Vector::new(data, map.validity().cloned(), map.len())?)
}

fn map_value(
    map: &Vector,
    key: &Vector,
    key_type: &DataType,
    is_list: bool,
    rows: usize,
) -> Result<Vector> {
    let list = list_of(map)?;
    let entries = list.child().flatten()?;
    let (keys, values) = (entry_part(&entries, 0), entry_part(&entries, 1));
    let mut places = vec![None; rows];
    for (row, place) in places.iter_mut().enumerate() {
        if map.is_valid(row) && key.is_valid(row) {
            let wanted = key.cell(row);
            let mut range = list.range(row);
            // Of entries of one key the last counts (LogicalTypes.md, MAP).
            let found = range.rfind(|entry| order(keys.cell(*entry), wanted, key_type).is_eq());
            *place = found.map(|entry| entry as u32);
        }
    }
    if !is_list {
        return picked(&values, &places);
    }
    let elements: Vec<u32> = places.iter().flatten().copied().collect();
    let mut offsets = vec![0];
    let mut count = 0;
    for place in &places {
        count += i32::from(place.is_some());
        offsets.push(count);
    }
    gathered(&values, &elements, &offsets, map.validity().cloned())
}
