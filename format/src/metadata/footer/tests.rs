//! The footer on the files of parquet-testing, on hand-made bytes and on broken ones.

use millwork_codecs::budget::Budget;

use super::*;

mod build;
mod corpus;
mod oracle;
mod small;

fn parse(bytes: &[u8], base_offset: u64) -> Result<Footer> {
    let bytes = Buffer::copy_of(bytes, &Budget::unlimited())?;
    Footer::parse(bytes, base_offset, &Limits::standard())
}
