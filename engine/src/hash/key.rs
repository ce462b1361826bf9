//! Hashes of key columns.
//!
//! A value is first turned into a *word* (64 bits; an integer is its own word), then the words of the
//! key's columns are mixed. Words of a dictionary's entries are made once and remembered.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::OnceLock;

use half::f16;
use millwork_codecs::buffer::View;
use millwork_format::types::DataType;
use millwork_format::vector::{Data, DictionaryId, Vector, Views};

use crate::error::{Error, Result};
use crate::kernel::interval::Interval;
use crate::row::{Indexed, NestedCodec, float_bits};

/// The word of null.
const NULL_WORD: u64 = 0x4528_21e6_38d0_1377;

/// Entries whose words are remembered: those of a larger dictionary take memory, and save little.
const MOST_REMEMBERED: usize = 1 << 20;

/// What hashes are made with. A file whose author knew it could have keys of one hash, and a table of
/// them would take the square of their number.
#[derive(Clone, Copy, Debug)]
struct Secret {
    seed: u64,
    /// Odd.
    factor: u64,
    second: u64,
}

static SECRET: OnceLock<Secret> = OnceLock::new();

impl Secret {
    /// From the digits of pi.
    const KNOWN: Self = Self {
        seed: 0x243f_6a88_85a3_08d3,
        factor: 0xa409_3822_299f_31d1,
        second: 0x082e_fa98_ec4e_6c89,
    };

    /// That of this process.
    fn get() -> Self {
        *SECRET.get_or_init(|| {
            let random = |_| RandomState::new().hash_one(0_u8);
            let [seed, factor, second] = [(); 3].map(random);
            Self { seed, factor: factor | 1, second }
        })
    }

    #[inline]
    fn mix(self, hash: u64, word: u64) -> u64 {
        fold(hash ^ word, self.factor)
    }

    /// The word of an integer of 128 bits: that of the narrow integer where it is one.
    #[inline]
    fn wide_word(self, value: i128) -> u64 {
        match i64::try_from(value) {
            Ok(narrow) => narrow as u64,
            Err(_) => fold(value as u64 ^ self.second, (value >> 64) as u64 ^ self.factor),
        }
    }

    #[inline]
    fn view_word(self, view: &View, views: &Views) -> u64 {
        if view.is_inline() {
            let bits = view.bits();
            return fold(bits as u64 ^ self.seed, (bits >> 64) as u64 ^ self.second);
        }
        self.bytes_word(view.bytes(views.buffers()))
    }

    fn bytes_word(self, bytes: &[u8]) -> u64 {
        let mut word = self.seed ^ bytes.len() as u64;
        let mut chunks = bytes.chunks_exact(16);
        for chunk in &mut chunks {
            let pair: [u64; 2] = bytemuck::pod_read_unaligned(chunk);
            word = fold(pair[0] ^ word, pair[1] ^ self.second);
        }
        let rest = chunks.remainder();
        let mut last = [0u8; 16];
        last[..rest.len()].copy_from_slice(rest);
        let pair: [u64; 2] = bytemuck::cast(last);
        fold(pair[0] ^ word, pair[1] ^ self.second)
    }
}

/// Makes hashes the same in every process from here on, for tests that are to be run again: not for files from
/// strangers. Does nothing once a key was hashed.
pub fn use_known_hashes() {
    let _ = SECRET.set(Secret::KNOWN);
}

/// Both halves of the product, folded: each bit of the factors reaches the whole result.
#[inline]
fn fold(left: u64, right: u64) -> u64 {
    let product = u128::from(left) * u128::from(right);
    product as u64 ^ (product >> 64) as u64
}

/// Hashes the keys of batch after batch.
#[derive(Debug)]
pub struct KeyHasher {
    types: Vec<DataType>,
    memos: Vec<Memo>,
    words: Vec<u64>,
    keys_hashed: u64,
    secret: Secret,
}

/// Words of the entries of the dictionary that a column had last.
#[derive(Debug, Default)]
struct Memo {
    dictionary: Option<DictionaryId>,
    /// Rows seen with this dictionary: its entries are hashed when they pay.
    rows: usize,
    words: Vec<u64>,
}

impl KeyHasher {
    /// A hasher of keys with columns of these types.
    #[must_use]
    pub fn new(types: &[DataType]) -> Self {
        let memos = types.iter().map(|_| Memo::default()).collect();
        let secret = Secret::get();
        Self { types: types.to_vec(), memos, words: Vec::new(), keys_hashed: 0, secret }
    }

    /// Keys hashed so far.
    #[must_use]
    pub fn keys_hashed(&self) -> u64 {
        self.keys_hashed
    }

