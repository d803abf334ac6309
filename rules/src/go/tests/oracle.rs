//! Holds the scanner against the Go command itself: files, imports and embeds of each package, on Go's own standard
//! library and on packages that are made to be tricky; and the closure against `go list -deps`.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use model::{Entry, EntryKind, Facts, FileId, FileKind, Platform, RelPath, Tree, TreeError};
use serde::Deserialize;

use crate::generated::Generated;
use crate::go::Cgo;
use crate::go::closure::{Code, Goal, Walk};
use crate::go::constraint::BuildContext;
use crate::go::embed;
use crate::go::package::{Listing, Used, Uses};
use crate::go::recipe;
use crate::labels::Declarations;
use crate::lowering::{Ground, Lowering};
use crate::reads::Recorder;
use crate::settings::Settings;

/// A directory of the disk, without ignore rules.
struct Disk(PathBuf);

impl Tree for Disk {
    fn list(&self, dir: &RelPath) -> Result<Vec<Entry>, TreeError> {
        let absent = |_| TreeError::Absent(dir.clone());
        let entries = std::fs::read_dir(self.0.join(dir)).map_err(absent)?.map(Result::unwrap);
        let mut entries: Vec<Entry> = entries
            .map(|entry| {
                let kind = entry.file_type().unwrap();
                let kind = match (kind.is_dir(), kind.is_symlink()) {
                    (true, _) => EntryKind::Directory,
                    (_, true) => EntryKind::Symlink,
                    _ => EntryKind::File,
                };
                Entry { name: Arc::from(entry.file_name().to_str().unwrap()), kind }
            })
            .collect();
        entries.sort();
        Ok(entries)
    }

    fn open(&self, file: &RelPath) -> Result<Box<dyn Read + '_>, TreeError> {
        let path = self.0.join(file);
        let failed = |source| TreeError::Io { path: file.clone(), source };
        if let Ok(target) = std::fs::read_link(&path) {
            return Ok(Box::new(std::io::Cursor::new(target.to_str().unwrap().as_bytes().to_vec())));
        }
        Ok(Box::new(std::fs::File::open(path).map_err(failed)?))
    }

    fn id(&self, _: &RelPath) -> Result<FileId, TreeError> {
        Ok(FileId::of(FileKind::File, b""))
    }
}

/// What both sides say of a package.
#[derive(Deserialize, Debug, PartialEq, Eq, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Listed {
    dir: PathBuf,
    name: String,
    go_files: Vec<String>,
    cgo_files: Vec<String>,
    ignored_go_files: Vec<String>,
    test_go_files: Vec<String>,
    #[serde(rename = "XTestGoFiles")]
    external_test_go_files: Vec<String>,
    embed_files: Vec<String>,
    test_embed_patterns: Vec<String>,
    #[serde(rename = "XTestEmbedPatterns")]
    external_test_embed_patterns: Vec<String>,
    imports: Vec<String>,
    test_imports: Vec<String>,
    #[serde(rename = "XTestImports")]
    external_test_imports: Vec<String>,
}

const FIELDS: &str = "-json=Dir,Name,GoFiles,CgoFiles,IgnoredGoFiles,TestGoFiles,XTestGoFiles,EmbedFiles,TestEmbedPatterns,XTestEmbedPatterns,Imports,TestImports,XTestImports";

/// Whether this machine has to have the Go command.
#[expect(clippy::disallowed_methods, reason = "a test that is skipped on a developer's machine must not be in CI")]
fn is_ci() -> bool {
    std::env::var("CI").is_ok_and(|ci| ci == "true")
}

/// Calls the Go command; `None`, after saying why, if it is missing on a developer's machine.
fn go(dir: &Path, env: &[(&str, &str)], args: &[&str]) -> Option<String> {
    let mut command = Command::new("go");
    command.args(args).current_dir(dir).env_remove("GOFLAGS").envs(env.iter().copied());
    let fixed = [("GOENV", "off"), ("GOPROXY", "off"), ("GOTOOLCHAIN", "local"), ("GOTELEMETRY", "off")];
    match command.envs(fixed).output() {
        Ok(output) => Some(String::from_utf8(output.stdout).unwrap()),
        Err(error) if is_ci() => panic!("go is missing: {error}"),
        Err(error) => {
            eprintln!("skipped, because go cannot be run: {error}");
            None
        }
    }
}

