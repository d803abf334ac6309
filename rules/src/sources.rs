//! Source files of a package: paths and globs become files, or mistakes that say why not.
//! It knows no rule.

use std::collections::BTreeSet;

use model::{EntryKind, FileKind, Label, Location, Mistake, PackageName, PathError, RelPath};

use crate::globs::{Glob, is_glob};
use crate::near::nearest;
use crate::reads::{BUILD_FILE, Recorder};
use crate::written::{NamedLabel, Written};
use model::codes;

/// The directory of outputs, directly below the root.
pub(crate) const OUT_DIR: &str = "rg-out";

/// What a list of sources stands for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Sources {
    /// The files, from the workspace root, sorted, each once.
    pub files: Vec<RelPath>,
    /// The labels, as written.
    pub labels: Vec<NamedLabel>,
}

/// Where sources are looked for.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    /// The tree.
    pub recorder: &'a Recorder<'a>,
    /// All packages of the workspace.
    pub packages: &'a BTreeSet<RelPath>,
    /// The workspaces below this one.
    pub nested: &'a [RelPath],
    /// The package whose sources they are.
    pub package: &'a RelPath,
}

/// Parses a label; reports what is not one.
pub(crate) fn label(written: &Written, package: &RelPath, mistakes: &mut Vec<Mistake>) -> Option<NamedLabel> {
    match Label::parse(&written.text, package) {
        Ok(label) => Some(NamedLabel { label, at: written.at.clone() }),
        Err(error) => {
            mistakes.push(Mistake::new(codes::BAD_LABEL, error.to_string()).at(written.at.clone(), ""));
            None
        }
    }
}

/// Resolves a list of paths, globs and labels.
pub(crate) fn resolve(texts: &[Written], place: Place<'_>, mistakes: &mut Vec<Mistake>) -> Sources {
    // What is subtracted is known first: nothing is wrong with an entry that is not taken.
    let subtracted = texts.iter().filter_map(|written| Some((written.text.strip_prefix('!')?, &written.at)));
    let without = subtracted.filter_map(|(pattern, at)| glob(pattern, at, mistakes)).collect();
    let mut search = Search { place, without, files: BTreeSet::new(), mistakes };
    let mut labels = Vec::new();
    for written in texts {
        if written.text.starts_with("//") || written.text.starts_with([':', '@']) {
            labels.extend(label(written, place.package, search.mistakes));
        } else if !written.text.starts_with('!') {
            search.find(written);
        }
    }
    Sources { files: search.files.into_iter().collect(), labels }
}

fn glob(text: &str, at: &Location, mistakes: &mut Vec<Mistake>) -> Option<Glob> {
    let report = |reason| Mistake::new(codes::BAD_GLOB, format!("`{text}` {reason}")).at(at.clone(), "");
    Glob::parse(text).map_err(|reason| mistakes.push(report(reason))).ok()
}

struct Search<'a, 'm> {
    place: Place<'a>,
    without: Vec<Glob>,
    files: BTreeSet<RelPath>,
    mistakes: &'m mut Vec<Mistake>,
}

impl Search<'_, '_> {
    fn find(&mut self, written: &Written) {
        // `pages/[id].tsx` is a plain file of some frameworks: a file that exists is meant as it is written.
        let plain = || self.place.package.child(&written.text).ok().and_then(|path| self.place.recorder.entry(&path));
        if is_glob(&written.text) && plain().is_none() { self.find_glob(written) } else { self.find_plain(written) }
    }

    fn find_glob(&mut self, written: &Written) {
        let Some(glob) = glob(&written.text, &written.at, self.mistakes) else { return };
        let mut found = Vec::new();
        walk(self.place, self.place.package, &glob, &glob.start(), &mut found);
        if found.is_empty() {
            let message = format!("`{}` matches nothing", written.text);
            let mistake = Mistake::new(codes::EMPTY_GLOB, message).at(written.at.clone(), "no file matches");
            self.mistakes.push(self.hint_of_empty(written, mistake));
        }
        for (path, kind) in found {
            self.take(path, kind, &written.at);
        }
    }

    /// Whether a `!` pattern subtracts a path.
    fn is_subtracted(&self, path: &RelPath) -> bool {
        let inside = path.strip_prefix(self.place.package).unwrap_or_else(RelPath::root);
        self.without.iter().any(|glob| glob.matches(inside.as_str()))
    }

