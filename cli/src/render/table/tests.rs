//! What tables look like.

use std::sync::Arc;

use millwork_codecs::buffer::Slice;
use millwork_format::vector::{Data, Vector, Views};

use super::*;

fn shown(mut table: Table, words: &[&str]) -> String {
    let fields = [Field::nullable("n", DataType::Int32), Field::nullable("wörter", DataType::Utf8)];
    let numbers: Vec<i32> = (0..words.len() as i32).map(|n| n * 100).collect();
    let views = Views::copy_of(words).expect("views");
    let words = Vector::new(Data::Views(views), None, words.len());
    let columns: Arc<[Vector]> =
        Arc::new([Vector::flat(Slice::copy_of(&numbers)), words.expect("a vector")]);
    let batch = Batch::new(columns, numbers.len()).expect("a batch");
    let mut out = Vec::new();
    table.begin(&fields, &mut out).expect("begun");
    table.batch(&batch, &mut out).expect("shown");
    table.end(&mut out).expect("ended");
    String::from_utf8(out).expect("text")
}

#[test]
fn boxes_align_names_types_and_cells() {
    assert_eq!(
        shown(Table::boxed(None), &["日本", "two\nlines"]),
        "┌─────────┬───────────┐\n\
         │       n │ wörter    │\n\
         │ INTEGER │ VARCHAR   │\n\
         ├─────────┼───────────┤\n\
         │       0 │ 日本      │\n\
         │     100 │ two⏎lines │\n\
         └─────────┴───────────┘\n\
         2 rows\n"
    );
}

#[test]
fn a_box_fits_the_terminal() {
    let text = shown(Table::boxed(Some(30)), &["a rather long cell that must be cut"]);
    assert!(text.lines().all(|line| width::of(line) <= 30), "{text}");
    assert!(text.contains("a rather long c…"), "{text}");
    assert!(text.ends_with("1 row\n"), "{text}");
}

#[test]
fn markdown_escapes_bars() {
    assert_eq!(
        shown(Table::markdown(), &["a|b"]),
        "|   n | wörter |\n|----:|--------|\n|   0 | a\\|b   |\n"
    );
}

#[test]
fn a_result_without_rows_has_its_header() {
    assert!(shown(Table::boxed(None), &[]).ends_with("┴─────────┘\n0 rows\n"));
}

/// One column after the other is what it means; a table of twenty thousand has no time for that.
#[test]
fn columns_are_squeezed_as_if_one_by_one() {
    let mut state = 7_u64;
    let mut random = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) % below
    };
    for _ in 0..2_000 {
        let widths: Vec<usize> = (0..random(12)).map(|_| random(60) as usize).collect();
        let terminal = random(300) as usize;
        let column = |width| Column {
            name: String::new(),
            data_type: DataType::Int32,
            is_right: false,
            width,
        };
        let mut columns: Vec<Column> = widths.iter().copied().map(column).collect();
        squeeze(&mut columns, terminal);
        let mut expected = widths.clone();
        while expected.iter().sum::<usize>() + 3 * expected.len() + 1 > terminal
            && let Some(widest) = expected.iter_mut().max_by_key(|width| **width)
            && *widest > NARROWEST
        {
            *widest -= 1;
        }
        let found: Vec<usize> = columns.iter().map(|column| column.width).collect();
        assert_eq!(found, expected, "{widths:?} in {terminal}");
    }
}
