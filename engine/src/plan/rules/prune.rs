//! Columns, and parts of nested columns, that nothing asks for are not read, not computed and not
//! carried through joins.
//!
//! In: any plan. Out: the same rows in the same columns at the root. A scan of which only parts of a
//! column are wanted has a column for each of them.

use std::sync::Arc;

use millwork_format::schema::PathStep;
use millwork_format::types::{DataType, Field};

use super::parts::{Need, Path, Place, mark, path_of, rewrite};
use crate::expr::{Expr, ExprKind};
use crate::plan::LogicalPlan;
use crate::plan::conjuncts::substitute;
use crate::plan::logical::{Join, Project, Scan, TableColumn, Unnest, join_fields};

/// Prunes `plan`, all of whose columns are asked for.
#[must_use]
pub fn prune(plan: LogicalPlan) -> LogicalPlan {
    let needed = vec![Need::Whole; plan.fields().len()];
    exactly(plan, &needed).plan
}

/// A plan of fewer columns, and where the old ones are.
struct Pruned {
    plan: LogicalPlan,
    places: Vec<Place>,
}

impl Pruned {
    /// The new position of a column that is there as a whole.
    fn map(&self, column: usize) -> usize {
        match self.places.get(column) {
            Some(Place::Column(at)) => *at,
            _ => column,
        }
    }

    fn map_all(&self, columns: &mut [usize]) {
        for column in columns {
            *column = self.map(*column);
        }
    }

    fn map_exprs(&self, exprs: &mut [Expr]) {
        for expr in exprs {
            rewrite(expr, &self.places);
        }
    }
}

fn mark_whole(needed: &mut [Need], column: usize) {
    if let Some(need) = needed.get_mut(column) {
        *need = Need::Whole;
    }
}

fn mark_exprs(needed: &mut [Need], exprs: &[Expr]) {
    exprs.iter().for_each(|expr| mark(needed, expr));
}

/// The same without parts: where columns cannot be split.
fn undivided(needed: &[Need]) -> Vec<Need> {
    let whole = |need: &Need| if need.is_some() { Need::Whole } else { Need::Nothing };
    needed.iter().map(whole).collect()
}

/// New positions of the columns that are `kept`, in their old order.
fn positions(kept: &[bool]) -> Vec<Place> {
    let mut next = 0;
    let place = |&is_kept: &bool| {
        next += usize::from(is_kept);
        if is_kept { Place::Column(next - 1) } else { Place::Gone }
    };
    kept.iter().map(place).collect()
}

fn keep<T>(values: &mut Vec<T>, kept: &[bool]) {
    let mut flags = kept.iter();
    values.retain(|_| flags.next().copied().unwrap_or(true));
}

fn flags(needed: &[Need]) -> Vec<bool> {
    needed.iter().map(Need::is_some).collect()
}

