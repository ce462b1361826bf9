//! Our protocol against the `thrift` crate's, on the same bytes.

use thrift::protocol::{TCompactInputProtocol, TCompactOutputProtocol, TOutputProtocol};

use super::*;
use crate::limits::Limits;

/// What a walk over all fields of a structure meets, in order.
#[derive(Clone, Debug, PartialEq)]
enum Met {
    Field(i16, TType),
    Bool(bool),
    Integer(i64),
    Double(u64),
    Bytes(Vec<u8>),
    Collection(Option<TType>, Option<TType>, i32),
    End,
}

fn walk(protocol: &mut dyn TInputProtocol, kind: TType, met: &mut Vec<Met>) -> thrift::Result<()> {
    match kind {
        TType::Bool => met.push(Met::Bool(protocol.read_bool()?)),
        TType::I08 => met.push(Met::Integer(protocol.read_i8()?.into())),
        TType::I16 => met.push(Met::Integer(protocol.read_i16()?.into())),
        TType::I32 => met.push(Met::Integer(protocol.read_i32()?.into())),
        TType::I64 => met.push(Met::Integer(protocol.read_i64()?)),
        TType::Double => met.push(Met::Double(protocol.read_double()?.to_bits())),
        TType::String => met.push(Met::Bytes(protocol.read_bytes()?)),
        TType::Uuid => met.push(Met::Bytes(protocol.read_uuid()?.as_bytes().to_vec())),
        TType::Struct => {
            protocol.read_struct_begin()?;
            loop {
                let field = protocol.read_field_begin()?;
                if field.field_type == TType::Stop {
                    break;
                }
                met.push(Met::Field(field.id.unwrap(), field.field_type));
                walk(protocol, field.field_type, met)?;
            }
            protocol.read_struct_end()?;
            met.push(Met::End);
        }
        TType::List | TType::Set => {
            let (element, size) = if kind == TType::List {
                let list = protocol.read_list_begin()?;
                (list.element_type, list.size)
            } else {
                let set = protocol.read_set_begin()?;
                (set.element_type, set.size)
            };
            met.push(Met::Collection((size > 0).then_some(element), None, size));
            for _ in 0..size {
                walk(protocol, element, met)?;
            }
        }
        TType::Map => {
            let map = protocol.read_map_begin()?;
            met.push(Met::Collection(map.key_type, map.value_type, map.size));
            for _ in 0..map.size {
                walk(protocol, map.key_type.unwrap(), met)?;
                walk(protocol, map.value_type.unwrap(), met)?;
            }
        }
        TType::Stop | TType::Void | TType::Utf7 => unreachable!(),
    }
    Ok(())
}

fn ours(bytes: &[u8]) -> thrift::Result<Vec<Met>> {
    let mut protocol = CompactProtocol::new(CompactReader::new(bytes, 0, &Limits::standard()));
    let mut met = Vec::new();
    walk(&mut protocol, TType::Struct, &mut met).map(|()| met)
}

