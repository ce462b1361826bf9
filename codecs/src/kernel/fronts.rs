//! Shared prefixes and rests to byte arrays, as DELTA_BYTE_ARRAY has them: each value is some bytes of the
//! one before it and some of its own.
//!
//! Values are put together one behind the other in memory of the caller's; a value that adds nothing
//! shares the bytes of the one before. The plain form copies a value from where the last one lies, which
//! the CPU has not always written yet. AVX-512 keeps the last value in a register as long as values have
//! at most 64 bytes: a value is two masks, a load, and a store that nobody waits for.

#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(test)]
mod tests;

#[cfg(target_arch = "x86_64")]
use super::{Isa, isa};
use crate::buffer::{Padded, View};

/// Bytes of a value that fits a register.
const REGISTER: usize = 64;

/// Bytes moved at a time by the plain form: what is too much is overwritten by what comes next.
const STEP: usize = 16;

/// Bytes that have to follow the last value in its memory: values are moved in whole steps.
pub const SLACK: usize = REGISTER;

/// Where the values put together so far lie in their memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Front {
    /// The first byte of the last value.
    pub start: usize,
    /// Its bytes.
    pub len: usize,
    /// The byte behind all values that are kept: the next goes there.
    pub free: usize,
}

impl Front {
    /// Makes the next value in `built`: `prefix` bytes of the last and the first `rest` of `bytes`. It
    /// is not kept yet.
    ///
    /// # Panics
    /// If the last value is shorter, `bytes` hold fewer than `rest` and a step more, or `built` has no
    /// room for the value and [`SLACK`].
    #[inline]
    pub fn append(&mut self, prefix: usize, bytes: &[u8], rest: usize, built: &mut [u8]) {
        assert!(prefix <= self.len, "{prefix} bytes of a value of {}", self.len);
        if rest == 0 {
            self.len = prefix;
            return;
        }
        let (from, to) = (self.start, self.free);
        if from != to {
            for done in (0..prefix).step_by(STEP) {
                built.copy_within(from + done..from + done + STEP, to + done);
            }
        }
        for done in (0..rest).step_by(STEP) {
            let at = to + prefix + done;
            built[at..at + STEP].copy_from_slice(&bytes[done..done + STEP]);
        }
        (self.start, self.len) = (to, prefix + rest);
    }

    /// Keeps the value made last: its view, of buffer 0.
    #[inline]
    pub fn keep(&mut self, built: &[u8]) -> View {
        self.free = self.free.max(self.start + self.len);
        View::of(self.len as u32, &built[self.start..], 0, self.start as u32)
    }

    /// Makes and keeps the next values, as many as there are `prefixes`; the rests begin at byte `at` of
    /// `bytes`.
    ///
    /// # Panics
    /// If prefixes, rests and views are not as many as each other, a prefix is longer than the value
    /// before, the bytes end first, or `built` has no room for the values and [`SLACK`].
    pub fn append_all(
        &mut self,
        (prefixes, rests): (&[u32], &[u32]),
        (bytes, at): (Padded<'_>, usize),
        built: &mut [u8],
        out: &mut [View],
    ) {
        assert_eq!((prefixes.len(), rests.len()), (out.len(), out.len()), "a view for each value");
        let total: u64 = rests.iter().map(|rest| u64::from(*rest)).sum();
        let there = bytes.tail(at).map_or(0, Padded::len);
        assert!(total <= there as u64, "rests of {total} bytes in {there}");
        #[cfg(target_arch = "x86_64")]
        if isa() == Isa::Avx512 && self.fits_register(prefixes, rests) {
            // SAFETY: `isa` names this tier only if the CPU has its features.
            return unsafe { avx512::append_all(self, (prefixes, rests), (bytes, at), built, out) };
        }
        self.append_each((prefixes, rests), (bytes, at), built, out);
    }

    /// Whether neither the last value nor one of the next is too long.
    #[cfg(target_arch = "x86_64")]
    fn fits_register(&self, prefixes: &[u32], rests: &[u32]) -> bool {
        let len = |(prefix, rest): (&u32, &u32)| prefix.saturating_add(*rest);
        let longest = prefixes.iter().zip(rests).map(len).max().unwrap_or(0);
        self.len <= REGISTER && longest as usize <= REGISTER
    }

    /// The plain form.
    fn append_each(
        &mut self,
        (prefixes, rests): (&[u32], &[u32]),
        (bytes, mut at): (Padded<'_>, usize),
        built: &mut [u8],
        out: &mut [View],
    ) {
        let bytes = bytes.with_padding();
        for ((prefix, rest), view) in prefixes.iter().zip(rests).zip(out) {
            self.append(*prefix as usize, &bytes[at..], *rest as usize, built);
            *view = self.keep(built);
            at += *rest as usize;
        }
    }
}
