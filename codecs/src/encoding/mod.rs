//! The spec's encodings: bytes of one page to values.
//!
//! What comes in: a [`Buffer`](crate::buffer::Buffer) that holds one encoded stream, which the
//! decoder keeps (a count, no copy), and slices to fill. What goes out: values in those slices, or
//! a [`DecodeError`](crate::DecodeError) with the byte of the buffer at which it was noticed.
//!
//! Every decoder walks forwards and offers the same three steps: `decode` the next values, `skip`
//! some, or `decode_masked`: pass over some and write only those a mask selects. Nothing is
//! allocated but by bitmaps that grow with what the caller asked for, and by byte arrays that do not
//! lie in the page as they are, which take memory from a budget; no count that the bytes claim is
//! believed before the bytes bear it out. After an error a decoder may have written part of
//! the output, and gives values or errors but no promise.
//!
//! | module | encoding |
//! |---|---|
//! | [`hybrid`] | RLE / bit-packed hybrid: levels, booleans, dictionary codes |
//! | [`plain`] | PLAIN: fixed width, booleans, byte arrays |
//! | [`dictionary`] | RLE_DICTIONARY (and PLAIN_DICTIONARY) data pages |
//! | [`delta_binary_packed`] | DELTA_BINARY_PACKED: integers |
//! | [`delta_length_byte_array`] | DELTA_LENGTH_BYTE_ARRAY |
//! | [`delta_byte_array`] | DELTA_BYTE_ARRAY |
//! | [`byte_stream_split`] | BYTE_STREAM_SPLIT: fixed width |
//! | [`alp`] | ALP: floats that are decimals |

#![forbid(unsafe_code)]

pub mod hybrid;
pub mod plain;
pub mod dictionary;
pub mod delta_binary_packed;
pub mod delta_length_byte_array;
pub mod delta_byte_array;
pub mod byte_stream_split;
pub mod alp;
#[cfg(test)]
pub(crate) mod tests;