/// `plan` with at least what is `needed`.
fn narrow(plan: LogicalPlan, needed: &[Need]) -> Pruned {
    match plan {
        LogicalPlan::Scan(scan) => narrow_scan(scan, needed),
        LogicalPlan::Values(mut values) => {
            let kept = flags(needed);
            for row in &mut values.rows {
                keep(row, &kept);
            }
            keep(&mut values.fields, &kept);
            Pruned { plan: LogicalPlan::Values(values), places: positions(&kept) }
        }
        LogicalPlan::Filter(mut filter) => {
            let mut below = needed.to_vec();
            mark_exprs(&mut below, &filter.predicates);
            let input = narrow(*filter.input, &below);
            input.map_exprs(&mut filter.predicates);
            Pruned { plan: input.plan.filter(filter.predicates), places: input.places }
        }
        LogicalPlan::Project(project) => narrow_project(project, needed),
        LogicalPlan::Unnest(unnest) => narrow_unnest(unnest, needed),
        LogicalPlan::Aggregate(mut aggregate) => {
            let groups = aggregate.groups.len();
            let mut kept = flags(needed);
            kept[..groups].fill(true);
            // A grouping without keys and aggregates would be a row without columns.
            if !kept.contains(&true)
                && let Some(first) = kept.first_mut()
            {
                *first = true;
            }
            keep(&mut aggregate.aggregates, &kept[groups..]);
            keep(&mut aggregate.fields, &kept);
            let mut below = vec![Need::Nothing; aggregate.input.fields().len()];
            for &column in &aggregate.groups {
                mark_whole(&mut below, column);
            }
            for call in &aggregate.aggregates {
                for column in call.argument.iter().chain(&call.filter) {
                    mark_whole(&mut below, *column);
                }
            }
            let input = narrow(*aggregate.input, &below);
            input.map_all(&mut aggregate.groups);
            for call in &mut aggregate.aggregates {
                for column in call.argument.iter_mut().chain(&mut call.filter) {
                    *column = input.map(*column);
                }
            }
            *aggregate.input = input.plan;
            Pruned { plan: LogicalPlan::Aggregate(aggregate), places: positions(&kept) }
        }
        LogicalPlan::Join(join) => narrow_join(join, needed),
        LogicalPlan::Sort(mut sort) => {
            let mut below = needed.to_vec();
            for key in &sort.keys {
                mark_whole(&mut below, key.column);
            }
            let input = narrow(*sort.input, &below);
            for key in &mut sort.keys {
                key.column = input.map(key.column);
            }
            *sort.input = input.plan;
            Pruned { plan: LogicalPlan::Sort(sort), places: input.places }
        }
        LogicalPlan::Limit(mut limit) => {
            let input = narrow(*limit.input, needed);
            *limit.input = input.plan;
            Pruned { plan: LogicalPlan::Limit(limit), places: input.places }
        }
        LogicalPlan::Union(mut union) => {
            // Inputs that are no scans could not give the parts that others give.
            let needed = undivided(needed);
            let inputs = union.inputs.into_iter();
            union.inputs = inputs.map(|input| exactly(input, &needed).plan).collect();
            let kept = flags(&needed);
            keep(&mut union.fields, &kept);
            Pruned { plan: LogicalPlan::Union(union), places: positions(&kept) }
        }
    }
}

/// A scan of the columns that are needed, of some only parts.
fn narrow_scan(scan: Scan, needed: &[Need]) -> Pruned {
    let mut needed = needed.to_vec();
    mark_exprs(&mut needed, &scan.predicates);
    let Scan { table, columns, mut predicates, fields } = scan;
    let (mut new_columns, mut new_fields) = (Vec::new(), Vec::new());
    let mut places = Vec::with_capacity(columns.len());
    for ((column, field), need) in columns.into_iter().zip(fields).zip(&needed) {
        let parts = match need {
            Need::Parts(paths) => split(&field, paths),
            _ => None,
        };
        places.push(match (need, parts) {
            (Need::Nothing, _) => Place::Gone,
            (_, Some(parts)) => {
                let mut places = Vec::with_capacity(parts.len());
                for (path, part) in parts {
                    places.push((path.clone(), new_columns.len(), part.data_type.clone()));
                    let path = [column.path.as_slice(), &path].concat();
                    new_columns.push(TableColumn { column: column.column, path });
                    new_fields.push(part);
                }
                Place::Parts(places)
            }
            _ => {
                new_columns.push(column);
                new_fields.push(field);
                Place::Column(new_columns.len() - 1)
            }
        });
    }
    for predicate in &mut predicates {
        rewrite(predicate, &places);
    }
    let scan = Scan { table, columns: new_columns, predicates, fields: new_fields };
    Pruned { plan: LogicalPlan::Scan(scan), places }
}

/// The parts of `field` at `paths`, in the order of the file; `None` if they are not parts of it.
fn split(field: &Field, paths: &[Path]) -> Option<Vec<(Path, Field)>> {
    let mut sorted: Vec<&Path> = paths.iter().collect();
    sorted.sort();
    sorted.into_iter().map(|path| Some((path.clone(), part(field, path)?))).collect()
}

