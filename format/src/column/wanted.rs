//! Which values a decoder is asked for.

/// Which of the next values are wanted.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wanted<'a> {
    /// The next so many.
    All(usize),
    /// Of the next `values` those whose bit in `mask` is 1, `count` in all.
    Masked { mask: &'a [u64], values: usize, count: usize },
}

impl Wanted<'_> {
    pub(super) fn count(self) -> usize {
        match self {
            Self::All(count) | Self::Masked { count, .. } => count,
        }
    }
}
