//! Links targets and actions: who depends on whom, in which order, and what is wrong with that.

use std::collections::HashMap;
use std::sync::Arc;

use model::{Action, Analysis, Input, Location, Mistake, Origin, PackageName, RelPath, Target, TargetId, codes};
use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};

use crate::{Step, StepId};

/// All actions of a workspace as numbered steps, with their edges.
pub struct Graph {
    analysis: Arc<Analysis>,
    steps: Vec<Step>,
    /// The steps of target `t` are `first[t] ..` as many as it has actions.
    first: Vec<u32>,
    /// What each target makes, sorted by name: a target of all locked packages makes thousands of outputs.
    made: Vec<Box<[(RelPath, StepId)]>>,
    /// For each step, the producers of its output inputs, in the order of the inputs.
    producers: Vec<Box<[StepId]>>,
    deps: Vec<Box<[StepId]>>,
}

/// Links an analysis. With mistakes, the graph may lack edges and must not be built.
pub fn link(analysis: Arc<Analysis>) -> (Graph, Vec<Mistake>) {
    let mut mistakes = Vec::new();
    let order = order(&analysis, &mut mistakes);
    let has_cycles = !mistakes.is_empty();
    mistakes.extend(invisible(&analysis));
    mistakes.extend(nested_outputs(&analysis));
    let (steps, first) = number(&analysis, &order);
    let mut graph = Graph { analysis, steps, first, made: Vec::new(), producers: Vec::new(), deps: Vec::new() };
    graph.made = (0..graph.analysis.targets.len()).map(|target| graph.made_by(target)).collect();
    graph.producers = graph.steps.iter().map(|step| graph.find_producers(graph.action_of(*step))).collect();
    graph.deps = graph.producers.iter().map(|producers| sorted(producers)).collect();
    if !has_cycles {
        mistakes.extend(unmade(&graph));
    }
    (graph, mistakes)
}

impl Graph {
    /// Returns the analysis that was linked.
    pub fn analysis(&self) -> &Analysis {
        &self.analysis
    }

    /// Returns the target with this id.
    pub fn target(&self, id: &TargetId) -> Option<&Target> {
        self.target_index(id).map(|index| &self.analysis.targets[index])
    }

    /// Returns the position of a target in the analysis.
    pub fn target_index(&self, id: &TargetId) -> Option<usize> {
        index_of(&self.analysis, id)
    }

    /// Returns the number of steps.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether there is no step.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Returns all steps in topological order.
    pub fn steps(&self) -> impl DoubleEndedIterator<Item = StepId> + use<> {
        (0..self.steps.len() as u32).map(StepId)
    }

    /// Returns the target that a step belongs to.
    pub fn target_of(&self, step: StepId) -> &Target {
        &self.analysis.targets[self.steps[step.index()].target as usize]
    }

    /// Returns the action of a step.
    pub fn action(&self, step: StepId) -> &Action {
        self.action_of(self.steps[step.index()])
    }

    fn action_of(&self, step: Step) -> &Action {
        &self.analysis.targets[step.target as usize].actions[step.action as usize]
    }

    /// Returns the steps that a step takes outputs of: sorted, each once, all smaller.
    pub fn deps(&self, step: StepId) -> &[StepId] {
        &self.deps[step.index()]
    }

    /// Returns the steps of a target, in the order of its actions.
    pub fn steps_of(&self, target: usize) -> impl DoubleEndedIterator<Item = StepId> + use<> {
        let first = self.first[target];
        (first..first + self.analysis.targets[target].actions.len() as u32).map(StepId)
    }

    /// Returns the step that makes an output of a target.
    pub fn producer(&self, target: &TargetId, output: &RelPath) -> Option<StepId> {
        let made = &self.made[self.target_index(target)?];
        made.binary_search_by(|(name, _)| name.cmp(output)).ok().map(|at| made[at].1)
    }

    fn made_by(&self, target: usize) -> Box<[(RelPath, StepId)]> {
        let names = |step: StepId| self.action(step).outputs.iter().map(move |output| (output.name.clone(), step));
        let mut made: Vec<(RelPath, StepId)> = self.steps_of(target).flat_map(names).collect();
        made.sort_unstable();
        made.into()
    }

    /// Returns what people call a step: its label, and the action's name where it has one.
    pub fn title(&self, step: StepId) -> String {
        let (target, action) = (self.target_of(step), self.action(step));
        let label = &target.id.label;
        if action.name.is_empty() { label.to_string() } else { format!("{label} {}", action.name) }
    }

