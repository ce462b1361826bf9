//! Definition and repetition levels: they are decoded here and never leave `format`.
//!
//! In: the levels' bytes of one page. Out: for a flat column its validity bitmap, straight from the
//! encoded runs.

use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::{Bitmap, BitmapMut, Buffer};
use millwork_codecs::cursor::Cursor;
use millwork_codecs::encoding::hybrid::HybridDecoder;

use crate::error::{Error, Result};

/// Rows whose bits are allocated before any level is decoded: a page may claim 2^31.
const ROWS_AT_ONCE: usize = 1 << 20;

/// Cuts the body of a v1 page behind its definition levels: four bytes of length, then the levels.
///
/// # Errors
/// `Truncated` if the body is shorter than they say.
pub(crate) fn split_v1(body: &Buffer) -> Result<(Buffer, Buffer)> {
    let mut cursor = Cursor::new(body);
    let length_bytes = cursor.u32_le()? as usize;
    cursor.take(length_bytes)?;
    let cut = cursor.position();
    match (body.slice(4..cut), body.slice(cut..body.len())) {
        (Some(levels), Some(values)) => Ok((levels, values)),
        _ => Err(Error::internal("a cut outside the page body")),
    }
}

/// The validity of `rows` rows from definition levels of which the highest is 1. Its memory is taken
/// from `budget`: six bytes may rightly say that 2^31 rows are null.
///
/// # Errors
/// `Truncated` or `Corrupt` if the levels are fewer than the rows, or make no sense; `LimitExceeded`
/// if memory is refused.
pub(crate) fn validity(levels: &Buffer, rows: usize, budget: &Budget) -> Result<Bitmap> {
    let mut decoder = HybridDecoder::new(levels.clone(), 1, rows)?;
    let mut bits = BitmapMut::within(rows.min(ROWS_AT_ONCE), budget)?;
    let mut left = rows;
    while left > 0 {
        let now = left.min(ROWS_AT_ONCE);
        decoder.decode_bits(now, &mut bits)?;
        left -= now;
    }
    Ok(bits.freeze())
}
