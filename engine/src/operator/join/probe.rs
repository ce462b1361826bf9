//! The probe side: candidates to pairs to batches.

use std::sync::Arc;

use millwork_codecs::buffer::{Bitmap, Slice};
use millwork_format::batch::{BATCH_ROWS, Batch};
use millwork_format::selection::Selection;
use millwork_format::types::DataType;
use millwork_format::vector::{Cell, Data, Vector};

use super::build::{Built, rows_with_keys};
use super::{JoinShared, Residual};
use crate::error::{Error, Result};
use crate::hash::{Candidate, KeyHasher, integer_keys};
use crate::pipeline::{Answer, Context, Operator};
use crate::plan::logical::JoinKind;
use crate::row::Indexed;

/// Fruitless rounds of pairs after which the driver gets its turn.
const ROUNDS: usize = 16;

/// Finds the matches of one lane's batches.
pub struct JoinProbe {
    shared: Arc<JoinShared>,
    residual: Option<Box<dyn Residual>>,
    hasher: KeyHasher,
    hashes: Vec<u64>,
    keys: Vec<i64>,
    candidates: Vec<Candidate>,
    current: Option<Current>,
}

/// A batch that is being probed.
struct Current {
    batch: Batch,
    /// The first candidate with positions not looked at.
    next: usize,
    /// Rows with a match, where the kind of join asks; by row of the batch.
    matched: Vec<bool>,
}

/// Left row and build row, side by side.
#[derive(Default)]
struct Pairs {
    rows: Vec<u32>,
    ids: Vec<u32>,
}

impl JoinProbe {
    /// The probe of one lane. The join is finished before the first batch.
    ///
    /// # Errors
    /// If the residual cannot be made.
    pub fn new(shared: Arc<JoinShared>) -> Result<Self> {
        let spec = shared.spec();
        let residual = match &spec.residual {
            Some(residual) => Some((residual.make)()?),
            None => None,
        };
        let types: Vec<DataType> =
            spec.left_keys.iter().map(|key| spec.left_types[*key].clone()).collect();
        Ok(Self {
            residual,
            hasher: KeyHasher::new(&types),
            hashes: Vec::new(),
            keys: Vec::new(),
            candidates: Vec::new(),
            current: None,
            shared,
        })
    }

    fn needs_matched(&self) -> bool {
        matches!(self.shared.spec().kind, JoinKind::Left | JoinKind::Semi | JoinKind::Anti)
    }

    fn only_left(&self) -> bool {
        matches!(self.shared.spec().kind, JoinKind::Semi | JoinKind::Anti)
    }

    fn find_candidates(&mut self, batch: &Batch, built: &Built) -> Result<()> {
        let spec = self.shared.spec();
        self.candidates.clear();
        let keys: Vec<&Vector> = spec.left_keys.iter().map(|key| &batch.columns()[*key]).collect();
        let mut rows = rows_with_keys(batch, &keys);
        if built.table.needs_integers() {
            keys.iter().for_each(|key| retain_narrow(key, &mut rows));
        }
        if built.table.needs_hashes() {
            self.hasher.hash(&keys, &rows, &mut self.hashes)?;
        }
        if let (true, [key]) = (built.table.needs_integers(), keys.as_slice()) {
            integer_keys(&Indexed::new(key, &rows), &mut self.keys)?;
        }
        built.table.find(&rows, &self.keys, &self.hashes, &mut self.candidates);
        Ok(())
    }

    /// The next pairs of rows that match.
    fn next_pairs(&mut self, current: &mut Current, built: &Built) -> Result<Pairs> {
        let mut pairs = Pairs::default();
        let once = self.only_left();
        while pairs.rows.len() < BATCH_ROWS {
            let Some(candidate) = self.candidates.get_mut(current.next) else { break };
            if once && current.matched[candidate.row as usize] {
                current.next += 1;
                continue;
            }
            let room = (BATCH_ROWS - pairs.rows.len()) as u32;
            let end = candidate.end.min(candidate.next.saturating_add(room));
            for position in candidate.next..end {
                if let Some(id) = built.table.row_at(candidate, position) {
                    pairs.rows.push(candidate.row);
                    pairs.ids.push(id);
                }
            }
            candidate.next = end;
            current.next += usize::from(end == candidate.end);
        }
        if !built.table.is_exact() {
            self.keep_equal(&mut pairs, current, built)?;
        }
        if let (Some(residual), false) = (&mut self.residual, pairs.rows.is_empty()) {
            let columns = pair_columns(&self.shared, current, built, &pairs)?;
            let kept = residual.matches(&Batch::new(columns, pairs.rows.len())?)?;
            if !kept.is_all() {
                let kept = kept.rows();
                pairs.rows = kept.iter().map(|pair| pairs.rows[*pair as usize]).collect();
                pairs.ids = kept.iter().map(|pair| pairs.ids[*pair as usize]).collect();
            }
        }
        if self.needs_matched() {
            for row in &pairs.rows {
                current.matched[*row as usize] = true;
            }
        }
        Ok(pairs)
    }

