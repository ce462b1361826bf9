//! Rules: each takes a plan and gives an equivalent one. Pure: no data, no clock, no files.
//!
//! In the order in which [`optimize`] runs them:
//! - [`fold`]: constants are computed.
//! - [`push_down`]: conditions go to scans and joins, with [`or_conjuncts`] for what an OR implies and
//!   [`equi_join`] for the keys.
//! - [`join_order`]: inner joins by expected rows.
//! - [`semi_reduction`]: large right sides of semi joins are cut down first.
//! - [`prune`]: columns that nothing needs, and parts of nested ones ([`parts`]).
//! - [`top_k`]: limits go into sorts.
//!
//! Subqueries are joins from the binder on.

pub mod fold;
pub mod equi_join;
pub mod or_conjuncts;
pub mod push_down;
pub mod join_order;
pub mod semi_reduction;
pub mod parts;
pub mod prune;
pub mod top_k;

use super::LogicalPlan;

/// The plan to run for a bound plan.
#[must_use]
pub fn optimize(mut plan: LogicalPlan) -> LogicalPlan {
    fold::fold_plan(&mut plan);
    let plan = push_down::push_down(plan);
    let plan = join_order::join_order(plan);
    let plan = semi_reduction::semi_reduction(plan);
    let plan = prune::prune(plan);
    top_k::top_k(plan)
}
