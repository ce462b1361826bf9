//! Texts that are long or deep end in a plan or in an error, on a small stack and soon.

use super::plan_of;
use crate::error::ErrorKind;

/// Runs on the stack that planning has, from one of 256 KiB.
fn planned(text: String) -> Result<String, (ErrorKind, String)> {
    std::thread::Builder::new()
        .stack_size(256 << 10)
        .spawn(move || {
            let explained = crate::stack::with(crate::stack::PLANNING_BYTES, || {
                plan_of(&text).map(|plan| crate::plan::optimize(plan).explain())
            });
            explained.map_err(|error| (error.kind().clone(), error.what().to_string()))
        })
        .expect("a thread")
        .join()
        .expect("no panic")
}

fn nested(before: &str, middle: &str, after: &str, depth: usize) -> String {
    format!("select {}{middle}{} from things", before.repeat(depth), after.repeat(depth))
}

#[test]
fn nesting_beyond_the_limit_is_an_error() {
    for depth in [257, 10_000, 1_000_000] {
        let result = planned(nested("(", "1", ")", depth));
        let said = "nested deeper than 256 levels".to_string();
        assert_eq!(result, Err((ErrorKind::Syntax, said)), "{depth}");
    }
    let shapes = [
        ("- ", "a", ""),
        ("not ", "h", ""),
        ("abs(", "a", ")"),
        ("case when h then ", "1", " else 2 end"),
        ("a in (", "1", ")"),
        ("1 + (", "1", ")"),
        ("(select ", "1", ")"),
        ("cast(", "1", " as integer)"),
        ("", "a", "::integer"),
        ("", "a", " is null"),
        ("exists(select ", "1", ")"),
        ("", "li", "[1]"),
    ];
    for (before, middle, after) in shapes {
        for depth in [300, 3_000] {
            let result = planned(nested(before, middle, after, depth));
            let said = matches!(&result, Err((ErrorKind::Syntax, what)) if what.contains("256"));
            assert!(said, "{depth} of {before}{middle}{after}: {result:?}");
        }
    }
}

#[test]
fn chains_are_as_long_as_said() {
    let sum = |operators: usize| format!("select a{} from things", " + 1".repeat(operators));
    assert!(planned(sum(4_096)).is_ok());
    let said = "a chain of more than 4096 operators".to_string();
    assert_eq!(planned(sum(4_097)), Err((ErrorKind::Syntax, said.clone())));
    assert_eq!(planned(sum(100_000)), Err((ErrorKind::Syntax, said.clone())));
    // Those in parentheses count with those around them.
    let around = |inner: usize| {
        format!("select (a{}){} from things", " + 1".repeat(inner), " * 1".repeat(3_000))
    };
    assert!(planned(around(1_096)).is_ok());
    assert_eq!(planned(around(1_097)), Err((ErrorKind::Syntax, said)));
    let compared = format!("select a{} from things", " = 1".repeat(600));
    assert!(!format!("{:?}", planned(compared)).contains("nest deeper"));
}

#[test]
fn ctes_and_views_nest_as_deep_as_said() {
    let chain = |length: usize| {
        let mut text = "with t0 as (select a from things)".to_string();
        for at in 1..length {
            text.push_str(&format!(", t{at} as (select a from t{})", at - 1));
        }
        format!("{text} select a from t{}", length - 1)
    };
    assert!(planned(chain(200)).is_ok());
    let refused = planned(chain(3_000));
    let said = "views, CTEs and aliases nest deeper than 512 levels".to_string();
    assert_eq!(refused, Err((ErrorKind::Unsupported, said)));
}

#[test]
fn nesting_up_to_the_limit_is_bound() {
    let shapes = [
        ("(", "1", ")"),
        ("abs(", "a", ")"),
        ("case when h then ", "1", " else 2 end"),
        ("1 + (", "1", ")"),
        ("", "a", " + 1"),
    ];
    for (before, middle, after) in shapes {
        let depth = if before == "1 + (" { 120 } else { 250 };
        let result = planned(nested(before, middle, after, depth));
        assert!(result.is_ok(), "{before}{middle}{after}: {result:?}");
    }
    let tables = format!("select * from {}things{}", "(select * from ".repeat(60), ")".repeat(60));
    let result = planned(tables);
    assert!(result.is_ok(), "{result:?}");
}

#[test]
fn long_chains_are_flat() {
    for (joint, count) in [(" or ", 100_000), (" and ", 100_000), (" or ", 3)] {
        let terms: Vec<String> = (0..count).map(|number| format!("a = {number}")).collect();
        let text = format!("select a from things where {}", terms.join(joint));
        assert!(planned(text).is_ok(), "{count} of {joint}");
    }
    let unions = vec!["select 1"; 2_000].join(" union all ");
    assert!(planned(unions).is_ok());
    let broken = format!("select {}) from things", vec!["1"; 50_000].join(" + "));
    assert!(planned(broken).is_err());
    let list: Vec<String> = (0..50_000).map(|number| number.to_string()).collect();
    assert!(planned(format!("select a in ({}) from things", list.join(","))).is_ok());
}

#[test]
fn ctes_that_double_are_stopped() {
    let mut text = "with t0 as (select a from things)".to_string();
    for at in 1..40 {
        let before = at - 1;
        text.push_str(&format!(", t{at} as (select x.a from t{before} x, t{before} y)"));
    }
    let result = planned(format!("{text} select * from t39"));
    assert!(matches!(result, Err((ErrorKind::Unsupported, _))), "{result:?}");
}

#[test]
fn full_joins_that_double_are_stopped() {
    let joins = |count: usize| {
        let mut text = "select t0.a from things t0".to_string();
        for at in 1..=count {
            text.push_str(&format!(" full join things t{at} on t0.a = t{at}.a"));
        }
        planned(text)
    };
    assert!(joins(8).is_ok());
    let result = joins(40);
    assert!(matches!(result, Err((ErrorKind::Unsupported, _))), "{result:?}");
}

#[test]
fn no_prefix_of_a_query_panics() {
    let text = super::tpch_text(19) + &super::tpch_text(12);
    let step = 7;
    for end in (0..text.len()).step_by(step) {
        let _ = plan_of(&format!("{} ", &text[..end]));
    }
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let words: Vec<&str> = text.split_whitespace().collect();
    for _ in 0..2_000 {
        let mut mixed = String::from("select ");
        for _ in 0..12 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            mixed.push_str(words[state as usize % words.len()]);
            mixed.push(' ');
        }
        if let Ok(statements) = super::parse(&mixed)
            && !statements.is_empty()
        {
            let _ = plan_of(&mixed);
        }
    }
}
