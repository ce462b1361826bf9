//! Bytes to values and back, for Parquet.
//!
//! What comes in: untrusted bytes of one page (already cut out of a file by `millwork-format`) and
//! slices to fill. What goes out: values in those slices, or a [`DecodeError`] with the offset at
//! which the bytes stopped making sense. The crate knows no files, does no IO, starts no threads and
//! holds no policy: it neither decides which page to read nor how much memory is allowed, it only
//! takes a [`budget::Budget`] along.
//!
//! The order of the modules is the order of the layers: a module uses only those above it.
//!
//! | module | holds |
//! |---|---|
//! | [`error`] | [`DecodeError`]: what is wrong, and at which byte |
//! | [`budget`] | the handle through which every large allocation is accounted for |
//! | [`buffer`] | aligned, padded, reference-counted memory; typed slices; bitmaps |
//! | [`cursor`] | the only way to take bytes from untrusted input |
//! | [`kernel`] | bit loops with a scalar, an AVX2 and an AVX-512 form, chosen at run time |
//! | [`encoding`] | the spec's encodings |
//! | [`compression`] | the spec's page codecs |

pub mod error;
pub mod budget;
pub mod buffer;
pub mod cursor;
pub mod kernel;
pub mod encoding;
pub mod compression;

pub use error::{DecodeError, DecodeErrorKind, Result};
