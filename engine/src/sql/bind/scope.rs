//! The columns that a name may mean, and where they are in a plan.

use std::sync::Arc;

use millwork_format::schema::closest;
use millwork_format::types::DataType;

use crate::error::{Error, Result};
use crate::plan::LogicalPlan;
use crate::sql::ast::Name;

/// A column that can be named. Its position in [`Scope::columns`] is its position in the plan.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) table: Option<Arc<str>>,
    pub(super) name: Arc<str>,
    pub(super) data_type: DataType,
    /// Its place in its table.
    pub(super) position: usize,
    /// Left out of `*` and of names without a table: the right one of a USING pair.
    pub(super) hidden: bool,
}

impl Column {
    /// Whether both are of one table, and not of two that have one name.
    pub(super) fn is_beside(&self, other: &Self) -> bool {
        let tables = self.table.as_ref().zip(other.table.as_ref());
        tables.is_some_and(|(own, other)| Arc::ptr_eq(own, other))
    }
}

/// The named columns of a plan: its first ones. What a plan has behind them has no name.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    pub(super) columns: Vec<Column>,
}

impl Scope {
    /// The columns of `plan` as those of `table`.
    pub(super) fn of(plan: &LogicalPlan, table: Option<&str>) -> Self {
        let table: Option<Arc<str>> = table.map(Into::into);
        let columns = plan.fields().iter().enumerate().map(|(position, field)| Column {
            table: table.clone(),
            name: field.name.clone(),
            data_type: field.data_type.clone(),
            position,
            hidden: false,
        });
        Self { columns: columns.collect() }
    }

    /// Finds the column that begins `parts`; gives its position and how many parts it took.
    ///
    /// # Errors
    /// `Name` if it is ambiguous.
    pub(super) fn find(&self, parts: &[Name]) -> Result<Option<(usize, usize)>> {
        let [first, rest @ ..] = parts else { return Ok(None) };
        if let [second, ..] = rest {
            let qualified = |column: &Column| {
                column.table.as_deref().is_some_and(|table| same(table, &first.text))
                    && same(&column.name, &second.text)
            };
            if let Some(index) = only(&self.columns, qualified, &second.text)? {
                return Ok(Some((index, 2)));
            }
        }
        Ok(plain(&self.columns, first)?.map(|index| (index, 1)))
    }

    /// Whether a table is called `name`.
    pub(super) fn has_table(&self, name: &str) -> bool {
        self.columns.iter().any(|column| column.table.as_deref().is_some_and(|t| same(t, name)))
    }

    /// The error for a name that is not found.
    pub(super) fn unknown(&self, parts: &[Name]) -> Error {
        unknown(&self.columns, parts)
    }
}

/// The one of `columns` that `name` means without a table.
///
/// # Errors
/// `Name` if it is ambiguous.
pub(super) fn plain(columns: &[Column], name: &Name) -> Result<Option<usize>> {
    only(columns, |column| !column.hidden && same(&column.name, &name.text), &name.text)
}

/// The error for a name that none of `columns` has.
pub(super) fn unknown(columns: &[Column], parts: &[Name]) -> Error {
    let text: Vec<&str> = parts.iter().map(|part| part.text.as_str()).collect();
    let error = Error::name(format!("unknown column {}", text.join(".")));
    let wanted = text.last().copied().unwrap_or_default();
    match closest(wanted, columns.iter().map(|column| &*column.name)) {
        Some(name) => error.hint(format!("did you mean {name}?")),
        None => error,
    }
}

fn only(
    columns: &[Column],
    is_meant: impl Fn(&Column) -> bool,
    name: &str,
) -> Result<Option<usize>> {
    let mut found = columns.iter().enumerate().filter(|(_, column)| is_meant(column));
    let Some((index, first)) = found.next() else { return Ok(None) };
    match found.next() {
        None => Ok(Some(index)),
        // Columns of one table may have one name; then the first is meant.
        Some((_, second)) if first.is_beside(second) => Ok(Some(index)),
        Some((_, second)) => {
            let table = |column: &Column| column.table.clone().unwrap_or_else(|| "a query".into());
            Err(Error::name(format!("column {name} is ambiguous")).hint(format!(
                "it is in {} and in {}",
                table(first),
                table(second)
            )))
        }
    }
}

/// Names are equal without regard to ASCII case.
pub(super) fn same(left: &str, right: &str) -> bool {
    left.eq_ignore_ascii_case(right)
}
