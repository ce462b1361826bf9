//! Plans of small queries, after all rules.

use super::{Binder, Bound, FakeCatalog, Views, explained, parse, plan_of};

/// Texts and the lines of their plans.
#[track_caller]
fn assert_plans(cases: &[(&str, &[&str])]) {
    for (text, expected) in cases {
        let found = explained(text);
        assert_eq!(found.lines().collect::<Vec<_>>(), *expected, "{text}\n{found}");
    }
}

#[test]
fn conditions_reach_the_scan() {
    assert_plans(&[
        (
            "select a from things where a > 1 and b = 2",
            &["Project a", "  Scan things [a, b] where (a > 1) AND (b = 2)"],
        ),
        (
            "select x from (select a + 1 as x from things) where x > 1",
            &["Project AddChecked(a, 1) AS x", "  Scan things [a] where (AddChecked(a, 1) > 1)"],
        ),
        (
            "select a, count(*) from things group by a having a > 1 and count(*) > 2",
            &[
                "Filter (count_star() > 2)",
                "  Aggregate by [a] [CountRows()]",
                "    Scan things [a] where (a > 1)",
            ],
        ),
        (
            "select * from (select a from things limit 5) where a > 1",
            &["Filter (a > 1)", "  Limit limit 5", "    Scan things [a]"],
        ),
        (
            "select f from things where f < timestamp '2020-01-02 00:00:00' and '1' < a",
            &["Project f", "  Scan things [a, f] where (f < DATE 18263) AND (1 < a)"],
        ),
        ("select 1 where true and not (1 > 2)", &["Project 1", "  Values 1 rows"]),
        ("select count(*) from things", &["Aggregate by [] [CountRows()]", "  Scan things []"]),
    ]);
}

#[test]
fn a_left_join_keeps_its_left_rows() {
    assert_plans(&[
        (
            "select t.a from things t left join region on t.b = r_regionkey and r_name = 'X' \
          and t.a > 1 where t.a < 5 and r_name is null",
            &[
                "Project a",
                "  Filter IsNull(r_name)",
                "    Join Left on b = r_regionkey where (a > 1)",
                "      Scan things [a, b] where (a < 5)",
                "      Scan region [r_regionkey, r_name] where (r_name = 'X')",
            ],
        ),
        (
            "select t.a from region right join things t on t.a = r_regionkey",
            &[
                "Project a",
                "  Join Left on key$0 = r_regionkey",
                "    Project a, CAST(a AS BIGINT) AS key$0",
                "      Scan things [a]",
                "    Scan region [r_regionkey]",
            ],
        ),
    ]);
}

#[test]
fn subqueries_are_joins() {
    assert_plans(&[
        (
            "select a from things where not exists (select 1 from region where r_regionkey = b \
          and r_name <> c)",
            &[
                "Project a",
                "  Join Anti on b = r_regionkey where (r_name <> c)",
                "    Scan things [a, b, c]",
                "    Scan region [r_regionkey, r_name]",
            ],
        ),
        (
            "select a from things where b in (select r_regionkey from region)",
            &[
                "Project a",
                "  Join Semi on b = r_regionkey",
                "    Scan things [a, b]",
                "    Scan region [r_regionkey]",
            ],
        ),
    ]);
    let not_in = explained("select a from things where b not in (select r_regionkey from region)");
    assert!(not_in.contains("Join Anti"), "{not_in}");
    assert!(not_in.contains("IsNotNull(b) AND (count_star() = count())"), "{not_in}");
    let scalar = explained("select a from things where e > (select avg(b) from things)");
    assert!(scalar.contains("Join Cross where (e > avg(b))"), "{scalar}");
    let correlated = explained(
        "select l_orderkey from lineitem, part where p_partkey = l_partkey and l_quantity < \
         (select 0.2 * avg(l_quantity) from lineitem where l_partkey = p_partkey)",
    );
    assert!(correlated.contains("Join Left on p_partkey = key0"), "{correlated}");
    assert!(correlated.contains("Aggregate by [key0] [Average(l_quantity)]"), "{correlated}");
    let counted = explained(
        "select r_name from region where 0 = (select count(*) from nation where \
         n_regionkey = r_regionkey)",
    );
    assert!(counted.contains("Coalesce(count_star(), 0)"), "{counted}");
}

