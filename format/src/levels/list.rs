//! From levels to lists and structs, one depth at a time, from the leaf outwards.
//!
//! In: the [`Skeleton`] of what is inside: one slot for each of its entries and for each place where
//! there is none. Out: offsets and validity of this depth, and the skeleton that the next depth outside
//! sees. A slot belongs to a depth if the field around it is there, that is from the definition level
//! `parent` on.

use millwork_codecs::buffer::{Bitmap, Slice, SliceMut};
use millwork_codecs::kernel::compress;

use super::{LevelRun, count_at_least, mask_at_least, squeeze};
use crate::error::{Error, Limit, Result};
use crate::room::filled;

/// The levels that the entries at one depth have, missing ones included.
#[derive(Clone, Debug)]
pub(crate) struct Skeleton {
    /// Definition levels; the usual one is the highest of the leaf.
    pub(crate) definition: LevelRun,
    /// Repetition levels; the usual one is 0.
    pub(crate) repetition: LevelRun,
    /// Whose levels these are: a position among the leaves of the column.
    pub(crate) leaf: usize,
}

/// What levels mean to a list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ListLevels {
    /// From this definition level on there is a place for the list.
    pub(crate) parent: u8,
    /// From this one on the list is present.
    pub(crate) present: u8,
    /// From this one on there is an element.
    pub(crate) element: u8,
    /// The repetition level of a further element of the same list.
    pub(crate) repetition: u8,
}

/// The lists of one depth.
#[derive(Debug)]
pub(crate) struct Lists {
    /// One more than there are lists.
    pub(crate) offsets: Slice<i32>,
    /// Which lists are present; `None` if all are.
    pub(crate) validity: Option<Bitmap>,
    /// What the next depth outside sees.
    pub(crate) outside: Skeleton,
}

/// One bit a slot: whether the level is at least `level`.
fn at_least(levels: &LevelRun, level: u8) -> Result<Vec<u64>> {
    match levels.each() {
        Some(each) => mask_at_least(each, level),
        None if levels.usual() >= level => ones(levels.len()),
        None => filled(0, levels.len().div_ceil(64)),
    }
}

fn ones(len: usize) -> Result<Vec<u64>> {
    let mut words = filled(u64::MAX, len.div_ceil(64))?;
    if let (Some(last), 1..) = (words.last_mut(), len % 64) {
        *last = (1 << (len % 64)) - 1;
    }
    Ok(words)
}

impl Skeleton {
    /// Entries of a field that has a place from definition level `parent` on.
    pub(crate) fn entries(&self, parent: u8) -> usize {
        match self.definition.each() {
            Some(each) => count_at_least(each, parent),
            None => self.definition.len(),
        }
    }

    /// Which entries of a field with a place from `parent` on reach `present`; `None` if all do.
    ///
    /// # Errors
    /// If memory is refused.
    pub(crate) fn validity(&self, parent: u8, present: u8) -> Result<Option<Bitmap>> {
        let Some(each) = self.definition.each().filter(|_| present > parent) else {
            return Ok(None);
        };
        let bits = mask_at_least(each, present)?;
        if parent == 0 {
            let bits = Bitmap::from_words(Slice::copy_of(&bits), each.len());
            return Ok(bits.filter(|bits| bits.count_ones() < bits.len()));
        }
        let places = mask_at_least(each, parent)?;
        let bits = squeeze(&bits, &places)?.freeze();
        Ok((bits.count_ones() < bits.len()).then_some(bits))
    }

    /// Whether another field of the same struct, present from `present` on, has its entries in the
    /// same places.
    pub(crate) fn agrees(&self, other: &Self, present: u8) -> bool {
        self.definition.len() == other.definition.len()
            && equal_below(&self.repetition, &other.repetition, u8::MAX)
            && equal_below(&self.definition, &other.definition, present)
    }
}

/// Whether two runs of one length are equal where levels above `most` count as `most`.
fn equal_below(own: &LevelRun, other: &LevelRun, most: u8) -> bool {
    let differs = |levels: &[u8], usual: u8| {
        levels.iter().fold(0, |found, level| found | (*level).min(most) ^ usual.min(most))
    };
    match (own.each(), other.each()) {
        (Some(own), Some(other)) if most == u8::MAX => own == other,
        (Some(own), Some(other)) => {
            let pairs = own.iter().zip(other);
            pairs.fold(0, |found, (own, other)| found | (*own).min(most) ^ (*other).min(most)) == 0
        }
        (Some(each), None) => differs(each, other.usual()) == 0,
        (None, Some(each)) => differs(each, own.usual()) == 0,
        (None, None) => own.usual().min(most) == other.usual().min(most),
    }
}