fn parse(json: &str) -> Vec<Listed> {
    let packages = serde_json::Deserializer::from_str(json).into_iter();
    packages.map(Result::unwrap).map(Listed::vendored).collect()
}

impl Listed {
    /// The standard library calls its vendored packages by another name than the import does.
    fn vendored(mut self) -> Listed {
        for imports in [&mut self.imports, &mut self.test_imports, &mut self.external_test_imports] {
            for import in imports.iter_mut() {
                *import = import.trim_start_matches("cmd/").trim_start_matches("vendor/").to_owned();
            }
            imports.sort();
        }
        self
    }
}

/// What our scanner says of the directory of a package.
fn scanned(lowering: &Lowering, context: &BuildContext, top: &Path, dir: &Path) -> Listed {
    let rel = RelPath::new(dir.strip_prefix(top).unwrap().to_str().unwrap()).unwrap();
    let package = Listing::read(lowering, &rel).unwrap().package(context);
    let names = |names: &[Arc<str>]| names.iter().map(|name| name.to_string()).collect();
    let imports = |uses: &Uses| {
        let sorted: BTreeSet<&str> = uses.imports.iter().map(|import| &*import.text).collect();
        let stripped = sorted.iter().map(|path| path.trim_start_matches("cmd/").to_owned());
        stripped.collect::<BTreeSet<String>>().into_iter().collect()
    };
    // The Go command expands the patterns of tests only when it builds them.
    let patterns = |embeds: &[Used]| {
        let sorted: BTreeSet<String> = embeds.iter().map(|embed| embed.text.to_string()).collect();
        sorted.into_iter().collect()
    };
    let embeds = |embeds: &[Used]| {
        let expand = |used: &Used| embed::expand(lowering, &rel, &used.text).unwrap_or_default();
        let files: BTreeSet<RelPath> = embeds.iter().flat_map(expand).collect();
        files.iter().map(|file| file.strip_prefix(&rel).unwrap().to_string()).collect()
    };
    Listed {
        dir: dir.to_owned(),
        go_files: names(&package.go),
        cgo_files: names(&package.cgo),
        ignored_go_files: names(&package.ignored),
        test_go_files: names(&package.tests),
        external_test_go_files: names(&package.external_tests),
        embed_files: embeds(&package.uses.embeds),
        test_embed_patterns: patterns(&package.test_uses.embeds),
        external_test_embed_patterns: patterns(&package.external_test_uses.embeds),
        imports: imports(&package.uses),
        test_imports: imports(&package.test_uses),
        external_test_imports: imports(&package.external_test_uses),
        name: package.name,
    }
}

/// Compares all packages that a pattern names, for one platform. Returns how many there were.
fn check(top: &Path, patterns: &[&str], platform: &str, cgo: Cgo, tags: &[&str]) -> usize {
    let platform: Platform = platform.parse().unwrap();
    let context = recipe::context(&platform, cgo, tags.iter().map(|tag| (*tag).to_owned()));
    let (tags, cgo) = (format!("-tags={}", tags.join(",")), if cgo == Cgo::On { "1" } else { "0" });
    let args = [&["list", "-e", &*tags, FIELDS], patterns].concat();
    let env = [("GOOS", &*context.os), ("GOARCH", &*context.arch), ("CGO_ENABLED", cgo), ("GOWORK", "off")];
    let Some(json) = go(top, &env, &args) else { return usize::MAX };
    let tree = Disk(top.to_owned());
    let (recorder, declarations) = (Recorder::new(&tree), Declarations::default());
    let (settings, facts) = (Settings::default(), Facts::default());
    let lowering =
        Lowering::new(Ground { recorder: &recorder, declarations: &declarations, settings: &settings, facts: &facts });
    let packages = parse(&json);
    for want in &packages {
        let got = scanned(&lowering, &context, top, &want.dir);
        assert_eq!(got, *want, "{} for {platform}", want.dir.display());
    }
    packages.len()
}

