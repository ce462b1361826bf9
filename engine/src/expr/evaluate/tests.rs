//! What expressions give, against values that DuckDB gives, and over every kind of vector.

mod kinds;
mod oracle;

use millwork_format::types::{DataType, Field, TimeUnit};
use millwork_format::vector::Cell;

use super::*;
use crate::error::ErrorKind;
use crate::expr::{Comparison, DatePart};

pub(super) const MONEY: DataType = DataType::Decimal { precision: 15, scale: 2 };

pub(super) fn text(value: &str) -> Expr {
    Expr::literal(Scalar::Text(value.into()), DataType::Utf8)
}

pub(super) fn integer(value: i128, data_type: DataType) -> Expr {
    Expr::literal(Scalar::Integer(value), data_type)
}

pub(super) fn double(value: f64) -> Expr {
    Expr::literal(Scalar::Float(value), DataType::Float64)
}

pub(super) fn null(data_type: DataType) -> Expr {
    Expr::literal(Scalar::Null, data_type)
}

pub(super) fn cast(argument: Expr, to: DataType) -> Expr {
    let kind = ExprKind::Cast { argument: Box::new(argument), strict: true };
    Expr { kind, data_type: to, span: None }
}

pub(super) fn call(function: Function, arguments: Vec<Expr>, to: DataType) -> Expr {
    Expr::call(function, arguments, to)
}

/// The value of an expression without columns, as text; or the error's.
fn value(expr: Expr) -> String {
    let data_type = expr.data_type.clone();
    let value = Program::new(expr).and_then(|mut p| p.evaluate(&[], 1, &Selection::All(1)));
    match value {
        Ok(value) => {
            let mut out = String::new();
            cast::render_cell(value.cell(0), &data_type, &mut out);
            out
        }
        Err(error) => {
            assert_eq!(*error.kind(), ErrorKind::Evaluate);
            format!("error: {}", error.what())
        }
    }
}

fn timestamp(text_value: &str) -> Expr {
    cast(text(text_value), DataType::Timestamp { unit: TimeUnit::Micros, utc: false })
}

fn date(text_value: &str) -> Expr {
    cast(text(text_value), DataType::Date)
}

