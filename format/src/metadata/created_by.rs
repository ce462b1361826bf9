//! Which program wrote a file, in which version: some of them are known to have written wrong things.
//!
//! In: the footer's `created_by`. Out: the application and its version, as far as they can be told.

/// The application named by `created_by`, and its version.
///
/// ```
/// use millwork_format::metadata::created_by::Writer;
/// let writer = Writer::parse("parquet-mr version 1.8.0rc4 (build 5a1b2c3)");
/// assert_eq!((writer.application, writer.version), ("parquet-mr", Some((1, 8, 0))));
/// assert!(writer.is_before("parquet-mr", (1, 10, 0)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Writer<'a> {
    /// What stands before the word "version", or everything.
    pub application: &'a str,
    /// Major, minor and patch; a missing minor or patch is 0.
    pub version: Option<(u32, u32, u32)>,
}

impl<'a> Writer<'a> {
    /// Reads `<application> version <x.y.z>...`; whatever else there is, is ignored.
    #[must_use]
    pub fn parse(created_by: &'a str) -> Self {
        let words = created_by.match_indices("version").map(|(at, word)| {
            let (application, rest) = created_by.split_at(at);
            (application, &rest[word.len()..])
        });
        let mut words = words.filter(|(before, _)| before.ends_with(char::is_whitespace));
        match words.next() {
            Some((application, rest)) => {
                Self { application: application.trim(), version: version(rest) }
            }
            None => Self { application: created_by.trim(), version: None },
        }
    }

    /// Whether its numbers in statistics are values that are there, though it has no flag that says so: text
    /// is what writers cut short. A stranger may have left room.
    pub(crate) fn writes_exact_numbers(self) -> bool {
        const KNOWN: [&str; 12] = [
            "parquet-mr",
            "parquet-cpp",
            "parquet-rs",
            "parquet-go",
            "DuckDB",
            "Polars",
            "fastparquet",
            "impala",
            "ClickHouse",
            "Apache Arrow",
            "Velox",
            "cudf",
        ];
        KNOWN.iter().any(|known| {
            self.application.get(..known.len()).is_some_and(|own| own.eq_ignore_ascii_case(known))
        })
    }

    /// Whether pages of repeated leaves begin with rows wherever the spec demands it, in version 2 and under
    /// an offset index, and headers of version 2 tell the right number of rows. Others cut rows in two
    /// (parquet-rs before 41, arrow-go and hyparquet-writer until 2026), or counted values as rows (Arrow's C++
    /// before 12).
    pub(crate) fn aligns_pages(self) -> bool {
        const SINCE: [(&str, (u32, u32, u32)); 4] = [
            ("parquet-mr", (0, 0, 0)),
            ("parquet-cpp-arrow", (12, 0, 0)),
            ("parquet-rs", (41, 0, 0)),
            ("millwork", (0, 0, 0)),
        ];
        SINCE.iter().any(|(application, since)| {
            self.application == *application && !self.is_before(application, *since)
        })
    }

    /// Whether `application` wrote the file in a version before `version`, or in one not told.
    #[must_use]
    pub fn is_before(self, application: &str, version: (u32, u32, u32)) -> bool {
        self.application == application && self.version.is_none_or(|own| own < version)
    }
}

fn version(text: &str) -> Option<(u32, u32, u32)> {
    let mut parts = text.trim_start().split(['.', ' ', '-']);
    let mut number = || {
        let part = parts.next().unwrap_or_default();
        let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        part.get(..digits).and_then(|digits| digits.parse::<u32>().ok())
    };
    let major = number()?;
    Some((major, number().unwrap_or(0), number().unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writers_in_the_wild() {
        let table = [
            ("impala version 1.3.0-INTERNAL (build 8a48ddb)", "impala", Some((1, 3, 0))),
            ("parquet-mr", "parquet-mr", None),
            ("parquet-mr version 1.6.0rc3", "parquet-mr", Some((1, 6, 0))),
            ("parquet-cpp version 1.5.1-SNAPSHOT", "parquet-cpp", Some((1, 5, 1))),
            ("parquet-cpp-arrow version 26.0.1", "parquet-cpp-arrow", Some((26, 0, 1))),
            ("DuckDB version v1.4", "DuckDB", None),
            ("parquet-mr\tversion 1.7.0", "parquet-mr", Some((1, 7, 0))),
            ("parquet-mr version", "parquet-mr", None),
            ("parquet-mr version (build 1a)", "parquet-mr", None),
            ("parquet-mr_(build 1a", "parquet-mr_(build 1a", None),
            ("x version 99999999999.1", "x", None),
            ("", "", None),
        ];
        for (text, application, version) in table {
            assert_eq!(Writer::parse(text), Writer { application, version }, "{text}");
        }
        let before = |text| Writer::parse(text).is_before("parquet-mr", (1, 2, 9));
        assert!(before("parquet-mr") && before("parquet-mr version 1.2.8"));
        assert!(!before("parquet-mr version 1.2.9") && !before("impala version 1.0"));
        let aligns = |text| Writer::parse(text).aligns_pages();
        assert!(aligns("parquet-rs version 41.0.0") && aligns("parquet-mr version 1.8.0"));
        assert!(
            !aligns("parquet-rs version 40.0.0") && !aligns("parquet-cpp-arrow version 11.0.0")
        );
        assert!(!aligns("parquet-go version 18.0.0") && !aligns("parquet-rs") && !aligns(""));
    }
}