#[test]
fn the_standard_library_is_read_as_the_go_command_reads_it() {
    let Some(goroot) = go(Path::new("/"), &[], &["env", "GOROOT"]) else { return };
    let top = PathBuf::from(goroot.trim()).join("src").canonicalize().unwrap();
    for (platform, cgo) in [("linux/amd64", Cgo::Off), ("linux/amd64", Cgo::On), ("windows/arm64", Cgo::Off)] {
        assert!(check(&top, &["std"], platform, cgo, &[]) > 250);
    }
    assert!(check(&top, &["std"], "darwin/arm64", Cgo::Off, &["race", "netgo"]) > 250);
}

/// Writes files to a directory and returns it.
fn corpus(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    dir
}

const TRICKY: &[(&str, &str)] = &[
    ("go.mod", "module example.org/m\n\ngo 1.24\n"),
    ("tags/a.go", "//go:build linux && !cgo\n\npackage tags\n\nimport \"fmt\"\n\nvar _ = fmt.Sprint\n"),
    ("tags/b.go", "// +build windows darwin,arm64\n// +build !special\n\npackage tags\n\nimport \"os\"\n"),
    ("tags/c.go", "// +build windows\npackage tags\n\nimport \"time\"\n"),
    ("tags/d.go", "/* a comment */ //go:build windows\n\npackage tags\n"),
    ("tags/e.go", "/* open\n//go:build windows\n*/\n\npackage tags\n\nimport \"errors\"\n"),
    ("tags/f.go", "//go:build go1.20 && !go1.99 && (special || unix)\n\npackage tags\n\nimport \"io\"\n"),
    ("tags/g.go", "//go:build ignore\n\npackage main\n\nimport \"nowhere/x\"\n"),
    ("tags/h.go", "package tags\n\n//go:build windows\n\nimport \"bytes\"\n"),
    ("tags/i.go", "\n\n// text\n\n//go:build !linux\n// +build linux\n\npackage tags\n\nimport \"html\"\n"),
    ("tags/j.go", "//go:build amd64.v1 && gc\n\npackage tags\n\nimport \"hash\"\n"),
    ("tags/linux.go", "package tags\n\nimport \"math\"\n"),
    ("tags/x_linux.go", "package tags\n\nimport \"path\"\n"),
    ("tags/x_windows_amd64.go", "package tags\n\nimport \"sort\"\n"),
    ("tags/x_windows_amd64_test.go", "package tags\n\nimport \"testing\"\n"),
    ("tags/x_linux_test.go", "package tags_test\n\nimport \"testing\"\n"),
    ("tags/x_unix.go", "package tags\n\nimport \"sync\"\n"),
    ("tags/x_linux_foo.go", "package tags\n\nimport \"slices\"\n"),
    ("tags/_hidden.go", "package tags\n\nimport \"nowhere/y\"\n"),
    ("tags/.hidden.go", "package tags\n\nimport \"nowhere/z\"\n"),
    (
        "forms/a.go",
        "package forms; import \"fmt\"; import (\"os\"; . \"strings\"\n_ \"embed\"); import x `io`\nvar s = \"import \\\"no\\\"\"\n",
    ),
    (
        "forms/b.go",
        "\u{feff}// doc\npackage /* c */ forms // d\n\nimport /* e */ (\n\t// f\n\ty /* g */ \"net/url\" // h\n)\n\nimport \"unsafe\"\n",
    ),
    ("forms/c.go", "package forms\nimport ()\nimport(\"bytes\")\nconst c = `\nimport \"nowhere/q\"\n`\n"),
    ("forms/d.go", "package forms\r\n\r\nimport (\r\n\t\"errors\"\r\n)\r\n"),
    ("forms/doc.go", "package documentation\n\nimport \"nowhere/doc\"\n"),
    ("tests/a.go", "package tests\n"),
    ("tests/a_test.go", "package tests\n\nimport (\n\t\"testing\"\n\t\"os\"\n)\n"),
    ("tests/b_test.go", "package tests_test\n\nimport (\n\t\"testing\"\n\t\"example.org/m/forms\"\n)\n"),
    ("onlytests/a_test.go", "package onlytests_test\n\nimport \"testing\"\n"),
    ("oddname/a.go", "package odd_test\n\nimport \"io\"\n"),
    ("oddname/b_test.go", "package odd_test\n\nimport \"testing\"\n"),
    ("cgo/a.go", "package cgo\n\n// #include <stdio.h>\nimport \"C\"\n\nimport \"fmt\"\n"),
    ("cgo/b.go", "package cgo\n\nimport \"os\"\n"),
    ("cgo/c.c", "int x;\n"),
    ("cgo/d.s", ""),
    (
        "embeds/a.go",
        "package embeds\n\nimport _ \"embed\"\n\n//go:embed a.txt \"b c.txt\" `d.txt`\nvar a string\n\n\t//go:embed sub all:hid *.md sub/[a-z]eep.txt\nvar b string\n\n//go:embedded no.txt\n//go:embed \"bad\nvar c = `\n//go:embed no.txt\n` + \"//go:embed no.txt\" + string('\"') /*\n//go:embed no.txt\n*/\n",
    ),
    ("embeds/b.go", "package embeds\n\n//go:embed no.txt\nvar d string\n"),
    ("embeds/a_test.go", "package embeds\n\nimport _ \"embed\"\n\n//go:embed d.txt\nvar t string\n"),
    ("embeds/b_test.go", "package embeds_test\n\nimport \"embed\"\n\n//go:embed a.txt\nvar t embed.FS\n"),
    ("embeds/a.txt", ""),
    ("embeds/b c.txt", ""),
    ("embeds/d.txt", ""),
    ("embeds/x.md", ""),
    ("embeds/sub/deep.txt", ""),
    ("embeds/sub/.hidden", ""),
    ("embeds/sub/_hidden", ""),
    ("embeds/sub/more/x", ""),
    ("embeds/sub/other/go.mod", "module other\n"),
    ("embeds/sub/other/x", ""),
    ("embeds/hid/.hidden", ""),
    ("embeds/hid/_under/x", ""),
    ("embeds/hid/.git/x", ""),
];

