//! Running bound expressions over batches.
//!
//! In: a bound [`Expr`], compiled once a lane into a [`Program`]; then columns of a batch and a
//! selection, batch by batch. Out: a vector, or the selection of the rows where a predicate is true.
//!
//! Invariants: rows outside the selection hold anything defined and never raise an error; constant
//! arguments give constant results; an expression over one dictionary-encoded column runs once an
//! entry (see [`lift`]).
//!
//! | module | holds |
//! |---|---|
//! | [`operand`] | vectors seen as slices or one value; dictionaries made flat |
//! | [`compare`], [`members`] | comparisons and IN lists, to masks |
//! | [`arithmetic`], [`rounding`] | numbers |
//! | [`choose`] | rows of one vector or another, by a mask |
//! | [`cast`] | conversions |
//! | [`text`], [`date`], [`interval`], [`nested`] | functions of those types |
//! | [`call`] | from a function's name to its code |
//! | [`lift`] | once per dictionary entry |
//! | [`logic`] | AND, OR, NOT, CASE and what else evaluates only some rows |

#![forbid(unsafe_code)]

mod operand;
mod compare;
mod members;
mod arithmetic;
mod rounding;
mod choose;
mod cast;
mod text;
mod date;
mod interval;
mod nested;
mod call;
mod lift;
mod logic;
#[cfg(test)]
mod tests;

use std::cell::Cell;

use millwork_codecs::buffer::{Bitmap, Slice};
use millwork_format::selection::Selection;
use millwork_format::types::DataType;
use millwork_format::vector::Vector;

use self::call::Prepared;
use self::lift::Memo;
use self::members::Members;
use super::{Expr, ExprKind, Function};
use crate::error::{Error, Result, Span};
use crate::kernel::arithmetic::Range;
use crate::kernel::mask;
use crate::value::Scalar;

/// A selection of fewer rows than one in this many is gathered before it is evaluated, where
/// evaluating a row costs about as much as gathering it or more.
const SPARSE: usize = 6;
/// The same, where evaluating a row costs a fraction of that.
const SPARSE_CHEAP: usize = 32;

/// An expression made ready to run: literals laid out, patterns sorted out, memos of dictionaries.
/// One lane owns it.
#[derive(Debug)]
pub struct Program {
    root: Node,
    dictionary_entries_evaluated: u64,
}

impl Program {
    /// Makes `expr` ready.
    ///
    /// # Errors
    /// `Evaluate` for a literal that does not fit its type or a malformed pattern; `Internal` if the
    /// expression is not well bound.
    pub fn new(expr: Expr) -> Result<Self> {
        Ok(Self { root: Node::compile(expr)?, dictionary_entries_evaluated: 0 })
    }

    /// Type of the result.
    #[must_use]
    pub fn data_type(&self) -> &DataType {
        &self.root.data_type
    }

    /// Dictionary entries on which an expression has run so far, instead of on rows.
    #[must_use]
    pub fn dictionary_entries_evaluated(&self) -> u64 {
        self.dictionary_entries_evaluated
    }

    /// The result of each of the `rows` rows of `columns`. Rows outside `selection` hold anything
    /// defined.
    ///
    /// # Errors
    /// `Evaluate` if a selected row has no result; `Internal` if columns, rows and selection do not
    /// fit one another; or if memory is refused.
    pub fn evaluate(
        &mut self,
        columns: &[Vector],
        rows: usize,
        selection: &Selection,
    ) -> Result<Vector> {
        let entries = Cell::new(0);
        let input = Input::new(columns, rows, selection, &entries)?;
        let result = if selection.is_none() && rows > 0 {
            Ok(Vector::null(rows))
        } else if is_sparse(selection, self.root.is_cheap) && !self.root.is_free() {
            self.evaluate_gathered(&input, selection)
        } else {
            self.root.evaluate(&input, selection)
        };
        self.dictionary_entries_evaluated += entries.get();
        result
    }

