//! `millwork sql` as scripts see it: results, timing, messages and exit codes.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod asked;

use std::fs;
use std::process::{Command, Stdio};

use asked::{csv, fails, fails_in, sql, sql_in, testdata};

#[test]
fn groups_sums_and_counts_are_duckdbs() {
    let groups =
        csv("select l_returnflag, l_linestatus, sum(l_quantity) as quantity, count(*) as \
         orders from 'lineitem.parquet' group by 1, 2");
    let mut lines: Vec<&str> = groups.lines().collect();
    assert_eq!(lines.remove(0), "l_returnflag,l_linestatus,quantity,orders");
    lines.sort_unstable();
    assert_eq!(
        lines,
        ["A,F,37474.00,1478", "N,F,1041.00,38", "N,O,77372.00,3032", "R,F,36511.00,1457"]
    );
    assert_eq!(
        csv("select sum(l_extendedprice * l_discount) as revenue from 'lineitem.parquet' where \
             l_shipdate >= date '1994-01-01' and l_shipdate < date '1995-01-01' and l_discount \
             between 0.05 and 0.07 and l_quantity < 24"),
        "revenue\n77949.9186\n"
    );
}

#[test]
fn intervals_have_signs_and_arithmetic() {
    let query = "select interval '-1' day as a, - interval '1' day as b, interval '1.5 days' as c, \
                 timestamp '2020-01-03 01:00:00' - timestamp '2020-01-01' as d, interval (1+1) day \
                 as e, time '10:00:00' + interval 15 hours as f";
    assert_eq!(
        csv(query),
        "a,b,c,d,e,f\n-1 day,-1 day,1 day 12:00:00,2 days 01:00:00,2 days,01:00:00\n"
    );
    let run = sql(&["select interval '-1 day 0.5 ms' as a", "--format", "jsonl"]);
    assert_eq!(run.stdout, "{\"a\":{\"months\":0,\"days\":-1,\"millis\":0.5}}\n");
    assert_eq!(
        csv("select i in (interval '24 hours') as a, extract(hour from i) as b from (values \
             (interval '1 day'), (interval '-1 hour')) t(i) order by i desc"),
        "a,b\ntrue,0\nfalse,-1\n"
    );
    fails("select interval 2 quarters", 5, &["expected a unit", "INTERVAL '2 quarters'"]);
    fails("select interval '1 day' / 0", 5, &["division by zero"]);
}

#[test]
fn a_subquery_for_one_value_has_one_row() {
    let words = ["more than one row", "LIMIT 1"];
    fails("select (select b from (values (2), (3)) s(b))", 5, &words);
    fails(
        "select (select b from (values (1, 2), (1, 3)) s(k, b) where k = t.a) from (values (1)) \
         t(a)",
        5,
        &words,
    );
    let rows = "(values (1), (2), (null)) t(a)";
    assert_eq!(
        csv(&format!(
            "select a, (select b from (values (1, 7), (3, 8), (3, 9)) s(k, b) where k = t.a) as b, \
             exists (select 1 from (values (2)) s(k) where k = t.a) as c, a in (select k from \
             (values (1), (null)) s(k)) as d, a not in (select k from (values (1)) s(k)) as e from \
             {rows} order by 1"
        )),
        "a,b,c,d,e\n1,7,false,true,false\n2,,true,,true\n,,false,,\n"
    );
    assert_eq!(
        csv(&format!(
            "select a from {rows} where a = 2 or exists (select 1 from (values (1)) s(k) where k = \
             t.a) order by 1"
        )),
        "a\n1\n2\n"
    );
    // A grouping without keys has a row where nothing matches, too.
    fails(
        "select a from (values (1)) t(a) where exists (select max(k) from (values (2)) s(k) where k = t.a)",
        5,
        &["a subquery here that uses columns of the query around it"],
    );
    fails(
        "select a in (select b from (values (1)) s(b) where b > t.a) from (values (1)) t(a)",
        5,
        &["columns of the query around it", "EXISTS"],
    );
}

