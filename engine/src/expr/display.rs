//! Expressions as text, for EXPLAIN.

use std::fmt;

use millwork_format::types::DataType;

use super::{Comparison, Expr, ExprKind, Function};
use crate::value::Scalar;

impl fmt::Display for Expr {
    /// SQL-like text for EXPLAIN; columns are `#position`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, parts: &[Self], separator: &str| {
            for (index, part) in parts.iter().enumerate() {
                let lead = if index == 0 { "" } else { separator };
                write!(f, "{lead}{part}")?;
            }
            Ok(())
        };
        match &self.kind {
            ExprKind::Column(index) => write!(f, "#{index}"),
            ExprKind::Literal(Scalar::Text(text)) => write!(f, "'{}'", text.replace('\'', "''")),
            ExprKind::Literal(Scalar::Null) => f.write_str("NULL"),
            ExprKind::Literal(Scalar::Boolean(value)) => write!(f, "{value}"),
            ExprKind::Literal(Scalar::Integer(value)) => match &self.data_type {
                DataType::Decimal { scale, .. } if *scale > 0 => write!(f, "{value}e-{scale}"),
                DataType::Date => write!(f, "DATE {value}"),
                _ => write!(f, "{value}"),
            },
            ExprKind::Literal(Scalar::Float(value)) => write!(f, "{value:?}"),
            ExprKind::Literal(Scalar::Bytes(bytes)) => write!(f, "x'{} bytes'", bytes.len()),
            ExprKind::Call(Function::Compare(comparison), arguments) if arguments.len() == 2 => {
                write!(f, "({} {} {})", arguments[0], symbol(*comparison), arguments[1])
            }
            ExprKind::Call(function, arguments) => {
                write!(f, "{function:?}(")?;
                list(f, arguments, ", ")?;
                f.write_str(")")
            }
            ExprKind::And(parts) => {
                f.write_str("(")?;
                list(f, parts, " AND ")?;
                f.write_str(")")
            }
            ExprKind::Or(parts) => {
                f.write_str("(")?;
                list(f, parts, " OR ")?;
                f.write_str(")")
            }
            ExprKind::Cast { argument, strict } => {
                let name = if *strict { "CAST" } else { "TRY_CAST" };
                write!(f, "{name}({argument} AS {})", self.data_type)
            }
            ExprKind::Case { branches, otherwise } => {
                f.write_str("CASE")?;
                for (condition, result) in branches {
                    write!(f, " WHEN {condition} THEN {result}")?;
                }
                write!(f, " ELSE {otherwise} END")
            }
            ExprKind::InList { argument, list } => {
                write!(f, "({argument} IN ({} values))", list.len())
            }
        }
    }
}

fn symbol(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Equal => "=",
        Comparison::NotEqual => "<>",
        Comparison::Less => "<",
        Comparison::LessOrEqual => "<=",
        Comparison::Greater => ">",
        Comparison::GreaterOrEqual => ">=",
    }
}
