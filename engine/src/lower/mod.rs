//! From a logical plan to the pipelines of a query.
//!
//! In: a [`LogicalPlan`], with names and types settled and rules applied. Out: a [`Query`] whose last
//! pipeline hands the result over through a window. Streams (scans, filters, projections, probes, limits) join a pipeline;
//! breakers (grouping, building a hash table, sorting) end one and begin the next.
//!
//! Lateness is planned here: on the way down each node says which of its input's columns somebody
//! above it reads, and a scan decodes no others. What joins and limited sorts will know of their keys goes the same way
//! ([`crate::runtime_filter`]), as far as a column stays what it is and rows that are left out change nothing.

mod join;
mod metadata;
mod scan;
mod stream;

use std::sync::Arc;

use millwork_codecs::budget::Budget;
use millwork_format::batch::Batch;
use millwork_format::selection::Selection;
use millwork_format::vector::{Vector, concat};

use self::stream::{Order, Stream};
use crate::error::{Error, Result};
use crate::expr::{Expr, ExprKind, Program};
use crate::operator::aggregate::{AggregateShared, AggregateSink, AggregateSource, AggregateSpec};
use crate::operator::limit::{LimitOperator, LimitShared};
use crate::operator::sort::{SortShared, SortSink, SortSource, SortSpec};
use crate::operator::unnest::{Unnest, UnnestSpec};
use crate::operator::{Filter, Project};
use crate::pipeline::{
    FinishContext, PipelineId, Query, Sink, WINDOW_BYTES, Window, WindowOrder, WindowSource,
};
use crate::plan::LogicalPlan;
use crate::plan::logical;
use crate::runtime_filter::RuntimeFilter;
use crate::scan::ScanShared;

/// How plans become pipelines.
#[derive(Clone, Debug)]
pub struct LowerOptions {
    /// Lanes of a pipeline that may have several.
    pub lanes: usize,
    /// Whether statistics and page indexes may leave rows out.
    pub prune: bool,
    /// Rows of a batch of a scan.
    pub batch_rows: usize,
    /// Rows of a morsel, about.
    pub morsel_rows: u64,
    /// Bytes that each half of a window holds before lanes wait for its taker. `u64::MAX` where the
    /// result is taken only after the query has run.
    pub window_bytes: u64,
    /// Whether every source, operator and sink answers `Blocked` twice first: for tests.
    pub block_twice: bool,
}

impl Default for LowerOptions {
    fn default() -> Self {
        Self {
            lanes: 1,
            prune: true,
            batch_rows: millwork_format::batch::BATCH_ROWS,
            morsel_rows: 64 << 10,
            window_bytes: WINDOW_BYTES,
            block_twice: false,
        }
    }
}

/// A query ready to run.
#[derive(Debug)]
pub struct Lowered {
    /// Its pipelines.
    pub query: Query,
    /// Where its result comes out, in order.
    pub result: Window,
    /// Its scans, with the names of their tables.
    pub scans: Vec<(String, Arc<ScanShared>)>,
}

/// The pipelines of `plan`; their state is drawn from `budget`.
///
/// # Errors
/// `File` if a column cannot be read, `Unsupported` for a node that is not run yet.
pub fn lower(plan: &LogicalPlan, options: &LowerOptions, budget: &Budget) -> Result<Lowered> {
    let mut lowering = Lowering {
        options: options.clone(),
        budget: budget.clone(),
        query: Query::new(),
        scans: Vec::new(),
    };
    let wanted = vec![true; plan.fields().len()];
    let stream = lowering.stream(plan, Asked::all(&wanted))?;
    let result = lowering.hand_over("result", stream, options.window_bytes)?;
    Ok(Lowered { query: lowering.query, result, scans: lowering.scans })
}

struct Lowering {
    options: LowerOptions,
    budget: Budget,
    query: Query,
    scans: Vec<(String, Arc<ScanShared>)>,
}

/// What a node asks of the stream of its input.
#[derive(Clone, Debug)]
struct Asked<'a> {
    /// Columns that somebody above reads; the others may be null.
    wanted: &'a [bool],
    /// Whether rows have to come in the order of files, for a limit.
    in_order: bool,
    /// What operators above will know of columns of the input.
    filters: Vec<Passed>,
}

/// A filter on its way down to the scan that its column comes from.
#[derive(Clone, Debug)]
struct Passed {
    filter: Arc<dyn RuntimeFilter>,
    /// Of the input that it is passed to.
    column: usize,
    /// What has to finish before it knows anything.
    known_after: Option<PipelineId>,
}

