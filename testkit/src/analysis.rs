//! Builds analyses by hand, so that a test says only what matters to it. Knows no rule: each target is one command
//! that reads its sources and every output of what it depends on, unless the test gives actions of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{
    Action, Analysis, Command, Declared, Dependency, FileSet, FileSetId, Input, Kind, Label, Limits, Location, Network,
    Origin, Output, OutputKind, Platform, Provided, Purpose, RelPath, Target, TargetId, Work,
};

/// Parses a path from the workspace root.
pub fn path(text: &str) -> RelPath {
    RelPath::new(text).expect("a test writes a normal path")
}

/// Parses a label, for the default platform.
pub fn id(label: &str) -> TargetId {
    let label = Label::parse(label, &RelPath::root()).expect("a test writes a label");
    TargetId { label, platform: Platform::default() }
}

/// A target under construction.
#[derive(Clone, Debug)]
pub struct TargetBuilder {
    id: TargetId,
    rule: Arc<str>,
    kind: Kind,
    line: u32,
    deps: Vec<TargetId>,
    sources: Vec<RelPath>,
    outputs: Vec<RelPath>,
    visibility: Vec<Arc<str>>,
    tags: Vec<Arc<str>>,
    attributes: BTreeMap<Arc<str>, Arc<str>>,
    adjust: Vec<fn(&mut Action)>,
    actions: Option<Vec<Action>>,
}

/// Begins a `command` that leaves the one output `o`.
pub fn command(label: &str) -> TargetBuilder {
    TargetBuilder {
        id: id(label),
        rule: Arc::from("command"),
        kind: Kind::Build,
        line: 1,
        deps: Vec::new(),
        sources: Vec::new(),
        outputs: vec![path("o")],
        visibility: Vec::new(),
        tags: Vec::new(),
        attributes: BTreeMap::new(),
        adjust: Vec::new(),
        actions: None,
    }
}

/// Begins a `test` without outputs.
pub fn test(label: &str) -> TargetBuilder {
    TargetBuilder { rule: Arc::from("test"), kind: Kind::Test, outputs: Vec::new(), ..command(label) }
}

/// Begins a `suite`.
pub fn suite(label: &str) -> TargetBuilder {
    TargetBuilder { rule: Arc::from("suite"), kind: Kind::Suite, outputs: Vec::new(), ..command(label) }.actions(vec![])
}

/// Begins a target that nobody declared.
pub fn implicit(label: &str, rule: &str) -> TargetBuilder {
    TargetBuilder { rule: Arc::from(rule), kind: Kind::Implicit, ..command(label) }
}

impl TargetBuilder {
    /// Adds dependencies.
    #[must_use]
    pub fn deps(mut self, labels: &[&str]) -> TargetBuilder {
        self.deps.extend(labels.iter().map(|label| id(label)));
        self
    }

    /// Adds source files, by path from the workspace root.
    #[must_use]
    pub fn sources(mut self, files: &[&str]) -> TargetBuilder {
        self.sources.extend(files.iter().map(|file| path(file)));
        self
    }

    /// Replaces the outputs.
    #[must_use]
    pub fn outputs(mut self, names: &[&str]) -> TargetBuilder {
        self.outputs = names.iter().map(|name| path(name)).collect();
        self
    }

    /// Adds patterns of packages that may depend on it.
    #[must_use]
    pub fn visible_to(mut self, patterns: &[&str]) -> TargetBuilder {
        self.visibility.extend(patterns.iter().map(|pattern| Arc::from(*pattern)));
        self
    }

    /// Adds tags.
    #[must_use]
    pub fn tags(mut self, tags: &[&str]) -> TargetBuilder {
        self.tags.extend(tags.iter().map(|tag| Arc::from(*tag)));
        self
    }

    /// Adds an attribute as JSON text.
    #[must_use]
    pub fn attribute(mut self, name: &str, json: &str) -> TargetBuilder {
        self.attributes.insert(Arc::from(name), Arc::from(json));
        self
    }

    /// Says in which line of its definition file it is declared.
    #[must_use]
    pub fn line(mut self, line: u32) -> TargetBuilder {
        self.line = line;
        self
    }

    /// Names another rule.
    #[must_use]
    pub fn rule(mut self, rule: &str) -> TargetBuilder {
        self.rule = Arc::from(rule);
        self
    }

    /// Builds it for another platform.
    #[must_use]
    pub fn platform(mut self, platform: &str) -> TargetBuilder {
        self.id.platform = platform.parse().expect("a test writes a platform");
        self
    }

    /// Changes the action.
    #[must_use]
    pub fn adjust(mut self, change: fn(&mut Action)) -> TargetBuilder {
        self.adjust.push(change);
        self
    }

    /// Replaces the actions.
    #[must_use]
    pub fn actions(mut self, actions: Vec<Action>) -> TargetBuilder {
        self.actions = Some(actions);
        self
    }

