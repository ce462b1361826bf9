//! Once per dictionary entry instead of once per row.
//!
//! In: an expression over one column that is dictionary encoded. Out: for a predicate its answers by
//! code, for a function its results as another dictionary under the same codes. Both are kept for as
//! long as batches come with that dictionary.
//!
//! Invariants: an expression that fails on some entry is not lifted (rows that do not use the entry
//! must not fail), and one that gives something for a null gives it here too. Entries are evaluated
//! once rows seen are at least half as many, so lifting never costs more than a small multiple of not
//! lifting.

use std::sync::Arc;

use millwork_codecs::buffer::{Bitmap, Slice, SliceMut};
use millwork_format::selection::Selection;
use millwork_format::types::DataType;
use millwork_format::vector::{Codes, Data, Dictionary, DictionaryId, Vector};

use super::operand;
use super::{Columns, Function, Input, Node, NodeKind, Truth};
use crate::error::{ErrorKind, Result};
use crate::kernel::mask;

/// Dictionaries remembered by one expression: of this row group and those before.
const REMEMBERED: usize = 4;
/// Dictionaries of at most this many entries are evaluated at once.
const SMALL: usize = 256;

/// What an expression knows of the dictionaries it has met, the latest last.
#[derive(Debug, Default)]
pub(super) struct Memo {
    known: Vec<Known>,
}

#[derive(Debug)]
struct Known {
    id: DictionaryId,
    rows_seen: usize,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Not worth it yet.
    Waiting,
    /// It failed on an entry.
    Refused,
    /// Codes for which the predicate is true, and for which it has an answer.
    Answers { yes: Vec<u64>, known: Vec<u64>, all_known: bool, of_null: Option<bool> },
    /// The results, one an entry, and one more for null rows if those have a result.
    Results { dictionary: Arc<Dictionary>, valid: Option<Vec<u64>>, null_code: Option<u32> },
    /// Every row's result is null.
    Nothing,
}

impl Node {
    /// The results by entry, if that is possible and worth it.
    pub(super) fn lifted(&mut self, input: &Input<'_>) -> Result<Option<Vector>> {
        let Some((codes, vector)) = self.prepare(input)? else { return Ok(None) };
        let rows = input.rows;
        Ok(match self.memo.known.last().map(|known| &known.state) {
            Some(answers @ State::Answers { .. }) => {
                Some(answers.truth(codes, vector, rows)?.into_vector(rows)?)
            }
            Some(State::Results { dictionary, valid, null_code }) => {
                Some(results(codes, vector, dictionary, valid.as_deref(), *null_code)?)
            }
            Some(State::Nothing) => Some(Vector::null(rows)),
            _ => None,
        })
    }

    /// A predicate's answers by entry, if that is possible and worth it.
    pub(super) fn lifted_truth(&mut self, input: &Input<'_>) -> Result<Option<Truth>> {
        let Some((codes, vector)) = self.prepare(input)? else { return Ok(None) };
        Ok(match self.memo.known.last().map(|known| &known.state) {
            Some(answers @ State::Answers { .. }) => {
                Some(answers.truth(codes, vector, input.rows)?)
            }
            _ => None,
        })
    }

    /// Makes the last memo that of the column's dictionary. `None` if there is nothing to lift.
    fn prepare<'a>(&mut self, input: &Input<'a>) -> Result<Option<(&'a Codes, &'a Vector)>> {
        let [column] = self.columns[..] else { return Ok(None) };
        let Some(vector) = input.columns.get(column) else { return Ok(None) };
        let Data::Dictionary(codes, dictionary) = vector.data() else { return Ok(None) };
        if !self.is_liftable() {
            return Ok(None);
        }
        let id = dictionary.id();
        let known = match self.memo.known.iter().position(|known| known.id == id) {
            Some(at) => self.memo.known.remove(at),
            None => Known { id, rows_seen: 0, state: State::Waiting },
        };
        if self.memo.known.len() >= REMEMBERED {
            self.memo.known.remove(0);
        }
        self.memo.known.push(known);
        let Some(known) = self.memo.known.last_mut() else { return Ok(None) };
        known.rows_seen += input.rows;
        let entries = dictionary.len();
        if matches!(known.state, State::Waiting) {
            if entries > SMALL && entries > 2 * known.rows_seen {
                return Ok(None);
            }
            let state = self.evaluate_entries(dictionary.values(), column, input)?;
            if let Some(known) = self.memo.known.last_mut() {
                known.state = state;
            }
        }
        Ok(Some((codes, vector)))
    }

    fn is_liftable(&self) -> bool {
        let cheap = match &self.kind {
            NodeKind::Column(_) | NodeKind::Literal(_) => true,
            // These look at the validity only.
            NodeKind::Call(Function::IsNull | Function::IsNotNull, arguments, _) => {
                arguments.iter().all(Self::is_free)
            }
            _ => false,
        };
        !cheap && !self.data_type.is_nested()
    }

    fn evaluate_entries(
        &mut self,
        entries: &Vector,
        column: usize,
        input: &Input<'_>,
    ) -> Result<State> {
        let mut of = |values: &Vector| {
            let rows = values.len();
            let columns = [(column, values.clone())];
            let columns = Columns::Some(&columns);
            let input = Input { columns, rows, entries: input.entries };
            self.compute(&input, &Selection::All(rows))
        };
        let results = match (of(entries), of(&Vector::null(1))) {
            (Ok(results), Ok(of_null)) => (results, of_null),
            (Err(error), _) | (_, Err(error)) => {
                return match error.kind() {
                    ErrorKind::Evaluate => Ok(State::Refused),
                    _ => Err(error),
                };
            }
        };
        input.entries.set(input.entries.get() + entries.len() as u64);
        let (results, of_null) = results;
        if self.data_type == DataType::Boolean {
            let Truth { words: mut yes, validity } = operand::truth(&results)?;
            let all = Bitmap::filled(true, entries.len());
            let known = validity.as_ref().unwrap_or(&all).words().to_vec();
            millwork_codecs::kernel::mask_and(&mut yes, &known);
            let of_null = operand::truth(&of_null)?;
            let of_null = match of_null.validity {
                None => Some(of_null.words[0] & 1 == 1),
                Some(_) => None,
            };
            let all_known = validity.is_none();
            return Ok(State::Answers { yes: yes.to_vec(), known, all_known, of_null });
        }
        mapped(&results, &of_null)
    }
}

