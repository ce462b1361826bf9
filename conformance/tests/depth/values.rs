//! A page of values under ninety structs and lists, read in every way on small stacks.
//!
//! The column is `s`, a struct with a list `l` of structs with a list `l`, and so on. Each definition level ends
//! a row, and at each repetition level a row goes on with a second element.

use std::fs;

use conformance::assemble::{Assembler, Element, Group, Page, Repetition, run};
use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::Buffer;
use millwork_engine::session::{Consumer, Session, SessionOptions, StatementOutcome};
use millwork_format::batch::Batch;
use millwork_format::limits::Limits;
use millwork_format::metadata::{Compression, Encoding, PhysicalType};
use millwork_format::read::{BatchOptions, File};
use millwork_format::record::{JsonWriter, Value};
use millwork_format::types::Field;
use millwork_format::verify::{Depth, Options, verify};

use super::on_a_stack_of;

/// A struct, its list, and the repeated group of that: three groups and three definition levels each.
const UNITS: usize = 30;
/// With this definition level there is a value.
const VALUE: usize = 3 * UNITS + 1;
const STACK: usize = 256 << 10;

/// Rows as their slots: repetition and definition level, and the value.
fn rows() -> Vec<Vec<(usize, usize, i32)>> {
    let ended = (0..=VALUE).map(|definition| vec![(0, definition, definition as i32)]);
    let repeated = (1..=UNITS).map(|level| {
        let value = 1_000 * level as i32;
        vec![(0, VALUE, value), (level, VALUE, value + 1)]
    });
    ended.chain(repeated).collect()
}

fn levels(levels: impl Iterator<Item = usize>) -> Vec<u8> {
    let runs: Vec<u8> = levels.flat_map(|level| run(1, level as u32, 1)).collect();
    [&(runs.len() as u32).to_le_bytes()[..], &runs].concat()
}

fn bytes() -> Vec<u8> {
    let mut schema = vec![Element::root(1)];
    for unit in 0..UNITS {
        let name = if unit == 0 { "s" } else { "element" };
        schema.push(Element::group(name, Repetition::Optional, 1));
        // 3 is LIST.
        schema.push(Element::group("l", Repetition::Optional, 1).converted(3));
        schema.push(Element::group("list", Repetition::Repeated, 1));
    }
    schema.push(Element::leaf("element", Repetition::Optional, PhysicalType::Int32));
    let (rows, mut path) = (rows(), vec!["s"]);
    path.extend(["l", "list", "element"].repeat(UNITS));
    let slots: Vec<_> = rows.iter().flatten().collect();
    let values = slots.iter().filter(|slot| slot.1 == VALUE).flat_map(|slot| slot.2.to_le_bytes());
    let body = [
        levels(slots.iter().map(|slot| slot.0)),
        levels(slots.iter().map(|slot| slot.1)),
        values.collect(),
    ];
    let page = Page::v1(slots.len() as i32, Encoding::Plain, body.concat());
    let mut file = Assembler::default();
    let plain = Compression::Uncompressed;
    let chunk = file.chunk(&path, PhysicalType::Int32, plain, &[page]).unwrap();
    let groups = vec![Group { chunks: vec![chunk], rows: rows.len() as i64 }];
    file.end_with(&Assembler::footer(schema, groups)).unwrap().into_bytes()
}

fn open() -> File {
    let buffer = Buffer::copy_of(&bytes(), &Budget::unlimited()).unwrap();
    File::from_bytes("deep", buffer, &Limits::standard()).unwrap()
}

/// The struct of unit `unit`, or the value below all of them, as JSON.
fn json_of(unit: usize, slots: &[(usize, usize, i32)]) -> String {
    let (_, definition, value) = slots[0];
    if definition <= 3 * unit {
        return "null".to_owned();
    }
    if unit == UNITS {
        return value.to_string();
    }
    let list = match definition - 3 * unit {
        1 => "null".to_owned(),
        2 => "[]".to_owned(),
        _ => {
            let is_apart = slots.get(1).is_some_and(|slot| slot.0 == unit + 1);
            let parts = if is_apart { vec![&slots[..1], &slots[1..]] } else { vec![slots] };
            let parts: Vec<_> = parts.iter().map(|slots| json_of(unit + 1, slots)).collect();
            format!("[{}]", parts.join(","))
        }
    };
    format!("{{\"l\":{list}}}")
}

fn expected() -> Vec<String> {
    rows().iter().map(|slots| json_of(0, slots)).collect()
}

fn lines(text: Vec<u8>) -> Vec<String> {
    String::from_utf8(text).unwrap().lines().map(str::to_owned).collect()
}

/// Each with the name of its column around it.
fn named(values: &[String]) -> Vec<String> {
    values.iter().map(|value| format!("{{\"s\":{value}}}")).collect()
}

