//! The program as scripts see it: what it prints where, and with which exit code it ends.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// What one run of the program gave.
#[derive(Debug)]
struct Run {
    code: i32,
    stdout: String,
    stderr: String,
}

fn finished(output: Output) -> Run {
    Run {
        code: output.status.code().expect("an exit code"),
        stdout: String::from_utf8(output.stdout).expect("text"),
        stderr: String::from_utf8(output.stderr).expect("text"),
    }
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_millwork"));
    command.args(arguments).stdin(Stdio::null());
    command
}

fn millwork(arguments: &[&str]) -> Run {
    finished(command(arguments).output().expect("it runs"))
}

/// Runs, demands success and a silent stderr, and gives what was printed.
fn printed(arguments: &[&str]) -> String {
    let run = millwork(arguments);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{arguments:?}");
    run.stdout
}

/// Runs and demands an exit code, words on stderr, and nothing on stdout.
fn fails(arguments: &[&str], code: i32, words: &[&str]) {
    let run = millwork(arguments);
    assert_eq!(run.code, code, "{arguments:?} {run:?}");
    assert_eq!(run.stdout, "", "{arguments:?}");
    for word in words {
        assert!(run.stderr.contains(word), "{arguments:?}: no {word:?} in\n{}", run.stderr);
    }
    assert!(!run.stderr.contains("\x1b["), "colour without a terminal: {}", run.stderr);
}

fn lineitem() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/lineitem.parquet");
    path.canonicalize().expect("the file of the repository").display().to_string()
}

/// A folder that goes away with the value.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of text")
}

fn written(folder: &tempfile::TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, bytes).expect("written");
    path
}

#[test]
fn a_file_without_a_verb_is_summarised() {
    let summary = printed(&[&lineitem()]);
    for words in [
        "6 005 rows x 16 columns in 4 row groups, written by parquet-cpp-arrow version 26.0.1",
        "page index: all columns",
        "l_returnflag     VARCHAR",
        "1992-01-08 … 1998-11-27",
        "A … R",
    ] {
        assert!(summary.contains(words), "no {words:?} in\n{summary}");
    }
    let json: Value =
        serde_json::from_str(&printed(&[&lineitem(), "--format", "json"])).expect("JSON");
    assert_eq!(json["rows"], 6005);
    assert_eq!(json["columns"][10]["type"], "DATE");
}

#[test]
fn schema_and_meta_and_count_say_what_the_footer_says() {
    let schema = printed(&["schema", &lineitem()]);
    assert!(schema.contains("l_quantity       DECIMAL(15,2)  no    int64"), "{schema}");
    let json: Value =
        serde_json::from_str(&printed(&["schema", &lineitem(), "--format", "json"])).expect("JSON");
    assert_eq!(json["columns"][8]["name"], "l_returnflag");
    assert_eq!(json["columns"][8]["nullable"], false);
    let meta = printed(&["meta", &lineitem()]);
    assert!(meta.contains("row group 3: 5 rows") && meta.contains("ZSTD"), "{meta}");
    let json: Value =
        serde_json::from_str(&printed(&["meta", &lineitem(), "--format", "json"])).expect("JSON");
    assert_eq!(json["row_groups"].as_array().map(Vec::len), Some(4));
    assert_eq!(json["row_groups"][0]["columns"][8]["statistics"]["max"], "R");
    assert_eq!(printed(&["count", &lineitem()]), "6005\n");
}

#[test]
fn files_come_from_directories_patterns_and_standard_input() {
    let folder = folder();
    let bytes = fs::read(lineitem()).expect("read");
    written(&folder, "a.parquet", &bytes);
    written(&folder, "b.parquet", &bytes);
    written(&folder, "_unfinished.parquet", b"");
    written(&folder, "notes.txt", b"not a table");
    fs::create_dir(folder.path().join("below")).expect("made");
    written(&folder, "below/c.parquet", &bytes);
    assert_eq!(printed(&["count", text(folder.path())]), "18015\n");
    assert_eq!(printed(&["count", text(&folder.path().join("?.par*"))]), "12010\n");
    let stdin = fs::File::open(lineitem()).expect("opened");
    let run = command(&["count", "-"]).stdin(stdin).output().expect("it runs");
    assert_eq!(finished(run).stdout, "6005\n");
}

