//! Room for as many elements as a file says, or an error.

use crate::error::{Error, Limit, Result};

fn refused(count: usize) -> Error {
    Error::limit(Limit::Memory, format!("the machine refuses room for {count} elements"))
        .hint("its memory, or a limit of the process, is used up")
}

/// An empty vector with room for `count` elements.
///
/// # Errors
/// `LimitExceeded` if the machine refuses it.
pub(crate) fn room_for<T>(count: usize) -> Result<Vec<T>> {
    let mut elements = Vec::new();
    elements.try_reserve_exact(count).map_err(|_| refused(count))?;
    Ok(elements)
}

/// Room for `count` more elements.
///
/// # Errors
/// `LimitExceeded` if the machine refuses it.
pub(crate) fn more_room<T>(elements: &mut Vec<T>, count: usize) -> Result<()> {
    elements.try_reserve(count).map_err(|_| refused(count))
}

/// `count` times `element`.
///
/// # Errors
/// `LimitExceeded` if the machine refuses room for it.
pub(crate) fn filled<T: Clone>(element: T, count: usize) -> Result<Vec<T>> {
    let mut elements = room_for(count)?;
    elements.resize(count, element);
    Ok(elements)
}
