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
            if selection.is_empty() {
                break;
            }
            selection = conjunct.select(batch.columns(), batch.rows(), &selection)?;
        }
        if !selection.is_empty() || !batch.marks().is_empty() {
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
