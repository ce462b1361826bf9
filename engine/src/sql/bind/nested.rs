//! Lists, structs and maps: their literals, their parts, and the functions of them, by DuckDB's names.

use std::sync::Arc;

use millwork_format::schema::closest;
use millwork_format::types::{DataType, Field, is_tuple};

use super::expression::unified;
use super::function::exactly;
use super::scope::same;
use crate::error::{Error, Result};
use crate::expr::{Expr, Function};
use crate::sql::ast::Name;
use crate::sql::types::{self, call, coerce};
use crate::value::Scalar;

/// Every function of this folder, for `did you mean`.
pub(super) const NAMES: &[&str] = &[
    "array_append",
    "array_cat",
    "array_concat",
    "array_contains",
    "array_extract",
    "array_has",
    "array_indexof",
    "array_length",
    "array_position",
    "array_prepend",
    "array_slice",
    "cardinality",
    "element_at",
    "list_append",
    "list_cat",
    "list_concat",
    "list_contains",
    "list_element",
    "list_extract",
    "list_has",
    "list_indexof",
    "list_pack",
    "list_position",
    "list_prepend",
    "list_slice",
    "list_value",
    "map",
    "map_contains",
    "map_entries",
    "map_extract",
    "map_extract_value",
    "map_keys",
    "map_values",
    "row",
    "struct_extract",
    "struct_pack",
    "unnest",
];

/// The arguments come back if the name is none of these.
type Tried = std::result::Result<Expr, Vec<Expr>>;

/// A list of elements of `data_type`.
pub(super) fn list_of(data_type: DataType) -> DataType {
    DataType::List(Arc::new(Field::nullable("element", data_type)))
}

/// A call of a function of nested values. `names` are those of the arguments, if they have some.
pub(super) fn bind(name: &str, arguments: Vec<Expr>, names: &[Name]) -> Result<Tried> {
    Ok(Ok(match name {
        "struct_pack" => return pack(arguments, names).map(Ok),
        _ if !names.is_empty() => {
            return Err(Error::unsupported(format!(
                "{name} with named arguments is not supported"
            )));
        }
        "row" => return tuple(arguments).map(Ok),
        "list_value" | "list_pack" => return list(arguments).map(Ok),
        "map" => return map(arguments).map(Ok),
        "list_extract" | "list_element" | "array_extract" | "struct_extract" => {
            let [argument, index] = exactly(name, arguments)?;
            element(argument, index)?
        }
        "list_slice" | "array_slice" => {
            let [argument, first, last] = exactly(name, arguments)?;
            slice(argument, Some(first), Some(last))?
        }
        "list_contains" | "array_contains" | "list_has" | "array_has" => {
            let [list, value] = exactly(name, arguments)?;
            member(Function::ListContains, name, list, value, DataType::Boolean)?
        }
        "contains" if arguments.first().is_some_and(|first| is_list(&first.data_type)) => {
            let [list, value] = exactly(name, arguments)?;
            member(Function::ListContains, name, list, value, DataType::Boolean)?
        }
        "list_position" | "array_position" | "list_indexof" | "array_indexof" => {
            let [list, value] = exactly(name, arguments)?;
            member(Function::ListPosition, name, list, value, DataType::Int32)?
        }
        "list_concat" | "list_cat" | "array_concat" | "array_cat" => {
            let [left, right] = exactly(name, arguments)?;
            concat(left, right, true)?
        }
        "list_append" | "array_append" => {
            let [all, last] = exactly(name, arguments)?;
            concat(all, list(vec![last])?, true)?
        }
        "list_prepend" | "array_prepend" => {
            let [first, all] = exactly(name, arguments)?;
            concat(list(vec![first])?, all, true)?
        }
        "cardinality" => {
            let [argument] = exactly(name, arguments)?;
            match argument.data_type {
                DataType::List(_) | DataType::Map { .. } | DataType::Null => {}
                ref other => return Err(takes(name, "a MAP or a list", other)),
            }
            let count = call(Function::ListLength, vec![argument], DataType::Int64);
            coerce(count, &DataType::UInt64)?
        }
        _ => match name.strip_prefix("map_").or((name == "element_at").then_some("extract")) {
            Some("keys" | "values" | "entries" | "extract" | "extract_value" | "contains") => {
                return of_map(name, arguments).map(Ok);
            }
            _ => return Ok(Err(arguments)),
        },
    }))
}

