//! Encoded values to flat data, all of them or those under a mask.

use std::sync::Arc;

use bytemuck::Pod;
use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::{BitmapMut, Buffer, BufferMut, Slice, SliceMut, View};
use millwork_codecs::encoding::dictionary::DictionaryCodes;
use millwork_codecs::encoding::plain::{PlainBoolean, PlainByteArray, PlainDecoder};
use millwork_codecs::kernel::Code;

use super::{ColumnShape, convert, text};
use crate::error::{Error, Feature, Result};
use crate::metadata::{Encoding, PhysicalType};
use crate::page::DataPage;
use crate::types::{DataType, Storage};
use crate::vector::{Codes, Data, Dictionary, Vector, Views};

/// Which of the next values are wanted.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wanted<'a> {
    /// The next so many.
    All(usize),
    /// Of the next `values` those whose bit in `mask` is 1, `count` in all.
    Masked { mask: &'a [u64], values: usize, count: usize },
}

impl Wanted<'_> {
    fn count(self) -> usize {
        match self {
            Self::All(count) | Self::Masked { count, .. } => count,
        }
    }
}

/// A position in the encoded values of one page.
#[derive(Clone, Debug)]
pub(super) enum ValueDecoder {
    Boolean(PlainBoolean),
    Fixed(PlainDecoder),
    Bytes(PlainByteArray, Arc<[Buffer]>),
    Codes(DictionaryCodes, Arc<Dictionary>),
}

impl ValueDecoder {
    /// A decoder at the first value of `page`.
    pub(super) fn new(
        page: &DataPage,
        shape: &ColumnShape,
        dictionary: Option<&Arc<Dictionary>>,
    ) -> Result<Self> {
        match page.encoding {
            Encoding::Plain => Self::plain(page.values.clone(), shape),
            Encoding::RleDictionary | Encoding::PlainDictionary => {
                let Some(dictionary) = dictionary else {
                    return Err(Error::corrupt("a dictionary-encoded page without a dictionary"));
                };
                let entries = dictionary.len() as u32;
                let codes = DictionaryCodes::new(page.values.clone(), entries, page.value_count)?;
                Ok(Self::Codes(codes, Arc::clone(dictionary)))
            }
            other => Err(Error::unsupported(Feature::Encoding(other.name().to_string().into()))),
        }
    }

    fn plain(values: Buffer, shape: &ColumnShape) -> Result<Self> {
        Ok(match shape.physical {
            PhysicalType::Boolean => Self::Boolean(PlainBoolean::new(values)),
            PhysicalType::ByteArray => {
                let buffers = Arc::from([values.clone()]);
                Self::Bytes(PlainByteArray::new(values), buffers)
            }
            _ => Self::Fixed(PlainDecoder::new(values, shape.plain_width().unwrap_or(0))?),
        })
    }

    /// Whether values come as codes of a dictionary.
    pub(super) fn is_codes(&self) -> bool {
        matches!(self, Self::Codes(..))
    }

    /// Passes over the next `count` values.
    pub(super) fn skip(&mut self, count: usize) -> Result<()> {
        if count > 0 {
            match self {
                Self::Boolean(decoder) => decoder.skip(count)?,
                Self::Fixed(decoder) => decoder.skip(count)?,
                Self::Bytes(decoder, _) => decoder.skip(count)?,
                Self::Codes(decoder, _) => decoder.skip(count)?,
            }
        }
        Ok(())
    }

    /// The wanted of the next values; passes over the others.
    pub(super) fn decode(&mut self, shape: &ColumnShape, wanted: Wanted<'_>) -> Result<Data> {
        match self {
            Self::Boolean(decoder) => {
                let mut bits = BitmapMut::with_capacity(wanted.count())?;
                match wanted {
                    Wanted::All(count) => decoder.decode(count, &mut bits)?,
                    Wanted::Masked { mask, values, .. } => {
                        decoder.decode_masked(mask, values, &mut bits)?;
                    }
                }
                Ok(Data::Boolean(bits.freeze()))
            }
            Self::Fixed(decoder) => decode_fixed(decoder, shape, wanted),
            Self::Bytes(decoder, buffers) => decode_bytes(decoder, buffers, shape, wanted),
            Self::Codes(decoder, dictionary) => {
                let codes = match decoder.bit_width() {
                    0..=8 => Codes::U8(decode_codes(decoder, wanted)?),
                    9..=16 => Codes::U16(decode_codes(decoder, wanted)?),
                    _ => Codes::U32(decode_codes(decoder, wanted)?),
                };
                Ok(Data::Dictionary(codes, Arc::clone(dictionary)))
            }
        }
    }
}

fn decode_codes<C: Code>(decoder: &mut DictionaryCodes, wanted: Wanted<'_>) -> Result<Slice<C>> {
    let mut codes = SliceMut::<C>::scratch(wanted.count())?;
    match wanted {
        Wanted::All(_) => decoder.decode(&mut codes)?,
        Wanted::Masked { mask, values, .. } => {
            decoder.decode_masked(mask, values, &mut codes)?;
        }
    }
    Ok(codes.freeze())
}

/// Values as they lie in the page: shared with it where they are aligned, else copied once.
fn decode_native<T: Pod>(decoder: &mut PlainDecoder, wanted: Wanted<'_>) -> Result<Slice<T>> {
    match wanted {
        Wanted::All(count) => {
            let in_page = decoder.decode_shared(count)?;
            if let Some(aligned) = Slice::from_buffer(in_page.clone()) {
                return Ok(aligned);
            }
            Slice::from_buffer(Buffer::scratch_copy_of(&in_page)?)
                .ok_or_else(|| Error::internal("a fresh copy is aligned"))
        }
        Wanted::Masked { mask, values: of, count } => {
            let mut values = SliceMut::<T>::scratch(count)?;
            decoder.decode_masked(mask, of, &mut values)?;
            Ok(values.freeze())
        }
    }
}

