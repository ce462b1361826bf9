//! Every codec against its encoder, and against broken bodies.

use std::io::Write;

use super::*;

const ALL: [Codec; 7] = [
    Codec::Uncompressed,
    Codec::Snappy,
    Codec::Gzip,
    Codec::Brotli,
    Codec::Lz4Hadoop,
    Codec::Zstd,
    Codec::Lz4Raw,
];

/// Text with matches of several distances, and noise; `size` bytes of it.
fn sample(size: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::new();
    while bytes.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        match state % 4 {
            0 => bytes.extend_from_slice(&state.to_le_bytes()),
            1 => bytes.extend_from_slice(b"carefully final deposits "),
            2 => bytes.extend(std::iter::repeat_n(state as u8, (state >> 40) as usize % 90)),
            _ => {
                let from = (state >> 8) as usize % (bytes.len() + 1);
                let upto = (from + 37).min(bytes.len());
                bytes.extend_from_within(from..upto);
            }
        }
    }
    bytes.truncate(size);
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = libdeflater::Compressor::new(libdeflater::CompressionLvl::default());
    let mut body = vec![0; encoder.gzip_compress_bound(bytes.len())];
    let size = encoder.gzip_compress(bytes, &mut body).unwrap();
    body.truncate(size);
    body
}

fn hadoop(bytes: &[u8], blocks_of: usize) -> Vec<u8> {
    let mut body = Vec::new();
    for block in bytes.chunks(blocks_of) {
        let packed = lz4_flex::block::compress(block);
        body.extend_from_slice(&(block.len() as u32).to_be_bytes());
        body.extend_from_slice(&(packed.len() as u32).to_be_bytes());
        body.extend_from_slice(&packed);
    }
    body
}

fn compress(codec: Codec, bytes: &[u8]) -> Vec<u8> {
    match codec {
        Codec::Uncompressed => bytes.to_vec(),
        Codec::Snappy => snap::raw::Encoder::new().compress_vec(bytes).unwrap(),
        Codec::Gzip => gzip(bytes),
        Codec::Brotli => {
            let mut body = Vec::new();
            let parameters = brotli::enc::BrotliEncoderParams { quality: 5, ..Default::default() };
            brotli::BrotliCompress(&mut &*bytes, &mut body, &parameters).unwrap();
            body
        }
        Codec::Lz4Hadoop => hadoop(bytes, 1000),
        Codec::Zstd => zstd::bulk::compress(bytes, 3).unwrap(),
        Codec::Lz4Raw => lz4_flex::block::compress(bytes),
    }
}

fn decompress(codec: Codec, body: &[u8], size: usize) -> Result<Vec<u8>> {
    let mut target = vec![0; size];
    Decompressor::default().decompress(codec, body, &mut target).map(|()| target)
}

#[test]
fn every_codec_round_trips_and_insists_on_the_length() {
    let mut decompressor = Decompressor::default();
    for codec in ALL {
        for size in [1, 2, 15, 64, 65, 1000, 4096, 70_000, 300_000] {
            let bytes = sample(size);
            let body = compress(codec, &bytes);
            assert_eq!(check_claim(codec, body.len(), size), Ok(()), "{codec:?} {size}");
            let mut target = vec![0xee; size];
            decompressor.decompress(codec, &body, &mut target).unwrap();
            assert!(target == bytes, "{codec:?} {size}");
            for wrong in [0, size - 1, size + 1, size * 2 + 7] {
                let error = decompress(codec, &body, wrong).map(|got| got.len());
                if wrong != size {
                    assert!(error.is_err(), "{codec:?} {size} as {wrong}: {error:?}");
                }
            }
        }
    }
}

#[test]
fn nothing_comes_from_nothing_or_from_an_empty_stream() {
    for codec in ALL {
        assert_eq!(decompress(codec, &[], 0), Ok(vec![]));
        assert_eq!(
            decompress(codec, &[], 3).unwrap_err().kind,
            DecodeErrorKind::WrongLength { found: 0, expected: 3 }
        );
        let body = compress(codec, &[]);
        assert_eq!(decompress(codec, &body, 0), Ok(vec![]), "{codec:?}");
    }
}

#[test]
fn members_and_frames_follow_one_another() {
    let bytes = sample(5000);
    for cuts in [vec![2500], vec![1, 2, 3], vec![0, 0, 5000], vec![1250, 2500, 3750], vec![5000]] {
        for codec in [Codec::Gzip, Codec::Zstd] {
            let mut body = Vec::new();
            let mut start = 0;
            for &cut in cuts.iter().chain([&5000]) {
                body.extend(compress(codec, &bytes[start..cut]));
                start = cut;
            }
            assert!(decompress(codec, &body, 5000).unwrap() == bytes, "{codec:?} {cuts:?}");
            assert!(decompress(codec, &body, 4999).is_err());
            assert!(decompress(codec, &body, 5001).is_err());
        }
    }
    let twice = [gzip(&bytes), gzip(&bytes)].concat();
    assert!(decompress(Codec::Gzip, &twice, 10_000).unwrap() == bytes.repeat(2));
}

