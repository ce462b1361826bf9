//! A row for each element of lists, beside the row that has them.
//!
//! In: batches, and lists computed over their columns. Out: batches of the input's columns, repeated,
//! and the elements, about [`BATCH_ROWS`] rows each, in the order of the input and with its origin: a
//! long list is given out over several batches. Several lists go side by side; where one is shorter its
//! elements are null.

use millwork_codecs::buffer::Bitmap;
use millwork_format::batch::{BATCH_BYTES, BATCH_ROWS, Batch};
use millwork_format::vector::{Data, List, Vector};

use crate::error::{Error, Result};
use crate::expr::{Expr, Program};
use crate::pipeline::{Answer, Context, Operator};

/// What an [`Unnest`] opens.
#[derive(Clone, Debug)]
pub struct UnnestSpec {
    /// Lists over the input's columns.
    pub lists: Vec<Expr>,
    /// For each list the first one that it has to be as long as.
    pub alike: Vec<usize>,
    /// Whether a row without elements is kept, beside nulls.
    pub keep_empty: bool,
    /// Which of its columns somebody reads, the input's and then those of the elements; the others are
    /// null.
    pub wanted: Vec<bool>,
}

/// Opens the lists of one lane's batches.
#[derive(Debug)]
pub struct Unnest {
    programs: Vec<Program>,
    alike: Vec<usize>,
    keep_empty: bool,
    wanted: Vec<bool>,
    current: Option<Current>,
}

/// A batch that is being opened.
#[derive(Debug)]
struct Current {
    batch: Batch,
    /// Flat lists, or nulls.
    lists: Vec<Vector>,
    /// The rows of the batch that are meant.
    rows: Vec<u32>,
    /// The first of `rows` that is not through, and how many of its elements are.
    next: usize,
    done: usize,
    /// Lists that are repeated beside their elements, and the bytes that an element of them takes.
    repeated: Vec<(List, u64)>,
}

impl Current {
    /// Rows that row `row` of the batch may become, so that what is repeated for them does not take much more
    /// than `bytes`.
    fn fitting(&self, row: u32, bytes: u64) -> usize {
        let fitting = bytes.checked_div(self.bytes(row)).unwrap_or(u64::MAX);
        usize::try_from(fitting).unwrap_or(usize::MAX)
    }

    /// Bytes that are repeated for each element of row `row`.
    fn bytes(&self, row: u32) -> u64 {
        let of_list = |(list, each): &(List, u64)| list.range(row as usize).len() as u64 * each;
        self.repeated.iter().map(of_list).fold(0, u64::saturating_add)
    }
}

impl Unnest {
    /// Opens what `spec` says.
    ///
    /// # Errors
    /// `Internal` if a list cannot be evaluated at all.
    pub fn new(spec: UnnestSpec) -> Result<Self> {
        let programs: Result<Vec<Program>> = spec.lists.into_iter().map(Program::new).collect();
        Ok(Self {
            programs: programs?,
            alike: spec.alike,
            keep_empty: spec.keep_empty,
            wanted: spec.wanted,
            current: None,
        })
    }

    fn is_wanted(&self, column: usize) -> bool {
        self.wanted.get(column).copied().unwrap_or(true)
    }

    /// Refuses lists that have to be alike and differ in length: a broken file has such.
    fn check(&self, ranges: &[std::ops::Range<usize>]) -> Result<()> {
        for (own, of) in ranges.iter().zip(&self.alike) {
            let first = ranges.get(*of).map_or(own.len(), ExactSizeIterator::len);
            if own.len() != first {
                return Err(millwork_format::Error::corrupt(format!(
                    "{first} and {} elements in parts of one list",
                    own.len()
                ))
                .into());
            }
        }
        Ok(())
    }

