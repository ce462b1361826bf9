//! Strings: views and the buffers they point into.

use std::collections::HashMap;
use std::sync::Arc;

use millwork_codecs::buffer::{Buffer, BufferMut, Slice, SliceMut, View};

use crate::error::{Error, Result};

/// Strings or byte arrays: one [`View`] a row, and the buffers that hold the long ones.
#[derive(Clone, Debug)]
pub struct Views {
    views: Slice<View>,
    buffers: Arc<[Buffer]>,
}

impl Views {
    /// Views into `buffers`. The caller made them so that each lies inside its buffer.
    #[must_use]
    pub fn new(views: Slice<View>, buffers: Arc<[Buffer]>) -> Self {
        Self { views, buffers }
    }

    /// Copies of `strings`, outside any budget.
    ///
    /// # Errors
    /// If memory is refused.
    pub fn copy_of<B: AsRef<[u8]>>(strings: impl IntoIterator<Item = B>) -> Result<Self> {
        let mut builder = ViewsBuilder::new()?;
        for string in strings {
            builder.push(string.as_ref())?;
        }
        builder.finish()
    }

    /// Rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.views.len()
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.views.is_empty()
    }

    /// The views.
    #[must_use]
    pub fn views(&self) -> &Slice<View> {
        &self.views
    }

    /// The buffers that views which are not inline point into.
    #[must_use]
    pub fn buffers(&self) -> &Arc<[Buffer]> {
        &self.buffers
    }

    /// The bytes of row `row`.
    ///
    /// # Panics
    /// If there is no such row.
    #[must_use]
    pub fn get(&self, row: usize) -> &[u8] {
        self.views.as_slice()[row].bytes(&self.buffers)
    }

    /// Each row's bytes, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> + '_ {
        self.views.as_slice().iter().map(|view| view.bytes(&self.buffers))
    }

    /// The same strings copied into buffers of their own, so that no page stays alive for them.
    /// Rows that share a place share the copy.
    ///
    /// # Errors
    /// If memory is refused.
    pub fn detached(&self) -> Result<Self> {
        if self.buffers.is_empty() {
            return Ok(self.clone());
        }
        let mut builder = ViewsBuilder::new()?;
        let mut copied = HashMap::new();
        for view in self.views.iter() {
            let copy = match copied.get(&view.bits()) {
                _ if view.is_inline() => *view,
                Some(copy) => *copy,
                None => {
                    let copy = builder.store(view.bytes(&self.buffers))?;
                    copied.insert(view.bits(), copy);
                    copy
                }
            };
            builder.push_view(copy)?;
        }
        builder.finish()
    }

    /// Bytes of the views and of the strings that are not inline, where the buffer that they lie in counts.
    pub(super) fn bytes_where(&self, counts: &impl Fn(&Buffer) -> bool) -> u64 {
        let counted: Vec<bool> = self.buffers.iter().map(counts).collect();
        let long = |view: &View| {
            let is_counted = || counted.get(view.location().0 as usize).copied().unwrap_or(true);
            if view.is_inline() || !is_counted() { 0 } else { view.len() as u64 }
        };
        let views = if counts(self.views.buffer()) { size_of::<View>() as u64 } else { 0 };
        self.views.iter().map(|view| views + long(view)).sum()
    }
}

/// Strings being copied together, one after the other.
#[derive(Debug)]
pub struct ViewsBuilder {
    views: SliceMut<View>,
    full: Vec<Buffer>,
    current: BufferMut,
    used_bytes: usize,
}

impl ViewsBuilder {
    /// Bytes beyond which a buffer is not grown any more.
    const BUFFER_BYTES: usize = 1 << 20;

    /// No strings yet.
    ///
    /// # Errors
    /// If memory is refused.
    pub fn new() -> Result<Self> {
        Ok(Self {
            views: SliceMut::scratch(0)?,
            full: Vec::new(),
            current: BufferMut::scratch(0)?,
            used_bytes: 0,
        })
    }

    /// Adds a row that is a copy of `string`.
    ///
    /// # Errors
    /// If memory is refused, or the string is longer than 2 GiB.
    pub fn push(&mut self, string: &[u8]) -> Result<()> {
        let view = self.store(string)?;
        self.push_view(view)
    }

    /// Adds a row that is inline, or that [`ViewsBuilder::store`] returned.
    ///
    /// # Errors
    /// If memory is refused.
    pub fn push_view(&mut self, view: View) -> Result<()> {
        Ok(self.views.push(view)?)
    }

    /// Copies `string` without adding a row.
    ///
    /// # Errors
    /// If memory is refused, or the string is longer than 2 GiB.
    pub fn store(&mut self, string: &[u8]) -> Result<View> {
        if let Some(view) = View::inline(string) {
            return Ok(view);
        }
        if string.len() > i32::MAX as usize {
            return Err(Error::invalid_argument("a string of more than 2 GiB"));
        }
        let mut start = self.used_bytes;
        if start + string.len() > self.current.len().max(Self::BUFFER_BYTES) {
            let mut full = std::mem::replace(&mut self.current, BufferMut::scratch(0)?);
            full.resize(self.used_bytes)?;
            self.full.push(full.freeze());
            start = 0;
        }
        let end = start + string.len();
        if end > self.current.len() {
            let doubled = (self.current.len() * 2).min(Self::BUFFER_BYTES);
            self.current.resize(end.max(doubled))?;
        }
        self.current.as_mut_slice()[start..end].copy_from_slice(string);
        self.used_bytes = end;
        Ok(View::outside(string, self.full.len() as u32, start as u32))
    }

    /// Rows so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.views.len()
    }

    /// Whether there are no rows yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.views.is_empty()
    }

    /// Ends building.
    ///
    /// # Errors
    /// If memory is refused.
    pub fn finish(mut self) -> Result<Views> {
        if self.used_bytes > 0 {
            self.current.resize(self.used_bytes)?;
            self.full.push(self.current.freeze());
        }
        Ok(Views { views: self.views.freeze(), buffers: self.full.into() })
    }
}