#[test]
fn names_of_every_kind_are_bound() {
    let texts = [
        "from things",
        "select * exclude (a, c) from things",
        "select * replace (a + 1 as a) from things",
        "select t.* from things t, region",
        "select \"A\" from 'data/things.parquet'",
        "select things.a from 'data/things.parquet'",
        "select a from read_parquet('things.parquet')",
        "with x(q) as (select a from things), y as (select q + 1 as r from x) select q, r from x, y",
        "select a as k, count(*) as n from things group by k having n > 1 order by n desc, k",
        "select c, a from things group by 1, 2 order by 2 desc nulls first, c limit 5 offset 2",
        "select a, sum(b) from things group by all order by all",
        "select distinct a, c from things order by c",
        "select a from things order by b + 1 desc limit 3",
        "select * from things join region on b = r_regionkey cross join nation",
        "select r_regionkey from region join (select r_regionkey, r_name as n from region) x \
         using (r_regionkey)",
        "select * from (values (1, 'a'), (2.5, null)) v(x, y) where x > 1",
        "select 1 union all select 2.5 union select null order by 1",
        "select (select 1), exists (select 1 from things) from region",
        "select sum(a) filter (where h), count(distinct c), bool_or(h) from things",
        "select substring(c from 2 for 3), substring(c, 2), c[1], left(c, 2) from things",
        "select a from things where c like 'x!_%' escape '!' and c not ilike 'Y%'",
        "select case a when 1 then 'x' when 2 then 'y' end from things",
        "explain analyze select 1",
        "explain (analyze, format json) select 1",
        "select count(*) from things where a in (1, 2, null) and b not in (3)",
        "select sum(x) from (select a * 2 as x from things where h) q where x > 1",
        "select extract(year from f) as y, sum(a) from things group by y order by y",
        "select li[1], st.x, st['x'] from things",
        "select l_orderkey from lineitem where l_orderkey in (select l_orderkey from lineitem \
         group by l_orderkey having sum(l_quantity) > 300)",
        "select max(a) - min(a) from things having count(*) > (select count(*) from region)",
    ];
    for text in texts {
        let plan = plan_of(text);
        assert!(plan.is_ok(), "{text}: {:?}", plan.err());
    }
}

#[test]
fn views_are_created_used_and_dropped() {
    let mut views = Views::default();
    let bind = |views: &Views, text: &str| {
        let statements = parse(text).expect("it parses");
        Binder::new(&FakeCatalog, views).bind(&statements[0])
    };
    let created = bind(&views, "create view v(q) as select a + 1, b from things").expect("a view");
    let Bound::CreateView { name, view } = created else { panic!("{created:?}") };
    views.insert(&name, view);
    let Ok(Bound::Query(plan)) = bind(&views, "select V.Q, b from v") else { panic!("no query") };
    assert_eq!(&*plan.fields()[0].name, "q");
    assert!(bind(&views, "create view V as select 1").is_err());
    assert!(matches!(
        bind(&views, "create or replace view V as select 1"),
        Ok(Bound::CreateView { .. })
    ));
    assert!(bind(&views, "drop view w").is_err());
    assert!(matches!(bind(&views, "drop view if exists w"), Ok(Bound::Nothing)));
    assert!(matches!(bind(&views, "drop view v"), Ok(Bound::DropView { .. })));
    assert!(views.remove("V"));
}

#[test]
fn the_smaller_side_is_built() {
    let plan = explained(
        "select count(*) from region, nation, supplier, lineitem where r_regionkey = n_regionkey \
         and n_nationkey = s_nationkey and s_suppkey = l_suppkey and r_name = 'ASIA'",
    );
    let scans: Vec<&str> = plan
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Scan "))
        .filter_map(|scan| scan.split_whitespace().next())
        .collect();
    assert_eq!(scans, ["lineitem", "supplier", "nation", "region"], "{plan}");
}

#[test]
fn a_limit_goes_into_the_sort() {
    let plan = explained("select a from things order by b desc limit 3 offset 2");
    let lines: Vec<&str> = plan.lines().map(str::trim).collect();
    assert_eq!(lines, ["Project a", "Sort b desc limit 3 offset 2", "Scan things [a, b]"]);
}

#[test]
fn a_constant_is_counted_once_if_distinct() {
    for (count, rows) in [("count(7)", true), ("count(distinct 7)", false)] {
        let plan = explained(&format!("select {count} from things"));
        assert_eq!(plan.contains("CountRows"), rows, "{plan}");
    }
}

#[test]
fn many_equalities_are_a_list() {
    let plan = explained("select a from things where a = 1 or b = 2 or a = 3 or a = 5 or a = 7");
    assert!(plan.contains("((b = 2) OR (a IN (4 values)))"), "{plan}");
    let plan = explained("select a from things where a = 1 or a = 3");
    assert!(plan.contains("((a = 1) OR (a = 3))"), "{plan}");
}

#[test]
fn a_large_right_side_of_a_semi_join_is_cut_down_unless_the_left_may_change() {
    let exists = "exists (select 1 from lineitem where l_orderkey = b)";
    let plan = explained(&format!("select a from things where {exists}"));
    assert_eq!(plan.matches("Join Semi").count(), 2, "{plan}");
    let limited = "(select * from things limit 5)";
    let plan = explained(&format!("select a from {limited} where {exists}"));
    assert_eq!(plan.matches("Join Semi").count(), 1, "{plan}");
}
