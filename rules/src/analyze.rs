//! The analysis of a workspace: packages, definitions, labels, lowering, in this order.
//! It knows no rule but by the table of rules, and touches the tree only through the recorder.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::{Analysis, FileSet, FileSetId, Mistake, Origin, RelPath, Target, Tree};
use rayon::prelude::*;

use crate::definitions::{self, Definitions};
use crate::go;
use crate::labels::{self, Declarations};
use crate::lowering::{FileSets, Lowering};
use crate::packages;
use crate::reads::Recorder;
use crate::remembered::{self, Question};
use crate::rule::{self, Lower};
use crate::settings::Settings;
use crate::sources::Place;

/// With fewer packages than these, starting threads costs more than they save.
const PARALLEL_FROM: usize = 64;

/// What an analysis gives.
pub struct Analyzed {
    /// All targets.
    pub analysis: Arc<Analysis>,
    /// What is wrong, sorted by place; if there is anything, the analysis is not to be built.
    pub mistakes: Vec<Mistake>,
    /// What to remember for the next run; `None` if what is remembered still holds, or there are mistakes.
    pub remember: Option<Vec<u8>>,
}

/// Returns all targets of a workspace. The remembered analysis is taken if all that it read is unchanged.
pub fn analyze(tree: &dyn Tree, nested: &[RelPath], settings: &Settings, remembered: &[u8]) -> Analyzed {
    let question = Question::new(settings, nested);
    if let Some(analysis) = remembered::recall(remembered, &question, tree) {
        return Analyzed { analysis: Arc::new(analysis), mistakes: Vec::new(), remember: None };
    }
    let recorder = Recorder::new(tree);
    let (analysis, mistakes) = analyze_anew(&recorder, nested, settings);
    let remember = mistakes.is_empty().then(|| remembered::encode(&question, &recorder.into_reads(), &analysis));
    Analyzed { analysis: Arc::new(analysis), mistakes, remember }
}

fn analyze_anew(recorder: &Recorder<'_>, nested: &[RelPath], settings: &Settings) -> (Analysis, Vec<Mistake>) {
    let mut mistakes = Vec::new();
    let packages = packages::discover(recorder, &mut mistakes);
    let paths: Vec<&RelPath> = packages.iter().collect();
    let all = each(&paths, |package| {
        definitions::read(Place { recorder, packages: &packages, nested, package }, &settings.platform)
    });
    mistakes.extend(all.iter().flat_map(|definitions| definitions.mistakes.iter().cloned()));
    let declarations = labels::link(&all, &packages, &mut mistakes);
    let mut parts = each(&all, |definitions| lower_alone(definitions, recorder, &declarations, settings));
    parts.push(lower_go(&all, recorder, &declarations, settings));
    let mut analysis = Analysis {
        platform: settings.platform.clone(),
        packages: packages.into_iter().collect(),
        nested: nested.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect(),
        ..Analysis::default()
    };
    assemble(parts, &mut analysis, &mut mistakes);
    mistakes.sort_by(|a, b| (&a.at, a.code, &a.message).cmp(&(&b.at, b.code, &b.message)));
    mistakes.dedup();
    (analysis, mistakes)
}

/// Returns the answer for each item, in order; on all cores if there are many.
fn each<T: Sync, R: Send>(items: &[T], answer: impl Fn(&T) -> R + Sync + Send) -> Vec<R> {
    if items.len() < PARALLEL_FROM {
        items.iter().map(answer).collect()
    } else {
        items.par_iter().map(answer).collect()
    }
}

/// Targets with file sets of their own numbering.
struct Part {
    targets: Vec<Target>,
    sets: Vec<FileSet>,
    mistakes: Vec<Mistake>,
}

impl Part {
    fn new(targets: Vec<Target>, lowering: Lowering<'_>) -> Part {
        let (sets, mistakes) = lowering.finish();
        Part { targets, sets, mistakes }
    }
}

fn lower_alone(
    definitions: &Definitions,
    recorder: &Recorder<'_>,
    declarations: &Declarations,
    settings: &Settings,
) -> Part {
    let mut lowering = Lowering::new(recorder, declarations, settings);
    let mut targets = Vec::new();
    for declaration in &definitions.declarations {
        match declaration.rule.lower {
            Lower::Alone(lower) => targets.push(lower(declaration, &mut lowering)),
            Lower::GoBinary | Lower::GoTest => {}
        }
    }
    Part::new(targets, lowering)
}

fn lower_go(all: &[Definitions], recorder: &Recorder<'_>, declarations: &Declarations, settings: &Settings) -> Part {
    let mut lowering = Lowering::new(recorder, declarations, settings);
    let (mut binaries, mut tests) = (Vec::new(), Vec::new());
    for declaration in all.iter().flat_map(|definitions| &definitions.declarations) {
        match declaration.rule.lower {
            Lower::Alone(_) => {}
            Lower::GoBinary => binaries.extend(rule::go_binary(declaration, &lowering)),
            Lower::GoTest => tests.push(rule::go_test(declaration, &mut lowering)),
        }
    }
    let targets = go::lower(&binaries, &tests, &mut lowering);
    Part::new(targets, lowering)
}

/// Puts all parts together; equal file sets become one.
fn assemble(parts: Vec<Part>, analysis: &mut Analysis, mistakes: &mut Vec<Mistake>) {
    let mut sets = FileSets::default();
    for part in parts {
        let ids: Vec<FileSetId> = part.sets.into_iter().map(|set| sets.intern(set.files)).collect();
        mistakes.extend(part.mistakes);
        analysis.targets.extend(part.targets.into_iter().map(|target| renumbered(target, &ids)));
    }
    analysis.sets = sets.into_sets();
    analysis.targets.sort_by(|a, b| a.id.cmp(&b.id));
}

fn renumbered(mut target: Target, ids: &[FileSetId]) -> Target {
    let renumber = |id: &mut FileSetId| *id = ids[id.0 as usize];
    target.sources.iter_mut().for_each(renumber);
    target.sources.sort_unstable();
    for input in target.actions.iter_mut().flat_map(|action| &mut action.inputs) {
        if let Origin::Files(id) = &mut input.from {
            renumber(id);
        }
    }
    target
}