/// A member in the header of a member in the header of a member, all with the same long end.
#[test]
fn gzip_members_in_one_another_are_refused_at_once() {
    const LEVELS: usize = 3000;
    const LEVEL_BYTES: usize = 20;
    let mut body = Vec::new();
    for level in 0..LEVELS {
        // A header with an extra field that ends where all others end, and what an empty member ends with.
        body.extend([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 3]);
        body.extend((((LEVELS - level) * LEVEL_BYTES - 12) as u16).to_le_bytes());
        body.extend([0; 8]);
    }
    // Empty stored blocks, and the last one.
    body.extend([0, 0, 0, 0xff, 0xff].repeat(1 << 18));
    body.extend([1, 0, 0, 0xff, 0xff]);
    body.extend([0; 8]);
    assert!(decompress(Codec::Gzip, &body, 0).is_ok(), "one member of nothing");
    let started = std::time::Instant::now();
    let error = decompress(Codec::Gzip, &body, 5).unwrap_err();
    assert_eq!(error, DecodeError::corrupt("gzip members that overlap", 0));
    // Thousands of times the length of the body would be a minute.
    assert!(started.elapsed() < std::time::Duration::from_secs(2));
}

#[test]
fn zstd_frames_need_no_content_size() {
    let bytes = sample(200_000);
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    for piece in bytes.chunks(777) {
        encoder.write_all(piece).unwrap();
    }
    let body = encoder.finish().unwrap();
    assert!(decompress(Codec::Zstd, &body, bytes.len()).unwrap() == bytes);
}

#[test]
fn the_deprecated_lz4_is_any_of_three() {
    let bytes = sample(3000);
    let mut frame = lz4_flex::frame::FrameEncoder::new(Vec::new());
    frame.write_all(&bytes).unwrap();
    let frame = frame.finish().unwrap();
    let split = {
        let (one, two) =
            (lz4_flex::block::compress(&bytes[..900]), lz4_flex::block::compress(&bytes[900..]));
        let mut body = 3000u32.to_be_bytes().to_vec();
        for block in [one, two] {
            body.extend((block.len() as u32).to_be_bytes());
            body.extend(block);
        }
        body
    };
    let bodies = [
        hadoop(&bytes, 5000),
        hadoop(&bytes, 700),
        lz4_flex::block::compress(&bytes),
        frame,
        split,
    ];
    for (index, body) in bodies.iter().enumerate() {
        assert!(decompress(Codec::Lz4Hadoop, body, 3000).unwrap() == bytes, "{index}");
        assert!(decompress(Codec::Lz4Hadoop, body, 2999).is_err(), "{index}");
        assert!(decompress(Codec::Lz4Hadoop, body, 3001).is_err(), "{index}");
    }
}

#[test]
fn a_bomb_is_refused_by_its_claim() {
    for codec in ALL {
        assert!(check_claim(codec, 64 << 10, 0).is_ok());
        assert!(check_claim(codec, 0, 1).is_err());
        let compressed = if codec == Codec::Brotli { 200 } else { 30 << 10 };
        let refused = check_claim(codec, compressed, 1 << 30);
        assert!(refused.is_err(), "{codec:?}: {refused:?}");
        let real = compress(codec, &vec![0; 4 << 20]);
        assert_eq!(check_claim(codec, real.len(), 4 << 20), Ok(()), "{codec:?}");
    }
}

/// A prefix or a flipped bit gives a value or an error; what is behind the target is not written.
#[test]
fn broken_bodies_are_values_or_errors() {
    let mut decompressor = Decompressor::default();
    for codec in ALL {
        for size in [7, 150, 600] {
            let bytes = sample(size);
            let body = compress(codec, &bytes);
            let mut target = vec![0; size + 64];
            let mut check = |broken: &[u8], what: &str| {
                target.fill(0xa5);
                let (room, behind) = target.split_at_mut(size);
                let result = decompressor.decompress(codec, broken, room);
                assert!(behind.iter().all(|&byte| byte == 0xa5), "{codec:?} {what}");
                result
            };
            for end in 0..body.len() {
                let result = check(&body[..end], "prefix");
                let whole_matters = matches!(codec, Codec::Uncompressed | Codec::Snappy);
                assert!(!whole_matters || result.is_err(), "{codec:?} {end}");
            }
            let mut flipped = body.clone();
            for bit in 0..body.len() * 8 {
                flipped[bit / 8] ^= 1 << (bit % 8);
                let _ = check(&flipped, "flip");
                flipped[bit / 8] ^= 1 << (bit % 8);
            }
        }
    }
}
