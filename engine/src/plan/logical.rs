//! The nodes of a logical plan.
//!
//! Expressions of a node count columns over the node's input; those of a join over the columns of
//! the left input followed by those of the right one. Types are settled: a planner never casts.
//! The right input of a join is the side whose rows are collected in a hash table.

use std::sync::Arc;

use millwork_format::schema::PathStep;
use millwork_format::types::{DataType, Field};

use crate::catalog::Table;
use crate::expr::{AggregateCall, Expr, SortKey};

/// A relational operator and its inputs.
#[derive(Clone, Debug)]
pub enum LogicalPlan {
    /// Rows of a table.
    Scan(Scan),
    /// Constant rows.
    Values(Values),
    /// Rows of the input for which all predicates are true.
    Filter(Filter),
    /// New columns from the input's.
    Project(Project),
    /// One row for each group.
    Aggregate(Aggregate),
    /// Pairs of rows.
    Join(Join),
    /// Rows of the input in order, perhaps only the first.
    Sort(Sort),
    /// Some rows of the input.
    Limit(Limit),
    /// Rows of every input, in turn (UNION ALL).
    Union(Union),
    /// A row for each element of lists.
    Unnest(Unnest),
}

/// Rows of a table.
#[derive(Clone, Debug)]
pub struct Scan {
    /// Which table.
    pub table: Arc<dyn Table>,
    /// Columns of the table, or parts of them, in the order of this node's columns.
    pub columns: Vec<TableColumn>,
    /// Conjuncts over this node's columns (positions in `columns`).
    pub predicates: Vec<Expr>,
    /// This node's columns.
    pub fields: Vec<Field>,
}

/// A column of a table, or a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableColumn {
    /// The column.
    pub column: usize,
    /// From the column to the part; empty for all of it. Fields of a struct that is null are null.
    pub path: Vec<PathStep>,
}

impl TableColumn {
    /// All of a column.
    #[must_use]
    pub fn whole(column: usize) -> Self {
        Self { column, path: Vec::new() }
    }
}

/// Constant rows; `SELECT` without `FROM` stands on one row without columns.
#[derive(Clone, Debug)]
pub struct Values {
    /// Rows of constant expressions (no columns), of the fields' types.
    pub rows: Vec<Vec<Expr>>,
    /// This node's columns.
    pub fields: Vec<Field>,
}

/// Rows of the input for which all predicates are true.
#[derive(Clone, Debug)]
pub struct Filter {
    /// Where rows come from.
    pub input: Box<LogicalPlan>,
    /// Conjuncts.
    pub predicates: Vec<Expr>,
}

/// New columns from the input's.
#[derive(Clone, Debug)]
pub struct Project {
    /// Where rows come from.
    pub input: Box<LogicalPlan>,
    /// One for each field.
    pub expressions: Vec<Expr>,
    /// This node's columns.
    pub fields: Vec<Field>,
}

/// One row for each group; without group keys exactly one row, also for an empty input.
#[derive(Clone, Debug)]
pub struct Aggregate {
    /// Where rows come from.
    pub input: Box<LogicalPlan>,
    /// Columns of the input whose values make a group; nulls are equal.
    pub groups: Vec<usize>,
    /// Computed for each group.
    pub aggregates: Vec<AggregateCall>,
    /// The group keys, then the aggregates.
    pub fields: Vec<Field>,
}

/// Which pairs of rows a join gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JoinKind {
    /// Pairs that match: left columns, right columns.
    Inner,
    /// Pairs that match, and left rows without a match beside nulls.
    Left,
    /// Left rows with a match: left columns only.
    Semi,
    /// Left rows without a match: left columns only. A null key matches nothing.
    Anti,
    /// All pairs; no keys. `residual` may still filter them.
    Cross,
}

