//! Turning dictionary and constant vectors into flat ones: always legal.

use std::sync::Arc;

use millwork_codecs::buffer::{Buffer, Slice};

use super::{Data, List, Vector, with_plain};
use crate::error::Result;
use crate::room::filled;

impl Vector {
    /// The same rows with flat values; nested vectors are flat already, their children are not
    /// touched.
    ///
    /// # Errors
    /// If memory is refused.
    pub fn flatten(&self) -> Result<Self> {
        match self.data() {
            Data::Dictionary(codes, dictionary) => {
                dictionary.values().take(&codes.widened())?.with_validity(self.validity().cloned())
            }
            Data::Constant(inner) => {
                inner.take(&filled(0, self.len())?)?.with_validity(self.validity().cloned())
            }
            _ => Ok(self.clone()),
        }
    }

    /// The same rows without anything that keeps a page alive: flat, strings copied out, each once.
    /// What enters operator state, a spill, a snapshot or a long queue goes through here.
    ///
    /// # Errors
    /// If memory is refused.
    pub fn detached(&self) -> Result<Self> {
        let flat = self.flatten()?;
        let data = match flat.data() {
            Data::Views(views) => Data::Views(views.detached()?),
            Data::List(list) => {
                Data::List(List::new(list.offsets().clone(), list.child().detached()?)?)
            }
            Data::Struct(children) => {
                let detached: Result<Arc<[Self]>> = children.iter().map(Self::detached).collect();
                Data::Struct(detached?)
            }
            Data::Fixed { width_bytes, bytes } if pins(bytes, bytes.len()) => {
                Data::Fixed { width_bytes: *width_bytes, bytes: Buffer::scratch_copy_of(bytes)? }
            }
            plain => with_plain!(plain, |values, rebuild| {
                if !pins(values.buffer(), values.buffer().len()) {
                    return Ok(flat);
                }
                rebuild(Slice::copy_of(values))
            }, else return Ok(flat)),
        };
        Self::new(data, flat.validity().cloned(), flat.len())
    }
}

/// Whether `used_bytes` of `buffer` keep much more than themselves alive.
fn pins(buffer: &Buffer, used_bytes: usize) -> bool {
    buffer.allocated_bytes() > used_bytes * 2 + 4096
}
