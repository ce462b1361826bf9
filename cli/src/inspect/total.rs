//! What the chunks of a leaf say together: what `stats` and the summary tell of a column.

use millwork_format::metadata::created_by::Writer;
use millwork_format::metadata::{ColumnChunk, Statistics};
use millwork_format::schema::Leaf;

use super::{bounds, located, meta};
use crate::failure::Result;
use crate::source::Source;

/// What the chunks of one leaf say together. A number that one of them does not tell is not known.
pub struct Total<'a> {
    /// Slots.
    pub values: u64,
    /// Slots without a value.
    pub nulls: Option<u64>,
    /// Floats that are not numbers.
    pub nans: Option<u64>,
    /// Different values. Only of a single chunk: others may have the same ones.
    pub distinct: Option<u64>,
    /// Bytes in the file.
    pub compressed_bytes: u64,
    /// Bytes of pages before compression.
    pub uncompressed_bytes: u64,
    /// Each once, as they are met.
    pub encodings: Vec<&'static str>,
    /// Each once, as they are met.
    pub codecs: Vec<&'static str>,
    /// Whether every chunk says that its bounds are values.
    pub is_exact: Option<bool>,
    leaf: &'a Leaf,
    writer: Writer<'a>,
    /// Of each chunk its slots, and what is known of them.
    chunks: Vec<(u64, Option<Statistics<'a>>)>,
}

impl<'a> Total<'a> {
    /// Of `leaf` in all row groups.
    ///
    /// # Errors
    /// Statistics whose bytes are broken.
    pub fn of(source: &'a Source, leaf: &'a Leaf) -> Result<Self> {
        let footer = source.file.footer();
        let groups = footer.row_groups();
        let chunks: Vec<ColumnChunk<'a>> =
            groups.filter_map(|group| group.column(leaf.index)).collect();
        let mut total = Self {
            values: 0,
            nulls: Some(0),
            nans: Some(0),
            distinct: None,
            compressed_bytes: 0,
            uncompressed_bytes: 0,
            encodings: Vec::new(),
            codecs: Vec::new(),
            is_exact: None,
            leaf,
            writer: footer.writer(),
            chunks: Vec::with_capacity(chunks.len()),
        };
        let mut is_first = true;
        for chunk in &chunks {
            let statistics = chunk.statistics().map_err(|error| located(error, source))?;
            let known = statistics.unwrap_or_default();
            let sum = |sum: Option<u64>, more: Option<u64>| {
                sum.zip(more).map(|(a, b)| a.saturating_add(b))
            };
            total.values = total.values.saturating_add(chunk.num_values());
            total.nulls = sum(total.nulls, known.null_count);
            total.nans = sum(total.nans, known.nan_count);
            total.distinct = known.distinct_count.filter(|_| chunks.len() == 1);
            let more = |sum: &mut u64, bytes| *sum = sum.saturating_add(bytes);
            more(&mut total.compressed_bytes, chunk.total_compressed_size());
            more(&mut total.uncompressed_bytes, chunk.total_uncompressed_size());
            // A chunk of nulls has no bounds.
            if known.null_count != Some(chunk.num_values()) {
                let exact = known.is_min_value_exact.zip(known.is_max_value_exact);
                let exact = exact.map(|(min, max)| min && max);
                total.is_exact = match is_first {
                    true => exact,
                    false => total.is_exact.zip(exact).map(|(all, one)| all && one),
                };
                is_first = false;
            }
            for encoding in meta::encodings(*chunk) {
                if !total.encodings.contains(&encoding) {
                    total.encodings.push(encoding);
                }
            }
            let codec = chunk.compression().name();
            if !total.codecs.contains(&codec) {
                total.codecs.push(codec);
            }
            total.chunks.push((chunk.num_values(), statistics));
        }
        Ok(total)
    }

    /// The least and the greatest value as text, if all chunks tell.
    pub fn bounds(&self) -> Option<(Option<String>, Option<String>)> {
        bounds::merged(self.leaf, &self.chunks, self.writer)
    }

    /// How many times smaller compression made the pages.
    pub fn ratio(&self) -> Option<f64> {
        (self.compressed_bytes > 0)
            .then(|| self.uncompressed_bytes as f64 / self.compressed_bytes as f64)
    }
}
