//! Scans of tables.

use std::sync::Arc;

use super::stream::Stream;
use super::{Asked, Lowering, Passed, mark};
use crate::error::{Error, Result};
use crate::expr::Expr;
use crate::plan::logical;
use crate::scan::{ScanFilter, ScanShared, ScanSource, ScanSpec};
use crate::source::ParquetTable;

impl Lowering {
    /// The rows of a table for which the scan's predicates are true.
    pub(super) fn scan(&mut self, node: &logical::Scan, asked: &Asked<'_>) -> Result<Stream> {
        let wanted = asked.wanted;
        let Some(table) = node.table.as_any().downcast_ref::<ParquetTable>() else {
            let name = node.table.name();
            return Err(Error::internal(format!("a table of another kind: {name}")));
        };
        // Columns that nobody reads are not even asked about: they may be ones we cannot decode.
        let mut read = wanted.to_vec();
        node.predicates.iter().for_each(|predicate| mark(predicate, &mut read));
        // A predicate that fails does so whether or not the row is of use above; and who turns pruning off
        // wants every row.
        let passes = self.options.prune && !node.predicates.iter().any(Expr::can_fail);
        let filters: &[Passed] = if passes { &asked.filters } else { &[] };
        let known_of = |passed: &Passed| ScanFilter {
            filter: Arc::clone(&passed.filter),
            column: passed.column,
            data_type: node.fields[passed.column].data_type.clone(),
        };
        filters.iter().for_each(|passed| read[passed.column] = true);
        let spec = ScanSpec {
            files: table.files().to_vec(),
            columns: node.columns.clone(),
            predicates: node.predicates.clone(),
            filters: filters.iter().map(known_of).collect(),
            wanted: wanted.to_vec(),
            prune: self.options.prune,
            batch_rows: self.options.batch_rows,
            morsel_rows: self.options.morsel_rows,
        };
        let shared = ScanShared::new(spec)?;
        self.scans.push((node.table.name().to_string(), Arc::clone(&shared)));
        let lanes = if asked.in_order { 1 } else { self.options.lanes };
        let sources = Arc::clone(&shared);
        let stream = Stream::new(lanes, move |_| Ok(Box::new(ScanSource::new(&sources)?)));
        let stream =
            filters.iter().filter_map(|passed| passed.known_after).fold(stream, Stream::after);
        // One lane takes morsels in order.
        Ok(if lanes == 1 { stream } else { stream.by_morsels_of(&shared) })
    }
}
