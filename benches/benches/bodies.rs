//! Booleans, delta-encoded byte arrays and page codecs of `millwork-codecs`.
//!
//! `cargo bench -p millwork-benches --bench bodies [-- FILTER]`. Values are 2,048 (a batch), in the
//! first-level cache; a page body is 256 KiB of lines of text. BROTLI is not here: the decoder comes
//! without an encoder.

use std::hint::black_box;

use criterion::{BenchmarkGroup, Throughput, measurement::WallTime};
use libdeflater::{CompressionLvl, Compressor};
use millwork_codecs::Result;
use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::{BitmapMut, Buffer, View};
use millwork_codecs::compression::{Codec, Decompressor};
use millwork_codecs::encoding::delta_byte_array::DeltaByteArray;
use millwork_codecs::encoding::delta_length_byte_array::DeltaLengthByteArray;
use millwork_codecs::encoding::hybrid::HybridDecoder;
use millwork_codecs::encoding::plain::PlainBoolean;

const ROWS: usize = 2048;
const BODY_BYTES: usize = 256 << 10;

type Group<'a> = BenchmarkGroup<'a, WallTime>;

fn main() {
    let mut criterion = millwork_benches::criterion(300, 20);
    let mut group = criterion.benchmark_group("values");
    group.throughput(Throughput::Elements(ROWS as u64));
    let values = booleans(&mut group).and_then(|()| byte_arrays(&mut group));
    group.finish();
    let mut group = criterion.benchmark_group("page codecs");
    group.throughput(Throughput::Bytes(BODY_BYTES as u64));
    let codecs = page_codecs(&mut group);
    group.finish();
    for failed in [values.err().map(|e| e.to_string()), codecs.err()].into_iter().flatten() {
        eprintln!("{failed}");
    }
    criterion.final_summary();
}

fn buffer(bytes: &[u8]) -> Result<Buffer> {
    Buffer::copy_of(bytes, &Budget::unlimited())
}

fn booleans(group: &mut Group<'_>) -> Result<()> {
    let bits: Vec<u8> = (0..ROWS / 8).map(|byte| (byte * 37 % 251) as u8).collect();
    let plain = PlainBoolean::new(buffer(&bits)?);
    plain.clone().decode(ROWS, &mut BitmapMut::with_capacity(ROWS)?)?;
    group.bench_function("boolean PLAIN", |b| {
        b.iter(|| plain.clone().decode(ROWS, &mut BitmapMut::with_capacity(ROWS)?));
    });
    // One packed run of 256 groups of eight, behind its length.
    let run = [&[0x81, 4], bits.as_slice()].concat();
    let page = [&(run.len() as u32).to_le_bytes(), run.as_slice()].concat();
    let runs = HybridDecoder::booleans(buffer(&page)?, ROWS)?;
    runs.clone().decode_bits(ROWS, &mut BitmapMut::with_capacity(ROWS)?)?;
    group.bench_function("boolean RLE", |b| {
        b.iter(|| runs.clone().decode_bits(ROWS, &mut BitmapMut::with_capacity(ROWS)?));
    });
    Ok(())
}

/// DELTA_BINARY_PACKED of `first` and then `value` again and again, which is at most 15 above it: blocks of
/// 128 in miniblocks of 32, the first of them 4 bits wide.
fn steady(first: u8, value: u8) -> Vec<u8> {
    let mut bytes = vec![0x80, 1, 4, 0x80, (ROWS / 128) as u8, first << 1];
    for block in 0..ROWS / 128 {
        let width = if block == 0 { 4 } else { 0 };
        bytes.extend([0, width, 0, 0, 0]);
        if block == 0 {
            bytes.push(value - first);
            bytes.extend([0; 15]);
        }
    }
    bytes
}

fn byte_arrays(group: &mut Group<'_>) -> Result<()> {
    let mut views = vec![View::default(); ROWS];
    let budget = Budget::unlimited();
    for len in [8, 30] {
        let page = [steady(len, len), vec![b'm'; ROWS * usize::from(len)]].concat();
        let values = DeltaLengthByteArray::new(buffer(&page)?, ROWS)?;
        values.clone().decode(0, &mut views)?;
        group.bench_function(format!("DELTA_LENGTH_BYTE_ARRAY of {len} bytes"), |b| {
            b.iter(|| values.clone().decode(0, black_box(&mut views)));
        });
    }
    for prefix in [4, 12] {
        let page = [steady(0, prefix), steady(12, 12), vec![b'm'; ROWS * 12]].concat();
        let values = DeltaByteArray::new(buffer(&page)?, ROWS)?;
        values.clone().decode(&mut views, &budget)?;
        group.bench_function(format!("DELTA_BYTE_ARRAY, {prefix} of the last and 12 more"), |b| {
            b.iter(|| values.clone().decode(black_box(&mut views), &budget));
        });
    }
    Ok(())
}

/// A body by each codec that can be written here, read back.
fn page_codecs(group: &mut Group<'_>) -> std::result::Result<(), String> {
    let lines =
        (0u64..).flat_map(|line| format!("{line}, order {}\n", line * line % 977).into_bytes());
    let body: Vec<u8> = lines.take(BODY_BYTES).collect();
    let told = |error: &dyn std::fmt::Display| error.to_string();
    let snappy = snap::raw::Encoder::new().compress_vec(&body).map_err(|e| told(&e))?;
    let zstd = zstd::bulk::compress(&body, 3).map_err(|e| told(&e))?;
    let mut deflate = Compressor::new(CompressionLvl::default());
    let mut gzip = vec![0; deflate.gzip_compress_bound(body.len())];
    let len = deflate.gzip_compress(&body, &mut gzip).map_err(|e| told(&e))?;
    gzip.truncate(len);
    let written = [
        (Codec::Snappy, snappy),
        (Codec::Zstd, zstd),
        (Codec::Gzip, gzip),
        (Codec::Lz4Raw, lz4_flex::block::compress(&body)),
    ];
    let mut decompressor = Decompressor::default();
    let mut read = vec![0; body.len()];
    for (codec, bytes) in written {
        decompressor.decompress(codec, &bytes, &mut read).map_err(|e| told(&e))?;
        if read != body {
            return Err(format!("{codec:?}: another body"));
        }
        let ratio = body.len() as f64 / bytes.len() as f64;
        group.bench_function(format!("{codec:?}, {ratio:.1} to 1"), |b| {
            b.iter(|| decompressor.decompress(codec, black_box(&bytes), &mut read));
        });
    }
    Ok(())
}