#[test]
fn casts_give_what_duckdb_gives() {
    use DataType::{Boolean, Float32, Float64, Int8, Int32, Int64, UInt8, Utf8};
    let decimal = |precision, scale| DataType::Decimal { precision, scale };
    let table: Vec<(Expr, DataType, &str)> = vec![
        (double(2.5), Int32, "2"),
        (double(3.5), Int32, "4"),
        (double(-2.5), Int32, "-2"),
        (double(f64::NAN), Int32, "error: cannot convert nan to INTEGER"),
        (double(1e20), Int64, "error: cannot convert 1e+20 to BIGINT"),
        (double(2.675), decimal(5, 2), "2.68"),
        (double(0.125), decimal(5, 2), "0.13"),
        (double(1e40), Float32, "error: cannot convert 1e+40 to FLOAT"),
        (double(0.5), Boolean, "true"),
        (double(1e15), Utf8, "1000000000000000.0"),
        (integer(25, decimal(3, 1)), Int32, "3"),
        (integer(-25, decimal(3, 1)), Int32, "-3"),
        (integer(2345, decimal(5, 3)), decimal(5, 2), "2.35"),
        (integer(-5, decimal(5, 2)), Utf8, "-0.05"),
        (integer(1230, decimal(5, 2)), Float64, "12.3"),
        (integer(128, Int32), Int8, "error: cannot convert 128 to TINYINT"),
        (integer(-1, Int32), UInt8, "error: cannot convert -1 to UTINYINT"),
        (integer(123_456, Int32), decimal(4, 1), "error: cannot convert 123456 to DECIMAL(4,1)"),
        (integer(7, Int32), decimal(38, 4), "7.0000"),
        (integer(2, Int32), Boolean, "true"),
        (text("2.5"), Int32, "3"),
        (text("1e3"), Int32, "1000"),
        (text(" 12 "), Int32, "12"),
        (text("abc"), Int32, "error: cannot convert 'abc' to INTEGER"),
        (text("9999999999"), Int32, "error: cannot convert '9999999999' to INTEGER"),
        (text(""), Int32, "error: cannot convert '' to INTEGER"),
        (text("2.345"), decimal(5, 2), "2.35"),
        (text("1234567"), decimal(4, 1), "error: cannot convert '1234567' to DECIMAL(4,1)"),
        (text("YES"), Boolean, "true"),
        (text("2"), Boolean, "error: cannot convert '2' to BOOLEAN"),
        (text("  1.5 "), Float64, "1.5"),
        (text("Infinity"), Float64, "inf"),
        (text("5e"), Float64, "error: cannot convert '5e' to DOUBLE"),
        (text("2024-1-5"), DataType::Date, "2024-01-05"),
        (text("2024-02-30"), DataType::Date, "error: cannot convert '2024-02-30' to DATE"),
        (timestamp("1969-12-31 23:59:59.999999"), DataType::Date, "1969-12-31"),
        (timestamp("2024-01-05 10:11:12.120"), Utf8, "2024-01-05 10:11:12.12"),
        (timestamp("2024-01-05T10:11"), Utf8, "2024-01-05 10:11:00"),
        (timestamp("2024-01-05 24:00:00"), Utf8, "2024-01-06 00:00:00"),
        (
            date("2024-01-05"),
            DataType::Timestamp { unit: TimeUnit::Millis, utc: false },
            "2024-01-05 00:00:00",
        ),
        (null(Int32), Utf8, "NULL"),
    ];
    for (argument, to, expected) in table {
        let shown = format!("{argument} AS {to}");
        assert_eq!(value(cast(argument, to)), expected, "{shown}");
    }
    let kind = ExprKind::Cast { argument: Box::new(text("abc")), strict: false };
    assert_eq!(value(Expr { kind, data_type: Int32, span: None }), "NULL");
}

