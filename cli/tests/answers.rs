//! Answers of `millwork sql` in the corners of the language, as DuckDB 2.0.1 gives them.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod asked;

use asked::{csv, fails};

/// What was answered wrongly once; the answers are DuckDB's.
#[test]
fn corners_of_pruning_and_nulls_are_answered_as_by_duckdb() {
    let corner = "'../conformance/fixtures/corners";
    for (query, expected) in [
        // A text that is compared with a FLOAT is one.
        ("select count(*) from CORNER/floats.parquet' where x = '0.1'", "1"),
        ("select count(*) from CORNER/floats.parquet' where x in ('0.1')", "1"),
        ("select count(*) from CORNER/floats.parquet' where x <= cast('0.1' as float)", "1"),
        ("select '16777217'::float = 16777216::float", "true"),
        // A cast that may fail makes nulls where the column has none.
        (
            "select count(*) from CORNER/days.parquet' where try_cast(d as timestamp_ns) is null",
            "1",
        ),
        (
            "select count(*) from CORNER/days.parquet' where try_cast(t as timestamp_ns) is null",
            "1",
        ),
        // A column may be null if it may be in any file of the table.
        (
            "select count(*) from CORNER/keys_1.parquet' where k not in \
             (select k from CORNER/keys_*.parquet' where k >= 4 or k is null)",
            "0",
        ),
        (
            "select count(*) from CORNER/keys_*.parquet' where k not in \
             (select k from CORNER/keys_1.parquet' where k = 1)",
            "4",
        ),
        ("select a_1 from CORNER/twins.parquet'", "x"),
        // Files of one table have their columns in any order.
        ("select a || b from CORNER/order_*.parquet' where a > 1", "2y"),
        ("select min(a) || max(a) || count(b) from CORNER/order_*.parquet'", "122"),
        ("select * from CORNER/order_*.parquet' order by a desc limit 1", "2,y"),
        // With FLOAT16 it is computed as with FLOAT.
        ("select abs(-x) + (x + x) from CORNER/halves.parquet'", "4.5"),
    ] {
        let answer = csv(&query.replace("CORNER", corner));
        assert_eq!(answer.lines().nth(1), Some(expected), "{query}");
    }
}

#[test]
fn casts_of_nested_values_fail_only_for_rows_that_are_meant() {
    let rows = "from (values (1, true, ['1', '2'], {'v': '1'}, map(['1'], [4])), \
        (2, false, ['x'], {'v': 'x'}, map(['x'], [5]))) as rows(id, num, t, s, m)";
    for (query, expected) in [
        ("select t::int[] ROWS where num", "[1, 2]"),
        ("select s::struct(v int) ROWS where num", "{'v': 1}"),
        ("select m::map(int, int) ROWS where num", "{1=4}"),
        ("select case when num then t::int[] end ROWS order by id", "[1, 2]"),
        ("select (case when num then t end)::int[] ROWS order by id", "[1, 2]"),
        ("select id ROWS where num and list_contains(t::int[], 1)", "1"),
        ("select list_concat(null::int[], null::int[])", "[]"),
        ("select list_concat(null, null) is null", "true"),
        ("select try_cast(map(['1', 'x'], [4, 5]) as map(int, int)) is null", "true"),
        ("select try_cast(map(['1', '01'], [4, 5]) as map(int, int)) is null", "true"),
        ("select map(['1', '2'], [4, 5])::map(int, int)", "{1=4, 2=5}"),
    ] {
        let answer = csv(&query.replace("ROWS", rows));
        let first = answer.lines().nth(1).map(|line| line.trim_matches('"'));
        assert_eq!(first, Some(expected), "{query}");
    }
    for (query, words) in [
        ("select t::int[] ROWS", ["cannot convert 'x' to INTEGER", "error"]),
        ("select map(['1', '01'], [4, 5])::map(int, int)", ["the key 1 of a map", "twice"]),
    ] {
        fails(&query.replace("ROWS", rows), 5, &words);
    }
}

