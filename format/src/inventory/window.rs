//! Bytes of the file, read ahead by windows.

use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::Buffer;

use crate::error::{ErrorKind, Result};
use crate::io::Fetcher;
use crate::limits::Limits;
use crate::metadata::PageHeader;

/// Bytes that are read at once.
const WINDOW_BYTES: u64 = 1 << 20;

/// Bytes that a page header is looked for in at first.
const HEADER_BYTES: u64 = 4 << 10;

/// A piece of the file that moves forwards.
pub(crate) struct Window<'a> {
    fetcher: Fetcher,
    budget: &'a Budget,
    /// Nothing behind this is read.
    end: u64,
    start: u64,
    bytes: Buffer,
    /// Bytes that were read.
    pub(crate) bytes_read: u64,
}

impl<'a> Window<'a> {
    pub(crate) fn new(fetcher: Fetcher, budget: &'a Budget, end: u64) -> Self {
        Self { fetcher, budget, end, start: 0, bytes: Buffer::empty(), bytes_read: 0 }
    }

    /// The `len` bytes from `offset` on, or as many of them as there are.
    pub(crate) fn at(&mut self, offset: u64, len: u64) -> Result<Buffer> {
        let end = offset.saturating_add(len).min(self.end);
        if offset >= end {
            return Ok(Buffer::empty());
        }
        if offset < self.start || end > self.start + self.bytes.len() as u64 {
            self.bytes = Buffer::empty();
            let window = offset..offset.saturating_add(len.max(WINDOW_BYTES)).min(self.end);
            self.bytes_read += window.end - window.start;
            self.start = offset;
            self.bytes = self.fetcher.read_now(window, self.budget)?;
        }
        let local = (offset - self.start) as usize..(end - self.start) as usize;
        Ok(self.bytes.slice(local).unwrap_or_else(Buffer::empty))
    }

    /// The page header at `offset`.
    pub(crate) fn header(&mut self, offset: u64, limits: &Limits) -> Result<PageHeader> {
        let mut len = HEADER_BYTES;
        loop {
            let bytes = self.at(offset, len)?;
            match PageHeader::parse(&bytes, offset, limits) {
                Err(error)
                    if *error.kind() == ErrorKind::Truncated && bytes.len() as u64 == len =>
                {
                    len *= 4;
                }
                parsed => return parsed,
            }
        }
    }
}