#[test]
fn functions_give_what_duckdb_gives() {
    use DataType::{Boolean, Float64, Int8, Int32, Int64, Utf8};
    use Function as F;
    let int = |value| integer(value, Int32);
    let decimal = |precision, scale| DataType::Decimal { precision, scale };
    let part = |part, argument| call(F::Extract(part), vec![argument], Int64);
    let interval = |text| {
        let bytes = crate::kernel::interval::Interval::parse(text).unwrap().to_bytes();
        Expr::literal(Scalar::Bytes(bytes[..].into()), DataType::SignedInterval)
    };
    let time = |micros| integer(micros, DataType::Time { unit: TimeUnit::Micros, utc: false });
    let micros = DataType::Timestamp { unit: TimeUnit::Micros, utc: false };
    let table = vec![
        (
            F::AddChecked,
            vec![int(i32::MAX.into()), int(1)],
            Int32,
            "error: overflow: 2147483647 + 1 does not fit INTEGER",
        ),
        (
            F::DivideInteger,
            vec![int(i32::MIN.into()), int(-1)],
            Int32,
            "error: overflow: -2147483648 / -1 does not fit INTEGER",
        ),
        (F::DivideInteger, vec![int(-7), int(2)], Int32, "-3"),
        (F::DivideInteger, vec![int(5), int(0)], Int32, "error: division by zero: 5 // 0"),
        (F::DivideInteger, vec![null(Int32), int(0)], Int32, "NULL"),
        (F::Modulo, vec![int(-5), int(3)], Int32, "-2"),
        (F::Modulo, vec![int(5), int(0)], Int32, "error: division by zero: 5 % 0"),
        (
            F::Modulo,
            vec![integer(150, decimal(4, 2)), integer(0, decimal(4, 2))],
            decimal(4, 2),
            "error: division by zero: 1.50 % 0.00",
        ),
        (F::Modulo, vec![double(1.5), double(0.0)], Float64, "nan"),
        (F::DivideFloatChecked, vec![double(-7.5), double(2.0)], Float64, "-3.75"),
        (
            F::DivideFloatChecked,
            vec![double(1.5), double(-0.0)],
            Float64,
            "error: division by zero: 1.5 // -0.0",
        ),
        (F::Modulo, vec![double(-5.5), double(2.0)], Float64, "-1.5"),
        (
            F::Modulo,
            vec![integer(1050, decimal(4, 2)), integer(300, decimal(4, 2))],
            decimal(4, 2),
            "1.50",
        ),
        (F::DivideFloat, vec![double(1.0), double(0.0)], Float64, "inf"),
        (F::MultiplyChecked, vec![double(1e308), double(10.0)], Float64, "inf"),
        (
            F::AbsoluteChecked,
            vec![integer(-128, Int8)],
            Int8,
            "error: overflow: absolute value of (-128) does not fit TINYINT",
        ),
        (F::NegateChecked, vec![int(5)], Int32, "-5"),
        (F::Round, vec![double(2.5)], Float64, "3.0"),
        (F::Round, vec![double(-2.5)], Float64, "-3.0"),
        (F::Round, vec![double(2.345), int(2)], Float64, "2.35"),
        (F::Round, vec![double(1234.5), int(-2)], Float64, "1200.0"),
        (F::Round, vec![integer(2345, decimal(5, 3)), int(2)], decimal(5, 2), "2.35"),
        (F::Round, vec![integer(12500, decimal(5, 1)), int(-2)], decimal(5, 0), "1300"),
        (F::Round, vec![int(1250), int(-2)], Int32, "1300"),
        (F::Round, vec![int(-1250), int(-2)], Int32, "-1300"),
        (F::Round, vec![int(i32::MAX.into()), int(-10)], Int32, "0"),
        (F::Round, vec![integer(127, Int8), int(-2)], Int8, "100"),
        (
            F::Round,
            vec![integer(127, Int8), int(-1)],
            Int8,
            "error: overflow: round(127, -1) does not fit TINYINT",
        ),
        (F::Floor, vec![integer(-995, decimal(3, 1))], decimal(3, 0), "-100"),
        (F::Ceiling, vec![integer(-5, decimal(2, 1))], decimal(2, 0), "0"),
        (F::Ceiling, vec![integer(995, decimal(3, 1))], decimal(3, 0), "100"),
        (F::Floor, vec![double(-1.5)], Float64, "-2.0"),
        (F::Ceiling, vec![double(-1.5)], Float64, "-1.0"),
        (F::Substring, vec![text("héllo"), int(2), int(3)], Utf8, "éll"),
        (F::Substring, vec![text("hello"), int(0), int(3)], Utf8, "he"),
        (F::Substring, vec![text("hello"), int(-3), int(2)], Utf8, "ll"),
        (F::Substring, vec![text("hello"), int(-3)], Utf8, "llo"),
        (F::Substring, vec![text("hello"), int(2), int(-1)], Utf8, "h"),
        (F::Left, vec![text("héllo"), int(2)], Utf8, "hé"),
        (F::Left, vec![text("héllo"), int(-2)], Utf8, "hél"),
        (F::Left, vec![text("hello"), int(-9)], Utf8, ""),
        (F::Right, vec![text("héllo"), int(4)], Utf8, "éllo"),
        (F::Right, vec![text("hello"), int(-2)], Utf8, "llo"),
        (F::Right, vec![text("hello"), int(9)], Utf8, "hello"),
        (F::Right, vec![text("hello"), int(0)], Utf8, ""),
        (F::Right, vec![text("hello"), integer(i64::MIN.into(), Int64)], Utf8, ""),
        (F::Upper, vec![text("straße")], Utf8, "STRAẞE"),
        (F::Lower, vec![text("ÀÉ")], Utf8, "àé"),
        (F::Trim, vec![text("  a b \t")], Utf8, "a b \t"),
        (F::Length, vec![text("héllo")], Int64, "5"),
        (F::ByteLength, vec![text("héllo")], Int64, "6"),
        (F::Replace, vec![text("aaa"), text("aa"), text("b")], Utf8, "ba"),
        (F::Replace, vec![text("abc"), text(""), text("x")], Utf8, "abc"),
        (F::Concat, vec![text("a"), null(Utf8)], Utf8, "NULL"),
        (F::Concat, vec![text("a"), text("b"), text("c")], Utf8, "abc"),
        (F::Contains, vec![text("abc"), text("")], Boolean, "true"),
        (F::StartsWith, vec![text("abc"), text("ab")], Boolean, "true"),
        (F::EndsWith, vec![text("abc"), text("ab")], Boolean, "false"),
        (F::RegexpMatches, vec![text("abc"), text("b")], Boolean, "true"),
        (F::Greatest, vec![int(1), null(Int32), int(3)], Int32, "3"),
        (F::Least, vec![null(Int32), null(Int32)], Int32, "NULL"),
        (F::NullIf, vec![int(1), int(1)], Int32, "NULL"),
        (F::NullIf, vec![int(1), null(Int32)], Int32, "1"),
        (F::Coalesce, vec![null(Int32), int(4), int(5)], Int32, "4"),
        (F::NotDistinct, vec![null(Int32), null(Int32)], Boolean, "true"),
        (F::NotDistinct, vec![int(1), null(Int32)], Boolean, "false"),
        (F::IsNull, vec![null(Int32)], Boolean, "true"),
        (F::Compare(Comparison::Equal), vec![double(f64::NAN), double(f64::NAN)], Boolean, "true"),
        (
            F::Compare(Comparison::Greater),
            vec![double(f64::NAN), double(f64::INFINITY)],
            Boolean,
            "true",
        ),
        (F::Compare(Comparison::Equal), vec![double(-0.0), double(0.0)], Boolean, "true"),
        (F::Compare(Comparison::Less), vec![int(1), null(Int32)], Boolean, "NULL"),
        (
            F::AddInterval,
            vec![date("2024-01-31"), interval("1 month")],
            micros.clone(),
            "2024-02-29 00:00:00",
        ),
        (
            F::AddTime,
            vec![time(36_000_000_000), interval("15 hours")],
            DataType::Time { unit: TimeUnit::Micros, utc: false },
            "01:00:00",
        ),
        (
            F::AddIntervals,
            vec![interval("1 month"), interval("-3 days")],
            DataType::SignedInterval,
            "1 month -3 days",
        ),
        (
            F::MultiplyInterval,
            vec![interval("1 month"), double(1.5)],
            DataType::SignedInterval,
            "1 month 15 days",
        ),
        (
            F::DivideInterval,
            vec![interval("1 month 1 day 1 hour"), double(2.0)],
            DataType::SignedInterval,
            "15 days 12:30:00",
        ),
        (
            F::DivideInterval,
            vec![interval("1 day"), double(0.0)],
            DataType::SignedInterval,
            "error: division by zero: an INTERVAL / 0",
        ),
        (
            F::AddIntervals,
            vec![interval("2147483647 days"), interval("1 day")],
            DataType::SignedInterval,
            "error: overflow in a calculation of INTERVAL",
        ),
        (
            F::TimeBetween,
            vec![timestamp("2020-01-01"), timestamp("2020-01-03 01:00:00")],
            DataType::SignedInterval,
            "-2 days -01:00:00",
        ),
        (F::AddDays, vec![date("2024-02-28"), int(2)], DataType::Date, "2024-03-01"),
        (F::DaysBetween, vec![date("2024-03-01"), date("2024-02-28")], Int64, "2"),
        (
            F::DateTruncate(DatePart::Week),
            vec![date("2024-02-04")],
            micros.clone(),
            "2024-01-29 00:00:00",
        ),
        (
            F::DateTruncate(DatePart::Quarter),
            vec![date("2024-05-04")],
            DataType::Date,
            "2024-04-01",
        ),
        (
            F::DateTruncate(DatePart::Hour),
            vec![timestamp("1969-12-31 23:59:59")],
            micros,
            "1969-12-31 23:00:00",
        ),
    ];
    for (function, arguments, to, expected) in table {
        let expr = call(function, arguments, to);
        let shown = expr.to_string();
        assert_eq!(value(expr), expected, "{shown}");
    }
    assert_eq!(value(part(DatePart::Week, date("2021-01-03"))), "53");
    assert_eq!(value(part(DatePart::DayOfWeek, date("2024-02-04"))), "0");
    assert_eq!(value(part(DatePart::Second, timestamp("2024-01-01 01:02:03.7"))), "3");
    assert_eq!(value(part(DatePart::Hour, timestamp("1969-12-31 23:02:03.7"))), "23");
    assert_eq!(value(part(DatePart::Year, date("1969-12-31"))), "1969");
    let epoch =
        call(F::Extract(DatePart::Epoch), vec![timestamp("2024-01-01 01:02:03.7")], Float64);
    assert_eq!(value(epoch), "1704070923.7");
}

