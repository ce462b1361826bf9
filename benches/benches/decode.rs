//! Kernels and decoders of `millwork-codecs` on each tier of the CPU, in values a second.
//!
//! `cargo bench -p millwork-benches --bench decode [-- FILTER]`. Data is 2,048 values (a batch) in
//! the first-level cache, unless the name says otherwise.

use std::hint::black_box;

use criterion::{BenchmarkGroup, Throughput, measurement::WallTime};
use millwork_codecs::Result;
use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::{BitmapMut, Buffer, View};
use millwork_codecs::encoding::byte_stream_split::ByteStreamSplitDecoder;
use millwork_codecs::encoding::delta_binary_packed::DeltaDecoder;
use millwork_codecs::encoding::dictionary::DictionaryCodes;
use millwork_codecs::encoding::hybrid::HybridDecoder;
use millwork_codecs::encoding::plain::{PlainByteArray, PlainDecoder};
use millwork_codecs::kernel::{self, Comparison, Isa};

const ROWS: usize = 2048;

type Group<'a> = BenchmarkGroup<'a, WallTime>;

fn main() {
    let mut criterion = millwork_benches::criterion(300, 20);
    for tier in [Isa::Scalar, Isa::Avx2, Isa::Avx512] {
        if !kernel::force(tier) {
            eprintln!("skipped: this CPU has no {tier:?}");
            continue;
        }
        let mut group = criterion.benchmark_group(format!("{tier:?}"));
        group.throughput(Throughput::Elements(ROWS as u64));
        let done = unpack(&mut group)
            .and_then(|()| kernels(&mut group))
            .and_then(|()| hybrid(&mut group))
            .and_then(|()| plain(&mut group))
            .and_then(|()| split(&mut group))
            .and_then(|()| delta(&mut group));
        group.finish();
        if let Err(error) = done {
            eprintln!("{error}");
        }
    }
    criterion.final_summary();
}

/// A repeatable stream of bits (xorshift64*).
struct Bits(u64);

impl Bits {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next() as u8).collect()
    }

    /// About `per_mille` of 1,000 bits set.
    fn mask(&mut self, per_mille: u64) -> Vec<u64> {
        let mut word =
            || (0..64).fold(0, |w, bit| w | u64::from(self.next() % 1000 < per_mille) << bit);
        (0..ROWS / 64).map(|_| word()).collect()
    }
}

fn buffer(bytes: &[u8]) -> Result<Buffer> {
    Buffer::copy_of(bytes, &Budget::unlimited())
}

fn unpack(group: &mut Group<'_>) -> Result<()> {
    let packed = buffer(&Bits(1).bytes(ROWS * 4))?;
    let src = packed.padded();
    for width in [1, 3, 5, 8] {
        let mut out = vec![0u8; ROWS];
        group.bench_function(format!("unpack u8 w{width}"), |b| {
            b.iter(|| kernel::unpack_u8(black_box(src), width, 0, &mut out));
        });
    }
    for width in [9, 12, 15] {
        let mut out = vec![0u16; ROWS];
        group.bench_function(format!("unpack u16 w{width}"), |b| {
            b.iter(|| kernel::unpack_u16(black_box(src), width, 0, &mut out));
        });
    }
    for width in [5, 17, 20, 31] {
        let mut out = vec![0u32; ROWS];
        group.bench_function(format!("unpack u32 w{width}"), |b| {
            b.iter(|| kernel::unpack_u32(black_box(src), width, 0, &mut out));
        });
    }
    let mut out = [0u8; 8];
    group.bench_function("unpack u8 w5, 8 values only", |b| {
        b.iter(|| kernel::unpack_u8(black_box(src), 5, 8, &mut out));
    });
    Ok(())
}

