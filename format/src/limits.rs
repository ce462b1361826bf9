//! Every cap on what a file may claim, with its reason.
//!
//! [`Limits::standard`] reads every legal file; [`Limits::untrusted`] is for files of strangers. Each
//! field can be changed on its own. A claim is checked before anything is allocated from it.

use millwork_codecs::budget::Budget;

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
    /// Bytes of key-value metadata, and of the paths of all leaves.
    pub metadata_bytes: u64,
    /// Bytes that one read may hold where it is handed no budget of its own: pages as they are in the
    /// file and decompressed, dictionaries, levels, values that are put together.
    pub decode_memory_bytes: u64,
    /// Whether page checksums are verified where they are present.
    pub verify_checksums: bool,
}

impl Limits {
    /// Reads every legal file: what the format itself allows, with a footer of at most 512 MiB and in at
    /// most 6 GiB, which is what a page of 2 GiB takes, its dictionary and the bytes it is made of.
    #[must_use]
    pub const fn standard() -> Self {
        Self {
            footer_bytes: 512 << 20,
            list_elements: 4 << 20,
            thrift_depth: 64,
            schema_depth: 100,
            columns: 1 << 20,
            row_groups: 4 << 20,
            // Some writers have whole values in the statistics of a page.
            page_header_bytes: 64 << 20,
            page_bytes: i32::MAX as u32,
            metadata_bytes: 64 << 20,
            decode_memory_bytes: 6 << 30,
            verify_checksums: true,
        }
    }

    /// For files from strangers: footers of at most 64 MiB, page headers of 1 MiB, pages of 256 MiB, 16 MiB
    /// of key-value metadata and of paths, 131,072 columns and as many row groups, 512 MiB of memory.
    #[must_use]
    pub const fn untrusted() -> Self {
        Self {
            footer_bytes: 64 << 20,
            page_header_bytes: 1 << 20,
            page_bytes: 256 << 20,
            metadata_bytes: 16 << 20,
            decode_memory_bytes: 512 << 20,
            columns: 1 << 17,
            row_groups: 1 << 17,
            ..Self::standard()
        }
    }

    /// The same with [`Limits::decode_memory_bytes`] of a quarter of `memory_bytes`; a limit that is tighter
    /// than the standard one is never raised.
    #[must_use]
    pub fn on_machine_of(self, memory_bytes: u64) -> Self {
        let quarter = memory_bytes / 4;
        let is_tight = self.decode_memory_bytes < Self::standard().decode_memory_bytes;
        let least = if is_tight { self.decode_memory_bytes } else { u64::MAX };
        Self { decode_memory_bytes: quarter.min(least), ..self }
    }

    /// A new account of [`Limits::decode_memory_bytes`].
    #[must_use]
    pub fn budget(&self) -> Budget {
        Budget::new(self.decode_memory_bytes)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::standard()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_gives_a_quarter_and_strangers_get_no_more_than_before() {
        let held = |limits: Limits, memory: u64| limits.on_machine_of(memory).decode_memory_bytes;
        assert_eq!(held(Limits::standard(), 64 << 30), 16 << 30);
        assert_eq!(held(Limits::standard(), 8 << 30), 2 << 30);
        assert_eq!(held(Limits::untrusted(), 64 << 30), 512 << 20);
        assert_eq!(held(Limits::untrusted(), 1 << 30), 256 << 20);
        assert_eq!(Limits::untrusted().budget().limit(), 512 << 20);
    }
}
