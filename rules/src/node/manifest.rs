//! package.json. Pure text in, a value out; what has another form than npm's is a mistake, and is left out.

use std::collections::{BTreeMap, BTreeSet};

use model::{Mistake, RelPath, codes};
use serde_json::{Map, Value};

use super::names;
use super::report::{Report, json_error, without_mark};

/// What rg knows of a package.json.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Manifest {
    /// The name of the package.
    pub name: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// The file that stands for the package, before `exports` were.
    pub main: Option<String>,
    /// What others may import, as it is written.
    pub exports: Option<Value>,
    /// What `npm run` runs, by name.
    pub scripts: BTreeMap<String, String>,
    /// The packages that it asks for.
    pub asks: Asks,
    /// What stands for what all packages of the repository reach, to yarn: ranges by selector.
    pub resolutions: BTreeMap<String, String>,
    /// The globs of the directories with the packages of the repository; `!` takes some away.
    pub workspaces: Vec<String>,
    /// The commands of the package, each with its file.
    pub bin: BTreeMap<String, String>,
    /// Where it runs.
    pub runs_on: RunsOn,
}

/// The packages that a manifest asks for: ranges by name.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Asks {
    /// `dependencies`, without those that are optional too.
    pub production: BTreeMap<String, String>,
    /// `devDependencies`.
    pub development: BTreeMap<String, String>,
    /// `optionalDependencies`.
    pub optional: BTreeMap<String, String>,
    /// `peerDependencies`.
    pub peer: BTreeMap<String, String>,
    /// The names of `peerDependenciesMeta` that may be missing.
    pub optional_peers: BTreeSet<String>,
}

/// Where a package runs: names as Node has them, `!` before one takes it away; an empty list is everywhere.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct RunsOn {
    /// Operating systems: `linux`, `darwin`, `win32`, …
    pub os: Vec<String>,
    /// Architectures: `x64`, `arm64`, …
    pub cpu: Vec<String>,
    /// C libraries: `glibc`, `musl`.
    pub libc: Vec<String>,
}

impl Manifest {
    /// Parses a package.json.
    pub fn parse(text: &str, file: &RelPath) -> (Manifest, Vec<Mistake>) {
        let text = without_mark(text);
        let mut report = Report::new(file, text);
        match serde_json::from_str(text) {
            Ok(Value::Object(fields)) => {
                let manifest = Reader { fields: &fields, report: &mut report }.manifest();
                (manifest, report.mistakes)
            }
            Ok(_) => {
                let hint = "write `{ … }` around what it says; `npm init` writes a new one";
                report.add_at(codes::NODE_BAD_MANIFEST, 0..0, format!("{file} is not a JSON object"), hint);
                (Manifest::default(), report.mistakes)
            }
            Err(error) => {
                let (message, span) = json_error(text, &error);
                let place = format!("line {}, column {}", error.line(), error.column());
                let hint = format!("mend it there, at {place}; npm cannot read it either");
                report.add_at(codes::NODE_BAD_MANIFEST, span, format!("{file} is not valid JSON: {message}"), &hint);
                (Manifest::default(), report.mistakes)
            }
        }
    }

    /// Returns what `npm run <script>` runs, by name and in order: what comes before it, itself, what comes after it.
    /// Nothing if there is no such script.
    pub fn steps(&self, script: &str) -> Vec<(&str, &str)> {
        if !self.scripts.contains_key(script) {
            return Vec::new();
        }
        let names = [format!("pre{script}"), script.to_owned(), format!("post{script}")];
        let steps = names.iter().filter_map(|name| self.scripts.get_key_value(name));
        steps.map(|(name, command)| (&**name, &**command)).collect()
    }
}

impl Asks {
    /// Makes the tables as npm reads them: what is optional is not asked for twice.
    #[must_use]
    pub fn normal(mut self) -> Asks {
        self.production.retain(|name, _| !self.optional.contains_key(name));
        self
    }

    /// Returns all names with their ranges, those that are needed at run time first; a peer that another table names
    /// too is left out.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        let tables = [&self.production, &self.optional, &self.development];
        let named = move |name: &str| tables.iter().any(|table| table.contains_key(name));
        let peers = self.peer.iter().filter(move |(name, _)| !named(name));
        let asked = tables.into_iter().flatten().chain(peers);
        asked.map(|(name, range)| (&**name, &**range))
    }
}

const HINT: &str = "`npm pkg fix` repairs what it can";

