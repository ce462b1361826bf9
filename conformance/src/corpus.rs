//! Where the corpus parquet-testing lies, and which files it has.
//!
//! In: the environment variable `PARQUET_TEST_DATA` (its `data` folder, as arrow-rs and Arrow C++ name
//! it). Out: paths relative to the folder above. Invariant: a test that needs the corpus and has none
//! says so; with `MILLWORK_REQUIRE_CORPUS=1` it fails.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

/// The folder of parquet-testing, or a sentence that says why there is none.
///
/// # Errors
/// `PARQUET_TEST_DATA` is unset or names no folder.
pub fn root() -> Result<PathBuf, String> {
    let data = std::env::var_os("PARQUET_TEST_DATA")
        .ok_or("PARQUET_TEST_DATA is unset: it names the folder `data` of parquet-testing")?;
    let data = PathBuf::from(data);
    match data.parent() {
        Some(root) if data.is_dir() => Ok(root.to_path_buf()),
        _ => Err(format!("PARQUET_TEST_DATA names no folder: {}", data.display())),
    }
}

/// Whether a missing corpus fails the test instead of skipping it.
#[must_use]
pub fn is_required() -> bool {
    std::env::var_os("MILLWORK_REQUIRE_CORPUS").as_deref() == Some(OsStr::new("1"))
}

/// Every file below the folders of `root`, `/` between the parts, sorted. Files directly in `root`
/// (its licence) are not the corpus.
///
/// # Errors
/// A folder cannot be listed.
pub fn files(root: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() && !entry.file_name().to_string_lossy().starts_with('.') {
            list(&entry.path(), &entry.file_name().to_string_lossy(), &mut found)?;
        }
    }
    found.sort();
    Ok(found)
}

fn list(folder: &Path, name: &str, found: &mut Vec<String>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{name}/{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            list(&entry.path(), &name, found)?;
        } else {
            found.push(name);
        }
    }
    Ok(())
}
