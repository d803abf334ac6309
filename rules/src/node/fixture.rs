//! What the tests of all locks share: a few files as a value, and a layout as text.

use std::collections::BTreeMap;

use model::{Mistake, Platform, RelPath};

use super::layout::{InstallScripts, Layout, Placed, Use, What};

/// How a lock is parsed.
pub(crate) type Parse = fn(&str, &RelPath, &dyn Fn(&RelPath) -> Option<String>, &Platform) -> (Layout, Vec<Mistake>);

/// The files of a repository: paths from the lock's directory, and texts.
pub(crate) type Files<'a> = BTreeMap<&'a str, &'a str>;

/// Parses the lock of a few files for linux/amd64; the lock's directory is `js`.
pub(crate) fn parse(parse: Parse, lock: &str, files: &[(&str, &str)]) -> (Layout, Vec<String>) {
    let files: Files = files.iter().copied().collect();
    let read = |path: &RelPath| files.get(path.as_str()).map(|text| (*text).to_owned());
    let file = RelPath::new("js").unwrap().child(lock).unwrap();
    let (layout, mistakes) = parse(files[lock], &file, &read, &Platform::default());
    let text = |mistake: &Mistake| {
        let file = mistake.at.as_ref().map_or("", |(at, _)| at.file.as_str());
        files.get(file.trim_start_matches("js/")).copied().unwrap_or_default()
    };
    let rendered =
        mistakes.iter().map(|mistake| format!("{} {}", mistake.code, crate::rendered(mistake, text(mistake))));
    (layout, rendered.collect())
}

/// Returns what lies where, a line for each place, then the packages of the repository.
pub(crate) fn lines(layout: &Layout) -> Vec<String> {
    let join = |paths: &[RelPath]| paths.iter().map(RelPath::as_str).collect::<Vec<_>>().join(" ");
    let workspaces = layout.workspaces.iter().map(|it| {
        let name = it.name.as_deref().unwrap_or("-");
        format!("[{}] {name}: {} | {}", it.dir, join(&it.deps), join(&it.production_deps))
    });
    layout.places.iter().map(line).chain(workspaces).collect()
}

/// Returns one place as a line.
pub(crate) fn line(placed: &Placed) -> String {
    let what = match &placed.what {
        What::Link(target) => format!("-> {target}"),
        What::Package(it) => {
            let scripts = if it.scripts == InstallScripts::Present { " with scripts" } else { "" };
            format!("{}@{}{scripts}", it.name, it.version)
        }
    };
    let used = if placed.used == Use::Development { " (dev)" } else { "" };
    format!("{} {what}{used}", placed.at)
}
