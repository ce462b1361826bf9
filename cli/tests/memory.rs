//! The program within little address space, on files of few bytes that say much.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Address space of the program, in bytes: code and stacks need some of it.
const ADDRESS_BYTES: u64 = 1_600 << 20;

/// The same for reading with little beside the budget of 512 MiB.
const LITTLE_BYTES: u64 = 900 << 20;

/// What one run of the program gave.
struct Run {
    code: Option<i32>,
    stderr: String,
}

/// Runs the program on `arguments` within `address_bytes`; what it prints is thrown away.
fn bounded(arguments: &[&str], stdin: Stdio, address_bytes: u64) -> Run {
    let script = format!("ulimit -v {} && exec \"$0\" \"$@\"", address_bytes >> 10);
    let output = Command::new("sh")
        .args(["-c", &script, env!("CARGO_BIN_EXE_millwork")])
        .args(arguments)
        .stdin(stdin)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .expect("it runs");
    Run {
        code: output.status.code(),
        stderr: String::from_utf8(output.stderr).expect("messages are text"),
    }
}

fn ends(arguments: &[&str], stdin: Stdio, code: i32, words: &str) {
    ends_within(ADDRESS_BYTES, arguments, stdin, code, words);
}

fn ends_within(address_bytes: u64, arguments: &[&str], stdin: Stdio, code: i32, words: &str) {
    let run = bounded(arguments, stdin, address_bytes);
    assert_eq!(run.code, Some(code), "{arguments:?}: {}", run.stderr);
    assert!(run.stderr.contains(words), "{arguments:?}: no {words:?} in {}", run.stderr);
}

/// A structure of Thrift's compact protocol.
#[derive(Clone, Default)]
struct Struct {
    bytes: Vec<u8>,
    last: u8,
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 128 {
        out.push(value as u8 | 128);
        value >>= 7;
    }
    out.push(value as u8);
}

fn list_header(kind: u8, len: usize) -> Vec<u8> {
    let mut bytes = vec![0xF0 | kind];
    varint(len as u64, &mut bytes);
    bytes
}

impl Struct {
    fn field(mut self, id: u8, kind: u8, value: &[u8]) -> Self {
        self.bytes.push((id - self.last) << 4 | kind);
        self.last = id;
        self.bytes.extend_from_slice(value);
        self
    }

    fn number(self, id: u8, kind: u8, value: u64) -> Self {
        let mut bytes = Vec::new();
        varint(value << 1, &mut bytes);
        self.field(id, kind, &bytes)
    }

    fn int32(self, id: u8, value: u64) -> Self {
        self.number(id, 5, value)
    }

    fn int64(self, id: u8, value: u64) -> Self {
        self.number(id, 6, value)
    }

    fn text(self, id: u8, text: &str) -> Self {
        let mut bytes = Vec::new();
        varint(text.len() as u64, &mut bytes);
        bytes.extend_from_slice(text.as_bytes());
        self.field(id, 8, &bytes)
    }

    fn inner(self, id: u8, inner: &Self) -> Self {
        self.field(id, 12, &inner.ended())
    }

    fn list(self, id: u8, items: &[Self]) -> Self {
        let mut bytes = list_header(12, items.len());
        items.iter().for_each(|item| bytes.extend(item.ended()));
        self.field(id, 9, &bytes)
    }

    fn ended(&self) -> Vec<u8> {
        [&self.bytes[..], &[0]].concat()
    }
}

/// A file of one column, text or numbers (`physical`: 6 or 1), in which all `rows` rows have entry 0 of
/// a dictionary of `entries` entries, which are `head` and zeros up to `len` bytes.
fn repeated(path: &Path, physical: u64, entries: u64, head: &[u8], len: u64, rows: u64) {
    let mut file = File::create(path).expect("a file");
    let mut write = |bytes: &[u8]| file.write_all(bytes).expect("written");
    let dictionary = Struct::default().int32(1, entries).int32(2, 0);
    let dictionary =
        Struct::default().int32(1, 2).int32(2, len).int32(3, len).inner(7, &dictionary).ended();
    let mut codes = vec![0];
    varint(rows << 1, &mut codes);
    let page = Struct::default().int32(1, rows).int32(2, 8).int32(3, 3).int32(4, 3);
    let size = codes.len() as u64;
    let page = Struct::default().int32(1, 0).int32(2, size).int32(3, size).inner(5, &page).ended();
    write(b"PAR1");
    write(&dictionary);
    write(head);
    let data = 4 + dictionary.len() as u64 + len;
    file.seek(SeekFrom::Start(data)).expect("behind zeros");
    let chunk_bytes = data - 4 + page.len() as u64 + size;
    let name: &[u8] = &[0x18, 1, b'a'];
    let metadata = Struct::default()
        .int32(1, physical)
        .field(2, 9, &[0x25, 0, 16])
        .field(3, 9, name)
        .int32(4, 0)
        .int64(5, rows)
        .int64(6, chunk_bytes)
        .int64(7, chunk_bytes)
        .int64(9, data)
        .int64(11, 4);
    let group = Struct::default()
        .list(1, &[Struct::default().int64(2, 4).inner(3, &metadata)])
        .int64(2, chunk_bytes)
        .int64(3, rows);
    let leaf = Struct::default().int32(1, physical).int32(3, 0).text(4, "a");
    let leaf = if physical == 6 { leaf.int32(6, 0) } else { leaf };
    let footer = Struct::default()
        .int32(1, 1)
        .list(2, &[Struct::default().text(4, "schema").int32(5, 1), leaf])
        .int64(3, rows)
        .list(4, &[group])
        .ended();
    let length = u32::try_from(footer.len()).expect("a small footer").to_le_bytes();
    for bytes in [&page[..], &codes, &footer, &length, b"PAR1"] {
        file.write_all(bytes).expect("written");
    }
}

