//! From the bytes of one page in the file to its decompressed parts.
//!
//! In: header and body as they lie in the file. Out: [`DataPage`] (validity, or for a nested leaf its
//! [`PageLevels`], and the encoded values) or the entries of a dictionary page. This is the only place that sees compressed bytes: checksum,
//! claim, decompression, and the cut between levels and values happen here, once a page.
//!
//! Bytes moved: the body once through the codec (not at all if uncompressed), the levels once into a
//! bitmap; values stay where they were decompressed.

mod body;
mod data;
mod nested;

#[doc(hidden)]
pub use body::codec_of;
pub use body::{PageContext, PageStart};
pub use data::DataPage;
pub use nested::PageLevels;
