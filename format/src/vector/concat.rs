//! Putting vectors of one type behind one another.

use std::mem::discriminant;
use std::sync::Arc;

use bytemuck::Pod;
use millwork_codecs::buffer::{Bitmap, BitmapMut, Buffer, BufferMut, Slice, SliceMut, View};

use super::{Codes, Data, Dictionary, List, Vector, Views, with_plain};
use crate::error::{Error, Result};

/// The rows of all `parts`, in order. Parts with codes of one dictionary stay codes; decimals of both
/// widths become the wide one; an empty list of parts gives no rows.
///
/// # Errors
/// `Internal` if the parts are of different types; or if memory is refused.
pub fn concat(parts: &[Vector]) -> Result<Vector> {
    let len = parts.iter().map(Vector::len).sum();
    let [first, rest @ ..] = parts else { return Ok(Vector::null(0)) };
    if rest.is_empty() {
        return Ok(first.clone());
    }
    let validity = concat_validity(parts, len)?;
    if let Some(dictionary) = shared_dictionary(parts) {
        return Vector::new(Data::Dictionary(concat_codes(parts, len)?, dictionary), validity, len);
    }
    let flat: Result<Vec<Vector>> = parts.iter().map(Vector::flatten).collect();
    let flat = equal_widths(flat?)?;
    // The first part with values decides the layout; nulls take any.
    let Some(model) = flat.iter().find(|part| !matches!(part.data(), Data::Null)) else {
        return Ok(Vector::null(len));
    };
    let data = match model.data() {
        Data::Boolean(_) => Data::Boolean(concat_booleans(&flat, len)?),
        Data::Fixed { width_bytes, .. } => concat_fixed(&flat, *width_bytes, len)?,
        Data::Views(_) => Data::Views(concat_views(&flat, len)?),
        Data::List(_) => Data::List(concat_lists(&flat, len)?),
        Data::Struct(children) => {
            let join = |field| {
                let parts: Result<Vec<Vector>> =
                    flat.iter().map(|part| struct_child(part, field)).collect();
                concat(&parts?)
            };
            Data::Struct((0..children.len()).map(join).collect::<Result<_>>()?)
        }
        plain => with_plain!(
            plain,
            |values, rebuild| rebuild(concat_plain(values, plain, &flat, len)?),
            else return Err(mixed())
        ),
    };
    Vector::new(data, validity, len)
}

fn mixed() -> Error {
    Error::internal("vectors of different layouts cannot be put behind one another")
}

/// Widens `i64` parts where another part is `i128`.
fn equal_widths(mut parts: Vec<Vector>) -> Result<Vec<Vector>> {
    if !parts.iter().any(|part| matches!(part.data(), Data::Int128(_))) {
        return Ok(parts);
    }
    for part in &mut parts {
        if let Data::Int64(values) = part.data() {
            let wide: Vec<i128> = values.iter().map(|value| i128::from(*value)).collect();
            let data = Data::Int128(Slice::copy_of(&wide));
            *part = Vector::new(data, part.validity().cloned(), part.len())?;
        }
    }
    Ok(parts)
}

fn concat_plain<T: Pod>(
    _of_type: &Slice<T>,
    model: &Data,
    parts: &[Vector],
    len: usize,
) -> Result<Slice<T>> {
    let mut all = SliceMut::<T>::scratch(len)?;
    let mut filled = 0;
    for part in parts {
        if discriminant(part.data()) == discriminant(model) {
            with_plain!(part.data(), |values, rebuild| {
                let values = bytemuck::try_cast_slice::<_, T>(values).map_err(|_| mixed())?;
                all[filled..filled + values.len()].copy_from_slice(values);
            }, else return Err(mixed()));
        } else if !matches!(part.data(), Data::Null) {
            return Err(mixed());
        }
        filled += part.len();
    }
    Ok(all.freeze())
}

fn concat_validity(parts: &[Vector], len: usize) -> Result<Option<Bitmap>> {
    if parts.iter().all(|part| part.null_count() == 0) {
        return Ok(None);
    }
    let mut bits = BitmapMut::with_capacity(len)?;
    for part in parts {
        match (part.data(), part.validity()) {
            (Data::Null, _) => bits.append_run(false, part.len())?,
            (_, Some(validity)) => bits.append_words(validity.words(), 0, part.len())?,
            (_, None) => bits.append_run(true, part.len())?,
        }
    }
    Ok(Some(bits.freeze()))
}

fn shared_dictionary(parts: &[Vector]) -> Option<Arc<Dictionary>> {
    let mut shared: Option<&Arc<Dictionary>> = None;
    for part in parts {
        match (part.data(), shared) {
            (Data::Dictionary(_, dictionary), None) => shared = Some(dictionary),
            (Data::Dictionary(_, dictionary), Some(known)) if dictionary.id() == known.id() => {}
            (Data::Null, _) => {}
            _ => return None,
        }
    }
    shared.cloned()
}

