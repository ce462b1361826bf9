//! Bytes as the numbers and choices of an action.
//!
//! In: the bytes of an input. Out: numbers off its front, 0 where it has ended. Every input means
//! something, and a flipped bit changes one choice.

/// What is left of an input.
pub(super) struct Input<'a>(pub(super) &'a [u8]);

impl<'a> Input<'a> {
    pub(super) fn u8(&mut self) -> u8 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => 0,
        }
    }

    pub(super) fn u16(&mut self) -> u16 {
        u16::from_le_bytes([self.u8(), self.u8()])
    }
}

/// Numbers that follow from a seed (SplitMix64).
#[derive(Clone)]
pub(super) struct Draws(pub(super) u64);

impl Draws {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let bits = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let bits = (bits ^ bits >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ bits >> 31
    }

    /// From 1 to `most`.
    pub(super) fn up_to(&mut self, most: usize) -> usize {
        1 + (self.next() >> 11) as usize % most
    }

    /// One bit a row: words of 0, words of all ones, words of some.
    pub(super) fn mask(&mut self, rows: usize) -> Vec<u64> {
        let word = |draw: u64| match draw % 4 {
            0 => 0,
            1 => u64::MAX,
            2 => draw & draw >> 7 & draw << 9,
            _ => draw,
        };
        (0..rows.div_ceil(64)).map(|_| word(self.next())).collect()
    }
}
