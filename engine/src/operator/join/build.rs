//! The build side: rows, hashes, the table.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use millwork_codecs::budget::{Budget, Reservation};
use millwork_format::batch::Batch;
use millwork_format::types::{DataType, Storage};
use millwork_format::vector::Vector;

use super::JoinSpec;
use crate::error::{Error, Result};
use crate::hash::{JoinTable, KeyBits, KeyHasher, integer_keys};
use crate::pipeline::{Context, PEAK_BYTES, Sink, SinkAnswer};
use crate::row::{Indexed, RowLayout, RowStore};
use crate::value::Scalar;

/// Up to this many build rows the keys are offered as a set.
const KEY_SET_ROWS: usize = 128;
/// Rows decoded at a time.
const CHUNK_ROWS: usize = 2048;

/// What the lanes of a join share.
#[derive(Debug)]
pub struct JoinShared {
    spec: JoinSpec,
    layout: Arc<RowLayout>,
    budget: Budget,
    lanes: Mutex<Vec<LaneRows>>,
    built: OnceLock<Built>,
    /// Of each key, once asked for.
    bits: Vec<OnceLock<Option<KeyBits>>>,
}

/// The build rows of one lane.
#[derive(Debug)]
struct LaneRows {
    store: RowStore,
    hashes: Vec<u64>,
    reservation: Reservation,
}

/// The build side, complete.
#[derive(Debug)]
pub(super) struct Built {
    pub(super) store: RowStore,
    pub(super) table: JoinTable,
    /// Least and greatest value of each key that is an integer.
    bounds: Vec<Option<(i128, i128)>>,
    rows: usize,
}

impl JoinShared {
    /// The shared part of a join whose state is drawn from `budget`.
    ///
    /// # Errors
    /// `Internal` if the sides have different numbers of keys or a key is no column.
    pub fn new(spec: JoinSpec, budget: &Budget) -> Result<Arc<Self>> {
        let left_inside = spec.left_keys.iter().all(|key| *key < spec.left_types.len());
        let right_inside = spec.right_keys.iter().all(|key| *key < spec.right_types.len());
        if spec.left_keys.len() != spec.right_keys.len() || !left_inside || !right_inside {
            return Err(Error::internal("the keys of a join do not fit its columns"));
        }
        Ok(Arc::new(Self {
            layout: Arc::new(RowLayout::new(&spec.right_types)),
            bits: spec.right_keys.iter().map(|_| OnceLock::new()).collect(),
            spec,
            budget: budget.consumer("join"),
            lanes: Mutex::new(Vec::new()),
            built: OnceLock::new(),
        }))
    }

    /// What the join does.
    #[must_use]
    pub fn spec(&self) -> &JoinSpec {
        &self.spec
    }

