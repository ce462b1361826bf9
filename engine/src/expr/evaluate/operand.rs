//! Vectors seen as kernels want them: flat, or one value for all rows.
//!
//! In: vectors of any kind. Out: operands over slices. [`constant_aware`] is the way in for every
//! function that looks at all its arguments: behind it no argument is a dictionary, and not all are
//! constant.

use millwork_codecs::buffer::{Bitmap, Slice, SliceMut, View};
use millwork_codecs::kernel::{self, Comparison};
use millwork_format::selection::Selection;
use millwork_format::vector::{Codes, Data, Native, Vector, Views};

use super::Truth;
use crate::error::{Error, Result};
use crate::kernel::arithmetic::{DecimalOperand, Operand, Range};
use crate::kernel::mask;

/// Whether all rows are equal without looking at them.
pub(super) fn is_constant(vector: &Vector) -> bool {
    matches!(vector.data(), Data::Constant(_) | Data::Null)
}

/// The vector without the wrapping of a constant: one row then.
pub(super) fn core(vector: &Vector) -> &Vector {
    match vector.data() {
        Data::Constant(inner) => inner,
        _ => vector,
    }
}

/// The first row, flat.
pub(super) fn one_row(vector: &Vector) -> Result<Vector> {
    Ok(match vector.data() {
        Data::Null => Vector::null(1),
        Data::Constant(inner) if vector.is_valid(0) => (**inner).clone(),
        _ => vector.take(&[0])?.flatten()?,
    })
}

/// Runs `function` on `values`: on one row if all are constant, for a constant result; else on flat
/// vectors and constants.
pub(super) fn constant_aware(
    values: &[Vector],
    rows: usize,
    selection: &Selection,
    function: impl FnOnce(&[Vector], usize, &Selection) -> Result<Vector>,
) -> Result<Vector> {
    if values.iter().all(is_constant) {
        if selection.is_none() {
            return Ok(Vector::null(rows));
        }
        let single: Result<Vec<Vector>> = values.iter().map(one_row).collect();
        let result = function(&single?, 1, &Selection::All(1))?;
        return Ok(Vector::constant(result, rows)?);
    }
    let flattened: Result<Vec<Vector>> = values.iter().map(flat).collect();
    function(&flattened?, rows, selection)
}

/// The same rows without a dictionary.
pub(super) fn flat(vector: &Vector) -> Result<Vector> {
    let Data::Dictionary(codes, dictionary) = vector.data() else { return Ok(vector.clone()) };
    macro_rules! gathered {
        ($entries:expr, $rebuild:path) => {{
            let data = $rebuild(gather($entries, codes)?);
            return Ok(Vector::new(data, vector.validity().cloned(), vector.len())?);
        }};
    }
    match dictionary.values().data() {
        Data::Int32(entries) => gathered!(entries, Data::Int32),
        Data::Int64(entries) => gathered!(entries, Data::Int64),
        Data::Int128(entries) => gathered!(entries, Data::Int128),
        Data::Float32(entries) => gathered!(entries, Data::Float32),
        Data::Float64(entries) => gathered!(entries, Data::Float64),
        Data::Views(entries) => {
            let views: Slice<View> = gather(entries.views(), codes)?;
            let data = Data::Views(Views::new(views, entries.buffers().clone()));
            Ok(Vector::new(data, vector.validity().cloned(), vector.len())?)
        }
        _ => Ok(vector.flatten()?),
    }
}

fn gather<T: bytemuck::Pod>(entries: &[T], codes: &Codes) -> Result<Slice<T>> {
    let mut out = SliceMut::<T>::scratch(codes.len())?;
    match codes {
        Codes::U8(codes) => kernel::gather(entries, codes, &mut out),
        Codes::U16(codes) => kernel::gather(entries, codes, &mut out),
        Codes::U32(codes) => kernel::gather(entries, codes, &mut out),
    }
    Ok(out.freeze())
}

/// The range of a small dictionary's decimals, which is that of the rows or wider.
pub(super) fn entry_range(vector: &Vector) -> Option<Range> {
    match vector.data() {
        Data::Dictionary(codes, dictionary) if dictionary.len() * 4 <= codes.len() => {
            decimal(dictionary.values()).ok()?.extremes()
        }
        _ => None,
    }
}

/// Bit `i` of `out`: whether code `i` is in `set`.
pub(super) fn members(codes: &Codes, set: &[u64], out: &mut [u64]) {
    let mut occupied = set.iter().enumerate().filter(|(_, word)| **word != 0);
    let single = match (occupied.next(), occupied.next()) {
        (None, _) => {
            out.fill(0);
            return;
        }
        (Some((index, word)), None) if word.is_power_of_two() => {
            Some((index * 64) as u32 + word.trailing_zeros())
        }
        _ => None,
    };
    if let Some(code) = single {
        // One code is compared faster than looked up; codes too narrow for it do not have it.
        match codes {
            Codes::U8(codes) => only(codes, u8::try_from(code).ok(), out),
            Codes::U16(codes) => only(codes, u16::try_from(code).ok(), out),
            Codes::U32(codes) => only(codes, Some(code), out),
        }
        return;
    }
    match codes {
        Codes::U8(codes) => kernel::membership(codes, set, out),
        Codes::U16(codes) => kernel::membership(codes, set, out),
        Codes::U32(codes) => kernel::membership(codes, set, out),
    }
}

