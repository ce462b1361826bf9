//! Where rows go: standard output, or a file that appears when it is complete.
//!
//! In: bytes of renderers. Out: the same bytes, buffered. Invariant: a reader that went away is
//! [`Failure::BrokenPipe`], never a message; a file that is not complete has another name.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Result};

/// Bytes that are written at once.
const BUFFER_BYTES: usize = 64 << 10;

/// The place that rows are written to.
pub struct Output {
    writer: BufWriter<Box<dyn Write>>,
    path: PathBuf,
    /// The name that the file has until it is complete.
    partial: Option<PathBuf>,
}

impl Output {
    /// Standard output.
    pub fn stdout() -> Self {
        let stdout: Box<dyn Write> = Box::new(io::stdout().lock());
        Self {
            writer: BufWriter::with_capacity(BUFFER_BYTES, stdout),
            path: PathBuf::from("standard output"),
            partial: None,
        }
    }

    /// The file `path`, which is replaced when all is written; a device is written to as it is.
    ///
    /// # Errors
    /// The file beside it cannot be made.
    pub fn file(path: &Path) -> Result<Self> {
        let is_device = fs::metadata(path).is_ok_and(|found| !found.is_file());
        let partial = (!is_device).then(|| {
            let mut name = path.as_os_str().to_owned();
            name.push(".partial");
            PathBuf::from(name)
        });
        let made = match &partial {
            Some(partial) => File::create(partial),
            None => File::options().write(true).open(path),
        };
        let file: Box<dyn Write> = Box::new(made.map_err(|error| Failure::write(path, &error))?);
        Ok(Self {
            writer: BufWriter::with_capacity(BUFFER_BYTES, file),
            path: path.to_owned(),
            partial,
        })
    }

    /// Writes `bytes`.
    ///
    /// # Errors
    /// The system refuses, or nobody reads any more.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.writer.write_all(bytes).map_err(|error| Failure::write(&self.path, &error))
    }

    /// Hands everything written so far to the system.
    ///
    /// # Errors
    /// The system refuses, or nobody reads any more.
    pub fn flush(&mut self) -> Result<()> {
        self.writer.flush().map_err(|error| Failure::write(&self.path, &error))
    }

    /// Ends the output; a file gets its name.
    ///
    /// # Errors
    /// The system refuses, or nobody reads any more.
    pub fn finish(mut self) -> Result<()> {
        self.flush()?;
        match self.partial.take() {
            Some(partial) => {
                fs::rename(&partial, &self.path).map_err(|error| Failure::write(&self.path, &error))
            }
            None => Ok(()),
        }
    }
}

impl Drop for Output {
    /// A file that was not finished is taken away.
    fn drop(&mut self) {
        if let Some(partial) = &self.partial {
            let _ = fs::remove_file(partial);
        }
    }
}
