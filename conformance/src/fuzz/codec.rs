//! Decompression: an output of exactly the promised length, or an error; the same each time.

use millwork_codecs::budget::Budget;
use millwork_codecs::compression::{Codec, Decompressor, check_claim};

use super::input::Input;

/// Bytes that a body may promise.
const MOST_TARGET_BYTES: usize = 1 << 20;

/// A promised length (three bytes) and a body.
fn check(codec: Codec, bytes: &[u8]) {
    let mut input = Input(bytes);
    let promised = usize::from(input.u16()) | usize::from(input.u8()) << 16;
    let promised = promised % (MOST_TARGET_BYTES + 1);
    let claim = check_claim(codec, input.0.len(), promised);
    let mut decompressor = Decompressor::default();
    // What a decoder leaves untouched shows: stale memory must never pass for output.
    let mut attempt = |fill: u8| {
        let mut target = vec![fill; promised];
        decompressor.decompress(codec, input.0, &mut target).map(|()| target)
    };
    let (first, second) = (attempt(0x00), attempt(0xff));
    assert_eq!(first.is_ok(), second.is_ok());
    if let (Ok(first), Ok(second)) = (first, second) {
        assert!(first == second, "output that the body did not make");
        assert!(claim.is_ok(), "a claim of {promised} bytes that {} keep", input.0.len());
    }
}

pub(super) fn snappy(bytes: &[u8], _: &Budget) {
    check(Codec::Snappy, bytes);
}

pub(super) fn gzip(bytes: &[u8], _: &Budget) {
    check(Codec::Gzip, bytes);
}

pub(super) fn brotli(bytes: &[u8], _: &Budget) {
    check(Codec::Brotli, bytes);
}

pub(super) fn zstd(bytes: &[u8], _: &Budget) {
    check(Codec::Zstd, bytes);
}

pub(super) fn lz4_raw(bytes: &[u8], _: &Budget) {
    check(Codec::Lz4Raw, bytes);
}

pub(super) fn lz4(bytes: &[u8], _: &Budget) {
    check(Codec::Lz4Hadoop, bytes);
}
