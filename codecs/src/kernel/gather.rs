//! Codes to the dictionary entries they name.

use bytemuck::Pod;

use super::{Code, max_code};

/// `out[i] = entries[codes[i]]`.
///
/// Two plain loads a value beat the CPU's gather instructions or equal them, so there is one form.
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
    for (value, code) in out.iter_mut().zip(codes) {
        // SAFETY: no code is above `greatest`, which is below the length.
        *value = unsafe { *entries.get_unchecked(code.index()) };
    }
}
