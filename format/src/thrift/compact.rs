//! A bounded, borrowing reader of Thrift's compact protocol.
//!
//! In: bytes of a footer, page header or index, and [`Limits`]. Out: fields, one after the other, with
//! strings and binaries borrowed from those bytes; errors carry the offset in the file.
//!
//! Invariants: nothing is allocated; no count is believed that the bytes left cannot hold; nesting is
//! bounded by [`Limits::thrift_depth`], for what is skipped too. The time is linear in the bytes.

use millwork_codecs::cursor::Cursor;
use millwork_codecs::{DecodeError, DecodeErrorKind};

use crate::error::{Error, ErrorKind, Limit, Place, Result};
use crate::limits::Limits;

/// The field that every struct keeps free for what one writer alone knows (`Extensions`): it says nothing about
/// the fields beside it, not even in a union, of which else one field is set.
const EXTENSION_FIELD: i16 = 32_767;

/// How a field or element is written. A boolean field's value lies in its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WireType {
    /// A boolean: true, or the element type of booleans.
    True,
    /// A boolean: false, or (rarely) the element type of booleans.
    False,
    /// One byte.
    I8,
    /// A zigzag varint of 16 bits.
    I16,
    /// A zigzag varint of 32 bits.
    I32,
    /// A zigzag varint of 64 bits.
    I64,
    /// Eight bytes, little-endian.
    Double,
    /// A length and bytes.
    Binary,
    /// A list.
    List,
    /// A set, written like a list.
    Set,
    /// A map.
    Map,
    /// Fields up to a stop byte.
    Struct,
    /// Sixteen bytes.
    Uuid,
}

impl WireType {
    const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::True,
            2 => Self::False,
            3 => Self::I8,
            4 => Self::I16,
            5 => Self::I32,
            6 => Self::I64,
            7 => Self::Double,
            8 => Self::Binary,
            9 => Self::List,
            10 => Self::Set,
            11 => Self::Map,
            12 => Self::Struct,
            13 => Self::Uuid,
            _ => return None,
        })
    }

    /// The value of a boolean field; `None` for every other type.
    #[must_use]
    pub const fn boolean(self) -> Option<bool> {
        match self {
            Self::True => Some(true),
            Self::False => Some(false),
            _ => None,
        }
    }

    /// Bytes that the smallest element of this type takes inside a collection.
    const fn smallest_bytes(self) -> usize {
        match self {
            Self::Double => 8,
            Self::Uuid => 16,
            _ => 1,
        }
    }

    /// Whether elements written as `self` can be read as `wanted`.
    fn reads_as(self, wanted: Self) -> bool {
        self == wanted || (self.boolean().is_some() && wanted.boolean().is_some())
    }
}

/// A field's id and type; its value follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// The id given in the `.thrift` file.
    pub id: i16,
    /// How the value is written.
    pub wire: WireType,
}

/// Type and number of the elements that follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListHeader {
    /// How the elements are written; meaningless for an empty list.
    pub element: WireType,
    /// Elements.
    pub len: u32,
}

/// Types and number of the pairs that follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapHeader {
    /// How the keys are written; meaningless for an empty map.
    pub key: WireType,
    /// How the values are written; meaningless for an empty map.
    pub value: WireType,
    /// Pairs.
    pub len: u32,
}

/// A forward reader of compact Thrift over borrowed bytes.
///
/// ```
/// use millwork_format::limits::Limits;
/// use millwork_format::thrift::compact::{CompactReader, WireType};
/// // { 1: i32 = -3, 2: bool = true, 4: "ab" }
/// let bytes = [0x15, 0x05, 0x11, 0x28, 0x02, b'a', b'b', 0x00];
/// let mut reader = CompactReader::new(&bytes, 0, &Limits::standard());
/// let (mut number, mut text) = (0, "");
/// reader
///     .structure(|reader, field| {
///         match (field.id, field.wire) {
///             (1, WireType::I32) => number = reader.i32()?,
///             (4, WireType::Binary) => text = reader.string()?,
///             (_, wire) => reader.skip(wire)?,
///         }
///         Ok(())
///     })
///     .unwrap();
/// assert_eq!((number, text), (-3, "ab"));
/// ```
#[derive(Clone, Debug)]
pub struct CompactReader<'a> {
    cursor: Cursor<'a>,
    base_offset: u64,
    depth_left: u32,
    list_elements: u32,
}

