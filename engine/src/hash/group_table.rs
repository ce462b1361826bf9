//! Keys to group numbers.

use std::sync::Arc;

use millwork_codecs::budget::{Budget, Reservation};
use millwork_format::types::DataType;
use millwork_format::vector::Vector;

use crate::error::{Error, Result};
use crate::row::{RowLayout, RowStore};

const ID_BITS: u32 = 48;
const FIRST_SLOTS: usize = 1 << 10;

/// The distinct keys met so far, numbered from 0 in the order they were met.
///
/// Linear probing over 64-bit slots: 16 bits of the hash, and the number of the group plus one (0 is
/// an empty slot). The keys lie in a [`RowStore`], row id = group number.
#[derive(Debug)]
pub struct GroupTable {
    store: RowStore,
    slots: Vec<u64>,
    hashes: Vec<u64>,
    reservation: Reservation,
    scratch: Scratch,
}

#[derive(Debug, Default)]
struct Scratch {
    /// Positions whose group is not known yet, and the slot each is at.
    pending: Vec<u32>,
    at: Vec<u32>,
    /// Positions to compare with a group.
    positions: Vec<u32>,
    rows: Vec<u32>,
    ids: Vec<u32>,
    equal: Vec<bool>,
    new_rows: Vec<u32>,
}

impl GroupTable {
    /// No groups, with keys of these types.
    ///
    /// # Errors
    /// If the budget refuses.
    pub fn new(types: &[DataType], budget: &Budget) -> Result<Self> {
        Ok(Self {
            store: RowStore::new(Arc::new(RowLayout::new(types)), budget)?,
            slots: Vec::new(),
            hashes: Vec::new(),
            reservation: budget.reserve(0)?,
            scratch: Scratch::default(),
        })
    }

    /// Groups.
    #[must_use]
    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    /// Whether there are no groups.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// The keys, by group number.
    #[must_use]
    pub fn keys(&self) -> &RowStore {
        &self.store
    }

    /// Ends adding groups for now, so that keys can be decoded.
    ///
    /// # Errors
    /// If memory is refused.
    pub fn seal(&mut self) -> Result<()> {
        self.store.seal()
    }

    /// The hash of each group's key.
    #[must_use]
    pub fn hashes(&self) -> &[u64] {
        &self.hashes
    }

    /// Fills `groups` with the group of each of `rows`, whose key hashes to the number in `hashes`.
    /// Keys not met before become groups.
    ///
    /// # Panics
    /// If a row does not exist or there are fewer hashes than rows.
    ///
    /// # Errors
    /// If memory is refused; `Internal` if a key is not of its type.
    pub fn find_or_insert(
        &mut self,
        keys: &[&Vector],
        rows: &[u32],
        hashes: &[u64],
        groups: &mut Vec<u32>,
    ) -> Result<()> {
        groups.clear();
        groups.resize(rows.len(), 0);
        self.reserve(rows.len())?;
        let mut scratch = std::mem::take(&mut self.scratch);
        let mask = self.slots.len() - 1;
        scratch.pending.clear();
        scratch.pending.extend(0..rows.len() as u32);
        scratch.at.clear();
        scratch.at.extend(hashes[..rows.len()].iter().map(|hash| (*hash as usize & mask) as u32));
        while !scratch.pending.is_empty() {
            self.walk(rows, hashes, groups, &mut scratch);
            if !scratch.new_rows.is_empty() {
                self.store.append(keys, &scratch.new_rows)?;
            }
            let Scratch { positions, rows: compared, ids, equal, pending, at, .. } = &mut scratch;
            equal.clear();
            equal.resize(ids.len(), true);
            for (column, key) in keys.iter().enumerate() {
                self.store.compare_column(column, key, compared, ids, equal)?;
            }
            pending.clear();
            for ((position, id), equal) in positions.iter().zip(&*ids).zip(&*equal) {
                groups[*position as usize] = *id;
                if !equal {
                    let at = &mut at[*position as usize];
                    *at = ((*at as usize + 1) & mask) as u32;
                    pending.push(*position);
                }
            }
        }
        self.scratch = scratch;
        Ok(())
    }

    /// Walks each pending position on to an empty slot, where it becomes a group, or to one with
    /// its tag, where it is to be compared.
    fn walk(&mut self, rows: &[u32], hashes: &[u64], groups: &mut [u32], scratch: &mut Scratch) {
        let Scratch { pending, at, positions, rows: compared, ids, new_rows, .. } = scratch;
        positions.clear();
        compared.clear();
        ids.clear();
        new_rows.clear();
        let slots = self.slots.as_mut_slice();
        let mask = slots.len() - 1;
        for position in pending.iter() {
            let index = *position as usize;
            let hash = hashes[index];
            let tag = hash >> ID_BITS;
            let mut slot_index = at[index] as usize & mask;
            loop {
                let slot = slots[slot_index];
                if slot == 0 {
                    let id = self.hashes.len() as u32;
                    slots[slot_index] = (tag << ID_BITS) | (u64::from(id) + 1);
                    self.hashes.push(hash);
                    groups[index] = id;
                    new_rows.push(rows[index]);
                    break;
                }
                if slot >> ID_BITS == tag {
                    positions.push(*position);
                    compared.push(rows[index]);
                    ids.push((slot & ((1 << ID_BITS) - 1)) as u32 - 1);
                    break;
                }
                slot_index = (slot_index + 1) & mask;
            }
            at[index] = slot_index as u32;
        }
    }

    /// Makes room for `more` groups: at most two of three slots are taken.
    fn reserve(&mut self, more: usize) -> Result<()> {
        let groups = self.len() + more;
        if groups > u32::MAX as usize / 4 {
            return Err(Error::unsupported("more than 2^30 groups in one table"));
        }
        let needed = (groups + groups / 2).next_power_of_two().max(FIRST_SLOTS);
        if needed <= self.slots.len() {
            return Ok(());
        }
        self.reservation.resize(needed as u64 * 16)?;
        let mask = needed - 1;
        let mut slots = vec![0u64; needed];
        for (id, hash) in self.hashes.iter().enumerate() {
            let mut index = *hash as usize & mask;
            while slots[index] != 0 {
                index = (index + 1) & mask;
            }
            slots[index] = (hash >> ID_BITS << ID_BITS) | (id as u64 + 1);
        }
        self.slots = slots;
        Ok(())
    }
}
