//! What expressions call: functions of a row, aggregates of a group, keys of an order.

use millwork_format::types::DataType;

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
