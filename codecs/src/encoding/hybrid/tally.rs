//! How often each value occurs, without a place for any of them.

use super::{BLOCK, HybridDecoder, Run, packed};
use crate::error::{DecodeError, Result};
use crate::kernel::unpack::unpack;

impl HybridDecoder {
    /// Passes over the next `count` values and adds to `counts`, by value, how many there were of each.
    /// A run of equal values costs the same however long it is.
    ///
    /// # Errors
    /// `Corrupt` if fewer remain, a run makes no sense, or a value has no place in `counts`;
    /// `Truncated` if the bytes end first. What is in `counts` then says nothing.
    ///
    /// ```
    /// use millwork_codecs::{budget::Budget, buffer::Buffer, encoding::hybrid::HybridDecoder};
    /// // A billion times 2, then 0 to 3 twice.
    /// let bytes = [0x80, 0xa8, 0xd6, 0xb9, 0x07, 2, 3, 0b1110_0100, 0b1110_0100];
    /// let bytes = Buffer::copy_of(&bytes, &Budget::unlimited()).unwrap();
    /// let mut levels = HybridDecoder::new(bytes, 2, 1_000_000_008).unwrap();
    /// let mut counts = [0; 4];
    /// levels.tally(1_000_000_008, &mut counts).unwrap();
    /// assert_eq!((counts, levels.remaining()), ([2, 2, 1_000_000_002, 2], 0));
    /// ```
    pub fn tally(&mut self, count: usize, counts: &mut [u64]) -> Result<()> {
        let (bytes, mut runs) = (self.bytes.padded(), self.runs.asked::<u32>(count)?);
        let mut scratch = [0u32; BLOCK];
        let mut left = count;
        let mut add = |value: u32, times: usize, at: usize| {
            let Some(counted) = counts.get_mut(value as usize) else {
                return Err(DecodeError::corrupt("a value above the highest there may be", at));
            };
            *counted += times as u64;
            Ok(())
        };
        while left > 0 {
            let (run, now) = runs.advance(bytes.as_slice(), left)?;
            left -= now;
            match run {
                Run::Equal { value, .. } => add(value, now, runs.position)?,
                Run::Packed { start, first, .. } => {
                    for done in (0..now).step_by(BLOCK) {
                        let values = &mut scratch[..(now - done).min(BLOCK)];
                        unpack(packed(bytes, start), runs.bit_width, first + done, values);
                        for value in values {
                            add(*value, 1, start)?;
                        }
                    }
                }
            }
        }
        self.runs = runs;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{TestRun, encode, runs};
    use super::*;
    use crate::kernel::tests::buffer;

    #[test]
    fn counts_are_those_of_the_values_one_by_one() {
        for (width, seed) in (1..=8).flat_map(|width| (0..20).map(move |seed| (width, seed))) {
            let (made, values) = runs(width, 1 << width, seed);
            let bytes = buffer(&encode(&made, width));
            let mut decoder = HybridDecoder::new(bytes, width, values.len()).unwrap();
            let mut counts = vec![0; 1 << width];
            let first = values.len() / 3;
            decoder.tally(first, &mut counts).unwrap();
            let mut expected = vec![0; 1 << width];
            values[..first].iter().for_each(|value| expected[*value as usize] += 1);
            assert_eq!(counts, expected, "{width} bits, seed {seed}");
            // It goes on where it is.
            let mut next = vec![0u32; values.len() - first];
            decoder.decode(&mut next).unwrap();
            assert_eq!(next, values[first..]);
        }
    }

    #[test]
    fn a_value_without_a_place_is_an_error_and_moves_nothing() {
        let made = [TestRun::Equal(1, 9), TestRun::Packed(vec![0, 1, 2, 3, 0, 0, 0, 0])];
        let bytes = buffer(&encode(&made, 2));
        let mut decoder = HybridDecoder::new(bytes, 2, 17).unwrap();
        assert!(decoder.tally(17, &mut [0; 3]).is_err());
        assert_eq!(decoder.remaining(), 17);
        assert!(decoder.tally(17, &mut [0; 4]).is_ok());
        assert!(decoder.tally(1, &mut [0; 4]).is_err());
    }
}
