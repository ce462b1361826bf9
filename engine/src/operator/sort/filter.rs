//! What a sort with a limit knows of the rows it can still use: a [`RuntimeFilter`] of its first key.

use std::sync::Arc;

use millwork_format::selection::Selection;
use millwork_format::types::DataType;
use millwork_format::vector::Vector;

use super::SortShared;
use crate::error::Result;
use crate::expr::{Comparison, Expr, ExprKind, Function, Program};
use crate::runtime_filter::{RowTest, RuntimeFilter};
use crate::value::Scalar;

impl SortShared {
    /// What it will know of the rows that still come, and of which of its input's columns; `None` without
    /// a limit, or if the first key is of a type that no expression compares.
    #[must_use]
    pub fn filter(self: &Arc<Self>) -> Option<(Arc<dyn RuntimeFilter>, usize)> {
        let column = self.spec().keys.first()?.column;
        let data_type = self.spec().types.get(column)?;
        let is_compared = !data_type.is_nested()
            && !matches!(data_type, DataType::Int96 | DataType::SignedInterval);
        (self.spec().limit.is_some() && is_compared).then(|| (Arc::clone(self) as _, column))
    }

    /// The rows that do not come behind `value` by the first key, which `column` is; `None` if that is
    /// all of them.
    fn not_behind(&self, value: Scalar, column: &Expr) -> Option<Expr> {
        let key = self.spec().keys.first()?;
        let call = |function, arguments| Expr::call(function, arguments, DataType::Boolean);
        let is_null = || call(Function::IsNull, vec![column.clone()]);
        if value.is_null() {
            return key.nulls_first.then(is_null);
        }
        let comparison = match key.descending {
            true => Comparison::GreaterOrEqual,
            false => Comparison::LessOrEqual,
        };
        let value = Expr::literal(value, column.data_type.clone());
        let compared = call(Function::Compare(comparison), vec![column.clone(), value]);
        if !key.nulls_first {
            return Some(compared);
        }
        let kind = ExprKind::Or(vec![is_null(), compared]);
        Some(Expr { kind, data_type: DataType::Boolean, span: None })
    }
}

impl RuntimeFilter for SortShared {
    fn version(&self) -> u64 {
        self.thresholds()
    }

    fn conjuncts(&self, column: &Expr) -> Vec<Expr> {
        let condition = self.threshold().and_then(|value| self.not_behind(value, column));
        condition.into_iter().collect()
    }

    fn row_test(self: Arc<Self>) -> Box<dyn RowTest> {
        Box::new(SortRowTest { shared: self, version: 0, program: None })
    }
}

/// The test of one lane, by the threshold of `version`.
#[derive(Debug)]
struct SortRowTest {
    shared: Arc<SortShared>,
    version: u64,
    program: Option<Program>,
}

impl RowTest for SortRowTest {
    fn keep(&mut self, column: &Vector, selection: &Selection) -> Result<Selection> {
        let version = self.shared.version();
        if self.version != version
            && let Some(key) = self.shared.spec().keys.first()
        {
            let column = Expr::column(0, self.shared.spec().types[key.column].clone());
            let condition = self.shared.conjuncts(&column).pop();
            self.program = condition.map(Program::new).transpose()?;
            self.version = version;
        }
        match &mut self.program {
            None => Ok(selection.clone()),
            Some(program) => program.select(std::slice::from_ref(column), column.len(), selection),
        }
    }
}
