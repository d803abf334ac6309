//! What Go targets are lowered to: which files, which actions, which mistakes.

mod oracle;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::{
    Declared, Facts, FileSet, Label, Limits, Location, Mistake, Origin, Platform, Provided, RelPath, Target, TargetId,
    Work,
};
use testkit::MapTree;

use super::Cgo;
use crate::go_attributes::{GoBinary, GoTest, Vet};
use crate::labels::Declarations;
use crate::lowering::{Common, Ground, Lowering};
use crate::reads::Recorder;
use crate::settings::{Settings, Toolchain};
use crate::written::{ResolvedLabel, Written};

fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

fn id(label: &str) -> TargetId {
    TargetId { label: Label::parse(label, &RelPath::root()).unwrap(), platform: Platform::default() }
}

fn here() -> Location {
    Location::new(path("BUILD.toml"), 0..1)
}

fn written(text: &str) -> Written {
    Written { text: Arc::from(text), at: here() }
}

fn common(label: &str, rule: &'static str) -> Common {
    let declared = Declared { at: here(), line: 1 };
    let (visibility, tags, attributes) = (Vec::new(), Vec::new(), BTreeMap::new());
    Common { id: id(label), rule, declared, visibility, tags, attributes }
}

fn binary(label: &str, main: &str) -> GoBinary {
    let common = common(label, "go_binary");
    let output = path(common.id.label.target());
    GoBinary {
        common,
        main: written(main),
        deps: Vec::new(),
        imports: Vec::new(),
        build_tags: Vec::new(),
        ldflags: Vec::new(),
        cgo: Cgo::Off,
        output,
    }
}

fn test(label: &str, packages: &str) -> GoTest {
    GoTest {
        common: common(label, "go_test"),
        packages: vec![written(packages)],
        data: Vec::new(),
        data_labels: Vec::new(),
        deps: Vec::new(),
        imports: Vec::new(),
        build_tags: Vec::new(),
        cgo: Cgo::Off,
        vet: Vet::No,
        env: BTreeMap::new(),
        limits: Limits { timeout: Some(Duration::from_secs(300)), ..Limits::default() },
    }
}

struct Lowered {
    targets: Vec<Target>,
    sets: Vec<FileSet>,
    mistakes: Vec<Mistake>,
}

fn lower_with(tree: &MapTree, declarations: &Declarations, binaries: &[GoBinary], tests: &[GoTest]) -> Lowered {
    let mut settings = Settings::default();
    settings.toolchains.insert(Arc::from("go"), Toolchain::Host { programs: vec![Arc::from("go")] });
    let recorder = Recorder::new(tree);
    let facts = Facts::default();
    let mut lowering = Lowering::new(Ground { recorder: &recorder, declarations, settings: &settings, facts: &facts });
    let targets = super::lower(binaries, tests, &mut lowering);
    let left = lowering.finish();
    Lowered { targets, sets: left.sets, mistakes: left.mistakes }
}

fn lower(tree: &MapTree, binaries: &[GoBinary], tests: &[GoTest]) -> Lowered {
    lower_with(tree, &Declarations::default(), binaries, tests)
}

impl Lowered {
    /// Names all actions, as `target action`.
    fn actions(&self) -> Vec<String> {
        let name = |target: &Target, action: &str| format!("{} {action}", target.id.label).trim_end().to_owned();
        let of = |target: &Target| target.actions.iter().map(|action| name(target, &action.name)).collect::<Vec<_>>();
        self.targets.iter().flat_map(of).collect()
    }