    fn evaluate_gathered(&mut self, input: &Input<'_>, selection: &Selection) -> Result<Vector> {
        let count = selection.count();
        let columns = gather(input, &self.root.columns, selection)?;
        let columns = Columns::Some(&columns);
        let dense = Input { columns, rows: count, entries: input.entries };
        let result = self.root.evaluate(&dense, &Selection::All(count))?;
        let mut positions = vec![0u32; input.rows];
        for (position, row) in selection.rows().iter().enumerate() {
            positions[*row as usize] = position as u32;
        }
        Ok(result.take(&positions)?)
    }

    /// The rows of `selection` for which the expression, a BOOLEAN, is true.
    ///
    /// # Errors
    /// As [`Program::evaluate`].
    pub fn select(
        &mut self,
        columns: &[Vector],
        rows: usize,
        selection: &Selection,
    ) -> Result<Selection> {
        let entries = Cell::new(0);
        let input = Input::new(columns, rows, selection, &entries)?;
        let result =
            logic::decide_all(std::slice::from_mut(&mut self.root), &input, selection, true);
        self.dictionary_entries_evaluated += entries.get();
        result
    }
}

/// The value of an expression without columns, computed as a row of a batch would be. `None` if it has
/// columns or its value is nested, which no [`Scalar`] is.
///
/// # Errors
/// As [`Program::new`] and [`Program::evaluate`].
pub fn constant(expr: &Expr) -> Result<Option<Scalar>> {
    let mut has_columns = false;
    expr.for_each_column(&mut |_| has_columns = true);
    if has_columns {
        return Ok(None);
    }
    let mut program = Program::new(expr.clone())?;
    let value = program.evaluate(&[], 1, &Selection::All(1))?;
    Ok(Scalar::of_row(&value, 0, &expr.data_type).ok())
}

/// What an expression is computed from.
#[derive(Clone, Copy)]
struct Input<'a> {
    columns: Columns<'a>,
    rows: usize,
    /// Counts dictionary entries evaluated.
    entries: &'a Cell<u64>,
}

/// A batch's columns, or those of them that a dense copy needs.
#[derive(Clone, Copy)]
enum Columns<'a> {
    All(&'a [Vector]),
    /// By position, ascending.
    Some(&'a [(usize, Vector)]),
}

impl<'a> Columns<'a> {
    fn get(self, index: usize) -> Option<&'a Vector> {
        match self {
            Self::All(columns) => columns.get(index),
            Self::Some(columns) => {
                let place = columns.binary_search_by_key(&index, |(column, _)| *column);
                columns.get(place.ok()?).map(|(_, column)| column)
            }
        }
    }
}

impl<'a> Input<'a> {
    fn new(
        columns: &'a [Vector],
        rows: usize,
        selection: &Selection,
        entries: &'a Cell<u64>,
    ) -> Result<Self> {
        if selection.total() != rows || columns.iter().any(|column| column.len() != rows) {
            return Err(Error::internal(format!(
                "columns and a selection over {} rows in a batch of {rows}",
                selection.total()
            )));
        }
        Ok(Self { columns: Columns::All(columns), rows, entries })
    }
}

fn is_sparse(selection: &Selection, is_cheap: bool) -> bool {
    selection.count() * if is_cheap { SPARSE_CHEAP } else { SPARSE } < selection.total()
}

/// The selected rows of the columns that are used, which ascend.
fn gather(
    input: &Input<'_>,
    used: &[usize],
    selection: &Selection,
) -> Result<Vec<(usize, Vector)>> {
    let rows: Slice<u32> = selection.rows();
    let of = |index: &usize| {
        let column = input.columns.get(*index).ok_or_else(|| no_column(*index))?;
        Ok((*index, column.take(&rows)?))
    };
    used.iter().map(of).collect()
}

#[cold]
fn no_column(index: usize) -> Error {
    Error::internal(format!("an expression uses column {index} that is not there"))
}

/// One part of a program.
#[derive(Debug)]
struct Node {
    kind: NodeKind,
    data_type: DataType,
    span: Option<Span>,
    /// Columns used, ascending, each once.
    columns: Vec<usize>,
    /// Whether a row costs about a nanosecond at most: plain values in vectorised loops.
    is_cheap: bool,
    memo: Memo,
}

