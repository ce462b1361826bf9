//! Computes new columns; the selection stays.

use millwork_format::batch::Batch;
use millwork_format::vector::Vector;

use crate::error::Result;
use crate::expr::{Expr, ExprKind, Program};
use crate::pipeline::{Answer, Context, KindSet, Operator};

/// Computes new columns from the input's.
#[derive(Debug)]
pub struct Project {
    columns: Vec<Computed>,
    output: Option<Batch>,
}

#[derive(Debug)]
enum Computed {
    /// The input's column, as it is.
    Column(usize),
    Program(Box<Program>),
}

impl Project {
    /// One column for each of `expressions`.
    ///
    /// # Errors
    /// `Internal` if one cannot be evaluated at all.
    pub fn new(expressions: &[Expr]) -> Result<Self> {
        let mut columns = Vec::with_capacity(expressions.len());
        for expression in expressions {
            columns.push(match expression.kind {
                ExprKind::Column(column) => Computed::Column(column),
                _ => Computed::Program(Box::new(Program::new(expression.clone())?)),
            });
        }
        Ok(Self { columns, output: None })
    }
}

impl Operator for Project {
    fn push(&mut self, batch: Batch, _: &mut Context<'_>) -> Result<()> {
        let (rows, selection) = (batch.rows(), batch.selection());
        let mut columns: Vec<Vector> = Vec::with_capacity(self.columns.len());
        for column in &mut self.columns {
            columns.push(match column {
                Computed::Column(column) => batch.columns()[*column].clone(),
                Computed::Program(program) => program.evaluate(batch.columns(), rows, selection)?,
            });
        }
        self.output = Some(batch.with_columns(columns)?);
        Ok(())
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Result<Answer> {
        Ok(self.output.take().map_or(Answer::NeedInput, Answer::HaveOutput))
    }

    fn row_kinds(&self, input: KindSet) -> Option<KindSet> {
        Some(input)
    }

    fn name(&self) -> &str {
        "project"
    }
}

#[cfg(test)]
mod tests {
    use millwork_format::types::DataType;

    use super::*;
    use crate::expr::{Expr, Function};
    use crate::operator::tests::{batch, rows, run};
    use crate::row::tests::Random;

    #[test]
    fn expressions_become_columns_of_the_same_rows() {
        let mut random = Random::new(14);
        let types = [DataType::Int64, DataType::Int64];
        let sum = Expr::call(
            Function::AddChecked,
            vec![Expr::column(0, DataType::Int64), Expr::column(1, DataType::Int64)],
            DataType::Int64,
        );
        let expressions = [sum, Expr::column(1, DataType::Int64)];
        let batches: Vec<Batch> = (0..20).map(|_| batch(&mut random, &types, 300, 40)).collect();
        let mut project = Project::new(&expressions).unwrap();
        let found: Vec<_> = run(&mut project, &batches).unwrap().iter().flat_map(rows).collect();
        let add = |row: Vec<String>| {
            let (left, right) = (row[0].parse::<i64>(), row[1].parse::<i64>());
            let sum = left.ok().zip(right.ok()).map_or("null".into(), |(a, b)| (a + b).to_string());
            vec![sum, row[1].clone()]
        };
        assert_eq!(found, batches.iter().flat_map(rows).map(add).collect::<Vec<_>>());
        let counted = run(&mut Project::new(&[]).unwrap(), &batches).unwrap();
        assert_eq!(counted.iter().map(Batch::count).sum::<usize>(), found.len());
    }
}
