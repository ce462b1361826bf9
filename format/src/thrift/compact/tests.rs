//! Single structures, byte by byte.

use super::*;

fn skip_structure(bytes: &[u8], limits: &Limits) -> Result<usize> {
    let mut reader = CompactReader::new(bytes, 100, limits);
    reader.skip(WireType::Struct).map(|()| reader.position())
}

#[test]
fn every_wire_type_is_skipped_whole() {
    let table: [&[u8]; 14] = [
        &[0x11, 0],
        &[0x12, 0],
        &[0x13, 0xff, 0],
        &[0x14, 0x81, 0x01, 0],
        &[0x05, 0x08, 0xff, 0xff, 0xff, 0xff, 0x0f, 0],
        &[0x16, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01, 0],
        &[0x17, 1, 2, 3, 4, 5, 6, 7, 8, 0],
        &[0x18, 3, b'a', b'b', b'c', 0],
        &[0x19, 0x35, 1, 2, 3, 0x19, 0x00, 0x19, 0x12, 1, 0],
        &[0x1a, 0x25, 1, 2, 0],
        &[0x1b, 0, 0x1b, 1, 0x85, 1, b'k', 7, 0],
        &[0x1c, 0x15, 2, 0, 0],
        &[0x1d, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0],
        &[0x19, 0xf1, 17, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0],
    ];
    for bytes in table {
        let limits = Limits::standard();
        assert_eq!(skip_structure(bytes, &limits).unwrap(), bytes.len(), "{bytes:x?}");
        for end in 0..bytes.len() {
            let error = skip_structure(&bytes[..end], &limits).unwrap_err();
            assert_eq!(*error.kind(), ErrorKind::Truncated, "{bytes:x?} {end}");
            assert!(error.place().file_offset.unwrap() <= 100 + end as u64);
        }
    }
}

#[test]
fn nesting_ends_at_the_limit_and_not_on_the_stack() {
    let limits = Limits::standard();
    // A field's header, then what each further level begins with.
    for (first, level, close) in
        [(&[][..], &[0x1c][..], &[0][..]), (&[0x19], &[0x19], &[]), (&[0x1b], &[1, 0xbb], &[])]
    {
        let nested = |levels: usize| {
            let zeros = [0; 200];
            [first, &level.repeat(levels), &zeros, &close.repeat(levels)].concat()
        };
        let deep = skip_structure(&nested(1_000_000), &limits).unwrap_err();
        assert_eq!(*deep.kind(), ErrorKind::LimitExceeded(Limit::ThriftDepth), "{level:x?}");
        let shallow = skip_structure(&nested(40), &limits);
        assert!(shallow.is_ok(), "{level:x?} {shallow:?}");
    }
}

#[test]
fn a_count_is_held_against_the_bytes_left_and_the_limit() {
    let huge = [0x19, 0xf5, 0xff, 0xff, 0xff, 0xff, 0x0f, 1, 1];
    assert_eq!(
        *skip_structure(&huge, &Limits::standard()).unwrap_err().kind(),
        ErrorKind::Truncated
    );
    let limits = Limits { list_elements: 2, ..Limits::standard() };
    assert!(skip_structure(&[0x19, 0x25, 1, 2, 0], &limits).is_ok());
    assert_eq!(
        *skip_structure(&[0x19, 0x35, 1, 2, 3, 0], &limits).unwrap_err().kind(),
        ErrorKind::LimitExceeded(Limit::ListElements)
    );
}

#[test]
fn a_list_of_another_type_is_as_if_absent() {
    let limits = Limits::standard();
    let mut reader = CompactReader::new(&[0x25, 1, 2, 0x42], 0, &limits);
    let never = reader.list_of(WireType::Binary, |reader, _| reader.binary().map(|_| ()));
    assert_eq!(never.unwrap(), None);
    assert_eq!(reader.i8().unwrap(), 0x42);
    for element in [1, 2] {
        let bytes = [0x40 | element, 1, 2, 0, 1];
        let mut reader = CompactReader::new(&bytes, 0, &limits);
        let mut found = Vec::new();
        let count = reader.list_of(WireType::True, |reader, _| {
            found.push(reader.boolean_element()?);
            Ok(())
        });
        assert_eq!((count.unwrap(), found), (Some(4), vec![true, false, false, true]));
    }
}

#[test]
fn errors_name_the_offset_in_the_file() {
    let limits = Limits::standard();
    let error = skip_structure(&[0x15, 2, 0x1e], &limits).unwrap_err();
    assert_eq!(error.to_string(), "corrupt file: Thrift wire type 14 is unknown (offset 103)");
    let mut reader = CompactReader::new(&[0x80, 0x80, 0x08], 7, &limits);
    let error = reader.i16().unwrap_err();
    assert_eq!(error.place().file_offset, Some(7));
    assert_eq!(*error.kind(), ErrorKind::Corrupt);
}
