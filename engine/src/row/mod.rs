//! The one row layout of operator state: what hash tables, join builds, sorts and (serialised)
//! exchanges and spills keep.
//!
//! What comes in: vectors and the rows that are meant. What goes out: rows in a [`RowStore`], found
//! again by a `u32` id, and decoded into vectors. A row is a fixed part (a null bitmap, then one slot
//! a column) and, for long strings and nested values, bytes in the store's heap, named by heap buffer
//! and offset: nothing in a store is a pointer, so that its pages can be written out as they are.
//!
//! | file | answers |
//! |---|---|
//! | `indexed` | the flat values behind flat, dictionary and constant vectors |
//! | `layout` | where the slots of a row are |
//! | `store` | pages and heap |
//! | `nested` | lists, structs and maps as bytes that order |
//! | `sort_key` | keys that order as bytes |
//! | `encode`, `decode`, `equal` | vectors to rows, rows to vectors, rows against vectors |
//!
//! Invariant: strings are copied when they enter; no row keeps a page alive.

mod indexed;
mod layout;
mod store;
mod nested;
mod sort_key;
mod decode;
mod encode;
mod equal;

pub use indexed::{Indexed, float_bits, float_of_order, order_of_float};
pub use layout::{RowLayout, SlotKind};
pub use nested::NestedCodec;
pub use sort_key::{SortKeyEncoder, SortKeys};
pub use store::RowStore;

#[cfg(test)]
pub(crate) mod tests;
