//! Text to plans, over a catalog without data.

pub mod tpch;

use super::{Binder, Bound, Views, parse};
use crate::error::{Error, Result};
use crate::plan::LogicalPlan;
use tpch::FakeCatalog;

/// The plan of the only statement of `text`.
pub fn plan_of(text: &str) -> Result<LogicalPlan> {
    let statements = parse(text)?;
    let views = Views::default();
    let mut binder = Binder::new(&FakeCatalog, &views);
    match binder.bind(&statements[0])? {
        Bound::Query(plan) | Bound::Explain { plan, .. } => Ok(plan),
        _ => Err(Error::internal("no query")),
    }
}

/// The text of a TPC-H query.
pub fn tpch_text(number: u32) -> String {
    let path = format!("{}/../conformance/sql/tpch/q{number}.sql", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).expect("the query is in the repository")
}

#[test]
fn all_queries_of_tpch_bind() {
    for number in [1, 3, 4, 5, 6, 10, 12, 14, 19] {
        let plan = plan_of(&tpch_text(number));
        assert!(plan.is_ok(), "q{number}: {plan:?}");
    }
}

#[test]
fn q6_is_bound_with_constants_computed() {
    let plan = plan_of(&tpch_text(6)).expect("a plan").explain();
    let filter = plan.lines().find(|line| line.contains("Filter")).expect("a filter");
    assert_eq!(
        filter.trim(),
        "Filter (l_shipdate >= DATE 8766) AND (l_shipdate < DATE 9131) AND (l_discount >= 5e-2) \
         AND (l_discount <= 7e-2) AND (l_quantity < 2400e-2)"
    );
}
