//! `command` and `test`: a program or a shell line with declared inputs and outputs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{
    Action, Command, Grants, Input, Kind, Limits, Mistake, Need, Network, Origin, Output, OutputKind, Purpose, RelPath,
    Target, Work,
};

use super::limited::{ENV, EXCLUSIVE, RETRIES, TEST_TIMEOUT, test_limits, timeout};
use super::location::{Expander, workspace_path};
use super::{AttributeDoc, AttributeType, Lower, Offer, Rule, RuleDoc};
use crate::declaration::{Declaration, OutputShape};
use crate::lowering::{Lowering, base_environment, dependencies};
use crate::written::{ResolvedLabel, Written};
use model::codes;

/// The version of the lowering below: a part of every key.
const RULE_VERSION: u32 = 1;

const RUN: AttributeDoc = AttributeDoc {
    name: "run",
    kind: AttributeType::Text,
    default: Some("\"\""),
    doc: "One line for `sh -euc`; exactly one of `run` and `argv` is given. $OUT is the directory for outputs. `$(location L)` becomes the path of the one file that an input's label provides, from the working directory, and `$(locations L)` those of all, with spaces between. Each is quoted for the shell where it has to be, so write no quotes around it.",
};
const ARGV: AttributeDoc = AttributeDoc {
    name: "argv",
    kind: AttributeType::Texts,
    default: Some("[]"),
    doc: "A program and its arguments, without a shell; `$(location L)` becomes a path from the working directory, and an argument `$(locations L)` one argument a path, none of them quoted.",
};
const INPUTS: AttributeDoc = AttributeDoc {
    name: "inputs",
    kind: AttributeType::Sources,
    default: Some("[]"),
    doc: "Paths and globs of the package, and labels: the action sees nothing else.",
};
const TOOLCHAIN: AttributeDoc = AttributeDoc {
    name: "toolchain",
    kind: AttributeType::Text,
    default: Some("the base system alone"),
    doc: "A toolchain of workspace.toml.",
};
const TOOLCHAINS: AttributeDoc = AttributeDoc {
    name: "toolchains",
    kind: AttributeType::Texts,
    default: Some("[]"),
    doc: "Several toolchains of workspace.toml.",
};
const NETWORK: AttributeDoc = AttributeDoc {
    name: "network",
    kind: AttributeType::Truth,
    default: Some("false"),
    doc: "Whether it may use the network; without, only loopback is there.",
};

pub(super) const COMMAND: Rule = Rule {
    doc: RuleDoc {
        name: "command",
        doc: "Runs a program or a shell line that makes declared outputs of declared inputs.",
        attributes: &[
            RUN,
            ARGV,
            INPUTS,
            AttributeDoc {
                name: "outputs",
                kind: AttributeType::Outputs,
                default: Some("[]"),
                doc: "Paths below $OUT, a trailing slash for a directory; one that is not made is an error, others are not kept.",
            },
            ENV,
            TOOLCHAIN,
            TOOLCHAINS,
            NETWORK,
            AttributeDoc {
                name: "timeout",
                kind: AttributeType::Number,
                default: Some("600"),
                doc: "After so many seconds it is ended and has failed.",
            },
        ],
    },
    kind: Kind::Build,
    later: &[],
    offer,
    lower: Lower::Alone(lower_command),
};

pub(super) const TEST: Rule = Rule {
    doc: RuleDoc {
        name: "test",
        doc: "Runs a program or a shell line that passes when it exits with 0.",
        attributes: &[
            RUN,
            ARGV,
            INPUTS,
            AttributeDoc {
                name: "outputs",
                kind: AttributeType::Outputs,
                default: Some("[]"),
                doc: "Paths below $OUT that are kept if they are there, as reports.",
            },
            ENV,
            TOOLCHAIN,
            TOOLCHAINS,
            NETWORK,
            TEST_TIMEOUT,
            RETRIES,
            EXCLUSIVE,
        ],
    },
    kind: Kind::Test,
    later: &["shards"],
    offer,
    lower: Lower::Alone(lower_test),
};

fn offer(declaration: &Declaration) -> Offer<'_> {
    Offer::Outputs(declaration.outputs().iter().map(|output| output.path.clone()).collect())
}

