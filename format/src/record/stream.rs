//! Text on its way: gathered, and handed on whenever there is much of it.
//!
//! In: pieces of text. Out: the same, in pieces of about [`HANDED_ON_BYTES`]. Invariant: where somebody takes
//! the text, no more of it is held than that and one piece, however long rows and values are.

use crate::error::Result;

/// Bytes of text that are handed on at once.
pub(super) const HANDED_ON_BYTES: usize = 256 << 10;

/// Bytes of a long value that become text at once; a multiple of three, for base64.
pub(super) const PIECE_BYTES: usize = 48 << 10;

/// Who takes text.
pub(super) type Taker<'a> = dyn FnMut(&[u8]) -> Result<()> + 'a;

/// Text that is gathered and handed on.
pub(super) struct Stream<'a> {
    /// What was not handed on yet.
    pub(super) text: &'a mut Vec<u8>,
    at_once: usize,
    taker: Option<&'a mut Taker<'a>>,
}

/// Hands what `write` writes to `taker`, in pieces that are gathered in `room`.
pub(super) fn handed_on(
    room: &mut Vec<u8>,
    taker: &mut Taker<'_>,
    write: impl FnOnce(&mut Stream<'_>) -> Result<()>,
) -> Result<()> {
    room.clear();
    let mut out = Stream::to(room, HANDED_ON_BYTES, taker);
    write(&mut out)?;
    out.hand_on()
}

impl<'a> Stream<'a> {
    /// Text that nobody takes: all of it stays.
    pub(super) fn kept(text: &'a mut Vec<u8>) -> Self {
        Self { text, at_once: usize::MAX, taker: None }
    }

    /// Text that `taker` takes, `at_once` bytes or more at a time.
    pub(super) fn to(text: &'a mut Vec<u8>, at_once: usize, taker: &'a mut Taker<'a>) -> Self {
        Self { text, at_once, taker: Some(taker) }
    }

    /// Hands on what there is, if it is enough.
    #[inline]
    pub(super) fn eased(&mut self) -> Result<()> {
        if self.text.len() >= self.at_once { self.hand_on() } else { Ok(()) }
    }

    /// Hands on what there is.
    #[cold]
    pub(super) fn hand_on(&mut self) -> Result<()> {
        if let Some(taker) = &mut self.taker {
            taker(self.text)?;
            self.text.clear();
        }
        Ok(())
    }

    /// Appends `bytes`, however many.
    pub(super) fn long(&mut self, bytes: &[u8]) -> Result<()> {
        for piece in bytes.chunks(PIECE_BYTES) {
            self.text.extend_from_slice(piece);
            self.eased()?;
        }
        Ok(())
    }
}
