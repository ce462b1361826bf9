//! What standard output and standard error are connected to.

use std::io::IsTerminal as _;

/// Whether messages are coloured: on a terminal, unless `NO_COLOR` is set.
pub fn is_coloured() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
}

/// Whether standard output is one.
pub fn is_stdout() -> bool {
    std::io::stdout().is_terminal()
}

/// The columns of the terminal that standard output is; `None` if it is none, or does not tell.
pub fn columns() -> Option<usize> {
    if !is_stdout() {
        return None;
    }
    console::Term::stdout().size_checked().map(|(_, columns)| usize::from(columns))
}