#[derive(Debug)]
enum NodeKind {
    Column(usize),
    /// One row.
    Literal(Vector),
    Call(Function, Vec<Node>, Prepared),
    And(Vec<Node>),
    Or(Vec<Node>),
    Cast {
        argument: Box<Node>,
        strict: bool,
    },
    Case {
        branches: Vec<(Node, Node)>,
        otherwise: Box<Node>,
    },
    InList {
        argument: Box<Node>,
        members: Members,
    },
}

fn is_plain(data_type: &DataType) -> bool {
    use millwork_format::types::Storage;
    let storage = data_type.storage();
    !matches!(storage, Storage::Views | Storage::Fixed(_) | Storage::List | Storage::Struct)
}

impl NodeKind {
    fn is_cheap(&self) -> bool {
        let all = |parts: &[Node]| parts.iter().all(|part| part.is_cheap);
        match self {
            Self::Column(_) | Self::Literal(_) => true,
            Self::Call(function, arguments, _) => {
                let vectorised = matches!(
                    function,
                    Function::Compare(_)
                        | Function::Not
                        | Function::IsNull
                        | Function::IsNotNull
                        | Function::AddChecked
                        | Function::SubtractChecked
                        | Function::MultiplyChecked
                );
                vectorised && all(arguments)
            }
            Self::And(parts) | Self::Or(parts) => all(parts),
            Self::InList { argument, .. } => argument.is_cheap,
            Self::Cast { .. } | Self::Case { .. } => false,
        }
    }
}

impl Node {
    fn compile(expr: Expr) -> Result<Self> {
        let compile_all =
            |parts: Vec<Expr>| parts.into_iter().map(Self::compile).collect::<Result<Vec<Self>>>();
        let mut columns = Vec::new();
        expr.for_each_column(&mut |column| columns.push(column));
        columns.sort_unstable();
        columns.dedup();
        let Expr { kind, data_type, span } = expr;
        let kind = match kind {
            ExprKind::Column(index) => NodeKind::Column(index),
            ExprKind::Literal(value) => NodeKind::Literal(value.to_vector(&data_type)?),
            ExprKind::Call(function, arguments) => {
                let arguments = compile_all(arguments)?;
                let prepared = Prepared::new(&function, &arguments)?;
                NodeKind::Call(function, arguments, prepared)
            }
            ExprKind::And(parts) => NodeKind::And(compile_all(parts)?),
            ExprKind::Or(parts) => NodeKind::Or(compile_all(parts)?),
            ExprKind::Cast { argument, strict } => {
                NodeKind::Cast { argument: Box::new(Self::compile(*argument)?), strict }
            }
            ExprKind::Case { branches, otherwise } => {
                let branches: Result<Vec<(Self, Self)>> = branches
                    .into_iter()
                    .map(|(when, then)| Ok((Self::compile(when)?, Self::compile(then)?)))
                    .collect();
                NodeKind::Case {
                    branches: branches?,
                    otherwise: Box::new(Self::compile(*otherwise)?),
                }
            }
            ExprKind::InList { argument, list } => {
                let members = Members::new(&list);
                NodeKind::InList { argument: Box::new(Self::compile(*argument)?), members }
            }
        };
        let is_cheap = kind.is_cheap() && is_plain(&data_type);
        let mut node = Self { kind, data_type, span, columns, is_cheap, memo: Memo::default() };
        node.fold();
        Ok(node)
    }

    /// Replaces an expression without columns by its value; one without a value stays, to raise its
    /// error where a row needs it.
    fn fold(&mut self) {
        if !self.columns.is_empty() || self.is_free() {
            return;
        }
        let entries = Cell::new(0);
        let input = Input { columns: Columns::Some(&[]), rows: 1, entries: &entries };
        if let Ok(value) = self.evaluate(&input, &Selection::All(1))
            && let Ok(value) = operand::one_row(&value)
        {
            self.kind = NodeKind::Literal(value);
        }
    }

    /// Whether evaluating costs nothing.
    fn is_free(&self) -> bool {
        matches!(self.kind, NodeKind::Column(_) | NodeKind::Literal(_))
    }