    /// Names all inputs of an action: sources by path, others by where they appear.
    fn inputs(&self, action: &str) -> Vec<String> {
        let names = self.actions();
        let all: Vec<&model::Action> = self.targets.iter().flat_map(|target| &target.actions).collect();
        let found = names.iter().position(|name| name == action).unwrap_or_else(|| panic!("{action} in {names:?}"));
        let mut inputs: Vec<String> = Vec::new();
        for input in &all[found].inputs {
            match &input.from {
                Origin::Files(set) => inputs.extend(self.sets[set.0 as usize].files.iter().map(RelPath::to_string)),
                Origin::File(file) => inputs.push(file.to_string()),
                Origin::Text(_) => inputs.push(format!("text {}", input.at)),
                Origin::Output(target, name) => inputs.push(format!("{} = {} {name}", input.at, target.label)),
            }
        }
        inputs.sort();
        inputs
    }

    /// Says the mistakes: code, message, file and hint.
    fn said(&self) -> Vec<String> {
        let say = |mistake: &Mistake| {
            let file = mistake.at.as_ref().map(|(at, _)| at.file.to_string()).unwrap_or_default();
            format!("{} {file}: {} ({})", mistake.code, mistake.message, mistake.hint.as_deref().unwrap_or_default())
        };
        self.mistakes.iter().map(say).collect()
    }
}

fn shop() -> MapTree {
    MapTree::new(&[
        ("go.work", "go 1.24\n\nuse (\n\t./svc\n\t./lib\n)\n"),
        ("lib/go.mod", "module example.org/lib\n\ngo 1.24\n\nrequire example.com/uuid v1.6.0\n"),
        ("lib/go.sum", "example.com/uuid v1.6.0 h1:zip=\nexample.com/uuid v1.6.0/go.mod h1:mod=\n"),
        ("lib/log/log.go", "package log\n\nimport _ \"example.com/uuid\"\n"),
        ("lib/log/log_test.go", "package log\n\nimport \"testing\"\n"),
        ("lib/log/testdata/x", "x"),
        ("lib/other/other.go", "package other\n"),
        (
            "svc/go.mod",
            "module example.org/svc\n\ngo 1.24\n\nrequire (\n\texample.com/check v1.0.0\n\texample.com/old v1.0.0 // indirect\n)\n",
        ),
        (
            "svc/go.sum",
            "example.com/check v1.0.0 h1:zip=\nexample.com/check v1.0.0/go.mod h1:mod=\nexample.com/graph v0.1.0/go.mod h1:mod=\n",
        ),
        (
            "svc/cmd/cart/main.go",
            "package main\n\nimport (\n\t\"fmt\"\n\t\"example.org/lib/log\"\n\t\"example.org/svc/api\"\n)\n\nfunc main() {}\n",
        ),
        ("svc/api/api.go", "package api\n\nimport _ \"embed\"\n\n//go:embed hello.txt\nvar hello string\n"),
        ("svc/api/api_windows.go", "package api\n"),
        ("svc/api/hello.txt", "hello\n"),
        ("svc/api/api_test.go", "package api_test\n\nimport (\n\t\"testing\"\n\t\"example.com/check\"\n)\n"),
        ("svc/README.md", "read me\n"),
    ])
}

#[test]
fn a_program_takes_the_packages_that_it_reaches_and_no_others() {
    let lowered = lower(&shop(), &[binary("//svc:cart", "./cmd/cart")], &[]);
    assert_eq!(lowered.said(), [] as [&str; 0]);
    assert_eq!(
        lowered.inputs("//svc:cart"),
        [
            "gocache/deps = //:go_deps deps",
            "gocache/std = //:go_std std",
            "gomod = //:go_modules modules",
            "lib/log/log.go",
            "svc/api/api.go",
            "svc/api/api_windows.go",
            "svc/api/hello.txt",
            "svc/cmd/cart/main.go",
            "text src/go.work",
            "text src/lib/go.mod",
            "text src/lib/go.sum",
            "text src/svc/go.mod",
            "text src/svc/go.sum",
        ]
    );
}