struct Reader<'a, 'b> {
    fields: &'a Map<String, Value>,
    report: &'a mut Report<'b>,
}

impl Reader<'_, '_> {
    fn manifest(mut self) -> Manifest {
        let name = self.text("name").filter(|name| self.is_name(name));
        Manifest {
            bin: self.bin(name.as_deref()),
            name,
            version: self.text("version"),
            main: self.text("main"),
            exports: self.fields.get("exports").filter(|value| !value.is_null()).cloned(),
            scripts: self.texts("scripts"),
            asks: self.asks(),
            resolutions: self.texts("resolutions"),
            workspaces: self.workspaces(),
            runs_on: RunsOn { os: self.list("os"), cpu: self.list("cpu"), libc: self.list("libc") },
        }
    }

    /// A package of the repository may have a name that no registry takes, but not one that is no path.
    fn is_name(&mut self, name: &str) -> bool {
        let good = name.is_empty() || names::is_package_name(name);
        if !good {
            self.wrong("name", format!("`{}` is not the name of a package", name.escape_debug()));
        }
        good && !name.is_empty()
    }

    fn asks(&mut self) -> Asks {
        let asks = Asks {
            production: self.packages("dependencies"),
            development: self.packages("devDependencies"),
            optional: self.packages("optionalDependencies"),
            peer: self.packages("peerDependencies"),
            optional_peers: self.optional_peers(),
        };
        asks.normal()
    }

    fn packages(&mut self, field: &str) -> BTreeMap<String, String> {
        let mut packages = self.texts(field);
        let bad: Vec<String> = packages.keys().filter(|name| !names::is_package_name(name)).cloned().collect();
        for name in bad {
            packages.remove(&name);
            self.wrong(&name, format!("`{field}` names `{}`, which is not a package", name.escape_debug()));
        }
        packages
    }

    fn optional_peers(&mut self) -> BTreeSet<String> {
        let meta = self.fields.get("peerDependenciesMeta").and_then(Value::as_object);
        let optional = |meta: &Value| meta.get("optional").and_then(Value::as_bool) == Some(true);
        let named = meta.into_iter().flatten().filter(|(_, meta)| optional(meta));
        named.map(|(name, _)| name.clone()).collect()
    }

    fn workspaces(&mut self) -> Vec<String> {
        match self.fields.get("workspaces") {
            Some(Value::Object(yarn)) => {
                let packages = yarn.get("packages").cloned().unwrap_or_default();
                self.list_of("workspaces", Some(&packages))
            }
            other => self.list_of("workspaces", other),
        }
    }

    fn bin(&mut self, name: Option<&str>) -> BTreeMap<String, String> {
        match (self.fields.get("bin"), name) {
            (Some(Value::String(file)), Some(name)) => {
                let command = name.rsplit('/').next().unwrap_or(name);
                BTreeMap::from([(command.to_owned(), file.clone())])
            }
            (Some(Value::String(_)), None) => BTreeMap::new(),
            _ => self.texts("bin"),
        }
    }

    fn text(&mut self, field: &str) -> Option<String> {
        match self.fields.get(field)? {
            Value::String(text) => Some(text.clone()),
            // What is nothing is as good as absent, to npm too.
            Value::Null | Value::Bool(false) => None,
            _ => {
                self.wrong(field, format!("`{field}` is not a text"));
                None
            }
        }
    }

    fn texts(&mut self, field: &str) -> BTreeMap<String, String> {
        let table = match self.fields.get(field) {
            None | Some(Value::Null | Value::Bool(false)) => return BTreeMap::new(),
            Some(Value::Object(table)) => table,
            Some(_) => {
                self.wrong(field, format!("`{field}` is not a table of texts"));
                return BTreeMap::new();
            }
        };
        let mut texts = BTreeMap::new();
        for (name, value) in table {
            match value {
                Value::String(text) => drop(texts.insert(name.clone(), text.clone())),
                _ => self.wrong(name, format!("`{}` of `{field}` is not a text", name.escape_debug())),
            }
        }
        texts
    }

    fn list(&mut self, field: &str) -> Vec<String> {
        self.list_of(field, self.fields.get(field))
    }