fn theirs(bytes: &[u8]) -> thrift::Result<Vec<Met>> {
    let mut protocol = TCompactInputProtocol::new(std::io::Cursor::new(bytes));
    let mut met = Vec::new();
    walk(&mut protocol, TType::Struct, &mut met).map(|()| met)
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

const KINDS: [TType; 12] = [
    TType::Bool,
    TType::I08,
    TType::I16,
    TType::I32,
    TType::I64,
    TType::Double,
    TType::String,
    TType::Uuid,
    TType::Struct,
    TType::List,
    TType::Set,
    TType::Map,
];

/// Writes a value of `kind` with contents drawn from `random`.
fn write(out: &mut dyn TOutputProtocol, kind: TType, random: &mut Random, depth: u32) {
    let draw = random.next();
    let some_kind = |draw: u64| KINDS[draw as usize % if depth > 3 { 8 } else { KINDS.len() }];
    let wide = (draw as i64) >> (draw % 64);
    match kind {
        TType::Bool => out.write_bool(draw & 64 == 0).unwrap(),
        TType::I08 => out.write_i8(draw as i8).unwrap(),
        TType::I16 => out.write_i16(wide as i16).unwrap(),
        TType::I32 => out.write_i32(wide as i32).unwrap(),
        TType::I64 => out.write_i64(wide).unwrap(),
        TType::Double => out.write_double(f64::from_bits(draw)).unwrap(),
        TType::String => out.write_bytes(&vec![draw as u8; (draw >> 8) as usize % 200]).unwrap(),
        TType::Uuid => {
            let value = u128::from(draw) * 0x1_0000_0001_0000_0001;
            out.write_uuid(&uuid::Uuid::from_u128(value)).unwrap();
        }
        TType::Struct => {
            out.write_struct_begin(&TStructIdentifier::new("s")).unwrap();
            let mut id = 0i16;
            for _ in 0..draw % 7 {
                let draw = random.next();
                let kind = some_kind(draw);
                id = id.saturating_add((draw >> 16) as i16 % 20 * 3).wrapping_add(1);
                out.write_field_begin(&TFieldIdentifier::new("f", kind, id)).unwrap();
                write(out, kind, random, depth + 1);
                out.write_field_end().unwrap();
            }
            out.write_field_stop().unwrap();
            out.write_struct_end().unwrap();
        }
        TType::List | TType::Set => {
            let (element, size) = (some_kind(draw), (draw >> 20) as i32 & 0xffff);
            let size = size % if depth > 2 { 4 } else { 20 };
            if kind == TType::List {
                out.write_list_begin(&TListIdentifier::new(element, size)).unwrap();
            } else {
                out.write_set_begin(&TSetIdentifier::new(element, size)).unwrap();
            }
            for _ in 0..size {
                write(out, element, random, depth + 1);
            }
        }
        TType::Map => {
            let (key, value) = (KINDS[draw as usize % 8], some_kind(draw >> 8));
            let size = (draw >> 20) as i32 & 3;
            out.write_map_begin(&TMapIdentifier::new(key, value, size)).unwrap();
            for _ in 0..size {
                write(out, key, random, depth + 1);
                write(out, value, random, depth + 1);
            }
        }
        TType::Stop | TType::Void | TType::Utf7 => unreachable!(),
    }
}

fn random_structure(seed: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut out = TCompactOutputProtocol::new(&mut bytes);
    write(&mut out, TType::Struct, &mut Random(seed * 0x9e37_79b9 + 1), 0);
    out.flush().unwrap();
    drop(out);
    bytes
}

#[test]
fn both_protocols_meet_the_same_values() {
    let mut values = 0;
    for seed in 0..2000 {
        let bytes = random_structure(seed);
        let met = ours(&bytes).unwrap();
        values += met.len();
        assert_eq!(met, theirs(&bytes).unwrap(), "seed {seed}");
        for end in 0..bytes.len().min(300) {
            assert!(ours(&bytes[..end]).is_err(), "seed {seed} cut at {end}");
        }
    }
    assert!(values > 20_000, "the structures are too small to say anything: {values}");
}

/// Where ours accepts flipped bytes, theirs does, with the same values.
#[test]
fn ours_accepts_nothing_that_theirs_reads_otherwise() {
    for seed in 0..150 {
        let mut bytes = random_structure(seed);
        bytes.truncate(400);
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            if let Ok(met) = ours(&bytes) {
                match theirs(&bytes) {
                    Ok(expected) => assert_eq!(met, expected, "seed {seed} bit {bit}"),
                    Err(error) => assert!(
                        format!("{error:?}").contains("convert"),
                        "seed {seed} bit {bit}: only theirs fails: {error:?}"
                    ),
                }
            }
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

#[test]
fn a_message_and_its_structure_are_read() {
    let mut bytes = Vec::new();
    let mut out = TCompactOutputProtocol::new(&mut bytes);
    let sent = TMessageIdentifier::new("call", TMessageType::Call, 70_000);
    out.write_message_begin(&sent).unwrap();
    write(&mut out, TType::Struct, &mut Random(5), 0);
    drop(out);
    let mut protocol = CompactProtocol::new(CompactReader::new(&bytes, 0, &Limits::standard()));
    assert_eq!(protocol.read_message_begin().unwrap(), sent);
    protocol.skip(TType::Struct).unwrap();
    assert_eq!(protocol.into_reader().remaining(), 0);
}
