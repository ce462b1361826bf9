//! A limit over a sort keeps that many rows instead of sorting all.

use crate::plan::LogicalPlan;
use crate::plan::logical::{Limit, Sort};

/// Moves limits into sorts, also through projections.
#[must_use]
pub fn top_k(mut plan: LogicalPlan) -> LogicalPlan {
    if let LogicalPlan::Limit(limit) = plan {
        plan = into(*limit.input, limit.limit, limit.offset);
    }
    for input in plan.inputs_mut() {
        *input = top_k(std::mem::replace(input, LogicalPlan::one_row()));
    }
    plan
}

fn into(plan: LogicalPlan, limit: Option<u64>, offset: u64) -> LogicalPlan {
    match plan {
        LogicalPlan::Sort(sort) if sort.limit.is_none() && sort.offset == 0 => {
            LogicalPlan::Sort(Sort { limit, offset, ..sort })
        }
        LogicalPlan::Project(mut project) if project.input.is_ordered() => {
            *project.input = into(*project.input, limit, offset);
            LogicalPlan::Project(project)
        }
        other => LogicalPlan::Limit(Limit { input: Box::new(other), limit, offset }),
    }
}
