//! Parts of columns chosen by path: `a`, `a.b`, `tags[].name`, `m.value`.
//!
//! In: paths as people write them. Out: one [`Projected`] for each top-level column that they name,
//! with the type that is left of it. Invariant: type and layout keep their common shape; a map keeps its
//! key, without which it is none.
//!
//! A path is made of names with dots between them. Lists are stepped through without being named;
//! `[]` behind a name says so, and is an error where there is no list. Entries of maps have the names `key`
//! and `value`. A name may have dots itself: the shortest one that leads on is taken. What is no such
//! path may still be one of the file's own, like `tags.list.element.name`.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::{Column, Layout, Schema};
use crate::error::{Error, Result};
use crate::types::{DataType, Field};

/// A top-level column of which some leaves are wanted, or all.
#[derive(Clone, Debug, PartialEq)]
pub struct Projected {
    /// Its ordinal.
    pub column: usize,
    /// Its name, and the type that is left.
    pub field: Field,
    /// How levels make what is left.
    pub layout: Layout,
    /// Whether nothing was left out.
    pub is_whole: bool,
}

/// A step from a nested column to a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PathStep {
    /// To a field of a struct, by position.
    Field(usize),
    /// To the elements of a list.
    Element,
}

/// What one path chooses: leaves of a column.
struct Chosen {
    column: usize,
    leaves: BTreeSet<usize>,
    is_whole: bool,
}

/// A name in a path, and how many `[]` stand behind it.
#[derive(Clone, Copy)]
struct Step<'a> {
    name: &'a str,
    lists: usize,
}

impl Schema {
    /// The columns that `paths` name, each once, in the order of its first mention. Of a column that is
    /// named by several paths all that they choose is kept, in the order of the file.
    ///
    /// # Errors
    /// `InvalidArgument` naming the first path that leads nowhere.
    pub fn project<'a>(&self, paths: impl IntoIterator<Item = &'a str>) -> Result<Vec<Projected>> {
        let mut merged: Vec<Chosen> = Vec::new();
        let mut places = HashMap::new();
        for path in paths {
            let Some(chosen) = self.choose(path) else {
                return Err(Error::invalid_argument(format!("no column named {path}")));
            };
            let place = *places.entry(chosen.column).or_insert(merged.len());
            match merged.get_mut(place) {
                Some(known) => {
                    known.is_whole |= chosen.is_whole;
                    known.leaves.extend(chosen.leaves);
                }
                None => merged.push(chosen),
            }
        }
        merged.iter().map(|chosen| self.projected(chosen)).collect()
    }

    /// The part of column `column` at `path`, on its own: a field of a struct without the struct, and
    /// null where that is null; of a list of structs a list of fields.
    ///
    /// # Errors
    /// `InvalidArgument` if there is no such column or part.
    pub fn part(&self, column: usize, path: &[PathStep]) -> Result<Projected> {
        let none = || Error::invalid_argument(format!("no such part of column {column}"));
        let found = self.columns().get(column).ok_or_else(none)?;
        let (data_type, layout) =
            part(&found.field.data_type, &found.layout, path).ok_or_else(none)?;
        let is_whole = path.is_empty();
        let nullable = found.field.nullable || !is_whole;
        let field = Field { data_type, nullable, ..found.field.clone() };
        Ok(Projected { column, field, layout, is_whole })
    }

    /// The ordinal of the one leaf that `path` leads to.
    ///
    /// # Errors
    /// `InvalidArgument` if it leads nowhere, or to several.
    pub fn leaf_at(&self, path: &str) -> Result<usize> {
        let chosen = self.choose(path).map(|chosen| chosen.leaves).unwrap_or_default();
        match (chosen.first(), chosen.len()) {
            (Some(leaf), 1) => Ok(*leaf),
            (None, _) => Err(Error::invalid_argument(format!("no column named {path}"))),
            (_, leaves) => {
                Err(Error::invalid_argument(format!("{path} has {leaves} leaves, not one")))
            }
        }
    }

    /// The column around leaf `leaf` with nothing but that leaf, and the keys of maps around it.
    ///
    /// # Errors
    /// `InvalidArgument` if there is none.
    pub(crate) fn leaf_alone(&self, leaf: usize) -> Result<Projected> {
        let column = self.columns().iter().position(|column| column.leaves.contains(&leaf));
        let lost = || Error::invalid_argument(format!("no leaf {leaf}"));
        let leaves = std::iter::once(leaf).collect();
        self.projected(&Chosen { column: column.ok_or_else(lost)?, leaves, is_whole: false })
    }

    /// Whether `path` names a column or a part of one.
    #[must_use]
    pub fn has_path(&self, path: &str) -> bool {
        self.choose(path).is_some()
    }

    fn choose(&self, path: &str) -> Option<Chosen> {
        if let Some(column) = self.find(path) {
            return self.whole(column);
        }
        self.choose_by_names(path).or_else(|| self.choose_by_leaves(path))
    }

    fn whole(&self, column: usize) -> Option<Chosen> {
        let leaves = self.columns().get(column)?.leaves.clone().collect();
        Some(Chosen { column, leaves, is_whole: true })
    }

    fn choose_by_names(&self, path: &str) -> Option<Chosen> {
        let steps: Vec<Step<'_>> = path.split('.').map(Step::of).collect();
        for count in 1..=steps.len() {
            let Some((name, lists)) = joined(&steps[..count]) else { continue };
            let Some(index) = self.find(&name) else { continue };
            let Column { field, layout, .. } = self.columns().get(index)?;
            let mut leaves = Vec::new();
            if descend(&field.data_type, layout, lists, &steps[count..], &mut leaves) {
                if count == steps.len() {
                    return self.whole(index);
                }
                let leaves: BTreeSet<usize> = leaves.into_iter().collect();
                // A group without leaves is nothing to be read.
                let is_some = !leaves.is_empty();
                return is_some.then_some(Chosen { column: index, leaves, is_whole: false });
            }
        }
        None
    }

    /// By the file's own path of a leaf or of a group around leaves.
    fn choose_by_leaves(&self, path: &str) -> Option<Chosen> {
        let under = |leaf: &str| {
            leaf.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let leaves: BTreeSet<usize> = self
            .leaves()
            .iter()
            .filter(|leaf| under(&leaf.dotted_path))
            .map(|leaf| leaf.index)
            .collect();
        let first = leaves.first()?;
        let column = self.columns().iter().position(|column| column.leaves.contains(first))?;
        let inside = &self.columns().get(column)?.leaves;
        let leaves = leaves.into_iter().filter(|leaf| inside.contains(leaf)).collect();
        Some(Chosen { column, leaves, is_whole: false })
    }

    fn projected(&self, chosen: &Chosen) -> Result<Projected> {
        let lost = || Error::internal("a path to a column that is not there");
        let column = self.columns().get(chosen.column).ok_or_else(lost)?;
        let is_whole = chosen.is_whole || column.leaves.len() == chosen.leaves.len();
        let (field, layout) = if is_whole {
            (column.field.clone(), column.layout.clone())
        } else {
            prune(&column.field, &column.layout, &chosen.leaves).ok_or_else(lost)?
        };
        Ok(Projected { column: chosen.column, field, layout, is_whole })
    }
}