fn lower_command(declaration: &Declaration, lowering: &mut Lowering<'_>) -> Target {
    let limits = Limits { timeout: Some(timeout(declaration, 600, lowering)), ..Limits::default() };
    lower(declaration, Purpose::Build, limits, lowering)
}

fn lower_test(declaration: &Declaration, lowering: &mut Lowering<'_>) -> Target {
    let limits = test_limits(declaration, lowering);
    lower(declaration, Purpose::Test, limits, lowering)
}

fn lower(declaration: &Declaration, purpose: Purpose, limits: Limits, lowering: &mut Lowering<'_>) -> Target {
    let common = &declaration.common;
    let sources = declaration.sources("inputs");
    let labels = lowering.resolve(&sources.labels);
    let expander = Expander { package: common.package(), named: &sources.labels, inputs: &labels };
    let command = Command {
        argv: arguments(declaration, &expander, lowering),
        env: environment(declaration, purpose, &expander, lowering),
        directory: tree_path(common.package()),
        network: if declaration.is_true("network") { Network::Host } else { Network::None },
    };
    let action = Action {
        name: Arc::from(""),
        work: Work::Command(command),
        purpose,
        inputs: inputs(&sources.files, &labels, lowering),
        outputs: outputs(declaration, purpose, lowering),
        needs: needs(declaration, lowering),
        limits,
        grants: Grants::default(),
        rule_version: RULE_VERSION,
    };
    Target {
        provides: lowering.provides(&common.id).to_vec(),
        actions: vec![action],
        deps: dependencies(&labels),
        sources: lowering.source_sets(&sources.files),
        ..common.target(declaration.rule.kind)
    }
}

/// Returns the whole command line. `$OUT` is relative in the environment, as no one knows where the tree will lie;
/// the shell makes it absolute, so that it holds after a `cd`.
fn arguments(declaration: &Declaration, expander: &Expander<'_>, lowering: &mut Lowering<'_>) -> Vec<Arc<str>> {
    let shell = |line: String| ["/bin/sh", "-euc", &line].map(Arc::from).to_vec();
    let argv = declaration.texts("argv");
    match (declaration.text("run"), argv) {
        (Some(run), []) if run.text.trim().is_empty() => {
            nothing_to_run("`run` is empty", run, lowering);
            Vec::new()
        }
        (Some(run), []) => shell(format!("export OUT=\"$PWD/$OUT\"; {}", expander.shell_line(run, lowering))),
        (None, [program, ..]) if program.text.trim().is_empty() => {
            nothing_to_run("`argv` begins with an empty program", program, lowering);
            Vec::new()
        }
        (None, [_, ..]) => {
            let mut arguments = shell("export OUT=\"$PWD/$OUT\"; exec \"$@\"".to_owned());
            arguments.push(Arc::from("rg"));
            arguments.extend(argv.iter().flat_map(|argument| expander.argument(argument, lowering)));
            arguments
        }
        (run, _) => {
            let (what, place) = match run {
                Some(run) => ("has both `run` and `argv`", run.at.clone()),
                None => ("has neither `run` nor `argv`", declaration.at.clone()),
            };
            let message = format!("{} {what}", declaration.common.id.label);
            let mistake = Mistake::new(codes::BAD_VALUE, message).at(place, "");
            lowering.mistake(
                mistake.hint("give exactly one: `run = \"a shell line\"` or `argv = [\"program\", \"argument\"]`"),
            );
            Vec::new()
        }
    }
}

fn nothing_to_run(message: &str, written: &Written, lowering: &mut Lowering<'_>) {
    let mistake = Mistake::new(codes::BAD_VALUE, message).at(written.at.clone(), "");
    lowering.mistake(mistake.hint("write what runs: `run = \"a shell line\"` or `argv = [\"program\", \"argument\"]`"));
}

