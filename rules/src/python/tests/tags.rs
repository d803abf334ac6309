//! Holds the order of wheels against that of `packaging.tags`, which pip has its own copy of.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::{Libc, Platform, PythonEnvironment, wheel};

use super::python;

/// Prints the tags for this interpreter, and for others that are made up: first a line that says for which.
const SCRIPT: &str = r#"
import itertools, sys, types
from pip._vendor.packaging import tags, _manylinux, _musllinux
get = getattr(_manylinux, "_get_glibc_version")
own = tuple(get())
def platforms(arch, libc, version):
    _manylinux._get_glibc_version = lambda: version if libc == "glibc" else (-1, -1)
    _manylinux._have_compatible_abi = lambda *_: True
    musl = _musllinux._MuslVersion(*version) if libc == "musl" else None
    _musllinux._get_musl_version = lambda *_: musl
    linux = f"linux_{arch}"
    many = _manylinux.platform_tags
    if many.__code__.co_argcount == 2:
        return [*(many(linux, arch) if libc == "glibc" else []), *_musllinux.platform_tags(arch), linux]
    return [*(many([arch]) if libc == "glibc" else []), *_musllinux.platform_tags([arch]), linux]
def show(version, arch, libc, numbers, full):
    abi = f"cp{version[0]}{version[1]}" + ("m" if version < (3, 8) else "")
    all = platforms(arch, libc, numbers)
    print("@", full, arch, libc, *numbers)
    interpreter = f"cp{version[0]}{version[1]}"
    for tag in tags.cpython_tags(version, [abi], all):
        print(tag)
    for tag in tags.compatible_tags(version, interpreter, all):
        print(tag)
if own[0] == 2:
    print("@", sys.version.split()[0], tags.platform.machine(), "glibc", *own)
    found = [str(tag) for tag in tags.sys_tags()]
    # Older copies of the library leave this one out.
    own = f"cp3{sys.version_info.minor}-none-any"
    if own not in found:
        found.insert(found.index(f"py3{sys.version_info.minor}-none-any"), own)
    print("\n".join(found))
for minor, arch in itertools.product([6, 7, 9, 12, 14], ["x86_64", "aarch64"]):
    show((3, minor), arch, "glibc", (2, 28), f"3.{minor}.1")
    show((3, minor), arch, "musl", (1, 2), f"3.{minor}.0rc2")
show((3, 11), "x86_64", "glibc", (2, 11), "3.11.0")
"#;

/// Compares one interpreter: the tags in their order, and none of the tags of the others fits.
fn check(head: &str, tags: &[&str], others: &BTreeSet<&str>) {
    let words: Vec<&str> = head.split(' ').collect();
    let [version, machine, libc, major, minor] = words[..] else { panic!("{head}") };
    let (major, minor) = (major.parse().unwrap(), minor.parse().unwrap());
    let libc = if libc == "glibc" { Libc::Glibc(major, minor) } else { Libc::Musl(major, minor) };
    let environment = PythonEnvironment { version: Arc::from(version), libc };
    let arch = ["amd64", "arm64"].into_iter().find(|arch| wheel::machine(arch) == machine).unwrap();
    let platform = Platform { os: Arc::from("linux"), arch: Arc::from(arch) };
    let rank = |tag: &str| wheel::rank(&format!("x-1-{tag}.whl"), &environment, &platform);
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut last = None;
    for tag in tags {
        let here = rank(tag).unwrap_or_else(|| panic!("{head}: {tag} fits"));
        if !seen.insert(tag) {
            continue;
        }
        assert!(last.is_none_or(|last| here < last), "{head}: {tag} comes later");
        last = Some(here);
    }
    for other in others.difference(&seen) {
        assert_eq!(rank(other), None, "{head}: {other} does not fit");
    }
}

#[test]
fn wheels_are_preferred_in_the_order_of_the_packaging_library() {
    let Some(printed) = python(SCRIPT, "") else { return };
    let blocks: Vec<(&str, Vec<&str>)> = printed
        .split("@ ")
        .filter(|block| !block.is_empty())
        .map(|block| (block.lines().next().unwrap(), block.lines().skip(1).collect()))
        .collect();
    assert!(blocks.len() > 20);
    let all: BTreeSet<&str> = blocks.iter().flat_map(|(_, tags)| tags).copied().collect();
    for (head, tags) in &blocks {
        check(head, tags, &all);
    }
}

proptest::proptest! {
    #[test]
    fn no_name_of_a_file_makes_the_ranking_panic(name in "[a-z0-9._é]{0,4}(-[a-z0-9._é]{0,6}){0,6}", ending in 0usize..3) {
        let file = format!("{name}{}", ["", ".whl", ".tar.gz"][ending]);
        drop(wheel::rank(&file, &PythonEnvironment::default(), &Platform::default()));
        drop(wheel::rank(&format!("x-1-{name}-none-any.whl"), &PythonEnvironment::default(), &Platform::default()));
    }
}
