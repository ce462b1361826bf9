//! Decoders of `codecs::encoding`: whichever way they are asked, on whichever kernels, they agree.

use std::fmt::Debug;
use std::marker::PhantomData;

use millwork_codecs::Result;
use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::{BitmapMut, Buffer, View};
use millwork_codecs::encoding::byte_stream_split::ByteStreamSplitDecoder;
use millwork_codecs::encoding::dictionary::DictionaryCodes;
use millwork_codecs::encoding::hybrid::HybridDecoder;
use millwork_codecs::encoding::plain::{PlainBoolean, PlainByteArray, PlainDecoder};
use millwork_codecs::kernel::{Code, force, supported};

use super::input::{Draws, Input};

/// Values that one action asks for.
pub(super) const MOST_VALUES: usize = 3000;

/// A decoder as the actions see it: values come back in a vector.
pub(super) trait Stream: Clone {
    type Value: PartialEq + Debug + Clone;

    fn decode(&mut self, count: usize) -> Result<Vec<Self::Value>>;
    fn skip(&mut self, count: usize) -> Result<()>;
    fn decode_masked(&mut self, mask: &[u64], rows: usize) -> Result<Vec<Self::Value>>;
}

/// Walks over `count` values in steps, each decoded, skipped and decoded under a mask, with the kernels
/// of every tier.
pub(super) fn check<S: Stream>(stream: Result<S>, count: usize, draws: &Draws) {
    let Ok(stream) = stream else { return };
    let mut seen: Option<Vec<S::Value>> = None;
    for tier in supported() {
        force(tier);
        let found = walk(stream.clone(), count, draws.clone());
        if let Some(seen) = &seen {
            assert_eq!(&found, seen, "the kernels of {tier:?} disagree");
        }
        seen = Some(found);
    }
    // One call for everything gives what the steps gave, or an error behind them.
    let (mut whole, seen) = (stream, seen.unwrap_or_default());
    let all = whole.decode(count);
    if seen.len() == count || all.is_ok() {
        assert_eq!(all.as_ref(), Ok(&seen), "in steps and at once");
    }
}

/// The values up to the first error.
fn walk<S: Stream>(mut stream: S, count: usize, mut draws: Draws) -> Vec<S::Value> {
    let mut found = Vec::new();
    while found.len() < count {
        let now = draws.up_to(300).min(count - found.len());
        let mask = draws.mask(now);
        let (mut skipping, mut masking) = (stream.clone(), stream.clone());
        let values = stream.decode(now);
        let (skipped, masked) = (skipping.skip(now), masking.decode_masked(&mask, now));
        let Ok(values) = values else {
            // Nothing is promised from here on but an end.
            let _ = (stream.decode(1), stream.skip(count), skipping.decode(1), masking.decode(1));
            return found;
        };
        assert_eq!(skipped, Ok(()), "what can be decoded can be skipped");
        let set = |row: usize| mask[row / 64] >> (row % 64) & 1 == 1;
        let chosen = |(row, value): (usize, &S::Value)| set(row).then(|| value.clone());
        let expected: Vec<S::Value> = values.iter().enumerate().filter_map(chosen).collect();
        assert_eq!(masked, Ok(expected), "under a mask");
        found.extend(values);
    }
    found
}

fn bools(bits: BitmapMut) -> Vec<bool> {
    let bits = bits.freeze();
    (0..bits.len()).map(|row| bits.get(row)).collect()
}

#[derive(Clone)]
struct Hybrid<C>(HybridDecoder, PhantomData<C>);

impl<C: Code> Stream for Hybrid<C> {
    type Value = u32;

    fn decode(&mut self, count: usize) -> Result<Vec<u32>> {
        let mut out = vec![C::zeroed(); count];
        self.0.decode(&mut out)?;
        Ok(out.into_iter().map(Into::into).collect())
    }

    fn skip(&mut self, count: usize) -> Result<()> {
        self.0.skip(count)
    }

    fn decode_masked(&mut self, mask: &[u64], rows: usize) -> Result<Vec<u32>> {
        let mut out = vec![C::zeroed(); rows];
        let written = self.0.decode_masked(mask, rows, &mut out)?;
        Ok(out[..written].iter().map(|code| (*code).into()).collect())
    }
}

/// Levels and booleans as bits: with `Some`, whether each equals the number.
#[derive(Clone)]
struct Bits(HybridDecoder, Option<u32>);

impl Stream for Bits {
    type Value = bool;

    fn decode(&mut self, count: usize) -> Result<Vec<bool>> {
        let mut out = BitmapMut::with_capacity(0)?;
        match self.1 {
            Some(number) => self.0.decode_equal(count, number, &mut out)?,
            None => self.0.decode_bits(count, &mut out)?,
        }
        Ok(bools(out))
    }