#[cold]
fn takes(name: &str, wanted: &str, found: &DataType) -> Error {
    Error::types(format!("{name} takes {wanted}, found {found}"))
}

fn is_list(data_type: &DataType) -> bool {
    matches!(data_type, DataType::List(_))
}

/// `[a, b, ..]`.
fn list(elements: Vec<Expr>) -> Result<Expr> {
    let (elements, data_type) = unified(elements, "a list")?;
    Ok(call(Function::ListValue, elements, list_of(data_type)))
}

/// `{'a': 1, ..}`.
fn pack(values: Vec<Expr>, names: &[Name]) -> Result<Expr> {
    if names.is_empty() || names.iter().any(|name| name.text.is_empty()) {
        return Err(Error::types("struct_pack takes named arguments: struct_pack(a := 1)"));
    }
    for (index, name) in names.iter().enumerate() {
        if names[..index].iter().any(|before| same(&before.text, &name.text)) {
            return Err(Error::name(format!("field {} is there twice", name.text)).at(name.span));
        }
    }
    let fields = names.iter().zip(&values);
    let fields = fields.map(|(name, value)| Field::nullable(&name.text, value.data_type.clone()));
    let data_type = DataType::Struct(fields.collect());
    Ok(call(Function::StructPack, values, data_type))
}

/// `row(a, b, ..)`: fields without names.
fn tuple(values: Vec<Expr>) -> Result<Expr> {
    if values.is_empty() {
        return Err(Error::types("row takes at least one argument"));
    }
    let fields = values.iter().map(|value| Field::nullable("", value.data_type.clone()));
    let data_type = DataType::Struct(fields.collect());
    Ok(call(Function::StructPack, values, data_type))
}

/// `map(keys, values)`; `map()` is empty.
fn map(arguments: Vec<Expr>) -> Result<Expr> {
    let arguments = match arguments.len() {
        0 => vec![list(Vec::new())?, list(Vec::new())?],
        _ => arguments,
    };
    let [keys, values] = exactly("map", arguments)?;
    let element = |of: &DataType| match of {
        DataType::List(element) => Ok(element.data_type.clone()),
        DataType::Null => Ok(DataType::Null),
        other => Err(takes("map", "two lists", other)),
    };
    let data_type = types::map_of(element(&keys.data_type)?, element(&values.data_type)?);
    Ok(call(Function::MapOfLists, vec![keys, values], data_type))
}

fn of_map(name: &str, mut arguments: Vec<Expr>) -> Result<Expr> {
    let has_key =
        matches!(name, "map_extract" | "map_extract_value" | "map_contains" | "element_at");
    let wanted = if has_key { 2 } else { 1 };
    if arguments.len() != wanted {
        let found = arguments.len();
        return Err(Error::types(format!("{name} takes {wanted} arguments, found {found}")));
    }
    let key = if has_key { arguments.pop() } else { None };
    let Some(argument) = arguments.pop() else { return Err(Error::internal("no MAP")) };
    if argument.data_type == DataType::Null {
        return Ok(Expr::literal(Scalar::Null, DataType::Null));
    }
    let DataType::Map { key: key_field, value } = argument.data_type.clone() else {
        return Err(takes(name, "a MAP", &argument.data_type));
    };
    let value_type = value.as_ref().map_or(DataType::Null, |value| value.data_type.clone());
    let key_type = key_field.data_type.clone();
    let keys = |argument| Ok(call(Function::MapKeys, vec![argument], list_of(key_type.clone())));
    match (name, key) {
        ("map_keys", _) => keys(argument),
        ("map_values", _) => Ok(call(Function::MapValues, vec![argument], list_of(value_type))),
        ("map_entries", _) => {
            let entries = list_of(DataType::map_entries(&key_field, value.as_ref()));
            Ok(call(Function::MapEntries, vec![argument], entries))
        }
        ("map_contains", Some(key)) => {
            let key = coerce(key, &key_type)?;
            Ok(call(Function::ListContains, vec![keys(argument)?, key], DataType::Boolean))
        }
        ("map_extract_value", Some(key)) => map_value(argument, key),
        (_, Some(key)) => {
            let key = coerce(key, &key_type)?;
            Ok(call(Function::MapExtract, vec![argument, key], list_of(value_type)))
        }
        _ => Err(Error::internal("a function of a MAP without its key")),
    }
}

