//! A small workspace as a value: the sources it consists of, and the targets that its definitions are written from.

use std::collections::BTreeMap;
use std::fmt::Write;

use testkit::workspace::{Node, Workspace};

use super::random::Random;

/// Packages that a workspace may have. `a/t1` lies where the outputs of `//a:t1` do.
pub const PACKAGES: [&str; 6] = ["", "a", "b", "a/sub", "c", "a/t1"];

/// A workspace.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Model {
    /// The sources, without definitions.
    pub files: BTreeMap<String, Node>,
    /// The targets, by package.
    pub packages: BTreeMap<String, Vec<Target>>,
    /// A comment in every definition.
    pub comment: u32,
}

/// A target.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    pub name: String,
    pub kind: Kind,
    /// Paths and globs.
    pub sources: Vec<String>,
    pub deps: Vec<String>,
    pub env: Option<u32>,
    /// A part of the command line that changes nothing.
    pub word: u32,
    pub outputs: u32,
}

/// What a target does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Writes down all that it sees, in one or more files.
    List,
    /// Keeps so little of its inputs that most edits do not show.
    Narrow,
    /// Makes a directory with a program, a link and a directory inside.
    Directory,
    /// Fails if one of its sources holds the word FAIL.
    Picky,
    Files,
    Alias,
}

/// Writes down everything in the tree: paths, modes, targets of links, and sums of contents.
const LIST: &str = "l=$(cd UP; find . ! -type d -printf '%p %m %l\\n' | LC_ALL=C sort; \
                    find . -type f -print0 | LC_ALL=C sort -z | xargs -0 -r cksum); ";
/// Sees only the first letter of each source.
const NARROW: &str = "l=$(find . -type f ! -path '*rg-out*' -print0 | LC_ALL=C sort -z | xargs -0 -r cut -c1); ";
const PICKY: &str = "if grep -rqs FAIL .; then echo it says FAIL; exit 3; fi; l=$(ls -R | cksum); ";

impl Model {
    /// Makes a random workspace of three to eight targets.
    pub fn random(random: &mut Random) -> Model {
        let mut model = Model::default();
        for _ in 0..2 + random.below(2) {
            let package = PACKAGES[random.below(4)].to_owned();
            model.packages.entry(package.clone()).or_default();
            for name in ["x.txt", "y.txt", "d/z.txt"] {
                model.files.insert(join(&package, name), text(random));
            }
            model.files.insert(join(&package, "tool.sh"), executable(random));
            model.files.insert(join(&package, "link"), Node::Link("x.txt".into()));
        }
        for _ in 0..3 + random.below(6) {
            model.add_target(random);
        }
        model
    }

    /// Adds a target with sources of its package, which depends on earlier ones.
    pub fn add_target(&mut self, random: &mut Random) {
        let packages: Vec<String> = self.packages.keys().cloned().collect();
        let Some(package) = random.pick(&packages).cloned() else { return };
        let number = (0..).find(|number| !self.has(&package, &format!("t{number}"))).unwrap_or_default();
        let labels = self.labels();
        let kinds = [Kind::List, Kind::List, Kind::Narrow, Kind::Directory, Kind::Picky, Kind::Files, Kind::Alias];
        let kind = kinds[random.below(if labels.is_empty() { 6 } else { 7 })];
        let sources = ["x.txt", "y.txt", "*.txt", "d/**", "link", "tool.sh"];
        let mut target = Target {
            name: format!("t{number}"),
            kind,
            sources: (0..1 + random.below(2)).filter_map(|_| random.pick(&sources)).map(ToString::to_string).collect(),
            deps: (0..random.below(3)).filter_map(|_| random.pick(&labels).cloned()).collect(),
            env: None,
            word: 0,
            outputs: 1 + u32::from(random.one_in(3)),
        };
        if kind == Kind::Alias {
            target.sources.clear();
            target.deps = vec![labels[random.below(labels.len())].clone()];
        }
        target.sources.sort();
        target.sources.dedup();
        target.deps.sort();
        target.deps.dedup();
        self.packages.entry(package).or_default().push(target);
    }

    fn has(&self, package: &str, name: &str) -> bool {
        self.packages.get(package).is_some_and(|targets| targets.iter().any(|target| target.name == name))
    }

    /// Returns the labels of all targets, in the order in which they were made in their packages.
    pub fn labels(&self) -> Vec<String> {
        let label = |(package, targets): (&String, &Vec<Target>)| {
            targets.iter().map(|target| format!("//{package}:{}", target.name)).collect::<Vec<_>>()
        };
        self.packages.iter().flat_map(label).collect()
    }

