//! Short copies, one behind the other, as Snappy asks for them.
//!
//! In: a Snappy body and a target, and how far both are done. Out: how far they are done now: all
//! elements of up to 64 bytes that lie far enough from both ends. Whatever else comes (a long literal,
//! a copy with a wrong offset, the last bytes) is left to the caller, which takes one element the plain
//! way and calls again.
//!
//! Invariant: nothing is read outside the two slices or written outside the target, whatever the body
//! says. `compression::snappy` holds the plain form and compares the two in its tests.
//!
//! An element has four to seven bytes in typical columns, so that lengths cannot be looked at: 16 bytes
//! are moved, of which the next element overwrites what is too much.

/// Bytes of the body that one round may read: a literal's tag, 64 bytes, a copy's tag and offset.
const WINDOW_BYTES: usize = 72;

/// Bytes of the target that one round may write: a literal in steps of 16, a copy in steps of at most
/// 8 from any length below 64 on.
const ROOM_BYTES: usize = 64 + 80;

/// Marks a tag that this kernel leaves to the caller.
const OTHER: u16 = 0x8000;

/// By tag of a copy: its bytes in the low byte, the high bits of its offset above.
const COPIES: [u16; 256] = {
    let mut copies = [OTHER; 256];
    let mut tag = 0;
    while tag < 256 {
        let upper = (tag >> 2) as u16;
        match tag & 3 {
            1 => copies[tag] = (upper & 7) + 4 + ((upper >> 3) << 8),
            2 => copies[tag] = upper + 1,
            _ => {}
        }
        tag += 1;
    }
    copies
};

/// By kind of element: the bits of the two bytes behind the tag that belong to the offset.
const OFFSET_BITS: [usize; 4] = [0, 0xff, 0xffff, 0];

/// Decodes elements from byte `read` of `source` to byte `made` of `target` on; gives both positions
/// behind the last element decoded, the same ones if none was.
///
/// # Panics
/// If a position is behind the end of its slice.
pub fn snappy_elements(
    source: &[u8],
    read: usize,
    target: &mut [u8],
    made: usize,
) -> (usize, usize) {
    assert!(read <= source.len() && made <= target.len(), "positions inside the slices");
    let Some(last_read) = source.len().checked_sub(WINDOW_BYTES) else { return (read, made) };
    let Some(last_made) = target.len().checked_sub(ROOM_BYTES) else { return (read, made) };
    if read > last_read || made > last_made {
        return (read, made);
    }
    // SAFETY: both positions leave a window and a room in front of the ends of their slices.
    unsafe { rounds(source, read, target, made) }
}

/// # Safety
/// `WINDOW_BYTES` bytes of `source` from `read` on and `ROOM_BYTES` bytes of `target` from `made` on
/// have to exist.
#[inline]
unsafe fn rounds(source: &[u8], read: usize, target: &mut [u8], made: usize) -> (usize, usize) {
    let (first, begin) = (source.as_ptr(), target.as_mut_ptr());
    // SAFETY: each round begins with a window and a room in front of it (the caller's promise, then
    // the condition of the loop). It reads at most 1 + 64 bytes for a literal, advances by at most 61
    // bytes and reads 3 more: 64 < WINDOW_BYTES. It writes at most 64 bytes for a literal, advances by
    // at most 60, and writes at most 64 + 7 bytes for a copy: 131 < ROOM_BYTES. A copy reads from
    // `offset` bytes before what was made, and `offset <= made` is checked; from there it reads no
    // further than it writes. The target's bytes are initialised, as those of any slice.
    unsafe {
        let last_from = first.add(source.len() - WINDOW_BYTES);
        let last_to = begin.add(target.len() - ROOM_BYTES);
        let (mut from, mut to) = (first.add(read), begin.add(made));
        while from <= last_from && to <= last_to {
            let mut tag = usize::from(*from);
            if tag & 3 == 0 {
                let length = (tag >> 2) + 1;
                if length > 60 {
                    break;
                }
                move_16(from.add(1), to);
                if length > 16 {
                    move_48(from.add(17), to.add(16));
                }
                to = to.add(length);
                from = from.add(length + 1);
                tag = usize::from(*from);
            }
            let kind = tag & 3;
            let copy = COPIES[tag];
            let behind = usize::from(from.add(1).cast::<u16>().read_unaligned().to_le());
            let offset = (behind & OFFSET_BITS[kind]) + usize::from(copy & 0x700);
            let done = to as usize - begin as usize;
            if copy == OTHER || offset == 0 || offset > done {
                break;
            }
            let length = usize::from(copy & 0xff);
            if offset >= 16 {
                move_16(to.sub(offset), to);
                if length > 16 {
                    move_48(to.sub(offset).add(16), to.add(16));
                }
            } else {
                repeat(to, offset, length);
            }
            to = to.add(length);
            from = from.add(kind + 1);
        }
        (from as usize - first as usize, to as usize - begin as usize)
    }
}

/// Copies `length` bytes from `offset` bytes before `to`, which may reach into the copy itself.
///
/// # Safety
/// `offset` is 1 to 15 and `length` 1 to 64; `offset` bytes before `to` and 71 bytes from it on have
/// to exist.
#[inline]
unsafe fn repeat(to: *mut u8, offset: usize, length: usize) {
    // SAFETY: every step starts below `length` and writes 8 bytes: none ends behind 64 + 7. It reads
    // `offset` bytes before what it writes.
    unsafe {
        let from = to.sub(offset);
        if offset >= 8 {
            move_8(from, to);
            let mut done = 8;
            while done < length {
                move_8(from.add(done), to.add(done));
                done += 8;
            }
            return;
        }
        let bits = 8 * offset as u32;
        let mut pattern = u64::from_le_bytes(from.cast::<[u8; 8]>().read_unaligned());
        pattern &= u64::MAX >> (64 - bits);
        pattern |= pattern << bits;
        if bits < 32 {
            pattern |= pattern << (2 * bits);
        }
        if bits < 16 {
            pattern |= pattern << (4 * bits);
        }
        // A whole number of repetitions, so that each step begins where the pattern does.
        let step = 8 - 8 % offset;
        let mut done = 0;
        while done < length {
            to.add(done).cast::<[u8; 8]>().write_unaligned(pattern.to_le_bytes());
            done += step;
        }
    }
}

/// # Safety
/// 8 bytes have to exist at both.
#[inline(always)]
unsafe fn move_8(from: *const u8, to: *mut u8) {
    // SAFETY: the caller's promise; loads and stores need no alignment.
    unsafe { to.cast::<[u8; 8]>().write_unaligned(from.cast::<[u8; 8]>().read_unaligned()) }
}

/// # Safety
/// 16 bytes have to exist at both.
#[inline(always)]
unsafe fn move_16(from: *const u8, to: *mut u8) {
    // SAFETY: the caller's promise; loads and stores need no alignment.
    unsafe { to.cast::<[u8; 16]>().write_unaligned(from.cast::<[u8; 16]>().read_unaligned()) }
}

/// Three times 16 bytes, in order: a step may read what the one before has written.
///
/// # Safety
/// 48 bytes have to exist at both.
#[inline(always)]
unsafe fn move_48(from: *const u8, to: *mut u8) {
    // SAFETY: the caller's promise.
    unsafe {
        move_16(from, to);
        move_16(from.add(16), to.add(16));
        move_16(from.add(32), to.add(32));
    }
}
