//! Codes to the dictionary entries they name.

#[cfg(target_arch = "x86_64")]
mod avx512;

use bytemuck::Pod;

use super::{Code, max_code};
#[cfg(target_arch = "x86_64")]
use super::{Isa, isa};

/// `out[i] = entries[codes[i]]`.
///
/// A dictionary of a few entries is held in registers with AVX-512. Else two plain loads a value beat the
/// CPU's gather instructions or equal them, so there is one form.
///
/// # Panics
/// If a code names no entry, or `codes` and `out` differ in length.
pub fn gather<T: Pod, C: Code>(entries: &[T], codes: &[C], out: &mut [T]) {
    assert_eq!(codes.len(), out.len(), "gathering into a slice of another length");
    if codes.is_empty() {
        return;
    }
    let greatest = max_code(codes) as usize;
    assert!(greatest < entries.len(), "code {greatest} of {} entries", entries.len());
    #[cfg(target_arch = "x86_64")]
    if isa() == Isa::Avx512 && C::BITS == 8 && avx512::has_form(size_of::<T>(), entries.len()) {
        // SAFETY: `isa` names this tier only if the CPU has its features.
        return unsafe { avx512::gather(entries, bytemuck::cast_slice(codes), out) };
    }
    for (value, code) in out.iter_mut().zip(codes) {
        // SAFETY: no code is above `greatest`, which is below the length.
        *value = unsafe { *entries.get_unchecked(code.index()) };
    }
}
