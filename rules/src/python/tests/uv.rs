//! uv.lock as uv writes it, shortened.

use super::locks::{check, shown};
use crate::python::uv_lock::parse;

const MANIFEST: &str = r#"
[project]
name = "Shop"
dependencies = ["flask>=2", "requests[socks] ~= 2.31", "numpy; python_version >= '3.10'", "colorama; sys_platform == 'win32'", "lib", "torch"]

[project.optional-dependencies]
fast = ["orjson>=3"]
all = ["shop[fast]"]

[dependency-groups]
dev = ["pytest>=8", { include-group = "lint" }]
lint = ["ruff"]

[tool.uv.sources]
lib = { workspace = true }
torch = { index = "cpu" }
"#;

const LOCK: &str = r#"
version = 1
revision = 3
requires-python = ">=3.9"
resolution-markers = ["python_full_version >= '3.12'", "python_full_version < '3.12'"]

[manifest]
members = ["lib", "shop"]

[[package]]
name = "colorama"
version = "0.4.6"
source = { registry = "https://registry.example/simple" }
wheels = [{ url = "https://registry.example/c/colorama-0.4.6-py2.py3-none-any.whl", hash = "sha256:c0" }]

[[package]]
name = "flask"
version = "3.1.3"
source = { registry = "https://registry.example/simple" }
sdist = { url = "https://registry.example/f/flask-3.1.3.tar.gz", hash = "sha256:f0", size = 1 }
wheels = [
    { url = "https://registry.example/f/flask-3.1.3-py3-none-any.whl", hash = "sha256:f1", size = 1 },
]

[[package]]
name = "lib"
version = "0.2.0"
source = { editable = "lib" }
dependencies = [{ name = "pyyaml" }]

[package.metadata]
requires-dist = [{ name = "pyyaml" }]

[[package]]
name = "numpy"
version = "2.4.6"
source = { registry = "https://registry.example/simple" }
resolution-markers = ["python_full_version < '3.12'"]
sdist = { url = "https://registry.example/n/numpy-2.4.6.tar.gz", hash = "sha256:a0" }
wheels = [
    { url = "https://registry.example/n/numpy-2.4.6-cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl", hash = "sha256:a1" },
    { url = "https://registry.example/n/numpy-2.4.6-cp311-cp311-musllinux_1_2_x86_64.whl", hash = "sha256:a2" },
    { url = "https://registry.example/n/numpy-2.4.6-cp311-cp311-win_amd64.whl", hash = "sha256:a3" },
]

[[package]]
name = "numpy"
version = "2.5.5"
source = { registry = "https://registry.example/simple" }
resolution-markers = ["python_full_version >= '3.12'"]
wheels = [{ url = "https://registry.example/n/numpy-2.5.5-cp312-cp312-win_amd64.whl", hash = "sha256:a4" }]

[[package]]
name = "orjson"
version = "3.13.0"
source = { registry = "https://registry.example/simple" }
wheels = [{ url = "https://registry.example/o/orjson-3.13.0-py3-none-any.whl", hash = "sha256:b0" }]

[[package]]
name = "pysocks"
version = "1.7.1"
source = { registry = "https://registry.example/simple" }
sdist = { url = "https://registry.example/p/PySocks-1.7.1.tar.gz", hash = "sha256:d0" }

[[package]]
name = "pytest"
version = "9.2.0"
source = { registry = "https://registry.example/simple" }
wheels = [{ url = "https://registry.example/p/pytest-9.2.0-py3-none-any.whl", hash = "sha256:e0" }]

[[package]]
name = "pyyaml"
version = "6.0.4"
source = { registry = "https://registry.example/simple" }
wheels = [{ url = "https://registry.example/p/pyyaml-6.0.4-cp312-cp312-win_amd64.whl", hash = "sha256:e1" }]

[[package]]
name = "requests"
version = "2.34.2"
source = { registry = "https://registry.example/simple" }
wheels = [{ url = "https://registry.example/r/requests-2.34.2-py3-none-any.whl", hash = "sha256:e2" }]

[package.optional-dependencies]
socks = [{ name = "pysocks" }]

[[package]]
name = "ruff"
version = "1.0"
source = { git = "https://git.example/ruff?rev=1#1" }

