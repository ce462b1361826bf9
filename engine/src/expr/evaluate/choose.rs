//! Rows of one vector or of another, by a mask: what CASE, COALESCE and GREATEST come down to.
//!
//! In: two vectors of one type, of any kind, and a mask. Out: a flat vector.

use std::sync::Arc;

use bytemuck::Pod;
use millwork_codecs::buffer::{Bitmap, Buffer, Slice, SliceMut, View};
use millwork_format::vector::{Data, Native, Vector, Views, concat};

use super::operand::{self, with_native};
use crate::error::Result;
use crate::kernel::arithmetic::Operand;
use crate::kernel::lanes::{blend, map};
use crate::kernel::mask;

/// Row `i` is that of `yes` where bit `i` of `chosen` is 1, else that of `no`.
pub(super) fn choose(chosen: &Bitmap, yes: &Vector, no: &Vector) -> Result<Vector> {
    let rows = chosen.len();
    let ones = chosen.count_ones();
    if ones == rows {
        return Ok(yes.clone());
    }
    if ones == 0 {
        return Ok(no.clone());
    }
    match (yes.data(), no.data()) {
        (Data::Null, Data::Null) => return Ok(Vector::null(rows)),
        (Data::Null, _) => return within(no, &mask::not(chosen)?),
        (_, Data::Null) => return within(yes, chosen),
        _ => {}
    }
    let validity = match (yes.validity(), no.validity()) {
        (None, None) => None,
        (yes, no) => {
            let all = Bitmap::filled(true, rows);
            let from_yes = mask::and(chosen, yes.unwrap_or(&all))?;
            let from_no = mask::and_not(no.unwrap_or(&all), chosen)?;
            Some(mask::or(&from_yes, &from_no)?)
        }
    };
    let (yes, no) = (operand::flat(yes)?, operand::flat(no)?);
    let (yes, no) = (widened(&yes, &no)?, widened(&no, &yes)?);
    let data = match (operand::core(&yes).data(), operand::core(&no).data()) {
        (Data::Boolean(_), _) => {
            let (mut out, no) = (operand::bits(&yes, rows)?, operand::bits(&no, rows)?);
            for ((out, no), chosen) in out.iter_mut().zip(no.iter()).zip(chosen.words()) {
                *out = *out & chosen | no & !chosen;
            }
            Data::Boolean(mask::bitmap(out, rows)?)
        }
        (Data::Views(a), Data::Views(b)) => Data::Views(choose_views(chosen, (&yes, a), (&no, b))?),
        _ => with_native!(&yes, T => {
            let (yes, no) = (operand::expect::<T>(&yes)?, operand::expect::<T>(&no)?);
            T::into_data(choose_plain(chosen, yes, no)?)
        }, else return choose_any(chosen, &yes, &no)),
    };
    Ok(Vector::new(data, validity, rows)?)
}

/// The vector with nulls outside `kept`.
pub(super) fn within(vector: &Vector, kept: &Bitmap) -> Result<Vector> {
    let validity = mask::both_valid(vector.validity(), Some(kept))?;
    // Constants carry no validity.
    let vector = match vector.data() {
        Data::Constant(_) => vector.flatten()?,
        _ => vector.clone(),
    };
    Ok(vector.with_validity(validity)?)
}

/// `vector` in 128 bits if it is kept in 64 and `other` in 128.
fn widened(vector: &Vector, other: &Vector) -> Result<Vector> {
    match (operand::typed::<i64>(vector), operand::core(other).data()) {
        (Some(narrow), Data::Int128(_)) => {
            let mut wide = SliceMut::<i128>::scratch(vector.len())?;
            match narrow {
                Operand::Values(values) => map(values, &mut wide, i128::from),
                Operand::Constant(value) => wide.fill(value.into()),
            }
            let data = Data::Int128(wide.freeze());
            Ok(Vector::new(data, vector.validity().cloned(), vector.len())?)
        }
        _ => Ok(vector.clone()),
    }
}

fn choose_plain<T: Pod>(
    chosen: &Bitmap,
    yes: Operand<'_, T>,
    no: Operand<'_, T>,
) -> Result<Slice<T>> {
    let mut out = SliceMut::<T>::scratch(chosen.len())?;
    let words = chosen.words();
    match (yes, no) {
        (Operand::Values(a), Operand::Values(b)) => {
            blend(words, |row| a[row], |row| b[row], &mut out);
        }
        (Operand::Values(a), Operand::Constant(b)) => blend(words, |row| a[row], |_| b, &mut out),
        (Operand::Constant(a), Operand::Values(b)) => blend(words, |_| a, |row| b[row], &mut out),
        (Operand::Constant(a), Operand::Constant(b)) => blend(words, |_| a, |_| b, &mut out),
    }
    Ok(out.freeze())
}

fn choose_views(
    chosen: &Bitmap,
    (yes, a): (&Vector, &Views),
    (no, b): (&Vector, &Views),
) -> Result<Views> {
    let operand = |vector: &Vector, views: &Views| match vector.data() {
        Data::Constant(_) => views.views().first().copied(),
        _ => None,
    };
    let (buffers, shift): (Arc<[Buffer]>, u32) = if Arc::ptr_eq(a.buffers(), b.buffers()) {
        (Arc::clone(a.buffers()), 0)
    } else {
        let both = a.buffers().iter().chain(b.buffers().iter()).cloned().collect();
        (both, a.buffers().len() as u32)
    };
    let (one_a, one_b) = (operand(yes, a), operand(no, b));
    let (a, b) = (a.views().as_slice(), b.views().as_slice());
    let mut out = SliceMut::<View>::scratch(chosen.len())?;
    blend(
        chosen.words(),
        |row| one_a.unwrap_or_else(|| a[row]),
        |row| one_b.unwrap_or_else(|| b[row]).shift_buffer(shift),
        &mut out,
    );
    Ok(Views::new(out.freeze(), buffers))
}

/// Layouts without a blend: both behind one another, then the rows picked.
fn choose_any(chosen: &Bitmap, yes: &Vector, no: &Vector) -> Result<Vector> {
    let rows = chosen.len() as u32;
    let both = concat(&[yes.flatten()?, no.flatten()?])?;
    let picked: Vec<u32> =
        (0..rows).map(|row| if chosen.get(row as usize) { row } else { rows + row }).collect();
    Ok(both.take(&picked)?)
}
