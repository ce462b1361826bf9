//! Parquet files from their parts: pages as bytes, headers and footer through the `thrift` crate.
//!
//! In: pages with whatever bodies and claims a test wants. Out: the bytes of a file, or pieces of a file
//! with holes. Nothing is checked and nothing is corrected, so that a file can be as wrong as its test
//! needs; the code under test takes no part in making it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use millwork_format::metadata::{Compression, Encoding, PhysicalType};

use crate::tree::Node;

/// How often a field occurs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repetition {
    /// Once.
    Required,
    /// At most once.
    Optional,
    /// Any number of times.
    Repeated,
}

/// An element of the schema.
#[derive(Clone, Debug)]
pub struct Element(pub Node);

impl Element {
    /// The root, above `children` fields.
    #[must_use]
    pub fn root(children: usize) -> Self {
        Self(Node::Struct(vec![(4, Node::text("schema")), (5, Node::I32(children as i32))]))
    }

    /// A group of `children` fields.
    #[must_use]
    pub fn group(name: &str, repetition: Repetition, children: usize) -> Self {
        Self(Node::Struct(vec![
            (3, Node::I32(repetition as i32)),
            (4, Node::text(name)),
            (5, Node::I32(children as i32)),
        ]))
    }

    /// A leaf.
    #[must_use]
    pub fn leaf(name: &str, repetition: Repetition, physical: PhysicalType) -> Self {
        Self(Node::Struct(vec![
            (1, Node::I32(physical.code())),
            (3, Node::I32(repetition as i32)),
            (4, Node::text(name)),
        ]))
    }

    /// The same with the old annotation `code`; 0 is UTF8.
    #[must_use]
    pub fn converted(mut self, code: i32) -> Self {
        self.0.set(6, Node::I32(code));
        self
    }
}

/// A page: its header and the body as it lies in the file.
#[derive(Clone, Debug)]
pub struct Page {
    /// The header's structure.
    pub header: Node,
    /// The body, compressed or not.
    pub body: Vec<u8>,
}

impl Page {
    fn of(kind: i32, body: Vec<u8>, field: i16, own: Vec<(i16, Node)>) -> Self {
        let len = Node::I32(body.len() as i32);
        let header = Node::Struct(vec![
            (1, Node::I32(kind)),
            (2, len.clone()),
            (3, len),
            (field, Node::Struct(own)),
        ]);
        Self { header, body }
    }

    /// A data page of version 1 that holds `values` values, nulls included; its levels are RLE.
    #[must_use]
    pub fn v1(values: i32, encoding: Encoding, body: Vec<u8>) -> Self {
        let rle = Node::I32(Encoding::Rle.code());
        let own = vec![
            (1, Node::I32(values)),
            (2, Node::I32(encoding.code())),
            (3, rle.clone()),
            (4, rle),
        ];
        Self::of(0, body, 5, own)
    }

    /// A data page of version 2: values, nulls and rows, bytes of definition and repetition levels.
    #[must_use]
    pub fn v2(
        [values, nulls, rows]: [i32; 3],
        encoding: Encoding,
        [definition, repetition]: [i32; 2],
        body: Vec<u8>,
    ) -> Self {
        let own = vec![
            (1, Node::I32(values)),
            (2, Node::I32(nulls)),
            (3, Node::I32(rows)),
            (4, Node::I32(encoding.code())),
            (5, Node::I32(definition)),
            (6, Node::I32(repetition)),
        ];
        Self::of(3, body, 8, own)
    }

    /// A dictionary of `entries` PLAIN values.
    #[must_use]
    pub fn dictionary(entries: i32, body: Vec<u8>) -> Self {
        let own = vec![(1, Node::I32(entries)), (2, Node::I32(Encoding::Plain.code()))];
        Self::of(2, body, 7, own)
    }

    /// The same with a claim of `bytes` bytes when decompressed.
    #[must_use]
    pub fn claiming(mut self, bytes: i32) -> Self {
        self.header.set(2, Node::I32(bytes));
        self
    }