    /// One text is as good as a list of one, to npm too.
    fn list_of(&mut self, field: &str, value: Option<&Value>) -> Vec<String> {
        let all_texts = |values: &[Value]| values.iter().map(|it| it.as_str().map(str::to_owned)).collect();
        let texts: Option<Vec<String>> = match value {
            None | Some(Value::Null | Value::Bool(false)) => Some(Vec::new()),
            Some(Value::String(text)) => Some(vec![text.clone()]),
            Some(Value::Array(values)) => all_texts(values),
            Some(_) => None,
        };
        texts.unwrap_or_else(|| {
            self.wrong(field, format!("`{field}` is not a list of texts"));
            Vec::new()
        })
    }

    fn wrong(&mut self, key: &str, message: String) {
        self.report.add(codes::NODE_BAD_MANIFEST, &format!("{key:?}"), message, HINT);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> (Manifest, Vec<String>) {
        let (manifest, mistakes) = Manifest::parse(text, &RelPath::new("a/package.json").unwrap());
        (manifest, mistakes.iter().map(|mistake| crate::rendered(mistake, text)).collect())
    }

    const FULL: &str = r#"{
  "name": "@acme/web", "version": "1.2.3", "main": "index.js", "exports": {".": "./x.js"}, "os": "linux",
  "cpu": ["!arm"], "libc": null, "bin": "cli.js",
  "scripts": {"test": "vitest", "pretest": "tsc", "posttest": "echo", "prepare": "x"},
  "workspaces": {"packages": ["packages/*", "!packages/old"], "nohoist": ["x"]},
  "dependencies": {"a": "^1", "b": "^2"}, "optionalDependencies": {"b": "^2"}, "devDependencies": {"c": "*"},
  "peerDependencies": {"c": ">=1", "d": ">=1"}, "peerDependenciesMeta": {"d": {"optional": true}}
}"#;

    #[test]
    fn a_package_json_is_read() {
        let (manifest, mistakes) = parse(FULL);
        assert_eq!(mistakes, [""; 0]);
        assert_eq!((manifest.name.as_deref(), manifest.version.as_deref()), (Some("@acme/web"), Some("1.2.3")));
        assert_eq!((manifest.main.as_deref(), manifest.exports.is_some()), (Some("index.js"), true));
        assert_eq!(manifest.steps("test"), [("pretest", "tsc"), ("test", "vitest"), ("posttest", "echo")]);
        assert_eq!(manifest.steps("pare"), []);
        assert_eq!(manifest.workspaces, ["packages/*", "!packages/old"]);
        assert_eq!(manifest.bin.into_iter().collect::<Vec<_>>(), [("web".to_owned(), "cli.js".to_owned())]);
        assert_eq!((manifest.runs_on.os, manifest.runs_on.cpu), (vec!["linux".to_owned()], vec!["!arm".to_owned()]));
        let asked: Vec<_> = manifest.asks.all().collect();
        assert_eq!(asked, [("a", "^1"), ("b", "^2"), ("c", "*"), ("d", ">=1")]);
        assert!(manifest.asks.optional_peers.contains("d"));
    }

    #[test]
    fn all_that_has_another_form_is_told() {
        let text = "{\"name\": \"../x\", \"version\": 1,\n\"scripts\": [],\n\"dependencies\": {\"..\": \"1\", \"b\": 2}, \"os\": [1]}";
        let hint = "(`npm pkg fix` repairs what it can)";
        assert_eq!(
            parse(text).1,
            [
                format!("a/package.json:1: `../x` is not the name of a package {hint}"),
                format!("a/package.json:1: `version` is not a text {hint}"),
                format!("a/package.json:2: `scripts` is not a table of texts {hint}"),
                format!("a/package.json:3: `b` of `dependencies` is not a text {hint}"),
                format!("a/package.json:3: `dependencies` names `..`, which is not a package {hint}"),
                format!("a/package.json:3: `os` is not a list of texts {hint}"),
            ]
        );
        let lost = parse("{\n\"name\": }").1;
        let hint = "(mend it there, at line 2, column 9; npm cannot read it either)";
        assert_eq!(lost, [format!("a/package.json:2: a/package.json is not valid JSON: expected value {hint}")]);
        let hint = "(write `{ … }` around what it says; `npm init` writes a new one)";
        assert_eq!(parse("[]").1, [format!("a/package.json:1: a/package.json is not a JSON object {hint}")]);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,200}", from in 0..FULL.len(), length in 0..40_usize) {
            parse(&text);
            let to = (from + length).min(FULL.len());
            parse(&[&FULL[..from], &text, &FULL[to..]].concat());
        }
    }
}