    /// About a batch of rows of `current`; `None` if there are none left.
    fn next_batch(&self, current: &mut Current) -> Result<Option<Batch>> {
        let lists: Vec<Option<&List>> = current
            .lists
            .iter()
            .map(|list| match list.data() {
                Data::List(list) => Some(list),
                _ => None,
            })
            .collect();
        let mut rows: Vec<u32> = Vec::new();
        let mut room = BATCH_BYTES;
        let mut elements: Vec<Vec<Option<u32>>> = vec![Vec::new(); lists.len()];
        while let Some(row) = current.rows.get(current.next).copied()
            && rows.len() < BATCH_ROWS
        {
            let ranges: Vec<std::ops::Range<usize>> = lists
                .iter()
                .zip(&current.lists)
                .map(|(list, vector)| match list {
                    Some(list) if vector.is_valid(row as usize) => list.range(row as usize),
                    _ => 0..0,
                })
                .collect();
            self.check(&ranges)?;
            let longest = ranges.iter().map(ExactSizeIterator::len).max().unwrap_or(0);
            let count = longest.max(usize::from(self.keep_empty));
            let fitting = current.fitting(row, room).max(usize::from(rows.is_empty()));
            let taken = (count - current.done).min(BATCH_ROWS - rows.len()).min(fitting);
            if taken == 0 && current.done < count {
                break;
            }
            room = room.saturating_sub(current.bytes(row).saturating_mul(taken as u64));
            rows.extend(std::iter::repeat_n(row, taken));
            for (places, range) in elements.iter_mut().zip(&ranges) {
                let from = range.start + current.done;
                let places_here =
                    (from..from + taken).map(|place| (place < range.end).then_some(place as u32));
                places.extend(places_here);
            }
            current.done += taken;
            if current.done == count {
                (current.next, current.done) = (current.next + 1, 0);
            }
        }
        if rows.is_empty() {
            return Ok(None);
        }
        let mut columns = Vec::with_capacity(self.wanted.len());
        for (index, column) in current.batch.columns().iter().enumerate() {
            columns.push(match self.is_wanted(index) {
                true => column.take(&rows)?,
                false => Vector::null(rows.len()),
            });
        }
        let width = columns.len();
        for (index, (list, places)) in lists.iter().zip(&elements).enumerate() {
            columns.push(match list {
                Some(list) if self.is_wanted(width + index) => taken(list.child(), places)?,
                _ => Vector::null(rows.len()),
            });
        }
        let batch = Batch::new(columns, rows.len())?;
        Ok(Some(batch.with_origin(current.batch.origin())))
    }
}

/// Adds the lists in `column`, and the bytes that an element of each takes, about.
fn lists_in(column: &Vector, into: &mut Vec<(List, u64)>) {
    match column.data() {
        Data::List(list) => {
            let (bytes, count) = (list.child().row_bytes(), list.child().len() as u64);
            // Where an element lies takes four.
            into.push((list.clone(), 4 + bytes / count.max(1)));
        }
        Data::Struct(children) => children.iter().for_each(|child| lists_in(child, into)),
        _ => {}
    }
}

/// Rows of `child`, null where there is none.
fn taken(child: &Vector, places: &[Option<u32>]) -> Result<Vector> {
    if child.is_empty() {
        return Ok(Vector::null(places.len()));
    }
    let rows: Vec<u32> = places.iter().map(|place| place.unwrap_or(0)).collect();
    let taken = child.take(&rows)?;
    if places.iter().all(Option::is_some) || matches!(taken.data(), Data::Null) {
        return Ok(taken);
    }
    let there: Vec<bool> =
        places.iter().zip(0..).map(|(place, row)| place.is_some() && taken.is_valid(row)).collect();
    // Constants carry no validity.
    let taken = match taken.data() {
        Data::Constant(_) => taken.flatten()?,
        _ => taken,
    };
    Ok(taken.with_validity(Some(Bitmap::from_bools(&there)))?)
}