#[test]
fn a_module_with_copies_of_its_dependencies_is_refused() {
    let tree = MapTree::new(&[
        ("m/go.mod", "module example.org/m\n\ngo 1.24\n"),
        ("m/main.go", "package main\n\nfunc main() {}\n"),
        ("m/vendor/modules.txt", "# example.com/uuid v1.6.0\n"),
    ]);
    assert_eq!(
        lower(&tree, &[binary("//m:m", ".")], &[]).said(),
        ["RG0707 m/go.mod: `m/vendor` holds copies of the modules that `m/go.mod` requires \
          (remove it, or set `ignore = [\"/m/vendor\"]` in [workspace])"]
    );
}

#[test]
fn each_package_with_tests_is_compiled_and_tested_on_its_own() {
    let lowered = lower(&shop(), &[binary("//svc:cart", "./cmd/cart")], &[test("//:unit", "./...")]);
    assert_eq!(lowered.said(), [] as [&str; 0]);
    assert_eq!(
        lowered.actions(),
        [
            "//svc:cart",
            "//:unit compile ./lib/log",
            "//:unit test ./lib/log",
            "//:unit compile ./svc/api",
            "//:unit test ./svc/api",
            "//:go_deps deps",
            "//:go_deps testdeps",
            "//:go_modules fetch example.com/check@v1.0.0",
            "//:go_modules fetch example.com/graph@v0.1.0",
            "//:go_modules fetch example.com/uuid@v1.6.0",
            "//:go_modules tree",
            "//:go_std std",
        ]
    );
    assert_eq!(
        lowered.inputs("//:unit test ./lib/log"),
        ["lib/log/testdata/x", "src/rg-out/unit/lib/log/package.test = //:unit lib/log/package.test"]
    );
    let compiled = lowered.inputs("//:unit compile ./svc/api");
    assert!(compiled.contains(&"svc/api/api_test.go".to_owned()), "{compiled:?}");
    assert!(compiled.contains(&"gocache/testdeps = //:go_deps testdeps".to_owned()), "{compiled:?}");
    assert!(!compiled.iter().any(|input| input.starts_with("lib/")), "{compiled:?}");
}

#[test]
fn what_is_vetted_is_every_package_with_go_files_and_its_tests() {
    let vetted = GoTest { vet: Vet::Yes, ..test("//:unit", "./...") };
    let lowered = lower(&shop().with("svc/api/old/old_windows.go", "package old\n"), &[], &[vetted]);
    assert_eq!(lowered.said(), [] as [&str; 0]);
    let actions = lowered.actions();
    let vet: Vec<&str> = actions.iter().filter_map(|name| name.strip_prefix("//:unit vet ")).collect();
    assert_eq!(vet, ["./lib/log", "./lib/other", "./svc/api", "./svc/cmd/cart"]);
    let compiled = actions.iter().filter(|name| name.starts_with("//:unit compile")).count();
    assert_eq!(compiled, 2, "packages without tests are only vetted");
    let inputs = lowered.inputs("//:unit vet ./svc/api");
    for input in ["gocache/stdfacts = //:go_std stdfacts", "gocache/depsfacts = //:go_deps depsfacts"] {
        assert!(inputs.contains(&input.to_owned()), "{inputs:?}");
    }
    assert!(inputs.contains(&"svc/api/api_test.go".to_owned()), "{inputs:?}");
    let facts = lowered.inputs("//:go_deps depsfacts");
    assert!(facts.contains(&"gocache/testdeps = //:go_deps testdeps".to_owned()), "{facts:?}");
}

#[test]
fn what_is_said_to_tests_is_not_said_to_go_vet() {
    let vetted = GoTest { vet: Vet::Yes, build_tags: vec![written("it's")], ..test("//:unit", "./lib/other") };
    let lowered = lower(&shop(), &[], &[vetted]);
    let Work::Command(command) = &lowered.targets[0].actions[0].work else { panic!("a command") };
    assert_eq!(command.directory.as_str(), "src/lib/other");
    let last = command.argv[2].lines().last();
    assert_eq!(last, Some("exec go vet -trimpath -buildvcs=false '-tags=it'\\''s' ."));
    assert_eq!(command.argv.len(), 4, "what `rg test -- ARGUMENTS` adds is read by nobody");
}