#[test]
fn tricky_packages_are_read_as_the_go_command_reads_them() {
    let dir = corpus(TRICKY);
    let top = dir.path().canonicalize().unwrap();
    for (platform, cgo) in [("linux/amd64", Cgo::Off), ("linux/amd64", Cgo::On), ("windows/amd64", Cgo::Off)] {
        assert!(check(&top, &["./..."], platform, cgo, &[]) >= 7);
        assert!(check(&top, &["./..."], platform, cgo, &["special"]) >= 7);
    }
}

const WORKSPACE: &[(&str, &str)] = &[
    (
        "go.work",
        "go 1.24\n\nuse (\n\t./svc\n\t./lib // shared\n)\n\nreplace example.org/forked v1.0.0 => ./third/forked\n\nreplace example.org/lib/api => ./third/api\n",
    ),
    (
        "svc/go.mod",
        "module example.org/svc\n\ngo 1.24\n\nrequire (\n\texample.org/lib v0.0.0\n\texample.org/forked v1.0.0\n\texample.org/lib/api v1.0.0\n)\n\nreplace example.org/lib => ../lib\n",
    ),
    (
        "svc/cmd/cart/main.go",
        "package main\n\nimport (\n\t_ \"example.org/forked/inner\"\n\t_ \"example.org/lib/log\"\n\t_ \"example.org/lib/api/v\"\n\t_ \"example.org/svc/internal/api\"\n)\n\nfunc main() {}\n",
    ),
    ("svc/cmd/cart/main_test.go", "package main\n\nimport _ \"example.org/lib/onlytest\"\n"),
    ("svc/cmd/cart/main_windows.go", "package main\n\nimport _ \"example.org/lib/onlywindows\"\n"),
    ("svc/internal/api/api.go", "package api\n"),
    ("svc/internal/api/api_test.go", "package api_test\n\nimport _ \"example.org/lib/onlytest\"\n"),
    ("svc/unused/x.go", "package unused\n"),
    ("lib/go.mod", "module example.org/lib\n\ngo 1.24\n"),
    ("lib/log/log.go", "package log\n\nimport _ \"example.org/lib/log/level\"\n"),
    ("lib/log/level/level.go", "package level\n"),
    ("lib/onlytest/x.go", "package onlytest\n"),
    ("lib/onlywindows/x.go", "package onlywindows\n"),
    ("third/api/go.mod", "module example.org/lib/api\n\ngo 1.24\n"),
    ("third/api/v/x.go", "package v\n"),
    ("third/forked/go.mod", "module example.org/forked\n\ngo 1.24\n"),
    ("third/forked/inner/x.go", "package inner\n"),
];

