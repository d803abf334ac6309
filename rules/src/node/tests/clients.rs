//! Runs npm, pnpm and yarn as a developer would, on a few packages with workspaces.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A project: manifests by path.
pub(super) type Project = &'static [(&'static str, &'static str)];

/// Packages of the repository that need each other, an alias, two versions of one package, and a peer.
pub(super) const WORKSPACES: Project = &[
    (
        "package.json",
        r#"{"name": "root", "version": "1.0.0", "private": true, "workspaces": ["packages/*", "apps/*"],
            "dependencies": {"ms": "2.1.3"}, "devDependencies": {"debug": "4.3.4"}}"#,
    ),
    (
        "packages/ui/package.json",
        r#"{"name": "@acme/ui", "version": "1.0.0", "dependencies": {"@acme/util": "1.0.0", "ms": "2.0.0", "send": "0.18.0"},
            "peerDependencies": {"react": ">=18"}, "devDependencies": {"react": "18.2.0"}}"#,
    ),
    (
        "packages/util/package.json",
        r#"{"name": "@acme/util", "version": "1.0.0", "dependencies": {"old-merge": "npm:lodash.merge@4.6.1"},
            "optionalDependencies": {"fsevents": "2.3.3"}}"#,
    ),
    (
        "apps/web/package.json",
        r#"{"name": "web", "version": "0.0.1", "dependencies": {"@acme/ui": "1.0.0", "react": "18.2.0", "react-dom": "18.2.0"},
            "devDependencies": {"lodash.merge": "4.6.2"}}"#,
    ),
];

/// Optional packages for all platforms, of which one fits.
pub(super) const NATIVE: Project = &[(
    "package.json",
    r#"{"name": "native", "version": "1.0.0", "private": true, "dependencies": {"express": "4.18.2"},
        "devDependencies": {"rollup": "4.22.4", "esbuild": "0.21.5", "chokidar": "3.6.0"}}"#,
)];

/// Peers of peers, whose names get long, and capital letters.
pub(super) const PEERS: Project = &[(
    "package.json",
    r#"{"name": "peers", "version": "1.0.0", "private": true,
        "dependencies": {"JSONStream": "1.3.5", "@testing-library/react": "16.0.0", "@testing-library/dom": "10.4.0",
            "react": "18.2.0", "react-dom": "18.2.0", "@types/react": "18.3.3", "@types/react-dom": "18.3.0",
            "zustand": "4.5.4", "immer": "10.1.1", "use-sync-external-store": "1.2.2"}}"#,
)];

/// A version that stands for what others ask for, to yarn.
pub(super) const RESOLUTIONS: Project = &[(
    "package.json",
    r#"{"name": "resolutions", "version": "1.0.0", "private": true, "resolutions": {"**/ms": "2.1.2"},
        "dependencies": {"debug": "4.3.4", "send": "0.18.0"}}"#,
)];

/// Writes a project to a new directory.
pub(super) fn project(files: Project) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    dir
}

/// Runs a client; `None`, after saying why, if that cannot be done on a developer's machine.
pub(super) fn run(program: &Path, dir: &Path, args: &[&str]) -> Option<()> {
    let output = Command::new(program).args(args).current_dir(dir).env_remove("NODE_ENV").output();
    let failed = match output {
        Ok(output) if output.status.success() => return Some(()),
        Ok(output) => String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr),
        Err(error) => error.to_string(),
    };
    let why = format!("{} {}: {failed}", program.display(), args.join(" "));
    assert!(!is_ci(), "{why}");
    eprintln!("skipped, because a client cannot do its work: {why}");
    None
}

/// Runs npm.
pub(super) fn npm(dir: &Path, args: &[&str]) -> Option<()> {
    run(Path::new("npm"), dir, args)
}

/// Returns the program of another client, which npm brings, and the directory that holds it.
pub(super) fn client(name: &str, package: &str) -> Option<(PathBuf, tempfile::TempDir)> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("package.json"), "{}").unwrap();
    npm(dir.path(), &["install", "--ignore-scripts", package])?;
    Some((dir.path().join("node_modules/.bin").join(name), dir))
}

/// Whether nothing may be left out.
#[expect(clippy::disallowed_methods, reason = "a test that is skipped on a developer's machine must not be in CI")]
fn is_ci() -> bool {
    std::env::var("CI").is_ok_and(|ci| ci == "true")
}