/// The part of `field` at `path`, with a name that says so.
fn part(field: &Field, path: &[PathStep]) -> Option<Field> {
    let (step, rest) = match path.split_first() {
        None => return Some(field.clone()),
        Some(split) => split,
    };
    match (step, &field.data_type) {
        (PathStep::Field(index), DataType::Struct(fields)) => {
            let own = fields.get(*index)?;
            let name = format!("{}.{}", field.name, own.name);
            part(&Field::nullable(&name, own.data_type.clone()), rest)
        }
        (PathStep::Element, DataType::List(element)) => {
            let name = format!("{}[]", field.name);
            let inner = part(&Field::nullable(&name, element.data_type.clone()), rest)?;
            let element = Field::nullable(&element.name, inner.data_type);
            Some(Field::nullable(&inner.name, DataType::List(element.into())))
        }
        _ => None,
    }
}

/// Computes what is needed. An output that is a column, or a field in one, is passed on in parts.
fn narrow_project(project: Project, needed: &[Need]) -> Pruned {
    let Project { input, expressions, fields } = project;
    let mut below = vec![Need::Nothing; input.fields().len()];
    for (expr, need) in expressions.iter().zip(needed) {
        match (need, path_of(expr)) {
            (Need::Nothing, _) => {}
            (Need::Parts(_), Some((column, path))) if !path.contains(&PathStep::Element) => {
                below[column].add_all(&path, need);
            }
            _ => mark(&mut below, expr),
        }
    }
    let input = narrow(*input, &below);
    let (mut new_expressions, mut new_fields) = (Vec::new(), Vec::new());
    let mut places = Vec::with_capacity(expressions.len());
    for ((mut expr, field), need) in expressions.into_iter().zip(fields).zip(needed) {
        let parts = match need {
            Need::Parts(paths) => passed(&input, &expr, &field, paths),
            _ => None,
        };
        places.push(match (need, parts) {
            (Need::Nothing, _) => Place::Gone,
            (_, Some(parts)) => {
                let mut places = Vec::with_capacity(parts.len());
                for (path, expr, field) in parts {
                    places.push((path, new_expressions.len(), expr.data_type.clone()));
                    new_expressions.push(expr);
                    new_fields.push(field);
                }
                Place::Parts(places)
            }
            _ => {
                rewrite(&mut expr, &input.places);
                new_expressions.push(expr);
                new_fields.push(field);
                Place::Column(new_expressions.len() - 1)
            }
        });
    }
    let project =
        Project { input: Box::new(input.plan), expressions: new_expressions, fields: new_fields };
    Pruned { plan: without_identity(project), places }
}

/// The columns of `input` that are the parts at `paths` of the output `expr`, where it has them in
/// parts.
fn passed(
    input: &Pruned,
    expr: &Expr,
    field: &Field,
    paths: &[Path],
) -> Option<Vec<(Path, Expr, Field)>> {
    let (column, path) = path_of(expr)?;
    let place = input.places.get(column)?;
    let mut parts = Vec::with_capacity(paths.len());
    for rest in paths {
        let (found, at, data_type) = place.part(&[path.as_slice(), rest].concat())?;
        // A part around the output would have to be split here.
        let rest = found.get(path.len()..)?.to_vec();
        if rest.is_empty() {
            return None;
        }
        let named = part(field, &rest)?;
        parts.push((rest, Expr::column(*at, data_type.clone()), named));
    }
    Some(parts)
}