impl<'a> Asked<'a> {
    /// Rows with these columns, and nothing else.
    fn all(wanted: &'a [bool]) -> Self {
        Self { wanted, in_order: false, filters: Vec::new() }
    }

    /// The same of an input of which `wanted` is read, and in which a column lies where `place` says.
    fn below<'b>(&self, wanted: &'b [bool], place: impl Fn(usize) -> Option<usize>) -> Asked<'b> {
        let moved =
            |passed: &Passed| Some(Passed { column: place(passed.column)?, ..passed.clone() });
        let filters = self.filters.iter().filter_map(moved).collect();
        Asked { wanted, in_order: self.in_order, filters }
    }
}

impl Lowering {
    /// The stream of `plan`'s rows.
    fn stream(&mut self, plan: &LogicalPlan, asked: Asked<'_>) -> Result<Stream> {
        let Asked { wanted, in_order, .. } = asked;
        match plan {
            LogicalPlan::Scan(node) => self.scan(node, &asked),
            LogicalPlan::Values(node) => Ok(Stream::of_values(values(node)?)),
            LogicalPlan::Filter(node) => {
                let mut below = wanted.to_vec();
                node.predicates.iter().for_each(|predicate| mark(predicate, &mut below));
                // A row that fails here fails whether or not it is of use above.
                let passes = !node.predicates.iter().any(Expr::can_fail);
                let input = asked.below(&below, |column| passes.then_some(column));
                let stream = self.stream(&node.input, input)?;
                let predicates = node.predicates.clone();
                Ok(stream.then(move || Ok(Box::new(Filter::new(&predicates)?))))
            }
            LogicalPlan::Project(node) => {
                let mut below = vec![false; node.input.fields().len()];
                node.expressions.iter().for_each(|expression| mark(expression, &mut below));
                let passes = !node.expressions.iter().any(Expr::can_fail);
                let place = |column: usize| match node.expressions.get(column)?.kind {
                    ExprKind::Column(column) if passes => Some(column),
                    _ => None,
                };
                let stream = self.stream(&node.input, asked.below(&below, place))?;
                let expressions = node.expressions.clone();
                Ok(stream.then(move || Ok(Box::new(Project::new(&expressions)?))))
            }
            LogicalPlan::Aggregate(node) => self.aggregate(node),
            LogicalPlan::Join(node) => self.join(node, &asked),
            LogicalPlan::Sort(node) => self.sort(node, wanted),
            LogicalPlan::Limit(node) => {
                let input = Asked { in_order: true, ..Asked::all(wanted) };
                let stream = self.stream(&node.input, input)?;
                let shared = LimitShared::new(node.limit, node.offset);
                Ok(stream.then(move || Ok(Box::new(LimitOperator::new(Arc::clone(&shared))))))
            }
            LogicalPlan::Union(node) => self.union(node, wanted, in_order),
            LogicalPlan::Unnest(node) => {
                let mut below: Vec<bool> = wanted[..node.input.fields().len()].to_vec();
                node.lists.iter().for_each(|list| mark(list, &mut below));
                let stream = self.stream(&node.input, asked.below(&below, |_| None))?;
                let spec = UnnestSpec {
                    lists: node.lists.clone(),
                    alike: node.alike.clone(),
                    keep_empty: node.keep_empty,
                    wanted: wanted.to_vec(),
                };
                Ok(stream.then(move || Ok(Box::new(Unnest::new(spec.clone())?))))
            }
        }
    }

    fn aggregate(&mut self, node: &logical::Aggregate) -> Result<Stream> {
        // Who turns pruning off believes no statistics.
        if let Some(row) = metadata::known_row(node).filter(|_| self.options.prune) {
            let row = logical::Values { rows: vec![row], fields: node.fields.clone() };
            return Ok(Stream::of_values(values(&row)?));
        }
        let fields = node.input.fields();
        let mut below = vec![false; fields.len()];
        let calls = node.aggregates.iter().flat_map(|call| [call.argument, call.filter]).flatten();
        for column in node.groups.iter().copied().chain(calls) {
            if let Some(wanted) = below.get_mut(column) {
                *wanted = true;
            }
        }
        let stream = self.stream(&node.input, Asked::all(&below))?;
        let groups =
            node.groups.iter().map(|column| (*column, fields[*column].data_type.clone())).collect();
        let spec = AggregateSpec { groups, aggregates: node.aggregates.clone() };
        let shared = AggregateShared::new(spec, &self.budget)?;
        let sinks = Arc::clone(&shared);
        let done = self.end("aggregate", stream, move |_| {
            Ok(Box::new(AggregateSink::new(Arc::clone(&sinks))?))
        });
        let stream = Stream::new(self.options.lanes, move |_| {
            Ok(Box::new(AggregateSource::new(Arc::clone(&shared))))
        });
        Ok(stream.after(done))
    }

