//! Hand-made headers, and broken ones.

use super::*;

/// Appends field `id` behind field `last` as a zigzag varint of type `wire`.
fn int(bytes: &mut Vec<u8>, last: u8, id: u8, value: i32) {
    bytes.push((id - last) << 4 | 5);
    let mut coded = ((value << 1) ^ (value >> 31)) as u32;
    while coded >= 0x80 {
        bytes.push(coded as u8 | 0x80);
        coded >>= 7;
    }
    bytes.push(coded as u8);
}

fn header(page_type: i32, sizes: (i32, i32), part: u8, numbers: &[i32], more: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    int(&mut bytes, 0, 1, page_type);
    int(&mut bytes, 1, 2, sizes.0);
    int(&mut bytes, 2, 3, sizes.1);
    int(&mut bytes, 3, 4, -2);
    bytes.push((part - 4) << 4 | 0x0c);
    for (id, &number) in (1..).zip(numbers) {
        int(&mut bytes, id - 1, id, number);
    }
    bytes.extend_from_slice(more);
    bytes.extend([0, 0]);
    bytes
}

fn parse(bytes: &[u8]) -> Result<PageHeader> {
    PageHeader::parse(bytes, 5000, &Limits::standard())
}

/// A v1 header with statistics, a v2 header, a dictionary header.
fn sound() -> [Vec<u8>; 3] {
    let statistics = [0x1c, 0x18, 3, b'a', b'b', b'c', 0];
    [
        header(0, (900, 300), 5, &[100, 0, 3, 4], &statistics),
        header(3, (900, 300), 8, &[100, 10, 90, 5, 20, 30], &[0x12]),
        header(2, (900, 300), 7, &[70, 2], &[0x11]),
    ]
}

#[test]
fn each_kind_is_read() {
    let kinds = [
        PageKind::DataV1 {
            num_values: 100,
            encoding: Encoding::Plain,
            definition_level_encoding: Encoding::Rle,
            repetition_level_encoding: Encoding::BitPacked,
        },
        PageKind::DataV2 {
            num_values: 100,
            num_nulls: Some(10),
            num_rows: 90,
            encoding: Encoding::DeltaBinaryPacked,
            definition_levels_byte_length: 20,
            repetition_levels_byte_length: 30,
            is_compressed: false,
        },
        PageKind::Dictionary {
            num_values: 70,
            encoding: Encoding::PlainDictionary,
            is_sorted: true,
        },
    ];
    let places = [Some((21, 6)), None, None];
    for ((mut bytes, kind), statistics_at) in sound().into_iter().zip(kinds).zip(places) {
        let header_len = bytes.len();
        bytes.extend([0xff; 40]);
        let expected = PageHeader {
            kind,
            compressed_page_size: 300,
            uncompressed_page_size: 900,
            crc: Some(u32::MAX - 1),
            header_len,
            statistics_at,
        };
        assert_eq!(parse(&bytes).unwrap(), expected);
        let statistics = expected.statistics(&bytes, 5000, &Limits::standard()).unwrap();
        let found = statistics.map(|statistics| statistics.legacy_max);
        assert_eq!(found, statistics_at.map(|_| Some(&b"abc"[..])));
    }
    let page = header(3, (9, 9), 8, &[1, 0, 1, 0, 0, 0], &[0x2c, 0x36, 6, 0]);
    let nulls = parse(&page).unwrap().statistics(&page, 0, &Limits::standard()).unwrap();
    assert_eq!(nulls.and_then(|statistics| statistics.null_count), Some(3), "of version 2");
    let compressed = header(3, (900, 300), 8, &[1, 0, 1, 5, 0, 0], &[]);
    let kind = parse(&compressed).unwrap().kind;
    assert!(matches!(kind, PageKind::DataV2 { is_compressed: true, .. }), "missing means true");
    assert_eq!(parse(&header(1, (9, 9), 6, &[], &[])).unwrap().kind, PageKind::Index);
    assert_eq!(parse(&header(7, (9, 9), 6, &[], &[])).unwrap().kind, PageKind::Other(7));
}

#[test]
fn impossible_numbers_are_corrupt() {
    for bytes in [
        header(0, (-1, 300), 5, &[100, 0, 3, 4], &[]),
        header(0, (900, -1), 5, &[100, 0, 3, 4], &[]),
        header(0, (900, 300), 5, &[-100, 0, 3, 4], &[]),
        header(0, (900, 300), 5, &[100], &[]),
        header(0, (900, 300), 7, &[100, 0], &[]),
        header(2, (900, 300), 7, &[], &[]),
        header(3, (900, 300), 8, &[-100, 10, 90, 5, 20, 30], &[]),
        header(3, (900, 300), 8, &[100, 10, -90, 5, 20, 30], &[]),
        header(3, (900, 300), 8, &[100, 10, 90, 5, 200, 101], &[]),
        header(3, (299, 300), 8, &[100, 10, 90, 5, 200, 100], &[]),
        header(3, (900, 300), 8, &[100, 10, 90, 5, i32::MAX, i32::MAX], &[]),
        vec![0x15, 0, 0],
    ] {
        let error = parse(&bytes).unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Corrupt, "{error}");
        assert!(error.place().file_offset.is_some_and(|offset| offset >= 5000));
    }
}

#[test]
fn a_number_of_nulls_that_is_none_is_not_told() {
    for (told, expected) in [(-1, None), (0, Some(0)), (101, Some(101))] {
        let bytes = header(3, (900, 300), 8, &[100, told, 90, 5, 20, 30], &[]);
        let PageKind::DataV2 { num_nulls, .. } = parse(&bytes).unwrap().kind else { panic!() };
        assert_eq!(num_nulls, expected, "{told}");
    }
}

#[test]
fn limits_of_pages_and_headers_are_kept() {
    let [bytes, ..] = sound();
    let kind = |limits: Limits| {
        PageHeader::parse(&bytes, 0, &limits).map_err(|error| error.kind().clone())
    };
    let exceeded = |limit| Err(ErrorKind::LimitExceeded(limit));
    let standard = Limits::standard();
    assert!(kind(Limits { page_bytes: 900, ..standard.clone() }).is_ok());
    assert_eq!(kind(Limits { page_bytes: 899, ..standard.clone() }), exceeded(Limit::PageBytes));
    let length = bytes.len() as u32;
    assert!(kind(Limits { page_header_bytes: length, ..standard.clone() }).is_ok());
    assert_eq!(
        kind(Limits { page_header_bytes: length - 1, ..standard }),
        exceeded(Limit::PageHeaderBytes)
    );
}

/// A cut header asks for more; a flipped bit gives a header inside the limits or an error.
#[test]
fn broken_headers_are_values_or_errors() {
    for mut bytes in sound() {
        for end in 0..bytes.len() {
            assert_eq!(*parse(&bytes[..end]).unwrap_err().kind(), ErrorKind::Truncated, "{end}");
        }
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            if let Ok(header) = parse(&bytes) {
                assert!(header.header_len <= bytes.len());
                assert!(header.compressed_page_size <= i32::MAX as u32);
            }
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }
}
