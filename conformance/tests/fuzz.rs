//! Every input that the fuzzer found worth keeping, once more: what was repaired stays repaired.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use conformance::corpus;
use conformance::fuzz::{TARGETS, find, kept, seeds};
use millwork_codecs::buffer::BufferMut;

#[test]
fn r8_kept_inputs_do_no_harm() {
    let mut replayed = 0;
    for target in TARGETS {
        let inputs = kept::read(target.name).unwrap();
        assert!(!inputs.is_empty(), "no inputs of {} are kept", target.name);
        for input in inputs {
            target.run(&input);
            replayed += 1;
        }
    }
    println!("{replayed} inputs");
    assert!(replayed > 1000, "{replayed} inputs are no corpus");
}

#[test]
fn every_target_has_seeds() {
    for target in TARGETS {
        let seeds = seeds(target.name).unwrap();
        assert!(seeds.len() > 5, "{}: {} seeds", target.name, seeds.len());
        seeds.iter().step_by(7).for_each(|seed| target.run(seed));
    }
}

/// Files as they are, those of other programs and those of the corpus: no way fails, and all agree.
#[test]
fn r3_files_tell_the_same_rows_in_every_way() {
    let file = find("file").unwrap();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut folders = vec![fixtures];
    match corpus::root() {
        Ok(root) => folders.push(root),
        Err(why) => {
            assert!(!corpus::is_required(), "MILLWORK_REQUIRE_CORPUS=1, but {why}");
            println!("skipped: {why}");
        }
    }
    for folder in folders {
        for name in corpus::files(&folder).unwrap() {
            if name.ends_with(".parquet") {
                file.run(&std::fs::read(folder.join(name)).unwrap());
            }
        }
    }
}

/// Tests compare values with those that were written, and fuzzing compares ways: what a decoder left out of a buffer
/// would differ, were it shown, because it is neither zero nor what was there before.
#[test]
fn what_is_left_out_of_a_buffer_is_seen_by_tests() {
    for len in [1, 5000, 1 << 20] {
        let unfilled = BufferMut::to_fill(len).unwrap();
        let is_marked = unfilled.as_slice().iter().all(|byte| *byte == 0xa5);
        assert!(is_marked || !cfg!(debug_assertions), "{len}");
        drop(unfilled);
        assert!(BufferMut::scratch(len).unwrap().as_slice().iter().all(|byte| *byte == 0));
    }
}

/// A target that was used before, and each codec's bodies cut short or flipped: what comes out was made.
#[test]
fn stale_memory_never_passes_for_output() {
    for codec in ["snappy", "gzip", "brotli", "zstd", "lz4_raw", "lz4"] {
        let target = find(codec).unwrap();
        for seed in seeds(codec).unwrap().iter().filter(|seed| seed.len() < 400) {
            // The action decompresses into two targets that were filled differently.
            for end in 0..seed.len() {
                target.run(&seed[..end]);
            }
            for bit in 0..seed.len() * 8 {
                let mut flipped = seed.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                target.run(&flipped);
            }
        }
    }
}
