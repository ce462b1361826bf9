//! Texts that are long or deep end in a plan or in an error, on a small stack and soon.

use super::plan_of;
use crate::error::ErrorKind;

/// Runs on a stack of 2 MiB, as a worker thread has.
fn on_small_stack(text: String) -> Result<String, (ErrorKind, String)> {
    std::thread::Builder::new()
        .stack_size(2 << 20)
        .spawn(move || {
            let plan = plan_of(&text).map(|plan| crate::plan::optimize(plan, &|_| None).explain());
            plan.map_err(|error| (error.kind().clone(), error.what().to_string()))
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
    for depth in [101, 10_000, 1_000_000] {
        let result = on_small_stack(nested("(", "1", ")", depth));
        assert!(matches!(result, Err((ErrorKind::Syntax, _))), "{depth}");
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
        ("", "a", " + 1"),
        ("", "a", "::integer"),
        ("", "a", " is null"),
        ("exists(select ", "1", ")"),
        ("", "li", "[1]"),
    ];
    for (before, middle, after) in shapes {
        for depth in [150, 3_000] {
            let result = on_small_stack(nested(before, middle, after, depth));
            let is_syntax = matches!(result, Err((ErrorKind::Syntax, _)));
            assert!(is_syntax, "{depth} of {before}{middle}{after}: {result:?}");
        }
    }
}

#[test]
fn nesting_up_to_half_the_limit_is_bound() {
    let shapes = [
        ("(", "1", ")"),
        ("abs(", "a", ")"),
        ("case when h then ", "1", " else 2 end"),
        ("1 + (", "1", ")"),
        ("", "a", " + 1"),
    ];
    for (before, middle, after) in shapes {
        let result = on_small_stack(nested(before, middle, after, 45));
        assert!(result.is_ok(), "{before}{middle}{after}: {result:?}");
    }
    let tables = format!("select * from {}things{}", "(select * from ".repeat(20), ")".repeat(20));
    let result = on_small_stack(tables);
    assert!(result.is_ok(), "{result:?}");
}

#[test]
fn long_chains_are_flat() {
    for (joint, count) in [(" or ", 100_000), (" and ", 100_000), (" or ", 3)] {
        let terms: Vec<String> = (0..count).map(|number| format!("a = {number}")).collect();
        let text = format!("select a from things where {}", terms.join(joint));
        assert!(on_small_stack(text).is_ok(), "{count} of {joint}");
    }
    let unions = vec!["select 1"; 2_000].join(" union all ");
    assert!(on_small_stack(unions).is_ok());
    let broken = format!("select {}) from things", vec!["1"; 50_000].join(" + "));
    assert!(on_small_stack(broken).is_err());
    let list: Vec<String> = (0..50_000).map(|number| number.to_string()).collect();
    assert!(on_small_stack(format!("select a in ({}) from things", list.join(","))).is_ok());
}

#[test]
fn ctes_that_double_are_stopped() {
    let mut text = "with t0 as (select a from things)".to_string();
    for at in 1..40 {
        let before = at - 1;
        text.push_str(&format!(", t{at} as (select x.a from t{before} x, t{before} y)"));
    }
    let result = on_small_stack(format!("{text} select * from t39"));
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
