//! Definition and repetition levels: they are decoded here and never leave `format`.
//!
//! In: the levels' bytes of one page. Out: for a flat column its validity bitmap, straight from the
//! encoded runs; for a leaf of a nested column one byte a level, and from those, depth by depth, the
//! offsets and the validity of lists and the validity of structs.
//!
//! A *slot* is one pair of levels: a value, a null, or an empty or missing list. Repetition level 0
//! starts a row. Levels fit a byte because the schema is no deeper than 255.
//!
//! | module | holds |
//! |---|---|
//! | `decode` | bytes of a page to validity, or to one byte a level |
//! | `stream` | the same a piece at a time, where a few bytes claim very many levels |
//! | `kernel` | masks and counts of levels: free functions over slices |
//! | `run` | the levels of some rows, shared with their page where they are one piece of it |
//! | `list` | levels to offsets and validity, one pass a depth; whether siblings agree |

mod decode;
mod stream;
mod kernel;
mod run;
mod list;

pub(crate) use decode::{LevelBytes, each, the_only_one, validity};
pub(crate) use kernel::{count_at_least, count_rows, mask_at_least, nth_one, row_starts, squeeze};
pub(crate) use list::{ListLevels, Skeleton, lists};
pub(crate) use run::LevelRun;
pub(crate) use stream::{EncodedLevels, LevelPosition, LevelStream};

/// The highest levels of a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxLevels {
    /// That of a value that is present.
    pub definition: u8,
    /// Repeated fields on the path.
    pub repetition: u8,
}
