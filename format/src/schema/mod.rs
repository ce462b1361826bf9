//! The schema of a file: a validated tree, its leaves, and the columns that they make.
//!
//! In: the flattened [`SchemaElement`]s of a footer. Out: a [`Schema`] with three views of the same
//! tree: its [`SchemaField`]s as the file has them, its [`Leaf`] columns with their levels, and its top-level
//! [`Column`]s with the type that a reader gives them.
//!
//! Invariants: leaves are numbered depth first, as column chunks are; a column's leaves are a range;
//! a [`Layout`] has the shape of its column's type; the tree is never deeper than the limit.
//!
//! | module | holds |
//! |---|---|
//! | `tree` | elements to fields and leaves |
//! | `annotation` | physical type and annotation to the type of a leaf |
//! | `assembly` | fields to lists, maps and structs, by the spec's rules of compatibility |
//! | `names` | names made unique, near misses |
//! | `projection` | parts of columns chosen by path |
//! | `print` | the text form `message .. { .. }` |

mod tree;
mod annotation;
mod assembly;
mod names;
mod projection;
mod print;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use millwork_codecs::budget::{Budget, Reservation};

use crate::error::Result;
use crate::limits::Limits;
use crate::metadata::{
    ColumnOrder, ConvertedType, Footer, LogicalType, PhysicalType, Repetition, SchemaElement,
};
use crate::types::{DataType, Field};

pub use names::{closest, unique_names};
pub use print::Description;
pub use projection::{PathStep, Projected};

/// A field of the tree as the file has it.
#[derive(Clone, Debug, PartialEq)]
pub struct SchemaField {
    /// Its name.
    pub name: Arc<str>,
    /// How often it occurs in its parent.
    pub repetition: Repetition,
    /// The definition level of a value that is present, all fields around it counted.
    pub definition_level: u16,
    /// The repetition level of a further occurrence of this field or the next repeated one around it.
    pub repetition_level: u16,
    /// What is in it.
    pub content: Content,
    /// The id of the schema that this one was made from.
    pub field_id: Option<i32>,
    /// The old annotation.
    pub converted_type: Option<ConvertedType>,
    /// The annotation.
    pub logical_type: Option<LogicalType>,
}

/// What a field holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Values: the leaf of that index.
    Leaf(usize),
    /// Other fields.
    Group(Vec<SchemaField>),
}

/// A column of values: every row group has one column chunk for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Leaf {
    /// Its ordinal among the leaves, which is that of its column chunks.
    pub index: usize,
    /// The names from the top to the leaf.
    pub path: Vec<Arc<str>>,
    /// The same, joined by dots.
    pub dotted_path: Arc<str>,
    /// How values are stored.
    pub physical_type: PhysicalType,
    /// Bytes of a FIXED_LEN_BYTE_ARRAY, at least 1; 0 for other types.
    pub type_length: u32,
    /// The definition level of a value that is present.
    pub max_definition_level: u16,
    /// Repeated fields on the path.
    pub max_repetition_level: u16,
    /// What values mean. It always fits the physical type.
    pub data_type: DataType,
    /// Whether the leaf itself (not a field around it) may be null.
    pub nullable: bool,
    /// The order of its statistics; `None` if the file does not tell.
    pub column_order: Option<ColumnOrder>,
    /// The id of the schema that this one was made from.
    pub field_id: Option<i32>,
    /// The old annotation.
    pub converted_type: Option<ConvertedType>,
    /// Digits in all and behind the point, as the old annotation DECIMAL has them.
    pub converted_decimal: Option<(i32, i32)>,
    /// The annotation.
    pub logical_type: Option<LogicalType>,
}

impl Leaf {
    /// The digits of a DECIMAL that has too many to be read.
    pub(crate) fn unreadable_decimal(&self) -> Option<i32> {
        annotation::too_many_digits(self)
    }
}

/// Which levels make which part of a column's vector. Its shape is that of the column's type: a map
/// is a list of structs of a key and perhaps a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Values of a leaf.
    Leaf {
        /// Ordinal of the leaf.
        leaf: usize,
        /// A value is present from this definition level on.
        definition_level: u16,
    },
    /// A struct.
    Struct {
        /// The struct is present from this definition level on.
        definition_level: u16,
        /// One a field. No field: there is no leaf that says how many rows there are.
        children: Vec<Self>,
    },
    /// A list, or a map.
    List {
        /// The list is present, though perhaps empty, from this definition level on.
        definition_level: u16,
        /// There is an element from this definition level on.
        element_definition_level: u16,
        /// The level of a further element of the same list; at lower levels another list begins.
        repetition_level: u16,
        /// The elements.
        element: Box<Self>,
    },
}

impl Layout {
    /// Adds the ordinals of its leaves to `into`, in order.
    pub fn leaves(&self, into: &mut Vec<usize>) {
        match self {
            Self::Leaf { leaf, .. } => into.push(*leaf),
            Self::Struct { children, .. } => {
                children.iter().for_each(|child| child.leaves(into));
            }
            Self::List { element, .. } => element.leaves(into),
        }
    }
}

/// A top-level column, as a reader returns it.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Its name and type. Names of columns, and of the fields of a struct, are made unique
    /// ([`unique_names`]); [`Schema::fields`] has those of the file.
    pub field: Field,
    /// The leaves it is made of: a range of [`Schema::leaves`].
    pub leaves: Range<usize>,
    /// Whether it is one leaf without repetition and with at most one level of definition.
    pub is_flat: bool,
    /// How levels make its vector.
    pub layout: Layout,
}

