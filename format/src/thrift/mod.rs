//! Thrift's compact protocol, read from a slice that nobody vouches for.
//!
//! | module | holds |
//! |---|---|
//! | [`compact`] | [`compact::CompactReader`], which all of this crate's metadata is read with |
//! | `protocol` | the same reader behind the `thrift` crate's `TInputProtocol` |

pub mod compact;
#[cfg_attr(
    not(test),
    allow(dead_code, reason = "for structures of the thrift crate; tests compare by it")
)]
pub(crate) mod protocol;
