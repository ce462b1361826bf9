//! Names of columns without an alias: the expression's text, written as DuckDB writes it.

use std::fmt::Write as _;

use millwork_format::record::text::write_value;
use millwork_format::types::DataType;
use millwork_format::vector::Cell;

use super::ast::{Call, Expr, ExprKind, Literal};
use crate::expr::Comparison;

/// The name of the column that is `expr`.
pub fn of(expr: &Expr) -> String {
    match &expr.kind {
        ExprKind::Name(parts) => parts.last().map_or_else(String::new, |part| part.text.clone()),
        ExprKind::Literal(literal) => literal_name(literal),
        ExprKind::And(parts) => format!("({})", list(parts, " AND ")),
        ExprKind::Or(parts) => format!("({})", list(parts, " OR ")),
        ExprKind::Concat(parts) => {
            let mut names = parts.iter().map(part);
            let first = names.next().unwrap_or_default();
            names.fold(first, |left, right| format!("({left} || {right})"))
        }
        ExprKind::Not(inner) => format!("(NOT {})", part(inner)),
        ExprKind::Negate(inner) => format!("(-({}))", part(inner)),
        ExprKind::Compare(comparison, left, right) => {
            format!("({} {} {})", part(left), comparison_symbol(*comparison), part(right))
        }
        ExprKind::Arithmetic(operator, left, right) => {
            format!("({} {} {})", part(left), operator.symbol(), part(right))
        }
        ExprKind::IsNull(inner, negated) => {
            format!("({} IS {}NULL)", part(inner), if *negated { "NOT " } else { "" })
        }
        ExprKind::IsBoolean { argument, value, negated } => {
            let not = if *negated { "NOT " } else { "" };
            format!("({} IS {not}{})", part(argument), if *value { "TRUE" } else { "FALSE" })
        }
        ExprKind::Distinct(left, right, negated) => {
            let not = if *negated { "NOT " } else { "" };
            format!("({} IS {not}DISTINCT FROM {})", part(left), part(right))
        }
        ExprKind::Between { argument, low, high, negated } => {
            let name = format!("({} BETWEEN {} AND {})", part(argument), part(low), part(high));
            not(name, *negated)
        }
        ExprKind::InList { argument, list: items, negated } => {
            not(format!("({} IN ({}))", part(argument), list(items, ", ")), *negated)
        }
        ExprKind::InQuery { argument, negated, .. } => {
            not(format!("({} IN (SELECT ..))", part(argument)), *negated)
        }
        ExprKind::Exists(_, negated) => not("EXISTS(SELECT ..)".to_string(), *negated),
        ExprKind::Subquery(_) => "(SELECT ..)".to_string(),
        ExprKind::Like { argument, pattern, ignore_case, negated, .. } => {
            let star = if *ignore_case { "*" } else { "" };
            let bang = if *negated { "!" } else { "" };
            format!("({} {bang}~~{star} {})", part(argument), part(pattern))
        }
        ExprKind::Case { operand, branches, otherwise } => {
            let mut name = "CASE ".to_string();
            if let Some(operand) = operand {
                let _ = write!(name, " {}", part(operand));
            }
            for (condition, result) in branches {
                let _ = write!(name, " WHEN ({}) THEN ({})", part(condition), part(result));
            }
            let otherwise = otherwise.as_ref().map_or("NULL".to_string(), |expr| part(expr));
            let _ = write!(name, " ELSE {otherwise} END");
            name
        }
        ExprKind::Cast { argument, data_type, strict } => {
            let word = if *strict { "CAST" } else { "TRY_CAST" };
            format!("{word}({} AS {data_type})", part(argument))
        }
        ExprKind::Extract(field, argument) => {
            let field = format!("{field:?}").to_uppercase();
            format!("date_part('{field}', {})", part(argument))
        }
        ExprKind::Call(call) => call_name(call),
        ExprKind::Field(argument, field) => format!("({}).{}", part(argument), field.text),
        ExprKind::Element(argument, index) => format!("{}[{}]", part(argument), part(index)),
        ExprKind::Slice { argument, first, last } => {
            let end =
                |end: &Option<Box<Expr>>| end.as_ref().map_or_else(String::new, |end| part(end));
            format!("{}[{}:{}]", part(argument), end(first), end(last))
        }
    }
}

/// The name of a call.
pub fn call_name(call: &Call) -> String {
    let name = call.name.text.to_ascii_lowercase();
    let mut text = match name.as_str() {
        "count" if call.star || call.arguments.is_empty() => "count_star()".to_string(),
        "coalesce" => format!("COALESCE({})", list(&call.arguments, ", ")),
        _ => {
            let is_word =
                matches!(name.as_str(), "substring" | "nullif" | "map" | "row" | "left" | "right");
            let quote = if is_word { "\"" } else { "" };
            let distinct = if call.distinct { "DISTINCT " } else { "" };
            let arguments = match call.argument_names.as_slice() {
                [] => list(&call.arguments, ", "),
                names => {
                    let pairs = names.iter().zip(&call.arguments);
                    let pairs =
                        pairs.map(|(name, value)| format!("{} := {}", name.text, part(value)));
                    pairs.collect::<Vec<_>>().join(", ")
                }
            };
            format!("{quote}{name}{quote}({distinct}{arguments})")
        }
    };
    if let Some(filter) = &call.filter {
        let _ = write!(text, " FILTER (WHERE {})", part(filter));
    }
    text
}

/// The name of a part of an expression: columns with their tables.
fn part(expr: &Expr) -> String {
    match &expr.kind {
        ExprKind::Name(names) => {
            names.iter().map(|name| name.text.as_str()).collect::<Vec<_>>().join(".")
        }
        _ => of(expr),
    }
}

fn not(name: String, negated: bool) -> String {
    if negated { format!("(NOT {name})") } else { name }
}

fn list(parts: &[Expr], separator: &str) -> String {
    parts.iter().map(part).collect::<Vec<_>>().join(separator)
}

fn literal_name(literal: &Literal) -> String {
    match literal {
        Literal::Null => "NULL".to_string(),
        Literal::Boolean(value) => value.to_string(),
        Literal::Number(digits) => digits.clone(),
        Literal::Text(text) => format!("'{}'", text.replace('\'', "''")),
        Literal::Bytes(_) => "'\\x..'".to_string(),
        Literal::Typed(data_type, text) => {
            format!("CAST('{text}' AS {})", data_type.to_string().to_lowercase())
        }
        Literal::Interval(interval) => {
            let mut text = String::new();
            let bytes = interval.to_bytes();
            write_value(&DataType::SignedInterval, Cell::Bytes(&bytes), &mut text);
            format!("CAST('{text}' AS INTERVAL)")
        }
    }
}

fn comparison_symbol(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Equal => "=",
        Comparison::NotEqual => "!=",
        Comparison::Less => "<",
        Comparison::LessOrEqual => "<=",
        Comparison::Greater => ">",
        Comparison::GreaterOrEqual => ">=",
    }
}
