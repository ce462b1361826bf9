//! The 16-byte string view: length, first four bytes, and where the rest lies.

use std::fmt;

use bytemuck::{Pod, Zeroable};

use super::Buffer;

/// One string or byte array of a vector, in 16 bytes, laid out as in the Arrow C Data Interface.
///
/// Up to [`View::INLINE`] bytes lie in the view itself, zero padded. A longer one keeps its first
/// four bytes here, and the number and offset of the buffer that holds it whole.
///
/// ```
/// use millwork_codecs::{budget::Budget, buffer::{Buffer, View}};
/// let short = View::inline(b"abc").unwrap();
/// assert_eq!((short.len(), short.bytes(&[])), (3, &b"abc"[..]));
/// let buffer = Buffer::copy_of(b"__a longer string", &Budget::unlimited()).unwrap();
/// let long = View::outside(&buffer[2..], 0, 2);
/// assert_eq!(long.bytes(&[buffer]), b"a longer string");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Pod, Zeroable, Default)]
#[repr(C, align(8))]
pub struct View {
    length_bytes: u32,
    /// Inline: the bytes. Otherwise: prefix (4), buffer index (4), offset (4), little-endian.
    rest: [u8; 12],
}

impl View {
    /// The most bytes that lie in the view itself.
    pub const INLINE: usize = 12;

    /// A view that holds `bytes` itself. `None` if there are more than [`View::INLINE`].
    #[inline]
    #[must_use]
    pub fn inline(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > Self::INLINE {
            return None;
        }
        let mut rest = [0; 12];
        rest[..bytes.len()].copy_from_slice(bytes);
        Some(Self { length_bytes: bytes.len() as u32, rest })
    }

    /// A view of `bytes`, which lie at `offset` of buffer number `buffer`; short ones are inlined.
    #[inline]
    #[must_use]
    pub fn outside(bytes: &[u8], buffer: u32, offset: u32) -> Self {
        match Self::inline(bytes) {
            Some(view) => view,
            None => {
                let mut rest = [0; 12];
                rest[..4].copy_from_slice(&bytes[..4]);
                rest[4..8].copy_from_slice(&buffer.to_le_bytes());
                rest[8..].copy_from_slice(&offset.to_le_bytes());
                Self { length_bytes: bytes.len() as u32, rest }
            }
        }
    }

    /// [`View::outside`] of the first `length_bytes` of `bytes`, which are at least 16, whatever of
    /// them belongs to the value. Shorter ones are taken for zeros.
    #[inline(always)]
    pub(crate) fn of(length_bytes: u32, bytes: &[u8], buffer: u32, offset: u32) -> Self {
        let sixteen = bytes.first_chunk().map_or(0, |bytes| u128::from_le_bytes(*bytes));
        let field = sixteen << 32 | u128::from(length_bytes);
        Self::from_field(field, length_bytes as usize, buffer, offset)
    }

    /// The same of `field`, four bytes of length and the 12 bytes that lie behind it.
    #[inline(always)]
    pub(crate) fn from_field(field: u128, length: usize, buffer: u32, offset: u32) -> Self {
        let place = u128::from(buffer) << 64 | u128::from(offset) << 96;
        // No branch: strings of either kind come in no order that a CPU could learn.
        let kept = &KEPT[length.min(Self::INLINE + 1)];
        bytemuck::cast((field & kept.found | place & kept.place).to_le_bytes())
    }

    /// Bytes of the string.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.length_bytes as usize
    }

    /// Whether the string is empty.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length_bytes == 0
    }

    /// Whether the bytes lie in the view itself.
    #[inline]
    #[must_use]
    pub fn is_inline(&self) -> bool {
        self.len() <= Self::INLINE
    }

    /// Length and first four bytes as one number: strings that differ in it differ.
    #[inline]
    #[must_use]
    pub fn head(&self) -> u64 {
        let [a, b, c, d, ..] = self.rest;
        u64::from(self.length_bytes) | u64::from(u32::from_le_bytes([a, b, c, d])) << 32
    }

    /// The whole view as one number: equal numbers of inline views mean equal strings.
    #[inline]
    #[must_use]
    pub fn bits(&self) -> u128 {
        bytemuck::cast(*self)
    }

    /// The first four bytes, zero padded, in big-endian order: it orders as the strings do.
    #[inline]
    #[must_use]
    pub fn prefix_key(&self) -> u32 {
        let [a, b, c, d, ..] = self.rest;
        u32::from_be_bytes([a, b, c, d])
    }

    /// Number of the buffer and offset in it, for a view that is not inline.
    #[inline]
    #[must_use]
    pub fn location(&self) -> (u32, u32) {
        let [_, _, _, _, a, b, c, d, e, f, g, h] = self.rest;
        (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]))
    }

    /// The same view with the number of its buffer raised by `by`; an inline view is unchanged.
    #[inline]
    #[must_use]
    pub fn shift_buffer(mut self, by: u32) -> Self {
        if !self.is_inline() {
            let (buffer, _) = self.location();
            self.rest[4..8].copy_from_slice(&(buffer + by).to_le_bytes());
        }
        self
    }

    /// The bytes of the string, out of the view or out of `buffers`.
    ///
    /// # Panics
    /// If the view is not inline and was not made for these buffers.
    #[inline]
    #[must_use]
    pub fn bytes<'a>(&'a self, buffers: &'a [Buffer]) -> &'a [u8] {
        if self.is_inline() {
            &self.rest[..self.len()]
        } else {
            let (buffer, offset) = self.location();
            &buffers[buffer as usize].as_slice()[offset as usize..][..self.len()]
        }
    }
}

/// Which bits of a view are found with the value, and which are its place.
#[derive(Clone, Copy)]
struct Kept {
    found: u128,
    place: u128,
}

/// By length: 0 to 12 bytes lie in the view, for more the prefix does.
const KEPT: [Kept; View::INLINE + 2] = {
    let mut kept = [Kept { found: u64::MAX as u128, place: (u64::MAX as u128) << 64 }; 14];
    let mut length = 0;
    while length <= View::INLINE {
        let found = u128::MAX >> (8 * (View::INLINE - length));
        kept[length] = Kept { found, place: 0 };
        length += 1;
    }
    kept
};

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_inline() {
            write!(f, "View({:?})", String::from_utf8_lossy(&self.rest[..self.len()]))
        } else {
            let (buffer, offset) = self.location();
            write!(f, "View({} bytes at {buffer}:{offset})", self.len())
        }
    }
}
