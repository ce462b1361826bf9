//! Text to plans, over a catalog without data.

mod errors;
mod limits;
mod queries;
pub mod tpch;
mod types;

use super::{Binder, Bound, Views, parse};
use crate::error::{Error, Result};
use crate::plan::{LogicalPlan, optimize};
use tpch::FakeCatalog;

/// The plan of the only statement of `text`.
pub fn plan_of(text: &str) -> Result<LogicalPlan> {
    let statements = parse(text)?;
    let views = Views::default();
    let mut binder = Binder::new(&FakeCatalog, &views);
    let statement = statements.first().ok_or_else(|| Error::internal("no statement"))?;
    match binder.bind(statement)? {
        Bound::Query(plan) | Bound::Explain { plan, .. } => Ok(plan),
        _ => Err(Error::internal("no query")),
    }
}

/// The text of the optimised plan of `text`, or of its error.
pub fn explained(text: &str) -> String {
    match plan_of(text) {
        Ok(plan) => optimize(plan).explain(),
        Err(error) => format!("{error:?}"),
    }
}

/// The text of a TPC-H query.
fn tpch_text(number: u32) -> String {
    let path = format!("{}/../conformance/sql/tpch/q{number}.sql", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).expect("the query is in the repository")
}

/// `UPDATE_GOLDEN=1` writes the file anew; then review it as code.
#[test]
fn plans_of_tpch_are_as_reviewed() {
    let mut plans = String::new();
    for number in [1, 3, 4, 5, 6, 10, 12, 14, 19] {
        plans.push_str(&format!("-- q{number}\n{}", explained(&tpch_text(number))));
    }
    let path = format!("{}/src/sql/tests/tpch_plans.txt", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &plans).expect("the file can be written");
    }
    let golden = std::fs::read_to_string(&path).expect("the file is in the repository");
    for (found, expected) in plans.lines().zip(golden.lines()) {
        assert_eq!(found, expected);
    }
    assert_eq!(plans.len(), golden.len());
}
