//! What is done with arbitrary bytes: one action a decoder, parser or way of reading.
//!
//! In: the name of a [`Target`] and any bytes. Out: nothing; an action that finds what must never be
//! panics. The program in `fuzz/` feeds actions by coverage, under AddressSanitizer; the test `fuzz`
//! replays every input that was worth keeping (`fuzz/corpus`), without either.
//!
//! Each action holds at most [`MOST_BYTES`] on the heap, gives all it reserved back, and demands that
//! every way of reading the same bytes (at once, in steps, under a mask, by the plain kernels) gives the
//! same values.
//!
//! | module | holds |
//! |---|---|
//! | `input` | bytes as the numbers and choices of an action |
//! | `stream`, `delta`, `alp` | decoders of `codecs::encoding` |
//! | `codec` | decompression |
//! | `metadata` | Thrift, footers, page headers, page indexes, bloom filters |
//! | `page` | bodies of data and dictionary pages |
//! | `old_levels` | levels in BIT_PACKED |
//! | `ways` | one file in several ways, which agree |
//! | `statement` | SQL |
//! | `kept` | inputs worth keeping, many in one file |
//! | `seed` | first inputs, from files that other programs wrote |

mod input;
mod stream;
mod delta;
mod alp;
mod codec;
mod metadata;
mod page;
mod old_levels;
mod ways;
mod statement;
pub mod kept;
mod seed;

use std::sync::Arc;

use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::Buffer;
use millwork_format::inventory;
use millwork_format::io::MemoryDriver;
use millwork_format::limits::Limits;
use millwork_format::read::File;
use millwork_format::verify::{Depth, Options, verify};
use millwork_format::{Error, ErrorKind};

use crate::allocator::most_bytes_of;
use crate::examine::{self, Tally};

pub use seed::seeds;

/// The budget of one action.
const BUDGET_BYTES: u64 = 64 << 20;

/// Bytes that one action may hold: its budget, and 16 MiB.
pub const MOST_BYTES: u64 = BUDGET_BYTES + (16 << 20);

/// An action and its name.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// What it is called.
    pub name: &'static str,
    /// Whether most of its code is a library that others fuzz.
    pub is_wrapper: bool,
    action: fn(&[u8], &Budget),
}

/// Every target, from bytes to files.
pub const TARGETS: &[Target] = &[
    target("hybrid", stream::hybrid),
    target("plain", stream::plain),
    target("dictionary", stream::dictionary),
    target("delta_binary_packed", delta::delta_binary_packed),
    target("delta_length_byte_array", delta::delta_length_byte_array),
    target("delta_byte_array", delta::delta_byte_array),
    target("byte_stream_split", stream::byte_stream_split),
    target("alp", alp::alp),
    target("snappy", codec::snappy),
    wrapper("gzip", codec::gzip),
    wrapper("brotli", codec::brotli),
    wrapper("zstd", codec::zstd),
    wrapper("lz4_raw", codec::lz4_raw),
    target("lz4", codec::lz4),
    target("thrift", metadata::thrift),
    target("footer", metadata::footer),
    target("page_header", metadata::page_header),
    target("page_index", metadata::page_index),
    target("bloom_filter", metadata::bloom_filter),
    target("flat_page", page::flat),
    target("nested_page", page::nested),
    target("bit_packed_levels", old_levels::bit_packed_levels),
    target("file", file),
    target("verify", verified),
    target("sql", statement::sql),
];

const fn target(name: &'static str, action: fn(&[u8], &Budget)) -> Target {
    Target { name, is_wrapper: false, action }
}

const fn wrapper(name: &'static str, action: fn(&[u8], &Budget)) -> Target {
    Target { name, is_wrapper: true, action }
}

/// The target called `name`.
#[must_use]
pub fn find(name: &str) -> Option<Target> {
    TARGETS.iter().find(|target| target.name == name).copied()
}

impl Target {
    /// Does with `bytes` what this target does.
    ///
    /// # Panics
    /// If that shows what must never be.
    pub fn run(&self, bytes: &[u8]) {
        let budget = Budget::new(BUDGET_BYTES);
        let ((), most_bytes) = most_bytes_of(|| (self.action)(bytes, &budget));
        assert!(most_bytes <= MOST_BYTES, "{most_bytes} bytes on the heap");
        assert_eq!(budget.reserved(), 0, "bytes still reserved");
    }
}

/// An error of an action must not be our own fault.
fn check_error(error: &Error) {
    let ours = matches!(error.kind(), ErrorKind::Internal | ErrorKind::InvalidArgument);
    assert!(!ours, "an error that is a bug: {error}");
}

fn check_tally(tally: &Tally) {
    assert!(tally.internal.is_none(), "{:?}", tally.internal);
}

/// A whole file, read in every way there is.
fn file(bytes: &[u8], budget: &Budget) {
    let mut tally = Tally::default();
    examine::file(bytes, None, false, budget, &mut tally);
    check_tally(&tally);
    ways::file(bytes, budget);
}

/// Rows that are verified: some bytes may rightly say that a billion rows are null.
const MOST_VERIFIED_ROWS: u64 = 1 << 20;

/// A whole file, every claim of it compared with what it holds, and its pages listed.
fn verified(bytes: &[u8], budget: &Budget) {
    let limits = Limits { verify_checksums: false, ..Limits::untrusted() };
    let Ok(bytes) = Buffer::copy_of(bytes, &Budget::unlimited()) else { return };
    let driver = Arc::new(MemoryDriver::new("fuzzed", bytes));
    let file = match File::with_driver(driver, &limits, budget) {
        Ok(file) if file.num_rows() <= MOST_VERIFIED_ROWS => file,
        Ok(_) => return,
        Err(error) => return check_error(&error),
    };
    let options = Options { depth: Depth::Values, budget: Some(budget.clone()) };
    let mut findings = 0u64;
    if let Err(error) = verify(&file, &options, &mut |_| findings += 1) {
        check_error(&error);
    }
    for row_group in 0..file.footer().num_row_groups() {
        for leaf in 0..file.footer().num_columns() {
            if let Err(error) = inventory::pages(&file, row_group, leaf, budget) {
                check_error(&error);
            }
        }
    }
}
