//! package-lock.json against `npm ci`.

use super::clients::{NATIVE, Project, WORKSPACES, npm, project};
use super::disk::{assert_same, parse};
use crate::node::package_lock;

fn check(files: Project) {
    let dir = project(files);
    let Some(()) = npm(dir.path(), &["install", "--package-lock-only", "--ignore-scripts"]) else { return };
    let Some(()) = npm(dir.path(), &["ci", "--ignore-scripts"]) else { return };
    let layout = parse(package_lock::parse, dir.path(), "package-lock.json");
    assert_same(&layout, dir.path());
}

#[test]
fn workspaces_lie_where_npm_puts_them() {
    check(WORKSPACES);
}

#[test]
fn optional_packages_of_other_platforms_are_left_out_as_npm_does() {
    check(NATIVE);
}
