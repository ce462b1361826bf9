//! Spreading values over rows with nulls.
//!
//! Pages keep only the values that are present. [`spread`] puts them into the rows whose validity bit
//! is 1 and zero into the others.

use bytemuck::Pod;
use millwork_codecs::buffer::{Bitmap, BitmapMut, BufferMut, Slice, SliceMut};
use millwork_codecs::kernel::expand;

use crate::error::{Error, Limit, Result};
use crate::vector::{Codes, Data, Views};

/// Bytes of values of a fixed width, and of the nulls between them, that are made at once.
const MOST_FIXED_BYTES: usize = 256 << 20;

/// `data`, whose values are those of the rows with a 1 in `validity`, as one value a row.
///
/// # Errors
/// If memory is refused.
pub(super) fn spread(data: Data, validity: &Bitmap) -> Result<Data> {
    macro_rules! plain {
        ($values:expr, $kind:ident) => {
            Data::$kind(spread_plain(&$values, validity)?)
        };
    }
    Ok(match data {
        Data::Boolean(bits) => Data::Boolean(spread_bits(&bits, validity)?),
        Data::Int8(values) => plain!(values, Int8),
        Data::Int16(values) => plain!(values, Int16),
        Data::Int32(values) => plain!(values, Int32),
        Data::Int64(values) => plain!(values, Int64),
        Data::Int128(values) => plain!(values, Int128),
        Data::UInt8(values) => plain!(values, UInt8),
        Data::UInt16(values) => plain!(values, UInt16),
        Data::UInt32(values) => plain!(values, UInt32),
        Data::UInt64(values) => plain!(values, UInt64),
        Data::Float16(values) => plain!(values, Float16),
        Data::Float32(values) => plain!(values, Float32),
        Data::Float64(values) => plain!(values, Float64),
        Data::Fixed { width_bytes, bytes } => {
            let all = validity.len().saturating_mul(width_bytes);
            // A null takes as much as a value, and a file may claim any width.
            if all > MOST_FIXED_BYTES {
                return Err(Error::limit(
                    Limit::BatchBytes,
                    format!("{} rows of {width_bytes} bytes, nulls among them", validity.len()),
                ));
            }
            let mut rows = BufferMut::scratch(all)?;
            let target = rows.as_mut_slice();
            for (row, value) in validity.ones().zip(bytes.chunks_exact(width_bytes)) {
                target[row * width_bytes..][..width_bytes].copy_from_slice(value);
            }
            Data::Fixed { width_bytes, bytes: rows.freeze() }
        }
        Data::Views(views) => {
            Data::Views(Views::new(spread_plain(views.views(), validity)?, views.buffers().clone()))
        }
        Data::Dictionary(codes, dictionary) => {
            let codes = match codes {
                Codes::U8(codes) => Codes::U8(spread_plain(&codes, validity)?),
                Codes::U16(codes) => Codes::U16(spread_plain(&codes, validity)?),
                Codes::U32(codes) => Codes::U32(spread_plain(&codes, validity)?),
            };
            Data::Dictionary(codes, dictionary)
        }
        Data::Null | Data::Constant(_) | Data::List(_) | Data::Struct(_) => {
            return Err(Error::internal("values of a page that are not flat"));
        }
    })
}

fn spread_plain<T: Pod>(values: &[T], validity: &Bitmap) -> Result<Slice<T>> {
    if validity.count_ones() > values.len() {
        return Err(Error::internal("fewer values than rows that are present"));
    }
    let mut rows = SliceMut::<T>::to_fill(validity.len())?;
    expand(values, validity.words(), &mut rows);
    Ok(rows.freeze())
}

fn spread_bits(values: &Bitmap, validity: &Bitmap) -> Result<Bitmap> {
    let mut rows = BitmapMut::with_capacity(validity.len())?;
    let mut used = 0;
    for (index, word) in validity.words().iter().enumerate() {
        let (mut bits, mut out) = (*word, 0u64);
        while bits != 0 {
            out |= u64::from(values.get(used)) << bits.trailing_zeros();
            used += 1;
            bits &= bits - 1;
        }
        rows.append_words(&[out], 0, (validity.len() - index * 64).min(64))?;
    }
    Ok(rows.freeze())
}
