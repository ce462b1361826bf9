//! What evaluates only some of the rows: AND, OR, NOT, CASE, COALESCE; and predicates to selections.
//!
//! In: parts of an expression and a selection. Out: three-valued results, or the rows for which a
//! predicate is wanted true or wanted false: NOT and De Morgan's rules cost nothing then. A part is
//! evaluated only for the rows that the parts before it left open.

use millwork_codecs::buffer::Bitmap;
use millwork_codecs::kernel::{mask_and, mask_and_not, mask_or};
use millwork_format::selection::Selection;
use millwork_format::vector::{Cell, Vector};

use super::{
    Columns, Function, Input, Node, NodeKind, Truth, call, choose, gather, is_sparse, operand,
};
use crate::error::Result;
use crate::kernel::mask;

/// The rows of `selection` for which every part is `wanted`.
pub(super) fn decide_all(
    parts: &mut [Node],
    input: &Input<'_>,
    selection: &Selection,
    wanted: bool,
) -> Result<Selection> {
    let mut current = selection.clone();
    for index in 0..parts.len() {
        if current.is_none() {
            break;
        }
        let is_cheap = parts[index..].iter().all(|part| part.is_cheap);
        if is_sparse(&current, is_cheap) && !parts[index].is_free() {
            let rest = &mut parts[index..];
            let mut used: Vec<usize> =
                rest.iter().flat_map(|p| p.columns.iter().copied()).collect();
            used.sort_unstable();
            used.dedup();
            let columns = gather(input, &used, &current)?;
            let rows = current.count();
            let columns = Columns::Some(&columns);
            let dense = Input { columns, rows, entries: input.entries };
            let kept = decide_all(rest, &dense, &Selection::All(rows), wanted)?;
            return Ok(current.refine(&kept)?);
        }
        current = parts[index].decide(input, &current, wanted)?;
    }
    Ok(current)
}

/// The rows of `selection` for which some part is `wanted`.
fn decide_any(
    parts: &mut [Node],
    input: &Input<'_>,
    selection: &Selection,
    wanted: bool,
) -> Result<Selection> {
    let mut found = mask::words(input.rows)?;
    let mut open = selection.clone();
    for part in parts {
        if open.is_none() {
            break;
        }
        let holds = decide_all(std::slice::from_mut(part), input, &open, wanted)?;
        if holds.is_none() {
            continue;
        }
        let holds = holds.mask();
        mask_or(&mut found, holds.words());
        open = Selection::from_bitmap(mask::and_not(&open.mask(), &holds)?);
    }
    Ok(Selection::from_bitmap(mask::bitmap(found, input.rows)?))
}

impl Node {
    /// The rows of `selection` for which the predicate is `wanted`.
    fn decide(
        &mut self,
        input: &Input<'_>,
        selection: &Selection,
        wanted: bool,
    ) -> Result<Selection> {
        match &mut self.kind {
            NodeKind::Literal(value) => {
                let holds = matches!(value.cell(0), Cell::Boolean(value) if value == wanted);
                let none = || Selection::from_bitmap(Bitmap::filled(false, input.rows));
                return Ok(if holds { selection.clone() } else { none() });
            }
            NodeKind::Call(Function::Not, arguments, _) => {
                if let [argument] = &mut arguments[..] {
                    return argument.decide(input, selection, !wanted);
                }
            }
            _ => {}
        }
        let truth = match self.lifted_truth(input)? {
            Some(truth) => truth,
            None => match &mut self.kind {
                NodeKind::And(parts) if wanted => {
                    return decide_all(parts, input, selection, true);
                }
                NodeKind::And(parts) => return decide_any(parts, input, selection, false),
                NodeKind::Or(parts) if wanted => return decide_any(parts, input, selection, true),
                NodeKind::Or(parts) => return decide_all(parts, input, selection, false),
                _ => self.truth(input, selection)?,
            },
        };
        let Truth { mut words, validity } = truth;
        if !wanted {
            words.iter_mut().for_each(|word| *word = !*word);
        }
        if let Some(validity) = validity {
            mask_and(&mut words, validity.words());
        }
        match selection {
            Selection::All(_) => {}
            Selection::Mask { bits, .. } => mask_and(&mut words, bits.words()),
            Selection::Rows { .. } => mask_and(&mut words, selection.mask().words()),
        }
        Ok(Selection::from_bitmap(mask::bitmap(words, input.rows)?))
    }