/// Compares the packages of the workspace that a package reaches.
fn check_closure(dir: &str, platform: &str, goal: Goal) {
    let temporary = corpus(WORKSPACE);
    check_closure_of(&temporary.path().canonicalize().unwrap(), dir, platform, goal);
}

fn check_closure_of(top: &Path, dir: &str, platform: &str, goal: Goal) {
    let platform: Platform = platform.parse().unwrap();
    let context = recipe::context(&platform, Cgo::Off, std::iter::empty());
    let env = [("GOOS", &*context.os), ("GOARCH", &*context.arch), ("CGO_ENABLED", "0")];
    let mut args = vec!["list", "-e", "-deps", "-json=Dir"];
    args.extend((goal == Goal::Tests).then_some("-test"));
    let Some(json) = go(&top.join(dir), &env, &[&*args, &["."]].concat()) else { return };
    let want: BTreeSet<PathBuf> =
        parse(&json).into_iter().map(|package| package.dir).filter(|dir| dir.starts_with(top)).collect();
    let tree = Disk(top.to_owned());
    let (recorder, declarations) = (Recorder::new(&tree), Declarations::default());
    let (settings, facts) = (Settings::default(), Facts::default());
    let mut lowering =
        Lowering::new(Ground { recorder: &recorder, declarations: &declarations, settings: &settings, facts: &facts });
    let mut code = Code::new(&mut lowering);
    let dir = RelPath::new(dir).unwrap();
    let root = code.root(&dir).unwrap();
    let walk = Walk { context: &context, generated: &Generated::default(), root: &root };
    let closure = code.closure(&walk, &dir, goal, &[]);
    let got: BTreeSet<PathBuf> = closure.packages.keys().map(|package| top.join(package)).collect();
    assert!(!want.is_empty(), "the Go command lists {dir}");
    assert_eq!(got, want, "{dir} for {platform}");
    assert_eq!(lowering.finish().mistakes, []);
}

/// Compares the closures of the packages of a real workspace. Its third-party modules need not be there: what lies in
/// the workspace is compared.
#[test]
fn the_shop_is_read_as_the_go_command_reads_it() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/shop").canonicalize().unwrap();
    let programs = ["services/cart", "services/catalog", "services/notify"];
    let modules = ["api", "libs/go", "services"];
    for module in modules {
        assert!(check(&top.join(module), &["./..."], "linux/amd64", Cgo::Off, &[]) >= 1, "{module}");
    }
    for program in programs {
        check_closure_of(&top, program, "linux/amd64", Goal::Package);
        check_closure_of(&top, program, "linux/amd64", Goal::Tests);
    }
}

#[test]
fn the_closure_of_a_program_is_that_of_the_go_command() {
    check_closure("svc/cmd/cart", "linux/amd64", Goal::Package);
    check_closure("svc/cmd/cart", "windows/amd64", Goal::Package);
}

#[test]
fn the_closure_of_tests_is_that_of_the_go_command() {
    check_closure("svc/cmd/cart", "linux/amd64", Goal::Tests);
    check_closure("svc/internal/api", "linux/amd64", Goal::Tests);
}
