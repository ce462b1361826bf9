//! Types and names of results, as DuckDB 1.4 gives them for the same text.

use super::plan_of;

#[test]
fn types_follow_duckdb() {
    let cases = [
        ("small + 1", "SMALLINT"),
        ("a + 1", "INTEGER"),
        ("a + b", "BIGINT"),
        ("b + big", "HUGEINT"),
        ("d + 1", "DECIMAL(16,2)"),
        ("1 - d", "DECIMAL(16,2)"),
        ("1.5 + 1", "DECIMAL(12,1)"),
        ("100::tinyint + 1", "TINYINT"),
        ("1 + small", "SMALLINT"),
        ("100::tinyint + 200", "INTEGER"),
        ("100::tinyint + (1 + 0)", "INTEGER"),
        ("d + 1.5", "DECIMAL(16,2)"),
        ("d * d", "DECIMAL(30,4)"),
        ("d * (1 - d) * (1 + d)", "DECIMAL(38,6)"),
        ("e + 1.5", "DOUBLE"),
        ("a / 2", "DOUBLE"),
        ("cast(e as float) / 2", "FLOAT"),
        ("d / 2", "DOUBLE"),
        ("a // 2", "INTEGER"),
        ("f + 1", "DATE"),
        ("f - f", "BIGINT"),
        ("f + interval 1 day", "TIMESTAMP(6)"),
        ("sum(a)", "HUGEINT"),
        ("sum(d)", "DECIMAL(38,2)"),
        ("sum(e)", "DOUBLE"),
        ("sum(h)", "HUGEINT"),
        ("avg(d)", "DOUBLE"),
        ("count(*)", "BIGINT"),
        ("min(f)", "DATE"),
        ("max(c)", "VARCHAR"),
        ("case when h then 1 else 2.5 end", "DECIMAL(11,1)"),
        ("coalesce(small, 300)", "INTEGER"),
        ("0.06", "DECIMAL(3,2)"),
        ("1e3", "DOUBLE"),
        ("12345678901234567890", "HUGEINT"),
        ("extract(year from f)", "BIGINT"),
        ("epoch(f)", "DOUBLE"),
        ("round(d, 1)", "DECIMAL(15,1)"),
        ("round(12.345, 1)", "DECIMAL(5,1)"),
        ("round(a, -2)", "INTEGER"),
        ("round(1::utinyint, -1)", "BIGINT"),
        ("round(e::float, 1)", "FLOAT"),
        ("floor(d)", "DECIMAL(15,0)"),
        ("ceil(-0.5)", "DECIMAL(2,0)"),
        ("floor(e::float)", "FLOAT"),
        ("ceil(a)", "DOUBLE"),
        ("round(2.5)", "DECIMAL(2,0)"),
        ("st.x", "INTEGER"),
        ("st.y.z", "VARCHAR"),
        ("li[1]", "BIGINT"),
        ("len(li)", "BIGINT"),
        ("c || a", "VARCHAR"),
        ("x'00ff'", "BLOB"),
        ("a is null", "BOOLEAN"),
        ("try_cast(c as date)", "DATE"),
        ("b - 1.5", "DECIMAL(21,1)"),
        ("if(h, 1, 2.5)", "DECIMAL(11,1)"),
        ("bool_and(a > 1)", "BOOLEAN"),
        ("(select max(f) from things)", "DATE"),
        ("nullif(d, 0)", "DECIMAL(15,2)"),
        ("timestamp '2020-01-01 00:00:00' - interval '1' hour", "TIMESTAMP(6)"),
    ];
    for (expr, expected) in cases {
        let plan = plan_of(&format!("select {expr} from things"));
        let plan = plan.unwrap_or_else(|error| panic!("{expr}: {error:?}"));
        assert_eq!(plan.fields()[0].data_type.to_string(), expected, "{expr}");
    }
}

#[test]
fn columns_without_an_alias_are_named_as_in_duckdb() {
    let cases = [
        ("A", "a"),
        ("things.A", "a"),
        ("count(*)", "count_star()"),
        ("sum(a * 2)", "sum((a * 2))"),
        ("count(distinct a)", "count(DISTINCT a)"),
        ("sum(a) filter (where a > 1)", "sum(a) FILTER (WHERE (a > 1))"),
        ("-a", "(-(a))"),
        ("not (a > 1)", "(NOT (a > 1))"),
        ("a between 1 and 2", "(a BETWEEN 1 AND 2)"),
        ("a not in (1, 2)", "(NOT (a IN (1, 2)))"),
        ("a::varchar", "CAST(a AS VARCHAR)"),
        ("case when a = 1 then 'x' else 'y' end", "CASE  WHEN ((a = 1)) THEN ('x') ELSE 'y' END"),
        ("c like 'x%'", "(c ~~ 'x%')"),
        ("a <> 1", "(a != 1)"),
        ("coalesce(a, 1)", "COALESCE(a, 1)"),
        ("extract(year from f)", "date_part('YEAR', f)"),
        ("1.5", "1.5"),
    ];
    for (expr, expected) in cases {
        let plan = plan_of(&format!("select {expr} from things group by all"));
        let plan = plan.unwrap_or_else(|error| panic!("{expr}: {error:?}"));
        assert_eq!(&*plan.fields()[0].name, expected, "{expr}");
    }
}