#[test]
fn what_is_not_there_is_exit_code_4() {
    let folder = folder();
    written(&folder, "trips.parquet", b"");
    let missing = folder.path().join("trip.parquet");
    fails(
        &["count", text(&missing)],
        4,
        &["error: file not found: ", "did you mean", "trips.parquet?"],
    );
    let nowhere = folder.path().join("no/such/file.parquet");
    fails(&[text(&nowhere)], 4, &["error: file not found: ", "help: there is no directory"]);
    let pattern = folder.path().join("x*.parquet");
    fails(&["cat", text(&pattern)], 4, &["error: no file matches "]);
    let empty = tempfile::tempdir().expect("a folder");
    let expected = format!("error: no Parquet files in {}", empty.path().display());
    fails(&["head", text(empty.path())], 4, &[&expected, "help: "]);
}

#[test]
fn what_is_not_parquet_is_exit_code_3_with_its_name_and_a_hint() {
    let folder = folder();
    let bytes = fs::read(lineitem()).expect("read");
    let half = bytes.get(..bytes.len() / 2).expect("half of it");
    for (name, bytes) in [
        ("notes.parquet", &b"just a few lines\nof text\n"[..]),
        ("empty.parquet", b""),
        ("half.parquet", half),
        ("magic.parquet", b"PAR1"),
    ] {
        let path = written(&folder, name, bytes);
        for verb in ["count", "cat", "schema", "meta"] {
            fails(
                &[verb, text(&path)],
                3,
                &["error: ", &format!("--> {}", text(&path)), "= help: "],
            );
        }
    }
}

#[test]
fn wrong_usage_is_exit_code_2() {
    fails(&["count"], 2, &["Usage:"]);
    fails(&["cat", "x.parquet", "--format", "xml"], 2, &["jsonl"]);
    fails(&["sql", "select 1", "--memory", "lots"], 2, &["expected a size like 64MB"]);
    fails(&["sql", "select 1", "--memory", "0.5"], 2, &["expected a size like 64MB"]);
    fails(&["cat", &lineitem(), "--columns", "l_shipdat"], 2, &["did you mean l_shipdate?"]);
    fails(&["hed", &lineitem()], 2, &["there is no verb hed", "did you mean head?"]);
    fails(&["hed"], 2, &["there is no verb hed", "did you mean head?"]);
    fails(&["hed.parquet"], 4, &["file not found: hed.parquet"]);
    fails(&["sql", "--formt", "csv", "select 1"], 2, &["--formt"]);
    fails(&["sql", "-f", "no_such.sql"], 4, &["file not found: no_such.sql"]);
}

#[test]
fn parts_of_nested_columns_are_chosen_by_path() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/nested/v2.parquet");
    let cat = |columns| {
        printed(&["head", text(&file), "--columns", columns, "--format", "jsonl", "--limit", "2"])
    };
    let expected = r#"{"people":[{"name":"a name of more than twelve bytes"},{"name":"Ada"}],"id":0}
{"people":[{"name":null}],"id":1}
"#;
    assert_eq!(cat("people.name, id"), expected);
    assert_eq!(cat("people[].name,id"), expected);
    assert_eq!(cat("people.list.element.name,id"), expected);
    assert_eq!(
        cat("people[].marks"),
        "{\"people\":[{\"marks\":[6,4]},{\"marks\":[]}]}\n{\"people\":[{\"marks\":[6,2]}]}\n"
    );
    fails(
        &["cat", text(&file), "--columns", "people.nam"],
        2,
        &["no column named people.nam", "people is STRUCT(name VARCHAR, born DATE"],
    );
}

#[test]
fn every_verb_has_help_with_an_example() {
    for verb in ["schema", "meta", "pages", "stats", "verify", "head", "cat", "count", "sql"] {
        let help = printed(&[verb, "--help"]);
        assert!(help.contains("Example"), "{verb}: {help}");
        assert!(help.contains(&format!("millwork {verb} ")), "{verb}: {help}");
    }
    assert!(printed(&["--version"]).starts_with("millwork 0."));
    assert!(printed(&["--help"]).contains("130 interrupted"));
}