impl Operator for Unnest {
    fn push(&mut self, batch: Batch, _: &mut Context<'_>) -> Result<()> {
        if batch.kinds().is_some() {
            return Err(Error::unsupported("an UNNEST of rows that change"));
        }
        let rows = batch.selection().rows().to_vec();
        if rows.is_empty() {
            return Ok(());
        }
        let mut lists = Vec::with_capacity(self.programs.len());
        for program in &mut self.programs {
            let list = program.evaluate(batch.columns(), batch.rows(), batch.selection())?;
            lists.push(list.flatten()?);
        }
        let mut repeated = Vec::new();
        for (index, column) in batch.columns().iter().enumerate() {
            if self.is_wanted(index) {
                lists_in(column, &mut repeated);
            }
        }
        self.current = Some(Current { batch, lists, rows, next: 0, done: 0, repeated });
        Ok(())
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Result<Answer> {
        let Some(mut current) = self.current.take() else { return Ok(Answer::NeedInput) };
        match self.next_batch(&mut current)? {
            Some(batch) => {
                self.current = Some(current);
                Ok(Answer::HaveOutput(batch))
            }
            None => Ok(Answer::NeedInput),
        }
    }

    fn name(&self) -> &str {
        "unnest"
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use millwork_codecs::buffer::Slice;
    use millwork_format::types::{DataType, Field};

    use super::*;
    use crate::operator::tests::{batch, rows, run};
    use crate::row::tests::Random;

    fn list_type(element: DataType) -> DataType {
        DataType::List(Arc::new(Field::nullable("element", element)))
    }

    fn spec(lists: &[(usize, DataType)], keep_empty: bool, width: usize) -> UnnestSpec {
        let lists = lists.iter().map(|(column, of)| Expr::column(*column, of.clone()));
        let lists: Vec<Expr> = lists.collect();
        let alike = (0..lists.len()).collect();
        UnnestSpec { wanted: vec![true; width + lists.len()], lists, alike, keep_empty }
    }

    /// The elements of a list as it is written.
    fn elements(list: &str) -> Vec<String> {
        let inside = list.trim_start_matches('[').trim_end_matches(']');
        match list {
            "null" | "[]" => Vec::new(),
            _ => inside.split(',').map(str::to_owned).collect(),
        }
    }

    #[test]
    fn lists_go_side_by_side_filled_up_with_nulls() {
        let mut random = Random::new(21);
        let words = list_type(DataType::Utf8);
        let numbers = list_type(DataType::Int32);
        let types = [DataType::Int64, words.clone(), numbers.clone()];
        for keep_empty in [false, true] {
            let batches: Vec<Batch> =
                (0..20).map(|_| batch(&mut random, &types, 300, 40)).collect();
            let lists = [(1, words.clone()), (2, numbers.clone())];
            let mut unnest = Unnest::new(spec(&lists, keep_empty, 3)).unwrap();
            let found: Vec<_> = run(&mut unnest, &batches).unwrap().iter().flat_map(rows).collect();
            let mut expected = Vec::new();
            for row in batches.iter().flat_map(rows) {
                let (left, right) = (elements(&row[1]), elements(&row[2]));
                let count = left.len().max(right.len()).max(usize::from(keep_empty));
                for at in 0..count {
                    let pick = |list: &[String]| list.get(at).cloned().unwrap_or("null".into());
                    let mut opened = row.clone();
                    opened.extend([pick(&left), pick(&right)]);
                    expected.push(opened);
                }
            }
            assert_eq!(found, expected, "{keep_empty}");
        }
    }

    #[test]
    fn parts_of_one_list_that_differ_in_length_are_refused() {
        let list = |offsets: [i32; 3]| {
            let child = Vector::flat(Slice::copy_of(&[1i64, 2, 3]));
            let list = List::new(Slice::copy_of(&offsets), child).unwrap();
            Vector::new(Data::List(list), None, 2).unwrap()
        };
        let of = list_type(DataType::Int64);
        let both = spec(&[(0, of.clone()), (1, of)], false, 2);
        for (alike, is_refused) in [(vec![0, 1], false), (vec![0, 0], true)] {
            let mut unnest = Unnest::new(UnnestSpec { alike, ..both.clone() }).unwrap();
            let batch = Batch::new([list([0, 2, 3]), list([0, 1, 3])], 2).unwrap();
            let found = run(&mut unnest, &[batch]);
            assert_eq!(found.is_err(), is_refused);
            if let Err(error) = found {
                assert!(error.what().contains("2 and 1 elements in parts of one list"), "{error}");
            }
        }
    }

    #[test]
    fn a_long_list_is_given_out_over_several_batches() {
        let count = 3 * BATCH_ROWS + 17;
        let child = Vector::flat(Slice::copy_of(&(0..count as i64).collect::<Vec<_>>()));
        let offsets = Slice::copy_of(&[0, 0, count as i32, count as i32]);
        let list = List::new(offsets, child).unwrap();
        let lists = Vector::new(Data::List(list), None, 3).unwrap();
        let ids = Vector::flat(Slice::copy_of(&[7i64, 8, 9]));
        let input = Batch::new([ids, lists], 3).unwrap();
        let mut unnest = Unnest::new(UnnestSpec {
            wanted: vec![true, false, true],
            ..spec(&[(1, list_type(DataType::Int64))], false, 2)
        })
        .unwrap();
        let batches = run(&mut unnest, &[input]).unwrap();
        assert_eq!(batches.len(), 4);
        let numbers = batches.iter().flat_map(|batch| {
            assert!(matches!(batch.columns()[1].data(), Data::Null), "nobody reads it");
            assert!(batch.columns()[0].values::<i64>().unwrap().iter().all(|id| *id == 8));
            batch.columns()[2].values::<i64>().unwrap().to_vec()
        });
        assert!(numbers.eq(0..count as i64));
    }
}
