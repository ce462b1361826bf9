//! Which states a list of aggregate calls needs: each only once, so that `sum(x), avg(x)` adds up
//! once.

use millwork_format::types::{DataType, Storage};

use super::AggregateSpec;
use crate::error::{Error, Result};
use crate::expr::{AggregateCall, AggregateFunction};

/// Rows that states are updated with: a column, perhaps under a filter, perhaps without repeats.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Input {
    pub(super) argument: Option<usize>,
    pub(super) data_type: DataType,
    pub(super) filter: Option<usize>,
    pub(super) distinct: bool,
}

/// Which value of a group is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pick {
    Least,
    Greatest,
    First,
}

/// How the values of a type are kept, compared and added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// As `i64`.
    Narrow,
    /// As `i128`.
    Wide,
    /// As `f64`; kept as an `i64` that orders the same.
    Float,
    /// As bytes.
    Bytes,
}

impl Class {
    pub(super) fn of(data_type: &DataType) -> Self {
        match data_type.storage() {
            Storage::Float16 | Storage::Float32 | Storage::Float64 => Self::Float,
            Storage::Int128 | Storage::UInt64 => Self::Wide,
            Storage::Fixed(_) | Storage::Views | Storage::List | Storage::Struct => Self::Bytes,
            _ => Self::Narrow,
        }
    }
}

/// What one state accumulates of its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StateKind {
    Count,
    SumInteger,
    SumFloat,
    Pick(Pick, Class),
}

/// One aggregate of the result and the states it is made of.
#[derive(Clone, Debug)]
pub(super) struct Output {
    pub(super) call: AggregateCall,
    /// The state of the value; for a count the count itself.
    pub(super) value: usize,
    /// The count of a sum or average.
    pub(super) count: usize,
}

/// The states of a grouping.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) spec: AggregateSpec,
    pub(super) inputs: Vec<Input>,
    /// Input and kind of each state.
    pub(super) states: Vec<(usize, StateKind)>,
    pub(super) outputs: Vec<Output>,
}

impl Plan {
    pub(super) fn new(spec: AggregateSpec) -> Result<Self> {
        let mut plan = Self { spec, inputs: Vec::new(), states: Vec::new(), outputs: Vec::new() };
        for call in plan.spec.aggregates.clone() {
            let output = plan.output(call)?;
            plan.outputs.push(output);
        }
        Ok(plan)
    }

    pub(super) fn group_types(&self) -> Vec<DataType> {
        self.spec.groups.iter().map(|(_, data_type)| data_type.clone()).collect()
    }

    fn output(&mut self, call: AggregateCall) -> Result<Output> {
        let class = Class::of(&call.argument_type);
        let float = class == Class::Float;
        use AggregateFunction as F;
        let kind = match call.function {
            F::CountRows | F::Count => StateKind::Count,
            F::SumFloat => StateKind::SumFloat,
            F::Average if float => StateKind::SumFloat,
            F::SumInteger | F::SumDecimal | F::Average => StateKind::SumInteger,
            F::Min | F::BoolAnd => StateKind::Pick(Pick::Least, class),
            F::Max | F::BoolOr => StateKind::Pick(Pick::Greatest, class),
            F::AnyValue => StateKind::Pick(Pick::First, class),
        };
        let unordered = matches!(call.argument_type, DataType::SignedInterval | DataType::Int96);
        let sums = matches!(kind, StateKind::SumInteger | StateKind::SumFloat);
        let no_sum = class == Class::Bytes || (kind == StateKind::SumInteger && float);
        let picks = matches!(kind, StateKind::Pick(Pick::Least | Pick::Greatest, _));
        if (sums && no_sum) || (picks && unordered) {
            return Err(Error::types(format!(
                "{:?} of {} is not defined",
                call.function, call.argument_type
            )));
        }
        if call.argument.is_none() && call.function != F::CountRows {
            return Err(Error::internal("an aggregate without an argument"));
        }
        let input = self.input(&call, kind);
        let value = self.state(input, kind);
        let count = if sums { self.state(input, StateKind::Count) } else { value };
        Ok(Output { call, value, count })
    }

    fn input(&mut self, call: &AggregateCall, kind: StateKind) -> usize {
        let rows = call.function == AggregateFunction::CountRows;
        let input = Input {
            argument: if rows { None } else { call.argument },
            data_type: if rows { DataType::Null } else { call.argument_type.clone() },
            filter: call.filter,
            // Repeats do not change which value is picked.
            distinct: call.distinct && !rows && !matches!(kind, StateKind::Pick(..)),
        };
        position_or_push(&mut self.inputs, input)
    }

    fn state(&mut self, input: usize, kind: StateKind) -> usize {
        position_or_push(&mut self.states, (input, kind))
    }
}

fn position_or_push<T: PartialEq>(list: &mut Vec<T>, item: T) -> usize {
    list.iter().position(|known| *known == item).unwrap_or_else(|| {
        list.push(item);
        list.len() - 1
    })
}
