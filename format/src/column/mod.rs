//! From encoded values to vectors.
//!
//! In: a [`DataPage`](crate::page::DataPage), the dictionary of its chunk, and the rows wanted. Out: a
//! [`Vector`](crate::vector::Vector) of just those rows, laid out as the column's type is stored.
//!
//! | file | holds |
//! |---|---|
//! | `shape` | what decoding needs to know of a leaf column |
//! | `convert` | physical to stored values: decimals, narrow integers |
//! | `text` | UTF-8 checks |
//! | `values` | encoded values to flat data, all or under a mask |
//! | `wanted` | which values a decoder is asked for |
//! | `byte_arrays` | byte arrays out of any decoder that has them |
//! | `numbers` | values of a fixed width out of any decoder that has them |
//! | `nulls` | spreading values over rows with nulls |
//! | `cursor` | a position in a page of a flat column: read, skip, read under a selection |
//! | `leaf` | the same in a page of a nested leaf, with its levels |
//! | `assemble` | the leaves of a nested column put together |
//!
//! Bytes moved per value: one copy from the page into the vector (codes: one unpacking); strings stay
//! in the page, which the vector's views keep alive.

mod shape;
mod convert;
mod text;
mod wanted;
mod byte_arrays;
mod numbers;
mod values;
mod nulls;
mod cursor;
mod leaf;
mod assemble;

pub use assemble::assemble;
pub use cursor::PageCursor;
pub use leaf::{LeafCursor, LeafRows, RowMask};
pub use shape::ColumnShape;
pub(crate) use values::carried_value;
#[doc(hidden)]
pub use values::decode_dictionary;

#[cfg(test)]
mod tests;