    /// Makes the table, once all build lanes have combined. Further calls do nothing.
    ///
    /// # Errors
    /// If memory is refused.
    pub fn finish(&self) -> Result<()> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if self.built.get().is_none() {
            let built = self.build(std::mem::take(&mut *lanes))?;
            // The lock is held: nobody else sets it.
            let _ = self.built.set(built);
        }
        Ok(())
    }

    pub(super) fn built(&self) -> Result<&Built> {
        self.built.get().ok_or_else(|| Error::internal("a join is probed before it is finished"))
    }

    /// Build rows with keys that are not null; `None` before [`JoinShared::finish`].
    #[must_use]
    pub fn build_rows(&self) -> Option<usize> {
        self.built.get().map(|built| built.rows)
    }

    /// For each key that is an integer, a date, a time or a decimal: the least and the greatest value
    /// of the build side, between which a left key that matches must lie. `None` before
    /// [`JoinShared::finish`] and where there are no build rows.
    #[must_use]
    pub fn key_bounds(&self) -> Option<Vec<Option<(Scalar, Scalar)>>> {
        let built = self.built.get().filter(|built| built.rows > 0)?;
        let scalar =
            |(least, greatest): (i128, i128)| (Scalar::Integer(least), Scalar::Integer(greatest));
        Some(built.bounds.iter().map(|bounds| bounds.map(scalar)).collect())
    }

    /// The values of key `key` of the build side, ascending, if they are integers and few: a left key
    /// that matches is one of them.
    #[must_use]
    pub fn key_values(&self, key: usize) -> Option<Vec<Scalar>> {
        let built = self.built.get().filter(|built| built.rows <= KEY_SET_ROWS)?;
        if built.rows > 0 {
            built.bounds.get(key).copied().flatten()?;
        }
        let ids: Vec<u32> = built.store.ids().collect();
        let values = built.store.decode_column(self.spec.right_keys[key], &ids).ok()?;
        let distinct: Option<BTreeSet<i128>> =
            (0..values.len()).map(|row| integer_at(&values, row)).collect();
        Some(distinct?.into_iter().map(Scalar::Integer).collect())
    }

    /// The values of key `key` of the build side as a set, if they are integers and not too far apart.
    /// `None` before [`JoinShared::finish`], too.
    pub(super) fn key_bits(&self, key: usize) -> Option<&KeyBits> {
        let built = self.built.get()?;
        self.bits.get(key)?.get_or_init(|| self.make_bits(built, key)).as_ref()
    }

    fn make_bits(&self, built: &Built, key: usize) -> Option<KeyBits> {
        let column = *self.spec.right_keys.get(key)?;
        if !is_integer(&self.spec.right_types[column]) {
            return None;
        }
        if let Some((least, greatest)) = built.bounds[key] {
            i64::try_from(least).and(i64::try_from(greatest)).ok()?;
        }
        let ids: Vec<u32> = built.store.ids().collect();
        // They are needed for a moment.
        let _held = self.budget.reserve(ids.len() as u64 * 12).ok()?;
        KeyBits::of(&decoded_integers(&built.store, column, &ids).ok()?, &self.budget)
    }

    fn build(&self, lanes: Vec<LaneRows>) -> Result<Built> {
        let mut store = RowStore::new(Arc::clone(&self.layout), &self.budget)?;
        let mut hashes = Vec::new();
        let total: usize = lanes.iter().map(|lane| lane.hashes.len()).sum();
        let _held = self.budget.reserve(total as u64 * 20)?;
        for mut lane in lanes {
            if hashes.is_empty() {
                hashes = std::mem::take(&mut lane.hashes);
            } else {
                hashes.append(&mut lane.hashes);
            }
            store.append_store(lane.store)?;
            drop(lane.reservation);
        }
        store.seal()?;
        let ids: Vec<u32> = store.ids().collect();
        let bounds = self.key_columns_bounds(&store, &ids)?;
        let table = match (self.spec.right_keys.as_slice(), bounds.as_slice()) {
            ([], _) => JoinTable::everything(ids, &self.budget)?,
            ([key], [Some((least, greatest))])
                if i64::try_from(*least).is_ok() && i64::try_from(*greatest).is_ok() =>
            {
                let keys = decoded_integers(&store, *key, &ids)?;
                JoinTable::of_integers(&keys, &ids, &hashes, &self.budget)?
            }
            _ => JoinTable::of_hashes(&ids, &hashes, &self.budget)?,
        };
        Ok(Built { store, table, bounds, rows: total })
    }

    fn key_columns_bounds(
        &self,
        store: &RowStore,
        ids: &[u32],
    ) -> Result<Vec<Option<(i128, i128)>>> {
        let mut bounds = Vec::with_capacity(self.spec.right_keys.len());
        for key in &self.spec.right_keys {
            if !is_integer(&self.spec.right_types[*key]) || ids.is_empty() {
                bounds.push(None);
                continue;
            }
            let (mut least, mut greatest) = (i128::MAX, i128::MIN);
            for ids in ids.chunks(CHUNK_ROWS) {
                let values = store.decode_column(*key, ids)?;
                for value in (0..ids.len()).filter_map(|row| integer_at(&values, row)) {
                    least = least.min(value);
                    greatest = greatest.max(value);
                }
            }
            bounds.push(Some((least, greatest)));
        }
        Ok(bounds)
    }
}

/// Whether values are integers that [`integer_keys`] takes.
fn is_integer(data_type: &DataType) -> bool {
    matches!(
        data_type.storage(),
        Storage::Int8
            | Storage::Int16
            | Storage::Int32
            | Storage::Int64
            | Storage::Int128
            | Storage::UInt8
            | Storage::UInt16
            | Storage::UInt32
    )
}

