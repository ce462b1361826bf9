//! Bitmaps out of words, and the validity of results.
//!
//! In: words of one bit a row. Out: bitmaps whose bits behind the length are 0.

use millwork_codecs::buffer::{Bitmap, SliceMut};
use millwork_codecs::kernel::{mask_and, mask_and_not, mask_or};

use crate::error::{Error, Result};

/// Words for `rows` bits, all 0.
///
/// # Errors
/// If memory is refused.
pub fn words(rows: usize) -> Result<SliceMut<u64>> {
    Ok(SliceMut::scratch(rows.div_ceil(64))?)
}

/// A copy of the words of `bits`.
///
/// # Errors
/// If memory is refused.
pub fn words_of(bits: &Bitmap) -> Result<SliceMut<u64>> {
    let mut copy = words(bits.len())?;
    copy.copy_from_slice(bits.words());
    Ok(copy)
}

/// The first `rows` bits of `words`; bits behind them are cleared.
///
/// # Errors
/// `Internal` if there are fewer.
pub fn bitmap(mut words: SliceMut<u64>, rows: usize) -> Result<Bitmap> {
    if let Some(last) = words.last_mut()
        && !rows.is_multiple_of(64)
    {
        *last &= (1 << (rows % 64)) - 1;
    }
    Bitmap::from_words(words.freeze(), rows).ok_or_else(|| Error::internal("a mask too short"))
}

/// Bits that are 1 in both.
///
/// # Errors
/// If memory is refused.
pub fn and(a: &Bitmap, b: &Bitmap) -> Result<Bitmap> {
    let mut words = words_of(a)?;
    mask_and(&mut words, b.words());
    bitmap(words, a.len())
}

/// Bits that are 1 in one of both.
///
/// # Errors
/// If memory is refused.
pub fn or(a: &Bitmap, b: &Bitmap) -> Result<Bitmap> {
    let mut words = words_of(a)?;
    mask_or(&mut words, b.words());
    bitmap(words, a.len())
}

/// Bits that are 1 in `a` and 0 in `b`.
///
/// # Errors
/// If memory is refused.
pub fn and_not(a: &Bitmap, b: &Bitmap) -> Result<Bitmap> {
    let mut words = words_of(a)?;
    mask_and_not(&mut words, b.words());
    bitmap(words, a.len())
}

/// Bits that are 0.
///
/// # Errors
/// If memory is refused.
pub fn not(a: &Bitmap) -> Result<Bitmap> {
    let mut words = words_of(a)?;
    words.iter_mut().for_each(|word| *word = !*word);
    bitmap(words, a.len())
}

/// Rows present in both, where absence of a bitmap means all.
///
/// # Errors
/// If memory is refused.
pub fn both_valid(a: Option<&Bitmap>, b: Option<&Bitmap>) -> Result<Option<Bitmap>> {
    Ok(match (a, b) {
        (Some(a), Some(b)) => Some(and(a, b)?),
        (one, None) | (None, one) => one.cloned(),
    })
}