/// The lists whose elements have the skeleton `inside`.
///
/// # Errors
/// `Corrupt` if an element continues a list that has none before it; `LimitExceeded` beyond 2^31
/// elements, or if memory is refused.
pub(crate) fn lists(inside: &Skeleton, levels: ListLevels) -> Result<Lists> {
    let slots = inside.definition.len();
    if slots > i32::MAX as usize {
        return Err(Error::limit(Limit::BatchBytes, "more than 2^31 list elements in one batch"));
    }
    let elements = at_least(&inside.definition, levels.element)?;
    let mut starts = at_least(&inside.repetition, levels.repetition)?;
    for (word, all) in starts.iter_mut().zip(ones(slots)?) {
        *word = !*word & all;
    }
    check_continuations(&starts, &elements, slots)?;
    let places = match levels.parent {
        0 => None,
        parent => {
            let mut places = at_least(&inside.definition, parent)?;
            millwork_codecs::kernel::mask_and(&mut places, &starts);
            Some(places)
        }
    };
    let places = places.as_deref().unwrap_or(&starts);
    let offsets = offsets(places, &elements)?;
    let validity = match inside.definition.each() {
        Some(each) if levels.present > levels.parent => {
            let present = mask_at_least(each, levels.present)?;
            Some(squeeze(&present, places)?.freeze()).filter(|bits| bits.count_ones() < bits.len())
        }
        _ => None,
    };
    let outside = outside(inside, &starts, levels.repetition)?;
    Ok(Lists { offsets, validity, outside })
}

/// A slot that does not start a list must hold an element, and so must the slot before it.
fn check_continuations(starts: &[u64], elements: &[u64], slots: usize) -> Result<()> {
    let (mut before, mut wrong) = (0, 0);
    for (index, (starts, elements)) in starts.iter().zip(elements).enumerate() {
        let here = (slots - index * 64).min(64);
        let continued = !starts & (u64::MAX >> (64 - here));
        wrong |= continued & !(elements & (elements << 1 | before));
        before = elements >> 63;
    }
    if wrong != 0 {
        return Err(Error::corrupt("a list that goes on where it has no element"));
    }
    Ok(())
}

/// How many elements there are before each of `places`, and in all.
fn offsets(places: &[u64], elements: &[u64]) -> Result<Slice<i32>> {
    let lists: usize = places.iter().map(|word| word.count_ones() as usize).sum();
    let mut offsets = SliceMut::<i32>::scratch(lists + 1)?;
    let target: &mut [i32] = &mut offsets;
    let (mut next, mut before) = (target.iter_mut(), 0u32);
    for (places, elements) in places.iter().zip(elements) {
        let mut left = *places;
        while left != 0 {
            let below = (left & left.wrapping_neg()) - 1;
            if let Some(offset) = next.next() {
                *offset = (before + (elements & below).count_ones()).cast_signed();
            }
            left &= left - 1;
        }
        before += elements.count_ones();
    }
    if let Some(last) = next.next() {
        *last = before.cast_signed();
    }
    Ok(offsets.freeze())
}