fn integer_at(values: &Vector, row: usize) -> Option<i128> {
    match values.cell(row) {
        millwork_format::vector::Cell::Integer(value) => Some(value),
        _ => None,
    }
}

fn decoded_integers(store: &RowStore, column: usize, ids: &[u32]) -> Result<Vec<i64>> {
    let mut all = Vec::with_capacity(ids.len());
    let mut some = Vec::new();
    for ids in ids.chunks(CHUNK_ROWS) {
        let values = store.decode_column(column, ids)?;
        let rows: Vec<u32> = (0..ids.len() as u32).collect();
        integer_keys(&Indexed::new(&values, &rows), &mut some)?;
        all.extend_from_slice(&some);
    }
    Ok(all)
}

/// Collects the build rows of one lane.
#[derive(Debug)]
pub struct JoinBuildSink {
    shared: Arc<JoinShared>,
    local: Option<LaneRows>,
    hasher: KeyHasher,
    new_hashes: Vec<u64>,
    /// Of this lane, so that its peak is known.
    budget: Budget,
}

impl JoinBuildSink {
    /// A sink of one lane.
    ///
    /// # Errors
    /// If the budget refuses.
    pub fn new(shared: Arc<JoinShared>) -> Result<Self> {
        let spec = &shared.spec;
        let types: Vec<DataType> =
            spec.right_keys.iter().map(|key| spec.right_types[*key].clone()).collect();
        let budget = shared.budget.consumer("join");
        let local = LaneRows {
            store: RowStore::new(Arc::clone(&shared.layout), &budget)?,
            hashes: Vec::new(),
            reservation: budget.reserve(0)?,
        };
        let hasher = KeyHasher::new(&types);
        Ok(Self { shared, local: Some(local), hasher, new_hashes: Vec::new(), budget })
    }
}

impl Sink for JoinBuildSink {
    fn push(&mut self, batch: Batch, _context: &mut Context<'_>) -> Result<SinkAnswer> {
        if batch.kinds().is_some() {
            return Err(Error::unsupported("a join of rows that change"));
        }
        let spec = &self.shared.spec;
        let Some(local) = &mut self.local else {
            return Err(Error::internal("a build row for a join that is complete"));
        };
        if batch.columns().len() != spec.right_types.len() {
            return Err(Error::internal("a join was given another number of build columns"));
        }
        let keys: Vec<&Vector> = spec.right_keys.iter().map(|key| &batch.columns()[*key]).collect();
        let rows = rows_with_keys(&batch, &keys);
        if rows.is_empty() {
            return Ok(SinkAnswer::More);
        }
        let columns: Vec<&Vector> = batch.columns().iter().collect();
        self.hasher.hash(&keys, &rows, &mut self.new_hashes)?;
        let needed = (local.hashes.len() + rows.len()).next_power_of_two() as u64 * 8;
        if needed > local.reservation.bytes() {
            local.reservation.resize(needed)?;
        }
        local.store.append(&columns, &rows)?;
        local.hashes.extend_from_slice(&self.new_hashes);
        Ok(SinkAnswer::More)
    }

    fn combine(&mut self, _context: &mut Context<'_>) -> Result<SinkAnswer> {
        if let Some(local) = self.local.take() {
            let mut lanes = self.shared.lanes.lock().unwrap_or_else(PoisonError::into_inner);
            if self.shared.built.get().is_some() {
                return Err(Error::internal("a build lane combines after the join is finished"));
            }
            lanes.push(local);
        }
        Ok(SinkAnswer::Done)
    }

    fn name(&self) -> &str {
        "join build"
    }

    fn counters(&self) -> Vec<(&'static str, u64)> {
        vec![(PEAK_BYTES, self.budget.consumer_peak())]
    }
}

/// The selected rows of `batch` whose keys are all present.
pub(super) fn rows_with_keys(batch: &Batch, keys: &[&Vector]) -> Vec<u32> {
    let mut rows = batch.selection().rows().to_vec();
    for key in keys.iter().filter(|key| key.null_count() > 0) {
        rows.retain(|row| key.is_valid(*row as usize));
    }
    rows
}
