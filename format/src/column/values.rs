//! Encoded values to flat data, all of them or those under a mask.

use std::cmp::Ordering;
use std::sync::Arc;

use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::{BitmapMut, Buffer, BufferMut, Slice, SliceMut};
use millwork_codecs::encoding::alp::AlpDecoder;
use millwork_codecs::encoding::byte_stream_split::ByteStreamSplitDecoder;
use millwork_codecs::encoding::delta_binary_packed::DeltaDecoder;
use millwork_codecs::encoding::delta_byte_array::DeltaByteArray;
use millwork_codecs::encoding::delta_length_byte_array::DeltaLengthByteArray;
use millwork_codecs::encoding::dictionary::DictionaryCodes;
use millwork_codecs::encoding::hybrid::HybridDecoder;
use millwork_codecs::encoding::plain::{PlainBoolean, PlainByteArray, PlainDecoder};
use millwork_codecs::kernel::Code;

use super::byte_arrays::{decode_built, decode_in_page};
use super::numbers::{FixedBytes, Numbers, decode_numbers};
use super::wanted::Wanted;
use super::{ColumnShape, convert};
use crate::error::{Error, Feature, Result};
use crate::metadata::{Encoding, PhysicalType};
use crate::page::DataPage;
use crate::vector::{Codes, Data, Dictionary, Vector};

/// A position in the encoded values of one page.
#[derive(Clone, Debug)]
pub(super) enum ValueDecoder {
    Boolean(PlainBoolean),
    RleBoolean(HybridDecoder),
    Fixed(PlainDecoder),
    Split(ByteStreamSplitDecoder),
    DeltaInt32(DeltaDecoder<i32>),
    DeltaInt64(DeltaDecoder<i64>),
    AlpFloat(AlpDecoder<f32>),
    AlpDouble(AlpDecoder<f64>),
    Bytes(PlainByteArray, Arc<[Buffer]>),
    LengthBytes(DeltaLengthByteArray, Arc<[Buffer]>),
    /// Values that are put together in memory of the budget.
    BuiltBytes(Box<DeltaByteArray>, Budget),
    Codes(DictionaryCodes, Arc<Dictionary>),
}