    /// Leaves out pairs whose keys differ.
    fn keep_equal(&self, pairs: &mut Pairs, current: &Current, built: &Built) -> Result<()> {
        let spec = self.shared.spec();
        let mut equal = vec![true; pairs.rows.len()];
        for (left, right) in spec.left_keys.iter().zip(&spec.right_keys) {
            let key = &current.batch.columns()[*left];
            built.store.compare_column(*right, key, &pairs.rows, &pairs.ids, &mut equal)?;
        }
        if equal.contains(&false) {
            let mut flags = equal.iter();
            pairs.rows.retain(|_| flags.next().copied().unwrap_or(false));
            let mut flags = equal.iter();
            pairs.ids.retain(|_| flags.next().copied().unwrap_or(false));
        }
        Ok(())
    }

    /// Whether the candidates themselves say which rows match.
    fn candidates_decide(&self, built: &Built) -> bool {
        // A table with integer keys beside hashes has yet to compare them.
        self.residual.is_none() && built.table.is_exact() && !built.table.needs_hashes()
    }

    fn poll_current(&mut self, mut current: Current) -> Result<Answer> {
        let shared = Arc::clone(&self.shared);
        let built = shared.built()?;
        if self.only_left() {
            return self.poll_left_only(current, built);
        }
        for _ in 0..ROUNDS {
            let pairs = self.next_pairs(&mut current, built)?;
            let exhausted = current.next == self.candidates.len();
            if pairs.rows.is_empty() && !exhausted {
                continue;
            }
            if !pairs.rows.is_empty() {
                let output = self.output(&current.batch, &pairs.rows, Some(&pairs.ids), built)?;
                // Rows without a match still have to come.
                if !exhausted || shared.spec().kind == JoinKind::Left {
                    self.current = Some(current);
                }
                return Ok(Answer::HaveOutput(output));
            }
            if shared.spec().kind != JoinKind::Left {
                return Ok(Answer::NeedInput);
            }
            return self.rest_of_left(&mut current, built);
        }
        let output = self.output(&current.batch, &[], Some(&[]), built)?;
        self.current = Some(current);
        Ok(Answer::HaveOutput(output))
    }

    /// The rows of a LEFT join without a match, all in one batch.
    fn rest_of_left(&mut self, current: &mut Current, built: &Built) -> Result<Answer> {
        let mut rows = current.batch.selection().rows().to_vec();
        rows.retain(|row| !current.matched[*row as usize]);
        if rows.is_empty() {
            return Ok(Answer::NeedInput);
        }
        Ok(Answer::HaveOutput(self.output(&current.batch, &rows, None, built)?))
    }

    fn poll_left_only(&mut self, mut current: Current, built: &Built) -> Result<Answer> {
        if self.candidates_decide(built) {
            for candidate in &self.candidates {
                current.matched[candidate.row as usize] = true;
            }
            current.next = self.candidates.len();
        }
        let mut rounds = 0;
        while current.next < self.candidates.len() {
            if rounds == ROUNDS {
                let none = Selection::from_bitmap(Bitmap::filled(false, current.batch.rows()));
                let output = self.left_output(&current.batch, none)?;
                self.current = Some(current);
                return Ok(Answer::HaveOutput(output));
            }
            self.next_pairs(&mut current, built)?;
            rounds += 1;
        }
        let wanted = self.shared.spec().kind == JoinKind::Semi;
        let mut rows = current.batch.selection().rows().to_vec();
        rows.retain(|row| current.matched[*row as usize] == wanted);
        if rows.is_empty() {
            return Ok(Answer::NeedInput);
        }
        let selection = if rows.len() == current.batch.rows() {
            Selection::All(rows.len())
        } else {
            Selection::from_rows(Slice::copy_of(&rows), current.batch.rows())?
        };
        Ok(Answer::HaveOutput(self.left_output(&current.batch, selection)?))
    }