#[test]
fn three_valued_logic() {
    let boolean = |value: Option<bool>| match value {
        Some(value) => Expr::literal(Scalar::Boolean(value), DataType::Boolean),
        None => null(DataType::Boolean),
    };
    let all = [Some(true), Some(false), None];
    for a in all {
        for b in all {
            let parts = vec![boolean(a), boolean(b)];
            let and = match (a, b) {
                (Some(false), _) | (_, Some(false)) => "false",
                (Some(true), Some(true)) => "true",
                _ => "NULL",
            };
            let or = match (a, b) {
                (Some(true), _) | (_, Some(true)) => "true",
                (Some(false), Some(false)) => "false",
                _ => "NULL",
            };
            let both = [(ExprKind::And(parts.clone()), and), (ExprKind::Or(parts), or)];
            for (kind, expected) in both {
                let expr = Expr { kind, data_type: DataType::Boolean, span: None };
                assert_eq!(value(expr), expected, "{a:?} {b:?}");
            }
        }
    }
    for (list, expected) in [
        (vec![Scalar::Integer(2), Scalar::Null], "NULL"),
        (vec![Scalar::Integer(1), Scalar::Null], "true"),
        (vec![Scalar::Integer(2)], "false"),
        (vec![], "false"),
    ] {
        let argument = Box::new(integer(1, DataType::Int32));
        let kind = ExprKind::InList { argument, list };
        assert_eq!(value(Expr { kind, data_type: DataType::Boolean, span: None }), expected);
    }
}

