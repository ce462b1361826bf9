//! Against the `snap` crate and against the plain form, on streams that no encoder would write.

use super::*;

struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 20) as usize % bound
    }
}

/// Appends the element that copies `length` bytes from `offset` before; the form is drawn.
fn copy(body: &mut Vec<u8>, random: &mut Random, offset: usize, length: usize) {
    let form = random.below(20);
    if (4..12).contains(&length) && offset < 2048 && form > 5 {
        body.push(((offset >> 8) << 5 | (length - 4) << 2 | 1) as u8);
        body.push(offset as u8);
    } else if offset < 65_536 && form > 0 {
        body.push(((length - 1) << 2 | 2) as u8);
        body.extend((offset as u16).to_le_bytes());
    } else {
        body.push(((length - 1) << 2 | 3) as u8);
        body.extend((offset as u32).to_le_bytes());
    }
}

/// Appends a literal of `length` bytes; its length lies in the tag or in more bytes than needed.
fn literal(body: &mut Vec<u8>, random: &mut Random, length: usize) {
    let more = if length > 256 { 2 } else { 1 + random.below(4) };
    if length <= 60 && random.below(8) > 0 {
        body.push(((length - 1) << 2) as u8);
    } else {
        body.push(((59 + more) << 2) as u8);
        body.extend_from_slice(&((length - 1) as u32).to_le_bytes()[..more]);
    }
    body.extend((0..length).map(|_| random.below(256) as u8));
}

/// A sound body of `elements` elements and the bytes it promises.
fn stream(seed: u64, elements: usize) -> (Vec<u8>, usize) {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let (mut body, mut made) = (Vec::new(), 0);
    for _ in 0..elements {
        let length = 1 + match random.below(4) {
            0 => random.below(64),
            1 => random.below(30),
            _ => random.below(12),
        };
        if made == 0 || random.below(3) == 0 {
            let length = if random.below(9) == 0 { length * 20 } else { length };
            literal(&mut body, &mut random, length);
            made += length;
        } else {
            let nearest = [4, 16, 100, 3000, 100_000][random.below(5)].min(made);
            let offset = 1 + random.below(nearest);
            copy(&mut body, &mut random, offset, length);
            made += length;
        }
    }
    let mut whole = Vec::new();
    let mut left = made;
    while left >= 0x80 {
        whole.push(left as u8 | 0x80);
        left >>= 7;
    }
    whole.push(left as u8);
    whole.extend(body);
    (whole, made)
}

fn ours(body: &[u8], size: usize) -> Result<Vec<u8>> {
    let mut target = vec![0; size];
    let (promised, start) = promise(body)?;
    assert_eq!(promised, size);
    elements(body, start, &mut target).map(|()| target)
}

fn plain(body: &[u8], size: usize) -> Result<Vec<u8>> {
    let mut target = vec![0; size];
    let (mut read, mut made) = (promise(body)?.1, 0);
    while read < body.len() {
        (read, made) = one(body, read, &mut target, made)?;
    }
    if made == size { Ok(target) } else { Err(super::super::wrong_length(made, size)) }
}

fn theirs(body: &[u8], size: usize) -> Option<Vec<u8>> {
    let mut target = vec![0; size];
    snap::raw::Decoder::new().decompress(body, &mut target).ok().map(|_| target)
}

#[test]
fn all_kinds_of_elements_decode_as_snap_decodes_them() {
    for seed in 0..600 {
        let (body, size) = stream(seed, 1 + seed as usize % 300);
        let expected = theirs(&body, size).unwrap();
        assert!(ours(&body, size).unwrap() == expected, "seed {seed}");
        assert!(plain(&body, size).unwrap() == expected, "seed {seed}");
    }
}

/// The kernel, the plain form and `snap` take the same broken bodies and refuse the same.
#[test]
fn broken_streams_are_refused_by_all_or_read_alike() {
    let mut accepted = 0;
    for seed in 0..40 {
        let (mut body, size) = stream(seed + 10_000, 60);
        let start = promise(&body).unwrap().1;
        for end in start..body.len() {
            assert!(ours(&body[..end], size).is_err(), "seed {seed} cut at {end}");
        }
        for bit in start * 8..body.len() * 8 {
            body[bit / 8] ^= 1 << (bit % 8);
            let (ours, theirs) = (ours(&body, size), theirs(&body, size));
            assert_eq!(ours, plain(&body, size), "seed {seed} bit {bit}");
            assert!(ours.as_ref().ok() == theirs.as_ref(), "seed {seed} bit {bit}");
            accepted += usize::from(ours.is_ok());
            body[bit / 8] ^= 1 << (bit % 8);
        }
    }
    assert!(accepted > 10_000, "flips inside literals change a value only: {accepted}");
}

/// Patterns of every period and length, at every distance from the end of the page.
#[test]
fn copies_of_their_own_output_repeat() {
    for offset in 1..20 {
        for length in 1..=64 {
            for behind in [0, 1, 70, 200] {
                let mut random = Random(7);
                let mut body = Vec::new();
                literal(&mut body, &mut random, 20);
                body.extend([((length - 1) << 2 | 2) as u8, offset as u8, 0]);
                if behind > 0 {
                    literal(&mut body, &mut random, behind);
                }
                let size = 20 + length + behind;
                let mut whole = Vec::new();
                if size >= 0x80 {
                    whole.push(size as u8 | 0x80);
                    whole.push((size >> 7) as u8);
                } else {
                    whole.push(size as u8);
                }
                whole.extend(body);
                let found = ours(&whole, size).unwrap();
                assert!(found == theirs(&whole, size).unwrap(), "{offset} {length} {behind}");
            }
        }
    }
}
