//! `schema`: the columns with their types.

use serde_json::json;

use super::pieces::{array, close_object, open_object};
use super::print_each;
use crate::arguments::Inspect;
use crate::failure::Result;
use crate::output::Output;
use crate::paper;
use crate::source::Source;
use crate::width::truncated;

/// Widest type that people are shown.
const TYPE_WIDTH: usize = 60;

/// Prints the schema of each file.
///
/// # Errors
/// A file that cannot be read.
pub fn print(arguments: &Inspect) -> Result<()> {
    print_each(arguments, |source| Ok(text(source)), json)
}

/// One line a column; under a nested column one line a leaf.
fn text(source: &Source) -> String {
    let schema = source.file.schema();
    let leaves: Vec<_> = schema.describe().collect();
    let mut rows = vec![["column", "type", "null", "stored as", "annotation"].map(str::to_owned)];
    for column in schema.columns() {
        let null = if column.field.nullable { "yes" } else { "no" };
        let leaves = leaves.get(column.leaves.clone()).unwrap_or_default();
        let stored = leaves.first().filter(|_| column.is_flat);
        rows.push([
            column.field.name.to_string(),
            truncated(&column.field.data_type.to_string(), TYPE_WIDTH),
            null.to_owned(),
            stored.map(|leaf| leaf.physical_type.clone()).unwrap_or_default(),
            stored.and_then(|leaf| leaf.annotation.clone()).unwrap_or_default(),
        ]);
        for leaf in leaves.iter().filter(|_| !column.is_flat) {
            rows.push([
                format!("  {}", leaf.path),
                leaf.data_type.to_string(),
                if leaf.nullable { "yes" } else { "no" }.to_owned(),
                leaf.physical_type.clone(),
                leaf.annotation.clone().unwrap_or_default(),
            ]);
        }
    }
    let heading = format!(
        "{}: {}, {}\n",
        paper::visible(&source.name),
        paper::counted(source.file.num_rows(), "row"),
        paper::counted(schema.columns().len() as u64, "column"),
    );
    heading + &paper::aligned(&rows, &[])
}

fn json(source: &Source, out: &mut Output) -> Result<()> {
    let schema = source.file.schema();
    let columns = schema.columns().iter().map(|column| {
        Ok(json!({
            "name": &*column.field.name,
            "type": column.field.data_type.to_string(),
            "nullable": column.field.nullable,
        }))
    });
    let leaves = schema.describe().map(|leaf| {
        Ok(json!({
            "path": leaf.path,
            "type": leaf.data_type.to_string(),
            "physical_type": leaf.physical_type,
            "annotation": leaf.annotation,
            "nullable": leaf.nullable,
            "max_definition_level": leaf.max_definition_level,
            "max_repetition_level": leaf.max_repetition_level,
            "field_id": leaf.field_id,
        }))
    });
    open_object(&json!({ "file": source.name, "rows": source.file.num_rows() }), out)?;
    array("columns", columns, out)?;
    array("leaves", leaves, out)?;
    close_object(out)
}
