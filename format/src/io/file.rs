//! Local files: `pread` on IO threads.
//!
//! A mapped file that is cut short under us would end the process with a signal, so files are read,
//! not mapped.

use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crossbeam::channel::{Receiver, Sender, unbounded};
use millwork_codecs::buffer::BufferMut;

use super::open::{LocalFile, OpenFiles};
use super::{Driver, DriverProfile, Reply};
use crate::error::{Error, Place, Result};

struct Request {
    file: Arc<LocalFile>,
    name: Arc<str>,
    range: Range<u64>,
    target: BufferMut,
    reply: Reply,
}

/// Threads that read files for everybody; they end when the last handle is dropped.
#[derive(Debug)]
pub struct IoThreads {
    requests: Option<Sender<Request>>,
    files: Arc<OpenFiles>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl IoThreads {
    /// Starts `count` threads (at least one), or as many of them as the system gives.
    ///
    /// # Errors
    /// `Io` if the system starts no thread.
    pub fn start(count: usize) -> Result<Arc<Self>> {
        let (requests, incoming) = unbounded::<Request>();
        let files = Arc::<OpenFiles>::default();
        let mut threads = Vec::new();
        for index in 0..count.max(1) {
            let (incoming, files) = (incoming.clone(), Arc::clone(&files));
            let thread = std::thread::Builder::new()
                .name(format!("millwork-io-{index}"))
                .spawn(move || serve(&incoming, &files));
            match thread {
                Ok(thread) => threads.push(thread),
                Err(error) if threads.is_empty() => {
                    return Err(Error::io("cannot start an IO thread", error));
                }
                Err(_) => break,
            }
        }
        Ok(Arc::new(Self { requests: Some(requests), files, threads: Mutex::new(threads) }))
    }
}

impl Drop for IoThreads {
    fn drop(&mut self) {
        self.requests = None;
        let threads =
            std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let current = std::thread::current().id();
        for thread in threads {
            // The last handle may go with a reply, on an IO thread itself.
            if thread.thread().id() != current {
                let _ = thread.join();
            }
        }
    }
}

fn serve(incoming: &Receiver<Request>, files: &OpenFiles) {
    for Request { file, name, range, mut target, reply } in incoming {
        let bytes = files
            .file(&file)
            .and_then(|file| file.read_exact_at(target.as_mut_slice(), range.start))
            .map(|()| target.freeze())
            .map_err(|error| {
                let place =
                    Place { file: Some(name), file_offset: Some(range.start), ..Place::default() };
                match error.kind() {
                    io::ErrorKind::UnexpectedEof => Error::truncated("the file became shorter"),
                    _ => Error::io(format!("cannot read {} bytes", range.end - range.start), error),
                }
                .at(&place)
            });
        reply(bytes);
    }
}

/// A local file.
#[derive(Debug)]
pub struct FileDriver {
    name: Arc<str>,
    file: Arc<LocalFile>,
    len: u64,
    threads: Arc<IoThreads>,
}

impl FileDriver {
    /// Opens the file at `path`; reads happen on `threads`.
    ///
    /// # Errors
    /// `NotFound` or `Io`.
    pub fn open(path: &Path, threads: &Arc<IoThreads>) -> Result<Self> {
        let name: Arc<str> = path.to_string_lossy().into();
        let (file, metadata) = threads.files.open(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Error::io(format!("file not found: {name}"), error),
            _ => Error::io(format!("cannot open {name}"), error),
        })?;
        if !metadata.is_file() {
            return Err(Error::invalid_argument(format!("{name} is not a file")));
        }
        Ok(Self { name, file, len: metadata.len(), threads: Arc::clone(threads) })
    }
}

impl Driver for FileDriver {
    fn name(&self) -> &Arc<str> {
        &self.name
    }

    fn len(&self) -> u64 {
        self.len
    }

    fn profile(&self) -> DriverProfile {
        // A warm page cache; a cold NVMe drive is about four times as far.
        DriverProfile { latency_us: 20 }
    }

    fn request(&self, range: Range<u64>, target: BufferMut, reply: Reply) {
        let request = Request {
            file: Arc::clone(&self.file),
            name: Arc::clone(&self.name),
            range,
            target,
            reply,
        };
        let sent = match &self.threads.requests {
            Some(requests) => requests.send(request).map_err(|unsent| unsent.0),
            None => Err(request),
        };
        if let Err(unsent) = sent {
            (unsent.reply)(Err(Error::internal("the IO threads have ended")));
        }
    }
}