    fn left_output(&self, batch: &Batch, selection: Selection) -> Result<Batch> {
        let batch = match &self.shared.spec().output {
            None => batch.clone(),
            Some(output) => {
                let columns: Vec<Vector> =
                    output.iter().map(|column| batch.columns()[*column].clone()).collect();
                batch.with_columns(columns)?
            }
        };
        Ok(batch.with_selection(selection)?)
    }

    /// Rows `rows` of `batch` beside build rows `ids`, or beside nulls.
    fn output(
        &self,
        batch: &Batch,
        rows: &[u32],
        ids: Option<&[u32]>,
        built: &Built,
    ) -> Result<Batch> {
        let spec = self.shared.spec();
        let lefts = spec.left_types.len();
        let same = rows.len() == batch.rows()
            && rows.iter().enumerate().all(|(position, row)| position == *row as usize);
        let column = |column: usize| -> Result<Vector> {
            match (column.checked_sub(lefts), ids) {
                (None, _) if same => Ok(batch.columns()[column].clone()),
                (None, _) => Ok(batch.columns()[column].take(rows)?),
                (Some(right), Some(ids)) => built.store.decode_column(right, ids),
                (Some(_), None) => Ok(Vector::null(rows.len())),
            }
        };
        let columns: Result<Vec<Vector>> = match &spec.output {
            Some(output) => output.iter().map(|index| column(*index)).collect(),
            None => (0..lefts + spec.right_types.len()).map(column).collect(),
        };
        Ok(Batch::new(columns?, rows.len())?.with_origin(batch.origin()))
    }
}

/// Leaves out rows whose integer key has more than 64 bits: it equals none of an integer table.
pub(super) fn retain_narrow(key: &Vector, rows: &mut Vec<u32>) {
    let is_wide = match key.data() {
        Data::Int128(_) => true,
        Data::Dictionary(_, dictionary) => matches!(dictionary.values().data(), Data::Int128(_)),
        Data::Constant(inner) => matches!(inner.data(), Data::Int128(_)),
        _ => false,
    };
    let is_narrow = |cell| matches!(cell, Cell::Integer(value) if i64::try_from(value).is_ok());
    if is_wide {
        rows.retain(|row| is_narrow(key.cell(*row as usize)));
    }
}

/// The columns that a residual looks at, for `pairs`; the others are null.
fn pair_columns(
    shared: &JoinShared,
    current: &Current,
    built: &Built,
    pairs: &Pairs,
) -> Result<Vec<Vector>> {
    let spec = shared.spec();
    let lefts = spec.left_types.len();
    let mut columns = vec![Vector::null(pairs.rows.len()); lefts + spec.right_types.len()];
    for index in spec.residual.iter().flat_map(|residual| &residual.columns) {
        let slot = columns
            .get_mut(*index)
            .ok_or_else(|| Error::internal("a residual names a column that is not there"))?;
        *slot = match index.checked_sub(lefts) {
            None => current.batch.columns()[*index].take(&pairs.rows)?,
            Some(right) => built.store.decode_column(right, &pairs.ids)?,
        };
    }
    Ok(columns)
}

impl Operator for JoinProbe {
    fn push(&mut self, batch: Batch, _context: &mut Context<'_>) -> Result<()> {
        if batch.kinds().is_some() {
            return Err(Error::unsupported("a join of rows that change"));
        }
        if batch.columns().len() != self.shared.spec().left_types.len() {
            return Err(Error::internal("a join was given another number of probe columns"));
        }
        if batch.count() == 0 {
            return Ok(());
        }
        let shared = Arc::clone(&self.shared);
        self.find_candidates(&batch, shared.built()?)?;
        let matched = if self.needs_matched() { vec![false; batch.rows()] } else { Vec::new() };
        self.current = Some(Current { batch, next: 0, matched });
        Ok(())
    }

    fn poll(&mut self, _context: &mut Context<'_>) -> Result<Answer> {
        match self.current.take() {
            Some(current) => self.poll_current(current),
            None => Ok(Answer::NeedInput),
        }
    }

    fn name(&self) -> &str {
        "join"
    }
}