/// The slots that start a list, as the depth outside sees them.
fn outside(inside: &Skeleton, starts: &[u64], repetition: u8) -> Result<Skeleton> {
    let entries: usize = starts.iter().map(|word| word.count_ones() as usize).sum();
    let kept = |levels: &LevelRun| match levels.each() {
        Some(each) => {
            let mut kept = filled(0, entries)?;
            compress(each, starts, &mut kept);
            Ok::<_, Error>(LevelRun::of(levels.usual(), kept))
        }
        None => Ok(LevelRun::all_usual(levels.usual(), entries)),
    };
    let repetition = match repetition {
        1 => LevelRun::all_usual(0, entries),
        _ => kept(&inside.repetition)?,
    };
    Ok(Skeleton { definition: kept(&inside.definition)?, repetition, leaf: inside.leaf })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skeleton(definition: &[u8], repetition: &[u8]) -> Skeleton {
        Skeleton {
            definition: LevelRun::of(9, definition.to_vec()),
            repetition: LevelRun::of(0, repetition.to_vec()),
            leaf: 0,
        }
    }

    fn bools(bits: Option<&Bitmap>, len: usize) -> Vec<bool> {
        (0..len).map(|row| bits.is_none_or(|bits| bits.get(row))).collect()
    }

    /// Offsets, validity, and the slots that the depth outside sees.
    type Expected = (Vec<i32>, Vec<bool>, Vec<(u8, u8)>);

    /// The same, slot by slot, from the definition of the levels.
    fn one_by_one(inside: &[(u8, u8)], levels: ListLevels) -> Option<Expected> {
        let (mut offsets, mut valid, mut outside) = (vec![], vec![], vec![]);
        let (mut count, mut has_element) = (0, false);
        for (definition, repetition) in inside {
            let is_element = *definition >= levels.element;
            if *repetition < levels.repetition {
                outside.push((*definition, *repetition));
                if *definition >= levels.parent {
                    offsets.push(count);
                    valid.push(*definition >= levels.present);
                }
            } else if !is_element || !has_element {
                return None;
            }
            has_element = is_element;
            count += i32::from(is_element);
        }
        offsets.push(count);
        Some((offsets, valid, outside))
    }

    #[test]
    fn lists_equal_those_made_slot_by_slot() {
        let mut seed = 0x9e37_79b9_7f4a_7c15u64;
        let mut random = |below: u64| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            (seed % below) as u8
        };
        let (mut good, mut bad) = (0, 0);
        for round in 0..4000 {
            let repetition = 1 + random(3);
            let parent = random(3);
            let present = parent + random(2);
            let levels = ListLevels { parent, present, element: present + 1, repetition };
            let slots = if round % 2 == 0 { random(8) as usize } else { random(200) as usize };
            let mut found: Vec<(u8, u8)> = Vec::new();
            for _ in 0..slots {
                let definition = random(u64::from(levels.element) + 2);
                let mut level = random(u64::from(repetition) + 1);
                // Mostly as it must be.
                let continues = found.last().is_some_and(|(last, _)| *last >= levels.element)
                    && definition >= levels.element;
                if level == repetition && !continues && random(1000) > 0 {
                    level = 0;
                }
                found.push((definition, level));
            }
            let (definition, repetitions): (Vec<u8>, Vec<u8>) = found.iter().copied().unzip();
            let made = lists(&skeleton(&definition, &repetitions), levels);
            let Some((offsets, valid, outside)) = one_by_one(&found, levels) else {
                assert!(made.is_err(), "{found:?}");
                bad += 1;
                continue;
            };
            let made = made.unwrap();
            good += 1;
            assert_eq!(made.offsets[..], offsets, "{levels:?} {found:?}");
            assert_eq!(bools(made.validity.as_ref(), valid.len()), valid, "{levels:?} {found:?}");
            let (definition, repetitions): (Vec<u8>, Vec<u8>) = outside.iter().copied().unzip();
            assert_eq!(made.outside.definition.each().unwrap_or(&[]), definition);
            let expected = if repetition == 1 { vec![] } else { repetitions };
            assert_eq!(made.outside.repetition.each().unwrap_or(&[]), expected);
        }
        assert!(good > 1000 && bad > 10, "{good} {bad}");
    }

    #[test]
    fn siblings_agree_up_to_their_struct() {
        let own = skeleton(&[0, 1, 2, 3], &[0, 0, 1, 0]);
        assert!(own.agrees(&skeleton(&[0, 1, 3, 2], &[0, 0, 1, 0]), 2));
        assert!(!own.agrees(&skeleton(&[0, 1, 3, 2], &[0, 0, 1, 0]), 3));
        assert!(!own.agrees(&skeleton(&[0, 1, 2, 3], &[0, 1, 0, 0]), 1));
        assert!(!own.agrees(&skeleton(&[0, 1, 2], &[0, 0, 1]), 1));
        let usual = Skeleton {
            definition: LevelRun::all_usual(3, 2),
            repetition: LevelRun::all_usual(0, 2),
            leaf: 0,
        };
        assert!(usual.agrees(&skeleton(&[2, 9], &[0, 0]), 2));
        assert!(!usual.agrees(&skeleton(&[2, 1], &[0, 0]), 2));
    }

    #[test]
    fn validity_is_that_of_the_places() {
        let slots = skeleton(&[0, 1, 2, 3, 1], &[0; 5]);
        assert_eq!(slots.entries(1), 4);
        let bits = slots.validity(1, 2).unwrap();
        assert_eq!(bools(bits.as_ref(), 4), [false, true, true, false]);
        assert!(slots.validity(2, 2).unwrap().is_none());
    }
}
