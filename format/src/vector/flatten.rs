//! Turning dictionary and constant vectors into flat ones: always legal.

use std::sync::Arc;

use super::{Data, List, Vector};
use crate::error::Result;

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
                inner.take(&vec![0; self.len()])?.with_validity(self.validity().cloned())
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
            _ => return Ok(flat),
        };
        Self::new(data, flat.validity().cloned(), flat.len())
    }
}
