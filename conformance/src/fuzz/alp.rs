//! ALP, as [`super::stream`] has the others.

use millwork_codecs::Result;
use millwork_codecs::budget::Budget;
use millwork_codecs::encoding::alp::AlpDecoder;

use super::input::{Draws, Input};
use super::stream::{MOST_VALUES, Stream, check, copied};

#[derive(Clone)]
struct Floats<T>(AlpDecoder<T>);

macro_rules! floats {
    ($($float:ty, $bits:ty);*) => {$(
        /// Values are their bits: NaN is itself.
        impl Stream for Floats<$float> {
            type Value = $bits;

            fn decode(&mut self, count: usize) -> Result<Vec<$bits>> {
                let mut out = vec![0.0; count];
                self.0.decode(&mut out)?;
                Ok(out.into_iter().map(<$float>::to_bits).collect())
            }

            fn skip(&mut self, count: usize) -> Result<()> {
                self.0.skip(count)
            }

            fn decode_masked(&mut self, mask: &[u64], rows: usize) -> Result<Vec<$bits>> {
                let mut out = vec![0.0; rows];
                let written = self.0.decode_masked(mask, rows, &mut out)?;
                out.truncate(written);
                Ok(out.into_iter().map(<$float>::to_bits).collect())
            }
        }
    )*};
}

floats!(f32, u32; f64, u64);

/// ALP: a width (8: `f64`, others `f32`), a count, a seed, the body of the page.
pub(super) fn alp(bytes: &[u8], budget: &Budget) {
    let mut input = Input(bytes);
    let width = input.u8();
    let count = usize::from(input.u16()) % MOST_VALUES;
    let draws = Draws(input.u8().into());
    let Some(body) = copied(input.0, usize::from(input.u8()), budget) else { return };
    match width {
        8 => check(AlpDecoder::<f64>::new(body, count).map(Floats), count, &draws),
        _ => check(AlpDecoder::<f32>::new(body, count).map(Floats), count, &draws),
    }
}

/// Pages of vectors of 8, smaller than what other programs write.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for (exceptions, bit_width, count) in
        [(0, 0, 1), (0, 2, 8), (1, 3, 8), (2, 31, 7), (8, 0, 8), (3, 32, 24)]
    {
        let mut offsets = Vec::new();
        let mut vectors = Vec::new();
        let vector_count = usize::div_ceil(count, 8);
        for first in (0..count).step_by(8) {
            offsets.extend(((4 * vector_count + vectors.len()) as u32).to_le_bytes());
            vectors.extend([3, 1, exceptions, 0, 12, 0, 0, 0, bit_width]);
            let len = (count - first).min(8) * usize::from(bit_width);
            vectors.extend((0..len.div_ceil(8)).map(|byte| (byte as u8).wrapping_mul(37) | 1));
            (0..exceptions).for_each(|place| vectors.extend([place, 0]));
            (0..exceptions).for_each(|_| vectors.extend(f32::NAN.to_le_bytes()));
        }
        let header = [&[4, count as u8, 0, 7, 0, 0, 0, 3][..], &(count as u32).to_le_bytes()];
        found.push([header.concat(), offsets, vectors].concat());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_pages_that_decode() {
        for seed in seeds() {
            let count = usize::from(u16::from_le_bytes([seed[1], seed[2]]));
            let body = copied(&seed[5..], 0, &Budget::unlimited()).unwrap();
            let mut decoder = AlpDecoder::<f32>::new(body, count).unwrap();
            decoder.decode(&mut vec![0.0; count]).unwrap();
        }
    }
}
