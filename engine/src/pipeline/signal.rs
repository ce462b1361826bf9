//! What travels between batches.

/// A message to every operator of a lane, ordered with its batches. Watermarks are not signals: they
/// are marks on batches ([`millwork_format::batch::Mark`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Signal {
    /// All batches of the epoch came before this; operators snapshot their state here.
    Barrier(u64),
    /// Nothing comes for a while: do not wait for this lane's watermark.
    Idle,
    /// Nothing comes any more. Sent once, last.
    End,
}