fn concat_codes(parts: &[Vector], len: usize) -> Result<Codes> {
    let codes_of = |part: &Vector| match part.data() {
        Data::Dictionary(codes, _) => Some(codes.clone()),
        _ => None,
    };
    let mut filled = 0;
    if parts.iter().filter_map(codes_of).all(|codes| matches!(codes, Codes::U8(_))) {
        let mut joined = SliceMut::<u8>::scratch(len)?;
        for part in parts {
            if let Some(Codes::U8(codes)) = codes_of(part) {
                joined[filled..filled + codes.len()].copy_from_slice(&codes);
            }
            filled += part.len();
        }
        return Ok(Codes::U8(joined.freeze()));
    }
    let mut joined = SliceMut::<u32>::scratch(len)?;
    for part in parts {
        if let Some(codes) = codes_of(part) {
            joined[filled..filled + codes.len()].copy_from_slice(&codes.widened());
        }
        filled += part.len();
    }
    Ok(Codes::U32(joined.freeze()))
}

fn concat_booleans(parts: &[Vector], len: usize) -> Result<Bitmap> {
    let mut bits = BitmapMut::with_capacity(len)?;
    for part in parts {
        match part.data() {
            Data::Boolean(values) => bits.append_words(values.words(), 0, part.len())?,
            Data::Null => bits.append_run(false, part.len())?,
            _ => return Err(mixed()),
        }
    }
    Ok(bits.freeze())
}

fn concat_fixed(parts: &[Vector], width_bytes: usize, len: usize) -> Result<Data> {
    let mut all = BufferMut::scratch(len.saturating_mul(width_bytes))?;
    let mut filled = 0;
    for part in parts {
        match part.data() {
            Data::Fixed { width_bytes: width, bytes } if *width == width_bytes => {
                all.as_mut_slice()[filled..filled + bytes.len()].copy_from_slice(bytes);
            }
            Data::Null => {}
            _ => return Err(mixed()),
        }
        filled += part.len() * width_bytes;
    }
    Ok(Data::Fixed { width_bytes, bytes: all.freeze() })
}

fn concat_views(parts: &[Vector], len: usize) -> Result<Views> {
    let mut views = SliceMut::<View>::scratch(len)?;
    let mut buffers: Vec<Buffer> = Vec::new();
    let mut filled = 0;
    for part in parts {
        match part.data() {
            Data::Views(strings) => {
                let by = match same_tail(&buffers, strings.buffers()) {
                    Some(start) => start,
                    None => {
                        buffers.extend(strings.buffers().iter().cloned());
                        buffers.len() - strings.buffers().len()
                    }
                };
                let target = &mut views[filled..filled + part.len()];
                for (slot, view) in target.iter_mut().zip(strings.views().iter()) {
                    *slot = view.shift_buffer(by as u32);
                }
            }
            Data::Null => {}
            _ => return Err(mixed()),
        }
        filled += part.len();
    }
    Ok(Views::new(views.freeze(), buffers.into()))
}

/// Where `buffers` ends with just those of `next`: parts cut from one vector share them.
fn same_tail(buffers: &[Buffer], next: &[Buffer]) -> Option<usize> {
    let start = buffers.len().checked_sub(next.len())?;
    buffers[start..].iter().zip(next).all(|(a, b)| a.is_same(b)).then_some(start)
}

fn concat_lists(parts: &[Vector], len: usize) -> Result<List> {
    let mut offsets = SliceMut::<i32>::scratch(len + 1)?;
    let mut children = Vec::new();
    let (mut filled, mut elements) = (0, 0i32);
    for part in parts {
        match part.data() {
            Data::List(list) => {
                let used = list.offsets().last().copied().unwrap_or(0);
                for (slot, end) in offsets[filled + 1..].iter_mut().zip(&list.offsets()[1..]) {
                    *slot = List::offset(elements as usize + *end as usize)?;
                }
                children.push(list.child().slice(0, used as usize)?);
                elements += used;
            }
            Data::Null => offsets[filled + 1..filled + 1 + part.len()].fill(elements),
            _ => return Err(mixed()),
        }
        filled += part.len();
    }
    List::new(offsets.freeze(), concat(&children)?)
}

fn struct_child(part: &Vector, field: usize) -> Result<Vector> {
    match part.data() {
        Data::Struct(children) => children.get(field).cloned().ok_or_else(mixed),
        Data::Null => Ok(Vector::null(part.len())),
        _ => Err(mixed()),
    }
}