    fn sort(&mut self, node: &logical::Sort, wanted: &[bool]) -> Result<Stream> {
        let mut below = wanted.to_vec();
        for key in &node.keys {
            if let Some(wanted) = below.get_mut(key.column) {
                *wanted = true;
            }
        }
        let types = node.input.fields().iter().map(|field| field.data_type.clone()).collect();
        let (limit, offset) = (node.limit, node.offset);
        let spec = SortSpec { keys: node.keys.clone(), types, limit, offset };
        let shared = SortShared::new(spec, &self.budget)?;
        let mut input = Asked::all(&below);
        input.filters.extend(shared.filter().map(|(filter, column)| Passed {
            filter,
            column,
            known_after: None,
        }));
        let stream = self.stream(&node.input, input)?;
        let sinks = Arc::clone(&shared);
        let done =
            self.end("sort", stream, move |_| Ok(Box::new(SortSink::new(Arc::clone(&sinks))?)));
        let source = Stream::new(1, move |_| Ok(Box::new(SortSource::new(Arc::clone(&shared)))));
        Ok(source.after(done))
    }

    fn union(&mut self, node: &logical::Union, wanted: &[bool], in_order: bool) -> Result<Stream> {
        // The inputs run side by side, each as far ahead as its window lets it.
        let mut windows = Vec::with_capacity(node.inputs.len());
        let share = self.options.window_bytes / node.inputs.len().max(1) as u64;
        for input in &node.inputs {
            let stream = self.stream(input, Asked { in_order, ..Asked::all(wanted) })?;
            windows.push(self.hand_over("union", stream, share)?);
        }
        Ok(Stream::new(1, move |_| Ok(Box::new(WindowSource::new(windows.clone())))))
    }

    /// Ends `stream` in a window of halves of `bytes`, from which its rows come in the order of the
    /// query.
    fn hand_over(&mut self, name: &str, stream: Stream, bytes: u64) -> Result<Window> {
        let budget = self.budget.consumer(name);
        let window = match stream.order() {
            Order::AsTheyCome => Window::new(WindowOrder::AsTheyCome, bytes, &budget)?,
            Order::ByMorsel(scan) => {
                let window = Window::new(WindowOrder::ByMorsel, bytes, &budget)?;
                scan.pass_through(&window);
                window
            }
        };
        let (sinks, finished) = (window.clone(), window.clone());
        self.end_then(
            name,
            stream,
            move |_| Ok(Box::new(sinks.sink())),
            move |_| {
                finished.close();
                Ok(())
            },
        );
        Ok(window)
    }

    /// As [`Lowering::end`]; `finish` runs once all lanes have combined.
    fn end_then(
        &mut self,
        name: &str,
        stream: Stream,
        sink: impl FnMut(usize) -> Result<Box<dyn Sink>> + Send + 'static,
        finish: impl FnOnce(&mut FinishContext<'_>) -> Result<()> + Send + 'static,
    ) -> PipelineId {
        let pipeline = stream.into_pipeline(name, sink, self.options.block_twice);
        self.query.add(pipeline.finally(finish))
    }

    /// Ends `stream` in a sink, which makes it a pipeline.
    fn end(
        &mut self,
        name: &str,
        stream: Stream,
        sink: impl FnMut(usize) -> Result<Box<dyn Sink>> + Send + 'static,
    ) -> PipelineId {
        let pipeline = stream.into_pipeline(name, sink, self.options.block_twice);
        self.query.add(pipeline)
    }
}

/// Marks the columns that `expr` reads.
fn mark(expr: &Expr, wanted: &mut [bool]) {
    expr.for_each_column(&mut |column| {
        if let Some(wanted) = wanted.get_mut(column) {
            *wanted = true;
        }
    });
}

/// Constant rows as one batch.
fn values(node: &logical::Values) -> Result<Batch> {
    let mut columns: Vec<Vector> = Vec::with_capacity(node.fields.len());
    for column in 0..node.fields.len() {
        let mut cells = Vec::with_capacity(node.rows.len());
        for row in &node.rows {
            let Some(expression) = row.get(column) else {
                return Err(Error::internal("a row of constants that is too short"));
            };
            let mut program = Program::new(expression.clone())?;
            cells.push(program.evaluate(&[], 1, &Selection::All(1))?.flatten()?);
        }
        columns.push(concat(&cells)?);
    }
    Ok(Batch::new(columns, node.rows.len())?)
}
