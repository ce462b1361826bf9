//! Thrift structures written with the `thrift` crate, and three footers made of them.

use thrift::protocol::{
    TCompactOutputProtocol, TFieldIdentifier, TListIdentifier, TOutputProtocol, TStructIdentifier,
    TType,
};

/// A value to write.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Bool(bool),
    I8(i8),
    I16(i16),
    I32(i32),
    I64(i64),
    Bytes(Vec<u8>),
    List(Vec<Value>),
    Struct(Vec<(i16, Value)>),
}

use Value::{Bool, I8, I16, I32, I64, List, Struct};

pub(super) fn text(text: &str) -> Value {
    Value::Bytes(text.as_bytes().to_vec())
}

pub(super) fn i32s(values: &[i32]) -> Value {
    List(values.iter().copied().map(I32).collect())
}

impl Value {
    fn kind(&self) -> TType {
        match self {
            Bool(_) => TType::Bool,
            I8(_) => TType::I08,
            I16(_) => TType::I16,
            I32(_) => TType::I32,
            I64(_) => TType::I64,
            Self::Bytes(_) => TType::String,
            List(_) => TType::List,
            Struct(_) => TType::Struct,
        }
    }

    fn write(&self, out: &mut dyn TOutputProtocol) {
        match self {
            Bool(value) => out.write_bool(*value),
            I8(value) => out.write_i8(*value),
            I16(value) => out.write_i16(*value),
            I32(value) => out.write_i32(*value),
            I64(value) => out.write_i64(*value),
            Self::Bytes(value) => out.write_bytes(value),
            List(values) => {
                let kind = values.first().map_or(TType::Struct, Self::kind);
                let size = i32::try_from(values.len()).unwrap();
                out.write_list_begin(&TListIdentifier::new(kind, size)).unwrap();
                values.iter().for_each(|value| value.write(out));
                out.write_list_end()
            }
            Struct(fields) => {
                out.write_struct_begin(&TStructIdentifier::new("")).unwrap();
                for (id, value) in fields {
                    let field = TFieldIdentifier::new("", value.kind(), *id);
                    out.write_field_begin(&field).unwrap();
                    value.write(out);
                    out.write_field_end().unwrap();
                }
                out.write_field_stop().unwrap();
                out.write_struct_end()
            }
        }
        .unwrap();
    }

    /// The value as compact Thrift.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut out = TCompactOutputProtocol::new(&mut bytes);
        self.write(&mut out);
        drop(out);
        bytes
    }

    /// The same structure with field `id` replaced, added (in order of ids) or, for `None`, removed.
    pub(super) fn with(&self, id: i16, value: Option<Value>) -> Self {
        let Struct(fields) = self else { panic!("not a structure: {self:?}") };
        let mut fields: Vec<_> = fields.iter().filter(|(known, _)| *known != id).cloned().collect();
        fields.extend(value.map(|value| (id, value)));
        fields.sort_by_key(|&(id, _)| id);
        Struct(fields)
    }
}

pub(super) fn leaf(name: &str, physical: i32, more: &[(i16, Value)]) -> Value {
    let mut fields = vec![(1, I32(physical)), (3, I32(1)), (4, text(name))];
    fields.extend_from_slice(more);
    Struct(fields)
}

pub(super) fn group(name: &str, children: i32) -> Value {
    Struct(vec![(3, I32(0)), (4, text(name)), (5, I32(children))])
}

/// A chunk's metadata with what is required of it: 70 bytes at `offset`.
pub(super) fn metadata(physical: i32, offset: i64) -> Value {
    Struct(vec![
        (1, I32(physical)),
        (2, i32s(&[0, 8])),
        (3, List(vec![text("path")])),
        (4, I32(1)),
        (5, I64(10)),
        (6, I64(90)),
        (7, I64(70)),
        (9, I64(offset)),
    ])
}

pub(super) fn chunk(metadata: Value) -> Value {
    Struct(vec![(2, I64(0)), (3, metadata)])
}

fn key_value(key: &str, value: Option<&str>) -> Value {
    let mut fields = vec![(1, text(key))];
    fields.extend(value.map(|value| (2, text(value))));
    Struct(fields)
}

fn unit(member: i16) -> Value {
    Struct(vec![(member, Struct(vec![]))])
}

