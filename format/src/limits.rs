//! Every cap on what a file may claim, with its reason.
//!
//! [`Limits::standard`] reads every legal file; [`Limits::untrusted`] is for files of strangers. Each
//! field can be changed on its own. A claim is checked before anything is allocated from it.

/// Caps on what a file may claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the footer; it is also never longer than the file.
    pub footer_bytes: u64,
    /// Elements of one Thrift list; it is also never longer than the bytes that are left.
    pub list_elements: u32,
    /// Nesting of Thrift structures, skipped ones too: the recursion must not exhaust the stack.
    pub thrift_depth: u32,
    /// Nesting of the schema: as above.
    pub schema_depth: u32,
    /// Leaf columns.
    pub columns: u32,
    /// Row groups.
    pub row_groups: u32,
    /// Bytes of one page header: statistics of long strings lie in it.
    pub page_header_bytes: u32,
    /// Compressed bytes, and decompressed bytes, of one page.
    pub page_bytes: u32,
    /// Bytes of key-value metadata.
    pub metadata_bytes: u64,
    /// Whether page checksums are verified where they are present.
    pub verify_checksums: bool,
}

impl Limits {
    /// Reads every legal file: what the format itself allows, and a footer of at most 64 MiB.
    #[must_use]
    pub const fn standard() -> Self {
        Self {
            footer_bytes: 64 << 20,
            list_elements: 4 << 20,
            thrift_depth: 64,
            schema_depth: 100,
            columns: 1 << 20,
            row_groups: 4 << 20,
            page_header_bytes: 16 << 20,
            page_bytes: i32::MAX as u32,
            metadata_bytes: 64 << 20,
            verify_checksums: true,
        }
    }

    /// For files from strangers: pages of at most 256 MiB, headers of at most 1 MiB, 16 MiB of
    /// key-value metadata.
    #[must_use]
    pub const fn untrusted() -> Self {
        Self {
            page_header_bytes: 1 << 20,
            page_bytes: 256 << 20,
            metadata_bytes: 16 << 20,
            columns: 1 << 17,
            row_groups: 1 << 17,
            ..Self::standard()
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::standard()
    }
}