/// `map[key]`: the value, or null.
fn map_value(argument: Expr, key: Expr) -> Result<Expr> {
    let DataType::Map { key: key_field, value } = &argument.data_type else {
        return Err(Error::internal("a key of what is no MAP"));
    };
    let fits = key.data_type == DataType::Null
        || types::common(&key.data_type, &key_field.data_type).is_some()
        || key.as_literal().is_some_and(|key| matches!(key, Scalar::Text(_)));
    if !fits {
        return Err(Error::types(format!(
            "the keys of {} are {}, found {}",
            argument.data_type, key_field.data_type, key.data_type
        )));
    }
    let result = value.as_ref().map_or(DataType::Null, |value| value.data_type.clone());
    let key = coerce(key, &key_field.data_type.clone())?;
    Ok(call(Function::MapElement, vec![argument, key], result))
}

/// Whether, or where, `value` is in `list`.
fn member(
    function: Function,
    name: &str,
    list: Expr,
    value: Expr,
    result: DataType,
) -> Result<Expr> {
    let element = match &list.data_type {
        DataType::List(element) => element.data_type.clone(),
        DataType::Null => return Ok(Expr::literal(Scalar::Null, result)),
        other => return Err(takes(name, "a list", other)),
    };
    let of_element = Expr::column(0, element.clone());
    let common = types::common_of(&of_element, &value).ok_or_else(|| {
        Error::types(format!("{name}: {} is no element of {}", value.data_type, list.data_type))
    })?;
    let list = if common == element { list } else { coerce(list, &list_of(common.clone()))? };
    Ok(call(function, vec![list, coerce(value, &common)?], result))
}

/// Lists behind one another. `is_lenient`: a null one counts as empty.
pub(super) fn concat(left: Expr, right: Expr, is_lenient: bool) -> Result<Expr> {
    for side in [&left, &right] {
        if !is_list(&side.data_type) && side.data_type != DataType::Null {
            let what = format!("cannot concatenate {} and {}", left.data_type, right.data_type);
            return Err(Error::types(what).hint("[..] around a value makes it a list"));
        }
    }
    let (sides, data_type) = unified(vec![left, right], "||")?;
    Ok(call(Function::ListConcat { is_lenient }, sides, data_type))
}

/// `list[index]`, `struct['field']`, `map[key]`, `text[index]`.
pub(super) fn element(argument: Expr, index: Expr) -> Result<Expr> {
    match &argument.data_type {
        DataType::List(element) => {
            let data_type = element.data_type.clone();
            if !types::is_integer(&index.data_type) && index.data_type != DataType::Null {
                return Err(takes("the position in a list", "an integer", &index.data_type));
            }
            let index = coerce(index, &DataType::Int64)?;
            Ok(call(Function::ListElement, vec![argument, index], data_type))
        }
        DataType::Map { .. } => map_value(argument, index),
        DataType::Struct(fields) => match index.as_literal() {
            Some(Scalar::Text(name)) if !is_tuple(fields) => {
                let span = crate::error::Span { start: 0, end: 0 };
                field(argument, &Name { text: name.to_string(), span })
            }
            Some(Scalar::Integer(position)) if is_tuple(fields) => {
                let place = usize::try_from(*position).ok().and_then(|at| at.checked_sub(1));
                match place.filter(|place| *place < fields.len()) {
                    Some(place) => struct_field(argument, place),
                    None => {
                        Err(Error::types(format!("{} has no field {position}", argument.data_type)))
                    }
                }
            }
            _ if is_tuple(fields) => {
                Err(Error::types("a TUPLE is indexed by a constant position, from 1"))
            }
            _ => Err(Error::types("a STRUCT is indexed by the name of a field")),
        },
        DataType::Null => Ok(argument),
        data_type if data_type.is_text() => {
            let one = Expr::literal(Scalar::Integer(1), DataType::Int64);
            let index = coerce(index, &DataType::Int64)?;
            Ok(call(Function::Substring, vec![argument, index, one], DataType::Utf8))
        }
        other => Err(Error::types(format!("{other} has no elements"))),
    }
}