#[test]
fn annotations_in_meta_are_those_of_schema() {
    let meta: Value =
        serde_json::from_str(&printed(&["meta", &lineitem(), "--format", "json"])).expect("JSON");
    let text = meta.to_string();
    assert!(text.contains(r#""logical_type":"DECIMAL(15,2)""#), "{text}");
    assert!(text.contains(r#""logical_type":"STRING""#), "{text}");
    assert!(!text.contains("Decimal {"), "{text}");
}

const FIRST_ROWS: &str = r#"{"l_shipdate":"1992-01-08","l_quantity":"38.00","l_comment":"ter the evenly final deposit"}
{"l_shipdate":"1992-01-13","l_quantity":"17.00","l_comment":"cross the sil"}
"#;
const SHORT_COLUMNS: &str = "l_shipdate,l_quantity,l_comment";

#[test]
fn rows_come_in_every_form() {
    let rows = |verb: &str, rest: &[&str]| {
        let file = lineitem();
        let mut arguments = vec![verb, &file, "--columns", SHORT_COLUMNS, "--limit", "2"];
        arguments.extend(rest);
        printed(&arguments)
    };
    assert_eq!(rows("cat", &[]), FIRST_ROWS);
    assert_eq!(rows("head", &["--format", "jsonl"]), FIRST_ROWS);
    assert_eq!(
        rows("cat", &["--format", "csv"]),
        "l_shipdate,l_quantity,l_comment\n1992-01-08,38.00,ter the evenly final deposit\n\
         1992-01-13,17.00,cross the sil\n"
    );
    assert_eq!(
        rows("cat", &["--format", "table"]),
        "┌────────────┬───────────────┬──────────────────────────────┐\n\
         │ l_shipdate │    l_quantity │ l_comment                    │\n\
         │ DATE       │ DECIMAL(15,2) │ VARCHAR                      │\n\
         ├────────────┼───────────────┼──────────────────────────────┤\n\
         │ 1992-01-08 │         38.00 │ ter the evenly final deposit │\n\
         │ 1992-01-13 │         17.00 │ cross the sil                │\n\
         └────────────┴───────────────┴──────────────────────────────┘\n\
         2 rows\n"
    );
    assert_eq!(
        rows("cat", &["--format", "markdown"]).lines().nth(1),
        Some("|------------|-----------:|------------------------------|")
    );
    let array: Value = serde_json::from_str(&rows("cat", &["--format", "json"])).expect("JSON");
    assert_eq!(array[1]["l_comment"], "cross the sil");
}

#[test]
fn limits_span_files_and_head_prints_ten() {
    let folder = folder();
    let bytes = fs::read(lineitem()).expect("read");
    written(&folder, "a.parquet", &bytes);
    written(&folder, "b.parquet", &bytes);
    let lines = |arguments: &[&str]| printed(arguments).lines().count();
    assert_eq!(lines(&["head", text(folder.path())]), 10);
    assert_eq!(lines(&["cat", text(folder.path())]), 12_010);
    assert_eq!(lines(&["cat", text(folder.path()), "--limit", "6010"]), 6_010);
    assert_eq!(printed(&["cat", text(folder.path()), "--limit", "0"]), "");
    // One header for all files.
    let csv = printed(&["cat", text(folder.path()), "--format", "csv", "--columns", "l_tax"]);
    assert_eq!(csv.matches("l_tax").count(), 1);
}

#[test]
fn a_page_whose_checksum_differs_is_named_with_the_switch_that_reads_on() {
    let folder = folder();
    let mut bytes = fs::read(lineitem()).expect("read");
    let meta: Value =
        serde_json::from_str(&printed(&["meta", &lineitem(), "--format", "json"])).expect("JSON");
    let chunk = &meta["row_groups"][1]["columns"][15];
    let next = &meta["row_groups"][2]["columns"][0]["dictionary_page_offset"];
    assert_eq!(chunk["path"], "l_comment");
    let last = next.as_u64().expect("an offset") as usize - 1;
    *bytes.get_mut(last).expect("the last byte of the chunk") ^= 0x10;
    let path = written(&folder, "flipped.parquet", &bytes);
    let run = millwork(&["cat", text(&path), "--columns", "l_comment"]);
    assert_eq!(run.code, 3, "{run:?}");
    for words in [
        "error: corrupt file: page checksum ",
        "flipped.parquet, row group 1, column \"l_comment\", page ",
        "rows are lost",
        "help: --no-checksum reads on without verifying",
    ] {
        assert!(run.stderr.contains(words), "no {words:?} in {}", run.stderr);
    }
    // What was read before is there: the first row group at least.
    assert!(run.stdout.lines().count() >= 2_000);
    let unverified = millwork(&["cat", text(&path), "--columns", "l_comment", "--no-checksum"]);
    assert!(!unverified.stderr.contains("checksum"), "{}", unverified.stderr);
}

#[test]
fn too_little_memory_is_exit_code_6_with_the_switch_that_allows_more() {
    let (little, file) = (["--memory", "20KB"], lineitem());
    for verb in [&["cat"][..], &["verify", "--deep"], &["pages"]] {
        let arguments = [verb, &[file.as_str()], &little].concat();
        let said = ["bytes do not fit the memory budget", "help: --memory SIZE allows more"];
        fails(&arguments, 6, &said);
    }
    let query = format!("select count(distinct l_comment) from '{file}'");
    let said = ["memory budget", "memory is held by", "help: --memory SIZE allows more"];
    fails(&["sql", &query, "--memory", "200KB"], 6, &said);
    printed(&["cat", &lineitem(), "--memory", "4MB", "--limit", "10"]);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child = command(&["cat", &lineitem()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
    assert!(line.starts_with("{\"l_orderkey\":5601,"), "{line}");
    let run = finished(child.wait_with_output().expect("it ends"));
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
}

#[test]
fn an_exit_code_does_not_depend_on_who_hears_the_message() {
    let Ok(full) = fs::File::options().write(true).open("/dev/full") else {
        println!("skipped: there is no /dev/full");
        return;
    };
    let folder = folder();
    let gone = folder.path().join("gone.parquet");
    let timed = ["sql", "select 1", "--timing", "json"];
    for (arguments, code) in [(&["count", text(&gone)][..], 4), (&["count"], 2), (&timed, 0)] {
        let stderr = full.try_clone().expect("the same");
        let mut status = command(arguments);
        status.stdout(Stdio::null()).stderr(stderr);
        assert_eq!(status.status().expect("it runs").code(), Some(code), "{arguments:?}");
    }
}

/// As lines and as a table: the broken page begins behind them.
#[test]
fn rows_before_a_broken_page_are_shown_in_every_form() {
    let file = wrong("checksum");
    for (form, begun) in [("jsonl", "{"), ("csv", ""), ("table", "┌"), ("markdown", "|")] {
        let run = millwork(&["cat", &file, "--format", form]);
        assert_eq!(run.code, 3, "{form}: {}", run.stderr);
        let lines = run.stdout.lines().count();
        assert!(
            run.stdout.starts_with(begun) && lines > 100 && lines < 900,
            "{form}: {lines} lines"
        );
        assert!(!run.stdout.contains(" rows\n"), "{form}: as if it were complete");
    }
}

fn wrong(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance/fixtures/wrong");
    folder.join(format!("{name}.parquet")).display().to_string()
}

#[test]
fn verify_ends_with_the_code_of_the_worst_finding() {
    let json = |arguments: &[&str], code: i32| {
        let run = millwork(arguments);
        assert_eq!((run.code, run.stderr.as_str()), (code, ""), "{arguments:?} {}", run.stdout);
        let lines = run.stdout.lines();
        lines.map(|line| serde_json::from_str(line).expect("JSON")).collect::<Vec<Value>>()
    };
    let deep =
        |name: &str, code| json(&["verify", "--deep", &wrong(name), "--format", "json"], code);
    let good = deep("good", 0).remove(0);
    assert_eq!((&good["status"], &good["wrong"]), (&"clean".into(), &0.into()));
    let statistics = deep("statistics", 1).remove(0);
    assert_eq!(statistics["status"], "wrong");
    let finding = &statistics["findings"][0];
    assert_eq!((&finding["check"], &finding["column"]), (&"statistics".into(), &"id".into()));
    let broken = deep("checksum", 3).remove(0);
    let finding = &broken["findings"][0];
    assert_eq!((&finding["severity"], &finding["row_group"]), (&"corrupt".into(), &1.into()));
    assert_eq!((&finding["page"], &finding["column"]), (&0.into(), &"share".into()));
    assert_eq!((&finding["first_row"], &finding["rows_lost"]), (&450.into(), &64.into()));
    assert!(finding["offset"].is_u64(), "{finding}");
    // Cheap looks see less; several files end with the worst.
    let cheap = json(&["verify", "--cheap", &wrong("checksum"), "--format", "json"], 0);
    assert_eq!(cheap[0]["not_looked_at"], "pages");
    let usual = json(&["verify", &wrong("statistics"), "--format", "json"], 0);
    assert_eq!(
        (&usual[0]["not_looked_at"], &good["not_looked_at"]),
        (&"values".into(), &Value::Null)
    );
    let files = [wrong("good"), wrong("checksum"), wrong("statistics")];
    let all = ["verify", "--deep", &files[0], &files[1], &files[2], "--format", "json"];
    assert_eq!(json(&all, 3).len(), 3);
    let folder = folder();
    let text = folder.path().join("no.parquet");
    fs::write(&text, "not a Parquet file at all").expect("written");
    let none = json(&["verify", &text.display().to_string(), "--format", "json"], 3).remove(0);
    assert_eq!(none["findings"][0]["check"], "open");
    fails(&["verify", "/nowhere.parquet"], 4, &["file not found"]);
}

/// What cannot be opened is a finding, and the next file is looked at.
#[test]
fn verify_goes_on_behind_files_that_do_not_open() {
    let folder = folder();
    let encrypted = written(&folder, "encrypted.parquet", b"PARE....\x04\0\0\0PARE");
    // 513 MiB of footer, which the file has, and no limit allows.
    let large = folder.path().join("large.parquet");
    let file = fs::File::create(&large).expect("created");
    file.set_len(514 << 20).expect("made longer");
    let mut tail = (513u32 << 20).to_le_bytes().to_vec();
    tail.extend(b"PAR1");
    std::os::unix::fs::FileExt::write_all_at(&file, &tail, (514 << 20) - 8).expect("written");
    let cut = written(&folder, "cut.parquet", b"PAR1....\xff\0\0\0PAR1");
    let good = wrong("good");
    for (bad, words) in [
        (&encrypted, ["unverified: open: the file is encrypted", "without a key"]),
        (&large, ["unverified: open: a footer of 537919488 bytes", "are allowed"]),
        (&cut, ["corrupt: open: a footer of 255 bytes in a file of 16", "cut.parquet"]),
    ] {
        let run = millwork(&["verify", "--deep", text(bad), &good]);
        assert_eq!((run.code, run.stderr.as_str()), (3, ""), "{}", run.stdout);
        for words in words.iter().chain(&["good.parquet: clean (900 rows"]) {
            assert!(run.stdout.contains(words), "{words} in {}", run.stdout);
        }
    }
    // A file that says something false does not hide one that cannot be verified.
    let run = millwork(&["verify", "--deep", text(&encrypted), &wrong("statistics")]);
    assert_eq!(run.code, 3, "{}", run.stdout);
}

#[test]
fn verify_says_what_it_did_not_look_at() {
    let good = wrong("good");
    assert!(printed(&["verify", &good]).ends_with("; values not looked at)\n"));
    assert!(printed(&["verify", "--cheap", &good]).ends_with("; pages not looked at)\n"));
    assert!(!printed(&["verify", "--deep", &good]).contains("not looked at"));
}

#[test]
fn verify_tells_people_what_is_lost() {
    let run = millwork(&["verify", &wrong("checksum")]);
    assert_eq!((run.code, run.stderr.as_str()), (3, ""));
    for words in [
        "corrupt: page-checksum",
        "row group 1, column \"share\", page 0, offset",
        "rows 450 .. 513",
    ] {
        assert!(run.stdout.contains(words), "{words} in {}", run.stdout);
    }
    assert!(printed(&["verify", "--deep", &lineitem()]).contains("clean"));
}

#[test]
fn pages_stats_and_meta_have_a_machine_form() {
    let lines = printed(&["pages", &wrong("good"), "--columns", "word", "--format", "json"]);
    let chunks: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(chunks.len(), 2);
    let pages = chunks[1]["pages"].as_array().expect("pages");
    assert_eq!((&pages[0]["type"], &pages[0]["page"]), (&"dictionary".into(), &Value::Null));
    assert!(pages.iter().all(|page| page["crc_state"] == "right"), "{}", chunks[1]);
    let first: Vec<u64> = pages[1..].iter().filter_map(|page| page["first_row"].as_u64()).collect();
    assert_eq!(first.len(), pages.len() - 1);
    assert!(first.is_sorted() && first[0] == 0, "{first:?}");
    assert_eq!(pages[1]["column_index"]["null_count"], 18);
    assert!(pages[1]["offset_index"]["offset"] == pages[1]["offset"]);
    let text = printed(&["pages", &wrong("checksum"), "--row-group", "1", "--columns", "share"]);
    assert!(text.contains("wrong") && text.contains("right"), "{text}");
    fails(&["pages", &wrong("good"), "--columns", "wort"], 2, &["did you mean word?"]);
    fails(&["pages", &wrong("good"), "--row-group", "2"], 2, &["which has 2"]);
    let stats: Value =
        serde_json::from_str(&printed(&["stats", &wrong("good"), "--format", "json"]))
            .expect("JSON");
    let word = &stats["columns"][1];
    assert_eq!((&word["values"], &word["nulls"]), (&900.into(), &129.into()));
    assert_eq!((&word["min"], &word["max"]), (&"word 0002".into(), &"word 0999".into()));
    assert!(word["ratio"].is_f64());
    let meta: Value = serde_json::from_str(&printed(&["meta", &wrong("good"), "--format", "json"]))
        .expect("JSON");
    let chunk = &meta["row_groups"][1]["columns"][1];
    assert!(chunk["bloom_filter_offset"].is_u64() && chunk["bloom_filter_length"].is_u64());
    assert!(chunk["encoding_stats"].as_array().is_some_and(|stats| stats.len() == 2), "{chunk}");
    assert_eq!(
        chunk["size_statistics"]["definition_level_histogram"].as_array().map(Vec::len),
        Some(2)
    );
    assert_eq!(meta["schema"].as_array().map(Vec::len), Some(4));
    assert_eq!(meta["row_groups"][0]["sorting_columns"][0]["column"], "id");
}

/// The file of wrong files that is right, with `count` bytes of 0xFF at what `offset` finds in the metadata of
/// the second column of the second row group.
fn broken_at(folder: &tempfile::TempDir, offset: impl Fn(&Value) -> Option<u64>) -> PathBuf {
    let good = wrong("good");
    let meta: Value =
        serde_json::from_str(&printed(&["meta", &good, "--format", "json"])).expect("JSON");
    let offset = offset(&meta["row_groups"][1]["columns"][1]).expect("an offset") as usize;
    let mut bytes = fs::read(&good).expect("read");
    bytes[offset..offset + 4].fill(0xFF);
    written(folder, "broken.parquet", &bytes)
}

#[test]
fn pages_say_which_index_is_broken() {
    let folder = folder();
    for (name, member) in [("offset index", "offset_index"), ("column index", "column_index")] {
        let path = broken_at(&folder, |chunk| chunk[member]["offset"].as_u64());
        let run = millwork(&["pages", text(&path)]);
        assert_eq!(run.code, 1, "{name}: {run:?}");
        assert!(run.stdout.contains(&format!("the {name} is broken: ")), "{}", run.stdout);
        let run = millwork(&["pages", text(&path), "--format", "json"]);
        assert!(
            run.code == 1 && run.stdout.contains(&format!("{{\"index\":\"{name}\"")),
            "{run:?}"
        );
    }
    let path = broken_at(&folder, |chunk| chunk["bloom_filter_offset"].as_u64());
    let run = millwork(&["pages", text(&path)]);
    assert!(run.code == 1 && run.stdout.contains("the bloom filter is broken: "), "{run:?}");
}

#[test]
fn pages_go_on_behind_a_chunk_that_is_broken() {
    let folder = folder();
    let path = broken_at(&folder, |chunk| chunk["data_page_offset"].as_u64());
    let whole = printed(&["pages", &wrong("good")]).matches("row group").count();
    let run = millwork(&["pages", text(&path)]);
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.stderr.contains("corrupt file"), "{}", run.stderr);
    assert_eq!(run.stdout.matches(", row group").count(), whole, "{}", run.stdout);
}

#[test]
fn patterns_name_directories_too() {
    let folder = folder();
    let bytes = fs::read(lineitem()).expect("read");
    for name in ["a", "b"] {
        fs::create_dir(folder.path().join(name)).expect("made");
        fs::write(folder.path().join(name).join("x.parquet"), &bytes).expect("written");
    }
    for pattern in ["*/*.parquet", "**/x.parquet", "[ab]/x.parquet", "{a,b}/?.parquet"] {
        let pattern = folder.path().join(pattern);
        assert_eq!(printed(&["count", text(&pattern)]), "12010\n", "{pattern:?}");
        let query = format!("select count(*) from '{}'", text(&pattern));
        let counted = printed(&["sql", &query, "--format", "csv"]);
        assert!(counted.ends_with("\n12010\n"), "{pattern:?}: {counted}");
    }
}

#[test]
fn pipes_are_read_as_standard_input_is() {
    let script = "cat \"$1\" | \"$0\" count /dev/stdin && mkfifo \"$2\" && (cat \"$1\" >\"$2\" & \
                  \"$0\" count \"$2\")";
    let folder = folder();
    let pipe = folder.path().join("pipe");
    let output = Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_millwork"), &lineitem(), text(&pipe)])
        .output()
        .expect("it runs");
    let run = finished(output);
    assert_eq!((run.code, run.stdout.as_str()), (0, "6005\n6005\n"), "{}", run.stderr);
}

#[test]
fn a_terminal_is_told_nothing_by_a_file() {
    let folder = folder();
    let bytes = fs::read(lineitem()).expect("read");
    let (name, evil) = (b"l_shipdate", b"l_\x1b[31mate");
    let mut changed = bytes.clone();
    for at in 0..bytes.len() - name.len() {
        if bytes[at..].starts_with(name) {
            changed[at..at + name.len()].copy_from_slice(evil);
        }
    }
    let path = written(&folder, "evil.parquet", &changed);
    let path = text(&path);
    for verb in [&[][..], &["schema"], &["meta"], &["stats"], &["pages"]] {
        let shown = printed(&[verb, &[path]].concat());
        assert!(!shown.contains('\x1b'), "{verb:?}: {shown}");
        assert!(shown.contains("l_\\u{1b}[31mate"), "{verb:?}: {shown}");
    }
    let table = printed(&["head", path, "--format", "table"]);
    assert!(!table.contains('\x1b') && table.contains("l_\u{241b}[31mate"), "{table}");
    let run = millwork(&["cat", path, "--columns", "\x1b[2J"]);
    assert!(run.code == 2 && !run.stderr.contains('\x1b'), "{}", run.stderr);
    // Programs get what is there.
    assert!(printed(&["head", path, "--format", "csv"]).contains("l_\x1b[31mate"));
}

fn corner(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance/fixtures/corners");
    folder.join(format!("{name}.parquet")).display().to_string()
}

#[test]
fn a_column_is_asked_for_by_the_name_it_is_shown_with() {
    let twins = corner("twins");
    let all = r#"{"a":1,"a_1":"x","b":3.5,"a_1_1":9,"s":{"x":1,"x_1":2}}"#;
    assert_eq!(printed(&["cat", &twins, "--format", "jsonl"]).trim_end(), all);
    for (columns, row) in [
        ("a_1", r#"{"a_1":"x"}"#),
        ("a_1_1,a", r#"{"a_1_1":9,"a":1}"#),
        ("s.x_1", r#"{"s":{"x_1":2}}"#),
    ] {
        let rows = printed(&["cat", &twins, "--format", "jsonl", "--columns", columns]);
        assert_eq!(rows.trim_end(), row, "{columns}");
    }
    let nested =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance/fixtures/nested.parquet");
    let nested = nested.display().to_string();
    for (columns, leaf) in [("items[].sku", "items"), ("P.X", "p.x"), ("m.key", "m.")] {
        let pages = printed(&["pages", &nested, "--columns", columns, "--format", "json"]);
        let pages: Vec<Value> =
            pages.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let is_leaf =
            |page: &Value| page["column"].as_str().is_some_and(|own| own.starts_with(leaf));
        assert!(!pages.is_empty() && pages.iter().all(is_leaf), "{columns}: {pages:?}");
    }
}

#[test]
fn bounds_of_decimals_wider_than_38_digits_are_those_of_the_rows() {
    // Bloom filters too.
    assert!(printed(&["verify", "--deep", &corner("wide")]).contains("wide.parquet: clean ("));
    let stats = printed(&["stats", &corner("wide"), "--format", "json"]);
    let stats: Value = serde_json::from_str(&stats).expect("JSON");
    for (column, (min, max)) in
        [("-0.5000000000", "1.5000000000"), ("-0.50", "1.50"), ("-0.50", "1.50")].iter().enumerate()
    {
        let told = &stats["columns"][column];
        assert_eq!(
            (told["min"].as_str(), told["max"].as_str()),
            (Some(*min), Some(*max)),
            "{told}"
        );
    }
    // 1.49 as the largest, where there is 1.50.
    let mut bytes = fs::read(corner("wide")).expect("the fixture");
    let largest = [&[0; 16][..], &[150]].concat();
    let at = bytes.windows(largest.len()).rposition(|own| own == largest).expect("its largest");
    bytes[at + 16] -= 1;
    let folder = folder();
    let run = millwork(&["verify", "--deep", text(&written(&folder, "narrow.parquet", &bytes))]);
    assert_eq!(run.code, 1, "{}", run.stdout);
    assert!(run.stdout.contains("1.50") && run.stdout.contains("1.49"), "{}", run.stdout);
}

/// We do not go by bounds of a writer who is known for false ones, but others do.
#[test]
fn bounds_that_are_not_believed_are_told_if_they_are_false() {
    let file = format!(
        "{}/../conformance/fixtures/interop/old/bounds.polars.parquet",
        env!("CARGO_MANIFEST_DIR")
    );
    let run = millwork(&["verify", "--deep", &file]);
    assert_eq!(run.code, 1, "{}", run.stdout);
    for column in ["column \"low\"", "column \"high\""] {
        assert!(run.stdout.contains(column), "{column} in {}", run.stdout);
    }
    let found = printed(&[
        "sql",
        "--format",
        "csv",
        &format!("select count(*) from '{file}' where low = ''"),
    ]);
    assert!(found.ends_with("\n1\n"), "{found}");
}

#[test]
fn names_in_a_file_write_no_lines_of_their_own() {
    let forged = |shown: &str| shown.lines().any(|line| line.starts_with("lines.parquet"));
    for verb in ["pages", "schema", "stats", "meta"] {
        let shown = printed(&[verb, &corner("lines")]);
        assert!(shown.contains("lines.parquet") && !forged(&shown), "{verb}: {shown}");
    }
    let bytes = fs::read(corner("lines")).expect("the fixture");
    let (writer, evil) = (b"parquet-cpp-arrow", b"\nlines.parquet: c");
    let at = bytes.windows(writer.len()).rposition(|own| own == writer).expect("its writer");
    let mut signed = bytes.clone();
    signed[at..at + writer.len()].copy_from_slice(evil);
    let folder = folder();
    let signed = written(&folder, "signed.parquet", &signed);
    for verb in [&[][..], &["meta"]] {
        let shown = printed(&[verb, &[text(&signed)]].concat());
        assert!(shown.contains("\\u{a}lines.parquet: c") && !forged(&shown), "{verb:?}: {shown}");
    }
    let explained = printed(&["sql", &format!("explain select * from '{}'", corner("lines"))]);
    assert!(explained.contains("lines.parquet") && !forged(&explained), "{explained}");
    let mut bytes = bytes;
    bytes[4..12].fill(0xff);
    let broken = written(&folder, "broken.parquet", &bytes);
    for verb in ["verify", "cat"] {
        let run = millwork(&[verb, text(&broken)]);
        let shown = run.stdout + &run.stderr;
        assert_eq!(run.code, 3, "{verb}: {shown}");
        assert!(shown.contains("lines.parquet: clean\"") && !forged(&shown), "{verb}: {shown}");
    }
}

#[test]
fn findings_in_json_always_have_the_same_keys() {
    let folder = folder();
    let path = written(&folder, "short.parquet", b"PAR1\0\0\0\0PAR1");
    let run = millwork(&["verify", "--format", "json", text(&path)]);
    assert_eq!(run.code, 3);
    let opened: Value = serde_json::from_str(&run.stdout).expect("JSON");
    let run = millwork(&["verify", "--format", "json", &wrong("checksum")]);
    let paged: Value = serde_json::from_str(&run.stdout).expect("JSON");
    let keys = |report: &Value| -> Vec<String> {
        report["findings"][0].as_object().expect("a finding").keys().cloned().collect()
    };
    assert_eq!(keys(&opened), keys(&paged));
}

#[test]
fn verify_tells_what_it_found_before_memory_ran_out_and_goes_on() {
    let mut bytes = fs::read(lineitem()).expect("the file of the repository");
    bytes[5000] ^= 1;
    let folder = folder();
    let broken = written(&folder, "broken.parquet", &bytes);
    // Enough for the first column, which is broken, and not for the last.
    let files = [text(&broken), &*wrong("checksum")];
    let run =
        millwork(&[&["verify", "--format", "json", "--memory", "180KB"], &files[..]].concat());
    let reports: Vec<Value> =
        run.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let told: Vec<(&str, usize)> = reports
        .iter()
        .map(|report| {
            let findings = report["findings"].as_array().expect("findings");
            (report["status"].as_str().expect("a status"), findings.len())
        })
        .collect();
    assert_eq!((run.code, told), (6, vec![("unfinished", 1), ("corrupt", 1)]), "{}", run.stderr);
    let run = millwork(&["verify", &lineitem(), &lineitem(), "--memory", "20KB"]);
    assert_eq!((run.code, run.stderr.matches("memory budget").count()), (6, 2), "{}", run.stderr);
}