fn decode_fixed(
    decoder: &mut PlainDecoder,
    shape: &ColumnShape,
    wanted: Wanted<'_>,
) -> Result<Data> {
    match shape.physical {
        PhysicalType::Int32 => {
            convert::from_int32(decode_native(decoder, wanted)?, &shape.data_type)
        }
        PhysicalType::Int64 => {
            convert::from_int64(decode_native(decoder, wanted)?, &shape.data_type)
        }
        PhysicalType::Float => Ok(Data::Float32(decode_native(decoder, wanted)?)),
        PhysicalType::Double => Ok(Data::Float64(decode_native(decoder, wanted)?)),
        _ => {
            let width_bytes = decoder.width_bytes();
            let mut bytes = BufferMut::scratch(wanted.count().saturating_mul(width_bytes))?;
            match wanted {
                Wanted::All(_) => decoder.decode_bytes(bytes.as_mut_slice())?,
                Wanted::Masked { mask, values, .. } => {
                    decoder.decode_masked_bytes(mask, values, bytes.as_mut_slice())?;
                }
            }
            fixed_data(bytes.freeze(), width_bytes, &shape.data_type)
        }
    }
}

/// Values of a fixed number of bytes as `data_type` is stored.
fn fixed_data(bytes: Buffer, width_bytes: usize, data_type: &DataType) -> Result<Data> {
    match data_type.storage() {
        Storage::Fixed(_) => Ok(Data::Fixed { width_bytes, bytes }),
        Storage::Float16 => Slice::from_buffer(bytes)
            .map(Data::Float16)
            .ok_or_else(|| Error::internal("misaligned halves")),
        Storage::Int64 | Storage::Int128 => {
            convert::from_big_endian(bytes.chunks_exact(width_bytes), data_type)
        }
        other => Err(Error::internal(format!("fixed bytes stored as {other:?}"))),
    }
}

fn decode_bytes(
    decoder: &mut PlainByteArray,
    buffers: &Arc<[Buffer]>,
    shape: &ColumnShape,
    wanted: Wanted<'_>,
) -> Result<Data> {
    let mut views = SliceMut::<View>::scratch(wanted.count())?;
    let start = decoder.position();
    match wanted {
        Wanted::All(_) => decoder.decode(0, &mut views)?,
        Wanted::Masked { mask, values, .. } => {
            decoder.decode_masked(mask, values, 0, &mut views)?;
        }
    }
    let views = Views::new(views.freeze(), Arc::clone(buffers));
    if shape.data_type.is_text() {
        text::check(&views, &buffers[0], start..decoder.position())?;
    }
    match shape.data_type.storage() {
        Storage::Int64 | Storage::Int128 => {
            convert::from_big_endian(views.iter(), &shape.data_type)
        }
        _ => Ok(Data::Views(views)),
    }
}

/// The entries of a dictionary page: `entries` PLAIN values in `body`. Their memory is taken from
/// `budget`: four bytes of the body may be a view of sixteen.
///
/// # Errors
/// `Corrupt` or `Truncated` if the body does not hold them; `LimitExceeded` if memory is refused.
pub fn decode_dictionary(
    body: Buffer,
    entries: usize,
    shape: &ColumnShape,
    budget: &Budget,
) -> Result<Dictionary> {
    // Each entry takes at least four bytes (a length), an eighth (a boolean), or its width: a claim
    // beyond that is refused before anything is allocated from it.
    let possible = match shape.plain_width() {
        Some(width) => body.len().checked_div(width).unwrap_or(0),
        None if shape.physical == PhysicalType::Boolean => body.len().saturating_mul(8),
        None => body.len() / 4,
    };
    if entries > possible {
        return Err(Error::corrupt(format!(
            "a dictionary of {entries} entries in {} bytes",
            body.len()
        )));
    }
    let entry_bytes = match shape.physical {
        PhysicalType::Boolean => 1,
        _ => shape.plain_width().unwrap_or(size_of::<View>()),
    };
    let memory = budget.reserve((entries as u64).saturating_mul(entry_bytes as u64))?;
    let mut decoder = ValueDecoder::plain(body, shape)?;
    let data = decoder.decode(shape, Wanted::All(entries))?;
    Ok(Dictionary::new(Vector::new(data, None, entries)?)?.holding(memory))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{ErrorKind, Limit};

    #[test]
    fn a_dictionary_of_empty_strings_keeps_to_the_budget() {
        let physical = PhysicalType::ByteArray;
        let data_type = DataType::Utf8;
        let shape = ColumnShape { physical, type_length: 0, nullable: false, data_type };
        let entries = 1 << 18;
        let budget = Budget::new(2 << 20);
        let body = || Buffer::copy_of(&vec![0; 4 * entries], &budget).unwrap();
        let read = decode_dictionary(body(), entries, &shape, &budget);
        assert_eq!(*read.unwrap_err().kind(), ErrorKind::LimitExceeded(Limit::Memory));
        let read = decode_dictionary(body(), 1 << 15, &shape, &budget).unwrap();
        assert!(budget.reserved() >= (4 * entries + (16 << 15)) as u64);
        drop(read);
        assert_eq!(budget.reserved(), 0);
    }
}
