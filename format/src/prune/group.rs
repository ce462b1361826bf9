//! The stages of one row group: statistics, bloom filters, dictionaries.
//!
//! In: a [`Filter`], the footer, bytes as they come. Out: [`Step`]: bytes that are needed, or the verdict.
//! Dictionaries that were decoded on the way are handed on, so that nothing is read twice.

use std::ops::Range;
use std::sync::Arc;

use millwork_codecs::budget::Budget;

use super::bloom::{self, BloomProbe};
use super::filter::Filter;
use super::{Bounds, Test, bounds_of_slots, dictionary, has_one_value_a_row};
use crate::error::{ErrorKind, Result};
use crate::io::RangeStore;
use crate::limits::Limits;
use crate::metadata::{ColumnChunk, Footer};
use crate::page::PageContext;
use crate::schema::Schema;
use crate::vector::Dictionary;

/// What proved that no row passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// Bounds and counts of the footer.
    Statistics,
    /// A bloom filter.
    BloomFilter,
    /// The entries of a dictionary.
    Dictionary,
    /// The bounds of all pages.
    PageIndex,
}

/// What a step comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// These bytes are needed first; sorted.
    Need(Vec<Range<u64>>),
    /// No row passes.
    Excluded(Evidence),
    /// Rows may pass.
    Kept,
}

/// One row group on its way through the stages.
#[derive(Debug)]
pub struct GroupPruning {
    filter: Arc<Filter>,
    row_group: usize,
    /// By test: whether a row may pass it.
    may: Vec<bool>,
    /// By test: whether a bloom filter said that its value may be there.
    is_likely: Vec<bool>,
    stage: Stage,
    blooms: Vec<BloomProbe>,
    dictionaries: Vec<DictionaryProbe>,
    decoded: Vec<DecodedDictionary>,
    bloom_filters_read: u64,
    dictionaries_read: u64,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    Heads,
    Blocks,
    Dictionaries,
    Ended(Option<Evidence>),
}

/// A dictionary that was decoded to be asked.
#[derive(Clone, Debug)]
pub struct DecodedDictionary {
    /// The ordinal of its leaf.
    pub leaf: usize,
    /// The bytes of the file that its page fills.
    pub range: Range<u64>,
    /// Its entries.
    pub dictionary: Arc<Dictionary>,
}

#[derive(Debug)]
struct DictionaryProbe {
    leaf: usize,
    range: Range<u64>,
}

impl GroupPruning {
    /// Row group `row_group` of the file that `footer` and `schema` are of; its statistics are looked
    /// at now.
    #[must_use]
    pub fn new(filter: &Arc<Filter>, footer: &Footer, schema: &Schema, row_group: usize) -> Self {
        let may = filter.by_statistics(footer, schema, row_group);
        let mut pruning = Self {
            filter: Arc::clone(filter),
            row_group,
            is_likely: may.iter().map(|_| false).collect(),
            may,
            stage: Stage::Heads,
            blooms: Vec::new(),
            dictionaries: Vec::new(),
            decoded: Vec::new(),
            bloom_filters_read: 0,
            dictionaries_read: 0,
        };
        if !pruning.may_match() {
            pruning.stage = Stage::Ended(Some(Evidence::Statistics));
            return pruning;
        }
        pruning.choose_blooms(footer, schema);
        pruning
    }

    fn may_match(&self) -> bool {
        self.filter.may(|test| self.may[test])
    }

    /// Bloom filters that were asked.
    #[must_use]
    pub fn bloom_filters_read(&self) -> u64 {
        self.bloom_filters_read
    }

    /// Dictionaries that were asked.
    #[must_use]
    pub fn dictionaries_read(&self) -> u64 {
        self.dictionaries_read
    }

    /// The dictionaries that were decoded; each is given once.
    pub fn take_dictionaries(&mut self) -> Vec<DecodedDictionary> {
        std::mem::take(&mut self.decoded)
    }

