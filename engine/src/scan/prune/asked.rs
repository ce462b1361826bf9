//! What a conjunct asks of values, before a file is known: made once a query.
//!
//! In: a bound expression. Out: [`Asked`], tests of operands that are columns or parts of them. What is not
//! understood (arithmetic, casts of columns, functions) asks nothing. Through a cast that keeps the order of
//! values the constant is brought back; instants of INT96 are tested as nanoseconds.

use millwork_format::prune::{Comparison, PruneValue, Test, ValueSet};
use millwork_format::types::{DataType, TimeUnit};

use crate::expr::{Expr, ExprKind, Function};
use crate::value::{Scalar, integer_bounds};

/// What rows for which an expression is true pass.
#[derive(Debug)]
pub(super) enum Asked {
    /// All of these.
    All(Vec<Self>),
    /// One of these.
    Any(Vec<Self>),
    /// The value of `operand` passes `test`; of a part under a list, one of its values does.
    Value { operand: Expr, test: Test },
    /// The nanoseconds of `operand`, an INT96, pass all of `tests`.
    Instant { operand: Expr, tests: Vec<Test> },
    /// One of the elements of `list` passes `test`.
    Element { list: Expr, test: Test },
}

impl Asked {
    /// What `expr` asks; `None` if nothing that an index can answer.
    pub(super) fn by(expr: &Expr) -> Option<Self> {
        match &expr.kind {
            ExprKind::And(parts) => {
                let known: Vec<_> = parts.iter().filter_map(Self::by).collect();
                (!known.is_empty()).then_some(Self::All(known))
            }
            // One part that is not understood makes all of them useless.
            ExprKind::Or(parts) => {
                let known: Option<Vec<_>> = parts.iter().map(Self::by).collect();
                known.map(Self::Any)
            }
            ExprKind::Call(Function::ListContains, arguments) => {
                let [list, element] = &arguments[..] else { return None };
                let (comparison, value) = (Comparison::Equal, value_of(element.as_literal()?)?);
                let test = Test::Compare { comparison, value };
                Some(Self::Element { list: list.clone(), test })
            }
            _ => {
                let (operand, test) = test_of(expr)?;
                if let Some(instant) = Instant::of(operand) {
                    return instant.asked(test);
                }
                let (operand, test) = through_casts(operand, test)?;
                Some(Self::Value { operand: operand.clone(), test })
            }
        }
    }
}

/// The test that `predicate` is, and of what.
fn test_of(predicate: &Expr) -> Option<(&Expr, Test)> {
    let is = |value| {
        let value = PruneValue::Boolean(value);
        Test::Compare { comparison: Comparison::Equal, value }
    };
    match &predicate.kind {
        ExprKind::Column(_) if predicate.data_type == DataType::Boolean => {
            Some((predicate, is(true)))
        }
        ExprKind::Call(Function::StructField(_), _) if predicate.data_type == DataType::Boolean => {
            Some((predicate, is(true)))
        }
        ExprKind::Call(Function::Not, arguments) => match arguments.first()? {
            argument if matches!(argument.kind, ExprKind::Column(_)) => Some((argument, is(false))),
            _ => None,
        },
        ExprKind::Call(Function::Compare(comparison), arguments) => {
            let [left, right] = &arguments[..] else { return None };
            let (operand, constant, comparison) = match (left.as_literal(), right.as_literal()) {
                (_, Some(constant)) => (left, constant, *comparison),
                (Some(constant), _) => (right, constant, comparison.swapped()),
                _ => return None,
            };
            Some((operand, Test::Compare { comparison, value: value_of(constant)? }))
        }
        ExprKind::Call(Function::IsNull, arguments) => Some((arguments.first()?, Test::IsNull)),
        ExprKind::Call(Function::IsNotNull, arguments) => {
            Some((arguments.first()?, Test::IsNotNull))
        }
        ExprKind::Call(Function::StartsWith, arguments) => {
            let [operand, prefix] = &arguments[..] else { return None };
            match prefix.as_literal()? {
                Scalar::Text(prefix) => Some((operand, Test::Prefix(prefix.as_bytes().to_vec()))),
                _ => None,
            }
        }
        ExprKind::Call(Function::Like { ignore_case: false, escape }, arguments) => {
            let [operand, pattern] = &arguments[..] else { return None };
            let Scalar::Text(pattern) = pattern.as_literal()? else { return None };
            // A backslash may be an escape or not: what stands before it is what it is.
            let special = |c: char| matches!(c, '%' | '_' | '\\') || Some(c) == *escape;
            let prefix = pattern.split(special).next().filter(|prefix| !prefix.is_empty())?;
            Some((operand, Test::Prefix(prefix.as_bytes().to_vec())))
        }
        ExprKind::InList { argument, list } => {
            // A null in the list makes no row true.
            let constants = list.iter().filter(|constant| !constant.is_null());
            let values: Option<ValueSet> = constants.map(value_of).collect();
            Some((argument, Test::In(values?)))
        }
        _ => None,
    }
}