    /// Sets field `id` of the structure in field `of` of the header.
    pub fn own(&mut self, of: i16, id: i16, value: Node) {
        if let Some(mut own) = self.header.field(of).cloned() {
            own.set(id, value);
            self.header.set(of, own);
        }
    }

    fn is_dictionary(&self) -> bool {
        self.header.field(1) == Some(&Node::I32(2))
    }

    fn number(&self, id: i16) -> i64 {
        match self.header.field(id) {
            Some(Node::I32(number)) => (*number).into(),
            _ => 0,
        }
    }

    /// Values that the header claims; 0 of a dictionary.
    fn values(&self) -> i64 {
        let own = self.header.field(5).or_else(|| self.header.field(8));
        match own.and_then(|own| own.field(1)) {
            Some(Node::I32(values)) => (*values).into(),
            _ => 0,
        }
    }
}

/// A column chunk: fields of `ColumnMetaData`.
#[derive(Clone, Debug)]
pub struct Chunk(pub Node);

/// A row group: its chunks and rows.
#[derive(Clone, Debug)]
pub struct Group {
    /// One a leaf, or not.
    pub chunks: Vec<Chunk>,
    /// Rows claimed.
    pub rows: i64,
}

/// A file that grows.
#[derive(Debug)]
pub struct Assembler {
    /// Where each piece lies, and its bytes.
    pieces: Vec<(u64, Vec<u8>)>,
    end: u64,
}

impl Default for Assembler {
    fn default() -> Self {
        Self { pieces: vec![(0, b"PAR1".to_vec())], end: 4 }
    }
}

impl Assembler {
    fn push(&mut self, bytes: &[u8]) {
        if let Some((_, piece)) = self.pieces.last_mut() {
            piece.extend_from_slice(bytes);
        }
        self.end += bytes.len() as u64;
    }

    /// Leaves a hole: what comes next lies at `offset`.
    pub fn skip_to(&mut self, offset: u64) {
        self.pieces.push((offset, Vec::new()));
        self.end = offset;
    }

