//! Values of a fixed width out of any decoder that has them.

use bytemuck::Pod;
use millwork_codecs::Result as DecodeResult;
use millwork_codecs::buffer::{Buffer, Slice, SliceMut};
use millwork_codecs::encoding::alp::AlpDecoder;
use millwork_codecs::encoding::byte_stream_split::ByteStreamSplitDecoder;
use millwork_codecs::encoding::delta_binary_packed::DeltaDecoder;
use millwork_codecs::encoding::plain::PlainDecoder;
use millwork_codecs::kernel::{AlpFloat, DeltaInteger};

use super::wanted::Wanted;
use crate::error::{Error, Result};

/// A decoder of values that are kept as `T`.
pub(super) trait Numbers<T: Pod> {
    /// Fills `out` with the next values.
    fn all(&mut self, out: &mut [T]) -> DecodeResult<()>;

    /// Of the next `values` values those whose bit in `mask` is 1, to the front of `out`.
    fn masked(&mut self, mask: &[u64], values: usize, out: &mut [T]) -> DecodeResult<usize>;

    /// The next `count` values where they lie in the page as they are, if they do.
    fn in_page(&mut self, _count: usize) -> DecodeResult<Option<Buffer>> {
        Ok(None)
    }
}

/// A decoder of values of any number of bytes.
pub(super) trait FixedBytes {
    /// Values that the bytes may still hold.
    fn left(&self) -> usize;

    /// Fills `out` with the bytes of the next values.
    fn bytes(&mut self, out: &mut [u8]) -> DecodeResult<()>;

    /// Of the next `values` values those whose bit in `mask` is 1, to the front of `out`.
    fn masked_bytes(&mut self, mask: &[u64], values: usize, out: &mut [u8]) -> DecodeResult<usize>;
}

/// The wanted values: shared with their page where they lie there as they are and aligned.
pub(super) fn decode_numbers<T: Pod>(
    decoder: &mut impl Numbers<T>,
    wanted: Wanted<'_>,
) -> Result<Slice<T>> {
    match wanted {
        Wanted::All(count) => {
            let Some(in_page) = decoder.in_page(count)? else {
                let mut values = SliceMut::<T>::to_fill(count)?;
                decoder.all(&mut values)?;
                return Ok(values.freeze());
            };
            if let Some(aligned) = Slice::from_buffer(in_page.clone()) {
                return Ok(aligned);
            }
            Slice::from_buffer(Buffer::scratch_copy_of(&in_page)?)
                .ok_or_else(|| Error::internal("a fresh copy is aligned"))
        }
        Wanted::Masked { mask, values: of, count } => {
            let mut values = SliceMut::<T>::to_fill(count)?;
            if decoder.masked(mask, of, &mut values)? != count {
                return Err(Error::internal("a mask of another number of values"));
            }
            Ok(values.freeze())
        }
    }
}

impl<T: Pod> Numbers<T> for PlainDecoder {
    fn all(&mut self, out: &mut [T]) -> DecodeResult<()> {
        self.decode(out)
    }

    fn masked(&mut self, mask: &[u64], values: usize, out: &mut [T]) -> DecodeResult<usize> {
        self.decode_masked(mask, values, out)
    }

    fn in_page(&mut self, count: usize) -> DecodeResult<Option<Buffer>> {
        self.decode_shared(count).map(Some)
    }
}

macro_rules! numbers {
    ($($kind:ident: $bound:ident, $decoder:ty);*) => {$(
        impl<$kind: $bound> Numbers<$kind> for $decoder {
            fn all(&mut self, out: &mut [$kind]) -> DecodeResult<()> {
                self.decode(out)
            }

            fn masked(
                &mut self,
                mask: &[u64],
                values: usize,
                out: &mut [$kind],
            ) -> DecodeResult<usize> {
                self.decode_masked(mask, values, out)
            }
        }
    )*};
}

numbers!(
    T: Pod, ByteStreamSplitDecoder;
    T: DeltaInteger, DeltaDecoder<T>;
    T: AlpFloat, AlpDecoder<T>
);

impl FixedBytes for PlainDecoder {
    fn left(&self) -> usize {
        self.remaining()
    }

    fn bytes(&mut self, out: &mut [u8]) -> DecodeResult<()> {
        self.decode_bytes(out)
    }

    fn masked_bytes(&mut self, mask: &[u64], values: usize, out: &mut [u8]) -> DecodeResult<usize> {
        self.decode_masked_bytes(mask, values, out)
    }
}

impl FixedBytes for ByteStreamSplitDecoder {
    fn left(&self) -> usize {
        self.remaining()
    }

    fn bytes(&mut self, out: &mut [u8]) -> DecodeResult<()> {
        self.decode_bytes(out)
    }

    fn masked_bytes(&mut self, mask: &[u64], values: usize, out: &mut [u8]) -> DecodeResult<usize> {
        self.decode_masked_bytes(mask, values, out)
    }
}