/// The lists that are opened, of some only parts: `unnest(tags).name` is `unnest` of the names.
fn narrow_unnest(unnest: Unnest, needed: &[Need]) -> Pruned {
    let Unnest { input, lists, keep_empty, fields, .. } = unnest;
    let width = input.fields().len();
    let (outer, elements) = needed.split_at(width);
    let mut below = outer.to_vec();
    let mut wanted: Vec<Vec<Path>> = Vec::with_capacity(lists.len());
    for (list, need) in lists.iter().zip(elements) {
        let paths = paths_into(list, need);
        if paths.is_empty() {
            mark(&mut below, list);
        }
        for (column, path) in &paths {
            below[*column].add(path.clone());
        }
        wanted.push(paths.into_iter().map(|(_, path)| path).collect());
    }
    let input = narrow(*input, &below);
    let new_width = input.plan.fields().len();
    let mut places: Vec<Place> = input.places.clone();
    places.truncate(width);
    let mut new_fields = input.plan.fields().to_vec();
    let (mut new_lists, mut alike) = (Vec::new(), Vec::new());
    for (index, (mut list, paths)) in lists.into_iter().zip(wanted).enumerate() {
        let field = &fields[width + index];
        let first = new_lists.len();
        let Some(parts) = opened(&input, &list, &paths) else {
            rewrite(&mut list, &input.places);
            places.push(Place::Column(new_width + first));
            new_fields.push(field.clone());
            new_lists.push(list);
            alike.push(first);
            continue;
        };
        let mut found = Vec::with_capacity(parts.len());
        for (rest, from, element) in parts {
            new_fields.push(part(field, &rest).unwrap_or_else(|| field.clone()));
            found.push((rest, new_width + new_lists.len(), element.data_type.clone()));
            let column = Expr::column(from, DataType::List(element));
            new_lists.push(Expr { span: list.span, ..column });
            alike.push(first);
        }
        places.push(Place::Parts(found));
    }
    let input = Box::new(input.plan);
    let (lists, fields) = (new_lists, new_fields);
    let plan = LogicalPlan::Unnest(Unnest { input, lists, alike, keep_empty, fields });
    Pruned { plan, places }
}

/// The parts of elements of `list` that are asked for, by the column they are in; none if elements
/// are asked for as they are, or the list is computed.
fn paths_into(list: &Expr, need: &Need) -> Vec<(usize, Path)> {
    let found = path_of(list).filter(|(_, path)| !path.contains(&PathStep::Element));
    let Some((column, path)) = found else { return Vec::new() };
    let inside =
        |rest: &[PathStep]| (column, [path.as_slice(), &[PathStep::Element], rest].concat());
    match need {
        Need::Parts(paths) => paths.iter().map(|rest| inside(rest)).collect(),
        // What is in the elements does not matter: how many there are is told by any part.
        Need::Nothing if has_fields(&list.data_type) => vec![inside(&[PathStep::Field(0)])],
        _ => Vec::new(),
    }
}

/// The columns of `input` that are the parts at `paths`, which lead into elements of `list`: the path
/// within an element, the column, what is in it. `None` if it has not all of them apart.
fn opened(input: &Pruned, list: &Expr, paths: &[Path]) -> Option<Vec<(Path, usize, Arc<Field>)>> {
    let (column, own) = path_of(list)?;
    let place = input.places.get(column)?;
    let mut parts: Vec<(Path, usize, Arc<Field>)> = Vec::with_capacity(paths.len());
    for path in paths {
        let (found, from, data_type) = place.part(path)?;
        // One that ends before the list is opened is as good as the whole.
        let rest = found.get(own.len() + 1..)?.to_vec();
        let DataType::List(element) = data_type else { return None };
        if rest.is_empty() {
            return None;
        }
        if !parts.iter().any(|(known, ..)| *known == rest) {
            parts.push((rest, *from, Arc::clone(element)));
        }
    }
    (!parts.is_empty()).then_some(parts)
}

/// Whether the elements of a list are structs.
fn has_fields(list: &DataType) -> bool {
    matches!(list, DataType::List(element)
        if matches!(&element.data_type, DataType::Struct(fields) if !fields.is_empty()))
}