    /// Fills `hashes` with the hash of the key of each of `rows`.
    ///
    /// # Panics
    /// If a row does not exist.
    ///
    /// # Errors
    /// `Internal` if a nested vector is not of its type.
    pub fn hash(&mut self, keys: &[&Vector], rows: &[u32], hashes: &mut Vec<u64>) -> Result<()> {
        hashes.clear();
        let secret = self.secret;
        hashes.resize(rows.len(), secret.seed);
        self.keys_hashed += rows.len() as u64;
        let mut words = std::mem::take(&mut self.words);
        for (column, key) in keys.iter().enumerate() {
            let indexed = Indexed::new(key, rows);
            words.clear();
            self.column_words(column, key, &indexed, &mut words)?;
            if indexed.may_be_null() {
                words.resize(rows.len(), NULL_WORD);
                for (position, word) in words.iter_mut().enumerate() {
                    if !indexed.is_valid(position) {
                        *word = NULL_WORD;
                    }
                }
            }
            for (hash, word) in hashes.iter_mut().zip(&words) {
                *hash = secret.mix(*hash, *word);
            }
        }
        self.words = words;
        Ok(())
    }

    fn column_words(
        &mut self,
        column: usize,
        key: &Vector,
        indexed: &Indexed<'_>,
        words: &mut Vec<u64>,
    ) -> Result<()> {
        let secret = self.secret;
        let memo = &mut self.memos[column];
        let data_type = &self.types[column];
        if let Data::Dictionary(_, dictionary) = key.data() {
            if memo.dictionary != Some(dictionary.id()) {
                *memo = Memo { dictionary: Some(dictionary.id()), ..Memo::default() };
            }
            memo.rows += indexed.len();
            let pays = dictionary.len() <= MOST_REMEMBERED && memo.rows >= dictionary.len();
            if memo.words.is_empty() && pays {
                let entries: Vec<u32> = (0..dictionary.len() as u32).collect();
                append_words(
                    secret,
                    dictionary.values().data(),
                    &entries,
                    data_type,
                    &mut memo.words,
                )?;
            }
            if !memo.words.is_empty() {
                words.extend(indexed.indices().iter().map(|code| memo.words[*code as usize]));
                return Ok(());
            }
        }
        append_words(secret, indexed.data(), indexed.indices(), data_type, words)
    }
}

/// Appends the words of `data` at `indices`; none for [`Data::Null`].
fn append_words(
    secret: Secret,
    data: &Data,
    indices: &[u32],
    data_type: &DataType,
    words: &mut Vec<u64>,
) -> Result<()> {
    macro_rules! integers {
        ($values:expr, $wide:ty) => {
            words.extend(indices.iter().map(|index| $values[*index as usize] as $wide as u64))
        };
    }
    match data {
        Data::Null => {}
        Data::Boolean(bits) => {
            words.extend(indices.iter().map(|index| u64::from(bits.get(*index as usize))));
        }
        Data::Int8(values) => integers!(values, i64),
        Data::Int16(values) => integers!(values, i64),
        Data::Int32(values) => integers!(values, i64),
        Data::Int64(values) => integers!(values, i64),
        Data::UInt8(values) => integers!(values, u64),
        Data::UInt16(values) => integers!(values, u64),
        Data::UInt32(values) => integers!(values, u64),
        Data::UInt64(values) => integers!(values, u64),
        Data::Int128(values) => {
            words.extend(indices.iter().map(|index| secret.wide_word(values[*index as usize])));
        }
        Data::Float16(values) => words.extend(
            indices.iter().map(|i| float_bits(f16::from_bits(values[*i as usize]).to_f64())),
        ),
        Data::Float32(values) => {
            words.extend(indices.iter().map(|index| float_bits(values[*index as usize].into())));
        }
        Data::Float64(values) => {
            words.extend(indices.iter().map(|index| float_bits(values[*index as usize])));
        }
        Data::Fixed { width_bytes, bytes } if *data_type == DataType::SignedInterval => {
            // Those of one length are equal.
            words.extend(indices.iter().map(|i| {
                let value = &bytes[*i as usize * width_bytes..][..*width_bytes];
                let length = Interval::from_bytes(value).map_or(0, Interval::length_micros);
                secret.wide_word(length)
            }));
        }
        Data::Fixed { width_bytes, bytes } => words.extend(
            indices
                .iter()
                .map(|i| secret.bytes_word(&bytes[*i as usize * width_bytes..][..*width_bytes])),
        ),
        Data::Views(views) => {
            let all = views.views().as_slice();
            words
                .extend(indices.iter().map(|index| secret.view_word(&all[*index as usize], views)));
        }
        Data::List(_) | Data::Struct(_) => {
            let codec = NestedCodec::new(data_type);
            let mut bytes = Vec::new();
            for index in indices {
                bytes.clear();
                codec.encode_key(data, *index as usize, &mut bytes)?;
                words.push(secret.bytes_word(&bytes));
            }
        }
        _ => return Err(Error::internal("a key that is neither flat nor nested")),
    }
    Ok(())
}
