//! The files of a Go package: which of them a build for a platform compiles, what they import and embed.
//! Follows `go/build` (`Context.Import`). It knows nothing of modules and of other packages.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Entry, EntryKind, Location, RelPath};

use super::constraint::BuildContext;
use super::scan::{self, GoFile, Spanned};
use crate::lowering::Lowering;

/// Files beside `.go` that the Go command reads in a package's directory.
const OTHER_EXTENSIONS: [&str; 19] = [
    "c", "cc", "cpp", "cxx", "m", "h", "hh", "hpp", "hxx", "f", "F", "for", "f90", "s", "S", "sx", "swig", "swigcxx",
    "syso",
];

/// A directory with its Go files, scanned; for every platform.
#[derive(Debug)]
pub(crate) struct Listing {
    /// The directory.
    pub dir: RelPath,
    /// The Go files by name, but for those that Go never reads.
    pub go: BTreeMap<Arc<str>, Scanned>,
    /// The other files that Go reads.
    pub other: Vec<RelPath>,
}

/// A Go file.
#[derive(Debug)]
pub(crate) struct Scanned {
    /// What it says of itself.
    pub file: GoFile,
    /// Where it lies; for a link, what it leads to.
    pub at: RelPath,
}

/// A package as one build sees it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Package {
    /// Its name: `main` for a program.
    pub name: String,
    /// Files that are compiled.
    pub go: Vec<Arc<str>>,
    /// Files that are compiled with cgo.
    pub cgo: Vec<Arc<str>>,
    /// Files that are left out for this platform.
    pub ignored: Vec<Arc<str>>,
    /// Test files of the package itself.
    pub tests: Vec<Arc<str>>,
    /// Test files of the package `NAME_test` beside it.
    pub external_tests: Vec<Arc<str>>,
    /// What the compiled files use.
    pub uses: Uses,
    /// What the test files use.
    pub test_uses: Uses,
    /// What the external test files use.
    pub external_test_uses: Uses,
}

/// What files import and embed, in the order of the files.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Uses {
    /// Import paths.
    pub imports: Vec<Used>,
    /// Embed patterns.
    pub embeds: Vec<Used>,
}

/// A text in a Go file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Used {
    /// The import path or the pattern.
    pub text: Arc<str>,
    /// Where it is written.
    pub at: Location,
}

impl Package {
    /// Whether it has Go files that are no tests.
    pub fn has_code(&self) -> bool {
        !self.go.is_empty() || !self.cgo.is_empty()
    }

    /// Whether it has test files.
    pub fn has_tests(&self) -> bool {
        !self.tests.is_empty() || !self.external_tests.is_empty()
    }
}

impl Listing {
    /// Reads a directory; `None` if there is none.
    pub fn read(lowering: &Lowering, dir: &RelPath) -> Option<Listing> {
        let mut listing = Listing { dir: dir.clone(), go: BTreeMap::new(), other: Vec::new() };
        for entry in lowering.list(dir)?.iter().filter(|entry| is_read(entry)) {
            let Ok(path) = dir.child(&entry.name) else { continue };
            if !entry.name.ends_with(".go") {
                listing.other.push(path);
            } else if let Some(scanned) = read_go_file(lowering, &path, entry.kind) {
                listing.go.insert(entry.name.clone(), scanned);
            }
        }
        Some(listing)
    }

    /// Returns the files that a build of the package can read: for every platform, without tests.
    pub fn files(&self) -> Vec<RelPath> {
        let sources = self.go_paths(|name| !name.ends_with("_test.go"));
        sources.chain(self.other.iter().cloned()).collect()
    }

    /// Returns the test files, for every platform.
    pub fn test_files(&self) -> Vec<RelPath> {
        self.go_paths(|name| name.ends_with("_test.go")).collect()
    }

    fn go_paths(&self, wanted: impl Fn(&str) -> bool) -> impl Iterator<Item = RelPath> {
        let chosen = self.go.iter().filter(move |(name, _)| wanted(name));
        // A link is staged with what it leads to.
        chosen.flat_map(|(name, scanned)| {
            let itself = self.dir.child(name).ok();
            itself.into_iter().chain([scanned.at.clone()])
        })
    }

    /// Sorts the files into what a build sees.
    pub fn package(&self, context: &BuildContext) -> Package {
        let mut package = Package::default();
        for (name, scanned) in &self.go {
            package.add(name, scanned, context);
        }
        package
    }
}

impl Package {
    fn add(&mut self, name: &Arc<str>, scanned: &Scanned, context: &BuildContext) {
        let file = &scanned.file;
        if !context.allows_name(name) || !context.allows(&file.constraint) || file.package == "documentation" {
            self.ignored.push(name.clone());
            return;
        }
        let is_test = name.ends_with("_test.go");
        let bare = file.package.strip_suffix("_test").filter(|_| is_test && self.name != file.package);
        if self.name.is_empty() {
            self.name = bare.unwrap_or(&file.package).to_owned();
        }
        let with_cgo = file.imports("C");
        let (files, uses) = match (is_test, bare) {
            (true, Some(_)) => (&mut self.external_tests, Some(&mut self.external_test_uses)),
            (true, None) => (&mut self.tests, Some(&mut self.test_uses)),
            (false, _) if !with_cgo => (&mut self.go, Some(&mut self.uses)),
            (false, _) if context.cgo == super::Cgo::On => (&mut self.cgo, Some(&mut self.uses)),
            (false, _) => (&mut self.ignored, None),
        };
        files.push(name.clone());
        if let Some(uses) = uses {
            uses.imports.extend(file.imports.iter().map(|import| used(import, &scanned.at)));
            uses.embeds.extend(file.embeds.iter().map(|embed| used(embed, &scanned.at)));
        }
    }
}

fn used(text: &Spanned, file: &RelPath) -> Used {
    Used { text: Arc::from(&*text.text), at: Location::new(file.clone(), text.span.clone()) }
}

/// Whether Go looks at an entry of a package's directory.
fn is_read(entry: &Entry) -> bool {
    let is_file = matches!(entry.kind, EntryKind::File | EntryKind::Symlink);
    let extension = entry.name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let known = extension == "go" || OTHER_EXTENSIONS.contains(&extension);
    is_file && known && !entry.name.starts_with(['_', '.'])
}

fn read_go_file(lowering: &Lowering, path: &RelPath, kind: EntryKind) -> Option<Scanned> {
    let (_, bytes) = lowering.read(path).ok()?;
    if kind != EntryKind::Symlink {
        return Some(Scanned { file: scan::scan(&bytes), at: path.clone() });
    }
    let target = path.parent()?.resolve_inside(std::str::from_utf8(&bytes).ok()?).ok()?;
    if lowering.entry(&target) != Some(EntryKind::File) {
        return None;
    }
    let (_, bytes) = lowering.read(&target).ok()?;
    Some(Scanned { file: scan::scan(&bytes), at: target })
}