    /// The predicate's answers, over rows.
    fn truth(&mut self, input: &Input<'_>, selection: &Selection) -> Result<Truth> {
        let rows = input.rows;
        match &mut self.kind {
            NodeKind::Call(function, arguments, prepared) if call::is_predicate(function) => {
                let mut values = Vec::with_capacity(arguments.len());
                for argument in arguments.iter_mut() {
                    values.push(operand::flat(&argument.evaluate(input, selection)?)?);
                }
                if !values.iter().all(operand::is_constant) {
                    return call::predicate(
                        function, &values, arguments, prepared, rows, selection,
                    );
                }
            }
            NodeKind::InList { argument, members } => {
                let value = operand::flat(&argument.evaluate(input, selection)?)?;
                if !operand::is_constant(&value) {
                    return members.test(&value, rows);
                }
            }
            _ => {}
        }
        operand::truth(&self.evaluate(input, selection)?)
    }
}

/// AND (`conjunction`) or OR of `parts`, three-valued.
pub(super) fn evaluate(
    parts: &mut [Node],
    conjunction: bool,
    input: &Input<'_>,
    selection: &Selection,
) -> Result<Vector> {
    let rows = input.rows;
    // A part decides a row if it is false (AND), true (OR); else a part without an answer leaves
    // the row without.
    let mut decided = mask::words(rows)?;
    let mut unknown = mask::words(rows)?;
    let mut open = selection.clone();
    for part in parts {
        if open.is_none() {
            break;
        }
        let Truth { mut words, validity } = operand::truth(&part.evaluate(input, &open)?)?;
        if conjunction {
            words.iter_mut().for_each(|word| *word = !*word);
        }
        if let Some(validity) = validity {
            mask_and(&mut words, validity.words());
            mask_or(&mut unknown, mask::not(&validity)?.words());
        }
        mask_or(&mut decided, &words);
        let mut left = mask::words_of(&open.mask())?;
        mask_and_not(&mut left, &words);
        open = Selection::from_bitmap(mask::bitmap(left, rows)?);
    }
    mask_and_not(&mut unknown, &decided);
    let unknown = mask::bitmap(unknown, rows)?;
    let validity = if unknown.count_ones() == 0 { None } else { Some(mask::not(&unknown)?) };
    if conjunction {
        decided.iter_mut().for_each(|word| *word = !*word);
    }
    Truth { words: mask::words_of(&mask::bitmap(decided, rows)?)?, validity }.into_vector(rows)
}

/// CASE: each result for the rows that no condition before took.
pub(super) fn case(
    branches: &mut [(Node, Node)],
    otherwise: &mut Node,
    input: &Input<'_>,
    selection: &Selection,
) -> Result<Vector> {
    let mut open = selection.clone();
    let mut pieces: Vec<(Bitmap, Vector)> = Vec::with_capacity(branches.len());
    for (condition, result) in branches {
        if open.is_none() {
            break;
        }
        let taken = decide_all(std::slice::from_mut(condition), input, &open, true)?;
        if taken.is_none() {
            continue;
        }
        let rows = taken.mask();
        pieces.push((rows.clone(), result.evaluate(input, &taken)?));
        open = Selection::from_bitmap(mask::and_not(&open.mask(), &rows)?);
    }
    let mut merged = if open.is_none() {
        match pieces.pop() {
            // Its rows are those that are left: the others come on top.
            Some((_, last)) => last,
            None => Vector::null(input.rows),
        }
    } else {
        otherwise.evaluate(input, &open)?
    };
    for (rows, piece) in &pieces {
        merged = choose::choose(rows, piece, &merged)?;
    }
    Ok(merged)
}

/// COALESCE: each argument for the rows where those before are null.
pub(super) fn coalesce(
    arguments: &mut [Node],
    input: &Input<'_>,
    selection: &Selection,
) -> Result<Vector> {
    let mut merged = Vector::null(input.rows);
    let mut open = selection.clone();
    for argument in arguments {
        if open.is_none() {
            break;
        }
        let value = argument.evaluate(input, &open)?;
        let present = operand::validity_of(std::slice::from_ref(&value))?
            .unwrap_or_else(|| Bitmap::filled(true, input.rows));
        let rows = open.mask();
        merged = choose::choose(&rows, &value, &merged)?;
        open = Selection::from_bitmap(mask::and_not(&rows, &present)?);
    }
    Ok(merged)
}