#[test]
fn an_error_needs_a_selected_row() {
    let column = Vector::flat(Slice::copy_of(&[1i64, i64::MAX, 3]));
    let expr = call(
        Function::AddChecked,
        vec![Expr::column(0, DataType::Int64), integer(1, DataType::Int64)],
        DataType::Int64,
    );
    let mut program = Program::new(expr).unwrap();
    let columns = [column];
    let error = program.evaluate(&columns, 3, &Selection::All(3)).unwrap_err();
    assert_eq!(error.what(), "overflow: 9223372036854775807 + 1 does not fit BIGINT");
    let others = Selection::from_bitmap(Bitmap::from_bools(&[true, false, true]));
    let sums = program.evaluate(&columns, 3, &others).unwrap();
    assert!(matches!(sums.cell(0), Cell::Integer(2)) && matches!(sums.cell(2), Cell::Integer(4)));
    // A literal that fails does so only where a row needs it.
    let mut constant = Program::new(cast(text("x"), DataType::Int32)).unwrap();
    assert!(constant.evaluate(&columns, 3, &Selection::All(3)).is_err());
    let none = Selection::from_bitmap(Bitmap::filled(false, 3));
    assert!(constant.evaluate(&columns, 3, &none).is_ok());
}

#[test]
fn decimals_widen_when_they_must() {
    let expr = call(
        Function::MultiplyChecked,
        vec![Expr::column(0, MONEY), Expr::column(1, MONEY)],
        DataType::Decimal { precision: 30, scale: 4 },
    );
    let mut program = Program::new(expr).unwrap();
    let mut product = |a: i64, b: i64| {
        let columns = [Vector::flat(Slice::copy_of(&[a])), Vector::flat(Slice::copy_of(&[b]))];
        program.evaluate(&columns, 1, &Selection::All(1)).unwrap()
    };
    assert!(product(3_000_000_000, -2).values::<i64>().is_some());
    let wide = product(i64::MAX, i64::MIN);
    assert_eq!(wide.values::<i128>().unwrap()[0], i128::from(i64::MAX) * i128::from(i64::MIN));
    let huge = DataType::Decimal { precision: 38, scale: 0 };
    let expr = call(
        Function::AddChecked,
        vec![integer(10i128.pow(38) - 1, huge.clone()), integer(1, huge.clone())],
        huge,
    );
    let expected = format!("error: overflow: {} + 1 does not fit DECIMAL(38,0)", "9".repeat(38));
    assert_eq!(value(expr), expected);
}

