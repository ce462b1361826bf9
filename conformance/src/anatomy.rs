//! The parts of a file: places of headers, bodies and indexes, and the bodies of its pages, decompressed.
//!
//! In: the bytes of a sound (or oddly broken) file. Out: an [`Anatomy`] of what could be told apart. What
//! cannot be read has no parts, without an error.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use millwork_codecs::budget::Budget;
use millwork_codecs::buffer::Buffer;
use millwork_codecs::compression::Codec;
use millwork_format::Result;
use millwork_format::column::{ColumnShape, decode_dictionary};
use millwork_format::levels::MaxLevels;
use millwork_format::limits::Limits;
use millwork_format::metadata::{PageHeader, PageKind};
use millwork_format::page::{PageContext, PageStart, codec_of};
use millwork_format::read::{File, ScanColumn, ScanLeaf};
use millwork_format::vector::Dictionary;

use crate::corpus;

/// A file as it is.
pub(crate) struct Original {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

/// The Parquet files of the corpus, and the table that the tests of this repository share.
pub(crate) fn originals() -> std::result::Result<Vec<Original>, String> {
    let root = corpus::root()?;
    let listed = corpus::files(&root).map_err(|error| format!("{}: {error}", root.display()))?;
    let mut files: Vec<Original> = listed
        .into_iter()
        .filter(|name| name.ends_with(".parquet") || name.ends_with(".parquet.encrypted"))
        .map(|name| original(name.clone(), &root.join(&name)))
        .collect::<std::result::Result<_, String>>()?;
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/lineitem.parquet");
    files.push(original("testdata/lineitem.parquet".to_owned(), &table)?);
    Ok(files)
}

fn original(name: String, path: &Path) -> std::result::Result<Original, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(Original { name, bytes })
}

/// A page, decompressed.
pub(crate) struct Body {
    pub(crate) header: PageHeader,
    pub(crate) bytes: Vec<u8>,
    pub(crate) shape: ColumnShape,
    /// The highest levels of a leaf in a nested column.
    pub(crate) max_levels: Option<MaxLevels>,
    pub(crate) dictionary: Option<Arc<Dictionary>>,
}

/// A part of the file.
pub(crate) struct Place {
    pub(crate) part: &'static str,
    pub(crate) range: Range<usize>,
    /// The top-level column that it belongs to.
    pub(crate) column: usize,
}

/// What a file is made of.
#[derive(Default)]
pub(crate) struct Anatomy {
    pub(crate) places: Vec<Place>,
    pub(crate) bodies: Vec<Body>,
}

impl Anatomy {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut found = Self::default();
        let _ = found.walk(bytes);
        found
    }

    fn walk(&mut self, bytes: &[u8]) -> Result<()> {
        let limits = Limits { verify_checksums: false, ..Limits::untrusted() };
        let bytes = Buffer::copy_of(bytes, &Budget::unlimited())?;
        let file = File::from_bytes("original", bytes.clone(), &limits)?;
        let mut context = PageContext::new(Budget::unlimited(), limits);
        for row_group in 0..file.footer().num_row_groups() {
            for index in 0..file.schema().columns().len() {
                // The other chunks of a broken original are worth breaking all the same.
                let _ = self.walk_chunk(&file, &bytes, (row_group, index), &mut context);
            }
        }
        Ok(())
    }

    fn walk_chunk(
        &mut self,
        file: &File,
        bytes: &Buffer,
        (row_group, index): (usize, usize),
        context: &mut PageContext,
    ) -> Result<()> {
        for leaf in ScanColumn::of(file.schema(), index)?.leaves {
            self.walk_leaf(file, bytes, (row_group, index), leaf, context)?;
        }
        Ok(())
    }

    fn walk_leaf(
        &mut self,
        file: &File,
        bytes: &Buffer,
        (row_group, index): (usize, usize),
        leaf: Arc<ScanLeaf>,
        context: &mut PageContext,
    ) -> Result<()> {
        let place = |part, range| Place { part, range, column: index };
        let Some(chunk) = file.footer().column(row_group, leaf.leaf) else { return Ok(()) };
        // Where the footer does not say how long a filter is, the smallest there is.
        let bloom = chunk.bloom_filter().map(|(offset, len)| (offset, len.unwrap_or(48)));
        for (part, index) in [
            ("offset index", chunk.offset_index()),
            ("column index", chunk.column_index()),
            ("bloom filter", bloom),
        ] {
            if let Some((start, len)) = index {
                let range = start as usize..(start as usize).saturating_add(len as usize);
                if bytes.get(range.clone()).is_some_and(|bytes| !bytes.is_empty()) {
                    self.places.push(place(part, range));
                }
            }
        }
        let codec = codec_of(chunk.compression())?;
        let range = chunk.chunk_range()?;
        let (mut start, end) = (range.start as usize, range.end as usize);
        let mut dictionary = None;
        while let Some(rest) = bytes.slice(start..end).filter(|rest| !rest.is_empty()) {
            let page = PageStart::read(&rest, start as u64, context.limits())?;
            let body = start + page.header.header_len;
            let next = body + page.body.len();
            self.places.push(place("page header", start..body));
            if next > body {
                let is_dictionary = matches!(page.header.kind, PageKind::Dictionary { .. });
                let part = if is_dictionary { "dictionary" } else { "page body" };
                self.places.push(place(part, body..next));
            }
            start = next;
            let bytes = decompressed(&page, codec, context)?;
            if let PageKind::Dictionary { num_values, .. } = page.header.kind {
                let body = Buffer::copy_of(&bytes, context.budget())?;
                let entries =
                    decode_dictionary(body, num_values as usize, &leaf.shape, context.budget())?;
                dictionary = Some(Arc::new(entries));
            }
            self.bodies.push(Body {
                header: page.header,
                bytes,
                shape: leaf.shape.clone(),
                max_levels: leaf.max_levels,
                dictionary: dictionary.clone(),
            });
        }
        Ok(())
    }
}

/// The body of `page` as the decoders see it: levels and values, decompressed.
fn decompressed(page: &PageStart, codec: Codec, context: &mut PageContext) -> Result<Vec<u8>> {
    let len = page.header.uncompressed_page_size as usize;
    let PageKind::DataV2 {
        definition_levels_byte_length: definition,
        repetition_levels_byte_length: repetition,
        is_compressed,
        ..
    } = page.header.kind
    else {
        return Ok(context.decompress(codec, &page.body, len)?.to_vec());
    };
    let cut = definition as usize + repetition as usize;
    let codec = if is_compressed { codec } else { Codec::Uncompressed };
    let levels = page.body.get(..cut).unwrap_or_default();
    let values = page.body.slice(cut..page.body.len()).unwrap_or_else(Buffer::empty);
    let mut bytes = levels.to_vec();
    if len > cut {
        bytes.extend_from_slice(&context.decompress(codec, &values, len - cut)?);
    }
    Ok(bytes)
}
