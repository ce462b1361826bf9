//! Hash tables over rows: groups and join builds.
//!
//! What comes in: key vectors, the rows that are meant. What goes out: a hash a row, a group a row,
//! or the build rows with an equal key. Equal values hash equally whatever the vector's kind and
//! whatever the width of a decimal.
//!
//! Invariant: tables hold ids of rows in a [`crate::row::RowStore`], never values; a hash that
//! agrees is always followed by a comparison of the keys, unless the table knows keys exactly.

mod key;
mod group_table;
mod join_table;
mod key_bits;

pub use group_table::GroupTable;
pub use join_table::{Candidate, JoinTable, integer_keys};
pub use key::{KeyHasher, use_known_hashes};
pub use key_bits::KeyBits;

#[cfg(test)]
mod tests;