    /// Says so if the directory that a glob begins with is a border, or ignored.
    fn hint_of_empty(&self, written: &Written, mistake: Mistake) -> Mistake {
        let fixed: Vec<&str> = written.text.split('/').take_while(|segment| !is_glob(segment)).collect();
        let Ok(dir) = self.place.package.child(&fixed.join("/")) else { return mistake };
        match self.border(&dir) {
            Some(Border::Package(package)) => mistake.hint(format!(
                "`{package}` is a package of its own: name a target of it, as in \"{}:…\"",
                PackageName(&package)
            )),
            Some(Border::Workspace(dir)) => mistake.hint(format!("`{dir}` is a workspace of its own")),
            None => match self.place.recorder.ignored_by(&dir).filter(|_| dir != *self.place.package) {
                Some(rule) => mistake.hint(format!("`{dir}` is ignored by {rule}: change that rule")),
                None => mistake.hint(format!("globs are relative to the package, `{}`", shown(self.place.package))),
            },
        }
    }

    fn find_plain(&mut self, written: &Written) {
        let path = match RelPath::new(&written.text) {
            Ok(path) if path.is_root() => return self.bad_path(written, "the path is empty".to_owned(), None),
            Ok(path) => self.place.package.join(&path),
            Err(error) => {
                let hint = path_hint(&written.text, &error);
                return self.bad_path(written, error.to_string(), hint);
            }
        };
        if path.segments().next() == Some(OUT_DIR) {
            let hint = "name the target that makes it: \"//package:target\"".to_owned();
            return self.bad_path(written, format!("`{path}` is an output, not a source"), Some(hint));
        }
        match self.border(&path) {
            Some(border) => self.across(border, &path, written),
            None => match self.place.recorder.entry(&path) {
                Some(kind) => self.take(path, kind, &written.at),
                None => self.missing(&path, written),
            },
        }
    }

    fn bad_path(&mut self, written: &Written, message: String, hint: Option<String>) {
        let mistake = Mistake::new(codes::BAD_PATH, message).at(written.at.clone(), "");
        self.mistakes.push(Mistake { hint, ..mistake });
    }

    /// Returns the package or workspace beneath this package that a path lies in or is.
    fn border(&self, path: &RelPath) -> Option<Border> {
        let inside = |dir: &RelPath| dir != self.place.package && dir.starts_with(self.place.package);
        std::iter::successors(Some(path.clone()), RelPath::parent).take_while(inside).find_map(|dir| {
            if self.place.nested.contains(&dir) {
                return Some(Border::Workspace(dir));
            }
            self.place.packages.contains(&dir).then_some(Border::Package(dir))
        })
    }

    fn across(&mut self, border: Border, path: &RelPath, written: &Written) {
        self.mistakes.push(match border {
            Border::Package(package) => {
                let mistake = Mistake::new(
                    codes::OTHER_PACKAGE,
                    format!("`{path}` belongs to the package `{}`", PackageName(&package)),
                );
                let hint = format!("name a target of that package that provides it: \"{}:…\"", PackageName(&package));
                mistake.at(written.at.clone(), "").hint(hint)
            }
            Border::Workspace(dir) => {
                let message = format!("`{path}` belongs to the workspace `{dir}`, which has its own workspace.toml");
                Mistake::new(codes::OTHER_WORKSPACE, message).at(written.at.clone(), "")
            }
        });
    }

    /// Takes a file as a source, if it can be one.
    fn take(&mut self, path: RelPath, kind: EntryKind, at: &Location) {
        if self.is_subtracted(&path) {
            return;
        }
        let refused = match kind {
            EntryKind::File => None,
            EntryKind::Symlink => self.refused_link(&path),
            EntryKind::Directory => Some(
                Mistake::new(codes::IS_A_DIRECTORY, format!("`{path}` is a directory"))
                    .hint(format!("write \"{}/**\"", path.relative_to(self.place.package))),
            ),
            EntryKind::Workspace => {
                Some(Mistake::new(codes::OTHER_WORKSPACE, format!("`{path}` is a workspace of its own")))
            }
            EntryKind::Unusable => {
                Some(Mistake::new(codes::UNUSABLE, format!("`{path}` cannot be an input")).hint(
                    "sockets, devices and names that are not UTF-8 cannot: remove it, or subtract it with \"!…\"",
                ))
            }
        };
        match refused {
            Some(mistake) => self.mistakes.push(mistake.at(at.clone(), "")),
            None => {
                self.files.insert(path);
            }
        }
    }

