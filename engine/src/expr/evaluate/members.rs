//! IN lists: a set made once, tested per batch.
//!
//! In: constants of the argument's type. Out: a [`Truth`]. Few integers are compared one after the
//! other at the speed of the compare kernel, integers close together are a bitmap, the rest is hashed.

use foldhash::fast::FixedState;
use half::f16;
use hashbrown::HashSet;
use millwork_codecs::buffer::SliceMut;
use millwork_codecs::kernel::{Compare, Comparison, compare_scalar, mask_or};
use millwork_format::vector::{Data, Native, Vector};

use super::Truth;
use super::compare::{clear_tail, equal_to};
use super::operand::{self, Texts, with_integer};
use crate::error::Result;
use crate::kernel::arithmetic::Integer;
use crate::kernel::lanes::test_rows;
use crate::kernel::mask;
use crate::value::Scalar;

/// Up to this many constants are compared one after the other.
const FEW: usize = 8;
/// Integers that span at most this much become a bitmap.
const DENSE: i128 = 1 << 16;

/// The constants of an IN list.
#[derive(Debug)]
pub(super) struct Members {
    set: Set,
    has_null: bool,
}

#[derive(Debug)]
enum Set {
    Empty,
    Booleans {
        with_false: bool,
        with_true: bool,
    },
    FewIntegers(Vec<i128>),
    /// Bit `value - least`.
    DenseIntegers {
        least: i128,
        span: i128,
        bits: Vec<u64>,
    },
    Integers(HashSet<i128, FixedState>),
    FewFloats(Vec<f64>),
    /// Keys that order floats.
    Floats(HashSet<i64, FixedState>),
    FewTexts(Vec<Vec<u8>>),
    Texts(HashSet<Vec<u8>, FixedState>),
}

impl Members {
    pub(super) fn new(list: &[Scalar]) -> Self {
        let has_null = list.iter().any(Scalar::is_null);
        let mut integers = Vec::new();
        let mut floats = Vec::new();
        let mut texts = Vec::new();
        let (mut with_false, mut with_true) = (false, false);
        for value in list {
            match value {
                Scalar::Null => {}
                Scalar::Boolean(false) => with_false = true,
                Scalar::Boolean(true) => with_true = true,
                Scalar::Integer(value) => integers.push(*value),
                Scalar::Float(value) => floats.push(*value),
                Scalar::Text(text) => texts.push(text.as_bytes().to_vec()),
                Scalar::Bytes(bytes) => texts.push(bytes.to_vec()),
            }
        }
        integers.sort_unstable();
        integers.dedup();
        texts.sort_unstable();
        texts.dedup();
        let set = if with_false || with_true {
            Set::Booleans { with_false, with_true }
        } else if !integers.is_empty() {
            Self::of_integers(integers)
        } else if !floats.is_empty() {
            if floats.len() <= FEW {
                Set::FewFloats(floats)
            } else {
                Set::Floats(floats.into_iter().map(Compare::key).collect())
            }
        } else if texts.is_empty() {
            Set::Empty
        } else if texts.len() <= FEW {
            Set::FewTexts(texts)
        } else {
            Set::Texts(texts.into_iter().collect())
        };
        Self { set, has_null }
    }

    fn of_integers(sorted: Vec<i128>) -> Set {
        let least = sorted[0];
        let span = sorted[sorted.len() - 1].checked_sub(least);
        match span {
            _ if sorted.len() <= FEW => Set::FewIntegers(sorted),
            Some(span) if span < DENSE => {
                let mut bits = vec![0u64; span as usize / 64 + 1];
                for value in sorted {
                    let bit = (value - least) as usize;
                    bits[bit / 64] |= 1 << (bit % 64);
                }
                Set::DenseIntegers { least, span, bits }
            }
            _ => Set::Integers(sorted.into_iter().collect()),
        }
    }

    /// Whether each row is in the list: unknown if the row is null, or if it is not found and the
    /// list has a null.
    pub(super) fn test(&self, vector: &Vector, rows: usize) -> Result<Truth> {
        if let Data::Null = vector.data() {
            return Truth::unknown(rows);
        }
        let mut words = mask::words(rows)?;
        self.fill(vector, rows, &mut words)?;
        clear_tail(rows, &mut words);
        let mut validity = vector.validity().cloned();
        if self.has_null {
            let mut copy = mask::words(rows)?;
            copy.copy_from_slice(&words);
            let found = mask::bitmap(copy, rows)?;
            validity = mask::both_valid(validity.as_ref(), Some(&found))?;
        }
        Ok(Truth { words, validity })
    }

