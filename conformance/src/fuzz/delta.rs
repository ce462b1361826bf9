//! The delta encodings, as [`super::stream`] has the others.

use millwork_codecs::Result;
use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::{Buffer, View};
use millwork_codecs::encoding::delta_binary_packed::DeltaDecoder;
use millwork_codecs::encoding::delta_byte_array::DeltaByteArray;
use millwork_codecs::encoding::delta_length_byte_array::DeltaLengthByteArray;

use super::input::{Draws, Input};
use super::stream::{MOST_VALUES, Stream, check, copied};

#[derive(Clone)]
struct Delta<T>(DeltaDecoder<T>);

macro_rules! delta {
    ($($number:ty),*) => {$(
        impl Stream for Delta<$number> {
            type Value = $number;

            fn decode(&mut self, count: usize) -> Result<Vec<$number>> {
                let mut out = vec![0; count];
                self.0.decode(&mut out)?;
                Ok(out)
            }

            fn skip(&mut self, count: usize) -> Result<()> {
                self.0.skip(count)
            }

            fn decode_masked(&mut self, mask: &[u64], rows: usize) -> Result<Vec<$number>> {
                let mut out = vec![0; rows];
                let written = self.0.decode_masked(mask, rows, &mut out)?;
                out.truncate(written);
                Ok(out)
            }
        }
    )*};
}

delta!(i32, i64);

/// DELTA_BINARY_PACKED: a count, a seed, the stream.
pub(super) fn delta_binary_packed(bytes: &[u8], budget: &Budget) {
    let mut input = Input(bytes);
    let count = usize::from(input.u16()) % MOST_VALUES;
    let draws = Draws(input.u8().into());
    let Some(stream) = copied(input.0, usize::from(input.u8()), budget) else { return };
    check(DeltaDecoder::<i32>::new(stream.clone(), count).map(Delta), count, &draws);
    check(DeltaDecoder::<i64>::new(stream, count).map(Delta), count, &draws);
}

#[derive(Clone)]
struct LengthBytes(DeltaLengthByteArray);

impl LengthBytes {
    fn of(&self, views: &[View]) -> Vec<Vec<u8>> {
        let buffers = [self.0.bytes()];
        views.iter().map(|view| view.bytes(&buffers).to_vec()).collect()
    }
}

impl Stream for LengthBytes {
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

/// DELTA_LENGTH_BYTE_ARRAY: a count, a seed, the stream.
pub(super) fn delta_length_byte_array(bytes: &[u8], budget: &Budget) {
    let mut input = Input(bytes);
    let count = usize::from(input.u16()) % MOST_VALUES;
    let draws = Draws(input.u8().into());
    let Some(stream) = copied(input.0, usize::from(input.u8()), budget) else { return };
    check(DeltaLengthByteArray::new(stream, count).map(LengthBytes), count, &draws);
}

/// Values put together may be long: a few bytes say "all of the one before, and one more".
#[derive(Clone)]
struct BuiltBytes(DeltaByteArray, Budget);

fn of_buffer(views: &[View], buffer: Buffer) -> Vec<Vec<u8>> {
    let buffers = [buffer];
    views.iter().map(|view| view.bytes(&buffers).to_vec()).collect()
}

impl Stream for BuiltBytes {
    type Value = Vec<u8>;

    fn decode(&mut self, count: usize) -> Result<Vec<Vec<u8>>> {
        let mut views = vec![View::default(); count];
        let buffer = self.0.decode(&mut views, &self.1)?;
        Ok(of_buffer(&views, buffer))
    }

    fn skip(&mut self, count: usize) -> Result<()> {
        self.0.skip(count, &self.1)
    }

    fn decode_masked(&mut self, mask: &[u64], rows: usize) -> Result<Vec<Vec<u8>>> {
        let mut views = vec![View::default(); rows];
        let (written, buffer) = self.0.decode_masked(mask, rows, &mut views, &self.1)?;
        Ok(of_buffer(&views[..written], buffer))
    }
}

/// DELTA_BYTE_ARRAY: a count, a seed, the stream.
pub(super) fn delta_byte_array(bytes: &[u8], budget: &Budget) {
    let mut input = Input(bytes);
    // Copies of long prefixes are the action's own memory.
    let count = usize::from(input.u16()) % 200;
    let draws = Draws(input.u8().into());
    let Some(stream) = copied(input.0, usize::from(input.u8()), budget) else { return };
    let decoder = DeltaByteArray::new(stream, count);
    if let Ok(decoder) = decoder.clone() {
        of_one_length(decoder, count, budget);
    }
    check(decoder.map(|decoder| BuiltBytes(decoder, budget.clone())), count, &draws);
}

/// What decodes does so as values of the first one's length, or tells which other length comes first.
fn of_one_length(mut decoder: DeltaByteArray, count: usize, budget: &Budget) {
    let Ok(values) = BuiltBytes(decoder.clone(), budget.clone()).decode(count) else { return };
    let Some(width) = values.first().map(Vec::len).filter(|width| (1..=64).contains(width)) else {
        return;
    };
    let mut fixed = vec![0xa5; count * width];
    let other = decoder.decode_fixed(width, &mut fixed, budget);
    let expected = values.iter().map(Vec::len).find(|len| *len != width);
    assert_eq!(other, Ok(expected), "values of {width} bytes");
    if expected.is_none() {
        assert_eq!(fixed, values.concat(), "values of {width} bytes");
    }
}
