//! UTF-8 checks of text columns.

use std::ops::Range;

use millwork_codecs::buffer::Buffer;

use crate::error::{Error, Result};
use crate::vector::Views;

/// Checks that every string of `views` is UTF-8. Most pages hold ASCII only, and one look at the bytes
/// `span` of the page, from the first string to the last (lengths and all), tells that.
///
/// # Errors
/// `Corrupt`, showing the first string that is not.
pub(super) fn check(views: &Views, page: &Buffer, span: Range<usize>) -> Result<()> {
    if page.get(span).is_some_and(<[u8]>::is_ascii) {
        return Ok(());
    }
    for string in views.iter() {
        if !string.is_ascii() && simdutf8::basic::from_utf8(string).is_err() {
            let shown = &string[..string.len().min(40)];
            return Err(Error::corrupt(format!(
                "text that is not UTF-8: \"{}\"",
                shown.escape_ascii()
            )));
        }
    }
    Ok(())
}
