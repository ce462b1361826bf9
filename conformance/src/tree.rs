//! Thrift structures as trees, written and read by the `thrift` crate.
//!
//! In: a [`Node`], or bytes. Out: bytes, or a [`Node`]. Nothing of our own reader is used here, so what
//! it makes of these bytes is judged by another program. A node can be made to lie: see [`Node::List`].

use std::io::Cursor;

use thrift::protocol::{
    TCompactInputProtocol, TCompactOutputProtocol, TFieldIdentifier, TInputProtocol,
    TListIdentifier, TOutputProtocol, TStructIdentifier, TType,
};

/// A value of Thrift, of the kinds that Parquet's structures use.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// A boolean.
    Bool(bool),
    /// One byte.
    I8(i8),
    /// 16 bits.
    I16(i16),
    /// 32 bits: enumerations too.
    I32(i32),
    /// 64 bits.
    I64(i64),
    /// A float.
    Double(f64),
    /// Bytes or text.
    Bytes(Vec<u8>),
    /// Elements of the kind of the first, with another number claimed than there are, or not.
    List(Option<i32>, Vec<Self>),
    /// Fields in order.
    Struct(Vec<(i16, Self)>),
}

impl Node {
    /// A text.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::Bytes(text.as_bytes().to_vec())
    }

    /// A list that says the truth.
    #[must_use]
    pub fn list(elements: Vec<Self>) -> Self {
        Self::List(None, elements)
    }

    /// Sets field `id` of a structure, in its place.
    pub fn set(&mut self, id: i16, value: Self) {
        if let Self::Struct(fields) = self {
            match fields.iter_mut().find(|(found, _)| *found == id) {
                Some((_, old)) => *old = value,
                None => {
                    let place = fields.partition_point(|(found, _)| *found < id);
                    fields.insert(place, (id, value));
                }
            }
        }
    }

    /// Field `id` of a structure.
    #[must_use]
    pub fn field(&self, id: i16) -> Option<&Self> {
        match self {
            Self::Struct(fields) => {
                fields.iter().find(|(found, _)| *found == id).map(|(_, node)| node)
            }
            _ => None,
        }
    }

    fn kind(&self) -> TType {
        match self {
            Self::Bool(_) => TType::Bool,
            Self::I8(_) => TType::I08,
            Self::I16(_) => TType::I16,
            Self::I32(_) => TType::I32,
            Self::I64(_) => TType::I64,
            Self::Double(_) => TType::Double,
            Self::Bytes(_) => TType::String,
            Self::List(..) => TType::List,
            Self::Struct(_) => TType::Struct,
        }
    }

    /// This structure in the compact protocol.
    ///
    /// # Errors
    /// The crate refuses to write it: it is nested too deeply.
    pub fn encode(&self) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        let mut protocol = TCompactOutputProtocol::new(&mut bytes);
        self.write(&mut protocol).map_err(|error| error.to_string())?;
        Ok(bytes)
    }

    fn write(&self, out: &mut impl TOutputProtocol) -> thrift::Result<()> {
        match self {
            Self::Bool(value) => out.write_bool(*value),
            Self::I8(value) => out.write_i8(*value),
            Self::I16(value) => out.write_i16(*value),
            Self::I32(value) => out.write_i32(*value),
            Self::I64(value) => out.write_i64(*value),
            Self::Double(value) => out.write_double(*value),
            Self::Bytes(value) => out.write_bytes(value),
            Self::List(claim, elements) => {
                let kind = elements.first().map_or(TType::I32, Self::kind);
                let len = claim.unwrap_or(i32::try_from(elements.len()).unwrap_or(i32::MAX));
                out.write_list_begin(&TListIdentifier::new(kind, len))?;
                elements.iter().try_for_each(|element| element.write(out))?;
                out.write_list_end()
            }
            Self::Struct(fields) => {
                out.write_struct_begin(&TStructIdentifier::new(""))?;
                for (id, value) in fields {
                    out.write_field_begin(&TFieldIdentifier::new("", value.kind(), *id))?;
                    value.write(out)?;
                    out.write_field_end()?;
                }
                out.write_field_stop()?;
                out.write_struct_end()
            }
        }
    }

    /// The structure that `bytes` begin with, and how many of them it takes.
    ///
    /// # Errors
    /// They are no structure of the compact protocol, or one of other kinds than there are here.
    pub fn decode(bytes: &[u8]) -> Result<(Self, usize), String> {
        let mut cursor = Cursor::new(bytes);
        let mut protocol = TCompactInputProtocol::new(&mut cursor);
        let node = read(&mut protocol, TType::Struct).map_err(|error| error.to_string())?;
        Ok((node, cursor.position() as usize))
    }
}

fn read(from: &mut impl TInputProtocol, kind: TType) -> thrift::Result<Node> {
    Ok(match kind {
        TType::Bool => Node::Bool(from.read_bool()?),
        TType::I08 => Node::I8(from.read_i8()?),
        TType::I16 => Node::I16(from.read_i16()?),
        TType::I32 => Node::I32(from.read_i32()?),
        TType::I64 => Node::I64(from.read_i64()?),
        TType::Double => Node::Double(from.read_double()?),
        TType::String => Node::Bytes(from.read_bytes()?),
        TType::List => {
            let list = from.read_list_begin()?;
            let elements = (0..list.size).map(|_| read(from, list.element_type));
            let elements = elements.collect::<thrift::Result<_>>()?;
            from.read_list_end()?;
            Node::List(None, elements)
        }
        TType::Struct => {
            let mut fields = Vec::new();
            from.read_struct_begin()?;
            loop {
                let field = from.read_field_begin()?;
                if field.field_type == TType::Stop {
                    break;
                }
                fields.push((field.id.unwrap_or(0), read(from, field.field_type)?));
                from.read_field_end()?;
            }
            from.read_struct_end()?;
            Node::Struct(fields)
        }
        other => return Err(thrift::Error::User(format!("{other:?} in a structure").into())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trees_come_back() {
        let tree = Node::Struct(vec![
            (1, Node::I32(-5)),
            (2, Node::Bool(true)),
            (3, Node::list(vec![Node::Bool(false), Node::Bool(true)])),
            (4, Node::list((0..20).map(Node::I64).collect())),
            (40, Node::Struct(vec![(1, Node::text("x")), (2, Node::Double(0.5))])),
            (41, Node::list(vec![Node::Struct(vec![(7, Node::I16(3)), (8, Node::I8(-1))])])),
        ]);
        let bytes = tree.encode().unwrap();
        assert_eq!(Node::decode(&[&bytes[..], b"behind"].concat()), Ok((tree, bytes.len())));
        assert!(Node::decode(&bytes[..bytes.len() - 1]).is_err());
    }
}
