//! First inputs of every target: parts of the files in `fixtures`, which other programs wrote.

use std::path::Path;

use millwork_format::metadata::{Compression, Encoding, PageHeader, PageKind, PhysicalType};

use super::{alp, old_levels, page, statement};
use crate::anatomy::{Anatomy, Body, Original};
use crate::assemble::{Assembler, Element, Group, Page, Repetition, run};
use crate::{corpus, examine};

/// Longer inputs teach little and cost much.
const MOST_BYTES: usize = 8 << 10;

/// Seeds of one target.
const MOST_SEEDS: usize = 400;

/// First inputs for `target`.
///
/// # Errors
/// The fixtures cannot be read.
pub fn seeds(target: &str) -> Result<Vec<Vec<u8>>, String> {
    let mut found = Vec::new();
    match target {
        "sql" => return Ok(statement::seeds()),
        "alp" => found.extend(alp::seeds()),
        "file" | "verify" => found.extend(long_pages()?),
        "bit_packed_levels" => return Ok(old_levels::seeds()),
        _ => {}
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let names = corpus::files(&root).map_err(|error| error.to_string())?;
    for name in names.iter().filter(|name| name.ends_with(".parquet")) {
        let bytes = std::fs::read(root.join(name)).map_err(|error| error.to_string())?;
        of_file(target, &Original { name: name.clone(), bytes }, &mut found);
    }
    found.retain(|seed| !seed.is_empty() && seed.len() <= MOST_BYTES);
    found.sort_by(|a, b| a.len().cmp(&b.len()).then_with(|| a.cmp(b)));
    found.dedup();
    let every = found.len().div_ceil(MOST_SEEDS).max(1);
    Ok(found.into_iter().step_by(every).collect())
}

/// Files of one page of many rows in a few bytes, whose levels are not decoded at once: optional values,
/// those of a struct, lists.
pub(super) fn long_pages() -> Result<Vec<Vec<u8>>, String> {
    const ROWS: u64 = 1 << 20;
    let levels = |runs: &[(u64, u32)]| {
        let runs: Vec<u8> = runs.iter().flat_map(|(count, level)| run(*count, *level, 1)).collect();
        [&(runs.len() as u32).to_le_bytes()[..], &runs].concat()
    };
    let file = |schema: Vec<Element>, path: &[&str], rows: u64, levels: Vec<u8>, values: u64| {
        let codes = [vec![1], run(values / 2, 0, 1), run(values - values / 2, 1, 1)].concat();
        let body = [levels, codes].concat();
        let page = Page::v1(rows as i32, Encoding::RleDictionary, body);
        let dictionary = Page::dictionary(2, [7i32.to_le_bytes(), 9i32.to_le_bytes()].concat());
        let mut file = Assembler::default();
        let (physical, plain) = (PhysicalType::Int32, Compression::Uncompressed);
        let chunk = file.chunk(path, physical, plain, &[dictionary, page])?;
        let group = Group { chunks: vec![chunk], rows: rows as i64 };
        Ok::<_, String>(file.end_with(&Assembler::footer(schema, vec![group]))?.into_bytes())
    };
    let leaf = |name, repetition| Element::leaf(name, repetition, PhysicalType::Int32);
    let optional = leaf("a", Repetition::Optional);
    let flat = vec![Element::root(1), optional.clone()];
    let group = Element::group("s", Repetition::Optional, 1);
    let nested = vec![Element::root(1), group, optional];
    let lists = vec![Element::root(1), leaf("l", Repetition::Repeated)];
    let of_lists = [levels(&[(ROWS, 0)]), levels(&[(600, 1), (400, 0), (ROWS - 1000, 1)])].concat();
    Ok(vec![
        file(
            flat,
            &["a"],
            3 * ROWS,
            levels(&[(600, 0), (3 * ROWS - 610, 1), (10, 0)]),
            3 * ROWS - 610,
        )?,
        file(
            nested,
            &["s", "a"],
            3 * ROWS,
            levels(&[(600, 0), (400, 2), (3 * ROWS - 1000, 1)]),
            400,
        )?,
        file(lists, &["l"], ROWS, of_lists, ROWS - 400)?,
    ])
}

fn of_file(target: &str, file: &Original, found: &mut Vec<Vec<u8>>) {
    let bytes = file.bytes.as_slice();
    let footer = bytes.len().checked_sub(8).and_then(|end| {
        let len = u32::from_le_bytes(bytes.get(end..)?.first_chunk().copied()?) as usize;
        bytes.get(end.checked_sub(len)?..end)
    });
    match target {
        "file" | "verify" => found.push(bytes.to_vec()),
        "footer" | "thrift" => found.extend(footer.map(<[u8]>::to_vec)),
        _ => {}
    }
    let anatomy = Anatomy::of(bytes);
    for place in &anatomy.places {
        let part = &bytes[place.range.clone()];
        match (target, place.part) {
            ("page_header" | "thrift", "page header") => found.push(part.to_vec()),
            ("thrift", "column index" | "offset index") => found.push(part.to_vec()),
            ("bloom_filter", "bloom filter") => found.push([&[0], part].concat()),
            ("page_index", "offset index") => found.push([&[0], part].concat()),
            ("page_index", "column index") => found.push([&[1], part].concat()),
            (codec, "page body" | "dictionary") if file.name.contains(codec) => {
                found.extend(of_codec(bytes, place.range.start, part));
            }
            _ => {}
        }
    }
    for body in &anatomy.bodies {
        let input = match target {
            "flat_page" if body.max_levels.is_none() => page::input_of(body),
            "nested_page" if body.max_levels.is_some() => page::input_of(body),
            _ => of_stream(target, body),
        };
        found.extend(input);
    }
}

/// A body and what it promises; its header ends where it starts.
fn of_codec(file: &[u8], start: usize, body: &[u8]) -> Option<Vec<u8>> {
    let header = (start.saturating_sub(200)..start).find_map(|from| {
        let header = PageHeader::parse(&file[from..], 0, &Default::default()).ok()?;
        let fits =
            header.header_len == start - from && header.compressed_page_size as usize == body.len();
        fits.then_some(header)
    })?;
    let (cut, promised) = match header.kind {
        PageKind::DataV2 {
            definition_levels_byte_length, repetition_levels_byte_length, ..
        } => {
            let cut = definition_levels_byte_length + repetition_levels_byte_length;
            (cut as usize, header.uncompressed_page_size - cut)
        }
        _ => (0, header.uncompressed_page_size),
    };
    Some([&promised.to_le_bytes()[..3], body.get(cut..)?].concat())
}

/// The values of a page, for the decoder of their encoding.
fn of_stream(target: &str, body: &Body) -> Option<Vec<u8>> {
    let (encoding, count, values) = examine::values_of(body).ok()?;
    let count = u16::try_from(count).ok()?.to_le_bytes();
    let width = body.shape.plain_width();
    let head: Vec<u8> = match (target, encoding) {
        ("hybrid", Encoding::RleDictionary | Encoding::PlainDictionary) => {
            // The width stands in front of the stream.
            let (width, stream) = values.split_first()?;
            return Some([&[*width, 1, count[0], count[1], 7, 0], stream].concat());
        }
        ("hybrid", Encoding::Rle) => vec![1, 1, count[0], count[1], 7, 0],
        ("dictionary", Encoding::RleDictionary | Encoding::PlainDictionary) => {
            vec![200, 0, count[0], count[1], 7, 0]
        }
        ("plain", Encoding::Plain) => {
            let width = match body.shape.physical {
                PhysicalType::Boolean => 254,
                _ => width.map_or(255, |width| width as u8),
            };
            vec![width, count[0], count[1], 7, 0]
        }
        ("alp", Encoding::Alp) => vec![width? as u8, count[0], count[1], 7, 0],
        ("byte_stream_split", Encoding::ByteStreamSplit) => {
            vec![width? as u8, count[0], count[1], 7, 0]
        }
        ("delta_binary_packed", Encoding::DeltaBinaryPacked)
        | ("delta_length_byte_array", Encoding::DeltaLengthByteArray)
        | ("delta_byte_array", Encoding::DeltaByteArray) => vec![count[0], count[1], 7, 0],
        _ => return None,
    };
    Some([&head, &values[..]].concat())
}