#[test]
fn r24_values_as_deep_as_allowed_are_read_by_batches_and_as_json() {
    let (text, shown, worst) = on_a_stack_of(STACK, || {
        let file = open();
        let batches = file.batches(BatchOptions::default()).unwrap();
        let mut writer = JsonWriter::new(&batches.fields());
        let mut text = Vec::new();
        for batch in batches {
            writer.write_batch(&batch.unwrap(), &mut text).unwrap();
        }
        let options = Options { depth: Depth::Values, ..Options::default() };
        let report = verify(&file, &options, &mut |finding| panic!("{finding:?}")).unwrap();
        (text, file.schema().columns()[0].field.data_type.to_string(), report.worst())
    });
    assert_eq!(lines(text), named(&expected()));
    assert_eq!(worst, None);
    let ends = "STRUCT(l ".len() * UNITS + "INTEGER".len() + "[])".len() * UNITS;
    assert_eq!((shown.len(), shown.matches("[])").count()), (ends, UNITS), "{shown}");
}

/// How deep the first value of a row lies, and what it is; of a list its length where that is not 1.
fn walked<'a>(mut value: Value<'a>) -> (usize, String) {
    for depth in 0.. {
        value = match value {
            Value::Struct(row) => row.get("l").unwrap(),
            Value::List(list) if list.len() == 1 => list.iter().next().unwrap().unwrap(),
            Value::List(list) => return (depth, list.len().to_string()),
            other => return (depth, format!("{other:?}")),
        };
    }
    unreachable!("a value ends")
}

#[test]
fn r24_values_as_deep_as_allowed_are_rows_and_lists() {
    let found = on_a_stack_of(STACK, || {
        let file = open();
        let mut rows = file.rows(BatchOptions::default()).unwrap();
        let mut found = Vec::new();
        while let Some(row) = rows.read_next().unwrap() {
            found.push(walked(row.get("s").unwrap()));
        }
        found
    });
    // Two steps a unit; the third definition level is an element, which is a null or the next struct.
    let ended = (0..=VALUE).map(|definition| {
        let (unit, rest) = (definition / 3, definition % 3);
        match (definition, rest) {
            (VALUE, _) => (2 * UNITS, format!("Integer({VALUE})")),
            (_, 0) => (2 * unit, "Null".to_owned()),
            (_, 1) => (2 * unit + 1, "Null".to_owned()),
            _ => (2 * unit + 1, "0".to_owned()),
        }
    });
    let repeated = (1..=UNITS).map(|level| (2 * level - 1, "2".to_owned()));
    assert_eq!(found, ended.chain(repeated).collect::<Vec<_>>());
}

/// The rows of answers as JSON.
#[derive(Default)]
struct Answer {
    writer: Option<JsonWriter>,
    text: Vec<u8>,
}

impl Consumer for Answer {
    fn begin(&mut self, _: usize, fields: &[Field]) -> millwork_engine::Result<()> {
        self.writer = Some(JsonWriter::new(fields));
        Ok(())
    }
    fn batch(&mut self, batch: &Batch) -> millwork_engine::Result<()> {
        self.writer.as_mut().unwrap().write_batch(batch, &mut self.text)?;
        Ok(())
    }
    fn end(&mut self, _: usize, _: &StatementOutcome) -> millwork_engine::Result<()> {
        Ok(())
    }
}

#[test]
fn r24_values_as_deep_as_allowed_are_asked_by_sql() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep.parquet");
    fs::write(&path, bytes()).unwrap();
    let from = format!("from '{}'", path.display());
    let ask = |select: &str| {
        let text = format!("{select} {from}");
        let answer = on_a_stack_of(STACK, move || {
            let mut answer = Answer::default();
            let options = SessionOptions { threads: 2, ..SessionOptions::default() };
            Session::new(options).run(&text, &mut answer).map(|()| answer.text)
        });
        lines(answer.unwrap_or_else(|error| panic!("{select}: {error}")))
    };
    let all = expected();
    assert_eq!(ask("select s"), named(&all));
    let mut distinct = ask("select distinct s");
    let mut sorted = named(&all);
    distinct.sort();
    sorted.sort();
    assert_eq!(distinct, sorted);
    let leaf = format!("s{}", ".l[1]".repeat(UNITS));
    let second = format!("s.l[2]{}", ".l[1]".repeat(UNITS - 1));
    // Of the rows that go on with a second element, the outermost one alone does so in the first list.
    let values = UNITS as i64 + 1;
    let sum = VALUE as i64 + (1..=UNITS as i64).map(|level| 1_000 * level).sum::<i64>();
    for (select, answer) in [
        (
            format!("select count({leaf}) as n, sum({leaf}) as t, max({second}) as m"),
            format!("{{\"n\":{values},\"t\":{sum},\"m\":1001}}"),
        ),
        ("select count(distinct s) as n".to_owned(), format!("{{\"n\":{}}}", all.len() - 1)),
        (
            "select count(*) as n, count(s) as m, count(s.l) as l".to_owned(),
            format!("{{\"n\":{0},\"m\":{1},\"l\":{2}}}", all.len(), all.len() - 1, all.len() - 2),
        ),
        (
            "select sum(case when s = s then 1 end) as n".to_owned(),
            format!("{{\"n\":{}}}", all.len() - 1),
        ),
    ] {
        assert_eq!(ask(&select), [answer], "{select}");
    }
    let texts = ask("select length(cast(s as varchar)) as n");
    let longest = format!("{{\"n\":{}}}", "{'l': []}".len() * UNITS + VALUE.to_string().len());
    assert_eq!((texts.len(), &texts[VALUE]), (all.len(), &longest));
}
