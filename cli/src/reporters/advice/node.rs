//! Hints for a package or a module that Node, or what bundles for it, does not find: it is not asked for, only
//! development has it, or it is a file that the target does not declare.

use std::collections::BTreeSet;

use graph::StepId;
use model::{EntryKind, Locked, RelPath};
use serde_json::Value;

use super::{Advice, quoted};

/// What Node and bundlers say of what is not there, before its name in quotes.
const SAYS: [&str; 6] = [
    "Cannot find package ",
    "Cannot find module ",
    "Could not resolve ",
    "Can't resolve ",
    "ailed to resolve import ",
    "failed to resolve ",
];

/// The endings that an import may leave out.
const ENDINGS: [&str; 10] =
    [".js", ".ts", ".tsx", ".jsx", ".mjs", ".cjs", ".json", "/index.js", "/index.ts", "/index.tsx"];

/// The tables of package.json, and whether what runs has what they name.
const TABLES: [&str; 4] = ["dependencies", "optionalDependencies", "peerDependencies", "devDependencies"];

/// How many are told of.
const MOST: usize = 3;

/// Returns a hint for each package or module that the log of a failed step misses.
pub(super) fn hints(advice: &Advice<'_>, step: StepId, log: &str) -> Vec<String> {
    let missing: BTreeSet<&str> = log.lines().filter_map(specifier).collect();
    missing.into_iter().take(MOST).filter_map(|name| hint(advice, step, name, log)).collect()
}

/// Returns what a line says is not there.
fn specifier(line: &str) -> Option<&str> {
    let rest = SAYS.iter().find_map(|says| line.split_once(says).map(|(_, rest)| rest))?;
    let quote = rest.chars().next().filter(|c| ['\'', '"', '`'].contains(c))?;
    let name = rest[1..].split(quote).next()?;
    (!name.is_empty() && name.len() < 256).then_some(name)
}

fn hint(advice: &Advice<'_>, step: StepId, name: &str, log: &str) -> Option<String> {
    if name.starts_with(['.', '/']) {
        return file(advice, step, name, log);
    }
    let package = package_of(name);
    let is_package = package.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"@/._-".contains(&byte));
    let manifest = manifest(advice, &advice.graph.target_of(step).id.label.package).filter(|_| is_package)?;
    Some(of_package(advice, step, name, package, &manifest))
}

/// Returns the name of the package that an import is of: its first segment, or two if it has a scope.
fn package_of(name: &str) -> &str {
    let segments = if name.starts_with('@') { 2 } else { 1 };
    name.match_indices('/').nth(segments - 1).map_or(name, |(at, _)| &name[..at])
}

/// Returns the hint for a file of the workspace whose ending the import leaves out; what is spelled whole is found as
/// any undeclared file is.
fn file(advice: &Advice<'_>, step: StepId, name: &str, log: &str) -> Option<String> {
    let here = &advice.graph.target_of(step).id.label.package;
    let from = importer(log).and_then(|file| RelPath::new(file).ok()?.parent()).unwrap_or_else(|| here.clone());
    let path = match name.strip_prefix("/src/") {
        Some(inside) => RelPath::new(inside).ok()?,
        None => from.resolve(name).ok()?,
    };
    let candidates = ENDINGS.iter().filter_map(|ending| RelPath::new(&format!("{path}{ending}")).ok());
    let found = candidates.into_iter().find(|file| advice.is(file, EntryKind::File))?;
    Some(advice.undeclared(step, &exec::missed(advice.graph, step, found)?))
}

/// Returns the file that imports, from the workspace root.
fn importer(log: &str) -> Option<&str> {
    let (_, after) =
        ["imported from /src/", "- /src/", " from \"/src/"].iter().find_map(|says| log.split_once(says))?;
    after.split(['\n', '"', '\'', ' ']).next()
}

/// The package.json that a target goes by.
struct Manifest {
    file: RelPath,
    json: Value,
}

/// Returns the nearest package.json at or above a directory.
fn manifest(advice: &Advice<'_>, dir: &RelPath) -> Option<Manifest> {
    let mut files = dir.upwards().filter_map(|dir| dir.child("package.json").ok());
    let file = files.find(|file| advice.is(file, EntryKind::File))?;
    let json = serde_json::from_reader(advice.tree.open(&file).ok()?).ok()?;
    Some(Manifest { file, json })
}

