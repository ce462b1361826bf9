//! Constants.

use millwork_format::types::DataType;

use crate::error::{Error, Result};
use crate::expr::Expr;
use crate::kernel::parse;
use crate::sql::ast::Literal;
use crate::sql::types::{self, MAX_PRECISION};
use crate::value::Scalar;

/// The constant as an expression, without a span.
pub(super) fn bind(literal: &Literal) -> Result<Expr> {
    Ok(match literal {
        Literal::Null => Expr::literal(Scalar::Null, DataType::Null),
        Literal::Boolean(value) => Expr::literal(Scalar::Boolean(*value), DataType::Boolean),
        Literal::Text(text) => Expr::literal(Scalar::Text(text.as_str().into()), DataType::Utf8),
        Literal::Bytes(bytes) => {
            Expr::literal(Scalar::Bytes(bytes.as_slice().into()), DataType::Binary)
        }
        Literal::Interval(interval) => {
            Expr::literal(Scalar::Bytes(interval.to_bytes()[..].into()), DataType::SignedInterval)
        }
        Literal::Typed(data_type, text) => {
            let text = Expr::literal(Scalar::Text(text.as_str().into()), DataType::Utf8);
            types::cast(text, data_type.clone(), true)?
        }
        Literal::Number(digits) => number(digits)?,
    })
}

/// Without a point the least integer type from INTEGER on, with one a DECIMAL of its digits, with an
/// exponent or too many digits a DOUBLE.
fn number(digits: &str) -> Result<Expr> {
    let has_exponent = digits.contains(['e', 'E']);
    let count = |digits: &str| digits.bytes().filter(u8::is_ascii_digit).count();
    let scale = digits.split_once('.').map_or(0, |(_, fraction)| count(fraction));
    if !has_exponent
        && let Ok(scale) = u8::try_from(scale)
        && let Some(unscaled) = parse::decimal(digits, scale.into())
    {
        if !digits.contains('.') {
            let data_type = types::type_of_digits(unscaled);
            return Ok(Expr::literal(Scalar::Integer(unscaled), data_type));
        }
        if let Ok(precision) = u8::try_from(count(digits))
            && precision <= MAX_PRECISION
        {
            let data_type = DataType::Decimal { precision: precision.max(1), scale };
            return Ok(Expr::literal(Scalar::Integer(unscaled), data_type));
        }
    }
    let value: f64 = digits.parse().map_err(|_| Error::syntax(format!("{digits} is no number")))?;
    if value.is_infinite() {
        return Err(Error::evaluate(format!("{digits} is out of the range of DOUBLE")));
    }
    Ok(Expr::literal(Scalar::Float(value), DataType::Float64))
}
