//! Bit loops: unpacking, comparing, gathering, compressing.
//!
//! What comes in: slices (packed bytes as [`Padded`](crate::buffer::Padded)) and a slice to fill.
//! What goes out: that slice, filled; nothing here fails, a request that does not fit its slices
//! panics as indexing does. Each kernel has a plain form, which is its meaning and its test, and
//! forms for AVX2 and AVX-512 that give the same bits; [`isa()`] says which is in use.
//!
//! This is the only folder of the crate where `unsafe` is allowed.
//!
//! | module | answers |
//! |---|---|
//! | [`mod@code`] | what may be a dictionary code or a level: `u8`, `u16`, `u32` |
//! | [`mod@bits`] | masks: and, or, count, rows, copies from packed bits |
//! | [`mod@unpack`] | packed integers to the narrowest type |
//! | [`mod@delta`] | packed deltas to running sums |
//! | [`mod@alp`] | packed integers to decimal floats |
//! | [`mod@interleave`] | streams of bytes to values |
//! | [`mod@compare`] | values against a constant or against values, to a mask |
//! | [`mod@gather`] | codes to the entries they name |
//! | [`mod@compress`] | the values a mask selects |
//! | [`mod@expand`] | values spread over the rows a mask names |
//! | [`mod@copy`] | short copies between and within slices, as Snappy asks for them |
//! | [`mod@views`] | lengths of byte arrays to views |
//! | [`mod@fronts`] | shared prefixes and rests to byte arrays and views |
//! | [`mod@membership`] | codes against a set of entries, to a mask; the greatest code |

#![allow(
    unsafe_code,
    reason = "instructions that the CPU was asked for; loads and stores of registers"
)]

mod isa;
#[cfg(target_arch = "x86_64")]
mod x86;
#[cfg(target_arch = "x86_64")]
mod lanes;
pub mod code;
pub mod bits;
pub mod unpack;
pub mod delta;
pub mod alp;
pub mod interleave;
pub mod compare;
pub mod gather;
pub mod compress;
pub mod expand;
pub mod membership;
pub mod copy;
pub mod fronts;
pub mod views;
#[cfg(test)]
pub(crate) mod tests;

pub use alp::{AlpFloat, Scaled, scale_packed};
pub use bits::{
    append_packed_bits, append_selected_bits, count_ones, mask_and, mask_and_not, mask_bits,
    mask_or, mask_to_indices,
};
pub use code::Code;
pub use compare::{Compare, Comparison, compare_scalar, compare_values};
pub use compress::{compress, compress_unaligned, positions};
pub use delta::{DeltaInteger, Deltas, add_deltas, sum_deltas};
pub use expand::expand;
pub use gather::gather;
pub use interleave::interleave;
pub use isa::{Isa, force, isa, supported};
pub use membership::{max_code, membership};
pub use unpack::{unpack_one, unpack_u8, unpack_u16, unpack_u32};
pub use views::views;