/// The answers are DuckDB's.
#[test]
fn rows_of_two_queries_are_told_apart() {
    let cases = [
        (
            "select * from (values (1), (2), (2), (null)) t(a) except select * from (values \
             (2), (5)) s(a) order by 1",
            "a\n1\n\n",
        ),
        (
            "select * from (values (1), (2), (2), (null)) t(a) intersect select * from (values \
             (2), (null)) s(a) order by 1",
            "a\n2\n\n",
        ),
        ("select 1 as a union select 2 except select 1 order by a", "a\n2\n"),
        ("select 1 as a union all select 2 intersect select 2 order by a", "a\n1\n2\n"),
        ("select 1 as a, 'x' as b except select 1.5, 'x'", "a,b\n1.0,x\n"),
        ("select [1, 2] as l intersect select [1, 2]", "l\n\"[1, 2]\"\n"),
    ];
    for (query, rows) in cases {
        assert_eq!(csv(query), rows, "{query}");
    }
    fails("select 1 except all select 1", 5, &["EXCEPT ALL"]);
    fails("select 1 intersect select 1, 2", 5, &["INTERSECT: expected 1 columns, found 2"]);
}

/// The answers are DuckDB's.
#[test]
fn a_full_join_has_the_rows_of_both_sides() {
    let cases = [
        (
            "select t.a, s.a as b from (values (1), (2), (null)) t(a) full join (values (2), \
             (3), (null)) s(a) on t.a = s.a order by 1 nulls first, 2 nulls first",
            "a,b\n,\n,\n,3\n1,\n2,2\n",
        ),
        (
            "select t.a, s.a as b, c from (values (1), (2)) t(a) full join (values (2, 'p'), \
             (3, 'q')) s(a, c) on t.a < s.a and c <> 'p' order by 1, 2",
            "a,b,c\n1,3,q\n2,3,q\n,2,p\n",
        ),
        (
            "select count(*) as n, sum(t.a) as x, sum(s.a) as y from (values (1), (2)) t(a) \
             full join (values (10), (20)) s(a) on false",
            "n,x,y\n4,3,30\n",
        ),
        (
            "select count(*) as n, sum(a.l_quantity) as q, sum(b.l_linenumber) as m from \
             (select * from 'lineitem.parquet' where l_linenumber = 1) a full join (select * \
             from 'lineitem.parquet' where l_linenumber = 2) b on a.l_orderkey = b.l_orderkey",
            "n,q,m\n1500,37958.00,2582\n",
        ),
    ];
    for (query, rows) in cases {
        assert_eq!(csv(query), rows, "{query}");
    }
    let using = "select * from (values (1)) t(a) full join (values (1)) s(a) using (a)";
    fails(using, 5, &["FULL JOIN takes a condition after ON"]);
}

#[test]
fn a_directory_is_a_table() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["a.parquet", "b.parquet"] {
        fs::copy(testdata().join("lineitem.parquet"), folder.path().join(name)).expect("copied");
    }
    let run = sql_in(folder.path(), &["select count(*) as n from '.'", "--format", "csv"]);
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (0, "n\n12010\n", ""));
    let list = "select count(*) as n from read_parquet(['a.parquet', 'b*.parquet', 'a.parquet'])";
    let run = sql_in(folder.path(), &[list, "--format", "csv"]);
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (0, "n\n18015\n", ""));
    fails_in(folder.path(), "select 1 from read_parquet([])", 5, &["a path, as text"]);
    fails_in(folder.path(), "select 1 from read_parquet(['a.parquet', 1])", 5, &["list of paths"]);
}

#[test]
fn statements_follow_one_another_with_a_header_each() {
    assert_eq!(csv("select 1 as a; select 'x,y' as b, null as c;"), "a\n1\nb,c\n\"x,y\",\n");
    let run = sql(&["select 1 as a; select 2 as b", "--format", "jsonl"]);
    assert_eq!(run.stdout, "{\"a\":1}\n{\"b\":2}\n");
    assert_eq!(
        sql(&["-c", "select 1 as a"]).stdout,
        "┌─────────┐\n│       a │\n│ INTEGER │\n├─────────┤\n│       1 │\n└─────────┘\n1 row\n"
    );
}

#[test]
fn timing_is_a_line_a_statement_on_stderr() {
    let query = "select count(*) from 'lineitem.parquet'; select 1";
    let run = sql(&[query, "--format", "csv", "--timing", "json"]);
    assert_eq!(run.code, 0, "{run:?}");
    let lines: Vec<serde_json::Value> =
        run.stderr.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 2, "{}", run.stderr);
    for (number, line) in (1..).zip(&lines) {
        assert_eq!(line["statement"], number);
        assert_eq!(line["rows"], 1);
        assert!(line["elapsed_ms"].as_f64().is_some_and(|elapsed| elapsed > 0.0), "{line}");
    }
}