    /// Goes on as far as the bytes in `store` allow. Whoever calls claims what is needed; it is
    /// released here. Indexes that make no sense are passed over.
    ///
    /// # Errors
    /// Those of the requests; `LimitExceeded` if `budget` refuses memory.
    pub fn step(
        &mut self,
        footer: &Footer,
        schema: &Schema,
        store: &RangeStore,
        limits: &Limits,
        budget: &Budget,
    ) -> Result<Step> {
        loop {
            let (units, next) = match self.stage {
                Stage::Heads => (self.head_units(), Stage::Blocks),
                Stage::Blocks => (self.block_units(), Stage::Dictionaries),
                Stage::Dictionaries => (self.dictionary_units(), Stage::Ended(None)),
                Stage::Ended(Some(evidence)) => return Ok(Step::Excluded(evidence)),
                Stage::Ended(None) => return Ok(Step::Kept),
            };
            for unit in &units {
                if store.get(unit)?.is_none() {
                    return Ok(Step::Need(units));
                }
            }
            let evidence = match self.stage {
                Stage::Heads => {
                    self.read_heads(store, limits)?;
                    None
                }
                Stage::Blocks => self.ask_blooms(store)?,
                _ => self.ask_dictionaries(footer, schema, store, limits, budget)?,
            };
            units.iter().for_each(|unit| store.release(unit));
            if let (Stage::Blocks, None) = (self.stage, evidence) {
                self.choose_dictionaries(footer, schema);
            }
            self.stage = if evidence.is_some() { Stage::Ended(evidence) } else { next };
        }
    }

    /// Filters that could prove something, if all of them said no.
    fn choose_blooms(&mut self, footer: &Footer, schema: &Schema) {
        if !self.filter.attempts().bloom_filters().is_worth_trying() {
            return;
        }
        let mut probes: Vec<(usize, BloomProbe)> = Vec::new();
        for &leaf in self.filter.leaves() {
            let found = self.chunk(footer, leaf).zip(schema.leaves().get(leaf));
            let Some((chunk, described)) = found else { continue };
            if chunk.bloom_filter().is_none() || chunk.is_encrypted() || chunk.has_file_path() {
                continue;
            }
            let of_leaf = self.filter.tests().iter().enumerate().filter(|(index, predicate)| {
                predicate.leaf == leaf && self.may.get(*index) == Some(&true)
            });
            let tests: Vec<(usize, Vec<u64>)> = of_leaf
                .filter_map(|(index, predicate)| {
                    Some((index, bloom::hashes(described, &predicate.test)?))
                })
                .collect();
            if tests.is_empty() {
                continue;
            }
            let probe = BloomProbe::new(chunk, tests, footer.base_offset());
            probes.extend(probe.map(|probe| (leaf, probe)));
        }
        let asked = |test: usize| {
            probes.iter().any(|(_, probe)| probe.tests.iter().any(|(of, _)| *of == test))
        };
        if !self.filter.may(|test| self.may[test] && !asked(test)) {
            self.blooms = probes.into_iter().map(|(_, probe)| probe).collect();
        }
    }