    fn fill(&self, vector: &Vector, rows: usize, out: &mut SliceMut<u64>) -> Result<()> {
        match (operand::core(vector).data(), &self.set) {
            (_, Set::Empty) => {}
            (Data::Boolean(_), Set::Booleans { with_false, with_true }) => {
                let bits = operand::bits(vector, rows)?;
                let keep = |on: bool| if on { u64::MAX } else { 0 };
                for (out, bits) in out.iter_mut().zip(bits.iter()) {
                    *out = bits & keep(*with_true) | !bits & keep(*with_false);
                }
            }
            (Data::Float64(_), _) => self.floats::<f64>(vector, |value| value, rows, out)?,
            (Data::Float32(_), _) => {
                self.floats::<f32>(vector, |value| value as f32, rows, out)?;
            }
            (Data::Float16(halves), Set::FewFloats(list)) => test_rows(rows, out, |row| {
                let value = f16::from_bits(halves[row]).to_f64().key();
                list.iter().any(|one| one.key() == value)
            }),
            (Data::Float16(halves), Set::Floats(set)) => test_rows(rows, out, |row| {
                set.contains(&f16::from_bits(halves[row]).to_f64().key())
            }),
            (Data::Views(_), _) => self.texts(Texts::of(vector)?, rows, out),
            (Data::Fixed { width_bytes, bytes }, _) => {
                let value = |row: usize| &bytes.as_slice()[row * width_bytes..][..*width_bytes];
                match &self.set {
                    Set::FewTexts(list) => {
                        test_rows(rows, out, |row| list.iter().any(|one| one == value(row)));
                    }
                    Set::Texts(set) => test_rows(rows, out, |row| set.contains(value(row))),
                    _ => return Err(operand::layout()),
                }
            }
            _ => with_integer!(vector, T => self.integers::<T>(vector, rows, out)?,
                else return Err(operand::layout())),
        }
        Ok(())
    }

    fn integers<T>(&self, vector: &Vector, rows: usize, out: &mut SliceMut<u64>) -> Result<()>
    where
        T: Integer + Compare,
    {
        let values = operand::expect::<T>(vector)?;
        match &self.set {
            Set::FewIntegers(list) => {
                let list = list.iter().filter_map(|value| T::narrowed(*value));
                any_equal(vector.values::<T>().map_or(&[], |values| values), list, rows, out)?;
            }
            Set::DenseIntegers { least, span, bits } => test_rows(rows, out, |row| {
                let offset = values.get(row).wide().wrapping_sub(*least);
                (0..=*span).contains(&offset)
                    && bits[offset as usize / 64] >> (offset as usize % 64) & 1 == 1
            }),
            Set::Integers(set) => {
                test_rows(rows, out, |row| set.contains(&values.get(row).wide()));
            }
            _ => return Err(operand::layout()),
        }
        Ok(())
    }

    fn floats<T>(
        &self,
        vector: &Vector,
        narrowed: impl Fn(f64) -> T,
        rows: usize,
        out: &mut SliceMut<u64>,
    ) -> Result<()>
    where
        T: Native + Compare + Into<f64>,
    {
        let values = vector.values::<T>().ok_or_else(operand::layout)?;
        match &self.set {
            Set::FewFloats(list) => {
                any_equal(values, list.iter().map(|value| narrowed(*value)), rows, out)?;
            }
            Set::Floats(set) => {
                test_rows(rows, out, |row| set.contains(&Into::<f64>::into(values[row]).key()));
            }
            _ => return Err(operand::layout()),
        }
        Ok(())
    }

    fn texts(&self, texts: Texts<'_>, rows: usize, out: &mut SliceMut<u64>) {
        match (&self.set, texts) {
            (Set::FewTexts(list), Texts::Rows(views)) => {
                let mut one = vec![0u64; out.len()];
                for text in list {
                    equal_to(views, text, rows, &mut one);
                    mask_or(out, &one);
                }
            }
            (Set::FewTexts(list), _) => {
                test_rows(rows, out, |row| list.iter().any(|one| one == texts.get(row)));
            }
            (Set::Texts(set), _) => test_rows(rows, out, |row| set.contains(texts.get(row))),
            _ => {}
        }
    }
}

/// Bit `i` of `out`: whether `values[i]` equals one of `list`.
fn any_equal<T: Compare>(
    values: &[T],
    list: impl Iterator<Item = T>,
    rows: usize,
    out: &mut SliceMut<u64>,
) -> Result<()> {
    let mut one = mask::words(rows)?;
    for (index, value) in list.enumerate() {
        if index == 0 {
            compare_scalar(Comparison::Equal, values, value, out);
        } else {
            compare_scalar(Comparison::Equal, values, value, &mut one);
            mask_or(out, &one);
        }
    }
    Ok(())
}