[[package]]
name = "shop"
version = "0.1.0"
source = { virtual = "." }
dependencies = [
    { name = "colorama", marker = "sys_platform == 'win32'" },
    { name = "flask" },
    { name = "lib" },
    { name = "numpy", version = "2.4.6", source = { registry = "https://registry.example/simple" }, marker = "python_full_version == '3.11.*'" },
    { name = "numpy", version = "2.5.5", source = { registry = "https://registry.example/simple" }, marker = "python_full_version >= '3.12'" },
    { name = "requests", extra = ["socks"] },
    { name = "torch", version = "2.0+cpu", source = { registry = "https://cpu.example" } },
]

[package.optional-dependencies]
fast = [{ name = "orjson" }]
all = [{ name = "orjson" }]

[package.dev-dependencies]
dev = [{ name = "pytest" }]
lint = [{ name = "ruff" }]

[package.metadata]
requires-dist = [
    { name = "colorama", marker = "sys_platform == 'win32'" },
    { name = "flask", specifier = ">=2" },
    { name = "lib", editable = "lib" },
    { name = "numpy", marker = "python_full_version >= '3.10'" },
    { name = "orjson", marker = "extra == 'fast'", specifier = ">=3" },
    { name = "requests", extras = ["socks"], specifier = "~=2.31" },
    { name = "shop", extras = ["fast"], marker = "extra == 'all'" },
    { name = "torch", index = "https://cpu.example" },
]
provides-extras = ["fast", "all"]

[package.metadata.requires-dev]
dev = [{ name = "pytest", specifier = ">=8" }, { name = "ruff" }]
lint = [{ name = "ruff" }]

[[package]]
name = "torch"
version = "2.0"
source = { registry = "https://registry.example/simple" }

[[package]]
name = "torch"
version = "2.0+cpu"
source = { registry = "https://cpu.example" }
wheels = [{ url = "https://cpu.example/torch-2.0%2Bcpu-py3-none-any.whl#x", hash = "sha256:f2" }]
"#;

const TAKEN: &str = "\
flask 3.1.3: wheel flask-3.1.3-py3-none-any.whl f1 https://registry.example/f/flask-3.1.3-py3-none-any.whl
numpy 2.4.6: wheel numpy-2.4.6-cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl a1 https://registry.example/n/numpy-2.4.6-cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl
pysocks 1.7.1: source PySocks-1.7.1.tar.gz d0 https://registry.example/p/PySocks-1.7.1.tar.gz
pytest 9.2.0: wheel pytest-9.2.0-py3-none-any.whl e0 https://registry.example/p/pytest-9.2.0-py3-none-any.whl
requests 2.34.2: wheel requests-2.34.2-py3-none-any.whl e2 https://registry.example/r/requests-2.34.2-py3-none-any.whl
torch 2.0+cpu: wheel torch-2.0+cpu-py3-none-any.whl f2 https://cpu.example/torch-2.0%2Bcpu-py3-none-any.whl#x
RG0904 a/lock:72: no file of `pyyaml` 6.0.4 fits Python 3.11.7 on linux/amd64 with glibc 2.36 [the lock has pyyaml-6.0.4-cp312-cp312-win_amd64.whl]";

#[test]
fn a_uv_lock_gives_what_its_projects_reach() {
    check(parse, LOCK, MANIFEST, TAKEN);
    check(parse, LOCK, "", TAKEN);
}

#[test]
fn markers_choose_among_the_versions_of_a_uv_lock() {
    let lock = LOCK.replace("win_amd64", "manylinux_2_17_x86_64");
    let got = shown(parse, &lock, MANIFEST, "3.12.1", "linux/amd64");
    let names: Vec<&str> = got.lines().map(|line| line.split(':').next().unwrap()).collect();
    let want = ["flask 3.1.3", "numpy 2.5.5", "pysocks 1.7.1", "pytest 9.2.0", "pyyaml 6.0.4", "requests 2.34.2"];
    assert_eq!(names, [&want[..], &["torch 2.0+cpu"]].concat());
    let got = shown(parse, LOCK, MANIFEST, "3.8.1", "linux/amd64");
    let hint = "name an interpreter of that version in [toolchain.python] of workspace.toml, or lower `requires-python` and lock again";
    assert_eq!(got, format!("RG0907 a/lock:4: the lock is for Python >=3.9, and this one is 3.8.1 ({hint})"));
}