    /// Returns one target to change.
    pub fn any_target(&mut self, random: &mut Random) -> Option<&mut Target> {
        let count = self.packages.values().map(Vec::len).sum();
        let chosen = random.below(count);
        self.packages.values_mut().flatten().nth(chosen)
    }

    /// Returns the paths of the files that a check chooses.
    pub fn paths(&self, which: impl Fn(&Node) -> bool) -> Vec<String> {
        self.files.iter().filter(|(_, node)| which(node)).map(|(path, _)| path.clone()).collect()
    }

    /// Returns all that lies in the checkout, with the definitions.
    pub fn rendered(&self) -> BTreeMap<String, Node> {
        let mut all = self.files.clone();
        for (package, targets) in &self.packages {
            let text = targets.iter().map(|target| target.render(package)).collect::<String>();
            let text = format!("# {}\n{text}", self.comment);
            all.insert(join(package, "BUILD.toml"), Node::File { content: text.into_bytes(), mode: 0o644 });
        }
        all
    }

    /// Brings a checkout from one state to another, touching nothing that is the same in both.
    pub fn write(&self, before: &Model, workspace: &Workspace) {
        let (old, new) = (before.rendered(), self.rendered());
        for path in old.keys().filter(|path| !new.contains_key(*path)) {
            workspace.remove(path);
            // Git keeps no empty directories, and a clean checkout has none.
            let parents = std::path::Path::new(path).ancestors().skip(1).filter(|it| !it.as_os_str().is_empty());
            let _ =
                parents.map(|it| std::fs::remove_dir(workspace.path("").join(it))).take_while(Result::is_ok).count();
        }
        for (path, node) in new.iter().filter(|(path, node)| old.get(*path) != Some(node)) {
            workspace.put(path, node);
        }
    }
}

impl Target {
    /// Returns the table of the definition.
    fn render(&self, package: &str) -> String {
        let list = |words: &[&[String]]| {
            let quoted: Vec<String> = words.iter().flat_map(|it| it.iter()).map(|word| format!("\"{word}\"")).collect();
            quoted.join(", ")
        };
        let name = &self.name;
        match self.kind {
            Kind::Alias => return format!("[alias.{name}]\nactual = {}\n", list(&[&self.deps[..1]])),
            Kind::Files => return format!("[files.{name}]\nsrcs = [{}]\n", list(&[&self.sources, &self.deps])),
            Kind::List | Kind::Narrow | Kind::Directory | Kind::Picky => {}
        }
        let mut text = format!("[command.{name}]\nrun = {:?}\n", self.line(package));
        let _ = writeln!(text, "inputs = [{}]\noutputs = [{}]", list(&[&self.sources, &self.deps]), self.output_list());
        if let Some(env) = self.env {
            let _ = writeln!(text, "env = {{ WORD = \"{env}\" }}");
        }
        text
    }

    fn output_list(&self) -> String {
        let names = (0..self.outputs).map(|number| match self.kind {
            Kind::Directory => format!("\"dir{number}/\""),
            _ => format!("\"out{number}.txt\""),
        });
        names.collect::<Vec<_>>().join(", ")
    }

    fn line(&self, package: &str) -> String {
        let up = match package.split('/').filter(|part| !part.is_empty()).count() {
            0 => ".".to_owned(),
            depth => vec![".."; depth].join("/"),
        };
        let look = match self.kind {
            Kind::Narrow => NARROW,
            Kind::Picky => PICKY,
            _ => LIST,
        };
        let mut line = format!(": {}; {}", self.word, look.replace("UP", &up));
        for number in 0..self.outputs {
            let _ = match self.kind {
                Kind::Directory => write!(
                    line,
                    "mkdir -p $OUT/dir{number}/in; echo \"$l\" > $OUT/dir{number}/in/list; ln -s in/list \
                     $OUT/dir{number}/link; echo \"${{WORD:-}}\" > $OUT/dir{number}/run; chmod +x $OUT/dir{number}/run; "
                ),
                _ => write!(line, "echo \"$l ${{WORD:-}}\" > $OUT/out{number}.txt; "),
            };
        }
        line
    }
}

/// Returns a path below a package.
pub fn join(package: &str, name: &str) -> String {
    if package.is_empty() { name.to_owned() } else { format!("{package}/{name}") }
}

/// Returns a random text file; its first letter is one of two.
pub fn text(random: &mut Random) -> Node {
    let first = if random.one_in(2) { "p" } else { "q" };
    Node::File { content: format!("{first}{}\n", random.below(1000)).into_bytes(), mode: 0o644 }
}

fn executable(random: &mut Random) -> Node {
    Node::File { content: format!("#!/bin/sh\necho {}\n", random.below(1000)).into_bytes(), mode: 0o755 }
}
