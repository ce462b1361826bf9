//! Bound expressions: every name resolved, every type known, one meaning each.
//!
//! The binder makes these; [`crate::expr`]'s evaluator runs them over batches. They hold no dialect:
//! a function whose results differ between dialects has one variant for each meaning.
//!
//! Types of arguments are settled by the binder, which inserts [`ExprKind::Cast`]: comparisons and
//! arithmetic see equal types on both sides, except decimals, whose rules are at [`Function`].

mod evaluate;

pub use evaluate::{Program, constant};

use std::fmt;

use millwork_format::types::{DataType, Field};

use crate::error::Span;
use crate::value::Scalar;

/// An expression over the columns of a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// What it computes.
    pub kind: ExprKind,
    /// Type of the result.
    pub data_type: DataType,
    /// Where it stands in the SQL text, for errors of evaluation.
    pub span: Option<Span>,
}

/// What an expression computes.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// Column of the input batch, by position.
    Column(usize),
    /// A constant.
    Literal(Scalar),
    /// A function of its arguments.
    Call(Function, Vec<Expr>),
    /// True if all are, false if one is not, else null. At least two arguments.
    And(Vec<Expr>),
    /// True if one is, false if none is, else null. At least two arguments.
    Or(Vec<Expr>),
    /// The argument as the expression's type. `strict`: a value that does not convert is an error,
    /// else it becomes null (TRY_CAST).
    Cast {
        /// What is converted.
        argument: Box<Expr>,
        /// Whether a value that does not convert is an error.
        strict: bool,
    },
    /// The result of the first branch whose condition is true, else `otherwise`. Conditions are
    /// evaluated in order, results only for the rows that take them.
    Case {
        /// Conditions (BOOLEAN) and results.
        branches: Vec<(Expr, Expr)>,
        /// For rows that no condition takes.
        otherwise: Box<Expr>,
    },
    /// Whether the argument equals one of the constants (of the argument's type). Null if the
    /// argument is, or if none is equal and one of the constants is null.
    InList {
        /// What is looked for.
        argument: Box<Expr>,
        /// Where it is looked for.
        list: Vec<Scalar>,
    },
}

/// A comparison of two values of one type: text by bytes, floats with NaN greatest and equal to
/// itself and -0.0 equal to 0.0.
pub use millwork_codecs::kernel::Comparison;

/// A part of a date, timestamp, time or interval. Results are BIGINT, unless said otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DatePart {
    /// Thousands of years, counted from 1.
    Millennium,
    /// Hundreds of years, counted from 1.
    Century,
    /// Tens of years.
    Decade,
    /// The year to which the ISO week belongs.
    IsoYear,
    /// Year.
    Year,
    /// 1 to 4.
    Quarter,
    /// 1 to 12.
    Month,
    /// ISO week, 1 to 53.
    Week,
    /// Day of the month.
    Day,
    /// 0 is Sunday.
    DayOfWeek,
    /// 1 is Monday, 7 Sunday.
    IsoDayOfWeek,
    /// 1 is January 1st.
    DayOfYear,
    /// Days since 4714 BC, as DOUBLE.
    Julian,
    /// Hour of the day.
    Hour,
    /// Minute of the hour.
    Minute,
    /// Second of the minute.
    Second,
    /// Thousandths of a second of the minute.
    Millisecond,
    /// Millionths of a second of the minute.
    Microsecond,
    /// Seconds since 1970, as DOUBLE.
    Epoch,
}

