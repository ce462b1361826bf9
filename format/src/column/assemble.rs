//! The leaves of a nested column put together: lists, structs and maps from their levels.
//!
//! In: the [`Layout`] of the column and what was read of each of its leaves. Out: one vector. It goes
//! from the leaves outwards, one pass a depth; fields of one struct must agree on where it is, and in
//! which list. A field of a struct that is null is null there too, whether its type allows that or not.

use std::vec::IntoIter;

use super::{LeafRows, nulls};
use crate::error::{Error, Result};
use crate::levels::{ListLevels, Skeleton, lists};
use crate::schema::Layout;
use crate::vector::{Data, List, Vector, concat};

/// A part of the column, and the levels that what is around it sees. `None` where there is no leaf
/// that could tell.
type Part = Option<(Vector, Skeleton)>;

/// The vector of `rows` rows that `layout` makes of `leaves`, which come in the order of the layout.
/// `path_of` names a leaf in errors.
///
/// # Errors
/// `Corrupt` if the leaves do not agree, or have another number of rows; `LimitExceeded` if memory is
/// refused.
pub fn assemble(
    layout: &Layout,
    leaves: Vec<LeafRows>,
    rows: usize,
    path_of: impl Fn(usize) -> String,
) -> Result<Vector> {
    let mut assembly = Assembly { leaves: leaves.into_iter(), path_of: &path_of };
    let Some((vector, skeleton)) = assembly.part(layout, 0)? else { return Ok(Vector::null(rows)) };
    if vector.len() != rows {
        return Err(Error::corrupt(format!(
            "{} rows of \"{}\" where {rows} should be",
            vector.len(),
            path_of(skeleton.leaf)
        )));
    }
    Ok(vector)
}

struct Assembly<'a> {
    leaves: IntoIter<LeafRows>,
    path_of: &'a dyn Fn(usize) -> String,
}

/// A level of the schema, which is no deeper than 255.
fn level(level: u16) -> Result<u8> {
    u8::try_from(level).map_err(|_| Error::internal("a level above 255"))
}

impl Assembly<'_> {
    /// The part that `layout` says, which has a place from definition level `parent` on.
    fn part(&mut self, layout: &Layout, parent: u8) -> Result<Part> {
        match layout {
            Layout::Leaf { .. } => {
                let rows = self.leaves.next();
                leaf(rows.ok_or_else(|| Error::internal("fewer leaves than fields"))?, parent)
                    .map(Some)
            }
            Layout::Struct { definition_level, children } => {
                self.structure(children, level(*definition_level)?, parent)
            }
            Layout::List {
                definition_level,
                element_definition_level,
                repetition_level,
                element,
            } => {
                let levels = ListLevels {
                    parent,
                    present: level(*definition_level)?,
                    element: level(*element_definition_level)?,
                    repetition: level(*repetition_level)?,
                };
                let Some((child, inside)) = self.part(element, levels.element)? else {
                    return Ok(None);
                };
                let made = lists(&inside, levels).map_err(|error| self.name(error, &inside))?;
                let list = List::new(made.offsets, child)?;
                let len = list.len();
                let vector = Vector::new(Data::List(list), made.validity, len)?;
                Ok(Some((vector, made.outside)))
            }
        }
    }

    fn structure(&mut self, children: &[Layout], present: u8, parent: u8) -> Result<Part> {
        let parts: Result<Vec<Part>> =
            children.iter().map(|child| self.part(child, parent)).collect();
        let (vectors, skeletons): (Vec<Option<Vector>>, Vec<Option<Skeleton>>) =
            parts?.into_iter().map(Option::unzip).unzip();
        let mut skeletons = skeletons.into_iter().flatten();
        let Some(lead) = skeletons.next() else { return Ok(None) };
        if let Some(other) = skeletons.find(|other| !lead.agrees(other, present)) {
            return Err(Error::corrupt(format!(
                "the levels of \"{}\" and \"{}\" do not agree on the struct around them",
                (self.path_of)(lead.leaf),
                (self.path_of)(other.leaf)
            )));
        }
        let entries = lead.entries(parent);
        let vectors: Vec<Vector> = vectors
            .into_iter()
            .map(|vector| vector.unwrap_or_else(|| Vector::null(entries)))
            .collect();
        let validity = lead.validity(parent, present)?;
        let vector = Vector::new(Data::Struct(vectors.into()), validity, entries)?;
        Ok(Some((vector, lead)))
    }

    fn name(&self, error: Error, skeleton: &Skeleton) -> Error {
        let column = Some((self.path_of)(skeleton.leaf).into());
        error.at(&crate::error::Place { column, ..Default::default() })
    }
}

