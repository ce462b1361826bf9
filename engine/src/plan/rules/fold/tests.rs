use millwork_format::types::{DataType, TimeUnit};

use super::*;
use crate::expr::Comparison;

fn text(value: &str) -> Scalar {
    Scalar::Text(value.into())
}

fn decimal(precision: u8, scale: u8) -> DataType {
    DataType::Decimal { precision, scale }
}

fn cast(value: Scalar, from: DataType, to: DataType) -> Expr {
    let kind = ExprKind::Cast { argument: Box::new(Expr::literal(value, from)), strict: true };
    Expr { kind, data_type: to, span: None }
}

#[test]
fn constants_convert_as_sql_does() {
    let cases = [
        (text("1998-12-01"), DataType::Utf8, DataType::Date, Scalar::Integer(10_561)),
        (text(" 42 "), DataType::Utf8, DataType::Int32, Scalar::Integer(42)),
        (text("1.235"), DataType::Utf8, decimal(4, 2), Scalar::Integer(124)),
        (text("-1.235"), DataType::Utf8, decimal(4, 2), Scalar::Integer(-124)),
        (Scalar::Integer(24), DataType::Int32, decimal(15, 2), Scalar::Integer(2_400)),
        (Scalar::Integer(150), decimal(3, 2), DataType::Float64, Scalar::Float(1.5)),
        (Scalar::Integer(250), decimal(3, 2), DataType::Int64, Scalar::Integer(3)),
        (Scalar::Float(2.5), DataType::Float64, DataType::Int64, Scalar::Integer(2)),
    ];
    for (value, from, to, expected) in cases {
        let mut expr = cast(value, from, to);
        assert!(fold_node(&mut expr), "{expr}");
        assert_eq!(expr.as_literal(), Some(&expected));
    }
}

#[test]
fn constants_that_do_not_convert_are_named() {
    let error = constant(&cast(text("abc"), DataType::Utf8, DataType::Int32)).expect_err("text");
    assert_eq!(error.what(), "cannot convert 'abc' to INTEGER");
    let unfit = [(DataType::Int8, 300), (decimal(3, 1), 100)];
    for (to, value) in unfit {
        let mut expr = cast(Scalar::Integer(value), DataType::Int32, to);
        assert!(constant(&expr).is_err() && !fold_node(&mut expr));
    }
}

#[test]
fn a_date_minus_an_interval_is_a_constant() {
    let timestamp = DataType::Timestamp { unit: TimeUnit::Micros, utc: false };
    let date = Expr::literal(Scalar::Integer(10_561), DataType::Date);
    let days = crate::kernel::interval::Interval { months: 0, days: -90, micros: 0 };
    let days = Expr::literal(Scalar::Bytes(days.to_bytes()[..].into()), DataType::SignedInterval);
    let mut sum = Expr::call(Function::AddInterval, vec![date, days], timestamp);
    fold(&mut sum);
    let expected = (10_561 - 90) * i128::from(crate::kernel::calendar::DAY_MICROS);
    assert_eq!(sum.as_literal(), Some(&Scalar::Integer(expected)));
}

#[test]
fn null_in_and_and_or_follows_three_valued_logic() {
    let null = || Expr::literal(Scalar::Null, DataType::Boolean);
    let truth = |value| Expr::literal(Scalar::Boolean(value), DataType::Boolean);
    let folded = |kind| {
        let mut expr = Expr { kind, data_type: DataType::Boolean, span: None };
        fold(&mut expr);
        expr.kind
    };
    assert_eq!(folded(ExprKind::And(vec![null(), truth(false)])), truth(false).kind);
    assert_eq!(folded(ExprKind::And(vec![null(), truth(true)])), null().kind);
    assert_eq!(folded(ExprKind::Or(vec![null(), truth(true)])), truth(true).kind);
    assert_eq!(folded(ExprKind::Or(vec![null(), truth(false)])), null().kind);
}

#[test]
fn a_negated_comparison_turns_around() {
    let column = || Expr::column(0, DataType::Int32);
    let less = Expr::call(
        Function::Compare(Comparison::Less),
        vec![column(), Expr::literal(Scalar::Integer(1), DataType::Int32)],
        DataType::Boolean,
    );
    let mut not = Expr::call(Function::Not, vec![less], DataType::Boolean);
    fold(&mut not);
    assert_eq!(not.to_string(), "(#0 >= 1)");
}

#[test]
fn overflow_is_left_for_the_rows_that_meet_it() {
    let big = || Expr::literal(Scalar::Integer(i128::from(i32::MAX)), DataType::Int32);
    let mut sum = Expr::call(Function::AddChecked, vec![big(), big()], DataType::Int32);
    assert!(constant(&sum).is_err());
    fold(&mut sum);
    assert!(sum.as_literal().is_none());
}