/// A bound function. Unless said otherwise the result is null where an argument is.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Function {
    /// `a = b`, `a < b`, ..: BOOLEAN, both sides of one type (decimals of one scale).
    Compare(Comparison),
    /// `a IS NOT DISTINCT FROM b`: never null.
    NotDistinct,
    /// `NOT a`.
    Not,
    /// `a IS NULL`: never null.
    IsNull,
    /// `a IS NOT NULL`: never null.
    IsNotNull,
    /// `a + b`; overflow is an error. Decimals have the result's scale on both sides.
    AddChecked,
    /// `a - b`; overflow is an error. Decimals have the result's scale on both sides.
    SubtractChecked,
    /// `a * b`; overflow is an error. The scale of a decimal result is the sum of the arguments'.
    MultiplyChecked,
    /// `a / b` of DOUBLE or FLOAT: by zero an infinity or NaN, as in DuckDB.
    DivideFloat,
    /// `a // b` of DOUBLE or FLOAT: the same, but by zero an error.
    DivideFloatChecked,
    /// `a // b` of integers, truncated; by zero an error.
    DivideInteger,
    /// `a % b`; by zero an error, or NaN of floats.
    Modulo,
    /// `-a`; overflow is an error.
    NegateChecked,
    /// `abs(a)`; overflow is an error.
    AbsoluteChecked,
    /// `round(a, digits)` of floats, DECIMAL, or integers: there overflow is an error. The second
    /// argument is a literal INTEGER.
    Round,
    /// `floor(a)` of floats, or of a DECIMAL, whose result has scale 0.
    Floor,
    /// `ceil(a)` of floats, or of a DECIMAL, whose result has scale 0.
    Ceiling,
    /// DATE + INTERVAL or TIMESTAMP + INTERVAL: TIMESTAMP in micros, or in the nanos that it had.
    AddInterval,
    /// TIME in micros + INTERVAL, around midnight: only the part below days counts.
    AddTime,
    /// INTERVAL + INTERVAL, part by part; overflow is an error.
    AddIntervals,
    /// `-INTERVAL`, part by part; overflow is an error.
    NegateInterval,
    /// INTERVAL * DOUBLE; what is left of months becomes days, of days microseconds.
    MultiplyInterval,
    /// INTERVAL / DOUBLE, the same way; by zero an error.
    DivideInterval,
    /// TIMESTAMP - TIMESTAMP of one unit: INTERVAL of days and microseconds.
    TimeBetween,
    /// DATE + INTEGER days: DATE.
    AddDays,
    /// DATE - DATE: BIGINT days.
    DaysBetween,
    /// A part of a DATE, TIMESTAMP, TIME or INTERVAL.
    Extract(DatePart),
    /// The date or timestamp cut down to the part: TIMESTAMP in micros at the finest.
    DateTruncate(DatePart),
    /// `a LIKE pattern`; the pattern is a literal or any text. `%` and `_`.
    Like {
        /// Whether letters match in either case (ILIKE).
        ignore_case: bool,
        /// The escape character, if any.
        escape: Option<char>,
    },
    /// Whether the regular expression (second argument, literal) matches somewhere.
    RegexpMatches,
    /// `starts_with(a, b)`.
    StartsWith,
    /// `ends_with(a, b)`.
    EndsWith,
    /// `contains(a, b)`.
    Contains,
    /// `substring(a, start[, length])`, characters counted from 1.
    Substring,
    /// `left(a, count)`: all but the last ones if the count is negative.
    Left,
    /// `right(a, count)`: all but the first ones if the count is negative.
    Right,
    /// `upper(a)`.
    Upper,
    /// `lower(a)`.
    Lower,
    /// `trim(a)`: spaces at both ends.
    Trim,
    /// `length(a)` in characters.
    Length,
    /// Bytes of a text or blob.
    ByteLength,
    /// `a || b`.
    Concat,
    /// `replace(a, from, to)`.
    Replace,
    /// The first argument, of a subquery that gave as many rows as the second one says; more than one
    /// is an error.
    SingleRow,
    /// The first argument that is not null.
    Coalesce,
    /// `nullif(a, b)`.
    NullIf,
    /// The greatest argument that is not null.
    Greatest,
    /// The least argument that is not null.
    Least,
    /// Field of a STRUCT, by position.
    StructField(usize),
    /// Element of a LIST, counted from 1; null outside.
    ListElement,
    /// Elements of a LIST, entries of a MAP.
    ListLength,
    /// The elements of a LIST from a position up to another, both counted from 1, from the end where
    /// they are negative.
    ListSlice,
    /// A LIST of the arguments.
    ListValue,
    /// Whether a LIST has the second argument among its elements; null for null, unless it is empty.
    ListContains,
    /// The first position of the second argument in a LIST, from 1; null if it is not there. Nulls are
    /// found.
    ListPosition,
    /// Two LISTs behind one another.
    ListConcat {
        /// Whether a null one counts as empty, unless both are null.
        is_lenient: bool,
    },
    /// A STRUCT of the arguments, by position: never null.
    StructPack,
    /// A MAP of a LIST of keys and one of values; keys that are null or repeat are an error, as are
    /// lists of different lengths.
    MapOfLists,
    /// The value of a key of a MAP, or null.
    MapElement,
    /// The value of a key of a MAP as a LIST of one or none.
    MapExtract,
    /// The keys of a MAP as a LIST.
    MapKeys,
    /// The values of a MAP as a LIST.
    MapValues,
    /// The entries of a MAP as a LIST of STRUCTs.
    MapEntries,
}

/// An aggregate function over the rows of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AggregateFunction {
    /// Rows: BIGINT, no argument.
    CountRows,
    /// Rows whose argument is not null: BIGINT.
    Count,
    /// Sum of integers, as HUGEINT: exact.
    SumInteger,
    /// Sum of decimals, as DECIMAL(38, s): exact, overflow is an error.
    SumDecimal,
    /// Sum of floats, as DOUBLE, with a compensation term.
    SumFloat,
    /// Average as DOUBLE, of integers, decimals (divided by their scale) or floats.
    Average,
    /// The least value, of the argument's type.
    Min,
    /// The greatest value, of the argument's type.
    Max,
    /// Some value of the group that is not null (the first that is met).
    AnyValue,
    /// Whether all are true.
    BoolAnd,
    /// Whether one is true.
    BoolOr,
}