#[test]
fn nested_values() {
    let child = Vector::flat(Slice::copy_of(&[1i32, 2, 3]));
    let lists = millwork_format::vector::List::new(Slice::copy_of(&[0, 2, 2, 3]), child).unwrap();
    let validity = Some(Bitmap::from_bools(&[true, false, true]));
    let data = millwork_format::vector::Data::List(lists);
    let column = Vector::new(data, validity, 3).unwrap();
    let element = Field::nullable("element", DataType::Int32);
    let list_type = DataType::List(std::sync::Arc::new(element));
    let list = || Expr::column(0, list_type.clone());
    let at = |index| {
        let index = integer(index, DataType::Int64);
        call(Function::ListElement, vec![list(), index], DataType::Int32)
    };
    let table = [
        (call(Function::ListLength, vec![list()], DataType::Int64), ["2", "NULL", "1"]),
        (at(1), ["1", "NULL", "3"]),
        (at(-1), ["2", "NULL", "3"]),
        (at(2), ["2", "NULL", "NULL"]),
        (at(0), ["NULL", "NULL", "NULL"]),
        (cast(list(), DataType::Utf8), ["[1, 2]", "NULL", "[3]"]),
    ];
    for (expr, expected) in table {
        let data_type = expr.data_type.clone();
        let shown = expr.to_string();
        let mut program = Program::new(expr).unwrap();
        let result =
            program.evaluate(std::slice::from_ref(&column), 3, &Selection::All(3)).unwrap();
        for (row, expected) in expected.iter().enumerate() {
            let mut out = String::new();
            cast::render_cell(result.cell(row), &data_type, &mut out);
            assert_eq!(out, *expected, "{shown}");
        }
    }
}

#[test]
fn constants_fold() {
    let sum = call(
        Function::AddChecked,
        vec![integer(1, DataType::Int32), integer(2, DataType::Int32)],
        DataType::Int32,
    );
    assert_eq!(constant(&sum).ok(), Some(Some(Scalar::Integer(3))));
    assert_eq!(constant(&Expr::column(0, DataType::Int32)).ok(), Some(None));
    assert!(constant(&cast(text("x"), DataType::Int32)).is_err());
    assert_eq!(constant(&null(DataType::Int32)).ok(), Some(Some(Scalar::Null)));
}
