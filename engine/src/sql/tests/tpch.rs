//! The tables of TPC-H at scale factor 1 as a catalog without data.

use std::any::Any;
use std::sync::Arc;

use millwork_format::types::{DataType, Field, TimeUnit};

use crate::catalog::{Catalog, Table};
use crate::error::{Error, Result};
use crate::value::Scalar;

#[derive(Debug)]
struct FakeTable {
    name: &'static str,
    rows: u64,
    fields: Vec<Field>,
    /// For columns with few values.
    distinct: Vec<Option<u64>>,
    bounds: Vec<Option<(i128, i128)>>,
}

impl Table for FakeTable {
    fn name(&self) -> &str {
        self.name
    }

    fn fields(&self) -> &[Field] {
        &self.fields
    }

    fn row_count(&self) -> Option<u64> {
        Some(self.rows)
    }

    fn distinct_about(&self, column: usize) -> Option<u64> {
        self.distinct[column]
    }

    fn bounds(&self, column: usize) -> Option<(Scalar, Scalar)> {
        self.bounds[column].map(|(low, high)| (Scalar::Integer(low), Scalar::Integer(high)))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A catalog of TPC-H, and of `things` with a struct, a list and every kind of scalar.
pub struct FakeCatalog;

/// Name, rows, and columns as `name type [distinct | low..high]`.
type Layout = (&'static str, u64, &'static str);

const TABLES: &[Layout] = &[
    (
        "lineitem",
        6_001_215,
        "l_orderkey k 1..6000000, l_partkey k 1..200000, l_suppkey k 1..10000, l_linenumber i 7, \
         l_quantity d 50, l_extendedprice d, l_discount d 11, l_tax d 9, l_returnflag s 3, \
         l_linestatus s 2, l_shipdate t 8036..10561, l_commitdate t 8065..10530, \
         l_receiptdate t 8037..10591, l_shipinstruct s 4, l_shipmode s 7, l_comment s",
    ),
    (
        "orders",
        1_500_000,
        "o_orderkey k 1..6000000, o_custkey k 1..149999, o_orderstatus s 3, o_totalprice d, \
         o_orderdate t 8035..10440, o_orderpriority s 5, o_clerk s 1000, o_shippriority i 1, \
         o_comment s",
    ),
    (
        "customer",
        150_000,
        "c_custkey k 1..150000, c_name s, c_address s, c_nationkey k 25, c_phone s, c_acctbal d, \
         c_mktsegment s 5, c_comment s",
    ),
    (
        "part",
        200_000,
        "p_partkey k 1..200000, p_name s, p_mfgr s 5, p_brand s 25, p_type s 150, p_size i 50, \
         p_container s 40, p_retailprice d, p_comment s",
    ),
    (
        "supplier",
        10_000,
        "s_suppkey k 1..10000, s_name s, s_address s, s_nationkey k 25, s_phone s, s_acctbal d, \
         s_comment s",
    ),
    (
        "partsupp",
        800_000,
        "ps_partkey k 1..200000, ps_suppkey k 1..10000, ps_availqty i, ps_supplycost d, \
         ps_comment s",
    ),
    ("nation", 25, "n_nationkey k 25, n_name s 25, n_regionkey k 5, n_comment s"),
    ("region", 5, "r_regionkey k 5, r_name s 5, r_comment s"),
    ("things", 100, "a i, b k, c s, d d, e f, f t, g m, h b, st r, li l, big h, small w"),
];

fn data_type(letter: &str) -> DataType {
    match letter {
        "k" => DataType::Int64,
        "i" => DataType::Int32,
        "w" => DataType::Int16,
        "h" => DataType::Int128,
        "d" => DataType::Decimal { precision: 15, scale: 2 },
        "f" => DataType::Float64,
        "t" => DataType::Date,
        "m" => DataType::Timestamp { unit: TimeUnit::Micros, utc: false },
        "b" => DataType::Boolean,
        "l" => DataType::List(Arc::new(Field::nullable("element", DataType::Int64))),
        "r" => DataType::Struct(
            [
                Field::nullable("x", DataType::Int32),
                Field::nullable(
                    "Y",
                    DataType::Struct([Field::nullable("z", DataType::Utf8)].into()),
                ),
            ]
            .into(),
        ),
        _ => DataType::Utf8,
    }
}

impl Catalog for FakeCatalog {
    fn table(&self, name: &str) -> Result<Arc<dyn Table>> {
        let stem = name.rsplit('/').next().unwrap_or(name).trim_end_matches(".parquet");
        let found = TABLES.iter().find(|(table, ..)| table.eq_ignore_ascii_case(stem));
        let Some(&(name, rows, columns)) = found else {
            return Err(Error::name(format!("unknown table {name}")));
        };
        let mut table =
            FakeTable { name, rows, fields: Vec::new(), distinct: Vec::new(), bounds: Vec::new() };
        for column in columns.split(", ") {
            let mut parts = column.split_whitespace();
            let name = parts.next().expect("a name");
            let of = data_type(parts.next().expect("a type"));
            let extra = parts.next().unwrap_or("");
            table.fields.push(Field::nullable(name, of));
            let bounds = extra.split_once("..").map(|(low, high)| {
                (low.parse().expect("a number"), high.parse().expect("a number"))
            });
            table.distinct.push(extra.parse().ok());
            table.bounds.push(bounds);
        }
        Ok(Arc::new(table))
    }

    fn table_function(&self, name: &str, arguments: &[Scalar]) -> Result<Arc<dyn Table>> {
        match (name, arguments) {
            ("read_parquet", [Scalar::Text(path)]) => self.table(path),
            _ => Err(Error::name(format!("unknown function {name}"))),
        }
    }

    fn names(&self) -> Vec<String> {
        TABLES.iter().map(|(name, ..)| name.to_string()).collect()
    }
}

/// Nothing is known of comments: that one equals a text is no reason to expect one row, and to collect the larger
/// table for the smaller one to stream past it.
#[test]
fn a_column_of_which_nothing_is_known_has_not_as_many_values_as_rows() {
    let text = "select o_orderdate from lineitem, orders where l_orderkey = o_orderkey and l_comment = 'x' \
                and o_orderdate >= date '1998-06-01'";
    let plan = super::plan_of(text).expect("a plan");
    let plan = crate::plan::rules::optimize(plan).explain();
    let (lineitem, orders) = (plan.find("Scan lineitem"), plan.find("Scan orders"));
    assert!(lineitem.is_some() && lineitem < orders, "{plan}");
}
