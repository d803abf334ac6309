//! What a package.json says of programs, read as npm reads it.

use std::collections::BTreeMap;

use model::RelPath;
use serde_json::Value;

/// The programs of a package.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Programs {
    /// The file of each program, by its name.
    pub named: BTreeMap<String, RelPath>,
    /// The directory of which each file is a program, if none is named.
    pub directory: Option<RelPath>,
}

impl Programs {
    /// Reads them; a text that is no package.json has none.
    pub(super) fn parse(bytes: &[u8]) -> Programs {
        let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
        let Ok(package) = serde_json::from_slice::<Value>(bytes) else { return Programs::default() };
        let named = named(&package);
        let directory = package.pointer("/directories/bin").and_then(Value::as_str).map(inside);
        Programs { directory: directory.filter(|_| package.get("bin").is_none_or(is_empty)), named }
    }

    /// Returns the name of the program that a file is, if it lies in the directory of programs.
    pub(super) fn in_directory<'a>(&self, file: &'a RelPath) -> Option<&'a str> {
        let below = file.strip_prefix(self.directory.as_ref()?)?;
        (!below.is_root() && !below.as_str().starts_with('.')).then(|| file.name())
    }

    /// Whether a file of the package is a program.
    pub(super) fn has(&self, file: &RelPath) -> bool {
        self.named.values().any(|named| named == file) || self.in_directory(file).is_some()
    }
}

/// Whether a value counts as none.
fn is_empty(value: &Value) -> bool {
    matches!(value, Value::Null | Value::Bool(false)) || value.as_str() == Some("")
}

fn named(package: &Value) -> BTreeMap<String, RelPath> {
    let mut programs = BTreeMap::new();
    let mut add = |name: &str, file: &Value| {
        let target = file.as_str().map(inside).filter(|target| !target.is_root());
        if let (Some(name), Some(target)) = (link_name(name), target) {
            programs.insert(name, target);
        }
    };
    match package.get("bin") {
        Some(file @ Value::String(_)) => add(package.get("name").and_then(Value::as_str).unwrap_or_default(), file),
        Some(Value::Array(files)) => {
            for file in files {
                add(file.as_str().unwrap_or_default(), file);
            }
        }
        Some(Value::Object(files)) => files.iter().for_each(|(name, file)| add(name, file)),
        _ => {}
    }
    programs
}

/// Returns the name of a link: the last part of the name, whatever separates it.
fn link_name(name: &str) -> Option<String> {
    let last = name.split(['/', '\\', ':']).rfind(|part| !part.is_empty())?;
    (!matches!(last, "." | "..") && !last.contains('\0')).then(|| last.to_owned())
}

/// Resolves a path as if the package were the whole world: `..` never leads out of it.
fn inside(text: &str) -> RelPath {
    let mut segments: Vec<&str> = Vec::new();
    for segment in text.split(['/', '\\']) {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    RelPath::new(&segments.join("/")).unwrap_or_else(|_| RelPath::root())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(package: &str, expected: &[(&str, &str)]) {
        let programs = Programs::parse(package.as_bytes());
        let named: Vec<(&str, &str)> =
            programs.named.iter().map(|(name, file)| (name.as_str(), file.as_str())).collect();
        assert_eq!(named, expected, "{package}");
    }

    #[test]
    fn programs_are_read_as_npm_reads_them() {
        check(r#"{"name":"@s/a","bin":"./cli.js"}"#, &[("a", "cli.js")]);
        check(
            r#"{"name":"a","bin":{"x":"bin/x.js","@s/y":"../../y.js","z":7,"..":"z","e":""}}"#,
            &[("x", "bin/x.js"), ("y", "y.js")],
        );
        check(r#"{"name":"a","bin":["bin/one","two"]}"#, &[("one", "bin/one"), ("two", "two")]);
        check(r#"{"bin":"cli.js"}"#, &[]);
        check("\u{feff}{\"name\":\"a\",\"bin\":\"b\"}", &[("a", "b")]);
        check("not json", &[]);
        let directory = Programs::parse(br#"{"directories":{"bin":"./bin/"}}"#);
        let file = |text: &str| RelPath::new(text).unwrap();
        assert_eq!(directory.in_directory(&file("bin/sub/x")), Some("x"));
        assert_eq!(directory.in_directory(&file("bin/.hidden")), None);
        assert!(directory.has(&file("bin/x")) && !directory.has(&file("lib/x")));
    }
}
