//! What a join that is built knows of the left rows it can use: a [`RuntimeFilter`] for each key.
//!
//! A row whose key is null or not among those of the build side finds nothing, and an inner or semi join
//! drops it. Integer keys are asked of [`KeyBits`] (exact, a bit for each integer between the least and the
//! greatest), a single key of another type, or with gaps too wide, of the table's directory (by hash, some
//! false hits).

use std::sync::Arc;

use millwork_format::selection::Selection;
use millwork_format::types::DataType;
use millwork_format::vector::Vector;

use super::JoinShared;
use super::probe::retain_narrow;
use crate::error::Result;
use crate::expr::{Comparison, Expr, ExprKind, Function};
use crate::hash::{KeyHasher, integer_keys};
use crate::row::Indexed;
use crate::runtime_filter::{RowTest, RuntimeFilter, kept};

/// What is known of one key.
#[derive(Debug)]
pub struct JoinFilter {
    shared: Arc<JoinShared>,
    /// Among the keys of the join.
    key: usize,
}

impl JoinFilter {
    /// What `shared` will know of key number `key`, once it is built.
    #[must_use]
    pub fn new(shared: Arc<JoinShared>, key: usize) -> Self {
        Self { shared, key }
    }

    /// The type of the key.
    fn data_type(&self) -> &DataType {
        let spec = self.shared.spec();
        &spec.left_types[spec.left_keys[self.key]]
    }

    /// Whether the table can be asked instead of bits.
    fn asks_table(&self) -> bool {
        let only = self.shared.spec().left_keys.len() == 1;
        only && self.shared.built().is_ok_and(|built| built.table.needs_hashes())
    }
}

impl RuntimeFilter for JoinFilter {
    fn version(&self) -> u64 {
        let is_known = self.shared.build_rows().is_some()
            && (self.asks_table() || self.shared.key_bits(self.key).is_some());
        u64::from(is_known)
    }

    fn conjuncts(&self, column: &Expr) -> Vec<Expr> {
        if let Some(values) = self.shared.key_values(self.key) {
            let kind = ExprKind::InList { argument: Box::new(column.clone()), list: values };
            return vec![Expr { kind, data_type: DataType::Boolean, span: None }];
        }
        let Some(bounds) = self.shared.key_bounds() else { return Vec::new() };
        let Some((least, greatest)) = bounds.into_iter().nth(self.key).flatten() else {
            return Vec::new();
        };
        let compare = |comparison, value| {
            let value = Expr::literal(value, column.data_type.clone());
            let sides = vec![column.clone(), value];
            Expr::call(Function::Compare(comparison), sides, DataType::Boolean)
        };
        vec![compare(Comparison::GreaterOrEqual, least), compare(Comparison::LessOrEqual, greatest)]
    }

    fn row_test(self: Arc<Self>) -> Box<dyn RowTest> {
        let hasher = KeyHasher::new(std::slice::from_ref(self.data_type()));
        let (hashes, keys) = (Vec::new(), Vec::new());
        Box::new(JoinRowTest { filter: self, hasher, hashes, keys })
    }
}

/// The test of one lane.
#[derive(Debug)]
struct JoinRowTest {
    filter: Arc<JoinFilter>,
    hasher: KeyHasher,
    hashes: Vec<u64>,
    keys: Vec<i64>,
}

impl RowTest for JoinRowTest {
    fn keep(&mut self, column: &Vector, selection: &Selection) -> Result<Selection> {
        let shared = &self.filter.shared;
        let mut rows = selection.rows().to_vec();
        if column.null_count() > 0 {
            rows.retain(|row| column.is_valid(*row as usize));
        }
        if let Some(bits) = shared.key_bits(self.filter.key) {
            retain_narrow(column, &mut rows);
            integer_keys(&Indexed::new(column, &rows), &mut self.keys)?;
            let mut keys = self.keys.iter();
            rows.retain(|_| keys.next().is_some_and(|key| bits.contains(*key)));
        } else if self.filter.asks_table() {
            let table = &shared.built()?.table;
            self.hasher.hash(&[column], &rows, &mut self.hashes)?;
            let mut hashes = self.hashes.iter();
            rows.retain(|_| hashes.next().is_some_and(|hash| table.may_have(*hash)));
        }
        kept(&rows, selection)
    }
}