#[test]
fn maps_of_any_type_can_be_written() {
    for (query, expected) in [
        ("select map([1], [[1]])::map(int, int[])", "{1=[1]}"),
        ("select cast(map([1], [1.5]) as map(int, decimal(4, 2)))", "{1=1.50}"),
        ("select map([1], [map([2], [3])])::MAP (int, map(int, bigint))", "{1={2=3}}"),
        ("select {'m': map([1], [2])}::struct(m map(bigint, struct(v int)[]), n int)", "error"),
        ("select {'map': map([1], [2])}::struct(map map(bigint, varchar))", "{'map': {1=2}}"),
        ("select null::map(varchar(10), int) is null", "true"),
        ("select map (['a'], [1])['a'] as map", "1"),
        ("select a from (values (1, 2)) as map(a, b)", "1"),
    ] {
        if expected == "error" {
            fails(query, 5, &["cannot convert"]);
            continue;
        }
        let answer = csv(query);
        let first = answer.lines().nth(1).map(|line| line.trim_matches('"'));
        assert_eq!(first, Some(expected), "{query}");
    }
}

/// What was answered wrongly once; the answers are DuckDB's.
#[test]
fn corners_of_functions_are_answered_as_by_duckdb() {
    for (query, expected) in [
        ("select 'a%b' ilike 'aX%b' escape 'X'", "true"),
        ("select 'ΟΔΟΣΑ' ilike 'ΟΔΟΣ%'", "true"),
        ("select 'İ' ilike '_'", "true"),
        ("select date_trunc('isoyear', date '2020-02-29')::date", "2019-12-30"),
        ("select date_trunc('isoyear', date '2021-01-03')::date", "2019-12-30"),
        ("select date_trunc('decade', date '-0005-01-01')::date", "0001-01-01 (BC)"),
        ("select date_trunc('millennium', '1999-01-01'::timestamp_ns)", "1000-01-01 00:00:00"),
        (
            "select date_trunc('minute', '2024-01-01 23:59:59.999999999'::timestamp_ns)",
            "2024-01-01 23:59:00",
        ),
        (
            "select '2024-01-31 00:00:00.123456789'::timestamp_ns + interval '1 month 1 microsecond'",
            "2024-02-29 00:00:00.123457789",
        ),
        ("select round(99::decimal(2,0), -1)", "100"),
        ("select (select null)", ""),
        ("select 1 + (select null)", ""),
        // The bounds of a wide decimal are further apart than 128 bits tell.
        (
            "select count(*) from '../conformance/fixtures/corners/far.parquet' as l \
             join '../conformance/fixtures/corners/far.parquet' as r on l.d = r.d",
            "2",
        ),
    ] {
        let answer = csv(query);
        assert_eq!(answer.lines().nth(1), Some(expected), "{query}");
    }
    fails("select concat()", 5, &["concat takes at least one argument"]);
    fails("select extract(year from time '10:11:12')", 5, &["TIME has no Year"]);
    fails("select 1e39::float", 5, &["cannot convert 1e+39 to FLOAT", "query:1:8"]);
    let far = "'2262-04-11 00:00:00'::timestamp_ns + interval 1 year";
    fails(&format!("select {far}"), 5, &["overflow"]);
    let nines = "9".repeat(38);
    fails(&format!("select round({nines}::decimal(38,0), -1)"), 5, &["does not fit DECIMAL(38,0)"]);
}

/// There may be none that does.
#[test]
fn constants_fail_where_a_row_takes_their_branch() {
    for (query, expected) in [
        ("select case when i = 1 then 'abc'::int else 2 end as x from (select 2 i)", "x\n2\n"),
        ("select case when i = 1 then i = 'abc' end as x from (select 2 i)", "x\n\n"),
        ("select coalesce(i, 'abc'::int) as x from (select 2 i)", "x\n2\n"),
        ("select 1 as x from (select 2 i) where i = 3 and 'abc'::int = 1", "x\n"),
        ("select 1 as x from (select 2 i) where i = 2 or 'abc'::int = 1", "x\n1\n"),
    ] {
        assert_eq!(csv(query), expected, "{query}");
    }
    let wrong = ["cannot convert 'abc' to INTEGER", "query:1:"];
    for query in [
        "select 'abc'::int",
        "select case when i = 2 then 'abc'::int else 2 end from (select 2 i)",
        "select case when 'abc'::int = 1 then 1 end from (select 2 i)",
        "select coalesce('abc'::int, i) from (select 2 i)",
        "select * from (select 2 i) where i = 'abc'",
    ] {
        fails(query, 5, &wrong);
    }
    fails("select 2147483647 + 1", 5, &["overflow: 2147483647 + 1 does not fit INTEGER"]);
    fails("select 1 where date '2024-01-01' > '2020-13-01'", 5, &["'2020-13-01' to DATE"]);
    for query in [
        "select 1//0 as x from (select 2 i where false)",
        "select i as x from (select 2 i, 1//0 as j) where false",
        "select 1 as x from (select 2 i) where i = 3 and 1//0 = 1",
        "select 5 % 0 as x where false",
        "select * from (select 2 x where false) where x = 'abc'",
    ] {
        assert_eq!(csv(query), "x\n", "{query}");
    }
    for (query, expected) in [
        ("select count(*) as x from (select 1//0 from (select 2 i))", "x\n1\n"),
        ("select a as x from (select 1 a, 1//0 b)", "x\n1\n"),
    ] {
        assert_eq!(csv(query), expected, "{query}");
    }
}