fn of_package(advice: &Advice<'_>, step: StepId, name: &str, package: &str, manifest: &Manifest) -> String {
    let file = &manifest.file;
    let table = TABLES.iter().find(|table| manifest.json[**table].get(package).is_some());
    let modules = advice.packages(step, "node_modules");
    let lock = modules.and_then(|modules| advice.lock(modules));
    let install = install(lock);
    let lock = lock.map_or_else(|| "the lock".to_owned(), |lock| format!("`{lock}`"));
    match table {
        Some(&"devDependencies") => format!(
            "`{package}` is among the `devDependencies` of {file}, which what runs is without: move it to `dependencies`, and run `{}`",
            install.all
        ),
        Some(&table) if name != package => {
            format!("{file} has `{package}` in `{table}`, but that version of it has no `{name}`: lock another one")
        }
        Some(&table) => format!(
            "{file} has `{package}` in `{table}`, but nothing of it is installed: what {lock} has may be for another platform, or may lack what its package.json names as its entry"
        ),
        None => {
            let fetched = modules.into_iter().flat_map(|modules| advice.fetched(modules));
            let locked: Vec<String> = fetched.filter_map(npm_package).collect();
            if locked.contains(&package.to_owned()) {
                return format!(
                    "{lock} has `{package}` for other packages, but {file} does not ask for it: `{} {package}`",
                    install.one
                );
            }
            let asked =
                TABLES.iter().filter_map(|table| manifest.json[*table].as_object()).flat_map(|it| it.keys().cloned());
            let known: Vec<String> = asked.chain(locked).collect();
            let near: Vec<String> =
                rules::nearest(package, known.iter().map(String::as_str)).map(str::to_owned).into_iter().collect();
            let near = if near.is_empty() { String::new() } else { format!(" (near: {})", quoted(&near)) };
            format!(
                "nothing provides `{package}`{near}: {file} does not ask for it; `{} {package}` adds it",
                install.one
            )
        }
    }
}

/// How a client adds packages.
struct Install {
    all: &'static str,
    one: &'static str,
}

fn install(lock: Option<&RelPath>) -> Install {
    match lock.map(RelPath::name) {
        Some("pnpm-lock.yaml") => Install { all: "pnpm install", one: "pnpm add" },
        Some("yarn.lock") => Install { all: "yarn install", one: "yarn add" },
        _ => Install { all: "npm install", one: "npm install" },
    }
}

/// Returns the name of a package.
fn npm_package(locked: &Locked) -> Option<String> {
    match locked {
        Locked::NpmPackage { name, .. } => Some(name.to_string()),
        Locked::GoModule { .. } | Locked::PythonFile { .. } | Locked::PythonAny { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_found_in_what_node_and_bundlers_say() {
        let check = |line: &str, want: Option<&str>| assert_eq!(specifier(line), want, "{line}");
        check("Error: Cannot find module './page'", Some("./page"));
        check("Error [ERR_MODULE_NOT_FOUND]: Cannot find package '@a/b' imported from /src/web/x.mjs", Some("@a/b"));
        check("x [ERROR] Could not resolve \"left\"", Some("left"));
        check("Module not found: Error: Can't resolve 'left' in '/src/web'", Some("left"));
        check("[vite]: Rollup failed to resolve import \"left\" from \"/src/web/main.js\".", Some("left"));
        check("a.ts(1,2): error TS2307: Cannot find module 'x' or its corresponding type declarations.", Some("x"));
        check("Cannot find module x", None);
    }

    #[test]
    fn a_package_is_the_beginning_of_what_is_imported() {
        assert_eq!(["a", "a/b/c", "@s/a", "@s/a/b"].map(package_of), ["a", "a", "@s/a", "@s/a"]);
    }

    #[test]
    fn the_importer_is_the_first_that_is_named() {
        assert_eq!(importer("Require stack:\n- /src/web/a.js\n- /src/web/b.js"), Some("web/a.js"));
        assert_eq!(importer("'./p' imported from /src/web/x.mjs\n"), Some("web/x.mjs"));
        assert_eq!(importer("x"), None);
    }
}
