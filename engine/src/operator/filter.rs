//! Keeps the rows for which all conjuncts are true: a smaller selection, no copying.

use millwork_format::batch::Batch;

use crate::error::Result;
use crate::expr::{Expr, Program};
use crate::pipeline::{Answer, Context, KindSet, Operator};

/// Keeps the rows for which all conjuncts are true.
#[derive(Debug)]
pub struct Filter {
    conjuncts: Vec<Program>,
    output: Option<Batch>,
}

impl Filter {
    /// A filter by `conjuncts` over the input's columns.
    ///
    /// # Errors
    /// `Internal` if one cannot be evaluated at all.
    pub fn new(conjuncts: &[Expr]) -> Result<Self> {
        let conjuncts: Result<_> = conjuncts.iter().cloned().map(Program::new).collect();
        Ok(Self { conjuncts: conjuncts?, output: None })
    }
}

impl Operator for Filter {
    fn push(&mut self, batch: Batch, _: &mut Context<'_>) -> Result<()> {
        let mut selection = batch.selection().clone();
        for conjunct in &mut self.conjuncts {
            if selection.is_none() {
                break;
            }
            selection = conjunct.select(batch.columns(), batch.rows(), &selection)?;
        }
        if !selection.is_none() || !batch.marks().is_empty() {
            self.output = Some(batch.with_selection(selection)?);
        }
        Ok(())
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Result<Answer> {
        Ok(self.output.take().map_or(Answer::NeedInput, Answer::HaveOutput))
    }

    fn row_kinds(&self, input: KindSet) -> Option<KindSet> {
        // Whether a row passes depends on the row alone, so a change passes as it came.
        Some(input)
    }

    fn name(&self) -> &str {
        "filter"
    }
}

#[cfg(test)]
mod tests {
    use millwork_format::types::DataType;

    use super::*;
    use crate::expr::{Comparison, Expr, Function};
    use crate::operator::tests::{batch, rows, run};
    use crate::row::tests::Random;
    use crate::value::Scalar;

    #[test]
    fn a_row_stays_if_all_predicates_are_true() {
        let mut random = Random::new(4);
        let types = [DataType::Int64, DataType::Int64];
        let below = |column: usize, bound: i128| {
            let arguments = vec![
                Expr::column(column, DataType::Int64),
                Expr::literal(Scalar::Integer(bound), DataType::Int64),
            ];
            let less = Function::Compare(Comparison::Less);
            Expr::call(less, arguments, DataType::Boolean)
        };
        let batches: Vec<Batch> = (0..20).map(|_| batch(&mut random, &types, 300, 40)).collect();
        let mut filter = Filter::new(&[below(0, 10), below(1, 5)]).unwrap();
        let found: Vec<_> = run(&mut filter, &batches).unwrap().iter().flat_map(rows).collect();
        let is_below = |text: &str, bound: i64| text.parse::<i64>().is_ok_and(|n| n < bound);
        let expected = batches
            .iter()
            .flat_map(rows)
            .filter(|row| is_below(&row[0], 10) && is_below(&row[1], 5));
        assert_eq!(found, expected.collect::<Vec<_>>());
    }
}
