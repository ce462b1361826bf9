//! The leaves of a file that operands mean: other ordinals in other files, or none.

use millwork_format::read::FileScan;
use millwork_format::schema::Layout;

use crate::expr::{Expr, ExprKind, Function};

/// The leaf whose values `expr` has, one a row: that of a column, or of a field in structs.
pub(super) fn leaf_of(expr: &Expr, file: &FileScan) -> Option<usize> {
    leaf_behind(expr, file).filter(|leaf| has_one_value_a_row(*leaf, file))
}

pub(super) fn has_one_value_a_row(leaf: usize, file: &FileScan) -> bool {
    let described = file.file().schema().leaves().get(leaf);
    described.is_some_and(|leaf| leaf.max_repetition_level == 0)
}

/// The leaf whose values `expr` has, or one of whose values it has.
pub(super) fn leaf_behind(expr: &Expr, file: &FileScan) -> Option<usize> {
    if let ExprKind::Column(column) = &expr.kind {
        let column = file.columns().get(*column)?;
        if column.layout.is_none() {
            return Some(column.leaf);
        }
    }
    leaf_in(layout_of(expr, file)?)
}

/// The leaf whose values the elements of `list` are.
pub(super) fn leaf_under(list: &Expr, file: &FileScan) -> Option<usize> {
    match layout_of(list, file)? {
        Layout::List { element, .. } => leaf_in(element),
        _ => None,
    }
}

fn leaf_in(layout: &Layout) -> Option<usize> {
    match layout {
        Layout::Leaf { leaf, .. } => Some(*leaf),
        Layout::List { .. } | Layout::Struct { .. } => None,
    }
}

/// The layout of a nested column, or of a part of it.
fn layout_of<'a>(expr: &Expr, file: &'a FileScan) -> Option<&'a Layout> {
    match &expr.kind {
        ExprKind::Column(column) => file.columns().get(*column)?.layout.as_ref(),
        ExprKind::Call(Function::StructField(field), arguments) => {
            match layout_of(arguments.first()?, file)? {
                Layout::Struct { children, .. } => children.get(*field),
                _ => None,
            }
        }
        ExprKind::Call(Function::ListElement, arguments) => {
            match layout_of(arguments.first()?, file)? {
                Layout::List { element, .. } => Some(element),
                _ => None,
            }
        }
        // The value of a key: the second part of an entry.
        ExprKind::Call(Function::MapElement, arguments) => {
            let Layout::List { element, .. } = layout_of(arguments.first()?, file)? else {
                return None;
            };
            match &**element {
                Layout::Struct { children, .. } => children.get(1),
                _ => None,
            }
        }
        _ => None,
    }
}
