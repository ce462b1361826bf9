//! Scans of tables.

use std::sync::Arc;

use super::stream::Stream;
use super::{Lowering, mark};
use crate::error::{Error, Result};
use crate::plan::logical;
use crate::scan::{ScanShared, ScanSource, ScanSpec};
use crate::source::ParquetTable;

impl Lowering {
    /// The rows of a table for which the scan's predicates are true.
    pub(super) fn scan(
        &mut self,
        node: &logical::Scan,
        wanted: &[bool],
        in_order: bool,
    ) -> Result<Stream> {
        let Some(table) = node.table.as_any().downcast_ref::<ParquetTable>() else {
            let name = node.table.name();
            return Err(Error::internal(format!("a table of another kind: {name}")));
        };
        // Columns that nobody reads are not even asked about: they may be ones we cannot decode.
        let mut read = wanted.to_vec();
        node.predicates.iter().for_each(|predicate| mark(predicate, &mut read));
        let spec = ScanSpec {
            files: table.files().to_vec(),
            columns: node.columns.clone(),
            predicates: node.predicates.clone(),
            wanted: wanted.to_vec(),
            prune: self.options.prune,
            batch_rows: self.options.batch_rows,
            morsel_rows: self.options.morsel_rows,
        };
        let shared = ScanShared::new(spec)?;
        self.scans.push((node.table.name().to_string(), Arc::clone(&shared)));
        let lanes = if in_order { 1 } else { self.options.lanes };
        let sources = Arc::clone(&shared);
        let stream = Stream::new(lanes, move |_| Ok(Box::new(ScanSource::new(&sources)?)));
        // One lane takes morsels in order.
        Ok(if lanes == 1 { stream } else { stream.by_morsels_of(&shared) })
    }
}
