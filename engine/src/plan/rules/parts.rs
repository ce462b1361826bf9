//! Which parts of nested columns a plan reads, and expressions over columns that are such parts.
//!
//! A part is named by its path: fields of structs, elements of lists. A path never ends in an element:
//! an element alone needs its list. Where a scan reads parts, `a.b` is a column of its own, and
//! `tags[1].name` an element of the list of names.

use millwork_format::schema::PathStep;
use millwork_format::types::DataType;

use crate::expr::{Expr, ExprKind, Function};

/// From a column to a part of it; empty for the column itself.
pub type Path = Vec<PathStep>;

/// What is asked of a column.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Need {
    /// It is not asked for.
    #[default]
    Nothing,
    /// Parts of it; none is a part of another.
    Parts(Vec<Path>),
    /// All of it.
    Whole,
}

impl Need {
    /// Whether something is asked for.
    #[must_use]
    pub fn is_some(&self) -> bool {
        *self != Self::Nothing
    }

    /// Asks for the part at `path`, too.
    pub fn add(&mut self, mut path: Path) {
        while path.last() == Some(&PathStep::Element) {
            path.pop();
        }
        if path.is_empty() {
            *self = Self::Whole;
        }
        match self {
            Self::Whole => {}
            Self::Nothing => *self = Self::Parts(vec![path]),
            Self::Parts(paths) => {
                if !paths.iter().any(|known| path.starts_with(known)) {
                    paths.retain(|known| !known.starts_with(&path));
                    paths.push(path);
                }
            }
        }
    }

    /// Asks for what `other` asks for, too, of the part at `path`.
    pub fn add_all(&mut self, path: &[PathStep], other: &Self) {
        match other {
            Self::Nothing => {}
            Self::Whole => self.add(path.to_vec()),
            Self::Parts(paths) => {
                paths.iter().for_each(|rest| self.add([path, rest.as_slice()].concat()));
            }
        }
    }
}

/// Where a column is in a plan of other columns.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Place {
    /// Nowhere.
    #[default]
    Gone,
    /// There.
    Column(usize),
    /// In parts: path, column and type of each.
    Parts(Vec<(Path, usize, DataType)>),
}

impl Place {
    /// The part that `path` leads into, and how many steps that takes.
    #[must_use]
    pub fn part(&self, path: &[PathStep]) -> Option<&(Path, usize, DataType)> {
        match self {
            Self::Parts(parts) => parts.iter().find(|(part, ..)| path.starts_with(part)),
            _ => None,
        }
    }
}

/// The column and the path that an expression stands for.
#[must_use]
pub fn path_of(expr: &Expr) -> Option<(usize, Path)> {
    match &expr.kind {
        ExprKind::Column(column) => Some((*column, Vec::new())),
        ExprKind::Call(Function::StructField(field), arguments) => {
            let (column, mut path) = path_of(arguments.first()?)?;
            path.push(PathStep::Field(*field));
            Some((column, path))
        }
        ExprKind::Call(Function::ListElement, arguments) => {
            let (column, mut path) = path_of(arguments.first()?)?;
            path.push(PathStep::Element);
            Some((column, path))
        }
        _ => None,
    }
}

/// The list of structs that `expr` asks only for its length, or whether it is there: any field of its
/// elements tells that.
fn counted(expr: &Expr) -> Option<&Expr> {
    let ExprKind::Call(function, arguments) = &expr.kind else { return None };
    let is_count =
        matches!(function, Function::ListLength | Function::IsNull | Function::IsNotNull);
    let [list] = arguments.as_slice() else { return None };
    let DataType::List(element) = &list.data_type else { return None };
    let has_fields = matches!(&element.data_type, DataType::Struct(of) if !of.is_empty());
    (is_count && has_fields).then_some(list)
}

/// From a list of structs to the first field of its elements.
const FIRST_FIELD: [PathStep; 2] = [PathStep::Element, PathStep::Field(0)];