#[test]
fn what_is_not_vetted_asks_for_no_facts() {
    let actions = lower(&shop(), &[binary("//svc:cart", "./cmd/cart")], &[test("//:unit", "./...")]).actions();
    assert!(!actions.iter().any(|name| name.contains("facts") || name.contains("vet")), "{actions:?}");
}

#[test]
fn a_module_that_only_chooses_versions_is_fetched_without_its_zip() {
    let lowered = lower(&shop(), &[binary("//svc:cart", "./cmd/cart")], &[]);
    let fetches = lowered.targets.iter().flat_map(|target| &target.actions).filter_map(|action| match &action.work {
        Work::Fetch(model::Locked::GoModule { path, sum, .. }) => Some(format!("{path} {sum}")),
        Work::Fetch(_) | Work::Command(_) | Work::Tree(_) => None,
    });
    let want = ["example.com/check h1:zip=", "example.com/graph ", "example.com/uuid h1:zip="];
    assert_eq!(fetches.collect::<Vec<_>>(), want);
}

/// Lowers a program in a tree that is wrong, and compares what is said.
fn check_mistakes(tree: &MapTree, want: &[&str]) {
    assert_eq!(lower(tree, &[binary("//svc:cart", "./cmd/cart")], &[]).said(), want);
}

const MAIN: &str = "svc/cmd/cart/main.go";

#[test]
fn an_import_that_nothing_provides_is_named_with_the_line_that_adds_it() {
    let main =
        "package main\n\nimport (\n\t\"example.com/chek/x\"\n\t\"example.org/lib/lgo\"\n\t\"example.net/far\"\n)\n";
    check_mistakes(
        &shop().with(MAIN, main),
        &[
            "RG0704 svc/cmd/cart/main.go: `example.com/chek/x` is imported, and no required module provides it (write `example.com/check/x`, or run `go -C svc get example.com/chek/x`)",
            "RG0704 svc/cmd/cart/main.go: `example.org/lib/lgo` is imported, and `lib/lgo` holds no Go package (did you mean `example.org/lib/log`?)",
            "RG0704 svc/cmd/cart/main.go: `example.net/far` is imported, and no required module provides it (run `go -C svc get example.net/far`)",
        ],
    );
}

#[test]
fn a_module_without_hashes_is_named_with_the_line_that_adds_them() {
    let main = "package main\n\nimport _ \"example.com/old/x\"\n";
    check_mistakes(
        &shop().with(MAIN, main),
        &["RG0705 svc/go.mod: go.sum has no entry for `example.com/old v1.0.0` (run `go -C svc mod tidy`)"],
    );
}

#[test]
fn a_go_sum_that_is_broken_or_lacks_the_line_of_go_mod_is_refused() {
    check_mistakes(
        &shop().with("lib/go.sum", "example.com/uuid v1.6.0 h1:zip=\n"),
        &["RG0705 lib/go.mod: go.sum has no entry for `example.com/uuid v1.6.0/go.mod` (run `go -C lib mod tidy`)"],
    );
    let sums = "example.com/uuid v1.6.0 h1:zip=\n<<<<<<< ours\nexample.com/uuid v1.6.0/go.mod h1:mod=\n";
    check_mistakes(
        &shop().with("lib/go.sum", sums),
        &[
            "RG0702 lib/go.sum: line 2 of `lib/go.sum` is not `MODULE VERSION HASH` (remove the line and run `go mod tidy`)",
        ],
    );
}

