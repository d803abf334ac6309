//! pnpm-lock.yaml against `pnpm install`.

use super::clients::{NATIVE, PEERS, Project, WORKSPACES, client, project, run};
use super::disk::{assert_same, parse};
use crate::node::pnpm;

#[test]
fn packages_and_links_lie_where_pnpm_puts_them() {
    let Some((program, _installed)) = client("pnpm", "pnpm@10") else { return };
    let check = |files: Project| {
        let dir = project(files);
        std::fs::write(dir.path().join("pnpm-workspace.yaml"), "packages: ['packages/*', 'apps/*']\n").unwrap();
        let store = dir.path().join("store");
        let store = ["--ignore-scripts", "--store-dir", store.to_str().unwrap()];
        run(
            &program,
            dir.path(),
            &[&["install", "--lockfile-only", "--link-workspace-packages"], &store[..]].concat(),
        )?;
        run(&program, dir.path(), &[&["install", "--frozen-lockfile"], &store[..]].concat())?;
        std::fs::remove_dir_all(dir.path().join("store")).unwrap();
        let layout = parse(pnpm::parse, dir.path(), "pnpm-lock.yaml");
        assert_same(&layout, dir.path());
        Some(())
    };
    let _ = check(WORKSPACES).and_then(|()| check(NATIVE)).and_then(|()| check(PEERS));
}