/// Pairs of rows of two inputs. A pair matches if all keys are equal (and none is null) and all of
/// `residual` is true.
#[derive(Clone, Debug)]
pub struct Join {
    /// The probe side.
    pub left: Box<LogicalPlan>,
    /// The build side: collected in a hash table.
    pub right: Box<LogicalPlan>,
    /// Which pairs.
    pub kind: JoinKind,
    /// Columns of the left input.
    pub left_keys: Vec<usize>,
    /// Columns of the right input, as many, of equal types.
    pub right_keys: Vec<usize>,
    /// Conjuncts over left columns followed by right columns, for every kind.
    pub residual: Vec<Expr>,
    /// This node's columns.
    pub fields: Vec<Field>,
}

/// Rows of the input in order.
#[derive(Clone, Debug)]
pub struct Sort {
    /// Where rows come from.
    pub input: Box<LogicalPlan>,
    /// The most significant first.
    pub keys: Vec<SortKey>,
    /// Rows given at most (top-k), after `offset`.
    pub limit: Option<u64>,
    /// Rows left out first.
    pub offset: u64,
}

/// Some rows of the input.
#[derive(Clone, Debug)]
pub struct Limit {
    /// Where rows come from.
    pub input: Box<LogicalPlan>,
    /// Rows given at most, after `offset`.
    pub limit: Option<u64>,
    /// Rows left out first.
    pub offset: u64,
}

/// Rows of every input, in turn. All inputs have the same types.
#[derive(Clone, Debug)]
pub struct Union {
    /// At least one.
    pub inputs: Vec<LogicalPlan>,
    /// This node's columns.
    pub fields: Vec<Field>,
}

/// A row for each element of lists, beside the row of the input that has them. Several lists are
/// opened side by side, the shorter ones filled up with nulls.
#[derive(Clone, Debug)]
pub struct Unnest {
    /// Where rows come from.
    pub input: Box<LogicalPlan>,
    /// Lists over the input's columns.
    pub lists: Vec<Expr>,
    /// For each list the first one that it is as long as in every row: parts of one list that are read
    /// apart. Most are alone.
    pub alike: Vec<usize>,
    /// Whether a row without elements is kept, beside nulls.
    pub keep_empty: bool,
    /// The input's columns, then the elements of each list.
    pub fields: Vec<Field>,
}

impl LogicalPlan {
    /// All columns of `table`.
    #[must_use]
    pub fn scan(table: Arc<dyn Table>) -> Self {
        let fields = table.fields().to_vec();
        Self::Scan(Scan {
            columns: (0..fields.len()).map(TableColumn::whole).collect(),
            table,
            predicates: Vec::new(),
            fields,
        })
    }

    /// One row without columns.
    #[must_use]
    pub fn one_row() -> Self {
        Self::Values(Values { rows: vec![Vec::new()], fields: Vec::new() })
    }

    /// Rows of `self` for which all of `predicates` are true; `self` if there are none.
    #[must_use]
    pub fn filter(self, predicates: Vec<Expr>) -> Self {
        if predicates.is_empty() {
            return self;
        }
        Self::Filter(Filter { input: Box::new(self), predicates })
    }

    /// `expressions` over `self`, named by `fields`.
    #[must_use]
    pub fn project(self, expressions: Vec<Expr>, fields: Vec<Field>) -> Self {
        Self::Project(Project { input: Box::new(self), expressions, fields })
    }

    /// A join with the fields that follow from `kind`.
    #[must_use]
    pub fn join(
        self,
        right: Self,
        kind: JoinKind,
        keys: (Vec<usize>, Vec<usize>),
        residual: Vec<Expr>,
    ) -> Self {
        let fields = join_fields(kind, self.fields(), right.fields());
        Self::Join(Join {
            left: Box::new(self),
            right: Box::new(right),
            kind,
            left_keys: keys.0,
            right_keys: keys.1,
            residual,
            fields,
        })
    }