/// `list[first:last]`, `text[first:last]`.
pub(super) fn slice(argument: Expr, first: Option<Expr>, last: Option<Expr>) -> Result<Expr> {
    let position = |end: Option<Expr>, otherwise: i64| match end {
        Some(end) if types::is_integer(&end.data_type) || end.data_type == DataType::Null => {
            coerce(end, &DataType::Int64)
        }
        Some(end) => Err(takes("an end of a slice", "an integer", &end.data_type)),
        None => Ok(Expr::literal(Scalar::Integer(otherwise.into()), DataType::Int64)),
    };
    let (first, last) = (position(first, 1)?, position(last, i64::MAX)?);
    match &argument.data_type {
        DataType::List(_) => {
            let data_type = argument.data_type.clone();
            Ok(call(Function::ListSlice, vec![argument, first, last], data_type))
        }
        DataType::Null => Ok(argument),
        data_type if data_type.is_text() => {
            let ends = (first.as_literal(), last.as_literal());
            let (Some(Scalar::Integer(from)), Some(Scalar::Integer(to))) = ends else {
                return Err(Error::unsupported("a slice of a text takes constants"));
            };
            if *from < 1 || *to < 0 {
                return Err(Error::unsupported("a slice of a text counts from its start"));
            }
            let length = (to - from + 1).clamp(0, i64::MAX.into());
            let length = Expr::literal(Scalar::Integer(length), DataType::Int64);
            Ok(call(Function::Substring, vec![argument, first, length], DataType::Utf8))
        }
        other => Err(Error::types(format!("{other} has no elements"))),
    }
}

/// `argument.name`: of a STRUCT, or of a MAP whose keys are text.
pub(super) fn field(argument: Expr, name: &Name) -> Result<Expr> {
    let fields = match &argument.data_type {
        DataType::Struct(fields) => fields,
        DataType::Map { key, .. } if key.data_type.is_text() => {
            let key = Expr::literal(Scalar::Text(name.text.as_str().into()), DataType::Utf8);
            return map_value(argument, key);
        }
        DataType::Null => return Ok(argument),
        other => {
            return Err(Error::types(format!("{other} has no field {}", name.text)));
        }
    };
    let found = fields.iter().position(|field| same(&field.name, &name.text));
    let Some(index) = found else {
        let error = Error::name(format!("unknown field {}", name.text));
        let names = fields.iter().map(|field| &*field.name);
        return Err(match closest(&name.text, names) {
            Some(near) => error.hint(format!("did you mean {near}?")),
            None => error,
        });
    };
    struct_field(argument, index)
}

/// Field number `index` of a STRUCT.
pub(super) fn struct_field(argument: Expr, index: usize) -> Result<Expr> {
    let DataType::Struct(fields) = &argument.data_type else {
        return Err(Error::internal("a field of what is no STRUCT"));
    };
    let Some(field) = fields.get(index) else {
        return Err(Error::internal("a field that a STRUCT does not have"));
    };
    let data_type = field.data_type.clone();
    Ok(Expr::call(Function::StructField(index), vec![argument], data_type))
}
