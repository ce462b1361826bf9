//! The compact reader behind the `thrift` crate's input protocol.
//!
//! In: a [`CompactReader`]. Out: a `TInputProtocol`, for code that the Thrift compiler generated or that
//! was written against that crate. It keeps our bounds: depth, counts against the bytes left, and no
//! allocation but for strings whose bytes are there.

use thrift::protocol::{
    TFieldIdentifier, TInputProtocol, TListIdentifier, TMapIdentifier, TMessageIdentifier,
    TMessageType, TSetIdentifier, TStructIdentifier, TType,
};
use thrift::{ProtocolError, ProtocolErrorKind};

use super::compact::{CompactReader, WireType};
use crate::error::{Error, ErrorKind};

const PROTOCOL_ID: i8 = 0x82_u8.cast_signed();
const VERSION: u8 = 1;

/// A `TInputProtocol` that reads from a [`CompactReader`].
#[derive(Clone, Debug)]
pub struct CompactProtocol<'a> {
    reader: CompactReader<'a>,
    last_id: i16,
    /// Ids at which the structures around this one go on; no longer than the limit of the depth.
    outer_ids: Vec<i16>,
    /// The value of a boolean field whose header has been read.
    pending: Option<bool>,
}

impl<'a> CompactProtocol<'a> {
    /// A protocol that goes on where `reader` stands.
    #[must_use]
    pub const fn new(reader: CompactReader<'a>) -> Self {
        Self { reader, last_id: 0, outer_ids: Vec::new(), pending: None }
    }

    /// The reader, where the protocol has left it.
    #[must_use]
    pub fn into_reader(self) -> CompactReader<'a> {
        self.reader
    }
}

fn converted(error: &Error) -> thrift::Error {
    let kind = match error.kind() {
        ErrorKind::LimitExceeded(crate::error::Limit::ThriftDepth) => ProtocolErrorKind::DepthLimit,
        ErrorKind::LimitExceeded(_) => ProtocolErrorKind::SizeLimit,
        _ => ProtocolErrorKind::InvalidData,
    };
    thrift::Error::Protocol(ProtocolError::new(kind, error.to_string()))
}

fn invalid(what: String) -> thrift::Error {
    thrift::Error::Protocol(ProtocolError::new(ProtocolErrorKind::InvalidData, what))
}

const fn thrift_type(wire: WireType) -> TType {
    match wire {
        WireType::True | WireType::False => TType::Bool,
        WireType::I8 => TType::I08,
        WireType::I16 => TType::I16,
        WireType::I32 => TType::I32,
        WireType::I64 => TType::I64,
        WireType::Double => TType::Double,
        WireType::Binary => TType::String,
        WireType::List => TType::List,
        WireType::Set => TType::Set,
        WireType::Map => TType::Map,
        WireType::Struct => TType::Struct,
        WireType::Uuid => TType::Uuid,
    }
}