    fn refused_link(&self, path: &RelPath) -> Option<Mistake> {
        let Ok((FileKind::Symlink, target)) = self.place.recorder.read(path) else { return None };
        let target = String::from_utf8_lossy(&target);
        let dir = path.parent().unwrap_or_else(RelPath::root);
        let reason = match dir.resolve_inside(&target) {
            Ok(_) => return None,
            Err(PathError::Absolute(_)) => "is absolute",
            Err(_) => "leaves the workspace",
        };
        let message = format!("`{path}` is a symbolic link to `{target}`, which {reason}");
        Some(Mistake::new(codes::ESCAPING_LINK, message).hint("copy the file, or link to a file of the workspace"))
    }

    fn missing(&mut self, path: &RelPath, written: &Written) {
        if let Some(rule) = self.place.recorder.ignored_by(path) {
            let message = format!("`{path}` is ignored by {rule}");
            let mistake = Mistake::new(codes::IGNORED_FILE, message).at(written.at.clone(), "");
            return self
                .mistakes
                .push(mistake.hint("an ignored file is not a part of the workspace: change that rule"));
        }
        let mistake = Mistake::new(codes::NO_SUCH_FILE, format!("`{path}` does not exist")).at(written.at.clone(), "");
        let mistake = match self.near(path) {
            Some(near) => mistake.hint(format!("write \"{near}\"")),
            None => mistake.hint(format!("paths are relative to the package, `{}`", shown(self.place.package))),
        };
        self.mistakes.push(mistake);
    }

    /// Returns the nearest path that exists, from the package: a misspelt name in the deepest directory that exists.
    fn near(&self, path: &RelPath) -> Option<String> {
        let dir = path.parent()?;
        let entries = self.place.recorder.peek(&dir);
        let name = nearest(path.name(), entries.iter().map(|entry| &*entry.name))?;
        Some(dir.child(name).ok()?.relative_to(self.place.package))
    }
}

enum Border {
    Package(RelPath),
    Workspace(RelPath),
}

fn walk(place: Place<'_>, dir: &RelPath, glob: &Glob, progress: &[usize], found: &mut Vec<(RelPath, EntryKind)>) {
    if let Some(name) = glob.only(progress) {
        // Asking for one entry and not for the list: a new file beside it changes nothing.
        let Ok(path) = dir.child(name) else { return };
        if let Some(kind) = place.recorder.entry(&path) {
            visit(place, path, kind, glob, progress, found);
        }
        return;
    }
    for entry in place.recorder.list(dir).iter().flat_map(|entries| entries.iter()) {
        if let Ok(path) = dir.child(&entry.name) {
            visit(place, path, entry.kind, glob, progress, found);
        }
    }
}

fn visit(
    place: Place<'_>,
    path: RelPath,
    kind: EntryKind,
    glob: &Glob,
    progress: &[usize],
    found: &mut Vec<(RelPath, EntryKind)>,
) {
    match kind {
        EntryKind::Workspace => {}
        EntryKind::Directory => {
            let next = glob.enter(progress, path.name());
            if !next.is_empty() && !place.packages.contains(&path) && path.as_str() != OUT_DIR {
                walk(place, &path, glob, &next, found);
            }
        }
        // A definition is read by rg: as an input, every comment in it would rebuild what matches `**`.
        EntryKind::File | EntryKind::Symlink | EntryKind::Unusable => {
            if path.name() != BUILD_FILE && glob.accepts(progress, path.name()) {
                found.push((path, kind));
            }
        }
    }
}

fn path_hint(text: &str, error: &PathError) -> Option<String> {
    let short = text.trim_start_matches("./").trim_end_matches('/');
    match error {
        PathError::NotNormal(_) if text.ends_with('/') => Some(format!("write \"{short}/**\"")),
        PathError::NotNormal(_) => Some(format!("write \"{short}\"")),
        PathError::Absolute(_) => Some("paths are relative to the package".to_owned()),
        PathError::Escapes(_) => Some("name a target of the other package: \"//package:target\"".to_owned()),
        PathError::Nul(_) => None,
    }
}

/// Returns a package as people see it.
fn shown(package: &RelPath) -> String {
    if package.is_root() { "//".to_owned() } else { package.to_string() }
}