#[test]
fn statements_come_from_a_file_or_standard_input() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = folder.path().join("two.sql");
    fs::write(&script, "-- two\nselect 1 as a;\nselect 2 as a;\n").expect("written");
    let path = script.to_str().expect("a path of text");
    assert_eq!(sql(&["-f", path, "--format", "csv"]).stdout, "a\n1\na\n2\n");
    for arguments in [
        &["sql", "-f", "/dev/stdin", "--format", "csv"][..],
        &["sql", "-f", "-", "--format", "csv"],
        &["sql", "--format", "csv"],
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_millwork"))
            .args(arguments)
            .stdin(fs::File::open(&script).expect("opened"))
            .output()
            .expect("it runs");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "a\n1\na\n2\n", "{arguments:?}");
    }
}

#[test]
fn a_file_of_rows_appears_only_when_it_is_complete() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("rows.csv");
    let name = path.to_str().expect("a path of text");
    let run = sql(&["select 7 as a", "--format", "csv", "-o", name]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""));
    assert_eq!(fs::read_to_string(&path).expect("read"), "a\n7\n");
    fs::remove_file(&path).expect("removed");
    let run = sql(&["select 7 as a; select nothing", "--format", "csv", "-o", name]);
    assert_eq!(run.code, 5);
    assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 0);
    // A link goes on leading to the file.
    let link = folder.path().join("link.csv");
    fs::write(&path, "before").expect("written");
    std::os::unix::fs::symlink("rows.csv", &link).expect("linked");
    let name = link.to_str().expect("a path of text");
    assert_eq!(sql(&["select 8 as a", "--format", "csv", "-o", name]).code, 0);
    assert!(link.is_symlink());
    assert_eq!(fs::read_to_string(&path).expect("read"), "a\n8\n");
    if let Ok(shared) = tempfile::tempdir_in("/dev/shm") {
        let path = shared.path().join("rows.csv");
        let name = path.to_str().expect("a path of text");
        assert_eq!(sql(&["select 8 as a", "--format", "csv", "-o", name]).code, 0);
        assert_eq!(fs::read_to_string(&path).expect("read"), "a\n8\n");
    }
    let run = sql(&["select 9 as a", "--format", "csv", "-o", "/dev/stdout"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, "a\n9\n"));
}

#[test]
fn a_file_that_is_not_there_is_exit_code_4_whatever_its_name() {
    for from in
        ["'gone.parquet'", "read_parquet('gone')", "read_parquet(['lineitem.parquet', 'gone'])"]
    {
        let run = sql(&[&format!("select * from {from}")]);
        assert_eq!(run.code, 4, "{from}: {}", run.stderr);
        assert!(run.stderr.contains("file not found: gone"), "{from}: {}", run.stderr);
    }
    // Without a path it is the name of a view, too.
    assert_eq!(sql(&["select * from gone"]).code, 5);
}

#[test]
fn the_first_error_stops_and_what_came_before_is_printed() {
    let run = sql(&["select 1 as a; select b; select 2 as c", "--format", "csv"]);
    assert_eq!((run.code, run.stdout.as_str()), (5, "a\n1\n"));
    assert!(run.stderr.starts_with("error: "), "{}", run.stderr);
}

#[test]
fn sql_that_is_wrong_is_exit_code_5_with_its_place() {
    let words = ["error: ", "expected", "found", " --> query:1:", "^", "as in SELECT * FROM"];
    fails("select", 5, &words);
    fails("select 0xff", 5, &["0xff", "x'ff'"]);
    fails(
        "select l_shipdat from 'lineitem.parquet'",
        5,
        &["l_shipdat", "--> query:1:8", "^^^^^^^^^", "help: did you mean l_shipdate?"],
    );
    fails("-- a comment\nselect sume(1)", 5, &["unknown function sume", "--> query:2:8"]);
    fails("select cast('abc' as integer)", 5, &["cannot convert 'abc' to INTEGER"]);
    fails("select 1 from nowhere", 5, &["nowhere"]);
}

