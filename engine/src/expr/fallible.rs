//! Which expressions may fail for a row.

use millwork_format::types::DataType;

use super::{Expr, ExprKind, Function};

impl Expr {
    /// Whether a row may have an error in place of a result: then it must not be evaluated for rows
    /// that another condition guards it from.
    #[must_use]
    pub fn can_fail(&self) -> bool {
        let own = match &self.kind {
            ExprKind::Call(function, arguments) => {
                let is_float = matches!(
                    arguments.first().map(|argument| &argument.data_type),
                    Some(DataType::Float16 | DataType::Float32 | DataType::Float64)
                );
                match function {
                    Function::AddChecked
                    | Function::SubtractChecked
                    | Function::MultiplyChecked
                    | Function::Modulo
                    | Function::Round
                    | Function::NegateChecked
                    | Function::AbsoluteChecked => !is_float,
                    // A pattern that is no constant may be none at all.
                    Function::Like { .. } | Function::RegexpMatches => {
                        arguments.get(1).is_some_and(|pattern| pattern.as_literal().is_none())
                    }
                    Function::DivideFloatChecked
                    | Function::DivideInteger
                    | Function::MapOfLists
                    | Function::SingleRow
                    | Function::AddInterval
                    | Function::AddIntervals
                    | Function::NegateInterval
                    | Function::MultiplyInterval
                    | Function::DivideInterval
                    | Function::TimeBetween
                    | Function::AddDays => true,
                    _ => false,
                }
            }
            ExprKind::Cast { argument, strict } => {
                *strict && !always_fits(&argument.data_type, &self.data_type)
            }
            _ => false,
        };
        own || self.children().into_iter().any(Self::can_fail)
    }
}

/// Whether every value of `from` is one of `to`.
fn always_fits(from: &DataType, to: &DataType) -> bool {
    let bits = |of: &DataType| {
        Some(match of {
            DataType::Int8 => (true, 8),
            DataType::Int16 => (true, 16),
            DataType::Int32 => (true, 32),
            DataType::Int64 => (true, 64),
            DataType::Int128 => (true, 128),
            DataType::UInt8 => (false, 8),
            DataType::UInt16 => (false, 16),
            DataType::UInt32 => (false, 32),
            DataType::UInt64 => (false, 64),
            _ => return None,
        })
    };
    match (bits(from), bits(to)) {
        (Some((signed, width)), Some((to_signed, to_width))) => {
            if signed == to_signed {
                width <= to_width
            } else {
                to_signed && width < to_width
            }
        }
        (Some(_), None) => matches!(to, DataType::Float64) || to.is_text(),
        _ => {
            from == to
                || to.is_text()
                || *from == DataType::Boolean && bits(to).is_some()
                || matches!(
                    (from, to),
                    (DataType::Float32 | DataType::Decimal { .. }, DataType::Float64)
                )
        }
    }
}
