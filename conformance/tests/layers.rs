//! The order of the `mod` lines of a crate is the order of its layers: no module uses one that comes after it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

/// The modules that `text` names, in its order.
fn modules(text: &str) -> Vec<&str> {
    text.lines()
        .filter_map(|line| {
            let line = line.trim_start_matches("pub(crate) ").trim_start_matches("pub ");
            line.strip_prefix("mod ")?.strip_suffix(';')
        })
        .collect()
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn no_module_uses_one_above_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut looked_at = 0;
    let mut wrong = Vec::new();
    for (name, top) in
        [("codecs", "lib.rs"), ("format", "lib.rs"), ("engine", "lib.rs"), ("cli", "main.rs")]
    {
        let source = root.join(name).join("src");
        let text = std::fs::read_to_string(source.join(top)).unwrap();
        let layers = modules(&text);
        let layer = |module: &str| layers.iter().position(|known| *known == module);
        let mut paths = Vec::new();
        files(&source, &mut paths);
        for path in paths {
            let inside = path.strip_prefix(&source).unwrap().with_extension("");
            let parts: Vec<&str> = inside.iter().map(|part| part.to_str().unwrap()).collect();
            let is_test = parts.iter().any(|part| part.contains("tests"));
            let (Some(own), false) = (layer(parts[0]), is_test) else { continue };
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
            for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
                for used in line.split("crate::").skip(1) {
                    let end = used.find(|c: char| !c.is_alphanumeric() && c != '_');
                    let used = &used[..end.unwrap_or(used.len())];
                    looked_at += 1;
                    if layer(used).is_some_and(|used| used > own) {
                        wrong.push(format!("{}: {}", path.display(), line.trim()));
                    }
                }
            }
        }
    }
    assert!(looked_at > 500, "{looked_at} uses");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