    fn default_action(&self, set: Option<FileSetId>, made: &BTreeMap<TargetId, Vec<RelPath>>) -> Action {
        let sources = set.map(|set| Input { at: path("src"), from: Origin::Files(set) });
        let from_deps = self.deps.iter().flat_map(|dep| {
            let names = made.get(dep).into_iter().flatten();
            names.map(|name| Input {
                at: path("src").join(&dep.out_dir(&Platform::default())).join(name),
                from: Origin::Output(dep.clone(), name.clone()),
            })
        });
        let directory = path("src").join(&self.id.out_dir(&Platform::default()));
        let output = |name: &RelPath| Output { name: name.clone(), at: directory.join(name), kind: OutputKind::File };
        let mut action = Action {
            name: Arc::from(""),
            work: Work::Command(Command {
                argv: ["/bin/sh", "-euc", "true"].map(Arc::from).to_vec(),
                env: BTreeMap::from([(Arc::from("LANG"), Arc::from("C"))]),
                directory: path("src").join(&self.id.label.package),
                network: Network::None,
            }),
            purpose: if self.kind == Kind::Test { Purpose::Test } else { Purpose::Build },
            inputs: sources.into_iter().chain(from_deps).collect(),
            outputs: self.outputs.iter().map(output).collect(),
            needs: Vec::new(),
            limits: Limits::default(),
            grants: model::Grants::default(),
            rule_version: 1,
        };
        self.adjust.iter().for_each(|change| change(&mut action));
        action
    }

    fn build(self, sets: &mut Sets, made: &BTreeMap<TargetId, Vec<RelPath>>) -> Target {
        let set = (!self.sources.is_empty()).then(|| {
            let files: BTreeSet<RelPath> = self.sources.iter().cloned().collect();
            sets.number(FileSet { files: files.into_iter().collect() })
        });
        let actions = self.actions.clone().unwrap_or_else(|| vec![self.default_action(set, made)]);
        let file = self.id.label.package.child("BUILD.toml").expect("a normal path");
        let at = Location::new(file, 0..1);
        let deps: BTreeSet<TargetId> = self.deps.into_iter().collect();
        Target {
            rule: self.rule,
            kind: self.kind,
            provides: actions
                .iter()
                .flat_map(|action| &action.outputs)
                .map(|output| Provided {
                    name: output.name.clone(),
                    from: Origin::Output(self.id.clone(), output.name.clone()),
                })
                .collect(),
            actions,
            deps: deps
                .into_iter()
                .map(|target| Dependency { at: Some(named(&at, self.line, &target)), target })
                .collect(),
            declared: (self.kind != Kind::Implicit).then_some(Declared { at, line: self.line }),
            visibility: self.visibility,
            tags: self.tags,
            sources: set.into_iter().collect(),
            attributes: self.attributes,
            id: self.id,
        }
    }
}

/// Returns a place for a label below the header of its target: each label has one of its own.
fn named(header: &Location, line: u32, target: &TargetId) -> Location {
    let start = line as usize * 1000 + target.label.to_string().bytes().map(usize::from).sum::<usize>();
    Location::new(header.file.clone(), start..start + 1)
}

/// Sets of files, each once, numbered as they are met.
#[derive(Default)]
struct Sets {
    known: BTreeMap<FileSet, FileSetId>,
    sets: Vec<FileSet>,
}

impl Sets {
    fn number(&mut self, set: FileSet) -> FileSetId {
        let next = FileSetId(self.sets.len() as u32);
        let id = *self.known.entry(set.clone()).or_insert(next);
        if id == next {
            self.sets.push(set);
        }
        id
    }
}

/// Puts targets together. Their order says in which order their file sets are numbered, nothing else.
pub fn analysis(targets: impl IntoIterator<Item = TargetBuilder>) -> Analysis {
    let targets: Vec<TargetBuilder> = targets.into_iter().collect();
    let made: BTreeMap<TargetId, Vec<RelPath>> =
        targets.iter().map(|target| (target.id.clone(), made(target))).collect();
    let packages: BTreeSet<RelPath> = targets
        .iter()
        .filter(|target| target.kind != Kind::Implicit)
        .map(|target| target.id.label.package.clone())
        .collect();
    let mut sets = Sets::default();
    let mut targets: Vec<Target> = targets.into_iter().map(|target| target.build(&mut sets, &made)).collect();
    targets.sort_by(|a, b| a.id.cmp(&b.id));
    Analysis {
        platform: Platform::default(),
        targets,
        sets: sets.sets,
        packages: packages.into_iter().collect(),
        repositories: Vec::new(),
        nested: Vec::new(),
    }
}

fn made(target: &TargetBuilder) -> Vec<RelPath> {
    match &target.actions {
        Some(actions) => actions.iter().flat_map(|action| &action.outputs).map(|output| output.name.clone()).collect(),
        None => target.outputs.clone(),
    }
}
