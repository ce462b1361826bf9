//! Every kind of vector through take, concat, flatten and detach, against cells.

use super::*;

fn text(vector: &Vector) -> Vec<String> {
    (0..vector.len()).map(|row| show(vector.cell(row))).collect()
}

fn show(cell: Cell<'_>) -> String {
    match cell {
        Cell::Null => "null".into(),
        Cell::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Cell::Integer(value) => value.to_string(),
        Cell::Boolean(value) => value.to_string(),
        Cell::Float16(value) => value.to_string(),
        Cell::Float32(value) => value.to_string(),
        Cell::Float64(value) => value.to_string(),
        Cell::List { child, start, end } => {
            let items: Vec<String> = (start..end).map(|row| show(child.cell(row))).collect();
            format!("[{}]", items.join(","))
        }
        Cell::Struct { children, row } => {
            let items: Vec<String> = children.iter().map(|c| show(c.cell(row))).collect();
            format!("{{{}}}", items.join(","))
        }
    }
}

fn kinds() -> Vec<Vector> {
    let bits = Bitmap::from_bools(&[true, false, true, true, true]);
    let words = ["a", "a string beyond twelve bytes", "", "bb", "another string beyond twelve"];
    let strings = Vector::new(Data::Views(Views::copy_of(words).unwrap()), None, 5).unwrap();
    let dictionary = Arc::new(Dictionary::new(strings.clone()).unwrap());
    let ints = Vector::flat(Slice::copy_of(&[1i64, -2, 3, 4, 5]));
    let list = List::new(Slice::copy_of(&[0, 2, 2, 3, 3, 5]), strings.clone()).unwrap();
    let fixed = Buffer::copy_of(b"aabbccddee", &millwork_codecs::budget::Budget::unlimited());
    vec![
        ints.clone(),
        ints.clone().with_validity(Some(bits.clone())).unwrap(),
        strings.clone().with_validity(Some(bits.clone())).unwrap(),
        Vector::dictionary(
            Codes::U8(Slice::copy_of(&[4, 0, 1, 1, 2])),
            Some(bits.clone()),
            dictionary,
        )
        .unwrap(),
        Vector::constant(Vector::flat(Slice::copy_of(&[2.5f64])), 5).unwrap(),
        Vector::null(5),
        Vector::new(Data::Boolean(bits.clone()), Some(bits.clone()), 5).unwrap(),
        Vector::new(Data::Fixed { width_bytes: 2, bytes: fixed.unwrap() }, None, 5).unwrap(),
        Vector::new(Data::List(list), Some(bits.clone()), 5).unwrap(),
        Vector::new(Data::Struct([ints, strings].into()), Some(bits), 5).unwrap(),
    ]
}

#[test]
fn take_concat_flatten_and_detach_keep_the_values() {
    for vector in kinds() {
        let expected = text(&vector);
        assert_eq!(text(&vector.flatten().unwrap()), expected);
        assert_eq!(text(&vector.detached().unwrap()), expected);
        let taken = vector.take(&[4, 0, 0, 2]).unwrap();
        let picked: Vec<String> = [4, 0, 0, 2].iter().map(|row| expected[*row].clone()).collect();
        assert_eq!(text(&taken), picked);
        let joined = concat(&[vector.clone(), taken, Vector::null(2), vector]).unwrap();
        let mut all = expected.clone();
        all.extend(picked);
        all.extend(["null".to_string(), "null".to_string()]);
        all.extend(expected);
        assert_eq!(text(&joined), all);
    }
}

#[test]
fn parts_of_one_dictionary_stay_codes() {
    let vector = kinds().swap_remove(3);
    let joined = concat(&[vector.clone(), vector.take(&[1, 2]).unwrap()]).unwrap();
    assert!(matches!(joined.data(), Data::Dictionary(Codes::U8(_), _)));
    assert_eq!(joined.null_count(), 2);
}

#[test]
fn different_layouts_do_not_join_but_decimal_widths_do() {
    let all = kinds();
    assert!(concat(&[all[0].clone(), all[2].clone()]).is_err());
    let wide = Vector::flat(Slice::copy_of(&[1i128 << 100]));
    let joined = concat(&[all[0].clone(), wide]).unwrap();
    assert_eq!(joined.values::<i128>().unwrap()[4..], [5, 1 << 100]);
}

#[test]
fn equal_dictionaries_have_ids_of_their_own() {
    let dictionary = || Dictionary::new(Vector::flat(Slice::copy_of(&[1i32, 2, 3]))).unwrap();
    assert_ne!(dictionary().id(), dictionary().id());
}

#[test]
fn long_strings_spread_over_buffers() {
    let words: Vec<String> = (0..30_000).map(|row| format!("{row:0>60}")).collect();
    let views = Views::copy_of(&words).unwrap();
    assert!(views.buffers().len() > 1);
    for copy in [views.clone(), views.detached().unwrap()] {
        assert!(copy.iter().zip(&words).all(|(found, word)| found == word.as_bytes()));
    }
}

#[test]
fn lengths_are_checked() {
    assert!(Vector::new(Data::Int32(Slice::copy_of(&[1])), None, 2).is_err());
    let bits = Bitmap::from_bools(&[true]);
    assert!(Vector::new(Data::Int32(Slice::copy_of(&[1, 2])), Some(bits), 2).is_err());
    assert!(Vector::constant(Vector::flat(Slice::copy_of(&[1, 2])), 5).is_err());
}
