//! Every function over every kind of vector and selection equals the naive interpreter.

use std::sync::Arc;

use millwork_format::types::TimeUnit;
use millwork_format::vector::{Codes, Dictionary, concat};

use super::oracle::{Outcome, oracle};
use super::*;
use crate::expr::{Comparison, DatePart};

const ROWS: usize = 203;

/// A small generator: equal seeds give equal numbers.
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % below as u64) as usize
    }
}

const WIDE: DataType = DataType::Decimal { precision: 30, scale: 2 };
const MICROS: DataType = DataType::Timestamp { unit: TimeUnit::Micros, utc: false };

/// Types of the columns, with the values they hold. Column `2 * i` and `2 * i + 1` are of type `i`.
fn pools() -> Vec<(DataType, Vec<Scalar>)> {
    let integers = |list: &[i128]| list.iter().copied().map(Scalar::Integer).collect::<Vec<_>>();
    let texts = [
        "",
        "a",
        "abc",
        "Äpfel",
        " trim me ",
        "12",
        "-7",
        "a longer string, outside",
        "a longer string, outsidf",
        "%a_",
        "special requests here",
        "xspecialxxrequestsx",
    ];
    vec![
        (DataType::Int32, integers(&[0, 1, -1, 7, 42, -42, 100, 3, i32::MAX.into(), 12345])),
        (DataType::Int8, integers(&[0, 1, -1, 5, 11, 100, 127, -128])),
        (MONEY, integers(&[0, 5, 10_000, 10_494_950, 7, -305, 25, 24, 100, 1 << 40])),
        (WIDE, integers(&[0, 5, 10_000, -305, 25, 1 << 90, -(1 << 100), 10i128.pow(29)])),
        (
            DataType::Float64,
            [0.0, -0.0, 1.5, 2.5, -3.25, 1e300, f64::NAN, f64::INFINITY]
                .map(Scalar::Float)
                .to_vec(),
        ),
        (DataType::Utf8, texts.map(|text| Scalar::Text(text.into())).to_vec()),
        (DataType::Date, integers(&[0, -1, 8036, 8400, 9131, 19_753, -719_000, 11_016])),
        (DataType::Boolean, vec![Scalar::Boolean(true), Scalar::Boolean(false)]),
        (
            MICROS,
            integers(&[0, -1, 1_704_070_923_700_000, -62_000_000_000_000_000, 86_400_000_000]),
        ),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Flat,
    FlatWithNulls,
    Dictionary,
    DictionaryWithNulls,
    Constant,
    Null,
}

const KINDS: [Kind; 6] = [
    Kind::Flat,
    Kind::FlatWithNulls,
    Kind::Dictionary,
    Kind::DictionaryWithNulls,
    Kind::Constant,
    Kind::Null,
];

fn column(kind: Kind, data_type: &DataType, pool: &[Scalar], random: &mut Random) -> Vector {
    let entries: Vec<Vector> =
        pool.iter().map(|value| value.to_vector(data_type).unwrap()).collect();
    let entries = concat(&entries).unwrap();
    let codes: Vec<u8> = (0..ROWS).map(|_| random.next(pool.len()) as u8).collect();
    let present: Vec<bool> = (0..ROWS).map(|_| random.next(4) > 0).collect();
    let validity = match kind {
        Kind::FlatWithNulls | Kind::DictionaryWithNulls => Some(Bitmap::from_bools(&present)),
        _ => None,
    };
    let rows: Vec<u32> = codes.iter().map(|code| u32::from(*code)).collect();
    match kind {
        Kind::Flat | Kind::FlatWithNulls => {
            entries.take(&rows).unwrap().with_validity(validity).unwrap()
        }
        Kind::Dictionary | Kind::DictionaryWithNulls => {
            let dictionary = Arc::new(Dictionary::new(entries).unwrap());
            let codes = if random.next(2) == 0 {
                Codes::U8(Slice::copy_of(&codes))
            } else {
                Codes::U32(Slice::copy_of(&rows))
            };
            Vector::dictionary(codes, validity, dictionary).unwrap()
        }
        Kind::Constant => {
            let one = pool[random.next(pool.len())].to_vector(data_type).unwrap();
            Vector::constant(one, ROWS).unwrap()
        }
        Kind::Null => Vector::null(ROWS),
    }
}

fn selections(random: &mut Random) -> Vec<Selection> {
    let mut of = |odds: usize| -> Selection {
        let bits: Vec<bool> = (0..ROWS).map(|_| random.next(odds) == 0).collect();
        Selection::from_bitmap(Bitmap::from_bools(&bits))
    };
    let (half, few) = (of(2), of(20));
    let rows = |from: &Selection| Selection::from_rows(from.rows(), ROWS).unwrap();
    let none = Selection::from_bitmap(Bitmap::filled(false, ROWS));
    vec![Selection::All(ROWS), rows(&half), half, rows(&few), few, none]
}

fn boolean(kind: ExprKind) -> Expr {
    Expr { kind, data_type: DataType::Boolean, span: None }
}

fn compare(op: Comparison, a: Expr, b: Expr) -> Expr {
    call(Function::Compare(op), vec![a, b], DataType::Boolean)
}

fn in_list(argument: Expr, list: Vec<Scalar>) -> Expr {
    boolean(ExprKind::InList { argument: Box::new(argument), list })
}

const OPS: [Comparison; 6] = [
    Comparison::Equal,
    Comparison::NotEqual,
    Comparison::Less,
    Comparison::LessOrEqual,
    Comparison::Greater,
    Comparison::GreaterOrEqual,
];

/// What has one form for every type.
fn generic_expressions() -> Vec<Expr> {
    let mut all = Vec::new();
    for (index, (data_type, pool)) in pools().into_iter().enumerate() {
        let a = || Expr::column(2 * index, data_type.clone());
        let b = || Expr::column(2 * index + 1, data_type.clone());
        let one = || Expr::literal(pool[1].clone(), data_type.clone());
        for op in OPS {
            all.push(compare(op, a(), b()));
            all.push(compare(op, a(), one()));
            all.push(compare(op, one(), b()));
        }
        let to = DataType::Boolean;
        all.push(call(Function::NotDistinct, vec![a(), b()], to.clone()));
        all.push(call(Function::IsNull, vec![a()], to.clone()));
        all.push(call(Function::IsNotNull, vec![a()], to.clone()));
        let less = || compare(Comparison::Less, a(), b());
        all.push(call(Function::Not, vec![less()], to.clone()));
        all.push(in_list(a(), pool[..2].to_vec()));
        all.push(in_list(a(), pool.iter().rev().take(3).cloned().chain([Scalar::Null]).collect()));
        all.push(call(Function::Not, vec![in_list(a(), pool[..1].to_vec())], to));
        for function in [Function::Greatest, Function::Least, Function::NullIf, Function::Coalesce]
        {
            all.push(call(function, vec![a(), b()], data_type.clone()));
        }
        all.push(call(Function::Coalesce, vec![a(), one()], data_type.clone()));
        let kind = ExprKind::Case {
            branches: vec![
                (less(), a()),
                (compare(Comparison::Equal, b(), one()), null(data_type.clone())),
                (call(Function::IsNull, vec![b()], DataType::Boolean), one()),
            ],
            otherwise: Box::new(b()),
        };
        all.push(Expr { kind, data_type: data_type.clone(), span: None });
        let parts = |op: Comparison| {
            vec![compare(op, a(), one()), less(), compare(Comparison::NotEqual, b(), one())]
        };
        all.push(boolean(ExprKind::And(parts(Comparison::GreaterOrEqual))));
        all.push(boolean(ExprKind::Or(parts(Comparison::Equal))));
        let or = boolean(ExprKind::Or(parts(Comparison::Equal)));
        all.push(call(Function::Not, vec![or], DataType::Boolean));
        let range =
            vec![compare(Comparison::GreaterOrEqual, a(), one()), compare(OPS[1], a(), one())];
        all.push(boolean(ExprKind::And(range)));
    }
    all
}

/// What depends on the type.
fn special_expressions() -> Vec<Expr> {
    let types: Vec<DataType> = pools().into_iter().map(|(data_type, _)| data_type).collect();
    let a = |index: usize| Expr::column(2 * index, types[index].clone());
    let b = |index: usize| Expr::column(2 * index + 1, types[index].clone());
    let decimal = |precision, scale| DataType::Decimal { precision, scale };
    let mut all = Vec::new();
    use Function as F;
    for function in [F::AddChecked, F::SubtractChecked, F::MultiplyChecked] {
        for (index, to) in [
            (0, DataType::Int32),
            (1, DataType::Int8),
            (2, decimal(38, 2)),
            (3, decimal(38, 2)),
            (4, DataType::Float64),
        ] {
            all.push(call(function.clone(), vec![a(index), b(index)], to.clone()));
            let one = Expr::literal(pools()[index].1[2].clone(), types[index].clone());
            all.push(call(function.clone(), vec![one, b(index)], to));
        }
        all.push(call(function, vec![a(2), b(3)], decimal(38, 4)));
    }
    for index in [0, 1] {
        for function in [F::DivideInteger, F::Modulo] {
            all.push(call(function, vec![a(index), b(index)], types[index].clone()));
        }
        for function in [F::NegateChecked, F::AbsoluteChecked] {
            all.push(call(function, vec![a(index)], types[index].clone()));
        }
    }
    for function in [F::DivideFloat, F::DivideFloatChecked, F::Modulo] {
        all.push(call(function, vec![a(4), b(4)], DataType::Float64));
    }
    for function in [F::Floor, F::Ceiling, F::NegateChecked, F::AbsoluteChecked] {
        all.push(call(function, vec![a(4)], DataType::Float64));
    }
    for function in [F::Upper, F::Lower, F::Trim] {
        all.push(call(function, vec![a(5)], DataType::Utf8));
    }
    for function in [F::Length, F::ByteLength] {
        all.push(call(function, vec![a(5)], DataType::Int64));
    }
    let number = |value| integer(value, DataType::Int32);
    all.push(call(F::Substring, vec![a(5), number(2), number(3)], DataType::Utf8));
    all.push(call(F::Concat, vec![a(5), b(5)], DataType::Utf8));
    all.push(call(F::Replace, vec![a(5), text("a"), b(5)], DataType::Utf8));
    for function in [F::StartsWith, F::EndsWith, F::Contains] {
        all.push(call(function.clone(), vec![a(5), b(5)], DataType::Boolean));
        all.push(call(function, vec![a(5), text("a")], DataType::Boolean));
    }
    for ignore_case in [false, true] {
        let like = F::Like { ignore_case, escape: None };
        all.push(call(like.clone(), vec![a(5), b(5)], DataType::Boolean));
        for pattern in ["abc", "A%", "%A", "%long%", "%special%requests%", "_pf%", "%", ""] {
            all.push(call(like.clone(), vec![a(5), text(pattern)], DataType::Boolean));
        }
    }
    for part in [
        DatePart::Year,
        DatePart::Quarter,
        DatePart::Month,
        DatePart::Week,
        DatePart::Day,
        DatePart::DayOfWeek,
        DatePart::DayOfYear,
        DatePart::Century,
        DatePart::IsoYear,
        DatePart::IsoDayOfWeek,
        DatePart::Hour,
        DatePart::Second,
        DatePart::Microsecond,
    ] {
        all.push(call(F::Extract(part), vec![a(6)], DataType::Int64));
        all.push(call(F::Extract(part), vec![a(8)], DataType::Int64));
    }
    all.push(call(F::AddDays, vec![a(6), b(0)], DataType::Date));
    all.push(call(F::DaysBetween, vec![a(6), b(6)], DataType::Int64));
    for (index, to) in [
        (0, DataType::Int8),
        (0, DataType::Int64),
        (0, DataType::Float64),
        (0, DataType::Utf8),
        (0, decimal(12, 3)),
        (0, decimal(6, 3)),
        (0, decimal(38, 3)),
        (1, DataType::UInt8),
        (2, DataType::Float64),
        (2, decimal(15, 1)),
        (2, decimal(20, 4)),
        (2, decimal(5, 2)),
        (2, DataType::Utf8),
        (2, DataType::Int32),
        (3, DataType::Float64),
        (3, decimal(38, 4)),
        (3, decimal(15, 2)),
        (4, DataType::Int32),
        (5, DataType::Int32),
        (6, DataType::Utf8),
        (6, MICROS),
        (7, DataType::Int32),
        (8, DataType::Date),
    ] {
        all.push(cast(a(index), to.clone()));
        let kind = ExprKind::Cast { argument: Box::new(a(index)), strict: false };
        all.push(Expr { kind, data_type: to, span: None });
    }
    // Q1's and Q6's shapes.
    let one = || integer(100, MONEY);
    let rest = call(F::SubtractChecked, vec![one(), b(2)], MONEY);
    all.push(call(F::MultiplyChecked, vec![a(2), rest], decimal(30, 4)));
    all
}

fn same(a: &Scalar, b: &Scalar) -> bool {
    match (a, b) {
        (Scalar::Float(a), Scalar::Float(b)) => a == b || a.is_nan() && b.is_nan(),
        _ => a == b,
    }
}

fn check(expr: &Expr, program: &mut Program, columns: &[Vector], selections: &[Selection]) {
    let expected: Vec<Outcome> = (0..ROWS).map(|row| oracle(expr, columns, row)).collect();
    for selection in selections {
        let rows = selection.rows();
        let fails = rows.iter().any(|row| expected[*row as usize].is_err());
        let result = program.evaluate(columns, ROWS, selection);
        assert_eq!(result.is_err(), fails, "{expr} gives {result:?}");
        let Ok(result) = result else { continue };
        assert_eq!(result.len(), ROWS, "{expr}");
        for row in rows.iter().map(|row| *row as usize) {
            let value = Scalar::of_row(&result, row, &expr.data_type).unwrap();
            let wanted = expected[row].as_ref().unwrap();
            assert!(same(&value, wanted), "{expr} row {row}: {value:?}, not {wanted:?}");
        }
        if expr.data_type == DataType::Boolean {
            let kept = program.select(columns, ROWS, selection).unwrap();
            let holds = |row: &u32| expected[*row as usize] == Ok(Scalar::Boolean(true));
            let wanted: Vec<u32> = rows.iter().copied().filter(holds).collect();
            assert_eq!((kept.total(), kept.rows().to_vec()), (ROWS, wanted), "{expr}");
        }
    }
}

#[test]
fn every_kind_and_selection_equals_the_interpreter() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut batches = Vec::new();
    for first in KINDS {
        for second in KINDS {
            let columns: Vec<Vector> = pools()
                .iter()
                .flat_map(|(data_type, pool)| {
                    [first, second].map(|kind| column(kind, data_type, pool, &mut random))
                })
                .collect();
            batches.push((columns, selections(&mut random)));
        }
    }
    for expr in generic_expressions().into_iter().chain(special_expressions()) {
        let mut program = Program::new(expr.clone()).unwrap();
        for (columns, selections) in &batches {
            check(&expr, &mut program, columns, selections);
        }
    }
}

