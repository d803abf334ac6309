//! The analysis of a workspace: packages, definitions, labels, lowering, in this order.
//! It knows no rule but by the table of rules, and touches the tree only through the recorder.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use model::{Analysis, Facts, FileSet, FileSetId, Mistake, Need, Origin, RelPath, Target, TargetId, Tree};
use rayon::prelude::*;

use crate::declaration::Declaration;
use crate::definitions::{self, Definitions};
use crate::labels;
use crate::lowering::{FileSets, Ground, Lowered, Lowering};
use crate::packages;
use crate::reads::Recorder;
use crate::remembered::{self, Question};
use crate::rule::{Language, Lower, resources};
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
    /// Toolchains of which something is to be learned; the analysis holds once there are none.
    pub missing: BTreeSet<Need>,
}

/// Returns all targets of a workspace. The remembered analysis is taken if all that it read is unchanged.
pub fn analyze(tree: &dyn Tree, nested: &[RelPath], settings: &Settings, facts: &Facts, remembered: &[u8]) -> Analyzed {
    let question = Question::new(settings, nested, facts);
    if let Some(analysis) = remembered::recall(remembered, &question, tree) {
        let (mistakes, missing) = (Vec::new(), BTreeSet::new());
        return Analyzed { analysis: Arc::new(analysis), mistakes, remember: None, missing };
    }
    let recorder = Recorder::new(tree);
    let (analysis, mistakes, missing) = analyze_anew(&recorder, nested, settings, facts);
    let sound = mistakes.is_empty() && missing.is_empty();
    let remember = sound.then(|| remembered::encode(&question, &recorder.into_reads(), &analysis));
    Analyzed { analysis: Arc::new(analysis), mistakes, remember, missing }
}

fn analyze_anew(
    recorder: &Recorder<'_>,
    nested: &[RelPath],
    settings: &Settings,
    facts: &Facts,
) -> (Analysis, Vec<Mistake>, BTreeSet<Need>) {
    let mut mistakes = Vec::new();
    let packages = packages::discover(recorder, settings.repos.keys().map(|name| &**name), &mut mistakes);
    let paths: Vec<&RelPath> = packages.iter().collect();
    let all = each(&paths, |package| {
        definitions::read(Place { recorder, packages: &packages, nested, package }, &settings.platform)
    });
    mistakes.extend(all.iter().flat_map(|definitions| definitions.mistakes.iter().cloned()));
    let declarations = labels::link(&all, &packages, settings, &mut mistakes);
    let ground = Ground { recorder, declarations: &declarations, settings, facts };
    let mut parts = each(&all, |definitions| lower_alone(definitions, ground));
    parts.extend(each(&Language::ALL, |language| lower_together(*language, &all, ground)));
    let missing = parts.iter().flat_map(|part| part.missing.iter().cloned()).collect();
    let mut analysis = Analysis {
        platform: settings.platform.clone(),
        packages: packages.into_iter().collect(),
        repositories: settings.repos.keys().cloned().collect(),
        nested: nested.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect(),
        ..Analysis::default()
    };
    assemble(parts, &mut analysis, &mut mistakes);
    mistakes.sort_by(|a, b| (&a.at, a.code, &a.message).cmp(&(&b.at, b.code, &b.message)));
    mistakes.dedup();
    (analysis, mistakes, missing)
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
    missing: BTreeSet<Need>,
}

impl Part {
    fn new(targets: Vec<Target>, lowering: Lowering<'_>) -> Part {
        let Lowered { sets, mistakes, missing } = lowering.finish();
        Part { targets, sets, mistakes, missing }
    }
}

fn lower_alone(definitions: &Definitions, ground: Ground<'_>) -> Part {
    let mut lowering = Lowering::new(ground);
    let mut targets = Vec::new();
    for declaration in &definitions.declarations {
        match declaration.rule.lower {
            Lower::Alone(lower) => {
                let mut target = lower(declaration, &mut lowering);
                resources::apply(declaration, &mut target, &mut lowering);
                targets.push(target);
            }
            Lower::Together(_) => {}
        }
    }
    Part::new(targets, lowering)
}

fn lower_together(language: Language, all: &[Definitions], ground: Ground<'_>) -> Part {
    let mut lowering = Lowering::new(ground);
    let declarations = all.iter().flat_map(|definitions| &definitions.declarations);
    let of_language = |declaration: &&Declaration| match declaration.rule.lower {
        Lower::Alone(_) => false,
        Lower::Together(other) => other == language,
    };
    let declarations: Vec<&Declaration> = declarations.filter(of_language).collect();
    let mut targets = language.lower(&declarations, &mut lowering);
    let by_id: HashMap<&TargetId, &Declaration> = declarations.iter().map(|it| (&it.common.id, *it)).collect();
    for target in &mut targets {
        if let Some(declaration) = by_id.get(&target.id) {
            resources::apply(declaration, target, &mut lowering);
        }
    }
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