fn kernels(group: &mut Group<'_>) -> Result<()> {
    let mut bits = Bits(2);
    let mut words = vec![0u64; ROWS / 64];
    let bytes = bits.bytes(ROWS);
    let ints: Vec<i32> = (0..ROWS).map(|_| bits.next() as i32).collect();
    let longs: Vec<i64> = (0..ROWS).map(|_| bits.next() as i64).collect();
    let doubles: Vec<f64> = longs.iter().map(|value| *value as f64).collect();
    group.bench_function("compare u8 =", |b| {
        b.iter(|| kernel::compare_scalar(Comparison::Equal, black_box(&bytes), 7, &mut words));
    });
    group.bench_function("compare i32 <", |b| {
        b.iter(|| kernel::compare_scalar(Comparison::Less, black_box(&ints), 7, &mut words));
    });
    group.bench_function("compare i64 <", |b| {
        b.iter(|| kernel::compare_scalar(Comparison::Less, black_box(&longs), 7, &mut words));
    });
    group.bench_function("compare f64 <", |b| {
        b.iter(|| kernel::compare_scalar(Comparison::Less, black_box(&doubles), 7.0, &mut words));
    });
    group.bench_function("compare i64 < i64", |b| {
        b.iter(|| kernel::compare_values(Comparison::Less, black_box(&longs), &longs, &mut words));
    });
    for set in [1, 4, 64] {
        let set: Vec<u64> = (0..set).map(|_| bits.next()).collect();
        group.bench_function(format!("membership u8 in {}", set.len() * 64), |b| {
            b.iter(|| kernel::membership(black_box(&bytes), &set, &mut words));
        });
        let codes: Vec<u16> = ints.iter().map(|v| *v as u16 % (set.len() * 64) as u16).collect();
        group.bench_function(format!("membership u16 in {}", set.len() * 64), |b| {
            b.iter(|| kernel::membership(black_box(&codes), &set, &mut words));
        });
    }
    let mut out = vec![0i64; ROWS];
    group.bench_function("gather i64 of 256 by u8", |b| {
        b.iter(|| kernel::gather(&longs, black_box(&bytes), &mut out));
    });
    let few: Vec<u8> = bytes.iter().map(|code| code % 16).collect();
    let mut out = vec![0i32; ROWS];
    group.bench_function("gather i32 of 16 by u8", |b| {
        b.iter(|| kernel::gather(&ints[..16], black_box(&few), &mut out));
    });
    let mut out = vec![0u128; ROWS];
    let views: Vec<u128> = longs.iter().map(|value| *value as u128).collect();
    group.bench_function("gather 16 bytes of 256 by u8", |b| {
        b.iter(|| kernel::gather(&views, black_box(&bytes), &mut out));
    });
    group.bench_function("max of u8", |b| b.iter(|| kernel::max_code(black_box(&bytes))));
    for per_mille in [20, 500, 950] {
        let mask = bits.mask(per_mille);
        let mut out = vec![0u8; ROWS];
        group.bench_function(format!("compress u8 {per_mille}/1000"), |b| {
            b.iter(|| kernel::compress(black_box(&bytes), &mask, &mut out));
        });
        let mut out = vec![0i64; ROWS];
        group.bench_function(format!("compress i64 {per_mille}/1000"), |b| {
            b.iter(|| kernel::compress(black_box(&longs), &mask, &mut out));
        });
        let mut out = vec![0u128; ROWS];
        group.bench_function(format!("compress 16 bytes {per_mille}/1000"), |b| {
            b.iter(|| kernel::compress(black_box(&views), &mask, &mut out));
        });
    }
    Ok(())
}

/// A stream of `run` packed values and one run of `run` equal ones, in turn.
fn alternating(width: u32, run: usize, packed_only: bool) -> Result<Buffer> {
    let mut bits = Bits(3);
    let mut bytes = Vec::new();
    let varint = |mut value: usize, out: &mut Vec<u8>| {
        while value >= 0x80 {
            out.push(value as u8 | 0x80);
            value >>= 7;
        }
        out.push(value as u8);
    };
    for _ in 0..ROWS / run {
        varint(run / 8 * 2 + 1, &mut bytes);
        bytes.extend(bits.bytes(run / 8 * width as usize));
        if !packed_only {
            varint(run * 2, &mut bytes);
            bytes.extend([1, 0, 0, 0].into_iter().take(width.div_ceil(8) as usize));
        }
    }
    buffer(&bytes)
}

fn hybrid(group: &mut Group<'_>) -> Result<()> {
    let mut out = vec![0u8; ROWS];
    for (run, packed_only) in [(504, true), (8, true), (8, false)] {
        let bytes = alternating(5, run, packed_only)?;
        let rows = ROWS / run * run;
        let decoder = HybridDecoder::new(bytes.clone(), 5, rows)?;
        let kind = if packed_only { "packed" } else { "packed and equal" };
        group.bench_function(format!("hybrid w5, {kind} runs of {run}"), |b| {
            b.iter(|| decoder.clone().decode(&mut out[..rows]));
        });
    }
    let bytes = alternating(5, 504, true)?;
    let rows = ROWS / 504 * 504;
    let decoder = HybridDecoder::new(bytes.clone(), 5, rows)?;
    for per_mille in [2, 20, 100, 500, 950] {
        let mask = Bits(4).mask(per_mille);
        group.bench_function(format!("hybrid w5 masked {per_mille}/1000"), |b| {
            b.iter(|| decoder.clone().decode_masked(&mask, rows, &mut out));
        });
    }
    let body = [&[5], bytes.as_slice()].concat();
    let codes = DictionaryCodes::new(buffer(&body)?, 32, rows)?;
    group.bench_function("dictionary codes w5 of 32", |b| {
        b.iter(|| codes.clone().decode(&mut out[..rows]));
    });
    let levels = HybridDecoder::new(alternating(1, 504, true)?, 1, rows)?;
    let mut bitmap = BitmapMut::with_capacity(ROWS)?;
    group.bench_function("levels w1 to a bitmap", |b| {
        b.iter(|| {
            bitmap = BitmapMut::with_capacity(ROWS)?;
            levels.clone().decode_equal(rows, 1, &mut bitmap)
        });
    });
    let levels = HybridDecoder::new(alternating(2, 504, true)?, 2, rows)?;
    group.bench_function("levels w2 equal to 3", |b| {
        b.iter(|| {
            bitmap = BitmapMut::with_capacity(ROWS)?;
            levels.clone().decode_equal(rows, 3, &mut bitmap)
        });
    });
    Ok(())
}