#[test]
fn a_dictionary_is_looked_at_once() {
    let mut random = Random(7);
    let (data_type, pool) = &pools()[5];
    let columns = [column(Kind::Dictionary, data_type, pool, &mut random)];
    let a = || Expr::column(0, DataType::Utf8);
    let like = Function::Like { ignore_case: false, escape: None };
    let like = call(like, vec![a(), text("%a%")], DataType::Boolean);
    let mut program = Program::new(like).unwrap();
    for _ in 0..3 {
        program.select(&columns, ROWS, &Selection::All(ROWS)).unwrap();
        program.evaluate(&columns, ROWS, &Selection::All(ROWS)).unwrap();
    }
    assert_eq!(program.dictionary_entries_evaluated(), pool.len() as u64);
    let mut upper = Program::new(call(Function::Upper, vec![a()], DataType::Utf8)).unwrap();
    let result = upper.evaluate(&columns, ROWS, &Selection::All(ROWS)).unwrap();
    assert!(matches!(result.data(), millwork_format::vector::Data::Dictionary(..)));
    // An entry that fails is no reason to fail where no row uses it.
    let mut number = Program::new(cast(a(), DataType::Int32)).unwrap();
    let numbers: Vec<bool> =
        (0..ROWS).map(|row| matches!(columns[0].cell(row), Cell::Bytes(b"12" | b"-7"))).collect();
    let selection = Selection::from_bitmap(Bitmap::from_bools(&numbers));
    assert!(number.evaluate(&columns, ROWS, &selection).is_ok());
    assert!(number.evaluate(&columns, ROWS, &Selection::All(ROWS)).is_err());
    assert_eq!(number.dictionary_entries_evaluated(), 0);
}
