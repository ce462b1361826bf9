//! Criterion benches of the layers: see `benches/`.