impl ValueDecoder {
    /// A decoder at the first value of `page`. Values that do not lie in the page as they are may take
    /// memory from `budget`.
    pub(super) fn new(
        page: &DataPage,
        shape: &ColumnShape,
        dictionary: Option<&Arc<Dictionary>>,
        budget: &Budget,
    ) -> Result<Self> {
        // A page without values may be of any encoding and lack its dictionary, or any bytes at all.
        let is_codes = matches!(page.encoding, Encoding::RleDictionary | Encoding::PlainDictionary);
        if page.value_count == 0 && !(is_codes && dictionary.is_some()) {
            return Self::plain(Buffer::empty(), shape);
        }
        let count = page.value_count;
        let values = if count == 0 { Buffer::empty() } else { page.values.clone() };
        Ok(match (page.encoding, shape.physical) {
            (Encoding::Plain, _) => {
                let values = match shape.plain_width() {
                    Some(width) => plain_of_width(values, count, width, shape.physical, budget)?,
                    None => values,
                };
                Self::plain(values, shape)?
            }
            (Encoding::RleDictionary | Encoding::PlainDictionary, _) => {
                let Some(dictionary) = dictionary else {
                    return Err(Error::corrupt("a dictionary-encoded page without a dictionary"));
                };
                let codes = DictionaryCodes::new(values, dictionary.len() as u32, count)?;
                Self::Codes(codes, Arc::clone(dictionary))
            }
            (Encoding::Rle, PhysicalType::Boolean) => {
                Self::RleBoolean(HybridDecoder::booleans(values, count)?)
            }
            (Encoding::DeltaBinaryPacked, PhysicalType::Int32) => {
                Self::DeltaInt32(DeltaDecoder::new(values, count)?)
            }
            (Encoding::DeltaBinaryPacked, PhysicalType::Int64) => {
                Self::DeltaInt64(DeltaDecoder::new(values, count)?)
            }
            (Encoding::DeltaLengthByteArray, PhysicalType::ByteArray) => {
                let decoder = DeltaLengthByteArray::new(values, count)?;
                let buffers = Arc::from([decoder.bytes()]);
                Self::LengthBytes(decoder, buffers)
            }
            (
                Encoding::DeltaByteArray,
                PhysicalType::ByteArray | PhysicalType::FixedLenByteArray,
            ) => {
                let decoder = DeltaByteArray::new(values, count)?.after(page.before.clone());
                Self::BuiltBytes(Box::new(decoder), budget.clone())
            }
            (Encoding::Alp, PhysicalType::Float) => Self::AlpFloat(AlpDecoder::new(values, count)?),
            (Encoding::Alp, PhysicalType::Double) => {
                Self::AlpDouble(AlpDecoder::new(values, count)?)
            }
            (Encoding::ByteStreamSplit, _) if shape.plain_width().is_some() => {
                let width_bytes = shape.plain_width().unwrap_or(0);
                check_length(&values, count, width_bytes)?;
                Self::Split(ByteStreamSplitDecoder::new(values, width_bytes)?)
            }
            (other, physical) => return Err(cannot_be(other, physical)),
        })
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
                Self::RleBoolean(decoder) => decoder.skip(count)?,
                Self::Fixed(decoder) => decoder.skip(count)?,
                Self::Split(decoder) => decoder.skip(count)?,
                Self::DeltaInt32(decoder) => decoder.skip(count)?,
                Self::DeltaInt64(decoder) => decoder.skip(count)?,
                Self::AlpFloat(decoder) => decoder.skip(count)?,
                Self::AlpDouble(decoder) => decoder.skip(count)?,
                Self::Bytes(decoder, _) => decoder.skip(count)?,
                Self::LengthBytes(decoder, _) => decoder.skip(count)?,
                Self::BuiltBytes(decoder, budget) => decoder.skip(count, budget)?,
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
            Self::RleBoolean(decoder) => {
                let mut bits = BitmapMut::with_capacity(wanted.count())?;
                match wanted {
                    Wanted::All(count) => decoder.decode_bits(count, &mut bits)?,
                    Wanted::Masked { mask, values, .. } => {
                        decoder.decode_bits_masked(mask, values, &mut bits)?;
                    }
                }
                Ok(Data::Boolean(bits.freeze()))
            }
            Self::Fixed(decoder) => decode_fixed(decoder, shape, wanted),
            Self::Split(decoder) => decode_fixed(decoder, shape, wanted),
            Self::DeltaInt32(decoder) => {
                convert::from_int32(decode_numbers(decoder, wanted)?, &shape.data_type)
            }
            Self::DeltaInt64(decoder) => {
                convert::from_int64(decode_numbers(decoder, wanted)?, &shape.data_type)
            }
            Self::AlpFloat(decoder) => Ok(Data::Float32(decode_numbers(decoder, wanted)?)),
            Self::AlpDouble(decoder) => Ok(Data::Float64(decode_numbers(decoder, wanted)?)),
            Self::Bytes(decoder, buffers) => decode_in_page(decoder, buffers, shape, wanted),
            Self::LengthBytes(decoder, buffers) => decode_in_page(decoder, buffers, shape, wanted),
            Self::BuiltBytes(decoder, budget) => decode_built(decoder, budget, shape, wanted),
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

/// Whether `values` are as long as `count` values of `width_bytes` each. Where values begin in bytes that
/// are longer is not known.
fn check_length(values: &Buffer, count: usize, width_bytes: usize) -> Result<()> {
    let (found, expected) = (values.len(), count.saturating_mul(width_bytes));
    let what = || format!("{found} bytes of {count} values of {width_bytes} bytes each");
    match found.cmp(&expected) {
        Ordering::Equal => Ok(()),
        Ordering::Less => Err(Error::truncated(what())),
        Ordering::Greater => Err(Error::corrupt(what())),
    }
}

/// Zero bytes that fastparquet writes behind the values of a page.
const PADDING_BYTES: usize = 8;

/// PLAIN values of a fixed width. Old writers put the length before each FIXED_LEN_BYTE_ARRAY, as if it
/// were a BYTE_ARRAY: then it is cut out.
fn plain_of_width(
    values: Buffer,
    count: usize,
    width_bytes: usize,
    physical: PhysicalType,
    budget: &Budget,
) -> Result<Buffer> {
    let with_length = width_bytes.saturating_add(size_of::<u32>());
    let prefix = (width_bytes as u32).to_le_bytes();
    let has_lengths = physical == PhysicalType::FixedLenByteArray
        && count > 0
        && width_bytes > 0
        && values.len() == count.saturating_mul(with_length)
        && values.chunks_exact(with_length).all(|value| value.starts_with(&prefix));
    if !has_lengths {
        let behind = values.get(count.saturating_mul(width_bytes)..);
        let is_padded = behind.is_some_and(|behind| {
            behind.len() <= PADDING_BYTES && behind.iter().all(|byte| *byte == 0)
        });
        if !is_padded {
            check_length(&values, count, width_bytes)?;
        }
        return Ok(values);
    }
    let mut bare = BufferMut::zeroed(count * width_bytes, budget)?;
    let targets = bare.as_mut_slice().chunks_exact_mut(width_bytes);
    for (target, value) in targets.zip(values.chunks_exact(with_length)) {
        target.copy_from_slice(&value[prefix.len()..]);
    }
    Ok(bare.freeze())
}

/// The error of a page whose encoding its column cannot have, or that is not read.
fn cannot_be(encoding: Encoding, physical: PhysicalType) -> Error {
    match encoding {
        Encoding::Unknown(_) => Error::unsupported(Feature::Encoding(encoding.to_string().into())),
        known => Error::corrupt(format!("{known} values of a column of {}", physical.name())),
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

/// Values of a fixed width of a decoder that has them of every width.
fn decode_fixed<D>(decoder: &mut D, shape: &ColumnShape, wanted: Wanted<'_>) -> Result<Data>
where
    D: Numbers<i32> + Numbers<i64> + Numbers<f32> + Numbers<f64> + FixedBytes,
{
    match shape.physical {
        PhysicalType::Int32 => {
            convert::from_int32(decode_numbers(decoder, wanted)?, &shape.data_type)
        }
        PhysicalType::Int64 => {
            convert::from_int64(decode_numbers(decoder, wanted)?, &shape.data_type)
        }
        PhysicalType::Float => Ok(Data::Float32(decode_numbers(decoder, wanted)?)),
        PhysicalType::Double => Ok(Data::Float64(decode_numbers(decoder, wanted)?)),
        _ => {
            let width_bytes = shape.plain_width().unwrap_or(0);
            // A file may claim that a value has 2 GiB.
            let (Wanted::All(values) | Wanted::Masked { values, .. }) = wanted;
            if values > decoder.left() {
                return Err(Error::truncated("fewer bytes than the page has values"));
            }
            let mut bytes = BufferMut::scratch(wanted.count().saturating_mul(width_bytes))?;
            match wanted {
                Wanted::All(_) => decoder.bytes(bytes.as_mut_slice())?,
                Wanted::Masked { mask, values, .. } => {
                    decoder.masked_bytes(mask, values, bytes.as_mut_slice())?;
                }
            }
            convert::from_fixed(bytes.freeze(), width_bytes, &shape.data_type)
        }
    }
}

/// The value that the page behind `page` goes on from where DELTA_BYTE_ARRAY does so (PARQUET-246): the last of
/// `page`; empty if `page` has another encoding. Memory of about the longest value is taken from `budget`.
///
/// # Errors
/// `Corrupt` or `Truncated` if the values cannot be walked; `LimitExceeded` if memory is refused.
pub(crate) fn carried_value(page: &DataPage, budget: &Budget) -> Result<Buffer> {
    match (page.encoding, page.value_count) {
        (Encoding::DeltaByteArray, 0) => Ok(page.before.clone()),
        (Encoding::DeltaByteArray, count) => {
            let decoder = DeltaByteArray::new(page.values.clone(), count)?;
            let mut decoder = decoder.after(page.before.clone());
            decoder.skip(count, budget)?;
            Ok(decoder.last().clone())
        }
        _ => Ok(Buffer::empty()),
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
    let memory = budget.reserve((entries as u64).saturating_mul(shape.decoded_bytes() as u64))?;
    let body = match shape.plain_width() {
        Some(width) if entries > 0 => plain_of_width(body, entries, width, shape.physical, budget)?,
        _ => body,
    };
    let mut decoder = ValueDecoder::plain(body, shape)?;
    let data = decoder.decode(shape, Wanted::All(entries))?;
    Ok(Dictionary::new(Vector::new(data, None, entries)?)?.holding(memory))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{ErrorKind, Limit};
    use crate::types::DataType;

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

    #[test]
    fn a_dictionary_of_narrow_decimals_keeps_to_the_budget() {
        let data_type = DataType::WideDecimal { precision: 76, scale: 0 };
        let physical = PhysicalType::FixedLenByteArray;
        let shape = ColumnShape { physical, type_length: 1, nullable: false, data_type };
        let budget = Budget::new(1 << 20);
        let body = |entries: usize| Buffer::copy_of(&vec![0; entries], &budget).unwrap();
        let read = decode_dictionary(body(1 << 16), 1 << 16, &shape, &budget);
        assert_eq!(*read.unwrap_err().kind(), ErrorKind::LimitExceeded(Limit::Memory));
        let _read = decode_dictionary(body(1 << 14), 1 << 14, &shape, &budget).unwrap();
        assert!(budget.reserved() >= 32 << 14);
    }
}
