//! go.sum and go.work.sum: the hashes of modules. Pure text in, a value out.

use std::collections::BTreeMap;
use std::ops::Range;

use super::version;

/// The hashes of one version of a module.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Sum {
    /// The `h1:` hash of its zip.
    pub zip: Option<String>,
    /// The `h1:` hash of its go.mod.
    pub go_mod: Option<String>,
}

/// A line of a go.sum file that is none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Malformed {
    /// Its number, from 1.
    pub line: usize,
    /// Where it is.
    pub span: Range<usize>,
}

/// The hashes of modules, by path and version.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Sums {
    by_module: BTreeMap<(String, String), Sum>,
}

impl Sums {
    /// Adds the lines of a go.sum file, and returns those that have another form. Another hash function is left out.
    pub fn add(&mut self, text: &str) -> Vec<Malformed> {
        let mut malformed = Vec::new();
        let mut start = 0;
        for (number, line) in (1..).zip(text.split_inclusive('\n')) {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                [] => {}
                [path, version, hash] if is_hash(hash) => self.add_hash(path, version, hash),
                _ => malformed.push(Malformed { line: number, span: start..start + line.trim_end().len() }),
            }
            start += line.len();
        }
        malformed
    }

    fn add_hash(&mut self, path: &str, version: &str, hash: &str) {
        if !hash.starts_with("h1:") {
            return;
        }
        let bare = version.strip_suffix("/go.mod");
        let sum = self.by_module.entry((path.to_owned(), bare.unwrap_or(version).to_owned())).or_default();
        let place = if bare.is_some() { &mut sum.go_mod } else { &mut sum.zip };
        *place = Some(hash.to_owned());
    }

    /// Returns the modules to which another file gives other hashes.
    pub fn contradicted<'a>(&'a self, other: &'a Sums) -> impl Iterator<Item = (&'a str, &'a str)> {
        let differ = |one: &Option<String>, two: &Option<String>| one.is_some() && two.is_some() && one != two;
        let known = move |(path, version, sum): (&'a str, &'a str, &'a Sum)| {
            let own = self.get(path, version)?;
            (differ(&own.zip, &sum.zip) || differ(&own.go_mod, &sum.go_mod)).then_some((path, version))
        };
        other.iter().filter_map(known)
    }

    /// Adds all hashes of another file.
    #[must_use]
    pub fn merged(mut self, other: &Sums) -> Sums {
        for (module, sum) in &other.by_module {
            let known = self.by_module.entry(module.clone()).or_default();
            known.zip = known.zip.take().or_else(|| sum.zip.clone());
            known.go_mod = known.go_mod.take().or_else(|| sum.go_mod.clone());
        }
        self
    }

    /// Returns the text of a go.sum file that holds only what is in use.
    pub fn text(&self, in_use: &BTreeMap<(String, String), Sum>) -> String {
        let mut text = String::new();
        for (module, sum) in &self.by_module {
            let Some(used) = in_use.get(module) else { continue };
            let (path, version) = module;
            if let Some(hash) = sum.zip.as_ref().filter(|_| used.zip.is_some()) {
                text.push_str(&format!("{path} {version} {hash}\n"));
            }
            if let Some(hash) = &sum.go_mod {
                text.push_str(&format!("{path} {version}/go.mod {hash}\n"));
            }
        }
        text
    }

    /// Returns the hashes of a module.
    pub fn get(&self, path: &str, version: &str) -> Option<&Sum> {
        self.by_module.get(&(path.to_owned(), version.to_owned()))
    }

    /// Returns all modules with their hashes, sorted by path and version.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, &Sum)> {
        self.by_module.iter().map(|((path, version), sum)| (&**path, &**version, sum))
    }

    /// Returns the versions of a module whose zip has a hash, and that are newer than `than`.
    pub fn newer<'a>(&'a self, path: &'a str, than: &'a str) -> impl Iterator<Item = &'a str> {
        let from = (path.to_owned(), String::new());
        let of_path = self.by_module.range(from..).take_while(move |((other, _), _)| other == path);
        let newer = of_path.filter(move |((_, version), sum)| sum.zip.is_some() && version::newer(version, than));
        newer.map(|((_, version), _)| &**version)
    }
}

/// Whether a word is a hash with the name of its function: `h1:…`.
fn is_hash(word: &str) -> bool {
    let number = word.strip_prefix('h').and_then(|rest| rest.split_once(':')).map(|(number, _)| number);
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_go_sum_file_gives_the_hashes_of_zip_and_go_mod() {
        let mut sums = Sums::default();
        let text = "a.org/x v1.0.0 h1:zip=\na.org/x v1.0.0/go.mod h1:mod=\n\na.org/y v1.0.0/go.mod h1:only=\n\
                    a.org/z v1.0.0 h2:new=\nbad line\na.org/z v1.0.0 zip=\n";
        let malformed = sums.add(text);
        assert_eq!(malformed.iter().map(|bad| bad.line).collect::<Vec<_>>(), [6, 7]);
        assert_eq!(&text[malformed[0].span.clone()], "bad line");
        assert_eq!(sums.get("a.org/x", "v1.0.0").unwrap().zip.as_deref(), Some("h1:zip="));
        assert_eq!(sums.get("a.org/y", "v1.0.0").unwrap().zip, None);
        assert_eq!(sums.iter().count(), 2);
        assert_eq!(sums.newer("a.org/x", "v0.9.0").collect::<Vec<_>>(), ["v1.0.0"]);
        assert_eq!(sums.newer("a.org/x", "v1.0.0").count(), 0);
        let mut other = Sums::default();
        other.add("a.org/x v1.0.0 h1:zip=\na.org/x v1.0.0/go.mod h1:other=\na.org/y v1.0.0 h1:zip=\n");
        assert_eq!(sums.contradicted(&other).collect::<Vec<_>>(), [("a.org/x", "v1.0.0")]);
    }
}
