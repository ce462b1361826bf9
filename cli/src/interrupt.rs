//! Ctrl-C.
//!
//! While a query runs it is stopped in good order and its statement ends with exit code 130 (a prompt
//! goes on). Otherwise, and the second time, the program ends at once with the same code, and leaves
//! no file behind that is not complete.

use millwork_engine::session::Interrupt;

use crate::failure::{Failure, INTERRUPTED, Result};
use crate::output;

/// From now on Ctrl-C stops what `session` runs.
///
/// # Errors
/// The system does not let us know of it.
pub fn stops(session: Interrupt) -> Result<()> {
    let asked = ctrlc::set_handler(move || {
        if !session.raise() {
            output::take_away();
            std::process::exit(i32::from(INTERRUPTED));
        }
    });
    asked.map_err(|error| Failure::io(format!("cannot listen for interrupts: {error}")))
}
