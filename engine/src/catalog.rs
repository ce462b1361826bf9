//! What the planner knows of tables: names, columns and statistics, never data.
//!
//! In: a name or a table function with constant arguments. Out: a [`Table`], whose concrete type the
//! physical planner finds again through [`Table::as_any`]. Statistics are exact bounds or absent, but for
//! guesses that say so.

use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

use millwork_format::types::Field;

use crate::error::{Error, Result};
use crate::value::Scalar;

/// A source of rows that a plan can scan.
pub trait Table: Send + Sync + Debug {
    /// The name it was asked by, for EXPLAIN and for errors.
    fn name(&self) -> &str;

    /// Its columns, in order.
    fn fields(&self) -> &[Field];

    /// The exact number of rows, if it is known.
    fn row_count(&self) -> Option<u64> {
        None
    }

    /// About how many distinct values column `column` has, if something is known: a guess, the one
    /// statistic here that is not exact.
    fn distinct_about(&self, _column: usize) -> Option<u64> {
        None
    }

    /// The least and greatest value of column `column`: every value that is not null lies between.
    fn bounds(&self, _column: usize) -> Option<(Scalar, Scalar)> {
        None
    }

    /// The bounds of column `column`, if both are values of it, and orders by them are those of SQL.
    fn extremes(&self, _column: usize) -> Option<(Scalar, Scalar)> {
        None
    }

    /// The exact number of nulls of column `column`, if it is known.
    fn null_count(&self, _column: usize) -> Option<u64> {
        None
    }

    /// The concrete table.
    fn as_any(&self) -> &dyn Any;
}

/// Finds tables.
pub trait Catalog {
    /// The table called `name`: a registered name, a file, a directory or a glob.
    ///
    /// # Errors
    /// `Name` if there is no such table, `File` if a file cannot be read.
    fn table(&self, name: &str) -> Result<Arc<dyn Table>>;

    /// The table that `name(arguments)` stands for, as `read_parquet('*.parquet')`.
    ///
    /// # Errors
    /// `Name` if there is no such function, else as [`Catalog::table`].
    fn table_function(&self, name: &str, _arguments: &[Scalar]) -> Result<Arc<dyn Table>> {
        Err(Error::name(format!("unknown function {name}")))
    }

    /// Names of registered tables, for `did you mean`.
    fn names(&self) -> Vec<String> {
        Vec::new()
    }
}