    /// Returns the producers of a step's output inputs, in the order of the inputs.
    pub(crate) fn producers(&self, step: StepId) -> &[StepId] {
        &self.producers[step.index()]
    }

    fn find_producers(&self, action: &Action) -> Box<[StepId]> {
        let producer = |input: &Input| match &input.from {
            Origin::Output(target, output) => self.producer(target, output),
            Origin::File(_) | Origin::Files(_) | Origin::Text(_) => None,
        };
        action.inputs.iter().filter_map(producer).collect()
    }
}

fn sorted(steps: &[StepId]) -> Box<[StepId]> {
    let mut steps = steps.to_vec();
    steps.sort_unstable();
    steps.dedup();
    steps.into()
}

/// Finds a target: they are sorted by id.
fn index_of(analysis: &Analysis, id: &TargetId) -> Option<usize> {
    analysis.targets.binary_search_by(|target| target.id.cmp(id)).ok()
}

/// Returns the targets in topological order; targets of a cycle come last, with a mistake for each cycle.
fn order(analysis: &Analysis, mistakes: &mut Vec<Mistake>) -> Vec<u32> {
    let mut graph: DiGraph<(), (), u32> = DiGraph::with_capacity(analysis.targets.len(), analysis.targets.len() * 2);
    for _ in &analysis.targets {
        graph.add_node(());
    }
    for (number, target) in analysis.targets.iter().enumerate() {
        for dependency in target_edges(target) {
            if let Some(to) = index_of(analysis, dependency)
                && to != number
            {
                graph.add_edge(NodeIndex::new(number), NodeIndex::new(to), ());
            }
        }
    }
    // Tarjan's algorithm yields components in reverse topological order of the edges: dependencies first.
    let components = tarjan_scc(&graph);
    for component in components.iter().filter(|component| component.len() > 1) {
        let members: Vec<u32> = component.iter().map(|node| node.index() as u32).collect();
        mistakes.push(cycle_mistake(analysis, &members));
    }
    for target in analysis.targets.iter().filter(|target| target.deps.iter().any(|dep| dep.target == target.id)) {
        let number = index_of(analysis, &target.id).expect("the target comes from this analysis") as u32;
        mistakes.push(cycle_mistake(analysis, &[number]));
    }
    components.into_iter().flatten().map(|node| node.index() as u32).collect()
}

/// Returns every target that `target` depends on; [`unmade`] reports outputs taken of any other.
fn target_edges(target: &Target) -> impl Iterator<Item = &TargetId> {
    target.deps.iter().map(|dependency| &dependency.target)
}

/// Walks one cycle of a component, from its first target back to itself.
fn cycle_mistake(analysis: &Analysis, members: &[u32]) -> Mistake {
    let start = members.iter().copied().min().expect("a component has a member");
    let path = shortest_cycle(analysis, members, start);
    let name = |number: u32| analysis.targets[number as usize].id.label.to_string();
    let shown: Vec<String> = path.iter().chain([&start]).map(|number| name(*number)).collect();
    let mut mistake = Mistake::new(codes::CYCLE, format!("dependency cycle: {}", shown.join(" -> ")))
        .hint("take one of these labels out, or move what both need into a target of its own");
    for (from, to) in path.iter().zip(path.iter().skip(1).chain([&start])) {
        let edge = analysis.targets[*from as usize]
            .deps
            .iter()
            .find(|dependency| index_of(analysis, &dependency.target) == Some(*to as usize))
            .and_then(|dependency| dependency.at.clone());
        let Some(location) = edge.or_else(|| declared(&analysis.targets[*from as usize])) else { continue };
        let words = format!("{} depends on {}", name(*from), name(*to));
        mistake = if mistake.at.is_none() { mistake.at(location, words) } else { mistake.also(location, words) };
    }
    mistake
}

fn declared(target: &Target) -> Option<Location> {
    target.declared.as_ref().map(|declared| declared.at.clone())
}

/// Breadth-first search from `start` back to itself inside a component.
fn shortest_cycle(analysis: &Analysis, members: &[u32], start: u32) -> Vec<u32> {
    let mut came_from: HashMap<u32, u32> = HashMap::new();
    let mut queue = std::collections::VecDeque::from([start]);
    while let Some(from) = queue.pop_front() {
        for dependency in target_edges(&analysis.targets[from as usize]) {
            let to = index_of(analysis, dependency).map(|to| to as u32);
            let Some(to) = to.filter(|to| members.contains(to)) else { continue };
            if to == start {
                let mut path = vec![from];
                while let Some(before) = came_from.get(path.last().expect("it starts with one")) {
                    path.push(*before);
                }
                path.reverse();
                return path;
            }
            if to != from && !came_from.contains_key(&to) {
                came_from.insert(to, from);
                queue.push_back(to);
            }
        }
    }
    members.to_vec()
}

