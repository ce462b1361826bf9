//! Decimals of more than 38 digits: integers of 256 bits and a scale.
//!
//! In vectors they lie as 32 bytes, most significant first, with the sign bit flipped: so they order as
//! bytes do, and every kernel for values of a fixed number of bytes compares, sorts, groups and joins
//! them rightly (`docs/adr/0010-wide-decimals-order-as-bytes.md`).

use std::fmt;

/// `unscaled * 10^-scale`, of at most 76 digits.
///
/// ```
/// use millwork_format::WideDecimal;
/// let minus_one = WideDecimal::from_big_endian(&[0xff, 0xff], 2).unwrap();
/// assert_eq!(minus_one.to_string(), "-0.01");
/// let large = WideDecimal::from_big_endian(&[1, 0, 0, 0, 0, 0, 0, 0, 0], 3).unwrap();
/// assert_eq!(large.to_string(), "18446744073709551.616");
/// assert!(minus_one.ordered() < large.ordered());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WideDecimal {
    ordered: [u8; Self::BYTES],
    scale: u8,
}

/// The greatest power of ten in 64 bits, and its zeros.
const GROUP: (u64, usize) = (10_000_000_000_000_000_000, 19);

impl WideDecimal {
    /// Bytes of one in a vector.
    pub const BYTES: usize = 32;

    /// The most digits: 256 bits hold every number of 76.
    pub const DIGITS: u8 = 76;

    /// The number that files keep as `bytes`, two's complement, most significant first. `None` if it
    /// does not fit 256 bits.
    #[must_use]
    pub fn from_big_endian(bytes: &[u8], scale: u8) -> Option<Self> {
        // Writers may pad numbers to more bytes: those in front only repeat the sign.
        let (padding, number) = bytes.split_at(bytes.len().saturating_sub(Self::BYTES));
        let negative = number.first().is_some_and(|first| first & 0x80 != 0);
        let fill = if negative { 0xff } else { 0 };
        if padding.iter().any(|byte| *byte != fill) {
            return None;
        }
        let mut ordered = [fill; Self::BYTES];
        ordered[Self::BYTES - number.len()..].copy_from_slice(number);
        ordered[0] ^= 0x80;
        Some(Self { ordered, scale })
    }

    /// The number that a vector keeps as `bytes`. `None` if those are not 32.
    #[must_use]
    pub fn from_ordered(bytes: &[u8], scale: u8) -> Option<Self> {
        bytes.try_into().ok().map(|ordered| Self { ordered, scale })
    }

    /// The bytes as they lie in a vector: they order as the numbers of one scale do.
    #[must_use]
    pub fn ordered(&self) -> [u8; Self::BYTES] {
        self.ordered
    }

    /// The digits as an integer: two's complement, most significant byte first.
    #[must_use]
    pub fn unscaled(&self) -> [u8; Self::BYTES] {
        let mut bytes = self.ordered;
        bytes[0] ^= 0x80;
        bytes
    }

    /// How many digits stand behind the point.
    #[must_use]
    pub fn scale(&self) -> u8 {
        self.scale
    }

    /// Whether it is below 0.
    #[must_use]
    pub fn is_negative(&self) -> bool {
        self.ordered[0] & 0x80 == 0
    }

    /// The digits of the integer without its sign; one at least.
    pub(crate) fn digits(&self) -> String {
        let mut words = self.magnitude();
        let mut groups = Vec::new();
        while words != [0; 4] {
            let mut rest = 0u128;
            for word in &mut words {
                rest = rest << 64 | u128::from(*word);
                *word = (rest / u128::from(GROUP.0)) as u64;
                rest %= u128::from(GROUP.0);
            }
            groups.push(rest as u64);
        }
        let mut digits = groups.pop().unwrap_or(0).to_string();
        for group in groups.iter().rev() {
            digits.push_str(&format!("{group:0width$}", width = GROUP.1));
        }
        digits
    }

    /// The absolute value, most significant word first.
    fn magnitude(&self) -> [u64; 4] {
        let bytes = self.unscaled();
        let mut words = [0u64; 4];
        for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
            *word = u64::from_be_bytes(*bytes);
        }
        if self.is_negative() {
            let mut carry = true;
            for word in words.iter_mut().rev() {
                (*word, carry) = (!*word).overflowing_add(carry.into());
            }
        }
        words
    }
}

impl fmt::Display for WideDecimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.digits();
        let scale = usize::from(self.scale);
        let sign = if self.is_negative() { "-" } else { "" };
        if scale == 0 {
            return write!(f, "{sign}{digits}");
        }
        let digits = format!("{digits:0>width$}", width = scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        write!(f, "{sign}{whole}.{fraction}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(number: i128, scale: u8) -> WideDecimal {
        WideDecimal::from_big_endian(&number.to_be_bytes(), scale).unwrap()
    }

    #[test]
    fn digits_are_those_of_the_integer() {
        for number in [0, 1, -1, 9, 10, -10, 123_456, i128::MAX, i128::MIN, 10i128.pow(38)] {
            assert_eq!(of(number, 0).to_string(), number.to_string());
            for width in 16..40 {
                let mut padded = vec![if number < 0 { 0xff } else { 0 }; width - 16];
                padded.extend(number.to_be_bytes());
                assert_eq!(WideDecimal::from_big_endian(&padded, 0), Some(of(number, 0)));
            }
        }
        assert_eq!(of(-5, 3).to_string(), "-0.005");
        assert_eq!(of(12_345, 2).to_string(), "123.45");
        assert_eq!(of(0, 2).to_string(), "0.00");
        let greatest = [&[0x7f][..], &[0xff; 31]].concat();
        let greatest = WideDecimal::from_big_endian(&greatest, 0).unwrap().to_string();
        let power = "57896044618658097711785492504343953926634992332820282019728792003956564819967";
        assert_eq!(greatest, power);
        let least = [&[0x80][..], &[0; 31]].concat();
        let least = WideDecimal::from_big_endian(&least, 0).unwrap().to_string();
        let power =
            "-57896044618658097711785492504343953926634992332820282019728792003956564819968";
        assert_eq!(least, power);
    }

    #[test]
    fn bytes_order_as_numbers_do() {
        let numbers = [i128::MIN, -(1 << 64), -256, -255, -1, 0, 1, 255, 256, 1 << 64, i128::MAX];
        let ordered: Vec<_> = numbers.iter().map(|number| of(*number, 1).ordered()).collect();
        assert!(ordered.is_sorted());
    }

    #[test]
    fn more_than_256_bits_are_no_number() {
        assert!(WideDecimal::from_big_endian(&[1; 33], 0).is_none());
        assert!(WideDecimal::from_big_endian(&[0; 33], 0).is_some());
        assert!(WideDecimal::from_big_endian(&[&[0][..], &[0x80; 32]].concat(), 0).is_none());
        assert!(WideDecimal::from_ordered(&[0; 31], 0).is_none());
        assert_eq!(WideDecimal::from_big_endian(&[], 0), Some(of(0, 0)));
    }
}
