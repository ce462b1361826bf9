//! The bytes of keys that tell rows apart, as numbers.
//!
//! In: the keys of a lane. Out: for each a number that orders as the key does, as far as it goes.
//! Most bytes of most keys are the same in all rows (the null byte, the upper half of integers): left
//! out, a key of three columns often fits into eight bytes, and comparing it needs no look at the row.

/// What the keys seen so far have in common.
#[derive(Clone, Debug)]
pub(super) enum KeyShape {
    /// All have one width.
    Fixed {
        /// One of the keys.
        sample: Vec<u8>,
        /// Not 0 where some key differs from it.
        differs: Vec<u8>,
    },
    /// They have any width.
    Varying {
        /// What all keys start with, as far as known; `None` before the first.
        common: Option<Vec<u8>>,
        longest_bytes: usize,
    },
}

impl KeyShape {
    /// No keys, all of `width_bytes` if given.
    pub(super) fn new(width_bytes: Option<usize>) -> Self {
        match width_bytes {
            Some(width) => Self::Fixed { sample: Vec::new(), differs: vec![0; width] },
            None => Self::Varying { common: None, longest_bytes: 0 },
        }
    }

    /// No keys, of the same width or also of any.
    pub(super) fn emptied(&self) -> Self {
        Self::new(match self {
            Self::Fixed { differs, .. } => Some(differs.len()),
            Self::Varying { .. } => None,
        })
    }

    /// Notes `keys`.
    pub(super) fn add<'a>(&mut self, keys: impl Iterator<Item = &'a [u8]>) {
        match self {
            Self::Fixed { sample, differs } => {
                let mut keys = keys.peekable();
                if sample.is_empty()
                    && let Some(first) = keys.peek()
                {
                    *sample = first.to_vec();
                }
                for key in keys {
                    for ((differs, byte), sample) in differs.iter_mut().zip(key).zip(&*sample) {
                        *differs |= byte ^ sample;
                    }
                }
            }
            Self::Varying { common, longest_bytes } => {
                for key in keys {
                    *longest_bytes = key.len().max(*longest_bytes);
                    let common = common.get_or_insert_with(|| key.to_vec());
                    if !key.starts_with(common) {
                        let same = key.iter().zip(&*common).take_while(|(a, b)| a == b).count();
                        common.truncate(same);
                    }
                }
            }
        }
    }

    /// Which bytes make the numbers.
    pub(super) fn prefixes(&self) -> Prefixes {
        match self {
            Self::Fixed { differs, .. } => {
                let places: Vec<usize> =
                    (0..differs.len()).filter(|place| differs[*place] != 0).collect();
                Prefixes { bytes: places.len(), places: Places::Listed(places) }
            }
            Self::Varying { common, longest_bytes } => {
                let start = common.as_ref().map_or(0, Vec::len);
                let bytes = longest_bytes.saturating_sub(start);
                Prefixes { bytes, places: Places::From(start) }
            }
        }
    }
}

/// Which bytes of a key make its number.
#[derive(Clone, Debug)]
pub(super) struct Prefixes {
    places: Places,
    /// Bytes that tell all keys apart: with as many in the number, equal numbers are equal keys.
    pub(super) bytes: usize,
}

#[derive(Clone, Debug)]
enum Places {
    Listed(Vec<usize>),
    From(usize),
}

/// A number made of the first bytes of a key.
pub(super) trait Prefix: Copy + Ord + Send {
    /// Bytes that fit.
    const BYTES: usize;

    /// The number of `key`.
    fn of(prefixes: &Prefixes, key: &[u8]) -> Self;
}

macro_rules! prefix {
    ($number:ty) => {
        impl Prefix for $number {
            const BYTES: usize = size_of::<$number>();

            #[inline]
            fn of(prefixes: &Prefixes, key: &[u8]) -> Self {
                match &prefixes.places {
                    Places::Listed(places) => places
                        .iter()
                        .take(Self::BYTES)
                        .fold(0, |number, place| number << 8 | Self::from(key[*place])),
                    Places::From(start) => {
                        // Keys that end here go on with zeros: none is the start of another.
                        let tail = key.get(*start..).unwrap_or_default();
                        if let Some(bytes) = tail.first_chunk::<{ size_of::<$number>() }>() {
                            return Self::from_be_bytes(*bytes);
                        }
                        let number =
                            tail.iter().fold(0, |number, byte| number << 8 | Self::from(*byte));
                        number << (8 * (Self::BYTES - tail.len()) as u32 % Self::BITS)
                    }
                }
            }
        }
    };
}

prefix!(u64);
prefix!(u128);
