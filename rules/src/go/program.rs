//! Lowers `go_binary`: one action that links a program from its import closure.

use std::rc::Rc;

use model::{Action, Input, Kind, Mistake, Origin, OutputKind, Provided, RelPath, Target, codes};

use super::closure::{Closure, Code, Goal, Walk};
use super::constraint::BuildContext;
use super::implicit;
use super::inputs;
use super::modules::Root;
use super::package::Used;
use super::recipe::{self, Call, Task};
use super::shared::{Shared, Variant};
use crate::generated::Generated;
use crate::go_attributes::GoBinary;
use crate::lowering::Lowering;
use crate::parts;
use crate::written::Written;

/// A `go_binary` whose closure is known.
pub(crate) struct Program<'b> {
    binary: &'b GoBinary,
    dir: RelPath,
    root: Rc<Root>,
    variant: Variant,
    context: BuildContext,
    generated: Generated,
    closure: Closure,
    need: model::Need,
}

impl<'b> Program<'b> {
    /// Finds what a program needs; `None` after a mistake.
    pub fn find(code: &mut Code, binary: &'b GoBinary) -> Option<Program<'b>> {
        let need = code.lowering.toolchain("go", &binary.common.declared.at)?;
        let dir = main_dir(code, binary)?;
        let root = inputs::root(code, &dir, &binary.main.at)?;
        let variant = Variant { platform: binary.common.id.platform.clone(), cgo: binary.cgo };
        let tags = binary.build_tags.iter().map(|tag| tag.text.to_string());
        let context = recipe::context(&variant.platform, binary.cgo, tags);
        let generated = Generated::of(code.lowering, &binary.deps);
        let walk = Walk { context: &context, generated: &generated, root: &root };
        check_main(code, binary, &dir, &walk)?;
        let closure = code.closure(&walk, &dir, Goal::Package, &used(&binary.imports));
        Some(Program { binary, dir, root, variant, context, generated, closure, need })
    }

    /// Notes what the program shares with others.
    pub fn share(&self, shared: &mut Shared) {
        shared.note(&self.root, &self.variant, &self.need, Goal::Package, &self.closure.third_party);
    }

    /// Returns the target.
    pub fn lower(&self, code: &mut Code, shared: &Shared) -> Target {
        let mounts = shared.mounts(&self.root, &self.variant, &self.closure.third_party);
        let id = &self.binary.common.id;
        let sets = inputs::package_sets(code, &self.closure);
        let out = code.lowering.out_dir(id);
        let output = parts::output(&out, self.binary.output.clone(), OutputKind::File);
        let command = self.call(&output.at, &mounts.caches).command();
        let mut files = implicit::with_texts(mounts.inputs, &self.root);
        files.extend(sets.iter().map(|set| Input { at: recipe::src(), from: Origin::Files(*set) }));
        files.extend(self.generated.inputs(&recipe::src()));
        let action = Action { inputs: files, outputs: vec![output], ..implicit::build("", command, &self.need) };
        let mut target = self.binary.common.target(Kind::Build);
        let from = Origin::Output(id.clone(), self.binary.output.clone());
        target.provides = vec![Provided { name: self.binary.output.clone(), from }];
        target.deps = parts::dependencies(&self.binary.deps, mounts.targets);
        target.sources = inputs::with_module_files(code.lowering, sets, &self.root);
        target.actions = vec![action];
        target
    }

    fn call<'c>(&'c self, output: &RelPath, caches: &'c [&'c str]) -> Call<'c> {
        let output = output.relative_to(&recipe::src().join(&self.dir));
        let ldflags: Vec<&str> = self.binary.ldflags.iter().map(|flag| &*flag.text).collect();
        Call {
            task: Task::Run(recipe::program_args(&self.context.tags, &ldflags, &output)),
            dir: &self.dir,
            context: &self.context,
            work: self.root.work.as_ref().map(|_| &self.root.dir),
            caches,
            keep: None,
        }
    }
}

/// Import paths that a definition adds.
pub(crate) fn used(written: &[Written]) -> Vec<Used> {
    written.iter().map(|import| Used { text: import.text.clone(), at: import.at.clone() }).collect()
}

fn main_dir(code: &mut Code, binary: &GoBinary) -> Option<RelPath> {
    let dir = binary.common.package().resolve_inside(&binary.main.text);
    if dir.is_err() {
        let message = format!("`{}` leads out of the workspace", binary.main.text);
        code.report(Mistake::new(codes::BAD_PATH, message).at(binary.main.at.clone(), ""));
    }
    dir.ok()
}

/// Refuses a `main` that is no program. Generated files may make it one.
fn check_main(code: &mut Code, binary: &GoBinary, dir: &RelPath, walk: &Walk) -> Option<()> {
    let package = code.listing(dir).map(|listing| listing.package(walk.context)).unwrap_or_default();
    let compiled = package.has_code();
    if (compiled && package.name == "main") || walk.generated.has_package(dir) {
        return Some(());
    }
    let (message, hint) = match compiled {
        true if package.name.is_empty() => (
            format!("the Go files in `{}` do not say to which package they belong", parts::shown(dir)),
            Some("begin each with `package main`".to_owned()),
        ),
        true => (format!("`{}` holds the package `{}`, which is no program", parts::shown(dir), package.name), None),
        false => (
            format!("`{}` holds no Go files for {}", parts::shown(dir), binary.common.id.platform),
            near_main(code.lowering, dir),
        ),
    };
    let mistake = Mistake::new(codes::GO_NO_PACKAGE, message).at(binary.main.at.clone(), "");
    let hint = hint.unwrap_or_else(|| "`main` names the directory of a package `main`, as in `./cmd/cart`".to_owned());
    code.report(mistake.hint(hint));
    None
}

/// Names the directories beside one that does not exist.
fn near_main(lowering: &Lowering, dir: &RelPath) -> Option<String> {
    let entries = lowering.list(&dir.parent()?)?;
    let dirs = entries.iter().filter(|entry| entry.kind == model::EntryKind::Directory);
    let near = crate::near::nearest(dir.name(), dirs.map(|entry| &*entry.name))?;
    Some(format!("did you mean `{near}`?"))
}
