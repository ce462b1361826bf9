//! Which instructions the kernels use: found out once, from the CPU.
//!
//! Invariant: [`isa`] never names a tier that the CPU lacks; every call of a `target_feature`
//! function in this folder rests on that.

use std::sync::atomic::{AtomicU8, Ordering};

/// A tier of instructions, from the one every CPU has upwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Isa {
    /// What the compiler's target guarantees.
    Scalar,
    /// AVX2 with BMI1, BMI2, LZCNT and POPCNT.
    Avx2,
    /// AVX-512 F, BW, DQ, VL, VBMI, VBMI2 and BITALG, on top of [`Isa::Avx2`].
    Avx512,
}

/// The tier in use; 0 before the first question.
static IN_USE: AtomicU8 = AtomicU8::new(0);

const fn number(isa: Isa) -> u8 {
    match isa {
        Isa::Scalar => 1,
        Isa::Avx2 => 2,
        Isa::Avx512 => 3,
    }
}

/// The tier the kernels use: the best of the CPU, unless [`force`] chose another.
#[inline]
#[must_use]
pub fn isa() -> Isa {
    match IN_USE.load(Ordering::Relaxed) {
        1 => Isa::Scalar,
        2 => Isa::Avx2,
        3 => Isa::Avx512,
        _ => first_answer(),
    }
}

#[cold]
fn first_answer() -> Isa {
    let best = detect();
    // Two threads may both come here: they store the same answer, and never over a forced one.
    let _ = IN_USE.compare_exchange(0, number(best), Ordering::Relaxed, Ordering::Relaxed);
    isa()
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
fn detect() -> Isa {
    use std::arch::is_x86_feature_detected as has;
    let avx2 = has!("avx2") && has!("bmi1") && has!("bmi2") && has!("lzcnt") && has!("popcnt");
    let avx512 = has!("avx512f")
        && has!("avx512bw")
        && has!("avx512dq")
        && has!("avx512vl")
        && has!("avx512vbmi")
        && has!("avx512vbmi2")
        && has!("avx512bitalg");
    match (avx2, avx512) {
        (true, true) => Isa::Avx512,
        (true, false) => Isa::Avx2,
        _ => Isa::Scalar,
    }
}

#[cfg(not(all(target_arch = "x86_64", not(miri))))]
fn detect() -> Isa {
    Isa::Scalar
}

/// Whether `pdep` is one quick instruction: on AMD before Zen 3 (family 19h) it is a slow program.
#[cfg(target_arch = "x86_64")]
pub(super) fn pdep_is_fast() -> bool {
    use std::arch::x86_64::__cpuid;
    use std::sync::OnceLock;

    static FAST: OnceLock<bool> = OnceLock::new();
    *FAST.get_or_init(|| {
        let maker = __cpuid(0).ebx.to_le_bytes();
        let signature = __cpuid(1).eax;
        let family = (signature >> 8 & 0xf) + (signature >> 20 & 0xff);
        !matches!(&maker, b"Auth" | b"Hygo") || family >= 0x19
    })
}

/// The tiers this CPU has, ascending.
#[must_use]
pub fn supported() -> Vec<Isa> {
    let best = detect();
    [Isa::Scalar, Isa::Avx2, Isa::Avx512].into_iter().filter(|tier| *tier <= best).collect()
}

/// Makes every kernel of the process use `tier`. False, and no change, if the CPU lacks it.
///
/// For test and bench harnesses.
#[doc(hidden)]
pub fn force(tier: Isa) -> bool {
    let has = tier <= detect();
    if has {
        IN_USE.store(number(tier), Ordering::Relaxed);
    }
    has
}