    /// Where what comes next will lie.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.end
    }

    /// Writes the pages of a chunk of the leaf at `path`, one behind the other.
    ///
    /// # Errors
    /// A header cannot be written.
    pub fn chunk(
        &mut self,
        path: &[&str],
        physical: PhysicalType,
        codec: Compression,
        pages: &[Page],
    ) -> Result<Chunk, String> {
        let (start, mut data, mut dictionary) = (self.end, None, None);
        let (mut values, mut uncompressed) = (0, 0);
        for page in pages {
            let place = if page.is_dictionary() { &mut dictionary } else { &mut data };
            place.get_or_insert(self.end);
            let header = page.header.encode()?;
            values += page.values();
            uncompressed += header.len() as i64 + page.number(2);
            self.push(&header);
            self.push(&page.body);
        }
        let path = path.iter().map(|name| Node::text(name)).collect();
        let mut fields = vec![
            (1, Node::I32(physical.code())),
            (2, Node::list(vec![Node::I32(Encoding::Plain.code())])),
            (3, Node::list(path)),
            (4, Node::I32(codec.code())),
            (5, Node::I64(values)),
            (6, Node::I64(uncompressed)),
            (7, Node::I64((self.end - start) as i64)),
            (9, Node::I64(data.unwrap_or(start) as i64)),
        ];
        fields.extend(dictionary.map(|offset| (11, Node::I64(offset as i64))));
        Ok(Chunk(Node::Struct(fields)))
    }

    /// Writes `bytes` that are no page, such as an index. Answers their place and number, as the footer
    /// tells them.
    pub fn piece(&mut self, bytes: &[u8]) -> (Node, Node) {
        let place = (Node::I64(self.end as i64), Node::I32(bytes.len() as i32));
        self.push(bytes);
        place
    }

    /// Sets field `id` of the `ColumnChunk` of leaf `leaf` in row group `group` of a footer.
    pub fn set_in_chunk(footer: &mut Node, (group, leaf): (usize, usize), id: i16, value: Node) {
        let Some(Node::List(told, mut groups)) = footer.field(4).cloned() else { return };
        let Some(group) = groups.get_mut(group) else { return };
        let Some(Node::List(of_group, mut chunks)) = group.field(1).cloned() else { return };
        if let Some(chunk) = chunks.get_mut(leaf) {
            chunk.set(id, value);
        }
        group.set(1, Node::List(of_group, chunks));
        footer.set(4, Node::List(told, groups));
    }

    /// The structure of the footer, to be made worse before [`Assembler::end_with`].
    #[must_use]
    pub fn footer(schema: Vec<Element>, groups: Vec<Group>) -> Node {
        let rows = groups.iter().fold(0i64, |rows, group| rows.saturating_add(group.rows));
        let groups = groups.into_iter().map(|group| {
            let chunk = |chunk: Chunk| Node::Struct(vec![(2, Node::I64(0)), (3, chunk.0)]);
            let chunks = group.chunks.into_iter().map(chunk).collect();
            Node::Struct(vec![
                (1, Node::list(chunks)),
                (2, Node::I64(0)),
                (3, Node::I64(group.rows)),
            ])
        });
        Node::Struct(vec![
            (1, Node::I32(1)),
            (2, Node::list(schema.into_iter().map(|element| element.0).collect())),
            (3, Node::I64(rows)),
            (4, Node::list(groups.collect())),
        ])
    }

    /// Ends the file with `footer`.
    ///
    /// # Errors
    /// The footer cannot be written.
    pub fn end_with(self, footer: &Node) -> Result<Self, String> {
        Ok(self.end_with_bytes(&footer.encode()?))
    }

    /// Ends the file with the bytes of a footer, its length and the magic.
    #[must_use]
    pub fn end_with_bytes(mut self, footer: &[u8]) -> Self {
        self.push(footer);
        self.push(&(footer.len() as u32).to_le_bytes());
        self.push(b"PAR1");
        self
    }

    /// The bytes of a file without holes.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.pieces.into_iter().flat_map(|(_, piece)| piece).collect()
    }

    /// Writes the pieces into `file`; what lies between them takes no room there.
    ///
    /// # Errors
    /// Those of writing.
    pub fn write_to(&self, file: &File) -> io::Result<()> {
        self.pieces.iter().try_for_each(|(offset, piece)| file.write_all_at(piece, *offset))
    }
}

/// The file of one column and one row group of `rows` rows.
///
/// # Errors
/// A header or the footer cannot be written.
pub fn one_column(
    leaf: Element,
    codec: Compression,
    rows: i64,
    pages: &[Page],
) -> Result<Vec<u8>, String> {
    let mut file = Assembler::default();
    let physical = match leaf.0.field(1) {
        Some(Node::I32(code)) => PhysicalType::from_code(*code),
        _ => None,
    };
    let name = match leaf.0.field(4) {
        Some(Node::Bytes(name)) => String::from_utf8_lossy(name).into_owned(),
        _ => String::new(),
    };
    let physical = physical.ok_or("a leaf without a type")?;
    let chunk = file.chunk(&[&name], physical, codec, pages)?;
    let group = Group { chunks: vec![chunk], rows };
    let footer = Assembler::footer(vec![Element::root(1), leaf], vec![group]);
    Ok(file.end_with(&footer)?.into_bytes())
}

/// An RLE run of the hybrid encoding: `count` times `value`, in `value_bytes` bytes.
#[must_use]
pub fn run(count: u64, value: u32, value_bytes: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut header = count << 1;
    while header > 0x7f {
        bytes.push(header as u8 | 0x80);
        header >>= 7;
    }
    bytes.push(header as u8);
    bytes.extend_from_slice(&value.to_le_bytes()[..value_bytes.min(4)]);
    bytes
}
