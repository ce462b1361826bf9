//! The same footer bytes through the `thrift` crate's protocol, and then field by field against ours.

use std::collections::BTreeMap;

use thrift::protocol::{TCompactInputProtocol, TInputProtocol, TType};

use super::*;
use crate::thrift::compact::CompactReader;
use crate::thrift::protocol::CompactProtocol;

/// A Thrift value without its meaning.
#[derive(Clone, Debug, PartialEq)]
enum Tree {
    Bool(bool),
    Integer(i64),
    Double(u64),
    Bytes(Vec<u8>),
    List(TType, Vec<Tree>),
    Struct(BTreeMap<i16, (TType, Tree)>),
}

impl Tree {
    fn read(protocol: &mut dyn TInputProtocol, kind: TType) -> Self {
        match kind {
            TType::Bool => Self::Bool(protocol.read_bool().unwrap()),
            TType::I08 => Self::Integer(protocol.read_i8().unwrap().into()),
            TType::I16 => Self::Integer(protocol.read_i16().unwrap().into()),
            TType::I32 => Self::Integer(protocol.read_i32().unwrap().into()),
            TType::I64 => Self::Integer(protocol.read_i64().unwrap()),
            TType::Double => Self::Double(protocol.read_double().unwrap().to_bits()),
            TType::String => Self::Bytes(protocol.read_bytes().unwrap()),
            TType::List => {
                let list = protocol.read_list_begin().unwrap();
                let elements =
                    (0..list.size).map(|_| Self::read(protocol, list.element_type)).collect();
                Self::List(list.element_type, elements)
            }
            TType::Struct => {
                protocol.read_struct_begin().unwrap();
                let mut fields = BTreeMap::new();
                loop {
                    let field = protocol.read_field_begin().unwrap();
                    if field.field_type == TType::Stop {
                        break;
                    }
                    let value = Self::read(protocol, field.field_type);
                    fields.insert(field.id.unwrap(), (field.field_type, value));
                }
                protocol.read_struct_end().unwrap();
                Self::Struct(fields)
            }
            other => panic!("{other} does not occur in Parquet"),
        }
    }

    fn field(&self, id: i16) -> Option<&Self> {
        match self {
            Self::Struct(fields) => fields.get(&id).map(|(_, value)| value),
            other => panic!("not a structure: {other:?}"),
        }
    }

    /// A path of field ids to an integer; -1 if something on it is absent or another type.
    fn number(&self, path: &[i16]) -> i64 {
        match path {
            [] => match self {
                Self::Integer(value) => *value,
                _ => -1,
            },
            [id, rest @ ..] => self.field(*id).map_or(-1, |value| value.number(rest)),
        }
    }

    fn bytes(&self, id: i16) -> Option<&[u8]> {
        match self.field(id)? {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    fn list(&self, id: i16) -> &[Self] {
        match self.field(id) {
            Some(Self::List(_, elements)) => elements,
            _ => &[],
        }
    }
}

fn same(found: u64, expected: i64, what: &str) {
    assert_eq!(found, u64::try_from(expected).unwrap_or(0), "{what}");
}

/// Compares a footer with the tree that both protocols make of its bytes.
pub(super) fn compare(bytes: &[u8], footer: &Footer, name: &str) {
    let theirs =
        Tree::read(&mut TCompactInputProtocol::new(std::io::Cursor::new(bytes)), TType::Struct);
    let reader = CompactReader::new(bytes, 0, &Limits::standard());
    let ours = Tree::read(&mut CompactProtocol::new(reader), TType::Struct);
    assert_eq!(ours, theirs, "{name}");
    assert_eq!(footer.schema().len(), theirs.list(2).len(), "{name}");
    for (element, tree) in footer.schema().iter().zip(theirs.list(2)) {
        assert_eq!(element.name.as_bytes(), tree.bytes(4).unwrap(), "{name}");
        let code = element.physical_type.map_or(-1, |physical| i64::from(physical.code()));
        assert_eq!(code, tree.number(&[1]), "{name}");
        assert_eq!(element.num_children.map_or(-1, i64::from), tree.number(&[5]), "{name}");
        let converted = element.converted_type.map_or(-1, |converted| converted.code().into());
        assert_eq!(converted, tree.number(&[6]), "{name}");
        assert_eq!(element.logical_type.is_some(), tree.field(10).is_some(), "{name}");
    }
    assert_eq!(footer.num_row_groups(), theirs.list(4).len(), "{name}");
    for (row_group, tree) in footer.row_groups().zip(theirs.list(4)) {
        same(row_group.num_rows(), tree.number(&[3]), name);
        assert_eq!(row_group.columns().len(), tree.list(1).len(), "{name}");
        for (column, tree) in row_group.columns().zip(tree.list(1)) {
            compare_column(column, tree, name);
        }
    }
    assert_eq!(footer.created_by().map(str::as_bytes), theirs.bytes(6), "{name}");
    assert_eq!(footer.key_values().len(), theirs.list(5).len(), "{name}");
}

fn compare_column(column: ColumnChunk<'_>, tree: &Tree, name: &str) {
    same(column.num_values(), tree.number(&[3, 5]), name);
    same(column.total_uncompressed_size(), tree.number(&[3, 6]), name);
    same(column.total_compressed_size(), tree.number(&[3, 7]), name);
    same(column.data_page_offset(), tree.number(&[3, 9]), name);
    same(column.dictionary_page_offset().unwrap_or(0), tree.number(&[3, 11]), name);
    same(column.bloom_filter().map_or(0, |(offset, _)| offset), tree.number(&[3, 14]), name);
    same(column.offset_index().map_or(0, |(offset, _)| offset), tree.number(&[4]), name);
    same(column.offset_index().map_or(0, |(_, len)| len.into()), tree.number(&[5]), name);
    same(column.column_index().map_or(0, |(offset, _)| offset), tree.number(&[6]), name);
    same(column.column_index().map_or(0, |(_, len)| len.into()), tree.number(&[7]), name);
    let statistics = column.statistics().unwrap();
    let stated = tree.field(3).and_then(|metadata| metadata.field(12));
    assert_eq!(statistics.is_some(), stated.is_some(), "{name}");
    if let (Some(statistics), Some(tree)) = (statistics, stated) {
        assert_eq!(statistics.min_value, tree.bytes(6), "{name}");
        assert_eq!(statistics.max_value, tree.bytes(5), "{name}");
        assert_eq!(statistics.legacy_min, tree.bytes(2), "{name}");
        assert_eq!(statistics.legacy_max, tree.bytes(1), "{name}");
        let nulls = statistics.null_count.map_or(-1, |count| i64::try_from(count).unwrap());
        assert_eq!(nulls, tree.number(&[3]), "{name}");
    }
}

#[test]
fn hand_made_footers_agree() {
    for value in [build::flat(), build::annotated(), build::encrypted()] {
        let bytes = value.bytes();
        compare(&bytes, &parse(&bytes, 10_000).unwrap(), "hand-made");
    }
}