#[test]
fn what_go_would_refuse_of_several_sum_files_is_told_before() {
    let older = "module example.org/svc\n\ngo 1.24\n\nrequire example.com/uuid v1.5.0\n";
    let said = "RG0705 svc/go.mod: go.sum has no entry for `example.com/uuid v1.5.0/go.mod` (run `go -C svc mod tidy`)";
    let main = "package main\n\nimport _ \"example.org/lib/log\"\n";
    check_mistakes(&shop().with(MAIN, main).with("svc/go.mod", older), &[said]);
    let sums = "example.com/uuid v1.5.0/go.mod h1:old=\n";
    check_mistakes(&shop().with(MAIN, main).with("svc/go.mod", older).with("svc/go.sum", sums), &[]);
    let other = "example.com/check v1.0.0 h1:zip=\nexample.com/check v1.0.0/go.mod h1:mod=\nexample.com/uuid v1.6.0 h1:other=\n";
    let said = "RG0708 svc/go.sum: `lib/go.sum` and `svc/go.sum` have different hashes for `example.com/uuid v1.6.0` (remove the lines of the module from both, and run `go mod tidy`)";
    check_mistakes(&shop().with("svc/go.sum", other), &[said]);
}

#[test]
fn a_module_of_go_work_is_required_in_a_version_that_go_can_find() {
    let work = "go 1.24\n\nuse (\n\t./svc\n\t./lib\n)\n";
    let svc = "module example.org/svc\n\ngo 1.24\n\nrequire example.org/lib v0.0.0\n";
    let tree = shop().with("svc/go.mod", svc);
    let said = "RG0702 svc/go.mod: `example.org/lib v0.0.0` is required, which exists only as `./lib` in go.work (add `replace example.org/lib v0.0.0 => ./lib` to go.work, or remove the line)";
    check_mistakes(&tree, &[said]);
    let replaced = format!("{work}\nreplace example.org/lib v0.0.0 => ./lib\n");
    check_mistakes(&shop().with("svc/go.mod", svc).with("go.work", &replaced), &[]);
    // Without a module from elsewhere Go chooses no versions, and looks nothing up.
    check_mistakes(&tree.with("lib/log/log.go", "package log\n"), &[]);
}

#[test]
fn a_main_that_is_no_program_is_refused() {
    check_mistakes(
        &shop().with(MAIN, "package cart\n"),
        &[
            "RG0703 BUILD.toml: `svc/cmd/cart` holds the package `cart`, which is no program (`main` names the directory of a package `main`, as in `./cmd/cart`)",
        ],
    );
    let said = "RG0703 BUILD.toml: the Go files in `svc/cmd/cart` do not say to which package they belong (begin each with `package main`)";
    check_mistakes(&shop().with(MAIN, "packge main\n"), &[said]);
    check_mistakes(
        &shop().without(MAIN).with("svc/cmd/card/main.go", "package main\n"),
        &["RG0703 BUILD.toml: `svc/cmd/cart` holds no Go files for linux/amd64 (did you mean `card`?)"],
    );
}

#[test]
fn code_without_a_module_is_refused() {
    check_mistakes(
        &MapTree::new(&[(MAIN, "package main\n")]),
        &[
            "RG0701 BUILD.toml: `svc/cmd/cart` lies in no Go module (run `go mod init MODULE` in the directory that is to be the module)",
        ],
    );
}

#[test]
fn an_embed_pattern_without_a_file_is_refused() {
    check_mistakes(
        &shop().without("svc/api/hello.txt"),
        &[
            "RG0706 svc/api/api.go: `hello.txt` matches no file (embed files that exist and are not ignored, or name in `deps` what makes them)",
        ],
    );
}

#[test]
fn an_import_may_be_an_output_of_a_dependency() {
    let main = "package main\n\nimport _ \"example.org/svc/gen/api\"\n";
    let tree = shop().with(MAIN, main);
    let producer = id("//svc/gen:proto");
    let from = Origin::Output(producer.clone(), path("api/api.pb.go"));
    let mut declarations = Declarations::default();
    let provides: Arc<[Provided]> = [Provided { name: path("api/api.pb.go"), from }].into();
    declarations.provides.insert(producer.clone(), provides);
    let mut cart = binary("//svc:cart", "./cmd/cart");
    cart.deps.push(ResolvedLabel { target: producer, at: here() });
    cart.imports.push(written("example.org/lib/other"));
    let lowered = lower_with(&tree, &declarations, &[cart], &[]);
    assert_eq!(lowered.said(), [] as [&str; 0]);
    let inputs = lowered.inputs("//svc:cart");
    assert!(inputs.contains(&"src/svc/gen/api/api.pb.go = //svc/gen:proto api/api.pb.go".to_owned()), "{inputs:?}");
    assert!(inputs.contains(&"lib/other/other.go".to_owned()), "{inputs:?}");
}

