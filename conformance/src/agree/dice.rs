//! Random constants, expressions, conditions and aggregates over the columns in scope.
//!
//! In: a seed, then kinds and scopes. Out: SQL. Expressions are made so that they cannot fail: which row fails
//! first depends on the order of work.

use std::fmt::Write as _;

use super::tables::Column;
use super::tables::Kind::{
    self, Boolean, Date, Decimal, Double, Integer, Text, Timestamp, Unsigned, Wide,
};

/// A generator of numbers, and what was learnt of the query on the way.
#[derive(Debug)]
pub(super) struct Dice {
    state: u64,
    pub is_inexact: bool,
    aliases: usize,
}

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        let mut dice = Self {
            state: seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            is_inexact: false,
            aliases: 0,
        };
        (0..8).for_each(|_| _ = dice.below(2));
        dice
    }

    /// A number below `end`, which is not 0.
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        ((self.state >> 11) % end as u64) as usize
    }

    /// True `percent` times in a hundred.
    pub(super) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of `options`, which is not empty.
    pub(super) fn pick<T: Clone>(&mut self, options: &[T]) -> T {
        options[self.below(options.len())].clone()
    }

    /// A name that the query does not have yet.
    pub(super) fn alias(&mut self) -> String {
        self.aliases += 1;
        format!("q{}", self.aliases)
    }

    fn column(&mut self, scope: &[Column], kind: Kind) -> Option<String> {
        let fit: Vec<&Column> = scope.iter().filter(|column| column.kind == kind).collect();
        if fit.is_empty() { None } else { Some(self.pick(&fit).name.clone()) }
    }

    /// A kind of which `scope` has a column.
    pub(super) fn kind(&mut self, scope: &[Column]) -> Kind {
        self.pick(scope).kind
    }

    /// A constant of `kind` that the data is likely to be near.
    pub(super) fn literal(&mut self, kind: Kind) -> String {
        let small = self.below(50);
        match kind {
            Integer => match self.below(5) {
                0 => format!("-{small}"),
                1 => (self.below(120) * 25).to_string(),
                _ => small.to_string(),
            },
            Unsigned => self.pick(&["0", "1", "7", "20", "4000000000"]).to_owned(),
            Double => match self.below(4) {
                0 => format!("{}.5", self.below(400)),
                1 => format!("-{}.125", self.below(400)),
                2 => "0.0".to_owned(),
                _ => small.to_string(),
            },
            Decimal | Wide => match self.below(4) {
                0 => format!("-{}.{:02}", self.below(900), self.below(100)),
                1 => format!("0.0{}", self.below(10)),
                2 => format!("{}", self.below(50_000)),
                _ => format!("{small}.00"),
            },
            Text => {
                let words = [
                    "",
                    "a",
                    "oak",
                    "ash",
                    "Birch",
                    "maple syrup bowl",
                    "日本の木",
                    "pine-3",
                    "AIR",
                    "A",
                    "TRUCK",
                    "zzz",
                    "a string that is longer than twelve bytes",
                    "älter-0",
                ];
                format!("'{}'", self.pick(&words))
            }
            Date => match self.chance(30) {
                true => format!("date '199{}-0{}-11'", 2 + self.below(7), 1 + self.below(9)),
                false => format!("date '2020-{:02}-{:02}'", 1 + self.below(11), 1 + self.below(28)),
            },
            Timestamp => {
                let (day, hour) = (1 + self.below(18), self.below(24));
                format!("timestamp '2020-01-{day:02} {hour:02}:30:00'")
            }
            Boolean => self.pick(&["true", "false"]).to_owned(),
        }
    }

    /// An expression of `kind` over `scope`, at most `depth` calls deep.
    pub(super) fn value(&mut self, scope: &[Column], kind: Kind, depth: usize) -> String {
        if depth == 0 || self.chance(35) {
            let column = if self.chance(92) { self.column(scope, kind) } else { None };
            return column.unwrap_or_else(|| self.literal(kind));
        }
        match self.below(10) {
            0 => {
                let condition = self.condition(scope, depth - 1);
                let (then, other) =
                    (self.value(scope, kind, depth - 1), self.value(scope, kind, depth - 1));
                match self.below(3) {
                    0 => format!("case when {condition} then {then} end"),
                    1 => format!("if({condition}, {then}, {other})"),
                    _ => format!("case when {condition} then {then} else {other} end"),
                }
            }
            1 => {
                let first = self.value(scope, kind, depth - 1);
                match self.below(4) {
                    0 => format!("nullif({first}, {})", self.literal(kind)),
                    _ => format!("coalesce({first}, {})", self.value(scope, kind, depth - 1)),
                }
            }
            _ => match kind {
                Integer => self.integer(scope, depth - 1),
                Double => self.double(scope, depth - 1),
                Decimal | Wide => self.decimal(scope, kind, depth - 1),
                Text => self.text(scope, depth - 1),
                Date | Timestamp => self.time(scope, kind, depth - 1),
                Boolean => format!("({})", self.condition(scope, depth - 1)),
                Unsigned => self.value(scope, kind, 0),
            },
        }
    }

    fn integer(&mut self, scope: &[Column], depth: usize) -> String {
        let value = self.value(scope, Integer, depth);
        match self.below(9) {
            0 => format!("({value} + {})", self.value(scope, Integer, depth)),
            1 => format!("({value} - {})", self.value(scope, Integer, depth)),
            2 => format!("({value} * {})", 2 + self.below(4)),
            3 => self.divided(scope, &value, depth),
            4 => format!("abs({value})"),
            5 => format!("(- {value})"),
            6 => format!("length({})", self.value(scope, Text, depth)),
            7 => {
                let part = self.pick(&[
                    "year",
                    "month",
                    "day",
                    "quarter",
                    "dayofweek",
                    "isodow",
                    "isoyear",
                    "decade",
                    "century",
                    "dayofyear",
                    "week",
                ]);
                format!("extract({part} from {})", self.value(scope, Date, depth))
            }
            _ => format!("cast({value} as bigint)"),
        }
    }

    /// A quotient or a rest whose divisor is no zero, or is guarded from being one.
    fn divided(&mut self, scope: &[Column], value: &str, depth: usize) -> String {
        let operator = self.pick(&["//", "%"]);
        if self.chance(60) {
            return format!("({value} {operator} {})", 3 + self.below(9));
        }
        let divisor = self.value(scope, Integer, depth);
        match self.below(2) {
            0 => format!("({value} {operator} nullif({divisor}, 0))"),
            _ => format!("case when {divisor} <> 0 then {value} {operator} {divisor} end"),
        }
    }

    fn double(&mut self, scope: &[Column], depth: usize) -> String {
        let value = self.value(scope, Double, depth);
        match self.below(9) {
            0 => format!("({value} + {})", self.value(scope, Double, depth)),
            1 => format!("({value} - {})", self.value(scope, Double, depth)),
            2 => format!("({value} * {})", self.literal(Double)),
            3 => format!("({value} / {})", self.pick(&["2", "8", "3.0", "0"])),
            4 => format!("cast({} as double)", self.value(scope, Integer, depth)),
            5 => format!("cast({} as double)", self.value(scope, Decimal, depth)),
            6 => format!("({} / {})", self.value(scope, Integer, depth), 2 + self.below(9)),
            7 => format!("abs({value})"),
            _ => format!("{}({value})", self.pick(&["floor", "ceil"])),
        }
    }

    fn decimal(&mut self, scope: &[Column], kind: Kind, depth: usize) -> String {
        let value = self.value(scope, kind, depth);
        match self.below(7) {
            0 => format!("({value} + {})", self.value(scope, kind, depth)),
            1 => format!("({value} - {})", self.literal(kind)),
            2 if kind == Decimal && depth < 2 => {
                format!("({value} * {})", self.pick(&["2", "0.5", "1.25"]))
            }
            3 if kind == Decimal && depth < 1 => {
                format!("({value} * (1 - {}))", self.value(scope, kind, 0))
            }
            4 => format!("abs({value})"),
            5 if kind == Decimal => format!("{}({value})", self.pick(&["floor", "ceil", "round"])),
            _ => format!("(- {value})"),
        }
    }

    fn text(&mut self, scope: &[Column], depth: usize) -> String {
        let value = self.value(scope, Text, depth);
        match self.below(9) {
            0 => format!("upper({value})"),
            1 => format!("lower({value})"),
            2 => format!("substring({value}, {}, {})", 1 + self.below(4), self.below(6)),
            3 => format!("({value} || '-' || {})", self.value(scope, Text, depth)),
            4 => format!("concat({value}, {})", self.value(scope, Text, depth)),
            5 => format!("replace({value}, 'a', '{}')", self.pick(&["", "bb", "é"])),
            6 => {
                let (end, sign) = (self.pick(&["left", "right"]), self.pick(&["", "-"]));
                format!("{end}({value}, {sign}{})", self.below(5))
            }
            7 => format!("cast({} as varchar)", self.value(scope, Integer, depth)),
            _ => format!("trim({value})"),
        }
    }

    fn time(&mut self, scope: &[Column], kind: Kind, depth: usize) -> String {
        let value = self.value(scope, kind, depth);
        match (kind, self.below(3)) {
            (Date, 0) => format!("({value} + {})", self.below(40)),
            (Date, _) => format!("cast({value} as date)"),
            (_, 0) if self.chance(40) => {
                let (from, to) = (self.literal(Timestamp), self.literal(Timestamp));
                format!("({value} + ({to} - {from}) * {})", 1 + self.below(3))
            }
            (_, 0) => {
                let unit = self.pick(&["hour", "day", "month", "millisecond"]);
                format!("({value} + interval '-{}' {unit})", self.below(60))
            }
            (_, 1) => {
                format!("date_trunc('{}', {value})", self.pick(&["hour", "day", "month", "minute"]))
            }
            _ => format!("cast({} as timestamp)", self.value(scope, Date, depth)),
        }
    }

    /// A condition over `scope`, at most `depth` calls deep.
    pub(super) fn condition(&mut self, scope: &[Column], depth: usize) -> String {
        if depth > 0 && self.chance(45) {
            let first = self.condition(scope, depth - 1);
            return match self.below(7) {
                0 => format!("not ({first})"),
                1 | 2 => {
                    let mut text = format!("({first}");
                    for _ in 0..1 + self.below(3) {
                        let _ = write!(text, " or {}", self.condition(scope, depth - 1));
                    }
                    text.push(')');
                    text
                }
                _ => format!("({first} and {})", self.condition(scope, depth - 1)),
            };
        }
        let kind = self.kind(scope);
        let value = self.value(scope, kind, depth.min(1));
        let negated = self.pick(&["", "", "not "]);
        match self.below(14) {
            0 => format!("{value} is {negated}null"),
            1 => format!("{value} is {negated}distinct from {}", self.literal(kind)),
            2 | 3 => {
                let count = 1 + self.below(8);
                let mut list: Vec<String> = (0..count).map(|_| self.literal(kind)).collect();
                if self.chance(6) {
                    list.push("null".to_owned());
                }
                format!("{value} {negated}in ({})", list.join(", "))
            }
            4 | 5 => format!(
                "{value} {negated}between {} and {}",
                self.literal(kind),
                self.literal(kind)
            ),
            6 => {
                let other = self.value(scope, kind, depth.min(1));
                format!("{value} {} {other}", self.comparison())
            }
            7 if self.chance(50) => format!("({value} = {}) is {negated}true", self.literal(kind)),
            _ if kind == Boolean => value,
            7..=9 if kind == Text => format!("{value} {negated}{}", self.like()),
            _ if self.chance(8) => format!("{} {} {value}", self.literal(kind), self.comparison()),
            _ => format!("{value} {} {}", self.comparison(), self.literal(kind)),
        }
    }

    fn comparison(&mut self) -> &'static str {
        self.pick(&["=", "=", "<>", "<", "<=", ">", ">="])
    }

    fn like(&mut self) -> String {
        let patterns = [
            "%a%",
            "a%",
            "%-3",
            "oak-_",
            "%l%e%",
            "_____",
            "%",
            "",
            "Birch%",
            "%日本%",
            "%!%%' escape '!",
            "%under!__c%' escape '!",
            "%furiously%",
            "A_R",
            "%r%e%",
        ];
        let pattern = self.pick(&patterns);
        let like = self.pick(&["like", "like", "like", "ilike"]);
        format!("{like} '{pattern}'")
    }

    /// An aggregate over `scope`.
    pub(super) fn aggregate(&mut self, scope: &[Column]) -> String {
        let kind = self.kind(scope);
        let value = self.value(scope, kind, 1);
        let distinct = self.pick(&["", "", "", "distinct "]);
        let call = match self.below(9) {
            0 | 1 => "count(*)".to_owned(),
            2 => format!("count({distinct}{value})"),
            3 => format!("min({value})"),
            4 => format!("max({value})"),
            5 => {
                let condition = self.condition(scope, 1);
                format!("{}({condition})", self.pick(&["bool_and", "bool_or"]))
            }
            6 | 7 => {
                let kind = self.number(scope);
                self.is_inexact |= kind == Double;
                format!("sum({distinct}{})", self.value(scope, kind, 1))
            }
            _ => {
                let kind = self.number(scope);
                self.is_inexact = true;
                format!("avg({distinct}{})", self.value(scope, kind, 1))
            }
        };
        if self.chance(12) {
            format!("{call} filter (where {})", self.condition(scope, 1))
        } else {
            call
        }
    }

    fn number(&mut self, scope: &[Column]) -> Kind {
        let kind = self.kind(scope);
        if matches!(kind, Integer | Unsigned | Double | Decimal | Wide) { kind } else { Integer }
    }
}