/// A file whose 300 rows are the same text of 8 MiB.
fn long_text(folder: &Path, letter: u8) -> PathBuf {
    let path = folder.join("long.parquet");
    let len = 8u32 << 20;
    let entry = [&len.to_le_bytes()[..], &vec![letter; len as usize]].concat();
    repeated(&path, 6, 1, &entry, entry.len() as u64, 300);
    path
}

#[test]
fn repeated_long_values_are_shown_in_every_form() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = long_text(folder.path(), b'x');
    let path = path.to_str().expect("text");
    let query = format!("select a, a as b from '{path}'");
    for form in ["jsonl", "json", "csv", "table"] {
        ends(&["cat", path, "--untrusted", "--format", form], Stdio::null(), 0, "");
    }
    for form in ["jsonl", "table"] {
        ends(&["sql", &query, "--untrusted", "--format", form], Stdio::null(), 0, "");
    }
    let words = "a value of a has more than 4.2 MB of text";
    ends(&["cat", path, "--format", "markdown"], Stdio::null(), 6, words);
    ends(&["sql", &query, "--format", "markdown"], Stdio::null(), 6, words);
    // A control character: six letters of JSON for one byte.
    let path = long_text(folder.path(), 1);
    let path = path.to_str().expect("text");
    ends(&["cat", path, "--untrusted", "--limit", "60"], Stdio::null(), 0, "");
}

#[test]
fn a_row_of_a_large_dictionary_takes_no_memory_for_its_other_entries() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("entries.parquet");
    repeated(&path, 1, 60_000_000, &[], 240_000_000, 1_000);
    let path = path.to_str().expect("text");
    for form in ["jsonl", "csv", "table"] {
        let arguments = ["cat", path, "--untrusted", "--limit", "1", "--format", form];
        ends_within(LITTLE_BYTES, &arguments, Stdio::null(), 0, "");
    }
}

#[test]
fn standard_input_is_read_within_the_budget() {
    let zeros = |len: &str| {
        let mut child = Command::new("head")
            .args(["-c", len, "/dev/zero"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("it runs");
        let stdin = Stdio::from(child.stdout.take().expect("a pipe"));
        (child, stdin)
    };
    // A pipe of 6 GB is not read further than allowed.
    let words = "standard input is held in memory and has more than";
    for (arguments, len) in [
        (&["count", "-", "--untrusted"][..], "6000000000"),
        (&["count", "-", "--memory", "3MB"], "5000000"),
    ] {
        let (mut child, stdin) = zeros(len);
        ends_within(LITTLE_BYTES, arguments, stdin, 6, words);
        child.wait().expect("it ends");
    }
}

#[test]
fn meta_of_a_wide_file_is_written_as_it_is_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("wide.parquet");
    let names: Vec<String> = (0..100_000).map(|at| format!("c{at}")).collect();
    let mut schema = vec![Struct::default().text(4, "schema").int32(5, names.len() as u64)];
    schema.extend(names.iter().map(|name| Struct::default().int32(1, 1).int32(3, 1).text(4, name)));
    let bounds = Struct::default().int64(3, 0).field(5, 8, b"\x04abcd").field(6, 8, b"\x04abcd");
    let chunks: Vec<Struct> = names
        .iter()
        .map(|name| {
            let path = [&[0x18, name.len() as u8][..], name.as_bytes()].concat();
            let metadata = Struct::default()
                .int32(1, 1)
                .field(2, 9, &[0x25, 0, 16])
                .field(3, 9, &path)
                .int32(4, 0)
                .int64(5, 0)
                .int64(6, 0)
                .int64(7, 0)
                .int64(9, 4)
                .inner(12, &bounds);
            Struct::default().int64(2, 4).inner(3, &metadata)
        })
        .collect();
    let group = Struct::default().list(1, &chunks).int64(2, 0).int64(3, 0);
    let footer = Struct::default()
        .int32(1, 1)
        .list(2, &schema)
        .int64(3, 0)
        .list(4, &[group.clone(), group.clone(), group])
        .ended();
    let length = u32::try_from(footer.len()).expect("a footer").to_le_bytes();
    let bytes = [b"PAR1", &footer[..], &length, b"PAR1"].concat();
    std::fs::write(&path, bytes).expect("written");
    let path = path.to_str().expect("text");
    ends(&["meta", path, "--untrusted", "--format", "json"], Stdio::null(), 0, "");
    ends(&["meta", path, "--untrusted"], Stdio::null(), 0, "");
}

#[test]
fn too_little_space_for_a_thread_is_a_limit() {
    // Code and libraries take some of it, differently on each machine: somewhere a thread is refused.
    let mut refused = 0;
    for mebibytes in (80..640).step_by(20) {
        let run = bounded(&["sql", "select 1"], Stdio::null(), mebibytes << 20);
        if run.stderr.contains("no thread can be had") {
            assert_eq!(run.code, Some(6), "{mebibytes} MiB: {}", run.stderr);
            refused += 1;
        }
        assert_ne!(run.code, Some(7), "{mebibytes} MiB: {}", run.stderr);
    }
    assert!(refused > 0, "a thread is always had");
}
