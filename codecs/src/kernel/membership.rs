//! Codes against a set of dictionary entries, and the greatest code.

#[cfg(target_arch = "x86_64")]
mod avx512;

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
    #[cfg(target_arch = "x86_64")]
    if C::BITS == 8 && isa() == Isa::Avx512 {
        // SAFETY: `isa` names this tier only if the CPU has its features.
        return unsafe { avx512::membership(bytemuck::cast_slice(codes), set, out) };
    }
    if (max_code(codes) as usize) < set.len() * 64 {
        membership_scalar(codes, out, |code| {
            // SAFETY: no code is above the greatest, whose word the set has.
            let word = unsafe { set.get_unchecked(code / 64) };
            word >> (code % 64) & 1
        });
    } else {
        membership_scalar(codes, out, |code| {
            set.get(code / 64).map_or(0, |word| word >> (code % 64) & 1)
        });
    }
}

/// Bit `i` of `out` is the lowest, and only, bit of `member(codes[i])`.
#[inline(always)]
fn membership_scalar<C: Code>(codes: &[C], out: &mut [u64], member: impl Fn(usize) -> u64) {
    let (blocks, rest) = codes.as_chunks::<64>();
    for (word, block) in out.iter_mut().zip(blocks) {
        *word = 0;
        for (byte, codes) in block.as_chunks::<8>().0.iter().enumerate() {
            let bits = codes.iter().rev().fold(0, |bits, code| bits << 1 | member(code.index()));
            *word |= bits << (byte * 8);
        }
    }
    if let Some(word) = out.get_mut(blocks.len()) {
        *word = rest.iter().rev().fold(0, |bits, code| bits << 1 | member(code.index()));
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