#[test]
fn files_that_are_not_there_or_not_parquet_have_their_exit_codes() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, bytes: &[u8]| {
        fs::write(folder.path().join(name), bytes).expect("written");
    };
    let bytes = fs::read(testdata().join("lineitem.parquet")).expect("read");
    write("half.parquet", bytes.get(..bytes.len() / 2).expect("half of it"));
    write("empty.parquet", b"");
    write("notes.parquet", b"just a few lines\nof text\n");
    fs::create_dir(folder.path().join("below")).expect("made");
    let cases: [(&str, i32, &str); 5] = [
        ("missing.parquet", 4, "error: file not found: missing.parquet"),
        ("below", 4, "error: no Parquet files in below"),
        ("half.parquet", 3, "half.parquet"),
        ("empty.parquet", 3, "empty.parquet"),
        ("notes.parquet", 3, "notes.parquet"),
    ];
    for (name, code, words) in cases {
        let query = format!("select count(*) from '{name}'");
        let place = ["--> query:1:22", "                      ^^^^^"];
        fails_in(folder.path(), &query, code, &["error: ", words, "= help: ", place[0], place[1]]);
    }
}

#[test]
fn nested_columns_are_carried_through_queries() {
    let rows = fs::read_to_string(testdata().join("nested/v1_inside_rows.jsonl")).expect("rows");
    let rows: Vec<&str> = rows.lines().collect();
    let lines = |query: &str| {
        let run = sql(&[query, "--format", "jsonl"]);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{query}");
        run.stdout.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let file = "from 'nested/v1_inside_rows.parquet'";
    let chosen: Vec<&str> = rows
        .iter()
        .rev()
        .enumerate()
        .filter(|(at, _)| (159 - at) % 7 == 3)
        .map(|(_, row)| *row)
        .collect();
    assert_eq!(lines(&format!("select * {file} where id % 7 = 3 order by id desc")), chosen);
    assert_eq!(
        lines(&format!("select l.* {file} l join (select id {file}) r on l.id = r.id order by 1")),
        rows
    );
    let empty = rows.iter().filter(|row| row.contains(r#""people":[],"#)).count();
    assert_eq!(
        lines(&format!("select people, count(*) n {file} group by people order by n desc limit 1")),
        [format!(r#"{{"people":[],"n":{empty}}}"#)]
    );
    let missing = rows.iter().filter(|row| row.contains(r#""numbers":null"#)).count();
    assert_eq!(
        csv(&format!("select count(*) - count(numbers) n {file}")),
        format!("n\n{missing}\n")
    );
}

#[test]
fn a_division_by_zero_is_an_error_where_a_row_needs_it() {
    for (query, what) in [
        ("select 1 // 0", "division by zero: 1 // 0"),
        ("select 1.5 // 0", "division by zero: 1.5 // 0.0"),
        ("select 1.5 % 0", "division by zero: 1.5 % 0.0"),
        ("select mod(7, 0)", "division by zero: 7 % 0"),
        ("select sum(10 // (l_linenumber - 1)) from 'lineitem.parquet'", "10 // 0"),
        ("select 1 from 'lineitem.parquet' where 10 % (l_linenumber - 7) > 0", "10 % 0"),
    ] {
        fails(query, 5, &[what, "nullif"]);
    }
    let linenumbers = "from 'lineitem.parquet'";
    for (query, expected) in [
        ("select 1 / 0 as x, 1e0 % 0 as y, null // 0 as z", "x,y,z\ninf,nan,\n"),
        ("select case when false then 1 // 0 end as x, coalesce(1, 1 // 0) as y", "x,y\n,1\n"),
        ("select 7 // nullif(0, 0) as x where true or 1 // 0 = 1", "x\n\n"),
    ] {
        assert_eq!(csv(query), expected, "{query}");
    }
    // Guards: CASE, a condition before it, a filter below it, a filter of the aggregate's input.
    let sum = "sum(10 // (l_linenumber - 1)) as x";
    let guarded = "sum(case when l_linenumber = 1 then 0 else 10 // (l_linenumber - 1) end) as x";
    let positive = "10 // (l_linenumber - 1) > 4";
    for (query, expected) in [
        (format!("select {sum} {linenumbers} where l_linenumber <> 1"), "23220"),
        (format!("select {guarded} {linenumbers}"), "23220"),
        (
            format!("select count(*) as x {linenumbers} where l_linenumber <> 1 and {positive}"),
            "2368",
        ),
        (
            format!(
                "select count(*) as x from (select * {linenumbers} where l_linenumber <> 1) where \
                 {positive}"
            ),
            "2368",
        ),
        (
            format!(
                "select count(*) - 1500 as x {linenumbers} where l_linenumber = 1 or {positive}"
            ),
            "2368",
        ),
    ] {
        assert_eq!(csv(&query), format!("x\n{expected}\n"), "{query}");
    }
}

#[test]
fn too_little_memory_is_exit_code_6_and_names_who_holds_it() {
    let query = "select l_orderkey, l_linenumber, count(*) from 'lineitem.parquet' group by 1, 2";
    let run = sql(&["--memory", "300KB", query]);
    assert_eq!((run.code, run.stdout.as_str()), (6, ""), "{run:?}");
    assert!(run.stderr.contains("held by") && run.stderr.contains("aggregate"), "{run:?}");
    let query = "select * from 'lineitem.parquet' order by l_comment";
    // One lane: of two, the second may need the bytes before the first has kept a row.
    let sorted = sql(&["--memory", "1MB", "--threads", "1", query]);
    assert_eq!((sorted.code, sorted.stdout.as_str()), (6, ""), "{sorted:?}");
    assert!(sorted.stderr.contains("held by") && sorted.stderr.contains("sort"), "{sorted:?}");
    // Wherever a refusal is met, it names holders and what to do.
    for kilobytes in (100..1000).step_by(100) {
        let refused = sql(&["--memory", &format!("{kilobytes}KB"), query]);
        assert_eq!((refused.code, refused.stdout.as_str()), (6, ""), "{refused:?}");
        let said = ["bytes do not fit the memory budget", "held by", "--memory"];
        assert!(said.iter().all(|part| refused.stderr.contains(part)), "{refused:?}");
    }
}

#[test]
#[cfg(unix)]
fn an_interrupted_query_is_exit_code_130() {
    // 6,005 rows three times over, and no equality to join by: many minutes, if nobody stops it.
    let query = "select count(*) from 'lineitem.parquet' a, 'lineitem.parquet' b, \
                 'lineitem.parquet' c where a.l_orderkey + b.l_orderkey < c.l_partkey";
    let mut running = Command::new(env!("CARGO_BIN_EXE_millwork"))
        .args(["sql", query])
        .current_dir(testdata())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert!(running.try_wait().expect("its state").is_none(), "it ended by itself");
    let asked = Command::new("kill").args(["-INT", &running.id().to_string()]).status();
    assert!(asked.expect("kill runs").success());
    let ended = running.wait_with_output().expect("it ends");
    let stderr = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(130), "{stderr}");
    assert!(stderr.contains("cancelled") || stderr.contains("interrupted"), "{stderr}");
    assert!(ended.stdout.is_empty());
}

/// Rows of the nested fixture as canonical JSON.
const NESTED_JSON: [&str; 3] = [
    r#"{"id":3,"p":{"x":null,"y":"it's, [so] {quoted}","z":{"u":2.25,"v":"-595.94"}},"tags":[4],"i":[{"sku":"ash15","n":12,"ok":false}],"m":[{"key":"a","value":8}]}"#,
    r#"{"id":8,"p":{"x":null,"y":null,"z":{"u":-2.0,"v":"838.60"}},"tags":[5,5,5],"i":[{"sku":"elm11","n":10,"ok":true}],"m":[{"key":"oak","value":90},{"key":"a","value":97}]}"#,
    r#"{"id":10,"p":{"x":19,"y":null,"z":{"u":null,"v":"-284.41"}},"tags":null,"i":[null],"m":[{"key":"","value":60}]}"#,
];

/// The same as DuckDB writes them.
const NESTED_CSV: [&str; 4] = [
    r#"id,p,tags,i,m"#,
    r#"3,"{'x': NULL, 'y': 'it\'s, [so] {quoted}', 'z': {'u': 2.25, 'v': -595.94}}",[4],"[{'sku': ash15, 'n': 12, 'ok': false}]",{a=8}"#,
    r#"8,"{'x': NULL, 'y': NULL, 'z': {'u': -2.0, 'v': 838.60}}","[5, 5, 5]","[{'sku': elm11, 'n': 10, 'ok': true}]","{oak=90, a=97}""#,
    r#"10,"{'x': 19, 'y': NULL, 'z': {'u': NULL, 'v': -284.41}}",,[NULL],{''=60}"#,
];

#[test]
fn nested_results_are_shown_in_every_form() {
    let query = "select id, p, tags, items[1:1] as i, m from '../conformance/fixtures/nested.parquet' \
                 where id in (3, 8, 10) order by id";
    let form = |form: &str| {
        let run = sql(&[query, "--format", form]);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{form}");
        run.stdout
    };
    assert_eq!(form("jsonl").lines().collect::<Vec<_>>(), NESTED_JSON);
    assert_eq!(form("csv").lines().collect::<Vec<_>>(), NESTED_CSV);
    let table = form("table");
    for cell in [
        "STRUCT(sku VARCHAR, n INTEGER, ok BOOLEAN)[] │ MAP(VARCHAR, INTEGER) │",
        "│ {'x': NULL, 'y': 'it\\'s, [so] {quoted}', 'z': {'u': 2.25, 'v': … │ [4] ",
        "│ NULL      │ [NULL] ",
        "│ {oak=90, a=97}        │",
    ] {
        assert!(table.contains(cell), "no {cell} in\n{table}");
    }
    let widths: Vec<usize> = table.lines().take(8).map(|line| line.chars().count()).collect();
    assert!(widths.iter().all(|width| *width == widths[0]), "{widths:?}");
}

#[test]
fn errors_of_nested_values_say_what_is_wrong() {
    let nested = "from '../conformance/fixtures/nested.parquet'";
    for (query, words) in [
        ("select items[1].skuu NESTED".to_owned(), ["unknown field skuu", "did you mean sku?"]),
        ("select g.x NESTED".into(), ["VARCHAR has no field x", "error"]),
        ("select m[1] NESTED".into(), ["the keys of MAP(VARCHAR, INTEGER) are VARCHAR", "INTEGER"]),
        ("select tags['a'] NESTED".into(), ["position in a list takes an integer", "VARCHAR"]),
        ("select map {'a': 1, 'a': 2}".into(), ["the key a of a map is there twice", "error"]),
        ("select map([1], [2, 3])".into(), ["a map of 1 keys and 2 values", "error"]),
        ("select 1 NESTED where unnest(tags) = 1".into(), ["UNNEST cannot stand in WHERE", "FROM"]),
        ("select unnest(tags, recursive := true) NESTED".into(), ["recursive", "not supported"]),
        ("select unnest(id) NESTED".into(), ["UNNEST takes a list, found", "id"]),
        (
            "select [1, 2] = {'a': 1}".into(),
            ["cannot compare INTEGER[] with STRUCT(a INTEGER)", "CAST"],
        ),
        ("select {'a': 1}::struct(b int)".into(), ["cannot convert STRUCT(a INTEGER)", "STRUCT(b"]),
        ("select p.* exclude (x), nope.* NESTED".into(), ["unknown table nope", "error"]),
    ] {
        fails(&query.replace("NESTED", nested), 5, &words);
    }
}

#[test]
fn a_map_unnests_to_its_entries() {
    let rows =
        csv("select id, e.key as k, e.value as v from '../conformance/fixtures/parts.parquet', \
         unnest(map) as t(e) where id < 2");
    assert_eq!(rows, "id,k,v\n0,a,0\n0,b,0\n1,a,1\n1,b,-1\n");
    let rows = csv(
        "select unnest(map).value as v from '../conformance/fixtures/parts.parquet' where id = 3",
    );
    assert_eq!(rows, "v\n3\n-3\n");
}

#[test]
fn explain_foresees_what_footers_prove() {
    let plan = csv("explain select id from '../conformance/fixtures/parts.parquet' \
         where id < 9.5 and id % 2 = 0");
    let foreseen = "3 of 4 row groups pruned by statistics; indexes are asked about (CAST(id AS";
    assert!(plan.contains(foreseen), "{plan}");
    assert!(!plan.contains("about (Modulo"), "{plan}");
}

#[test]
fn what_is_no_query_is_said_in_our_words() {
    for (query, words) in [
        ("select from", ["expected an expression, found from", "error"]),
        ("select 'abc", ["unterminated string literal", "error"]),
        ("describe select 1", ["DESCRIBE is not supported", "millwork schema"]),
    ] {
        fails(query, 5, &words);
    }
}

/// Each level would double what is written.
#[test]
fn statements_that_double_are_stopped_or_answered() {
    let mut chain = "select 1::bigint as x".to_string();
    for _ in 0..40 {
        chain = format!("select x + x as x from ({chain})");
    }
    assert_eq!(csv(&format!("select x from ({chain}) where x > 0")), "x\n1099511627776\n");
    let aliases: Vec<String> =
        (1..60).map(|at| format!("a{} + a{} as a{at}", at - 1, at - 1)).collect();
    let query = format!("select x as a0, {} from (select 0 x)", aliases.join(", "));
    fails(&query, 5, &["expressions"]);
}