#[test]
fn only_default_groups_of_a_uv_lock_count() {
    let lock = LOCK.replace("win_amd64", "any").replace("cp312-cp312", "py3-none");
    let names = |manifest: &str| {
        let got = shown(parse, &lock, manifest, "3.11.7", "linux/amd64");
        got.lines().map(|line| line.split([' ', ':']).next().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
    };
    let none = MANIFEST.replace("[tool.uv.sources]", "[tool.uv]\ndefault-groups = []\n[tool.uv.sources]");
    assert_eq!(names(&none), "flask numpy pysocks pyyaml requests torch");
    let all = MANIFEST.replace("[tool.uv.sources]", "[tool.uv]\ndefault-groups = 'all'\n[tool.uv.sources]");
    assert_eq!(names(&all), "flask numpy pysocks pytest pyyaml requests torch RG0902");
}

#[test]
fn a_uv_lock_that_cannot_be_used_says_why() {
    check(
        parse,
        "version = 2",
        "",
        "RG0902 a/lock:1: the version of this uv.lock is 2, and only 1 is known (`uv lock`)",
    );
    check(parse, "", "", "RG0902 a/lock:1: the version of this uv.lock is none, and only 1 is known (`uv lock`)");
    let broken = "version = 1\n[[package]]\nname = \"a\"\nsource = { virtual = \".\" }\ndependencies = [{ name = \"b\" }, { name = \"c\" }, { name = \"d\", marker = \"what\" }]\n[[package]]\nname = \"c\"\nversion = \"1\"\nsource = { git = \"https://git.example/c\" }\n[[package]]\nname = \"d\"\nversion = \"1\"\nsource = { registry = \"x\" }\n";
    check(
        parse,
        broken,
        "",
        "RG0902 a/lock:5: the lock has no package for `b` (`uv lock`)\n\
         RG0902 a/lock:5: the marker `what` is not understood (`uv lock`)\n\
         RG0902 a/lock:7: `c` comes from git https://git.example/c, and only an index can be fetched from (`uv lock`)\n\
         RG0902 a/lock:11: `d` 1 has no file with a sha256 hash (`uv lock`)",
    );
}

/// Names and versions become parts of paths.
#[test]
fn a_version_that_leads_out_of_its_place_is_refused() {
    let lock = "version = 1\n[[package]]\nname = \"a\"\nsource = { virtual = \".\" }\ndependencies = [{ name = \"b\" }]\n[[package]]\nname = \"b\"\nversion = \"../../x\"\nsource = { registry = \"x\" }\nwheels = [{ url = \"https://registry.example/b-1-py3-none-any.whl\", hash = \"sha256:0000000000000000000000000000000000000000000000000000000000000000\" }]\n";
    check(parse, lock, "", "RG0902 a/lock:7: `b ../../x` is no name and version of a distribution (`uv lock`)");
}

#[test]
fn a_uv_lock_of_another_manifest_is_stale() {
    let changed = MANIFEST
        .replace("\"flask>=2\"", "\"flask>=3\"")
        .replace("\"torch\"]", "\"jinja2\"]")
        .replace("\"pytest>=8\", ", "")
        .replace("[\"orjson>=3\"]", "[\"orjson >= 3\"]");
    let got = shown(parse, LOCK, &changed, "3.11.7", "linux/amd64");
    let stale: Vec<&str> = got.lines().filter(|line| line.starts_with("RG0903")).collect();
    assert_eq!(
        stale.join("\n"),
        "RG0903 a/pyproject.toml:4: a/lock was written for other versions of `flask` (`uv lock`)\n\
         RG0903 a/pyproject.toml:4: a/lock was written before `jinja2` was asked for (`uv lock`)\n\
         RG0903 a/lock:92: `torch` was locked for `shop`, which does not ask for it any more (`uv lock`)\n\
         RG0903 a/lock:92: `pytest` was locked for `shop`, which does not ask for it any more (`uv lock`)"
    );
    let other = MANIFEST.replace("\"Shop\"", "\"store\"");
    let got = shown(parse, LOCK, &other, "3.11.7", "linux/amd64");
    assert!(got.contains("RG0903 a/pyproject.toml:1: a/lock does not know the project `store` (`uv lock`)"), "{got}");
}
