//! Where rows go: standard output, or a file that appears when it is complete.
//!
//! In: text of renderers. Out: the same, buffered. Invariant: a reader that went away is
//! [`Failure::BrokenPipe`], never a message; a file that is not complete has another name.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::failure::{Failure, Result};
use crate::progress::Progress;

/// Bytes that are written at once.
const BUFFER_BYTES: usize = 64 << 10;

/// The file that is not complete, for [`take_away`].
static UNFINISHED: Mutex<Option<PathBuf>> = Mutex::new(None);

fn unfinished() -> MutexGuard<'static, Option<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes a file that is not complete away: the program ends where it is.
pub fn take_away() {
    if let Some(partial) = unfinished().take() {
        let _ = fs::remove_file(partial);
    }
}

/// What takes text as it is made.
pub trait Sink {
    /// Takes `text`, which may end anywhere.
    ///
    /// # Errors
    /// It can go nowhere.
    fn write(&mut self, text: &[u8]) -> Result<()>;
}

/// Text that stays in memory.
#[cfg(test)]
impl Sink for Vec<u8> {
    fn write(&mut self, text: &[u8]) -> Result<()> {
        self.extend_from_slice(text);
        Ok(())
    }
}

/// The place that rows are written to.
pub struct Output {
    writer: Box<dyn Write>,
    /// What was not handed to the system yet.
    text: Vec<u8>,
    /// Whether what was written so far ends inside a line.
    is_in_line: bool,
    /// Whether the system refused something.
    has_failed: bool,
    path: PathBuf,
    /// The name that the file has until it is complete.
    partial: Option<PathBuf>,
    /// A sign of life until something is written.
    pub progress: Option<Progress>,
}

impl Output {
    /// Standard output.
    pub fn stdout() -> Self {
        Self::to(Box::new(io::stdout().lock()), PathBuf::from("standard output"), None)
    }

    /// The file `path`, or what a link there leads to, which is replaced when all is written; a device is written to
    /// as it is.
    ///
    /// # Errors
    /// The file beside it cannot be made.
    pub fn file(path: &Path) -> Result<Self> {
        if path == Path::new("/dev/stdout") {
            return Ok(Self::stdout());
        }
        // Links of /dev lead to what this process has open; /dev/shm is a folder like others.
        let is_open = path.starts_with("/proc")
            || path.starts_with("/dev/fd")
            || path.starts_with("/dev") && path.is_symlink();
        let is_device = is_open || fs::metadata(path).is_ok_and(|found| !found.is_file());
        let found = fs::canonicalize(path);
        let path =
            found.as_deref().ok().filter(|_| path.is_symlink() && !is_device).unwrap_or(path);
        let partial = (!is_device).then(|| {
            let mut name = path.as_os_str().to_owned();
            name.push(".partial");
            PathBuf::from(name)
        });
        let made = match &partial {
            Some(partial) => File::create(partial),
            None => File::options().write(true).open(path),
        };
        let file = made.map_err(|error| Failure::write(path, &error))?;
        unfinished().clone_from(&partial);
        Ok(Self::to(Box::new(file), path.to_owned(), partial))
    }

    fn to(writer: Box<dyn Write>, path: PathBuf, partial: Option<PathBuf>) -> Self {
        let text = Vec::with_capacity(BUFFER_BYTES);
        let (is_in_line, has_failed, progress) = (false, false, None);
        Self { writer, text, is_in_line, has_failed, path, partial, progress }
    }

    /// Whether the system refused something that was written: further text goes nowhere.
    pub fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// Ends the line that was begun, if one was.
    ///
    /// # Errors
    /// The system refuses, or nobody reads any more.
    pub fn end_line(&mut self) -> Result<()> {
        if self.is_in_line { self.write(b"\n") } else { Ok(()) }
    }

    /// Forgets what was not handed to the system yet.
    pub fn discard(&mut self) {
        self.text.clear();
    }

    /// Hands everything written so far to the system.
    ///
    /// # Errors
    /// The system refuses, or nobody reads any more.
    pub fn flush(&mut self) -> Result<()> {
        self.hand_on()?;
        self.writer.flush().map_err(|error| Failure::write(&self.path, &error))
    }

    /// Ends the output; a file gets its name.
    ///
    /// # Errors
    /// The system refuses, or nobody reads any more.
    pub fn finish(mut self) -> Result<()> {
        self.flush()?;
        let Some(partial) = self.partial.take() else { return Ok(()) };
        let mut unfinished = unfinished();
        *unfinished = None;
        fs::rename(&partial, &self.path).map_err(|error| Failure::write(&self.path, &error))
    }

    fn hand_on(&mut self) -> Result<()> {
        if self.text.is_empty() {
            return Ok(());
        }
        self.progress = None;
        let written = self.writer.write_all(&self.text);
        self.has_failed |= written.is_err();
        self.text.clear();
        written.map_err(|error| Failure::write(&self.path, &error))
    }
}

impl Sink for Output {
    /// # Errors
    /// The system refuses, or nobody reads any more.
    fn write(&mut self, text: &[u8]) -> Result<()> {
        self.is_in_line = text.last().map_or(self.is_in_line, |last| *last != b'\n');
        for piece in text.chunks(BUFFER_BYTES) {
            self.text.extend_from_slice(piece);
            if self.text.len() >= BUFFER_BYTES {
                self.hand_on()?;
            }
        }
        Ok(())
    }
}

impl Drop for Output {
    /// Rows before a failure are printed; a file that was not finished is taken away.
    fn drop(&mut self) {
        let _ = self.hand_on();
        if self.partial.is_some() {
            take_away();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What arrived, shared with the test; refused when it is more than `room`.
    struct Target {
        arrived: std::sync::Arc<Mutex<Vec<u8>>>,
        room: usize,
    }

    impl Write for Target {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            let mut arrived = self.arrived.lock().unwrap_or_else(PoisonError::into_inner);
            if arrived.len() + text.len() > self.room {
                return Err(io::ErrorKind::StorageFull.into());
            }
            arrived.extend_from_slice(text);
            Ok(text.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn output(room: usize) -> (Output, std::sync::Arc<Mutex<Vec<u8>>>) {
        let arrived = std::sync::Arc::new(Mutex::new(Vec::new()));
        let target = Target { arrived: std::sync::Arc::clone(&arrived), room };
        (Output::to(Box::new(target), PathBuf::from("somewhere"), None), arrived)
    }

    #[test]
    fn only_a_line_that_was_begun_is_ended() {
        let (mut output, arrived) = output(100);
        for text in ["", "a", "", "b\n", "", "c"] {
            output.write(text.as_bytes()).expect("room");
            output.end_line().expect("room");
        }
        output.finish().expect("room");
        assert_eq!(arrived.lock().expect("no panic").as_slice(), b"a\nb\nc\n");
    }

    #[test]
    fn what_the_system_refused_is_known_behind_it() {
        let (mut output, _) = output(3);
        output.write(b"abcd").expect("it is kept");
        assert!(!output.has_failed());
        assert!(output.flush().is_err() && output.has_failed());
    }
}
