//! The views that generated queries read: names, kinds, and what each column is good for.

/// What a column or an expression is, as far as generation cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Integer,
    Unsigned,
    Double,
    Decimal,
    Wide,
    Text,
    Date,
    Timestamp,
    Boolean,
}

use Kind::{Boolean, Date, Decimal, Double, Integer, Text, Timestamp, Unsigned, Wide};

/// A column in scope: how it is written, and what it is.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub name: String,
    pub kind: Kind,
}

/// A view of a fixture.
#[derive(Debug)]
pub(super) struct Table {
    pub name: &'static str,
    columns: &'static [(&'static str, Kind)],
    /// Columns that together are unique.
    pub key: &'static [&'static str],
    /// Columns with few values.
    pub groups: &'static [&'static str],
    /// Integer columns that others join with.
    pub joins: &'static [&'static str],
    /// Columns that are nested, for payload.
    pub nested: &'static [&'static str],
    /// Lists, and what their elements are, or the fields of those.
    pub lists: &'static [(&'static str, &'static [(&'static str, Kind)])],
}

const FACTS: &[(&str, Kind)] = &[
    ("id", Integer),
    ("k", Integer),
    ("i", Integer),
    ("n", Integer),
    ("u", Unsigned),
    ("g", Text),
    ("s", Text),
    ("f", Double),
    ("e", Double),
    ("c", Decimal),
    ("w", Wide),
    ("d", Date),
    ("t", Timestamp),
    ("b", Boolean),
    ("z", Integer),
];

const NESTED: &[(&str, Kind)] = &[
    ("id", Integer),
    ("k", Integer),
    ("g", Text),
    ("p.x", Integer),
    ("p.y", Text),
    ("p.z.u", Double),
    ("p.z.v", Decimal),
    ("s.f", Integer),
    ("s['e']", Text),
    ("tags[1]", Integer),
    ("tags[-1]", Integer),
    ("words[2]", Text),
    ("items[1].sku", Text),
    ("items[2].n", Integer),
    ("items[1].ok", Boolean),
    ("m['a']", Integer),
    ("mm[1][1]", Integer),
];

/// All views; `facts` and `more` have the same columns.
pub(super) const TABLES: &[Table] = &[
    Table {
        name: "facts",
        columns: FACTS,
        key: &["id"],
        groups: &["k", "n", "u", "g", "b", "z", "s", "d"],
        joins: &["k", "n", "z", "id"],
        nested: &[],
        lists: &[],
    },
    Table {
        name: "more",
        columns: FACTS,
        key: &["id"],
        groups: &["k", "n", "u", "g", "b", "z", "e"],
        joins: &["k", "id", "z"],
        nested: &[],
        lists: &[],
    },
    Table {
        name: "dims",
        columns: &[
            ("key", Integer),
            ("big", Integer),
            ("name", Text),
            ("rate", Double),
            ("day", Date),
            ("no", Integer),
        ],
        key: &["no"],
        groups: &["key", "name", "rate"],
        joins: &["key", "big", "no"],
        nested: &[],
        lists: &[],
    },
    Table {
        name: "lineitem",
        columns: &[
            ("l_orderkey", Integer),
            ("l_partkey", Integer),
            ("l_linenumber", Integer),
            ("l_quantity", Decimal),
            ("l_extendedprice", Decimal),
            ("l_discount", Decimal),
            ("l_returnflag", Text),
            ("l_shipmode", Text),
            ("l_comment", Text),
            ("l_shipdate", Date),
            ("l_receiptdate", Date),
        ],
        key: &["l_orderkey", "l_linenumber"],
        groups: &["l_returnflag", "l_shipmode", "l_linenumber", "l_discount", "l_partkey"],
        joins: &["l_partkey", "l_orderkey", "l_linenumber"],
        nested: &[],
        lists: &[],
    },
    Table {
        name: "nested",
        columns: NESTED,
        key: &["id"],
        groups: &[
            "k", "g", "p.y", "tags[1]", "s", "s", "tags", "words", "m", "mm", "items[1]", "p.z",
        ],
        joins: &["k", "id", "s.f", "tags[1]"],
        nested: &["p", "s", "tags", "words", "items", "m", "mm", "p.z", "items[1]", "tags[2:3]"],
        lists: &[
            ("tags", &[("", Integer)]),
            ("words", &[("", Text)]),
            ("items", &[(".sku", Text), (".n", Integer), (".ok", Boolean)]),
            ("mm[1]", &[("", Integer)]),
            ("map_keys({}.m)", &[("", Text)]),
        ],
    },
];

/// Which of [`TABLES`] has nested columns.
pub(super) const NESTED_TABLE: usize = 4;

impl Table {
    /// Its columns under the alias `alias`.
    pub(super) fn scope(&self, alias: &str) -> Vec<Column> {
        let column =
            |(name, kind): &(&str, Kind)| Column { name: format!("{alias}.{name}"), kind: *kind };
        self.columns.iter().map(column).collect()
    }
}
