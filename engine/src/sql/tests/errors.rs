//! What is said of wrong SQL, and where.

use super::plan_of;
use crate::error::ErrorKind;
use crate::sql::position;

#[test]
fn errors_name_the_cause_the_place_and_a_way_out() {
    // Text, kind, message, the text of its place, the hint.
    let cases = [
        (
            "select l_quantiy from lineitem",
            ErrorKind::Name,
            "unknown column l_quantiy",
            "l_quantiy",
            "did you mean l_quantity?",
        ),
        (
            "select * from lineitm",
            ErrorKind::Name,
            "unknown table lineitm",
            "lineitm",
            "did you mean lineitem?",
        ),
        (
            "select lenght('a')",
            ErrorKind::Name,
            "unknown function lenght",
            "lenght('a'",
            "did you mean length?",
        ),
        ("select x.a from things", ErrorKind::Name, "unknown table x of x.a", "x.a", ""),
        (
            "select a from things t, things u",
            ErrorKind::Name,
            "column a is ambiguous",
            "a",
            "it is in t and in u",
        ),
        (
            "select a, count(*) from things",
            ErrorKind::Type,
            "column a is neither grouped nor in an aggregate",
            "a",
            "add it to GROUP BY, or use any_value(a)",
        ),
        (
            "select 1 where f > 'x' from things",
            ErrorKind::Syntax,
            "expected end of statement, found from",
            "from",
            "",
        ),
        (
            "select a from things where sum(a) > 1",
            ErrorKind::Type,
            "an aggregate cannot stand in WHERE",
            "sum(a",
            "",
        ),
        ("select st.q from things", ErrorKind::Name, "unknown field q", "st.q", ""),
        (
            "select a + f from things where c + 1",
            ErrorKind::Type,
            "operator + is not defined for VARCHAR",
            "c + 1",
            "convert it with CAST",
        ),
        (
            "select a from things order by 3",
            ErrorKind::Name,
            "position 3 is not among 1 to 1",
            "3",
            "",
        ),
    ];
    for (text, kind, what, place, hint) in cases {
        let error = plan_of(text).map(|plan| plan.explain()).expect_err(text);
        assert_eq!(*error.kind(), kind, "{text}: {error:?}");
        assert_eq!(error.what(), what, "{text}");
        let span = error.span().expect("a place");
        assert_eq!(&text[span.start..span.end], place, "{text}");
        assert_eq!(error.hint_text().unwrap_or(""), hint, "{text}");
    }
}

#[test]
fn places_are_bytes_of_the_whole_text() {
    let text = "select '\u{e4}\u{4e2d}';\n-- a comment\nselect\n  '\u{e4}', nope";
    let statements = super::parse(text).expect("it parses");
    assert_eq!(statements.len(), 2);
    let span = statements[1].span;
    assert!(text[span.start..span.end].starts_with("select\n"));
    let views = super::Views::default();
    let mut binder = super::Binder::new(&super::FakeCatalog, &views);
    let error = binder.bind(&statements[1]).expect_err("nope is no column");
    let place = error.span().expect("a place");
    assert_eq!(&text[place.start..place.end], "nope");
    assert_eq!(position(text, place.start), (4, 8));
}

#[test]
fn what_is_not_there_is_called_unsupported() {
    let texts = [
        "select sum(a) over () from things",
        "select * from things x full join things y using (a)",
        "select a from things intersect all select 1",
        "with recursive r as (select 1) select * from r",
        "insert into things values (1)",
        "select a in (select b from things x where x.a > t.a) from things t",
        "select (select b from things x where x.a > t.a) from things t",
    ];
    for text in texts {
        let error = plan_of(text).map(|plan| plan.explain()).expect_err(text);
        assert_eq!(*error.kind(), ErrorKind::Unsupported, "{text}: {error:?}");
        assert!(error.span().is_some(), "{text}: {error:?}");
    }
}