/// The results as a dictionary.
fn mapped(results: &Vector, of_null: &Vector) -> Result<State> {
    let null_has_result = of_null.is_valid(0);
    if matches!(results.data(), Data::Null) && !null_has_result {
        return Ok(State::Nothing);
    }
    let valid = match results.data() {
        Data::Null => Some(Bitmap::filled(false, results.len())),
        _ => results.validity().cloned(),
    };
    let mut values = results.flatten()?;
    let mut null_code = None;
    if null_has_result {
        null_code = Some(values.len() as u32);
        let mut parts = vec![values, of_null.flatten()?];
        if matches!(parts[0].data(), Data::Null) {
            // Any value will do for entries that have no result.
            parts[0] = Vector::constant(of_null.clone(), parts[0].len())?.flatten()?;
        }
        values = millwork_format::vector::concat(&parts)?;
    }
    let dictionary = Arc::new(Dictionary::new(values.with_validity(None)?)?);
    let valid = valid.map(|bits| bits.words().to_vec());
    Ok(State::Results { dictionary, valid, null_code })
}

impl State {
    fn truth(&self, codes: &Codes, vector: &Vector, rows: usize) -> Result<Truth> {
        let Self::Answers { yes, known, all_known, of_null } = self else {
            return Truth::unknown(rows);
        };
        let mut words = mask::words(rows)?;
        operand::members(codes, yes, &mut words);
        let mut validity = vector.validity().cloned();
        if !all_known {
            let mut answered = mask::words(rows)?;
            operand::members(codes, known, &mut answered);
            let answered = mask::bitmap(answered, rows)?;
            validity = mask::both_valid(validity.as_ref(), Some(&answered))?;
        }
        if let (Some(of_null), Some(present)) = (of_null, vector.validity()) {
            let absent = mask::not(present)?;
            if *of_null {
                millwork_codecs::kernel::mask_or(&mut words, absent.words());
            } else {
                millwork_codecs::kernel::mask_and(&mut words, present.words());
            }
            if let Some(answered) = validity {
                validity = Some(mask::or(&answered, &absent)?);
            }
        }
        Ok(Truth { words, validity })
    }
}

/// The same codes under another dictionary.
fn results(
    codes: &Codes,
    vector: &Vector,
    dictionary: &Arc<Dictionary>,
    valid: Option<&[u64]>,
    null_code: Option<u32>,
) -> Result<Vector> {
    let rows = vector.len();
    let mut validity = vector.validity().cloned();
    if let Some(valid) = valid {
        let mut words = mask::words(rows)?;
        operand::members(codes, valid, &mut words);
        let answered = mask::bitmap(words, rows)?;
        validity = mask::both_valid(validity.as_ref(), Some(&answered))?;
    }
    let (Some(null_code), Some(present)) = (null_code, vector.validity()) else {
        return Ok(Vector::dictionary(codes.clone(), validity, Arc::clone(dictionary))?);
    };
    let mut replaced = SliceMut::<u32>::scratch(rows)?;
    for (row, slot) in replaced.iter_mut().enumerate() {
        *slot = if present.get(row) { codes.get(row) } else { null_code };
    }
    let validity = match validity {
        Some(validity) => Some(mask::or(&validity, &mask::not(present)?)?),
        None => None,
    };
    let codes: Slice<u32> = replaced.freeze();
    Ok(Vector::dictionary(Codes::U32(codes), validity, Arc::clone(dictionary))?)
}
