//! The prompt: statements line by line until `exit` or the end of input.
//!
//! A statement ends with a semicolon at the end of a line. An error does not end the prompt.

use std::io::{BufRead as _, Write as _};

use millwork_engine::session::Session;

use crate::arguments::Sql;
use crate::failure::{Failure, Result};
use crate::sql::{self, Printer};

/// Reads and runs statements until there are no more.
///
/// # Errors
/// Standard input cannot be read, or nobody reads our output.
pub fn run(arguments: &Sql, mut session: Session) -> Result<()> {
    say(concat!("millwork ", env!("CARGO_PKG_VERSION"), ": statements end with ;, exit ends\n"));
    let mut statement = String::new();
    loop {
        say(if statement.is_empty() { "millwork> " } else { "     ...> " });
        let mut line = String::new();
        let read = std::io::stdin()
            .lock()
            .read_line(&mut line)
            .map_err(|error| Failure::io(format!("cannot read standard input: {error}")))?;
        let word = line.trim().trim_end_matches(';').trim();
        let is_over = statement.is_empty() && ["exit", "quit"].contains(&word);
        if read == 0 || is_over {
            return Ok(());
        }
        if statement.is_empty() && word.is_empty() {
            continue;
        }
        statement.push_str(&line);
        if !line.trim_end().ends_with(';') {
            continue;
        }
        let mut printer = Printer::new(arguments)?;
        let ran;
        (session, ran) = sql::statements(session, &statement, &mut printer);
        match ran.and_then(|()| printer.finish()) {
            Err(Failure::BrokenPipe) => return Err(Failure::BrokenPipe),
            Err(failure) => failure.print(),
            Ok(()) => {}
        }
        statement.clear();
    }
}

/// Says it on standard error, if anybody hears.
fn say(text: &str) {
    let mut stderr = std::io::stderr();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}