    /// The value, if it is a literal that is not null.
    fn literal(&self) -> Option<&Vector> {
        match &self.kind {
            NodeKind::Literal(value) if value.is_valid(0) => Some(value),
            _ => None,
        }
    }

    fn evaluate(&mut self, input: &Input<'_>, selection: &Selection) -> Result<Vector> {
        match &self.kind {
            NodeKind::Column(index) => {
                return input.columns.get(*index).cloned().ok_or_else(|| no_column(*index));
            }
            NodeKind::Literal(value) => return Ok(Vector::constant(value.clone(), input.rows)?),
            _ => {}
        }
        if let Some(lifted) = self.lifted(input)? {
            return Ok(lifted);
        }
        self.compute(input, selection)
    }

    /// The result, and for decimals a range in which all of its values lie, if one is known.
    fn ranged(
        &mut self,
        input: &Input<'_>,
        selection: &Selection,
    ) -> Result<(Vector, Option<Range>)> {
        let operation = match &self.kind {
            NodeKind::Call(function, ..) => call::decimal_operation(function, &self.data_type),
            _ => None,
        };
        let lifted = if self.is_free() { None } else { self.lifted(input)? };
        if let (Some(operation), NodeKind::Call(_, arguments, _), None) =
            (operation, &mut self.kind, &lifted)
        {
            let result = call::decimals(operation, arguments, &self.data_type, input, selection);
            return match self.span {
                Some(span) => result.map_err(|error| error.at(span)),
                None => result,
            };
        }
        let value = match lifted {
            Some(lifted) => lifted,
            None if self.is_free() => self.evaluate(input, selection)?,
            None => self.compute(input, selection)?,
        };
        let range = operand::entry_range(&value);
        Ok((value, range))
    }

    /// Evaluates over rows.
    fn compute(&mut self, input: &Input<'_>, selection: &Selection) -> Result<Vector> {
        let (data_type, span) = (&self.data_type, self.span);
        let result = match &mut self.kind {
            NodeKind::Column(_) | NodeKind::Literal(_) => self.evaluate(input, selection),
            NodeKind::Call(function, arguments, prepared) => {
                call::call(function, arguments, prepared, data_type, input, selection)
            }
            NodeKind::And(parts) => logic::evaluate(parts, true, input, selection),
            NodeKind::Or(parts) => logic::evaluate(parts, false, input, selection),
            NodeKind::Cast { argument, strict } => {
                let value = argument.evaluate(input, selection)?;
                let (from, strict) = (&argument.data_type, *strict);
                operand::constant_aware(
                    &[value],
                    input.rows,
                    selection,
                    |values, rows, selection| {
                        cast::cast(&values[0], from, data_type, strict, rows, selection)
                    },
                )
            }
            NodeKind::Case { branches, otherwise } => {
                logic::case(branches, otherwise, input, selection)
            }
            NodeKind::InList { argument, members } => {
                let value = argument.evaluate(input, selection)?;
                operand::constant_aware(&[value], input.rows, selection, |values, rows, _| {
                    members.test(&values[0], rows)?.into_vector(rows)
                })
            }
        };
        match span {
            Some(span) => result.map_err(|error| error.at(span)),
            None => result,
        }
    }
}

/// The answers of a predicate: one bit a row, and which rows have an answer.
#[derive(Debug)]
struct Truth {
    /// Bit 1: true. Anything where there is no answer; bits behind the last row are 0.
    words: millwork_codecs::buffer::SliceMut<u64>,
    /// Rows with an answer; all if absent.
    validity: Option<Bitmap>,
}

impl Truth {
    /// No answer for any row.
    fn unknown(rows: usize) -> Result<Self> {
        let validity = Some(Bitmap::filled(false, rows));
        Ok(Self { words: mask::words(rows)?, validity })
    }

    fn into_vector(self, rows: usize) -> Result<Vector> {
        let bits = mask::bitmap(self.words, rows)?;
        let data = millwork_format::vector::Data::Boolean(bits);
        Ok(Vector::new(data, self.validity, rows)?)
    }
}