/// The schema of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Schema {
    name: Arc<str>,
    fields: Vec<SchemaField>,
    leaves: Vec<Leaf>,
    columns: Vec<Column>,
    by_name: ByName,
}

/// The ordinals of columns by name, once asked for; it says nothing that the columns do not.
#[derive(Clone, Debug, Default)]
struct ByName(OnceLock<HashMap<Arc<str>, usize>>);

impl PartialEq for ByName {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Schema {
    /// Of an allocation of its own, beside what lies in it.
    const APART_BYTES: usize = 32;

    /// About the bytes of memory that it takes.
    pub(crate) fn memory_bytes(&self) -> usize {
        const APART: usize = Schema::APART_BYTES;
        fn nodes(fields: &[SchemaField]) -> usize {
            let below = |field: &SchemaField| match &field.content {
                Content::Leaf(_) => 0,
                Content::Group(fields) => nodes(fields),
            };
            fields.iter().map(|field| 1 + below(field)).sum()
        }
        let paths = self.leaves.iter().map(|leaf| {
            APART + leaf.dotted_path.len() + APART + leaf.path.len() * size_of::<Arc<str>>()
        });
        let names = self.leaves.iter().map(|leaf| leaf.path.last().map_or(0, |name| name.len()));
        nodes(&self.fields) * (size_of::<SchemaField>() + size_of::<Field>() + 2 * APART)
            + self.leaves.len() * size_of::<Leaf>()
            + self.columns.len() * size_of::<Column>()
            + paths.sum::<usize>()
            + names.sum::<usize>()
    }

    /// Takes from `budget` what the schema of `footer` takes at most, but for the names around leaves, which have
    /// a limit of their own.
    ///
    /// # Errors
    /// `LimitExceeded` if it is refused.
    pub(crate) fn reserve(footer: &Footer, budget: &Budget) -> Result<Reservation> {
        // A field may be a leaf, and a column, and its type is told with both.
        const ELEMENT_BYTES: usize = size_of::<SchemaField>()
            + size_of::<Leaf>()
            + size_of::<Column>()
            + 2 * size_of::<Field>()
            + 6 * Schema::APART_BYTES;
        let elements = footer.schema().len() as u64;
        Ok(budget.reserve(elements.saturating_mul(ELEMENT_BYTES as u64))?)
    }

    /// The tree that `elements` list depth first, the root first.
    ///
    /// Annotations never make an error: one that does not fit its physical type is ignored.
    ///
    /// # Errors
    /// `Corrupt` if the elements are not exactly those that the numbers of children promise, if a
    /// FIXED_LEN_BYTE_ARRAY has no length or a field an unknown repetition; `LimitExceeded` if the tree
    /// is deeper, or has more leaves, than `limits` allow.
    pub fn new(elements: &[SchemaElement], limits: &Limits) -> Result<Self> {
        let tree = tree::build(elements, limits)?;
        let columns = assembly::columns(&tree.fields, &tree.leaves);
        let by_name = ByName::default();
        Ok(Self { name: tree.name, fields: tree.fields, leaves: tree.leaves, columns, by_name })
    }

    /// The schema of the file that `footer` belongs to, with the orders of its statistics.
    ///
    /// # Errors
    /// As [`Schema::new`].
    pub fn of(footer: &Footer, limits: &Limits) -> Result<Self> {
        let mut schema = Self::new(footer.schema(), limits)?;
        for leaf in &mut schema.leaves {
            leaf.column_order = footer.column_order(leaf.index);
        }
        Ok(schema)
    }

    /// The name of the root.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The fields under the root, as the file has them.
    #[must_use]
    pub fn fields(&self) -> &[SchemaField] {
        &self.fields
    }

    /// The leaves, depth first.
    #[must_use]
    pub fn leaves(&self) -> &[Leaf] {
        &self.leaves
    }

    /// The top-level columns, as many as [`Schema::fields`].
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The ordinal of the column that [`Schema::columns`] calls `name`. Schemas of strangers are wide: the
    /// first question costs a table of all names, the others next to nothing.
    #[must_use]
    pub fn column_named(&self, name: &str) -> Option<usize> {
        let names = || self.columns.iter().enumerate();
        let table = || names().map(|(at, column)| (Arc::clone(&column.field.name), at)).collect();
        self.by_name.0.get_or_init(table).get(name).copied()
    }

    /// The ordinal of the column called `name`: as [`Schema::columns`] has it, or as the file has it, or
    /// else regardless of case.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<usize> {
        let own = || self.fields.iter().position(|field| *field.name == *name);
        let folded = || {
            let folded = name.to_lowercase();
            self.columns.iter().position(|column| column.field.name.to_lowercase() == folded)
        };
        self.column_named(name).or_else(own).or_else(folded)
    }

    /// The name of the column that `name` was probably meant to be.
    #[must_use]
    pub fn suggest(&self, name: &str) -> Option<&str> {
        closest(name, self.columns.iter().map(|column| &*column.field.name))
    }

    /// One line a leaf, for a table.
    pub fn describe(&self) -> impl ExactSizeIterator<Item = Description<'_>> {
        self.leaves.iter().map(Description::of)
    }
}

#[cfg(test)]
mod tests;