/// Asks for what `expr` reads.
pub fn mark(needed: &mut [Need], expr: &Expr) {
    if let Some(list) = counted(expr)
        && let Some((column, path)) = path_of(list)
    {
        if let Some(need) = needed.get_mut(column) {
            need.add([path.as_slice(), &FIRST_FIELD].concat());
        }
        return positions(list, &mut |position| mark(needed, position));
    }
    let Some((column, path)) = path_of(expr) else {
        return expr.children().into_iter().for_each(|child| mark(needed, child));
    };
    if let Some(need) = needed.get_mut(column) {
        need.add(path);
    }
    positions(expr, &mut |position| mark(needed, position));
}

/// Calls `visit` with what says which elements the path of `expr` steps into.
fn positions<'e>(expr: &'e Expr, visit: &mut impl FnMut(&'e Expr)) {
    if let ExprKind::Call(function, arguments) = &expr.kind {
        if let Some(first) = arguments.first() {
            positions(first, visit);
        }
        if let (Function::ListElement, Some(position)) = (function, arguments.get(1)) {
            visit(position);
        }
    }
}

/// `expr` over the columns where `places` says they are.
pub fn rewrite(expr: &mut Expr, places: &[Place]) {
    if counted(expr).is_some()
        && let Some(list) = expr.children_mut().into_iter().next()
        && let Some((column, path)) = path_of(list)
        && let Some(place) = places.get(column)
        && let Some((part, at, data_type)) = place.part(&[path.as_slice(), &FIRST_FIELD].concat())
        && part.len() > path.len()
    {
        along(list, part.len(), &mut |root| {
            *root = Expr { span: root.span, ..Expr::column(*at, data_type.clone()) };
        });
        return positions_mut(list, &mut |position| rewrite(position, places));
    }
    let Some((column, path)) = path_of(expr) else {
        return expr.children_mut().into_iter().for_each(|child| rewrite(child, places));
    };
    let place = places.get(column).cloned().unwrap_or_default();
    let part = place.part(&path).map(|(part, at, of)| (part.len(), *at, of.clone()));
    match (&place, part) {
        (_, Some((steps, at, data_type))) => {
            along(expr, steps, &mut |root| {
                *root = Expr { span: root.span, ..Expr::column(at, data_type.clone()) };
            });
        }
        (Place::Column(at), None) => {
            along(expr, 0, &mut |root| root.kind = ExprKind::Column(*at));
        }
        _ => {}
    }
    positions_mut(expr, &mut |position| rewrite(position, places));
}

fn positions_mut(expr: &mut Expr, visit: &mut impl FnMut(&mut Expr)) {
    if let ExprKind::Call(function, arguments) = &mut expr.kind {
        let is_element = matches!(function, Function::ListElement);
        let is_path = is_element || matches!(function, Function::StructField(_));
        let mut arguments = arguments.iter_mut();
        if let (true, Some(first)) = (is_path, arguments.next()) {
            positions_mut(first, visit);
        }
        if let (true, Some(position)) = (is_element, arguments.next()) {
            visit(position);
        }
    }
}

/// Replaces the column at the root of a path by what `replace` makes of it, and leaves out those of
/// the first `steps` steps that are fields. Answers how many steps there are.
fn along(expr: &mut Expr, steps: usize, replace: &mut impl FnMut(&mut Expr)) -> usize {
    let ExprKind::Call(function, arguments) = &mut expr.kind else {
        replace(expr);
        return 0;
    };
    let Some(inner) = arguments.first_mut() else { return 0 };
    let depth = along(inner, steps, replace) + 1;
    match function {
        // The part is the field already.
        Function::StructField(_) if depth <= steps => {
            let inner = inner.clone();
            *expr = Expr { span: expr.span, ..inner };
        }
        Function::ListElement => {
            if let DataType::List(element) = &inner.data_type {
                expr.data_type = element.data_type.clone();
            }
        }
        _ => {}
    }
    depth
}