impl<'a> CompactReader<'a> {
    /// A reader at the first of `bytes`, which lie at `base_offset` in the file.
    #[must_use]
    pub const fn new(bytes: &'a [u8], base_offset: u64, limits: &Limits) -> Self {
        Self {
            cursor: Cursor::new(bytes),
            base_offset,
            depth_left: limits.thrift_depth,
            list_elements: limits.list_elements,
        }
    }

    /// Bytes read so far.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.cursor.position()
    }

    /// Bytes not yet read.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.cursor.remaining()
    }

    /// An error of `kind` at the current place.
    #[cold]
    pub fn error(&self, kind: ErrorKind, what: impl Into<std::borrow::Cow<'static, str>>) -> Error {
        self.error_at(kind, what, self.position())
    }

    /// `Corrupt` at the current place.
    #[cold]
    pub fn corrupt(&self, what: impl Into<std::borrow::Cow<'static, str>>) -> Error {
        self.error(ErrorKind::Corrupt, what)
    }

    #[cold]
    fn error_at(
        &self,
        kind: ErrorKind,
        what: impl Into<std::borrow::Cow<'static, str>>,
        at_byte: usize,
    ) -> Error {
        let file_offset = Some(self.base_offset.saturating_add(at_byte as u64));
        Error::new(kind, what).at(&Place { file_offset, ..Place::default() })
    }

    #[cold]
    fn located(&self, error: DecodeError) -> Error {
        match error.kind {
            DecodeErrorKind::Truncated { wanted } => self.error_at(
                ErrorKind::Truncated,
                format!("the metadata ends early: {wanted} more bytes expected"),
                error.at_byte,
            ),
            DecodeErrorKind::Corrupt(what) => {
                self.error_at(ErrorKind::Corrupt, what, error.at_byte)
            }
            _ => Error::from(error),
        }
    }

    /// Enters a structure or collection; [`CompactReader::leave`] ends it.
    ///
    /// # Errors
    /// `LimitExceeded` beyond [`Limits::thrift_depth`].
    #[inline]
    pub fn enter(&mut self) -> Result<()> {
        match self.depth_left.checked_sub(1) {
            Some(left) => {
                self.depth_left = left;
                Ok(())
            }
            None => Err(self.error(
                ErrorKind::LimitExceeded(Limit::ThriftDepth),
                "the metadata is nested deeper than the limit",
            )),
        }
    }

    /// Ends what [`CompactReader::enter`] began.
    #[inline]
    pub fn leave(&mut self) {
        self.depth_left += 1;
    }

    /// Reads a field header; `None` at the end of the structure. `last_id` is 0 at its start.
    ///
    /// # Errors
    /// `Truncated`; `Corrupt` for an unknown wire type or an id beyond 16 bits.
    #[inline]
    pub fn field(&mut self, last_id: &mut i16) -> Result<Option<Field>> {
        let header = self.byte()?;
        if header == 0 {
            return Ok(None);
        }
        let Some(wire) = WireType::from_code(header & 0x0f) else {
            return Err(self.corrupt(format!("Thrift wire type {} is unknown", header & 0x0f)));
        };
        let id = match header >> 4 {
            0 => self.i16()?,
            delta => match last_id.checked_add(i16::from(delta)) {
                Some(id) => id,
                None => return Err(self.corrupt("a Thrift field id beyond 16 bits")),
            },
        };
        *last_id = id;
        Ok(Some(Field { id, wire }))
    }

    /// Reads a structure: `each` is called with every field and must take its value, or
    /// [`skip`](CompactReader::skip) it.
    ///
    /// # Errors
    /// Those of the headers, of the depth, and of `each`.
    #[inline]
    pub fn structure(
        &mut self,
        mut each: impl FnMut(&mut Self, Field) -> Result<()>,
    ) -> Result<()> {
        self.enter()?;
        let mut last_id = 0;
        while let Some(field) = self.field(&mut last_id)? {
            match field.id {
                EXTENSION_FIELD => self.skip(field.wire)?,
                _ => each(self, field)?,
            }
        }
        self.leave();
        Ok(())
    }

    /// Reads the header of a list or set.
    ///
    /// # Errors
    /// `Truncated` if the bytes left cannot hold the elements, `LimitExceeded` beyond
    /// [`Limits::list_elements`], `Corrupt` for an unknown element type.
    #[inline]
    pub fn list(&mut self) -> Result<ListHeader> {
        let header = self.byte()?;
        let len = match header >> 4 {
            15 => self.varint()?,
            short => u64::from(short),
        };
        let element = self.element_type(header & 0x0f, len)?;
        self.check_count(len, element.smallest_bytes()).map(|len| ListHeader { element, len })
    }

    /// Reads a list whose elements should be written as `wanted`: `each` is called for every element
    /// with its index. A list of other elements is skipped, as if it were absent: `Ok(None)`.
    ///
    /// # Errors
    /// Those of the header, of the depth, and of `each`.
    #[inline]
    pub fn list_of(
        &mut self,
        wanted: WireType,
        mut each: impl FnMut(&mut Self, u32) -> Result<()>,
    ) -> Result<Option<u32>> {
        let header = self.list()?;
        self.enter()?;
        let fits = header.len == 0 || header.element.reads_as(wanted);
        for index in 0..header.len {
            if fits {
                each(self, index)?;
            } else {
                self.skip_element(header.element)?;
            }
        }
        self.leave();
        Ok(fits.then_some(header.len))
    }

    /// Reads the header of a map.
    ///
    /// # Errors
    /// As [`CompactReader::list`].
    pub fn map(&mut self) -> Result<MapHeader> {
        let len = self.varint()?;
        if len == 0 {
            return Ok(MapHeader { key: WireType::True, value: WireType::True, len: 0 });
        }
        let types = self.byte()?;
        let key = self.element_type(types >> 4, len)?;
        let value = self.element_type(types & 0x0f, len)?;
        self.check_count(len, key.smallest_bytes() + value.smallest_bytes()).map(|len| MapHeader {
            key,
            value,
            len,
        })
    }

    /// Some writers leave the type of an empty collection 0.
    #[inline]
    fn element_type(&self, code: u8, len: u64) -> Result<WireType> {
        match WireType::from_code(code) {
            Some(element) => Ok(element),
            None if len == 0 => Ok(WireType::True),
            None => Err(self.corrupt(format!("Thrift element type {code} is unknown"))),
        }
    }

    #[inline]
    fn check_count(&self, len: u64, smallest_bytes: usize) -> Result<u32> {
        if len.saturating_mul(smallest_bytes as u64) > self.remaining() as u64 {
            return Err(self.error(
                ErrorKind::Truncated,
                format!("a collection of {len} elements in {} bytes", self.remaining()),
            ));
        }
        match u32::try_from(len) {
            Ok(len) if len <= self.list_elements => Ok(len),
            _ => Err(self.error(
                ErrorKind::LimitExceeded(Limit::ListElements),
                format!("a collection of {len} elements, {} are allowed", self.list_elements),
            )),
        }
    }

    #[inline]
    fn byte(&mut self) -> Result<u8> {
        self.cursor.u8().map_err(|error| self.located(error))
    }

    #[inline]
    fn varint(&mut self) -> Result<u64> {
        // Nearly all are one byte long.
        let mut ahead = self.cursor.clone();
        if let Ok(byte) = ahead.u8()
            && byte < 0x80
        {
            self.cursor = ahead;
            return Ok(u64::from(byte));
        }
        self.long_varint()
    }

    #[inline(never)]
    fn long_varint(&mut self) -> Result<u64> {
        self.cursor.uleb128().map_err(|error| self.located(error))
    }

    #[inline]
    fn zigzag(&mut self) -> Result<i64> {
        let coded = self.varint()?;
        Ok((coded >> 1).cast_signed() ^ -((coded & 1).cast_signed()))
    }

    #[inline]
    fn narrow<T: TryFrom<i64>>(&mut self) -> Result<T> {
        let start = self.position();
        T::try_from(self.zigzag()?).map_err(|_| {
            self.error_at(ErrorKind::Corrupt, "a Thrift integer beyond its type", start)
        })
    }

    /// Reads a byte as a signed integer.
    ///
    /// # Errors
    /// `Truncated`.
    #[inline]
    pub fn i8(&mut self) -> Result<i8> {
        self.byte().map(u8::cast_signed)
    }

    /// Reads a zigzag integer.
    ///
    /// # Errors
    /// `Truncated`; `Corrupt` if it does not fit 16 bits.
    #[inline]
    pub fn i16(&mut self) -> Result<i16> {
        self.narrow()
    }

    /// Reads a zigzag integer.
    ///
    /// # Errors
    /// `Truncated`; `Corrupt` if it does not fit 32 bits.
    #[inline]
    pub fn i32(&mut self) -> Result<i32> {
        self.narrow()
    }

    /// Reads a zigzag integer.
    ///
    /// # Errors
    /// `Truncated`; `Corrupt` if it does not fit 64 bits.
    #[inline]
    pub fn i64(&mut self) -> Result<i64> {
        self.zigzag()
    }

    /// Reads a double.
    ///
    /// # Errors
    /// `Truncated`.
    pub fn double(&mut self) -> Result<f64> {
        let bytes = self.cursor.array().map_err(|error| self.located(error))?;
        Ok(f64::from_le_bytes(bytes))
    }

    /// Reads sixteen bytes.
    ///
    /// # Errors
    /// `Truncated`.
    pub fn uuid(&mut self) -> Result<[u8; 16]> {
        self.cursor.array().map_err(|error| self.located(error))
    }

    /// Reads a binary, borrowed.
    ///
    /// # Errors
    /// `Truncated` if it is longer than the bytes left.
    #[inline]
    pub fn binary(&mut self) -> Result<&'a [u8]> {
        let length = usize::try_from(self.varint()?).unwrap_or(usize::MAX);
        self.cursor.take(length).map_err(|error| self.located(error))
    }

    /// Reads a string, borrowed.
    ///
    /// # Errors
    /// `Truncated`; `Corrupt` if it is not UTF-8.
    #[inline]
    pub fn string(&mut self) -> Result<&'a str> {
        let start = self.position();
        let bytes = self.binary()?;
        simdutf8::basic::from_utf8(bytes).map_err(|_| {
            self.error_at(ErrorKind::Corrupt, "a string of the metadata is not UTF-8", start)
        })
    }

    /// Reads a boolean element of a collection: 1 is true, 0 and 2 are false.
    ///
    /// # Errors
    /// `Truncated`; `Corrupt` for any other byte.
    #[inline]
    pub fn boolean_element(&mut self) -> Result<bool> {
        match self.byte()? {
            0 | 2 => Ok(false),
            1 => Ok(true),
            other => Err(self.corrupt(format!("{other} is not a Thrift boolean"))),
        }
    }

    /// Passes over the value of a field of type `wire`.
    ///
    /// # Errors
    /// `Truncated`, `Corrupt`, or `LimitExceeded` beyond the depth.
    pub fn skip(&mut self, wire: WireType) -> Result<()> {
        match wire {
            WireType::True | WireType::False => Ok(()),
            _ => self.skip_element(wire),
        }
    }

    /// Passes over an element of type `wire` of a collection.
    ///
    /// # Errors
    /// As [`CompactReader::skip`].
    pub fn skip_element(&mut self, wire: WireType) -> Result<()> {
        let fixed = match wire {
            WireType::True | WireType::False | WireType::I8 => 1,
            WireType::Double => 8,
            WireType::Uuid => 16,
            WireType::I16 | WireType::I32 | WireType::I64 => return self.varint().map(|_| ()),
            WireType::Binary => return self.binary().map(|_| ()),
            WireType::Struct => return self.structure(|reader, field| reader.skip(field.wire)),
            WireType::List | WireType::Set => return self.skip_list(),
            WireType::Map => return self.skip_map(),
        };
        self.cursor.take(fixed).map_err(|error| self.located(error))?;
        Ok(())
    }

    fn skip_list(&mut self) -> Result<()> {
        let header = self.list()?;
        self.enter()?;
        for _ in 0..header.len {
            self.skip_element(header.element)?;
        }
        self.leave();
        Ok(())
    }

    fn skip_map(&mut self) -> Result<()> {
        let header = self.map()?;
        self.enter()?;
        for _ in 0..header.len {
            self.skip_element(header.key)?;
            self.skip_element(header.value)?;
        }
        self.leave();
        Ok(())
    }
}

#[cfg(test)]
mod tests;
