//! What the tests share: a store, real clients, and trees as lines.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use cache::{Cache, Executable};
use model::{Assembly, Content, Digest, RelPath};
use tempfile::TempDir;

/// A store, and a directory for what clients make.
pub struct Bench {
    pub cache: Cache,
    pub dir: TempDir,
}

pub fn bench() -> Bench {
    let dir = tempfile::tempdir().unwrap();
    Bench { cache: Cache::at(dir.path().join("rg"), 1 << 40), dir }
}

/// Runs a client with the user's own settings. Says why a test is left out if it fails.
pub fn client(program: &str, words: &[&str], directory: &Path) -> bool {
    let done = Command::new(program).args(words).current_dir(directory).output();
    let why = match done {
        Ok(output) if output.status.success() => return true,
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    assert!(!is_ci(), "`{program} {}` failed: {why}", words.join(" "));
    println!("left out, because `{program} {}` failed: {why}", words.join(" "));
    false
}

#[expect(clippy::disallowed_methods, reason = "whoever starts the tests says so by the environment")]
fn is_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}

pub fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

impl Bench {
    /// Stores a file of the machine.
    pub fn input(&self, at: &str, file: &Path) -> (RelPath, Content) {
        let digest = self.cache.put_file(&mut std::fs::File::open(file).unwrap(), Executable::No).unwrap();
        (path(at), Content::File { digest, executable: false })
    }

    /// Makes a tree of inputs.
    pub fn make(&self, assembly: Assembly, inputs: Vec<(RelPath, Content)>) -> Digest {
        let tree = graph::merge(inputs, &|digest| self.cache.directory(digest)).unwrap();
        for (_, bytes) in &tree.messages {
            self.cache.put_directory(&model::reapi::Message::decode(bytes).unwrap()).unwrap();
        }
        let outputs = ["node_modules", "packages/ui/node_modules"].map(path);
        exec::assemble(assembly, &tree.root, &tree.layout, &outputs.each_ref(), &self.cache, self.cache.draft().ok())
            .unwrap()
    }

    /// Makes a tree of one input, and returns it as an input at the same place.
    pub fn unpack(&self, assembly: Assembly, input: (RelPath, Content)) -> (RelPath, Content) {
        let root = self.make(assembly, vec![input]);
        (RelPath::root(), Content::Directory(root))
    }

    /// Returns the files and links of a stored tree.
    pub fn stored(&self, root: &Digest) -> BTreeMap<String, String> {
        files(&self.cache.assemble(root).unwrap())
    }
}

/// Returns what lies where below a directory: whether it can be executed and its digest, or where a link leads.
pub fn files(top: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut next = vec![top.to_owned()];
    while let Some(directory) = next.pop() {
        for entry in std::fs::read_dir(directory).unwrap().map(Result::unwrap) {
            let (path, data) = (entry.path(), entry.metadata().unwrap());
            let name = path.strip_prefix(top).unwrap().to_str().unwrap().to_owned();
            if data.is_dir() {
                next.push(path);
            } else if data.is_symlink() {
                found.insert(name, format!("-> {}", std::fs::read_link(&path).unwrap().display()));
            } else {
                let star = if data.permissions().mode() & 0o111 == 0 { "" } else { "*" };
                found.insert(name, format!("{star}{}", Digest::of(&std::fs::read(&path).unwrap())));
            }
        }
    }
    found
}

/// Compares two trees: what only one of them has, or both have differently.
pub fn assert_same(ours: &BTreeMap<String, String>, theirs: &BTreeMap<String, String>) {
    let names: std::collections::BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    let differ: Vec<String> = names
        .into_iter()
        .filter(|name| ours.get(*name) != theirs.get(*name))
        .map(|name| format!("{name}: ours {:?}, theirs {:?}", ours.get(name), theirs.get(name)))
        .collect();
    assert!(differ.is_empty(), "{} of {} differ:\n{}", differ.len(), theirs.len(), differ.join("\n"));
}
