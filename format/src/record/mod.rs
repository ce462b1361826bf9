//! Values as text: JSON Lines, SQL text, CSV.
//!
//! In: batches, or single cells with their type. Out: bytes appended to a buffer of the caller, where
//! what is appended is complete; or given to the caller piece by piece, however long rows are.
//!
//! | module | holds |
//! |---|---|
//! | `notation` | how numbers, times, bytes are written, for all formats |
//! | `stream` | text that is handed on whenever there is much of it |
//! | [`text`] | a value as SQL shows it |
//! | [`json`] | canonical JSON Lines |
//! | [`csv`] | RFC 4180 |
//! | `value`, `take`, `rows` | a file's rows one by one, with typed getters |

mod notation;
mod stream;
pub mod text;
pub mod json;
pub mod csv;
mod value;
mod take;
mod rows;

pub use csv::CsvWriter;
pub use json::JsonWriter;
pub use rows::Rows;
pub use take::{ColumnKey, FromValue};
pub use value::{Date, Decimal, Interval, List, Map, Row, Time, Timestamp, Value};

#[cfg(test)]
mod tests;