/// Two row groups of an INT32, a BYTE_ARRAY and a DOUBLE, with all that a chunk can have.
pub(super) fn flat() -> Value {
    let statistics = Struct(vec![
        (1, text("old max")),
        (2, text("old min")),
        (3, I64(3)),
        (4, I64(7)),
        (5, text("max")),
        (6, text("min")),
        (7, Bool(false)),
        (8, Bool(true)),
        (9, I64(2)),
    ]);
    let counts = |encoding, count| Struct(vec![(1, I32(0)), (2, I32(encoding)), (3, I32(count))]);
    let dictionary = Struct(vec![(1, I32(2)), (2, I32(0)), (3, I32(1))]);
    let first = metadata(1, 300)
        .with(8, Some(List(vec![key_value("unit", Some("metre")), key_value("bare", None)])))
        .with(11, Some(I64(250)))
        .with(12, Some(statistics))
        .with(13, Some(List(vec![dictionary.clone(), counts(8, 2)])))
        .with(14, Some(I64(800)))
        .with(15, Some(I32(47)));
    let first = chunk(first)
        .with(4, Some(I64(900)))
        .with(5, Some(I32(20)))
        .with(6, Some(I64(920)))
        .with(7, Some(I32(30)));
    let second =
        metadata(6, 400).with(13, Some(List(vec![dictionary, counts(2, 1), counts(0, 1)])));
    let row_group = Struct(vec![
        (1, List(vec![first, chunk(second), chunk(metadata(5, 500).with(11, Some(I64(0))))])),
        (2, I64(270)),
        (3, I64(10)),
        (4, List(vec![Struct(vec![(1, I32(2)), (2, Bool(true)), (3, Bool(false))])])),
        (5, I64(250)),
        (6, I64(210)),
        (7, I16(0)),
    ]);
    let bare = Struct(vec![
        (1, List(vec![chunk(metadata(1, 300)), chunk(metadata(6, 0)), chunk(metadata(5, 9))])),
        (3, I64(32)),
    ]);
    let schema = vec![
        Struct(vec![(4, text("root")), (5, I32(3))]),
        leaf("a", 1, &[]),
        leaf("b", 6, &[(6, I32(0)), (10, unit(1))]),
        leaf("c", 5, &[(9, I32(-4))]),
    ];
    Struct(vec![
        (1, I32(2)),
        (2, List(schema)),
        (3, I64(0)),
        (4, List(vec![row_group, bare])),
        (5, List(vec![key_value("k", Some("v")), key_value("none", None)])),
        (6, text("millwork version 0.1.0 (build 0)")),
        (7, List(vec![unit(1), unit(9), unit(2)])),
    ])
}

/// No row groups; a schema with every annotation.
pub(super) fn annotated() -> Value {
    let time = |unit_id, utc| Struct(vec![(1, Bool(utc)), (2, unit(unit_id))]);
    let members: Vec<(i16, Value)> = vec![
        (1, Struct(vec![])),
        (2, Struct(vec![])),
        (3, Struct(vec![])),
        (4, Struct(vec![])),
        (5, Struct(vec![(1, I32(2)), (2, I32(9))])),
        (6, Struct(vec![])),
        (7, time(1, true)),
        (8, time(3, false)),
        (10, Struct(vec![(1, I8(16)), (2, Bool(false))])),
        (11, Struct(vec![])),
        (12, Struct(vec![])),
        (13, Struct(vec![])),
        (14, Struct(vec![])),
        (15, Struct(vec![])),
        (16, Struct(vec![(1, I8(1))])),
        (17, Struct(vec![(1, text("srid:5070"))])),
        (18, Struct(vec![(2, I32(3))])),
        (8, time(4, true)),
        (10, Struct(vec![(1, I8(24)), (2, Bool(true))])),
        (99, Struct(vec![])),
        (1, I32(7)),
    ];
    let root = Struct(vec![(4, text("root")), (5, I32(2))]);
    let mut schema = vec![root, group("g", i32::try_from(members.len()).unwrap())];
    schema.extend(members.iter().map(|member| {
        leaf("x", 6, &[(7, I32(2)), (8, I32(9)), (10, Struct(vec![member.clone()]))])
    }));
    schema.push(leaf("fixed", 7, &[]).with(2, Some(I32(12))).with(6, Some(I32(21))));
    Struct(vec![(1, I32(1)), (2, List(schema)), (3, I64(0)), (4, List(vec![]))])
}

/// An encrypted column next to a plain one in another file, and the row groups before the schema.
pub(super) fn encrypted() -> Value {
    let key = Struct(vec![(2, Struct(vec![(1, List(vec![text("a")])), (2, text("key"))]))]);
    let secret = Struct(vec![(2, I64(0)), (8, key), (9, Value::Bytes(vec![0xfe; 40]))]);
    let elsewhere = chunk(metadata(2, 4)).with(1, Some(text("other.parquet")));
    let row_group = Struct(vec![(1, List(vec![secret, elsewhere])), (3, I64(5)), (7, I16(0))]);
    let schema =
        vec![Struct(vec![(4, text("root")), (5, I32(2))]), leaf("a", 1, &[]), leaf("b", 2, &[])];
    Struct(vec![
        (4, List(vec![row_group])),
        (2, List(schema)),
        (8, Struct(vec![(1, Struct(vec![(2, text("unique"))]))])),
        (9, text("signing key")),
        (32_767, Struct(vec![(1, text("an extension"))])),
    ])
}
