//! Functions of structs and lists.
//!
//! In: nested vectors. Out: fields as they lie there, elements picked out of the child.

use millwork_codecs::buffer::{Bitmap, SliceMut};
use millwork_format::vector::{Cell, Data, Vector};

use super::super::Function;
use super::{choose, operand};
use crate::error::Result;
use crate::kernel::mask;

pub(super) fn apply(function: &Function, values: &[Vector], rows: usize) -> Result<Vector> {
    let value = values.first().ok_or_else(operand::layout)?;
    let value = &match value.data() {
        Data::Constant(_) => value.flatten()?,
        _ => value.clone(),
    };
    match (function, value.data()) {
        (Function::StructField(index), Data::Struct(children)) => {
            let child = children.get(*index).ok_or_else(operand::layout)?;
            match value.validity() {
                Some(present) if !matches!(child.data(), Data::Null) => {
                    choose::within(child, present)
                }
                _ => Ok(child.clone()),
            }
        }
        (Function::ListLength, Data::List(list)) => {
            let mut out = SliceMut::<i64>::scratch(rows)?;
            for (slot, ends) in out.iter_mut().zip(list.offsets().windows(2)) {
                *slot = i64::from(ends[1] - ends[0]);
            }
            let data = Data::Int64(out.freeze());
            Ok(Vector::new(data, value.validity().cloned(), rows)?)
        }
        (Function::ListElement, Data::List(list)) => {
            let index = values.get(1).ok_or_else(operand::layout)?;
            let mut picked = vec![0u32; rows];
            let mut found = vec![false; rows];
            for row in (0..rows).filter(|row| value.is_valid(*row)) {
                let Cell::Integer(index) = index.cell(row) else { continue };
                let range = list.range(row);
                let length = range.len() as i128;
                // Negative positions count from the end.
                let position = if index < 0 { index + length } else { index - 1 };
                if (0..length).contains(&position) {
                    picked[row] = (range.start + position as usize) as u32;
                    found[row] = true;
                }
            }
            if list.child().is_empty() {
                return Ok(Vector::null(rows));
            }
            let taken = list.child().take(&picked)?;
            if let Data::Null = taken.data() {
                return Ok(taken);
            }
            let found = Bitmap::from_bools(&found);
            let validity = mask::both_valid(taken.validity(), Some(&found))?;
            match taken.data() {
                Data::Constant(_) => choose::within(&taken, &found),
                _ => Ok(taken.with_validity(validity)?),
            }
        }
        _ => Err(operand::layout()),
    }
}