/// `operand` without the casts around it that keep values and their order, and the test that its value
/// passes where `test` is passed.
fn through_casts(operand: &Expr, test: Test) -> Option<(&Expr, Test)> {
    let (mut operand, mut test) = (operand, test);
    while let ExprKind::Cast { argument, strict } = &operand.kind {
        // What does not fit the finer unit is null then.
        if !strict && test == Test::IsNull {
            return None;
        }
        test = match scale_of(&argument.data_type, &operand.data_type)? {
            1 => test,
            factor => scaled(test, factor)?,
        };
        if integer_bounds(&argument.data_type).is_some() {
            test = of_integers(test)?;
        }
        operand = argument;
    }
    Some((operand, test))
}

/// What a cast that can't fail and changes no order multiplies counts by; `None` for other casts.
fn scale_of(from: &DataType, to: &DataType) -> Option<i128> {
    use DataType::{Binary, Date, Decimal, Fixed, Float16, Float32, Float64, Time, Timestamp};
    let power = |digits: u8| 10i128.checked_pow(digits.into());
    match (from, to) {
        (Float16, Float32 | Float64) | (Float32, Float64) | (Fixed(_), Binary) => Some(1),
        (from, to) if from.is_text() && to.is_text() => Some(1),
        (from, Float32 | Float64) => integer_bounds(from).map(|_| 1),
        (Decimal { precision, scale }, Decimal { precision: to_precision, scale: to_scale }) => {
            let digits = to_scale.checked_sub(*scale)?;
            (precision + digits <= *to_precision).then(|| power(digits)).flatten()
        }
        (from, Decimal { precision, scale }) => {
            let (low, high) = integer_bounds(from)?;
            let most = power(precision.checked_sub(*scale)?)?;
            (-most < low && high < most).then(|| power(*scale)).flatten()
        }
        (Date, Timestamp { unit, .. }) => Some(i128::from(unit.per_second()) * 86_400),
        (Timestamp { unit: from, .. }, Timestamp { unit: to, .. })
        | (Time { unit: from, .. }, Time { unit: to, .. }) => {
            (from <= to).then(|| i128::from(to.per_second() / from.per_second()))
        }
        (from, to) => {
            let ((low, high), (least, most)) = (integer_bounds(from)?, integer_bounds(to)?);
            (least <= low && high <= most).then_some(1)
        }
    }
}

/// What a count passes of which `factor` times as much passes `test`.
fn scaled(test: Test, factor: i128) -> Option<Test> {
    use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    let count = |value: &PruneValue| match value {
        PruneValue::Integer(count) => Some(*count),
        _ => None,
    };
    Some(match test {
        Test::Compare { comparison, value } => {
            let value = count(&value)?;
            let (below, is_whole) = (value.div_euclid(factor), value % factor == 0);
            let above = if is_whole { below } else { below + 1 };
            let bound = match comparison {
                Less | GreaterOrEqual => above,
                LessOrEqual | Greater => below,
                Equal if !is_whole => return Some(Test::In(ValueSet::from_iter([]))),
                NotEqual if !is_whole => return Some(Test::IsNotNull),
                Equal | NotEqual => below,
            };
            Test::Compare { comparison, value: PruneValue::Integer(bound) }
        }
        Test::In(values) => {
            let counts: Option<Vec<i128>> = values.as_slice().iter().map(count).collect();
            let whole = counts?.into_iter().filter(|value| value % factor == 0);
            Test::In(whole.map(|value| PruneValue::Integer(value / factor)).collect())
        }
        Test::IsNull | Test::IsNotNull => test,
        Test::Prefix(_) => return None,
    })
}