fn environment(
    declaration: &Declaration,
    purpose: Purpose,
    expander: &Expander<'_>,
    lowering: &mut Lowering<'_>,
) -> BTreeMap<Arc<str>, Arc<str>> {
    let id = &declaration.common.id;
    let mut env = base_environment();
    if purpose == Purpose::Test {
        env.insert(Arc::from("TEST_TARGET"), Arc::from(id.label.to_string()));
        env.insert(Arc::from("TEST_TMPDIR"), Arc::from("/tmp"));
    }
    for (name, value) in declaration.environment() {
        if &*name.text == "OUT" {
            let mistake = Mistake::new(codes::BAD_VALUE, "`OUT` is the output directory and cannot be set");
            lowering.mistake(mistake.at(name.at.clone(), "").hint("use another name"));
        }
        env.insert(name.text.clone(), expander.text(value, lowering));
    }
    let out = lowering.out_dir(id).relative_to(declaration.common.package());
    env.insert(Arc::from("OUT"), Arc::from(out));
    env
}

/// Returns own files and what labels provide: sources at their paths, outputs below `rg-out`.
fn inputs(files: &[RelPath], labels: &[ResolvedLabel], lowering: &mut Lowering<'_>) -> Vec<Input> {
    let mut inputs = BTreeSet::new();
    if !files.is_empty() {
        inputs.insert(Input { at: tree(), from: Origin::Files(lowering.file_set(files.to_vec())) });
    }
    for label in labels {
        let mut grouped = Vec::new();
        for provided in lowering.provides(&label.target) {
            match &provided.from {
                Origin::File(file) => grouped.push(file.clone()),
                from => {
                    let at = tree_path(&workspace_path(provided, |target| lowering.out_dir(target)));
                    inputs.insert(Input { at, from: from.clone() });
                }
            }
        }
        if !grouped.is_empty() {
            inputs.insert(Input { at: tree(), from: Origin::Files(lowering.file_set(grouped)) });
        }
    }
    inputs.into_iter().collect()
}

fn outputs(declaration: &Declaration, purpose: Purpose, lowering: &Lowering<'_>) -> Vec<Output> {
    let dir = tree_path(&lowering.out_dir(&declaration.common.id));
    let output = |output: &crate::declaration::DeclaredOutput| Output {
        name: output.path.clone(),
        at: dir.join(&output.path),
        kind: match (output.shape, purpose) {
            (OutputShape::File, Purpose::Test) => OutputKind::OptionalFile,
            (OutputShape::Directory, Purpose::Test) => OutputKind::OptionalDirectory,
            (OutputShape::File, _) => OutputKind::File,
            (OutputShape::Directory, _) => OutputKind::Directory,
        },
    };
    let mut outputs: Vec<Output> = declaration.outputs().iter().map(output).collect();
    outputs.sort();
    outputs
}

/// The toolchain of actions that name none, if workspace.toml has it.
const BASE: &str = "base";

fn needs(declaration: &Declaration, lowering: &mut Lowering<'_>) -> Vec<Need> {
    let one = declaration.text("toolchain");
    let several = declaration.texts("toolchains");
    if let (Some(one), [_, ..]) = (one, several) {
        let mistake = Mistake::new(codes::BAD_VALUE, "both `toolchain` and `toolchains` are given");
        lowering.mistake(mistake.at(one.at.clone(), "").hint("move it into `toolchains`"));
    }
    let named: Vec<&Written> = one.into_iter().chain(several).collect();
    if named.is_empty() && lowering.has_toolchain(BASE) {
        return Need::grounded(lowering.toolchain(BASE, &declaration.at));
    }
    let needs: BTreeSet<Need> = named.iter().filter_map(|name| lowering.toolchain(&name.text, &name.at)).collect();
    let is_image = |need: &Need| matches!(need, Need::Image { .. });
    if let (true, [_, second, ..]) = (needs.len() > 1 && needs.iter().any(is_image), &named[..]) {
        let mistake = Mistake::new(codes::SEVERAL_ROOTS, "an action runs in one image, and names more toolchains");
        let hint = "name one image that has the programs of all";
        lowering.mistake(mistake.at(second.at.clone(), "").hint(hint));
    }
    Need::grounded(needs)
}

/// Returns the directory of the input root that holds the workspace's paths.
fn tree() -> RelPath {
    RelPath::new("src").expect("a normal path")
}

fn tree_path(path: &RelPath) -> RelPath {
    tree().join(path)
}