/// Reports edges to targets whose visibility does not allow them.
fn invisible(analysis: &Analysis) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    for target in &analysis.targets {
        for dependency in &target.deps {
            let Some(seen) = index_of(analysis, &dependency.target).map(|number| &analysis.targets[number]) else {
                continue;
            };
            let own = seen.id.label.package == target.id.label.package;
            if own || model::allows(&seen.visibility, &target.id.label.package) {
                continue;
            }
            let mut mistake =
                Mistake::new(codes::INVISIBLE, format!("{} is not visible to {}", seen.id.label, target.id.label))
                    .policy()
                    .hint(how_to_show(seen, target));
            if let Some(at) = dependency.at.clone().or_else(|| declared(target)) {
                mistake = mistake.at(at, "named here");
            }
            if let Some(at) = declared(seen) {
                mistake = mistake.also(at, format!("visible to: {}", seen.visibility.join(", ")));
            }
            mistakes.push(mistake);
        }
    }
    mistakes
}

/// Says how a target becomes visible to another. A repository has no name for the workspace that uses it.
fn how_to_show(seen: &Target, to: &Target) -> String {
    let (package, label) = (&to.id.label.package, &seen.id.label);
    let repository = label.package.repository();
    if repository != package.repository() {
        return format!("`visibility` in the files of {repository} names its own packages: leave it out there");
    }
    format!("add \"{}:all\" to the visibility of {label}", PackageName(package))
}

/// Reports output directories that lie inside another target's: swapping the outer one would delete the inner.
fn nested_outputs(analysis: &Analysis) -> Vec<Mistake> {
    let mut directories: Vec<(RelPath, &Target)> = analysis
        .targets
        .iter()
        .filter(|target| target.declared.is_some() && target.actions.iter().any(|action| !action.outputs.is_empty()))
        .map(|target| (target.id.out_dir(&analysis.platform), target))
        .collect();
    directories.sort_by(|a, b| a.0.segments().cmp(b.0.segments()));
    let mut mistakes = Vec::new();
    let mut outer: Option<&(RelPath, &Target)> = None;
    for inner in &directories {
        match outer {
            Some((directory, target)) if inner.0.starts_with(directory) => {
                mistakes.push(nested_mistake(target, inner.1, &inner.0));
            }
            _ => outer = Some(inner),
        }
    }
    mistakes
}

fn nested_mistake(outer: &Target, inner: &Target, directory: &RelPath) -> Mistake {
    let (a, b) = (&outer.id.label, &inner.id.label);
    let mut mistake = Mistake::new(
        codes::NESTED_OUTPUTS,
        format!("the outputs of {b}, in {directory}, would lie inside those of {a}"),
    )
    .hint(format!("rename one of {a} and {b}"));
    if let Some(at) = declared(inner) {
        mistake = mistake.at(at, "its directory lies inside the other's");
    }
    if let Some(at) = declared(outer) {
        mistake = mistake.also(at, "the outer directory");
    }
    mistake
}

/// Reports inputs that no earlier step makes. Whoever reads the graph relies on their being made.
fn unmade(graph: &Graph) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    for step in graph.steps() {
        for input in &graph.action(step).inputs {
            let Origin::Output(target, output) = &input.from else { continue };
            if graph.producer(target, output).is_some_and(|producer| producer < step) {
                continue;
            }
            let (rule, title, maker) = (&graph.target_of(step).rule, graph.title(step), &target.label);
            let mistake = Mistake::new(
                codes::NO_PRODUCER,
                format!("{title} takes {output} of {maker}, which nothing makes before it"),
            )
            .hint(format!("report it as a bug of the rule `{rule}`"));
            let at = declared(graph.target_of(step));
            mistakes.push(at.into_iter().fold(mistake, |mistake, at| mistake.at(at, "declared here")));
        }
    }
    mistakes
}

/// Numbers the actions of all targets in topological order.
fn number(analysis: &Analysis, order: &[u32]) -> (Vec<Step>, Vec<u32>) {
    let mut steps = Vec::new();
    let mut first = vec![0; analysis.targets.len()];
    for target in order {
        first[*target as usize] = steps.len() as u32;
        let actions = analysis.targets[*target as usize].actions.len() as u32;
        steps.extend((0..actions).map(|action| Step { target: *target, action }));
    }
    (steps, first)
}