/// One aggregate of a grouping.
#[derive(Clone, Debug, PartialEq)]
pub struct AggregateCall {
    /// What is computed.
    pub function: AggregateFunction,
    /// Column of the input batch that is its argument; none for [`AggregateFunction::CountRows`].
    pub argument: Option<usize>,
    /// Whether equal arguments count once.
    pub distinct: bool,
    /// BOOLEAN column of the input batch: only rows where it is true count.
    pub filter: Option<usize>,
    /// Type of the argument; [`DataType::Null`] without one.
    pub argument_type: DataType,
    /// Type of the result.
    pub data_type: DataType,
}

/// One key of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SortKey {
    /// Column of the input batch.
    pub column: usize,
    /// Whether greater values come first.
    pub descending: bool,
    /// Whether nulls come first.
    pub nulls_first: bool,
}

impl Expr {
    /// Column `index` of the input, of type `data_type`.
    #[must_use]
    pub fn column(index: usize, data_type: DataType) -> Self {
        Self { kind: ExprKind::Column(index), data_type, span: None }
    }

    /// A constant.
    #[must_use]
    pub fn literal(value: Scalar, data_type: DataType) -> Self {
        Self { kind: ExprKind::Literal(value), data_type, span: None }
    }

    /// `function` of `arguments`.
    #[must_use]
    pub fn call(function: Function, arguments: Vec<Self>, data_type: DataType) -> Self {
        Self { kind: ExprKind::Call(function, arguments), data_type, span: None }
    }

    /// The constant, if this is one.
    #[must_use]
    pub fn as_literal(&self) -> Option<&Scalar> {
        match &self.kind {
            ExprKind::Literal(value) => Some(value),
            _ => None,
        }
    }

    /// Expressions in it, itself among them.
    #[must_use]
    pub fn size(&self) -> usize {
        1 + self.children().into_iter().map(Self::size).sum::<usize>()
    }

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

    /// The direct parts of this expression.
    #[must_use]
    pub fn children(&self) -> Vec<&Self> {
        match &self.kind {
            ExprKind::Column(_) | ExprKind::Literal(_) => Vec::new(),
            ExprKind::Call(_, arguments) | ExprKind::And(arguments) | ExprKind::Or(arguments) => {
                arguments.iter().collect()
            }
            ExprKind::Cast { argument, .. } | ExprKind::InList { argument, .. } => vec![argument],
            ExprKind::Case { branches, otherwise } => branches
                .iter()
                .flat_map(|(condition, result)| [condition, result])
                .chain(std::iter::once(&**otherwise))
                .collect(),
        }
    }

    /// The direct parts of this expression, to change.
    pub fn children_mut(&mut self) -> Vec<&mut Self> {
        match &mut self.kind {
            ExprKind::Column(_) | ExprKind::Literal(_) => Vec::new(),
            ExprKind::Call(_, arguments) | ExprKind::And(arguments) | ExprKind::Or(arguments) => {
                arguments.iter_mut().collect()
            }
            ExprKind::Cast { argument, .. } | ExprKind::InList { argument, .. } => vec![argument],
            ExprKind::Case { branches, otherwise } => branches
                .iter_mut()
                .flat_map(|(condition, result)| [condition, result])
                .chain(std::iter::once(&mut **otherwise))
                .collect(),
        }
    }

    /// Calls `visit` with every column position used, in order, repeats included.
    pub fn for_each_column(&self, visit: &mut impl FnMut(usize)) {
        if let ExprKind::Column(index) = self.kind {
            visit(index);
        }
        for child in self.children() {
            child.for_each_column(visit);
        }
    }

    /// Replaces every column position by what `replace` gives for it.
    pub fn map_columns(&mut self, replace: &mut impl FnMut(usize) -> usize) {
        if let ExprKind::Column(index) = &mut self.kind {
            *index = replace(*index);
        }
        for child in self.children_mut() {
            child.map_columns(replace);
        }
    }
}

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
            ExprKind::Literal(Scalar::Text(text)) => write!(f, "'{text}'"),
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

/// For each field of the struct type `to` the field of `from` that becomes it: that of its name, or of
/// its place where one of the two has no names. `None` if none does, or the places are not as many.
#[must_use]
pub fn members(from: &[Field], to: &[Field]) -> Option<Vec<Option<usize>>> {
    let has_names = |fields: &[Field]| fields.iter().any(|field| !field.name.is_empty());
    if !has_names(from) || !has_names(to) {
        return (from.len() == to.len()).then(|| (0..to.len()).map(Some).collect());
    }
    let found: Vec<Option<usize>> = to
        .iter()
        .map(|to| from.iter().position(|from| from.name.eq_ignore_ascii_case(&to.name)))
        .collect();
    found.iter().any(Option::is_some).then_some(found)
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