/// The values of a leaf, spread over its entries.
fn leaf(rows: LeafRows, parent: u8) -> Result<(Vector, Skeleton)> {
    let LeafRows { max, skeleton, values, value_count, .. } = rows;
    let entries = skeleton.entries(parent);
    if value_count == 0 {
        return Ok((Vector::null(entries), skeleton));
    }
    let dense = concat(&values)?;
    if value_count == entries {
        return Ok((dense, skeleton));
    }
    let Some(present) = skeleton.validity(parent, max.definition)? else {
        return Err(Error::internal("fewer values than entries that are present"));
    };
    let data = nulls::spread(dense.data().clone(), &present)?;
    Ok((Vector::new(data, Some(present), entries)?, skeleton))
}

#[cfg(test)]
mod tests {
    use millwork_codecs::budget::Budget;
    use millwork_codecs::buffer::Slice;

    use super::*;
    use crate::error::ErrorKind;
    use crate::levels::{LevelRun, MaxLevels};

    /// A leaf whose values count up from 0.
    fn rows(leaf: usize, max: (u8, u8), definition: &[u8], repetition: &[u8]) -> LeafRows {
        let max = MaxLevels { definition: max.0, repetition: max.1 };
        let mut rows = LeafRows::new(leaf, max, &Budget::unlimited()).unwrap();
        rows.skeleton.definition = LevelRun::of(max.definition, definition.to_vec());
        rows.skeleton.repetition = LevelRun::of(0, repetition.to_vec());
        rows.value_count = definition.iter().filter(|level| **level == max.definition).count();
        let values: Vec<i32> = (0..rows.value_count as i32).collect();
        rows.values = vec![Vector::flat(Slice::copy_of(&values))];
        rows
    }

    /// `optional group s { optional int32 a; repeated group l { optional int32 b } }`
    fn layout() -> Layout {
        let leaf = |leaf, definition_level| Layout::Leaf { leaf, definition_level };
        let element = Layout::Struct { definition_level: 2, children: vec![leaf(1, 3)] };
        let list = Layout::List {
            definition_level: 1,
            element_definition_level: 2,
            repetition_level: 1,
            element: Box::new(element),
        };
        Layout::Struct { definition_level: 1, children: vec![leaf(0, 2), list] }
    }

    fn assembled(a: &[u8], b: &[(u8, u8)], count: usize) -> Result<Vector> {
        let (definition, repetition): (Vec<u8>, Vec<u8>) = b.iter().copied().unzip();
        let zeros = vec![0; a.len()];
        let leaves = vec![rows(0, (2, 0), a, &zeros), rows(1, (3, 1), &definition, &repetition)];
        assemble(&layout(), leaves, count, |leaf| format!("leaf {leaf}"))
    }

    #[test]
    fn structs_and_lists_follow_the_levels() {
        // null, {a: null, l: []}, {a: 0, l: [0, null]}, {a: 1, l: [1]}
        let b = [(0, 0), (1, 0), (3, 0), (2, 1), (3, 0)];
        let vector = assembled(&[0, 1, 2, 2], &b, 4).unwrap();
        let Data::Struct(children) = vector.data() else { panic!("no struct") };
        let present = |vector: &Vector| (0..4).map(|row| vector.is_valid(row)).collect::<Vec<_>>();
        assert_eq!(present(&vector), [false, true, true, true]);
        assert_eq!(present(&children[0]), [false, false, true, true]);
        assert_eq!(present(&children[1]), [false, true, true, true]);
        let Data::List(list) = children[1].data() else { panic!("no list") };
        assert_eq!(list.offsets()[..], [0, 0, 0, 2, 3]);
        let Data::Struct(elements) = list.child().data() else { panic!("no struct") };
        assert!(list.child().validity().is_none());
        assert_eq!(elements[0].null_count(), 1);
        assert_eq!(elements[0].values::<i32>().unwrap()[..], [0, 0, 1]);
    }

    #[test]
    fn leaves_that_do_not_agree_are_refused() {
        for (a, b, count, what) in [
            (&[0u8, 1][..], &[(1, 0), (1, 0)][..], 2, "\"leaf 0\" and \"leaf 1\" do not agree"),
            (&[1, 1], &[(1, 0)], 2, "do not agree"),
            (&[1, 1], &[(1, 0), (1, 0)], 3, "2 rows of \"leaf 0\" where 3 should be"),
            (&[1], &[(1, 0), (2, 1)], 1, "a list that goes on where it has no element"),
            (&[1], &[(2, 0), (1, 1)], 1, "a list that goes on where it has no element"),
            (&[1], &[(2, 1)], 1, "a list that goes on where it has no element"),
        ] {
            let error = assembled(a, b, count).unwrap_err();
            assert_eq!(*error.kind(), ErrorKind::Corrupt);
            assert!(error.what().contains(what), "{error}");
        }
    }
}