/// Digits take the type of what is beside them; what is computed, or has a type, does not.
#[test]
fn only_digits_take_the_type_beside_them() {
    let t = "(select 127::tinyint as t)";
    for (sum, expected) in [
        ("t + length('abc')", "130"),
        ("t + abs(5)", "132"),
        ("t + extract(day from date '2024-01-09')", "136"),
        ("t + coalesce(null, 3)", "130"),
        ("t + nullif(3, 4)", "130"),
        ("t + (5 + 1)", "133"),
        ("t + 5::bigint", "132"),
        ("t + -5", "122"),
        ("t % 5", "2"),
    ] {
        assert_eq!(
            csv(&format!("select {sum} as x from {t}")),
            format!("x\n{expected}\n"),
            "{sum}"
        );
    }
    fails(&format!("select t + 5 from {t}"), 5, &["overflow: 127 + 5 does not fit TINYINT"]);
}

#[test]
fn corners_of_keys_and_floats_are_answered_as_by_duckdb() {
    let intervals = "(values (interval '1 month'), (interval '30 days')) as t(i)";
    for (query, expected) in [
        (format!("select count(*) as n from (select i from {intervals} group by i)"), "n\n1\n"),
        (format!("select count(distinct i) as n from {intervals}"), "n\n1\n"),
        (
            format!(
                "select count(*) as n from {intervals} join {intervals_2} on t.i = u.i",
                intervals_2 = intervals.replace("t(i)", "u(i)")
            ),
            "n\n4\n",
        ),
        (
            "select 9007199791611905::bigint::float = 9007200328482816::float as x".to_string(),
            "x\ntrue\n",
        ),
        (
            "select '-0004-01-01 10:00:00'::timestamp::varchar as x".to_string(),
            "x\n0005-01-01 (BC) 10:00:00\n",
        ),
    ] {
        assert_eq!(csv(&query), expected, "{query}");
    }
    fails("select octet_length(5)", 5, &["INTEGER"]);
    fails("select first(i) from (select 1 i)", 5, &["any_value"]);
    fails(
        "select regexp_matches('a', '[')",
        5,
        &["invalid regular expression '[': unclosed character class"],
    );
}

#[test]
fn two_tables_of_one_name_are_not_taken_for_one() {
    let both = "(select 1 k) a, (select 2 k) a";
    assert_eq!(csv(&format!("select * from {both}")), "k,k_1\n1,2\n");
    fails(&format!("select a.k from {both}"), 5, &["column k is ambiguous"]);
    fails(&format!("select a.* from {both}"), 5, &["table a is ambiguous", "with AS"]);
}

#[test]
fn columns_that_a_right_join_is_by_stand_where_the_left_side_has_them() {
    let sides = "(values (1, 'l')) a(k, l) right join (values ('r', 1), ('s', 2)) b(r, k)";
    for (query, expected) in [
        (format!("select b.* from {sides} using (k) order by 1"), "r,k\nr,1\ns,2\n"),
        (format!("select a.* from {sides} using (k) order by 2"), "k,l\n1,l\n,\n"),
        (format!("select * from {sides} using (k) order by 1"), "k,l,r\n1,l,r\n2,,s\n"),
        (
            format!("select * from {}", sides.replace("right", "natural right") + " order by k"),
            "k,l,r\n1,l,r\n2,,s\n",
        ),
        (
            format!("select k, a.k as ak, b.k as bk from {sides} using (k) where l is null"),
            "k,ak,bk\n2,,2\n",
        ),
        (format!("select * from {sides} on a.k = b.k order by b.k"), "k,l,r,k_1\n1,l,r,1\n,,s,2\n"),
    ] {
        assert_eq!(csv(&query), expected, "{query}");
    }
}