    /// A row for each element of `lists`, which are called as in `names`.
    #[must_use]
    pub fn unnest(self, lists: Vec<Expr>, names: &[String], keep_empty: bool) -> Self {
        let mut fields = self.fields().to_vec();
        for (list, name) in lists.iter().zip(names) {
            let data_type = match &list.data_type {
                DataType::List(element) => element.data_type.clone(),
                _ => DataType::Null,
            };
            fields.push(Field::nullable(name, data_type));
        }
        let alike = (0..lists.len()).collect();
        Self::Unnest(Unnest { input: Box::new(self), lists, alike, keep_empty, fields })
    }

    /// The columns of this node.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        match self {
            Self::Scan(node) => &node.fields,
            Self::Values(node) => &node.fields,
            Self::Filter(node) => node.input.fields(),
            Self::Project(node) => &node.fields,
            Self::Aggregate(node) => &node.fields,
            Self::Join(node) => &node.fields,
            Self::Sort(node) => node.input.fields(),
            Self::Limit(node) => node.input.fields(),
            Self::Union(node) => &node.fields,
            Self::Unnest(node) => &node.fields,
        }
    }

    /// The direct inputs.
    #[must_use]
    pub fn inputs(&self) -> Vec<&Self> {
        match self {
            Self::Scan(_) | Self::Values(_) => Vec::new(),
            Self::Filter(node) => vec![&node.input],
            Self::Project(node) => vec![&node.input],
            Self::Aggregate(node) => vec![&node.input],
            Self::Join(node) => vec![&node.left, &node.right],
            Self::Sort(node) => vec![&node.input],
            Self::Limit(node) => vec![&node.input],
            Self::Union(node) => node.inputs.iter().collect(),
            Self::Unnest(node) => vec![&node.input],
        }
    }

    /// The direct inputs, to change.
    pub fn inputs_mut(&mut self) -> Vec<&mut Self> {
        match self {
            Self::Scan(_) | Self::Values(_) => Vec::new(),
            Self::Filter(node) => vec![&mut node.input],
            Self::Project(node) => vec![&mut node.input],
            Self::Aggregate(node) => vec![&mut node.input],
            Self::Join(node) => vec![&mut node.left, &mut node.right],
            Self::Sort(node) => vec![&mut node.input],
            Self::Limit(node) => vec![&mut node.input],
            Self::Union(node) => node.inputs.iter_mut().collect(),
            Self::Unnest(node) => vec![&mut node.input],
        }
    }

    /// Expressions of this node itself, to change.
    pub fn expressions_mut(&mut self) -> Vec<&mut Expr> {
        match self {
            Self::Scan(node) => node.predicates.iter_mut().collect(),
            Self::Values(node) => node.rows.iter_mut().flatten().collect(),
            Self::Filter(node) => node.predicates.iter_mut().collect(),
            Self::Project(node) => node.expressions.iter_mut().collect(),
            Self::Join(node) => node.residual.iter_mut().collect(),
            Self::Unnest(node) => node.lists.iter_mut().collect(),
            Self::Aggregate(_) | Self::Sort(_) | Self::Limit(_) | Self::Union(_) => Vec::new(),
        }
    }

    /// Whether the order of this node's rows is the query's (a sort, perhaps under projections).
    #[must_use]
    pub fn is_ordered(&self) -> bool {
        match self {
            Self::Sort(_) => true,
            Self::Project(node) => node.input.is_ordered(),
            Self::Filter(node) => node.input.is_ordered(),
            Self::Limit(node) => node.input.is_ordered(),
            Self::Unnest(node) => node.input.is_ordered(),
            _ => false,
        }
    }
}

/// The fields of a join of `kind`: columns that the join may fill with nulls become nullable.
#[must_use]
pub fn join_fields(kind: JoinKind, left: &[Field], right: &[Field]) -> Vec<Field> {
    match kind {
        JoinKind::Semi | JoinKind::Anti => left.to_vec(),
        JoinKind::Inner | JoinKind::Cross => left.iter().chain(right).cloned().collect(),
        JoinKind::Left => {
            let filled = right.iter().map(|field| Field { nullable: true, ..field.clone() });
            left.iter().cloned().chain(filled).collect()
        }
    }
}
