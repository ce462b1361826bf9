//! The footer on the files of parquet-testing, on hand-made bytes and on broken ones.

use millwork_codecs::budget::Budget;

use super::*;

mod corpus;
