//! Filters of other programs, headers that lie, and blocks bit by bit.

use std::path::PathBuf;

use millwork_codecs::budget::Budget;

use super::*;
use crate::read::File;

fn corpus(name: &str) -> Option<Vec<u8>> {
    let folder = std::env::var_os("PARQUET_TEST_DATA").map(PathBuf::from);
    let Some(folder) = folder else {
        println!("skipped: PARQUET_TEST_DATA does not name the data folder of parquet-testing");
        return None;
    };
    Some(std::fs::read(folder.join(name)).unwrap())
}

fn parse(bytes: &[u8]) -> Result<BloomFilter> {
    let buffer = Buffer::copy_of(bytes, &Budget::unlimited()).unwrap();
    BloomFilter::parse(buffer, 0, &Limits::standard())
}

#[test]
fn a_filter_of_another_program_holds_its_words() {
    let Some(bytes) = corpus("bloom_filter.xxhash.bin") else { return };
    let filter = parse(&bytes).unwrap();
    for word in ["hello", "parquet", "bloom", "filter"] {
        assert!(filter.may_contain(hash(word.as_bytes())), "{word}");
    }
    let others = (0..1000).filter(|n| filter.may_contain(hash(format!("other {n}").as_bytes())));
    assert!(others.count() < 50, "a filter that holds everything says nothing");
    for len in 0..bytes.len() {
        assert!(parse(&bytes[..len]).is_err(), "{len} bytes");
    }
}

#[test]
fn a_filter_of_before_the_spec_is_refused() {
    let Some(bytes) = corpus("bloom_filter.bin") else { return };
    assert!(parse(&bytes).is_err());
}

#[test]
fn filters_of_files_hold_their_values() {
    for name in
        ["data_index_bloom_encoding_stats.parquet", "data_index_bloom_encoding_with_length.parquet"]
    {
        let Some(bytes) = corpus(name) else { return };
        let buffer = Buffer::copy_of(&bytes, &Budget::unlimited()).unwrap();
        let file = File::from_bytes(name, buffer.clone(), &Limits::standard()).unwrap();
        let chunk = file.footer().column(0, 0).unwrap();
        let (offset, length) = chunk.bloom_filter().unwrap();
        assert_eq!(length.is_some(), name.contains("length"));
        let rest = buffer.slice(offset as usize..bytes.len()).unwrap();
        let filter = BloomFilter::parse(rest, offset, &Limits::standard()).unwrap();
        let data_end = file.footer().base_offset();
        filter.header().check_place(offset, length, data_end).unwrap();
        assert!(filter.header().check_place(offset, Some(7), data_end).is_err());
        assert!(filter.header().check_place(offset, None, offset + 9).is_err());
        assert!(filter.header().check_place(u64::MAX, None, u64::MAX).is_err());
        assert!(filter.may_contain(hash(b"Hello")));
        assert!(!filter.may_contain(hash(b"Hello_Not_Exists")));
    }
}

/// `{ 1: i32 num_bytes, 2: { member: {} }, 3: { member: {} }, 4: { member: {} } }`.
fn header(num_bytes: i32, members: [u8; 3]) -> Vec<u8> {
    let mut bytes = vec![0x15];
    let mut zigzag = ((num_bytes << 1) ^ (num_bytes >> 31)).cast_unsigned();
    while zigzag > 0x7f {
        bytes.push(zigzag as u8 | 0x80);
        zigzag >>= 7;
    }
    bytes.push(zigzag as u8);
    for member in members {
        bytes.extend([0x1c, member << 4 | 0x0c, 0, 0]);
    }
    bytes.push(0);
    bytes
}

#[test]
fn headers_that_lie_are_refused() {
    let read = |bytes: &[u8]| BloomFilterHeader::parse(bytes, 0, &Limits::standard());
    let found = read(&header(64, [1, 1, 1])).unwrap();
    assert_eq!((found.num_bytes, found.total_bytes() - u64::from(found.header_len)), (64, 64));
    for num_bytes in [0, -32, 31, 33, i32::MAX, i32::MIN] {
        let kind = read(&header(num_bytes, [1, 1, 1])).unwrap_err().kind().clone();
        assert_eq!(kind, ErrorKind::Corrupt, "{num_bytes}");
    }
    for members in [[2, 1, 1], [1, 2, 1], [1, 1, 2]] {
        let kind = read(&header(64, members)).unwrap_err().kind().clone();
        assert!(matches!(kind, ErrorKind::Unsupported(_)), "{members:?}");
    }
    // A claim of 2 GiB is no reason to allocate any of them.
    assert!(parse(&header(i32::MAX - 31, [1, 1, 1])).is_err());
}

#[test]
fn every_hash_has_its_block() {
    for blocks in [1u32, 2, 3, 4, 1000, 1 << 22] {
        let header = BloomFilterHeader { num_bytes: blocks * 32, header_len: 17 };
        for hash in [0, 1, u64::MAX, u64::MAX >> 1, 0x8000_0000_0000_0000, 0x1234_5678_9abc_def0] {
            let offset = header.block_offset(hash) - 17;
            assert_eq!(offset % 32, 0);
            assert!(offset < u64::from(blocks) * 32, "{blocks} {hash}");
        }
        assert_eq!(header.block_offset(u64::MAX), 17 + u64::from(blocks - 1) * 32);
    }
}

#[test]
fn a_block_misses_a_value_when_any_of_its_bits_is_missing() {
    let mut block = [0xffu8; 32];
    let value = hash(b"value");
    for (word, salt) in SALTS.iter().enumerate() {
        let bit = ((value as u32).wrapping_mul(*salt) >> 27) as usize;
        let byte = word * 4 + bit / 8;
        block[byte] &= !(1 << (bit % 8));
        assert!(!block_may_contain(&block, value));
        block[byte] = 0xff;
    }
    assert!(block_may_contain(&block, value));
    assert!(block_may_contain(&block[..31], value), "half a block tells nothing");
}