impl<'a> Step<'a> {
    fn of(text: &'a str) -> Self {
        let (mut name, mut lists) = (text, 0);
        while let Some(shorter) = name.strip_suffix("[]") {
            (name, lists) = (shorter, lists + 1);
        }
        Self { name, lists }
    }
}

/// The name that `steps` make together, and its `[]`; only the last may have them.
fn joined(steps: &[Step<'_>]) -> Option<(String, usize)> {
    let (last, before) = steps.split_last()?;
    if before.iter().any(|step| step.lists > 0) {
        return None;
    }
    let names: Vec<&str> = steps.iter().map(|step| step.name).collect();
    Some((names.join("."), last.lists))
}

/// Adds to `into` the leaves that `steps` lead to; `lists` lists are still to be stepped through.
/// Answers whether they lead anywhere.
fn descend(
    data_type: &DataType,
    layout: &Layout,
    lists: usize,
    steps: &[Step<'_>],
    into: &mut Vec<usize>,
) -> bool {
    if steps.is_empty() && lists == 0 {
        layout.leaves(into);
        return true;
    }
    match (data_type, layout) {
        (DataType::List(inner), Layout::List { element, .. }) => {
            descend(&inner.data_type, element, lists.saturating_sub(1), steps, into)
        }
        (DataType::Map { key, value }, Layout::List { element, .. }) => {
            let entries = DataType::map_entries(key, value.as_ref());
            let called = ["key", "value"];
            let own = [Some(key), value.as_ref()];
            let Layout::Struct { children, .. } = &**element else { return false };
            if steps.is_empty() {
                return lists == 1 && descend(&entries, element, 0, steps, into);
            }
            let step = &steps[0];
            lists <= 1
                && (called.iter().zip(own).zip(children)).any(|((called, field), child)| {
                    field.is_some_and(|field| {
                        (step.name == *called || *step.name == *field.name)
                            && descend(&field.data_type, child, step.lists, &steps[1..], into)
                    })
                })
        }
        (DataType::Struct(fields), Layout::Struct { children, .. }) if lists == 0 => {
            descend_struct(fields, children, steps, into)
        }
        _ => false,
    }
}

fn descend_struct(
    fields: &Arc<[Field]>,
    children: &[Layout],
    steps: &[Step<'_>],
    into: &mut Vec<usize>,
) -> bool {
    let lower = |name: &str| name.to_lowercase();
    for count in 1..=steps.len() {
        let Some((name, lists)) = joined(&steps[..count]) else { break };
        let exact = fields.iter().position(|field| *field.name == *name);
        let found =
            exact.or_else(|| fields.iter().position(|field| lower(&field.name) == lower(&name)));
        if let Some(index) = found
            && let (Some(field), Some(child)) = (fields.get(index), children.get(index))
            && descend(&field.data_type, child, lists, &steps[count..], into)
        {
            return true;
        }
    }
    false
}

/// `field` with only the leaves `kept`; `None` if none of them is in it.
fn prune(field: &Field, layout: &Layout, kept: &BTreeSet<usize>) -> Option<(Field, Layout)> {
    let (data_type, layout) = match (&field.data_type, layout) {
        (_, Layout::Leaf { leaf, .. }) => {
            return kept.contains(leaf).then(|| (field.clone(), layout.clone()));
        }
        (DataType::Struct(fields), Layout::Struct { definition_level, children }) => {
            let pairs = fields.iter().zip(children);
            let (fields, children): (Vec<Field>, Vec<Layout>) =
                pairs.filter_map(|(field, child)| prune(field, child, kept)).unzip();
            if fields.is_empty() {
                return None;
            }
            let layout = Layout::Struct { definition_level: *definition_level, children };
            (DataType::Struct(fields.into()), layout)
        }
        (DataType::List(inner), Layout::List { element, .. }) => {
            let (inner, element) = prune(inner, element, kept)?;
            (DataType::List(Arc::new(inner)), with_element(layout, element)?)
        }
        (DataType::Map { key, value }, Layout::List { element, .. }) => {
            let Layout::Struct { definition_level, children } = &**element else { return None };
            let key_layout = children.first()?;
            let left = value.as_ref().zip(children.get(1));
            let left = left.and_then(|(value, child)| prune(value, child, kept));
            if left.is_none() && prune(key, key_layout, kept).is_none() {
                return None;
            }
            let (value, value_layout) = left.unzip();
            let children = std::iter::once(key_layout.clone()).chain(value_layout).collect();
            let element = Layout::Struct { definition_level: *definition_level, children };
            let data_type = DataType::Map { key: Arc::clone(key), value: value.map(Arc::new) };
            (data_type, with_element(layout, element)?)
        }
        _ => return None,
    };
    Some((Field { data_type, ..field.clone() }, layout))
}

/// What `path` leads to, without the structs on the way.
fn part(data_type: &DataType, layout: &Layout, path: &[PathStep]) -> Option<(DataType, Layout)> {
    let Some((step, rest)) = path.split_first() else {
        return Some((data_type.clone(), layout.clone()));
    };
    match (step, data_type, layout) {
        (PathStep::Field(index), DataType::Struct(fields), Layout::Struct { children, .. }) => {
            part(&fields.get(*index)?.data_type, children.get(*index)?, rest)
        }
        (PathStep::Element, DataType::List(inner), Layout::List { element, .. }) => {
            let (data_type, element) = part(&inner.data_type, element, rest)?;
            let nullable = inner.nullable || !rest.is_empty();
            let inner = Field { data_type, nullable, ..(**inner).clone() };
            Some((DataType::List(Arc::new(inner)), with_element(layout, element)?))
        }
        _ => None,
    }
}

/// The list `layout` with other elements.
fn with_element(layout: &Layout, element: Layout) -> Option<Layout> {
    match layout {
        Layout::List { definition_level, element_definition_level, repetition_level, .. } => {
            Some(Layout::List {
                definition_level: *definition_level,
                element_definition_level: *element_definition_level,
                repetition_level: *repetition_level,
                element: Box::new(element),
            })
        }
        _ => None,
    }
}
