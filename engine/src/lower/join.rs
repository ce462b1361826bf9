//! Joins: the right side is built first, the left side streams past it.

use std::sync::Arc;

use millwork_format::batch::Batch;
use millwork_format::selection::Selection;
use millwork_format::types::{DataType, Field};

use super::stream::Stream;
use super::{Asked, Lowering, Passed, mark};
use crate::error::Result;
use crate::expr::{Expr, Program};
use crate::operator::Project;
use crate::operator::join::{
    JoinBuildSink, JoinFilter, JoinProbe, JoinResidual, JoinShared, JoinSpec, Residual,
};
use crate::plan::logical::{Join, JoinKind};
use crate::value::Scalar;

impl Lowering {
    /// The pairs (or left rows) that the join gives.
    pub(super) fn join(&mut self, node: &Join, asked: &Asked<'_>) -> Result<Stream> {
        let wanted = asked.wanted;
        let (left, right) = (node.left.fields(), node.right.fields());
        let both = both_wanted(node, wanted);
        let (of_left, of_right) = both.split_at(left.len());
        let build = self.stream(&node.right, build_asked(node, asked, of_right))?;
        let pairs = !matches!(node.kind, JoinKind::Semi | JoinKind::Anti);
        let output: Option<Vec<usize>> = (pairs && wanted.contains(&false))
            .then(|| (0..wanted.len()).filter(|column| wanted[*column]).collect());
        let spec = JoinSpec {
            kind: node.kind,
            left_types: types(left),
            right_types: types(right),
            left_keys: node.left_keys.clone(),
            right_keys: node.right_keys.clone(),
            residual: residual(&node.residual),
            output: output.clone(),
        };
        let shared = JoinShared::new(spec, &self.budget)?;
        let (sinks, finished) = (Arc::clone(&shared), Arc::clone(&shared));
        let built = self.end_then(
            "join build",
            build,
            move |_| Ok(Box::new(JoinBuildSink::new(Arc::clone(&sinks))?)),
            move |_| finished.finish(),
        );
        let filters = match node.kind {
            JoinKind::Inner | JoinKind::Semi => node.left_keys.as_slice(),
            _ => &[],
        };
        let filters = filters.iter().enumerate().map(|(key, column)| Passed {
            filter: Arc::new(JoinFilter::new(Arc::clone(&shared), key)),
            column: *column,
            known_after: Some(built),
        });
        let mut probe = probe_asked(node, asked, of_left);
        probe.filters.extend(filters);
        let probe = self.stream(&node.left, probe)?;
        let joined =
            probe.after(built).then(move || Ok(Box::new(JoinProbe::new(Arc::clone(&shared))?)));
        let Some(output) = output else { return Ok(joined) };
        // Back to the positions that the nodes above count by; what nobody reads is null.
        let placed: Vec<Expr> = (0..wanted.len())
            .map(|column| {
                let data_type = node.fields[column].data_type.clone();
                match output.binary_search(&column) {
                    Ok(position) => Expr::column(position, data_type),
                    Err(_) => Expr::literal(Scalar::Null, data_type),
                }
            })
            .collect();
        Ok(joined.then(move || Ok(Box::new(Project::new(&placed)?))))
    }
}

/// What is asked of the left input: left rows that nobody above can use may be left out before they are
/// joined, unless that hides an error.
fn probe_asked<'a>(node: &Join, asked: &Asked<'_>, wanted: &'a [bool]) -> Asked<'a> {
    let passes = !node.residual.iter().any(Expr::can_fail);
    let below = asked.below(wanted, |column| (passes && column < wanted.len()).then_some(column));
    Asked { in_order: false, ..below }
}

/// What is asked of the right input. Its rows are only there for those on the left, and without one of
/// them a left row of an inner join is gone; one of another kind of join is not.
fn build_asked<'a>(node: &Join, asked: &Asked<'_>, wanted: &'a [bool]) -> Asked<'a> {
    let passes = matches!(node.kind, JoinKind::Inner | JoinKind::Cross)
        && !node.residual.iter().any(Expr::can_fail);
    let left = node.left.fields().len();
    let below = asked.below(wanted, |column| column.checked_sub(left).filter(|_| passes));
    Asked { in_order: false, ..below }
}

/// Which left and right columns the join or somebody above it reads.
fn both_wanted(node: &Join, wanted: &[bool]) -> Vec<bool> {
    let left = node.left.fields().len();
    let mut both = wanted.to_vec();
    both.resize(left + node.right.fields().len(), false);
    node.left_keys.iter().for_each(|column| both[*column] = true);
    node.right_keys.iter().for_each(|column| both[left + *column] = true);
    node.residual.iter().for_each(|conjunct| mark(conjunct, &mut both));
    both
}

fn types(fields: &[Field]) -> Vec<DataType> {
    fields.iter().map(|field| field.data_type.clone()).collect()
}

fn residual(conjuncts: &[Expr]) -> Option<JoinResidual> {
    if conjuncts.is_empty() {
        return None;
    }
    let mut columns = Vec::new();
    for conjunct in conjuncts {
        conjunct.for_each_column(&mut |column| columns.push(column));
    }
    columns.sort_unstable();
    columns.dedup();
    let conjuncts = conjuncts.to_vec();
    let make = move || {
        let programs: Result<Vec<Program>> = conjuncts.iter().cloned().map(Program::new).collect();
        let mut programs = programs?;
        let matches = move |pairs: &Batch| -> Result<Selection> {
            let mut selection = pairs.selection().clone();
            for program in &mut programs {
                if selection.is_none() {
                    break;
                }
                selection = program.select(pairs.columns(), pairs.rows(), &selection)?;
            }
            Ok(selection)
        };
        Ok(Box::new(matches) as Box<dyn Residual>)
    };
    Some(JoinResidual { columns, make: Arc::new(make) })
}
