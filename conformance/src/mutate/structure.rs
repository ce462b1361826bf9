//! Footers and page headers with other contents: still Thrift, but not what the file is.
//!
//! In: a file, and another one to take pieces from. Out: the file with one structure changed in one to
//! three places and written anew by the `thrift` crate, or with two pages in each other's place.

use super::cases::mix;
use crate::anatomy::Place;
use crate::tree::Node;

/// The structure at the end of a file.
pub(super) struct Structure {
    footer: Node,
    start: usize,
}

/// Numbers that counters, sizes and offsets do not expect.
const EXTREMES: [i64; 12] = [
    0,
    -1,
    1,
    i32::MAX as i64,
    i32::MIN as i64,
    i32::MAX as i64 + 1,
    u32::MAX as i64,
    1 << 40,
    i64::MAX,
    i64::MIN,
    1 << 20,
    255,
];

impl Structure {
    /// Of a file whose footer the `thrift` crate can read.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        let end = bytes.len().checked_sub(8)?;
        let len = u32::from_le_bytes(*bytes.get(end..)?.first_chunk()?) as usize;
        let start = end.checked_sub(len)?;
        let (footer, _) = Node::decode(bytes.get(start..end)?).ok()?;
        Some(Self { footer, start })
    }

    /// The mutant that follows from `key`; pieces may come from `other`. `None` if there is none.
    pub(super) fn mutant(
        &self,
        bytes: &[u8],
        places: &[Place],
        other: Option<&Self>,
        key: u64,
    ) -> Option<(Vec<u8>, String)> {
        let mut draws = Draws(key);
        let headers: Vec<&Place> =
            places.iter().filter(|place| place.part == "page header").collect();
        match draws.below(8) {
            0 if headers.len() > 1 => Some(self.swapped(bytes, &headers, &mut draws)),
            1 | 2 if !headers.is_empty() => {
                let range = headers[draws.below(headers.len())].range.clone();
                let (mut header, _) = Node::decode(&bytes[range.clone()]).ok()?;
                let what = change(&mut header, None, &mut draws);
                let header = header.encode().ok()?;
                let broken = [&bytes[..range.start], &header, &bytes[range.end..]].concat();
                Some((broken, format!("page header at {range:?}: {what}")))
            }
            _ => {
                let mut footer = self.footer.clone();
                let mut what = String::new();
                for _ in 0..1 + draws.below(3) {
                    what += &change(&mut footer, other.map(|other| &other.footer), &mut draws);
                    what.push(' ');
                }
                let footer = footer.encode().ok()?;
                let len = (footer.len() as u32).to_le_bytes();
                let broken = [&bytes[..self.start], &footer, &len, b"PAR1"].concat();
                Some((broken, format!("footer: {what}")))
            }
        }
    }

    /// Two pages change places: each runs from its header to the next.
    fn swapped(&self, bytes: &[u8], headers: &[&Place], draws: &mut Draws) -> (Vec<u8>, String) {
        let mut starts: Vec<usize> = headers.iter().map(|place| place.range.start).collect();
        starts.push(self.start);
        starts.sort_unstable();
        starts.dedup();
        let pages = starts.len() - 1;
        let (first, second) = (draws.below(pages), draws.below(pages));
        let (first, second) = (first.min(second), first.max(second));
        let page = |index: usize| &bytes[starts[index]..starts[index + 1]];
        let mut broken = bytes[..starts[first]].to_vec();
        broken.extend(page(second));
        if first < second {
            broken.extend(&bytes[starts[first + 1]..starts[second]]);
            broken.extend(page(first));
        }
        broken.extend(&bytes[starts[second + 1]..]);
        (broken, format!("pages {first} and {second} of {pages} in each other's place"))
    }
}

struct Draws(u64);

impl Draws {
    fn next(&mut self) -> u64 {
        self.0 = mix(self.0);
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() >> 11) as usize % end.max(1)
    }
}

/// Nodes of `node`, itself included.
fn count(node: &Node) -> usize {
    1 + match node {
        Node::List(_, elements) => elements.iter().map(count).sum(),
        Node::Struct(fields) => fields.iter().map(|(_, field)| count(field)).sum(),
        _ => 0,
    }
}

/// Node number `index` of `node`, in the order of [`count`].
fn nth(node: &mut Node, index: usize) -> Option<&mut Node> {
    if index == 0 {
        return Some(node);
    }
    let mut left = index - 1;
    let children: Vec<&mut Node> = match node {
        Node::List(_, elements) => elements.iter_mut().collect(),
        Node::Struct(fields) => fields.iter_mut().map(|(_, field)| field).collect(),
        _ => return None,
    };
    for child in children {
        let size = count(child);
        if left < size {
            return nth(child, left);
        }
        left -= size;
    }
    None
}

/// Changes one node of `root`, or puts one of `other` into its place; says what it did.
fn change(root: &mut Node, other: Option<&Node>, draws: &mut Draws) -> String {
    let index = draws.below(count(root));
    if let Some(other) = other.filter(|_| draws.below(8) == 0) {
        let from = draws.below(count(other));
        let mut other = other.clone();
        if let (Some(to), Some(piece)) = (nth(root, index), nth(&mut other, from)) {
            *to = piece.clone();
        }
        return format!("node {index} becomes node {from} of another file");
    }
    let Some(node) = nth(root, index) else { return String::new() };
    let before = draws.next();
    let number = |old: i64, draws: &mut Draws| match draws.below(4) {
        0 => old.wrapping_add(1),
        1 => old.wrapping_sub(1),
        2 => old.wrapping_neg(),
        _ => EXTREMES[draws.below(EXTREMES.len())],
    };
    match node {
        Node::Bool(value) => *value = !*value,
        Node::I8(value) => *value = number((*value).into(), draws) as i8,
        Node::I16(value) => *value = number((*value).into(), draws) as i16,
        Node::I32(value) => *value = number((*value).into(), draws) as i32,
        Node::I64(value) => *value = number(*value, draws),
        Node::Double(value) => *value = f64::from_bits(before),
        Node::Bytes(bytes) => match draws.below(4) {
            0 => bytes.clear(),
            1 => bytes.truncate(bytes.len() / 2),
            2 => bytes.push(0xff),
            _ => bytes.resize(bytes.len().saturating_mul(2).min(1 << 16), b'x'),
        },
        Node::List(claim, elements) => list(claim, elements, number, draws),
        Node::Struct(fields) if !fields.is_empty() => {
            let (first, second) = (draws.below(fields.len()), draws.below(fields.len()));
            match draws.below(5) {
                0 => drop(fields.remove(first)),
                1 => fields.push(fields[first].clone()),
                2 => {
                    let moved = fields[first].1.clone();
                    fields[first].1 = std::mem::replace(&mut fields[second].1, moved);
                }
                3 => fields[first].0 = fields[first].0.wrapping_add(1),
                _ => fields[first].1 = Node::I64(number(before as i64, draws)),
            }
        }
        Node::Struct(fields) => fields.push((1, Node::I32(before as i32))),
    }
    format!("node {index} changed")
}

fn list(
    claim: &mut Option<i32>,
    elements: &mut Vec<Node>,
    number: impl Fn(i64, &mut Draws) -> i64,
    draws: &mut Draws,
) {
    if elements.is_empty() || draws.below(4) == 0 {
        *claim = Some(number(elements.len() as i64, draws) as i32);
        return;
    }
    let (first, second) = (draws.below(elements.len()), draws.below(elements.len()));
    match draws.below(3) {
        0 => drop(elements.remove(first)),
        1 => elements.push(elements[first].clone()),
        _ => elements.swap(first, second),
    }
}
