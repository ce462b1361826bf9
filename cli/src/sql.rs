//! `sql`: statements in, results out.
//!
//! In: SQL text of the command line, a file, standard input or a prompt. Out: results one after
//! another. Invariant: what a statement gave is written before the next one runs.

use std::io::{IsTerminal as _, Read as _, Write as _};

use millwork_engine::session::{Consumer, Session, SessionOptions, StatementOutcome};
use millwork_format::batch::Batch;
use millwork_format::types::Field;

use crate::arguments::{Sql, Timing};
use crate::failure::{Failure, Result};
use crate::interrupt;
use crate::output::Output;
use crate::progress::Progress;
use crate::render::{self, Renderer};
use crate::source;

/// Runs the verb; without any statements `prompt` asks for them.
///
/// # Errors
/// The first statement that fails; output that cannot be written.
pub fn run(arguments: &Sql, prompt: fn(&Sql, Session) -> Result<()>) -> Result<()> {
    let session = Session::new(options(arguments));
    interrupt::stops(session.interrupt())?;
    let Some(sql) = text(arguments)? else { return prompt(arguments, session) };
    let mut printer = Printer::new(arguments)?;
    statements(session, &sql, &mut printer).1?;
    printer.finish()
}

/// Runs the statements of `sql` and gives the session back.
pub fn statements(mut session: Session, sql: &str, printer: &mut Printer) -> (Session, Result<()>) {
    printer.output.progress = Some(Progress::start());
    let ran = session.run(sql, printer);
    printer.output.progress = None;
    // A failure of ours went through the engine as an error without a text: ours counts.
    let result = match (printer.failure.take(), ran) {
        (Some(failure), _) => Err(failure),
        (None, Err(error)) => Err(Failure::query(&error, sql)),
        (None, Ok(())) => Ok(()),
    };
    if result.is_err() {
        // Statements before the one that failed have been handed on.
        printer.output.discard();
    }
    let flushed = printer.output.flush();
    (session, result.and(flushed))
}

fn options(arguments: &Sql) -> SessionOptions {
    let defaults = SessionOptions::default();
    let (limits, memory_bytes) = arguments.reading.limits_of_query();
    SessionOptions {
        threads: arguments.threads.map_or(defaults.threads, usize::from),
        memory_bytes,
        limits,
        ..defaults
    }
}

/// The statements, or `None` for a prompt.
fn text(arguments: &Sql) -> Result<Option<String>> {
    if let Some(query) = arguments.query.as_ref().or(arguments.command.as_ref()) {
        let query = query.strip_prefix(crate::arguments::COMMENT_MARK).unwrap_or(query);
        return Ok(Some(query.to_owned()));
    }
    let reads_stdin = match &arguments.file {
        Some(path) if path.as_os_str() != "-" => return source::text(path).map(Some),
        file => file.is_some(),
    };
    if !reads_stdin && std::io::stdin().is_terminal() {
        return Ok(None);
    }
    let mut text = String::new();
    std::io::stdin()
        .lock()
        .read_to_string(&mut text)
        .map_err(|error| Failure::io(format!("cannot read standard input: {error}")))?;
    Ok(Some(text))
}

/// Renders results as they come.
pub struct Printer {
    renderer: Box<dyn Renderer>,
    output: Output,
    timing: Option<Timing>,
    is_open: bool,
    failure: Option<Failure>,
}

impl Printer {
    /// A printer to where the arguments say.
    ///
    /// # Errors
    /// The output file cannot be made.
    pub fn new(arguments: &Sql) -> Result<Self> {
        let (output, columns) = match &arguments.output {
            Some(path) => (Output::file(path)?, None),
            None => (Output::stdout(), crate::terminal::columns()),
        };
        Ok(Self {
            renderer: render::renderer(arguments.format, columns),
            output,
            timing: arguments.timing,
            is_open: false,
            failure: None,
        })
    }

    /// Ends the output.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn finish(self) -> Result<()> {
        self.output.finish()
    }

    fn keep(&mut self, result: Result<()>) -> millwork_engine::Result<()> {
        result.map_err(|failure| {
            self.failure = Some(failure);
            millwork_engine::Error::cancelled()
        })
    }
}

impl Consumer for Printer {
    fn begin(&mut self, _statement: usize, fields: &[Field]) -> millwork_engine::Result<()> {
        self.is_open = true;
        let begun = self.renderer.begin(fields, &mut self.output);
        self.keep(begun)
    }

    fn batch(&mut self, batch: &Batch) -> millwork_engine::Result<()> {
        let done = self.renderer.batch(batch, &mut self.output);
        self.keep(done)
    }

    fn end(&mut self, statement: usize, outcome: &StatementOutcome) -> millwork_engine::Result<()> {
        let ended = match std::mem::take(&mut self.is_open) {
            true => self.renderer.end(&mut self.output),
            false => Ok(()),
        };
        self.output.progress = None;
        let done = ended.and_then(|()| self.output.flush());
        if let Some(Timing::Json) = self.timing {
            // As for messages: nothing depends on who hears.
            let _ = writeln!(
                std::io::stderr(),
                "{{\"statement\":{},\"rows\":{},\"elapsed_ms\":{:.3}}}",
                statement,
                outcome.rows,
                outcome.elapsed.as_secs_f64() * 1e3
            );
        }
        self.output.progress = done.is_ok().then(Progress::start);
        self.keep(done)
    }
}
