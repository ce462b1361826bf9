//! Codes against names.

use super::*;

#[test]
fn codes_and_values_are_inverse() {
    for code in -3..40 {
        assert_eq!(Encoding::from_code(code).code(), code);
        assert_eq!(Compression::from_code(code).code(), code);
        assert_eq!(PageType::from_code(code).code(), code);
        assert_eq!(Repetition::from_code(code).code(), code);
        assert_eq!(ConvertedType::from_code(code).map_or(code, ConvertedType::code), code);
        assert_eq!(PhysicalType::from_code(code).map_or(code, PhysicalType::code), code);
        assert_eq!(ConvertedType::from_code(code).is_some(), (0..=21).contains(&code));
        assert_eq!(PhysicalType::from_code(code).is_some(), (0..=7).contains(&code));
    }
}

#[test]
fn a_set_holds_what_was_put_in() {
    let mut set = EncodingSet::default();
    let put = [Encoding::Plain, Encoding::RleDictionary, Encoding::Alp, Encoding::Unknown(77)];
    for encoding in put {
        assert!(!set.contains(encoding));
        set.insert(encoding);
    }
    assert!(set.contains(Encoding::Unknown(1)) && !set.contains(Encoding::Rle));
    assert_eq!(set.iter().count(), 4);
    assert_eq!(format!("{set:?}"), "{Plain, RleDictionary, Alp, Unknown(-1)}");
}
