//! Inputs worth keeping, those of one target in one file.
//!
//! In: inputs. Out: a file of them, each behind its length (four bytes, little-endian), the shortest
//! first. One file a target is one change a commit.

use std::path::{Path, PathBuf};
use std::{fs, io};

/// The file of `target` in the repository.
#[must_use]
pub fn path_of(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(format!("{target}.inputs"))
}

/// The inputs kept for `target`; none if there is no file.
///
/// # Errors
/// The file cannot be read, or is not one of this module.
pub fn read(target: &str) -> Result<Vec<Vec<u8>>, String> {
    let path = path_of(target);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(format!("{}: {error}", path.display())),
    };
    let (mut rest, mut inputs) = (bytes.as_slice(), Vec::new());
    while let Some((len, behind)) = rest.split_first_chunk::<4>() {
        let len = u32::from_le_bytes(*len) as usize;
        let Some((input, behind)) = behind.split_at_checked(len) else {
            return Err(format!("{}: ends inside an input", path.display()));
        };
        inputs.push(input.to_vec());
        rest = behind;
    }
    Ok(inputs)
}

/// Keeps `inputs` for `target`: the shortest, up to `most_bytes` in all. Answers how many.
///
/// # Errors
/// The file cannot be written.
pub fn write(target: &str, mut inputs: Vec<Vec<u8>>, most_bytes: usize) -> Result<usize, String> {
    inputs.sort_by(|a, b| a.len().cmp(&b.len()).then_with(|| a.cmp(b)));
    inputs.dedup();
    let (mut bytes, mut kept) = (Vec::new(), 0);
    for input in &inputs {
        if bytes.len() + 4 + input.len() > most_bytes {
            break;
        }
        bytes.extend((input.len() as u32).to_le_bytes());
        bytes.extend(input);
        kept += 1;
    }
    let path = path_of(target);
    let folder = path.parent().unwrap_or(&path);
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(&path, &bytes));
    written.map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(kept)
}

/// The inputs that are files of `folder`.
///
/// # Errors
/// The folder or a file cannot be read.
pub fn from_folder(folder: &Path) -> Result<Vec<Vec<u8>>, String> {
    let told = |error: io::Error| format!("{}: {error}", folder.display());
    let mut inputs = Vec::new();
    for entry in fs::read_dir(folder).map_err(told)? {
        let path = entry.map_err(told)?.path();
        if path.is_file() {
            inputs.push(fs::read(&path).map_err(told)?);
        }
    }
    Ok(inputs)
}

/// Writes `inputs` into files of `folder`, named after their places and lengths.
///
/// # Errors
/// The folder or a file cannot be written.
pub fn to_folder(inputs: &[Vec<u8>], folder: &Path) -> Result<(), String> {
    let told = |error: io::Error| format!("{}: {error}", folder.display());
    fs::create_dir_all(folder).map_err(told)?;
    for (place, input) in inputs.iter().enumerate() {
        let name = format!("kept-{place:05}-{}", input.len());
        fs::write(folder.join(name), input).map_err(told)?;
    }
    Ok(())
}