impl TInputProtocol for CompactProtocol<'_> {
    fn read_message_begin(&mut self) -> thrift::Result<TMessageIdentifier> {
        let id = self.read_i8()?;
        if id != PROTOCOL_ID {
            return Err(invalid(format!("{id:#x} does not begin a compact Thrift message")));
        }
        let version_and_type = self.read_byte()?;
        if version_and_type & 0x1f != VERSION {
            return Err(invalid(format!("version {} of a message", version_and_type & 0x1f)));
        }
        let kind = TMessageType::try_from(version_and_type >> 5)?;
        let mut sequence = 0u32;
        for shift in (0..35).step_by(7) {
            let byte = self.read_byte()?;
            sequence |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        Ok(TMessageIdentifier::new(self.read_string()?, kind, sequence.cast_signed()))
    }

    fn read_message_end(&mut self) -> thrift::Result<()> {
        Ok(())
    }

    fn read_struct_begin(&mut self) -> thrift::Result<Option<TStructIdentifier>> {
        self.reader.enter().map_err(|error| converted(&error))?;
        self.outer_ids.push(std::mem::take(&mut self.last_id));
        Ok(None)
    }

    fn read_struct_end(&mut self) -> thrift::Result<()> {
        match self.outer_ids.pop() {
            Some(id) => {
                self.last_id = id;
                self.reader.leave();
                Ok(())
            }
            None => Err(invalid("the end of a structure that never began".to_owned())),
        }
    }

    fn read_field_begin(&mut self) -> thrift::Result<TFieldIdentifier> {
        let field = self.reader.field(&mut self.last_id).map_err(|error| converted(&error))?;
        let Some(field) = field else {
            return Ok(TFieldIdentifier { name: None, field_type: TType::Stop, id: None });
        };
        self.pending = field.wire.boolean();
        Ok(TFieldIdentifier { name: None, field_type: thrift_type(field.wire), id: Some(field.id) })
    }

    fn read_field_end(&mut self) -> thrift::Result<()> {
        Ok(())
    }

    fn read_bool(&mut self) -> thrift::Result<bool> {
        match self.pending.take() {
            Some(value) => Ok(value),
            None => self.reader.boolean_element().map_err(|error| converted(&error)),
        }
    }

    fn read_bytes(&mut self) -> thrift::Result<Vec<u8>> {
        self.reader.binary().map(<[u8]>::to_vec).map_err(|error| converted(&error))
    }

    fn read_i8(&mut self) -> thrift::Result<i8> {
        self.reader.i8().map_err(|error| converted(&error))
    }

    fn read_i16(&mut self) -> thrift::Result<i16> {
        self.reader.i16().map_err(|error| converted(&error))
    }

    fn read_i32(&mut self) -> thrift::Result<i32> {
        self.reader.i32().map_err(|error| converted(&error))
    }

    fn read_i64(&mut self) -> thrift::Result<i64> {
        self.reader.i64().map_err(|error| converted(&error))
    }

    fn read_double(&mut self) -> thrift::Result<f64> {
        self.reader.double().map_err(|error| converted(&error))
    }

    fn read_uuid(&mut self) -> thrift::Result<uuid::Uuid> {
        self.reader.uuid().map(uuid::Uuid::from_bytes).map_err(|error| converted(&error))
    }

    fn read_string(&mut self) -> thrift::Result<String> {
        self.reader.string().map(str::to_owned).map_err(|error| converted(&error))
    }

    fn read_list_begin(&mut self) -> thrift::Result<TListIdentifier> {
        let header = self.reader.list().map_err(|error| converted(&error))?;
        Ok(TListIdentifier::new(thrift_type(header.element), header.len.cast_signed()))
    }

    fn read_list_end(&mut self) -> thrift::Result<()> {
        Ok(())
    }

    fn read_set_begin(&mut self) -> thrift::Result<TSetIdentifier> {
        let header = self.reader.list().map_err(|error| converted(&error))?;
        Ok(TSetIdentifier::new(thrift_type(header.element), header.len.cast_signed()))
    }

    fn read_set_end(&mut self) -> thrift::Result<()> {
        Ok(())
    }

    fn read_map_begin(&mut self) -> thrift::Result<TMapIdentifier> {
        let header = self.reader.map().map_err(|error| converted(&error))?;
        let types = |wire| (header.len > 0).then(|| thrift_type(wire));
        Ok(TMapIdentifier::new(types(header.key), types(header.value), header.len.cast_signed()))
    }

    fn read_map_end(&mut self) -> thrift::Result<()> {
        Ok(())
    }

    fn skip_binary(&mut self) -> thrift::Result<()> {
        self.reader.binary().map(|_| ()).map_err(|error| converted(&error))
    }

    fn read_byte(&mut self) -> thrift::Result<u8> {
        self.reader.i8().map(i8::cast_unsigned).map_err(|error| converted(&error))
    }
}

#[cfg(test)]
mod tests;