/// Streams of bytes of values of 4 and 8 bytes.
fn split(group: &mut Group<'_>) -> Result<()> {
    let bytes = buffer(&Bits(6).bytes(ROWS * 8))?;
    let (narrow, wide) = (bytes.slice(0..ROWS * 4), Some(bytes));
    for (width, bytes) in [(4, narrow), (8, wide)] {
        let values = ByteStreamSplitDecoder::new(bytes.unwrap_or_else(Buffer::empty), width)?;
        let mut out = vec![0u8; ROWS * width];
        group.bench_function(format!("byte stream split of {width} bytes"), |b| {
            b.iter(|| values.clone().decode_bytes(&mut out));
        });
        let mask = Bits(7).mask(20);
        group.bench_function(format!("byte stream split of {width} bytes masked 20/1000"), |b| {
            b.iter(|| values.clone().decode_masked_bytes(&mask, ROWS, &mut out));
        });
    }
    Ok(())
}

/// Blocks of 128 deltas in miniblocks of 32, all of `width` bits.
fn deltas(width: u8) -> Result<Buffer> {
    let mut bytes = vec![0x80, 1, 4, 0x80 | (ROWS % 128) as u8, (ROWS / 128) as u8, 2];
    for _ in 0..ROWS.div_ceil(128) {
        bytes.extend([5, width, width, width, width]);
        bytes.extend(Bits(8).bytes(16 * usize::from(width)));
    }
    buffer(&bytes)
}

fn delta(group: &mut Group<'_>) -> Result<()> {
    for width in [0, 3, 12, 31] {
        let values = DeltaDecoder::<i32>::new(deltas(width)?, ROWS)?;
        let mut out = vec![0i32; ROWS];
        group.bench_function(format!("delta i32 w{width}"), |b| {
            b.iter(|| values.clone().decode(&mut out));
        });
    }
    for width in [3, 12, 44, 60] {
        let values = DeltaDecoder::<i64>::new(deltas(width)?, ROWS)?;
        let mut out = vec![0i64; ROWS];
        group.bench_function(format!("delta i64 w{width}"), |b| {
            b.iter(|| values.clone().decode(&mut out));
        });
    }
    let values = DeltaDecoder::<i64>::new(deltas(12)?, ROWS)?;
    let mut last = [0i64];
    group.bench_function("delta i64 w12, all but the last passed over", |b| {
        b.iter(|| {
            let mut values = values.clone();
            values.skip(ROWS - 1)?;
            values.decode(&mut last)
        });
    });
    Ok(())
}

fn plain(group: &mut Group<'_>) -> Result<()> {
    let mut bits = Bits(5);
    let values = PlainDecoder::new(buffer(&bits.bytes(ROWS * 8))?, 8)?;
    let mut out = vec![0i64; ROWS];
    group.bench_function("plain i64", |b| b.iter(|| values.clone().decode(&mut out)));
    for per_mille in [20, 500] {
        let mask = bits.mask(per_mille);
        group.bench_function(format!("plain i64 masked {per_mille}/1000"), |b| {
            b.iter(|| values.clone().decode_masked(&mask, ROWS, &mut out));
        });
    }
    let mut views = vec![View::default(); ROWS];
    for most in [10, 30] {
        let mut bytes = Vec::new();
        for _ in 0..ROWS {
            let length = bits.next() as usize % most;
            bytes.extend_from_slice(&(length as u32).to_le_bytes());
            bytes.extend(bits.bytes(length));
        }
        let values = PlainByteArray::new(buffer(&bytes)?);
        group.bench_function(format!("plain byte arrays under {most} bytes"), |b| {
            b.iter(|| values.clone().decode(0, &mut views));
        });
        let mask = bits.mask(20);
        group.bench_function(format!("plain byte arrays under {most} bytes masked 20/1000"), |b| {
            b.iter(|| values.clone().decode_masked(&mask, ROWS, 0, &mut views));
        });
    }
    Ok(())
}