/// What an integer passes that passes `test` as a float: it is the same where floats have a number for
/// each integer, which those of single precision have up to 2^24.
fn of_integers(test: Test) -> Option<Test> {
    use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    const EXACT: f64 = 8_388_608.0;
    let Test::Compare { comparison, value: PruneValue::Float(value) } = test else {
        let is_float = |value: &PruneValue| matches!(value, PruneValue::Float(_));
        return match &test {
            Test::In(values) if values.as_slice().iter().any(is_float) => None,
            _ => Some(test),
        };
    };
    if !(-EXACT..=EXACT).contains(&value) {
        return None;
    }
    let bound = match comparison {
        Less | GreaterOrEqual => value.ceil(),
        LessOrEqual | Greater => value.floor(),
        Equal if value.fract() != 0.0 => return Some(Test::In(ValueSet::from_iter([]))),
        NotEqual if value.fract() != 0.0 => return Some(Test::IsNotNull),
        Equal | NotEqual => value,
    };
    Some(Test::Compare { comparison, value: PruneValue::Integer(bound as i128) })
}

/// An INT96 of which a timestamp is made.
struct Instant<'a> {
    operand: &'a Expr,
    unit: TimeUnit,
    /// Whether one that does not fit is an error, and not null.
    strict: bool,
}

impl<'a> Instant<'a> {
    /// Values of an IN that are asked one by one; of more only the least and the greatest are.
    const MOST_VALUES: usize = 64;

    /// Behind the cast that `expr` is.
    fn of(expr: &'a Expr) -> Option<Self> {
        match (&expr.kind, &expr.data_type) {
            (ExprKind::Cast { argument, strict }, DataType::Timestamp { unit, .. })
                if argument.data_type == DataType::Int96 =>
            {
                Some(Self { operand: argument, unit: *unit, strict: *strict })
            }
            _ => None,
        }
    }

    /// What is asked of it where the timestamp passes `test`.
    fn asked(&self, test: Test) -> Option<Asked> {
        let operand = || self.operand.clone();
        match test {
            Test::IsNull if !self.strict => None,
            Test::IsNull | Test::IsNotNull => Some(Asked::Value { operand: operand(), test }),
            Test::In(values) => {
                let compared = |comparison, value: &PruneValue| {
                    let test = Test::Compare { comparison, value: value.clone() };
                    counted(self.unit, &test)
                };
                let equal = |value| {
                    let tests = compared(Comparison::Equal, value)?;
                    Some(Asked::Instant { operand: operand(), tests })
                };
                let values = values.as_slice();
                if let ([least, .., greatest], Self::MOST_VALUES..) = (values, values.len()) {
                    let mut tests = compared(Comparison::GreaterOrEqual, least)?;
                    tests.extend(compared(Comparison::LessOrEqual, greatest)?);
                    return Some(Asked::Instant { operand: operand(), tests });
                }
                let each: Option<Vec<Asked>> = values.iter().map(equal).collect();
                each.map(Asked::Any)
            }
            test => {
                let tests = counted(self.unit, &test)?;
                Some(Asked::Instant { operand: operand(), tests })
            }
        }
    }
}

/// What the nanoseconds of an INT96 pass where its instant, rounded down to `unit`, passes `test`: each
/// count of the unit is a range of nanoseconds, from its first up to the first of the next.
fn counted(unit: TimeUnit, test: &Test) -> Option<Vec<Test>> {
    let Test::Compare { comparison, value: PruneValue::Integer(count) } = test else { return None };
    let nanos = i128::from(TimeUnit::Nanos.per_second() / unit.per_second());
    let first = count.checked_mul(nanos)?;
    let next = first.checked_add(nanos)?;
    let compare =
        |comparison, nanos| Test::Compare { comparison, value: PruneValue::Integer(nanos) };
    let (from, below) = (Comparison::GreaterOrEqual, Comparison::Less);
    match comparison {
        Comparison::Less => Some(vec![compare(below, first)]),
        Comparison::LessOrEqual => Some(vec![compare(below, next)]),
        Comparison::Greater => Some(vec![compare(from, next)]),
        Comparison::GreaterOrEqual => Some(vec![compare(from, first)]),
        Comparison::Equal => Some(vec![compare(from, first), compare(below, next)]),
        Comparison::NotEqual => None,
    }
}

fn value_of(constant: &Scalar) -> Option<PruneValue> {
    Some(match constant {
        Scalar::Null => return None,
        Scalar::Boolean(value) => PruneValue::Boolean(*value),
        Scalar::Integer(value) => PruneValue::Integer(*value),
        Scalar::Float(value) => PruneValue::Float(*value),
        Scalar::Text(text) => PruneValue::Bytes(text.as_bytes().to_vec()),
        Scalar::Bytes(bytes) => PruneValue::Bytes(bytes.to_vec()),
    })
}