    fn chunk<'a>(&self, footer: &'a Footer, leaf: usize) -> Option<ColumnChunk<'a>> {
        footer.column(self.row_group, leaf)
    }

    fn head_units(&self) -> Vec<Range<u64>> {
        sorted(self.blooms.iter().map(BloomProbe::head_unit).collect())
    }

    fn read_heads(&mut self, store: &RangeStore, limits: &Limits) -> Result<()> {
        let mut sound = Vec::new();
        for mut probe in std::mem::take(&mut self.blooms) {
            if let Some(bytes) = store.get(&probe.head_unit())?
                && probe.set_head(bytes, limits)
            {
                sound.push(probe);
            }
        }
        self.blooms = sound;
        Ok(())
    }

    fn block_units(&self) -> Vec<Range<u64>> {
        sorted(self.blooms.iter().flat_map(BloomProbe::block_units).collect())
    }

    fn ask_blooms(&mut self, store: &RangeStore) -> Result<Option<Evidence>> {
        for probe in &self.blooms {
            for (test, hashes) in &probe.tests {
                let may = probe.may_contain(hashes, store)?;
                self.may[*test] &= may;
                self.is_likely[*test] |= may;
            }
        }
        if self.blooms.is_empty() {
            return Ok(None);
        }
        self.bloom_filters_read += self.blooms.len() as u64;
        let excluded = !self.may_match();
        self.filter.attempts().bloom_filters().learn(excluded);
        Ok(excluded.then_some(Evidence::BloomFilter))
    }

    /// Dictionaries that could prove something, if no entry of them passed.
    fn choose_dictionaries(&mut self, footer: &Footer, schema: &Schema) {
        if !self.filter.attempts().dictionaries().is_worth_trying() {
            return;
        }
        let mut chosen = Vec::new();
        for &leaf in self.filter.leaves() {
            let Some(chunk) = self.chunk(footer, leaf) else { continue };
            let of_leaf = || {
                let tests = self.filter.tests().iter().enumerate();
                tests.filter(move |(_, predicate)| predicate.leaf == leaf)
            };
            let bounds = bounds_of_slots(footer, schema, self.row_group, leaf);
            let alone = of_leaf().count() == 1;
            let pays = of_leaf().any(|(index, predicate)| {
                self.may[index]
                    && !self.is_likely[index]
                    && dictionary::can_pay(&predicate.test, bounds.as_ref(), alone)
            });
            let Some(range) = dictionary::page_range(chunk).filter(|_| pays) else { continue };
            let is_crowded = bounds.as_ref().is_some_and(|bounds| {
                dictionary::is_crowded(bounds, chunk.physical_type(), range.end - range.start)
            });
            if !is_crowded {
                chosen.push(DictionaryProbe { leaf, range });
            }
        }
        // Where nulls would pass anyway, no entry matters.
        let asked = |leaf: usize| chosen.iter().any(|probe| probe.leaf == leaf);
        let may_anyway = self.filter.may(|test| {
            let predicate = &self.filter.tests()[test];
            self.may[test] && (!asked(predicate.leaf) || predicate.test == Test::IsNull)
        });
        if !may_anyway {
            self.dictionaries = chosen;
        }
    }

    fn dictionary_units(&self) -> Vec<Range<u64>> {
        sorted(self.dictionaries.iter().map(|probe| probe.range.clone()).collect())
    }

    fn ask_dictionaries(
        &mut self,
        footer: &Footer,
        schema: &Schema,
        store: &RangeStore,
        limits: &Limits,
        budget: &Budget,
    ) -> Result<Option<Evidence>> {
        let mut context = None;
        let mut excluded = false;
        for probe in std::mem::take(&mut self.dictionaries) {
            if excluded {
                break;
            }
            let leaf = probe.leaf;
            let (Some(chunk), Some(described), Some(bytes)) =
                (self.chunk(footer, leaf), schema.leaves().get(leaf), store.get(&probe.range)?)
            else {
                continue;
            };
            let context =
                context.get_or_insert_with(|| PageContext::new(budget.clone(), limits.clone()));
            let start = probe.range.start;
            let found = match dictionary::decode(&bytes, start, chunk, described, context) {
                Ok(Some(found)) => Arc::new(found),
                Ok(None) => continue,
                Err(error) if matches!(error.kind(), ErrorKind::LimitExceeded(_)) => {
                    return Err(error);
                }
                // Whoever decodes the column says what is wrong with it.
                Err(_) => continue,
            };
            self.dictionaries_read += 1;
            let bounds = bounds_of_slots(footer, schema, self.row_group, leaf);
            let one_a_row = has_one_value_a_row(described);
            excluded = !self.ask_entries(leaf, &found, bounds.as_ref(), one_a_row);
            let range = probe.range;
            self.decoded.push(DecodedDictionary { leaf, range, dictionary: found });
        }
        if !self.decoded.is_empty() {
            self.filter.attempts().dictionaries().learn(excluded);
        }
        Ok(excluded.then_some(Evidence::Dictionary))
    }

    /// Whether a row with one of the entries, or with a null, may pass.
    fn ask_entries(
        &mut self,
        leaf: usize,
        dictionary: &Dictionary,
        bounds: Option<&Bounds>,
        one_a_row: bool,
    ) -> bool {
        let tests = self.filter.tests();
        let own: Vec<usize> = (0..tests.len()).filter(|test| tests[*test].leaf == leaf).collect();
        let mut once = tests.iter().map(|_| false).collect::<Vec<_>>();
        let mut together = false;
        let mut now = self.may.clone();
        for entry in 0..dictionary.len() {
            for &test in &own {
                now[test] = self.may[test]
                    && dictionary::entry_may_pass(dictionary, entry, &tests[test].test);
                once[test] |= now[test];
            }
            together |= self.filter.may(|test| now[test]);
            if together && own.iter().all(|test| once[*test]) {
                break;
            }
        }
        let nulls = bounds.is_none_or(|bounds| bounds.null_count != Some(0));
        for &test in &own {
            let passes_null = nulls && tests[test].test == Test::IsNull;
            now[test] = self.may[test] && passes_null;
            once[test] |= now[test];
            // Of a list each test is about some value, not all about the same one.
            self.may[test] &= once[test] || (!one_a_row && tests[test].test == Test::IsNull);
        }
        together |= nulls && self.filter.may(|test| now[test]);
        if one_a_row { together } else { self.may_match() }
    }
}

fn sorted(mut units: Vec<Range<u64>>) -> Vec<Range<u64>> {
    units.sort_by_key(|unit| unit.start);
    units.dedup();
    units
}
