//! Codes against a set of dictionary entries, and the greatest code.

use super::Code;
#[cfg(target_arch = "x86_64")]
use super::{Isa, isa};

/// Bit `i` of `out` says whether bit `codes[i]` of `set` is 1; a code behind the end of `set` is
/// not in it. Bits behind the last code are 0.
///
/// # Panics
/// If `out` has fewer words than the codes need; words behind those are not written.
pub fn membership<C: Code>(codes: &[C], set: &[u64], out: &mut [u64]) {
    let out = &mut out[..codes.len().div_ceil(64)];
    membership_scalar(codes, set, out);
}

#[inline(always)]
fn membership_scalar<C: Code>(codes: &[C], set: &[u64], out: &mut [u64]) {
    for (word, codes) in out.iter_mut().zip(codes.chunks(64)) {
        *word = 0;
        for (bit, code) in codes.iter().enumerate() {
            let code = code.index();
            let member = set.get(code / 64).is_some_and(|word| word >> (code % 64) & 1 == 1);
            *word |= u64::from(member) << bit;
        }
    }
}

/// The greatest of `codes`, 0 if there are none.
#[must_use]
pub fn max_code<C: Code>(codes: &[C]) -> u32 {
    #[cfg(target_arch = "x86_64")]
    match isa() {
        // SAFETY: `isa` names this tier only if the CPU has its features.
        Isa::Avx512 => return unsafe { max_avx512(codes) },
        // SAFETY: as above.
        Isa::Avx2 => return unsafe { max_avx2(codes) },
        Isa::Scalar => {}
    }
    max_scalar(codes)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn max_avx2<C: Code>(codes: &[C]) -> u32 {
    max_scalar(codes)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
fn max_avx512<C: Code>(codes: &[C]) -> u32 {
    max_scalar(codes)
}

#[inline(always)]
fn max_scalar<C: Code>(codes: &[C]) -> u32 {
    codes.iter().fold(C::zeroed(), |greatest, code| greatest.max(*code)).into()
}