#[test]
fn a_comment_in_go_mod_and_an_unused_line_of_go_sum_change_no_action() {
    let cart = [binary("//svc:cart", "./cmd/cart")];
    let edited = shop()
        .with("lib/go.mod", "// why\nmodule example.org/lib\n\ngo 1.24\nrequire (\n\texample.com/uuid v1.6.0 // here\n)\n")
        .with("lib/go.sum", "example.com/uuid v1.5.0 h1:old=\nexample.com/uuid v1.6.0 h1:zip=\nexample.com/uuid v1.6.0/go.mod h1:mod=\n");
    let (before, after) = (lower(&shop(), &cart, &[]), lower(&edited, &cart, &[]));
    assert_eq!(before.targets, after.targets);
    assert_eq!(before.sets, after.sets);
}

#[test]
fn a_command_finds_the_input_root_from_where_it_runs() {
    let lowered = lower(&shop(), &[binary("//svc:cart", "./cmd/cart")], &[]);
    let Work::Command(command) = &lowered.targets[0].actions[0].work else { panic!("a command") };
    assert_eq!(command.directory.as_str(), "src/svc/cmd/cart");
    assert_eq!(
        &*command.argv[2],
        "root=$(cd ../../../.. && pwd)\nroot=${root%/}\nexport GOWORK=\"$root/src/go.work\" GOMODCACHE=\"$root/gomod\" GOCACHE=\"$TMPDIR/gocache\"\nexport GOCACHEPROG=\"rg-gocache --read '$root/gocache/std' --read '$root/gocache/deps' --write '$TMPDIR/rg-gocache'\"\nexec go \"$@\"\n"
    );
    let words: Vec<&str> = command.argv[3..].iter().map(|word| &**word).collect();
    assert_eq!(words, ["go", "build", "-trimpath", "-buildvcs=false", "-o", "../../../rg-out/svc/cart/cart", "."]);
}

#[test]
fn a_pattern_without_a_package_is_refused() {
    let lowered = lower(&shop(), &[], &[test("//:unit", "./libs/...")]);
    assert_eq!(
        lowered.said(),
        [
            "RG0703 BUILD.toml: `./libs/...` matches no Go package (write a directory from this package, as in `./lib/log`, or `./...`)"
        ]
    );
}

proptest::proptest! {
    #[test]
    fn no_text_makes_a_parser_panic(text in "[ -~\n\t`\"\\\\é/*()=>]{0,80}", head in 0usize..6) {
        let heads = ["", "package p\nimport \"embed\"\n", "//go:build ", "// +build ", "import (", "//go:embed "];
        let text = format!("{}{text}", heads[head]);
        super::scan::scan(text.as_bytes());
        super::scan::scan(format!("package p; import \"embed\"\n{text}").as_bytes());
        let module = super::modfile::ModFile::parse(&text);
        let again = super::modfile::ModFile::parse(&module.plain);
        proptest::prop_assert_eq!(module.requires.len(), again.requires.len());
        super::modfile::WorkFile::parse(&text);
        drop(super::sums::Sums::default().add(&text));
        let tree = MapTree::new(&[("p/a.txt", "")]);
        let (declarations, settings, facts) = (Declarations::default(), Settings::default(), Facts::default());
        let recorder = Recorder::new(&tree);
        let ground = Ground { recorder: &recorder, declarations: &declarations, settings: &settings, facts: &facts };
        let _ = super::embed::expand(&Lowering::new(ground), &path("p"), &text);
    }
}