/// A projection of all columns as they are is none; one over a projection of columns is one.
fn without_identity(mut project: Project) -> LogicalPlan {
    if let LogicalPlan::Project(below) = &*project.input
        && below.expressions.iter().all(|expr| matches!(expr.kind, ExprKind::Column(_)))
    {
        for expr in &mut project.expressions {
            substitute(expr, &|column| below.expressions.get(column).cloned());
        }
        let input = std::mem::replace(&mut *project.input, LogicalPlan::one_row());
        if let LogicalPlan::Project(below) = input {
            project.input = below.input;
        }
    }
    let input = project.input.fields();
    let is_column = |(at, expr): (usize, &Expr)| expr.kind == ExprKind::Column(at);
    let is_same = project.expressions.len() == input.len()
        && project.expressions.iter().enumerate().all(is_column)
        && project.fields.iter().zip(input).all(|(own, below)| own.name == below.name);
    if is_same { *project.input } else { LogicalPlan::Project(project) }
}

/// `plan` with the columns that are `needed` and no other.
fn exactly(plan: LogicalPlan, needed: &[Need]) -> Pruned {
    let pruned = narrow(plan, needed);
    let mut wanted: Vec<usize> = Vec::new();
    let mut take = |at: usize| {
        wanted.push(at);
        wanted.len() - 1
    };
    let mut places = Vec::with_capacity(needed.len());
    for (need, place) in needed.iter().zip(&pruned.places) {
        places.push(match (need, place) {
            (Need::Nothing, _) | (_, Place::Gone) => Place::Gone,
            (_, Place::Column(at)) => Place::Column(take(*at)),
            (need, Place::Parts(parts)) => {
                let is_asked = |part: &Path| match need {
                    Need::Parts(paths) => paths.iter().any(|path| path.starts_with(part)),
                    _ => true,
                };
                let parts = parts.iter().filter(|(part, ..)| is_asked(part));
                Place::Parts(
                    parts.map(|(part, at, of)| (part.clone(), take(*at), of.clone())).collect(),
                )
            }
        });
    }
    let have = pruned.plan.fields();
    if wanted.len() == have.len() && wanted.iter().enumerate().all(|(at, &column)| at == column) {
        return pruned;
    }
    let fields: Vec<_> = wanted.iter().map(|&at| have[at].clone()).collect();
    let columns = wanted.iter().zip(&fields);
    let columns = columns.map(|(&at, field)| Expr::column(at, field.data_type.clone())).collect();
    Pruned { plan: pruned.plan.project(columns, fields), places }
}

/// Columns that only a side's own conditions use do not enter the join.
fn narrow_join(join: Join, needed: &[Need]) -> Pruned {
    let (left_width, right_width) = (join.left.fields().len(), join.right.fields().len());
    let mut all = needed.to_vec();
    all.resize(left_width + right_width, Need::Nothing);
    mark_exprs(&mut all, &join.residual);
    for &key in &join.left_keys {
        mark_whole(&mut all, key);
    }
    for &key in &join.right_keys {
        mark_whole(&mut all, left_width + key);
    }
    let left = exactly(*join.left, &all[..left_width]);
    let right = exactly(*join.right, &all[left_width..]);
    let new_left = left.plan.fields().len();
    let shifted = right.places.iter().map(|place| match place {
        Place::Gone => Place::Gone,
        Place::Column(at) => Place::Column(at + new_left),
        Place::Parts(parts) => {
            let parts = parts.iter();
            Place::Parts(
                parts.map(|(path, at, of)| (path.clone(), at + new_left, of.clone())).collect(),
            )
        }
    });
    let places = left.places.iter().cloned().chain(shifted).collect();
    let (mut left_keys, mut right_keys, mut residual) =
        (join.left_keys, join.right_keys, join.residual);
    left.map_all(&mut left_keys);
    right.map_all(&mut right_keys);
    let mut pruned = Pruned { plan: LogicalPlan::one_row(), places };
    pruned.map_exprs(&mut residual);
    let fields = join_fields(join.kind, left.plan.fields(), right.plan.fields());
    let (left, right) = (Box::new(left.plan), Box::new(right.plan));
    pruned.plan = LogicalPlan::Join(Join {
        left,
        right,
        kind: join.kind,
        left_keys,
        right_keys,
        residual,
        fields,
    });
    pruned.places.truncate(needed.len());
    pruned
}
