//! Hand-made headers and indexes, and broken ones.
