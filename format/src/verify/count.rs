//! How many bytes the values of a page take, without decoding them.

use crate::column::ColumnShape;
use crate::error::{Error, Result};
use crate::metadata::{Encoding, PhysicalType};

/// Bytes of `values` behind the last of `count` values; `None` if only decoding tells.
///
/// # Errors
/// `Truncated` if there are fewer values.
pub(super) fn bytes_behind(
    values: &[u8],
    count: usize,
    encoding: Encoding,
    shape: &ColumnShape,
) -> Result<Option<usize>> {
    let taken = match (encoding, shape.plain_width(), shape.physical) {
        (Encoding::Plain | Encoding::ByteStreamSplit, Some(width), _) => count.checked_mul(width),
        (Encoding::Plain, None, PhysicalType::Boolean) => Some(count.div_ceil(8)),
        (Encoding::Plain, None, _) => of_strings(values, count),
        _ => return Ok(None),
    };
    match taken.and_then(|taken| values.len().checked_sub(taken)) {
        Some(behind) => Ok(Some(behind)),
        None => {
            Err(Error::truncated(format!("{} bytes of values for {count} values", values.len())))
        }
    }
}

/// Bytes of `count` values with their lengths in front; `None` if they reach beyond `values`.
fn of_strings(values: &[u8], count: usize) -> Option<usize> {
    let mut rest = values;
    for _ in 0..count {
        let (len, behind) = rest.split_first_chunk::<4>()?;
        rest = behind.get(u32::from_le_bytes(*len) as usize..)?;
    }
    Some(values.len() - rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::DataType;

    #[test]
    fn bytes_behind_the_last_value_are_counted_and_missing_ones_are_an_error() {
        let behind = |bytes: &[u8], count, encoding, physical| {
            let shape = ColumnShape {
                physical,
                type_length: 3,
                nullable: false,
                data_type: DataType::Binary,
            };
            bytes_behind(bytes, count, encoding, &shape).ok()
        };
        let strings = [1, 0, 0, 0, b'a', 0, 0, 0, 0, 9];
        use Encoding::{ByteStreamSplit, DeltaBinaryPacked, Plain};
        use PhysicalType::{Boolean, ByteArray, FixedLenByteArray, Int32, Int64};
        let table = [
            (behind(&strings, 2, Plain, Int32), Some(Some(2))),
            (behind(&strings, 3, Plain, Int32), None),
            (behind(&strings, usize::MAX, Plain, Int64), None),
            (behind(&strings, 1, ByteStreamSplit, Int64), Some(Some(2))),
            (behind(&strings, 3, Plain, FixedLenByteArray), Some(Some(1))),
            (behind(&strings, 65, Plain, Boolean), Some(Some(1))),
            (behind(&strings, 81, Plain, Boolean), None),
            (behind(&strings, 2, Plain, ByteArray), Some(Some(1))),
            (behind(&strings, 3, Plain, ByteArray), None),
            (behind(&strings, 0, Plain, ByteArray), Some(Some(10))),
            (behind(&strings, 2, DeltaBinaryPacked, Int32), Some(None)),
        ];
        for (row, (found, expected)) in table.into_iter().enumerate() {
            assert_eq!(found, expected, "{row}");
        }
    }
}
