//! JSON written piece by piece: what a file of many columns says is never a whole tree of values.

use serde_json::Value;

use crate::failure::Result;
use crate::output::{Output, Sink as _};

/// Writes an object without its end.
pub fn open_object(object: &Value, out: &mut Output) -> Result<()> {
    let text = object.to_string();
    out.write(text.strip_suffix('}').unwrap_or(&text).as_bytes())
}

/// Writes a further member of an object, an array, item by item.
pub fn array(
    name: &str,
    items: impl Iterator<Item = Result<Value>>,
    out: &mut Output,
) -> Result<()> {
    out.write(format!(",\"{name}\":[").as_bytes())?;
    for (at, item) in items.enumerate() {
        out.write(if at == 0 { b"" } else { b"," })?;
        out.write(item?.to_string().as_bytes())?;
    }
    out.write(b"]")
}

/// Ends the object and its line.
pub fn close_object(out: &mut Output) -> Result<()> {
    out.write(b"}\n")
}
