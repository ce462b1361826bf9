//! What the criterion benches of the layers share: see `benches/`.

use std::process::ExitCode;
use std::time::Duration;

use criterion::Criterion;
use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::Buffer;

/// Whatever a layer reports; only printed.
pub type BenchResult<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// A repeatable stream of bits (xorshift64*).
#[derive(Clone, Debug)]
pub struct Bits(pub u64);

impl Bits {
    /// The next 64 bits.
    pub fn draw(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}

/// Criterion as all benches run it: `samples` of a bench, together for about `measured_ms`; switches of the
/// command line come last.
#[must_use]
pub fn criterion(measured_ms: u64, samples: usize) -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(measured_ms))
        .sample_size(samples)
        .without_plots()
        .configure_from_args()
}

/// The path of the file that is read: `MILLWORK_BENCH_FILE`, or the one of the repository.
#[must_use]
pub fn bench_path() -> String {
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/lineitem.parquet");
    std::env::var("MILLWORK_BENCH_FILE").unwrap_or_else(|_| own.to_owned())
}

/// The bytes of the file at [`bench_path`].
///
/// # Errors
/// If it cannot be read.
pub fn bench_file() -> BenchResult<Buffer> {
    let path = bench_path();
    let bytes = std::fs::read(&path).map_err(|error| format!("{path}: {error}"))?;
    Ok(Buffer::copy_of(&bytes, &Budget::unlimited())?)
}

/// What `main` answers; an error is printed.
#[must_use]
pub fn exit_code(done: BenchResult) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
