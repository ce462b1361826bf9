//! The fuzzer: feeds the action that `MILLWORK_FUZZ` names whatever libFuzzer comes up with.
//!
//! One program for all targets, so that they are built once. `fuzz/run` builds and starts it.
#![no_main]

use std::sync::LazyLock;

use conformance::fuzz::{Target, find};
use libfuzzer_sys::fuzz_target;

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var("MILLWORK_FUZZ").unwrap_or_default();
    find(&name).unwrap_or_else(|| panic!("MILLWORK_FUZZ={name} is no target"))
});

fuzz_target!(|bytes: &[u8]| TARGET.run(bytes));
