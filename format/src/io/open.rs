//! Local files, of which only [`MOST_OPEN`] stay open for one set of IO threads.
//!
//! A file that has to make room is closed, and opened again by its path at the next read. It has to be the
//! same file then, unchanged since it was opened first.

use std::collections::VecDeque;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// Files that stay open.
const MOST_OPEN: usize = 48;

/// The files of some IO threads that are open, oldest first.
#[derive(Debug, Default)]
pub(super) struct OpenFiles {
    open: Mutex<VecDeque<Weak<LocalFile>>>,
}

/// A file by its path, open or not.
#[derive(Debug)]
pub(super) struct LocalFile {
    path: PathBuf,
    identity: Identity,
    open: Mutex<Option<Arc<File>>>,
}

/// Changes when the file is replaced or written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    len: u64,
    modified: (i64, i64),
}

impl Identity {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            len: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl OpenFiles {
    /// Opens the file at `path`, whatever it is.
    pub(super) fn open(&self, path: &Path) -> io::Result<(Arc<LocalFile>, Metadata)> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        let local = Arc::new(LocalFile {
            path: path.to_path_buf(),
            identity: Identity::of(&metadata),
            open: Mutex::new(Some(Arc::new(file))),
        });
        self.has_opened(&local);
        Ok((local, metadata))
    }

    /// The file itself, opened again if it was closed.
    pub(super) fn file(&self, local: &Arc<LocalFile>) -> io::Result<Arc<File>> {
        let mut open = lock(&local.open);
        if let Some(file) = &*open {
            return Ok(Arc::clone(file));
        }
        let file = File::open(&local.path)?;
        if Identity::of(&file.metadata()?) != local.identity {
            return Err(io::Error::other("the file was changed while it was read"));
        }
        let file = Arc::new(file);
        *open = Some(Arc::clone(&file));
        drop(open);
        self.has_opened(local);
        Ok(file)
    }

    /// Closes those opened longest ago, if there are too many. Whoever reads one goes on doing so.
    fn has_opened(&self, local: &Arc<LocalFile>) {
        let mut surplus = Vec::new();
        let mut open = lock(&self.open);
        open.push_back(Arc::downgrade(local));
        while open.len() > MOST_OPEN {
            surplus.extend(open.pop_front());
        }
        drop(open);
        for local in surplus.iter().filter_map(Weak::upgrade) {
            *lock(&local.open) = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn is_open(local: &LocalFile) -> bool {
        lock(&local.open).is_some()
    }

    #[test]
    fn files_make_room_for_others_and_come_back_unchanged() {
        let folder = tempfile::tempdir().unwrap();
        let files = OpenFiles::default();
        let all: Vec<Arc<LocalFile>> = (0..2 * MOST_OPEN)
            .map(|at| {
                let path = folder.path().join(at.to_string());
                std::fs::write(&path, at.to_string()).unwrap();
                files.open(&path).unwrap().0
            })
            .collect();
        assert_eq!(all.iter().filter(|local| is_open(local)).count(), MOST_OPEN);
        for (at, local) in all.iter().enumerate() {
            let mut text = String::new();
            (&*files.file(local).unwrap()).read_to_string(&mut text).unwrap();
            assert_eq!(text, at.to_string());
            assert!(is_open(local));
        }
        assert_eq!(all.iter().filter(|local| is_open(local)).count(), MOST_OPEN);
        // Another file in its place, and none.
        std::fs::write(folder.path().join("0"), "another").unwrap();
        assert_eq!(files.file(&all[0]).unwrap_err().kind(), io::ErrorKind::Other);
        std::fs::remove_file(folder.path().join("1")).unwrap();
        assert_eq!(files.file(&all[1]).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