fn only<C: kernel::Compare>(codes: &[C], code: Option<C>, out: &mut [u64]) {
    match code {
        Some(code) => kernel::compare_scalar(Comparison::Equal, codes, code, out),
        None => out.fill(0),
    }
}

/// The values as operand, if they are kept as `T`.
pub(super) fn typed<T: Native>(vector: &Vector) -> Option<Operand<'_, T>> {
    match vector.data() {
        Data::Constant(inner) => inner.values::<T>()?.first().copied().map(Operand::Constant),
        _ => vector.values::<T>().map(|values| Operand::Values(values)),
    }
}

/// [`typed`], where the binder has settled the type.
pub(super) fn expect<T: Native>(vector: &Vector) -> Result<Operand<'_, T>> {
    typed(vector).ok_or_else(layout)
}

/// The error of a vector that is not laid out as its type says.
#[cold]
pub(super) fn layout() -> Error {
    Error::internal("an argument is not laid out as its type says")
}

/// The unscaled digits of a decimal, whatever their width.
pub(super) fn decimal(vector: &Vector) -> Result<DecimalOperand<'_>> {
    if let Some(narrow) = typed::<i64>(vector) {
        return Ok(DecimalOperand::Narrow(narrow));
    }
    Ok(DecimalOperand::Wide(expect(vector)?))
}

/// Strings of a row or for all rows.
#[derive(Clone, Copy)]
pub(super) enum Texts<'a> {
    /// One a row.
    Rows(&'a Views),
    /// One for all.
    Constant(&'a Views),
}

impl<'a> Texts<'a> {
    pub(super) fn of(vector: &'a Vector) -> Result<Self> {
        match (vector.data(), core(vector).data()) {
            (Data::Constant(_), Data::Views(views)) => Ok(Self::Constant(views)),
            (_, Data::Views(views)) => Ok(Self::Rows(views)),
            _ => Err(layout()),
        }
    }

    #[inline]
    pub(super) fn get(&self, row: usize) -> &'a [u8] {
        match self {
            Self::Rows(views) => views.get(row),
            Self::Constant(views) => views.get(0),
        }
    }

    /// The text of row `row`; bytes of text columns are valid UTF-8.
    #[inline]
    pub(super) fn text(&self, row: usize) -> &'a str {
        std::str::from_utf8(self.get(row)).unwrap_or_default()
    }
}

/// Bits of a BOOLEAN, or one bit for all rows.
pub(super) fn bits(vector: &Vector, rows: usize) -> Result<SliceMut<u64>> {
    match (vector.data(), core(vector).data()) {
        (Data::Constant(_), Data::Boolean(one)) => {
            mask::words_of(&Bitmap::filled(one.get(0), rows))
        }
        (_, Data::Boolean(bits)) => mask::words_of(bits),
        _ => Err(layout()),
    }
}

/// A BOOLEAN vector of any kind as a predicate's answers.
pub(super) fn truth(vector: &Vector) -> Result<Truth> {
    let rows = vector.len();
    if let Data::Null = vector.data() {
        return Truth::unknown(rows);
    }
    let vector = flat(vector)?;
    Ok(Truth { words: bits(&vector, rows)?, validity: vector.validity().cloned() })
}

/// Rows in which every vector is present; `None` if all rows are.
pub(super) fn validity_of(vectors: &[Vector]) -> Result<Option<Bitmap>> {
    let mut all: Option<Bitmap> = None;
    for vector in vectors {
        if let Data::Null = vector.data() {
            return Ok(Some(Bitmap::filled(false, vector.len())));
        }
        all = mask::both_valid(all.as_ref(), vector.validity())?;
    }
    Ok(all)
}

/// Rows that are selected and present: those that may raise errors.
pub(super) fn meant(selection: &Selection, validity: Option<&Bitmap>) -> Result<Bitmap> {
    match validity {
        Some(validity) => mask::and(&selection.mask(), validity),
        None => Ok(selection.mask()),
    }
}

/// Runs `$body` with `$native` as the type in which `$vector` keeps its integers.
macro_rules! with_integer {
    ($vector:expr, $native:ident => $body:expr, else $other:expr) => {
        match $crate::expr::evaluate::operand::core($vector).data() {
            Data::Int8(_) => {
                type $native = i8;
                $body
            }
            Data::Int16(_) => {
                type $native = i16;
                $body
            }
            Data::Int32(_) => {
                type $native = i32;
                $body
            }
            Data::Int64(_) => {
                type $native = i64;
                $body
            }
            Data::Int128(_) => {
                type $native = i128;
                $body
            }
            Data::UInt8(_) => {
                type $native = u8;
                $body
            }
            Data::UInt16(_) => {
                type $native = u16;
                $body
            }
            Data::UInt32(_) => {
                type $native = u32;
                $body
            }
            Data::UInt64(_) => {
                type $native = u64;
                $body
            }
            _ => $other,
        }
    };
}
/// Runs `$body` with `$native` as the type in which `$vector` keeps its plain values, integers or floats, except halves.
macro_rules! with_native {
    ($vector:expr, $native:ident => $body:expr, else $other:expr) => {
        match $crate::expr::evaluate::operand::core($vector).data() {
            Data::Float32(_) => {
                type $native = f32;
                $body
            }
            Data::Float64(_) => {
                type $native = f64;
                $body
            }
            _ => $crate::expr::evaluate::operand::with_integer!(
                $vector, $native => $body, else $other
            ),
        }
    };
}

pub(super) use {with_integer, with_native};