    fn skip(&mut self, count: usize) -> Result<()> {
        self.0.skip(count)
    }

    fn decode_masked(&mut self, mask: &[u64], rows: usize) -> Result<Vec<bool>> {
        let Some(number) = self.1 else {
            let mut out = BitmapMut::with_capacity(0)?;
            self.0.decode_bits_masked(mask, rows, &mut out)?;
            return Ok(bools(out));
        };
        let mut out = vec![0u32; rows];
        let written = self.0.decode_masked(mask, rows, &mut out)?;
        Ok(out[..written].iter().map(|value| *value == number).collect())
    }
}

/// RLE / bit-packed hybrid of any width: a width, a count, a seed, the stream.
pub(super) fn hybrid(bytes: &[u8], budget: &Budget) {
    let mut input = Input(bytes);
    let (width, number) = (u32::from(input.u8()), u32::from(input.u8()));
    let count = usize::from(input.u16()) % MOST_VALUES;
    let draws = Draws(input.u8().into());
    let Some(stream) = copied(input.0, usize::from(input.u8()), budget) else { return };
    let decoder = HybridDecoder::new(stream, width, count);
    let codes = |decoder| Hybrid(decoder, PhantomData::<u32>);
    check(decoder.clone().map(codes), count, &draws);
    if width <= 8 {
        check(decoder.clone().map(|d| Hybrid(d, PhantomData::<u8>)), count, &draws);
    }
    if width <= 16 {
        check(decoder.clone().map(|d| Hybrid(d, PhantomData::<u16>)), count, &draws);
    }
    if width == 1 {
        check(decoder.clone().map(|decoder| Bits(decoder, None)), count, &draws);
    }
    check(decoder.map(|decoder| Bits(decoder, Some(number % 4))), count, &draws);
}

/// `bytes` in a buffer, up to seven bytes behind its start: nothing is aligned in a page.
pub(super) fn copied(bytes: &[u8], before: usize, budget: &Budget) -> Option<Buffer> {
    let whole = [&[0x5a; 8][..before % 8], bytes].concat();
    let buffer = Buffer::copy_of(&whole, budget).ok()?;
    buffer.slice(before % 8..whole.len())
}

#[derive(Clone)]
struct Fixed(PlainDecoder);

impl Fixed {
    fn split(&self, bytes: &[u8]) -> Vec<Vec<u8>> {
        bytes.chunks_exact(self.0.width_bytes()).map(<[u8]>::to_vec).collect()
    }
}

impl Stream for Fixed {
    type Value = Vec<u8>;

    fn decode(&mut self, count: usize) -> Result<Vec<Vec<u8>>> {
        let mut out = vec![0; count * self.0.width_bytes()];
        self.0.decode_bytes(&mut out)?;
        Ok(self.split(&out))
    }

    fn skip(&mut self, count: usize) -> Result<()> {
        self.0.skip(count)
    }

    fn decode_masked(&mut self, mask: &[u64], rows: usize) -> Result<Vec<Vec<u8>>> {
        let width = self.0.width_bytes();
        let mut out = vec![0; rows * width];
        // The typed form takes another kernel.
        let written = match width {
            4 => {
                self.0.decode_masked(mask, rows, bytemuck::cast_slice_mut::<u8, [u8; 4]>(&mut out))
            }
            8 => {
                self.0.decode_masked(mask, rows, bytemuck::cast_slice_mut::<u8, [u8; 8]>(&mut out))
            }
            _ => self.0.decode_masked_bytes(mask, rows, &mut out),
        }?;
        Ok(self.split(&out[..written * width]))
    }
}

#[derive(Clone)]
struct Booleans(PlainBoolean);

impl Stream for Booleans {
    type Value = bool;

    fn decode(&mut self, count: usize) -> Result<Vec<bool>> {
        let mut out = BitmapMut::with_capacity(0)?;
        self.0.decode(count, &mut out)?;
        Ok(bools(out))
    }

    fn skip(&mut self, count: usize) -> Result<()> {
        self.0.skip(count)
    }

    fn decode_masked(&mut self, mask: &[u64], rows: usize) -> Result<Vec<bool>> {
        let mut out = BitmapMut::with_capacity(0)?;
        self.0.decode_masked(mask, rows, &mut out)?;
        Ok(bools(out))
    }
}

#[derive(Clone)]
struct ByteArrays(PlainByteArray);

impl ByteArrays {
    fn of(&self, views: &[View]) -> Vec<Vec<u8>> {
        let buffers = [self.0.bytes()];
        views.iter().map(|view| view.bytes(&buffers).to_vec()).collect()
    }
}

