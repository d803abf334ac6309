//! A store with packages for tests, and trees as text.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cache::{Cache, Executable};
use model::{Assembly, Content, Digest, RelPath};
use tempfile::TempDir;

use crate::archive::tests::fixtures::{Part, zip};
use crate::assemble::assemble;
use crate::executor::Stopped;

/// A store whose directory goes with it.
pub(super) struct Store {
    pub cache: Cache,
    _dir: TempDir,
}

pub(super) fn store() -> Store {
    let dir = tempfile::tempdir().unwrap();
    Store { cache: Cache::at(dir.path().join("rg"), 1 << 40), _dir: dir }
}

pub(super) fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

impl Store {
    /// Stores a file, and returns it as an input.
    pub fn file(&self, at: &str, bytes: &[u8]) -> (RelPath, Content) {
        let digest = self.cache.put_bytes(bytes).unwrap();
        (path(at), Content::File { digest, executable: false })
    }

    /// Makes a tree, and returns its lines: a star after what can be executed, an arrow before where a link leads.
    pub fn make(&self, assembly: Assembly, inputs: &[(RelPath, Content)]) -> String {
        self.digest(assembly, inputs).map_or_else(
            |stopped| match stopped {
                Stopped::Failed(failure) => format!("failed: {failure}"),
                Stopped::Lost(at, _) => format!("lost: {at}"),
            },
            |root| self.lines(&root, "").join("\n"),
        )
    }

    pub fn digest(&self, assembly: Assembly, inputs: &[(RelPath, Content)]) -> Result<Digest, Stopped> {
        let load = |digest: &Digest| self.cache.directory(digest);
        let tree = graph::merge(inputs.to_vec(), &load).unwrap();
        for (_, bytes) in &tree.messages {
            self.cache.put_directory(&model::reapi::Message::decode(bytes).unwrap()).unwrap();
        }
        let outermost = |(at, _): &(RelPath, Content)| {
            at.as_str().split_once("node_modules").map(|(above, _)| path(&format!("{above}node_modules")))
        };
        let outputs: BTreeSet<RelPath> = inputs.iter().filter_map(outermost).collect();
        assemble(
            assembly,
            &tree.root,
            &tree.layout,
            &outputs.iter().collect::<Vec<_>>(),
            &self.cache,
            self.cache.draft().ok(),
        )
    }

    fn lines(&self, root: &Digest, at: &str) -> Vec<String> {
        let directory = self.cache.directory(root).unwrap();
        let mut lines = Vec::new();
        for file in &directory.files {
            let blob = self.cache.blob(&file.digest, Executable::from_bit(file.is_executable)).unwrap();
            let text = std::fs::read_to_string(blob).unwrap();
            let star = if file.is_executable { "*" } else { "" };
            lines.push(format!("{at}{}{star} {text:?}", file.name));
        }
        lines.extend(directory.symlinks.iter().map(|link| format!("{at}{} -> {}", link.name, link.target)));
        for node in &directory.directories {
            lines.extend(self.lines(&node.digest, &format!("{at}{}/", node.name)));
        }
        lines.sort();
        lines
    }
}

/// Packs a wheel of the distribution `x`, with a RECORD that is right.
pub(super) fn wheel(files: &[(&str, &str)]) -> Vec<u8> {
    let row = |(name, body): &(&str, &str)| {
        let hash = URL_SAFE_NO_PAD.encode(Digest::of(body.as_bytes()).hash);
        format!("{name},sha256={hash},{}\n", body.len())
    };
    let record: String = files.iter().map(row).collect();
    wheel_with_record(files, &(record + "x-1.dist-info/RECORD,,\n"))
}

/// Packs a wheel of the distribution `x`.
pub(super) fn wheel_with_record(files: &[(&str, &str)], record: &str) -> Vec<u8> {
    let info = [("x-1.dist-info/WHEEL", "Wheel-Version: 1.0\n"), ("x-1.dist-info/RECORD", record)];
    let parts: Vec<Part<'_>> = files.iter().chain(&info).map(|(name, body)| Part::new(name, body)).collect();
    zip(&parts)
}
