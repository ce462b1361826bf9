//! Byte arrays out of any decoder that has them: views of the page, or of memory of their own.

use std::ops::Range;
use std::sync::Arc;

use millwork_codecs::Result as DecodeResult;
use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::{Buffer, BufferMut, SliceMut, View};
use millwork_codecs::encoding::delta_byte_array::DeltaByteArray;
use millwork_codecs::encoding::delta_length_byte_array::DeltaLengthByteArray;
use millwork_codecs::encoding::plain::PlainByteArray;

use super::wanted::Wanted;
use super::{ColumnShape, convert, text};
use crate::error::{Error, Result};
use crate::metadata::PhysicalType;
use crate::types::{DataType, Storage};
use crate::vector::{Data, Views};

/// A decoder of byte arrays that lie in their page as they are.
pub(super) trait InPage {
    /// Where the next value starts, or the length in front of it.
    fn position(&self) -> usize;

    /// Fills `out` with views of the next values.
    fn all(&mut self, out: &mut [View]) -> DecodeResult<()>;

    /// Of the next `values` values views of those whose bit in `mask` is 1, to the front of `out`.
    fn masked(&mut self, mask: &[u64], values: usize, out: &mut [View]) -> DecodeResult<usize>;
}

/// The wanted values; those of more than a few bytes lie in `buffers`, which is the one of the decoder.
pub(super) fn decode_in_page(
    decoder: &mut impl InPage,
    buffers: &Arc<[Buffer]>,
    shape: &ColumnShape,
    wanted: Wanted<'_>,
) -> Result<Data> {
    let mut views = SliceMut::<View>::to_fill(wanted.count())?;
    let start = decoder.position();
    match wanted {
        Wanted::All(_) => decoder.all(&mut views)?,
        Wanted::Masked { mask, values, count } => {
            if decoder.masked(mask, values, &mut views)? != count {
                return Err(Error::internal("a mask of another number of values"));
            }
        }
    }
    byte_arrays(views, Arc::clone(buffers), start..decoder.position(), shape)
}

/// The wanted values, put together in memory of `budget`.
pub(super) fn decode_built(
    decoder: &mut DeltaByteArray,
    budget: &Budget,
    shape: &ColumnShape,
    wanted: Wanted<'_>,
) -> Result<Data> {
    let width_bytes = shape.type_length as usize;
    let is_stored_as_fixed = shape.physical == PhysicalType::FixedLenByteArray
        && shape.data_type.storage() != Storage::Views;
    if let (Wanted::All(count), true) = (&wanted, is_stored_as_fixed && width_bytes <= NARROW) {
        let mut bytes = BufferMut::scratch(count * width_bytes)?;
        return match decoder.decode_fixed(width_bytes, bytes.as_mut_slice(), budget)? {
            None => convert::from_fixed(bytes.freeze(), width_bytes, &shape.data_type),
            Some(other) => Err(another_width(other, width_bytes)),
        };
    }
    let mut views = SliceMut::<View>::scratch(wanted.count())?;
    let built = match wanted {
        Wanted::All(_) => decoder.decode(&mut views, budget)?,
        Wanted::Masked { mask, values, .. } => {
            decoder.decode_masked(mask, values, &mut views, budget)?.1
        }
    };
    if shape.physical == PhysicalType::FixedLenByteArray
        && let Some(other) = views.iter().find(|view| view.len() != width_bytes)
    {
        return Err(another_width(other.len(), width_bytes));
    }
    if is_stored_as_fixed {
        return fixed_of_views(&views, built, shape);
    }
    let span = 0..built.len();
    byte_arrays(views, Arc::from([built]), span, shape)
}

/// Byte arrays as the column's type is stored. Text is checked: its bytes lie in `span` of the first
/// buffer.
fn byte_arrays(
    views: SliceMut<View>,
    buffers: Arc<[Buffer]>,
    span: Range<usize>,
    shape: &ColumnShape,
) -> Result<Data> {
    let views = Views::new(views.freeze(), buffers);
    if shape.data_type.is_text() {
        text::check(&views, &views.buffers()[0], span)?;
    }
    if let DataType::WideDecimal { .. } = shape.data_type {
        return convert::wide_decimals(views.iter());
    }
    match shape.data_type.storage() {
        Storage::Int64 | Storage::Int128 => {
            convert::from_big_endian(views.iter(), &shape.data_type)
        }
        _ => Ok(Data::Views(views)),
    }
}

/// Bytes of values for which there is room before it is known that they have as many: two views.
const NARROW: usize = 2 * size_of::<View>();

fn another_width(found: usize, width_bytes: usize) -> Error {
    Error::corrupt(format!("a value of {found} bytes where all have {width_bytes}"))
}

/// Byte arrays that are of the column's length, one behind the other. Nothing was allocated from that length before
/// it was checked: a file may claim any.
fn fixed_of_views(views: &[View], built: Buffer, shape: &ColumnShape) -> Result<Data> {
    let width_bytes = shape.type_length as usize;
    let buffers = [built];
    let mut bytes = BufferMut::scratch(views.len().saturating_mul(width_bytes))?;
    let values = bytes.as_mut_slice().chunks_exact_mut(width_bytes.max(1));
    for (value, view) in values.zip(views) {
        value.copy_from_slice(view.bytes(&buffers));
    }
    convert::from_fixed(bytes.freeze(), width_bytes, &shape.data_type)
}

macro_rules! in_page {
    ($($decoder:ty),*) => {$(
        impl InPage for $decoder {
            fn position(&self) -> usize {
                self.position()
            }

            fn all(&mut self, out: &mut [View]) -> DecodeResult<()> {
                self.decode(0, out)
            }

            fn masked(
                &mut self,
                mask: &[u64],
                values: usize,
                out: &mut [View],
            ) -> DecodeResult<usize> {
                self.decode_masked(mask, values, 0, out)
            }
        }
    )*};
}

in_page!(PlainByteArray, DeltaLengthByteArray);