impl Stream for ByteArrays {
    type Value = Vec<u8>;

    fn decode(&mut self, count: usize) -> Result<Vec<Vec<u8>>> {
        let mut views = vec![View::default(); count];
        self.0.decode(0, &mut views)?;
        Ok(self.of(&views))
    }

    fn skip(&mut self, count: usize) -> Result<()> {
        self.0.skip(count)
    }

    fn decode_masked(&mut self, mask: &[u64], rows: usize) -> Result<Vec<Vec<u8>>> {
        let mut views = vec![View::default(); rows];
        let written = self.0.decode_masked(mask, rows, 0, &mut views)?;
        Ok(self.of(&views[..written]))
    }
}

/// PLAIN: a width (255: byte arrays, 254: booleans), a count, a seed, the values.
pub(super) fn plain(bytes: &[u8], budget: &Budget) {
    let mut input = Input(bytes);
    let (width, count) = (input.u8(), usize::from(input.u16()) % MOST_VALUES);
    let draws = Draws(input.u8().into());
    let Some(stream) = copied(input.0, usize::from(input.u8()), budget) else { return };
    match width {
        255 => check(Ok(ByteArrays(PlainByteArray::new(stream))), count, &draws),
        254 => check(Ok(Booleans(PlainBoolean::new(stream))), count, &draws),
        width => check(PlainDecoder::new(stream, width.into()).map(Fixed), count, &draws),
    }
}

#[derive(Clone)]
struct Codes(DictionaryCodes);

impl Stream for Codes {
    type Value = u32;

    fn decode(&mut self, count: usize) -> Result<Vec<u32>> {
        let mut out = vec![0; count];
        self.0.decode(&mut out)?;
        assert!(out.iter().all(|code| *code < self.0.entries()), "a code that names no entry");
        Ok(out)
    }

    fn skip(&mut self, count: usize) -> Result<()> {
        self.0.skip(count)
    }

    fn decode_masked(&mut self, mask: &[u64], rows: usize) -> Result<Vec<u32>> {
        let mut out = vec![0; rows];
        let written = self.0.decode_masked(mask, rows, &mut out)?;
        out.truncate(written);
        Ok(out)
    }
}

/// RLE_DICTIONARY: a number of entries, a count, a seed, the body.
pub(super) fn dictionary(bytes: &[u8], budget: &Budget) {
    let mut input = Input(bytes);
    let (entries, count) = (input.u16(), usize::from(input.u16()) % MOST_VALUES);
    let draws = Draws(input.u8().into());
    let Some(body) = copied(input.0, usize::from(input.u8()), budget) else { return };
    check(DictionaryCodes::new(body, entries.into(), count).map(Codes), count, &draws);
}

#[derive(Clone)]
struct Split(ByteStreamSplitDecoder);

impl Split {
    fn split(&self, bytes: &[u8]) -> Vec<Vec<u8>> {
        bytes.chunks_exact(self.0.width_bytes()).map(<[u8]>::to_vec).collect()
    }
}

impl Stream for Split {
    type Value = Vec<u8>;

    fn decode(&mut self, count: usize) -> Result<Vec<Vec<u8>>> {
        let width = self.0.width_bytes();
        let mut out = vec![0; count * width];
        // The typed form takes another kernel.
        match width {
            4 => self.0.decode(bytemuck::cast_slice_mut::<u8, [u8; 4]>(&mut out)),
            8 => self.0.decode(bytemuck::cast_slice_mut::<u8, [u8; 8]>(&mut out)),
            _ => self.0.decode_bytes(&mut out),
        }?;
        Ok(self.split(&out))
    }

    fn skip(&mut self, count: usize) -> Result<()> {
        self.0.skip(count)
    }

    fn decode_masked(&mut self, mask: &[u64], rows: usize) -> Result<Vec<Vec<u8>>> {
        let width = self.0.width_bytes();
        let mut out = vec![0; rows * width];
        let written = self.0.decode_masked_bytes(mask, rows, &mut out)?;
        Ok(self.split(&out[..written * width]))
    }
}

/// BYTE_STREAM_SPLIT: a width, a count, a seed, the streams.
pub(super) fn byte_stream_split(bytes: &[u8], budget: &Budget) {
    let mut input = Input(bytes);
    let (width, count) = (input.u8(), usize::from(input.u16()) % MOST_VALUES);
    let draws = Draws(input.u8().into());
    let Some(stream) = copied(input.0, usize::from(input.u8()), budget) else { return };
    check(ByteStreamSplitDecoder::new(stream, width.into()).map(Split), count, &draws);
}
