//! Plans: which steps the goals need, which of them are settled, and what is to be delivered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{Fingerprint, Kind, Need, Origin, Purpose, RelPath, TargetId};

use crate::{Delivered, Graph, Known, Results, StaticKeys, StepId};

/// What is asked for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Goal {
    /// The outputs of a target.
    Build(TargetId),
    /// The verdict of a test, and its outputs.
    Test(TargetId),
}

/// The steps that the goals need, in topological order, and the deliveries.
pub struct Plan {
    /// The steps, each after those that it depends on.
    pub steps: Vec<Planned>,
    /// What is to lie in `rg-out` afterwards.
    pub deliveries: Vec<Delivery>,
    /// Deliveries of targets that are gone, or have no outputs any more.
    pub stale: Vec<(TargetId, Delivered)>,
}

/// A step of a plan.
pub struct Planned {
    /// The step.
    pub step: StepId,
    /// What is to be done for it.
    pub state: State,
}

/// What is to be done for a step.
pub enum State {
    /// Nothing in this run: it would have the remembered result.
    Settled(Arc<Known>),
    /// Ask the cache, else run.
    Ask,
    /// Run, whatever the cache says.
    Force,
}

/// The outputs of one target that are to lie in the checkout.
pub struct Delivery {
    /// The target.
    pub target: TargetId,
    /// The target's output directory from the workspace root.
    pub directory: RelPath,
    /// The outputs, by name, with the steps that make them; sorted.
    pub outputs: Vec<(RelPath, StepId)>,
}

/// What the caller wants beside the goals.
pub struct Wishes<'a> {
    /// Targets that run even if their results are known.
    pub rerun: &'a BTreeSet<TargetId>,
    /// Whether results of earlier runs may be taken at all.
    pub reuse: Reuse,
}

/// Whether results of earlier runs may be taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reuse {
    /// Whatever is known is taken.
    Known,
    /// Everything runs.
    Nothing,
}

impl Graph {
    /// Returns the steps that goals ask for by name; what these depend on comes with [`Graph::closure`].
    pub fn goal_steps(&self, goals: &[Goal]) -> BTreeSet<StepId> {
        let mut steps = BTreeSet::new();
        let mut seen = BTreeSet::new();
        let mut queue: Vec<Goal> = goals.to_vec();
        while let Some(goal) = queue.pop() {
            if !seen.insert(goal.clone()) {
                continue;
            }
            let (Goal::Build(id) | Goal::Test(id)) = &goal;
            let Some(index) = self.target_index(id) else { continue };
            let target = &self.analysis().targets[index];
            if target.kind == Kind::Suite {
                queue.extend(target.deps.iter().map(|dependency| goal.with(dependency.target.clone())));
            }
            for provided in &target.provides {
                if let Origin::Output(owner, name) = &provided.from
                    && owner != id
                {
                    steps.extend(self.producer(owner, name));
                }
            }
            for step in self.steps_of(index) {
                match (self.action(step).purpose, &goal) {
                    (Purpose::Test, Goal::Build(_)) => steps.extend(self.deps(step)),
                    _ => drop(steps.insert(step)),
                }
            }
        }
        steps
    }

    /// Returns the steps and all that they depend on, in topological order.
    pub fn closure(&self, steps: &BTreeSet<StepId>) -> Vec<StepId> {
        let mut wanted = vec![false; self.len()];
        steps.iter().for_each(|step| wanted[step.index()] = true);
        for step in self.steps().rev().collect::<Vec<_>>() {
            if wanted[step.index()] {
                self.deps(step).iter().for_each(|dep| wanted[dep.index()] = true);
            }
        }
        self.steps().filter(|step| wanted[step.index()]).collect()
    }

    /// Returns what the machine has to have for the goals.
    pub fn needs(&self, goals: &[Goal]) -> BTreeSet<Need> {
        let steps = self.closure(&self.goal_steps(goals));
        let mut needs: BTreeSet<&Need> = BTreeSet::new();
        for step in steps {
            needs.extend(&self.action(step).needs);
        }
        needs.into_iter().cloned().collect()
    }

    /// Plans the goals.
    pub fn plan(
        &self,
        goals: &[Goal],
        keys: &StaticKeys,
        pin: &dyn Fn(&Need) -> Option<Fingerprint>,
        results: &Results,
        wishes: &Wishes<'_>,
    ) -> Plan {
        let wanted = self.goal_steps(goals);
        let mut settled: Vec<Option<Arc<Known>>> = vec![None; self.len()];
        let mut steps = Vec::new();
        for step in self.closure(&wanted) {
            let state = self.state(step, keys, pin, results, wishes, &settled);
            if let State::Settled(known) = &state {
                settled[step.index()] = Some(known.clone());
            }
            steps.push(Planned { step, state });
        }
        Plan { steps, deliveries: self.deliveries(goals, &wanted), stale: self.stale(results) }
    }

    fn state(
        &self,
        step: StepId,
        keys: &StaticKeys,
        pin: &dyn Fn(&Need) -> Option<Fingerprint>,
        results: &Results,
        wishes: &Wishes<'_>,
        settled: &[Option<Arc<Known>>],
    ) -> State {
        if wishes.reuse == Reuse::Nothing || wishes.rerun.contains(&self.target_of(step).id) {
            return State::Force;
        }
        let Some(remembered) = results.actions.get(&keys[step]) else { return State::Ask };
        match self.seen(step, pin, &|dep| settled[dep.index()].clone()) {
            Some(seen) if seen == remembered.seen => State::Settled(remembered.known.clone()),
            _ => State::Ask,
        }
    }

    /// Returns a delivery for each target whose outputs the goals ask for.
    fn deliveries(&self, goals: &[Goal], wanted: &BTreeSet<StepId>) -> Vec<Delivery> {
        let mut owners: BTreeMap<&TargetId, Vec<(RelPath, StepId)>> = BTreeMap::new();
        for goal in goals {
            let (Goal::Build(id) | Goal::Test(id)) = goal;
            let Some(target) = self.target(id) else { continue };
            for provided in &target.provides {
                if let Origin::Output(owner, _) = &provided.from {
                    owners.entry(owner).or_default();
                }
            }
        }
        for (owner, outputs) in &mut owners {
            let Some(target) = self.target(owner) else { continue };
            for provided in &target.provides {
                if let Origin::Output(made_by, name) = &provided.from
                    && made_by == *owner
                    && let Some(step) = self.producer(owner, name)
                    && wanted.contains(&step)
                {
                    outputs.push((provided.name.clone(), step));
                }
            }
        }
        let platform = &self.analysis().platform;
        owners
            .into_iter()
            .filter(|(_, outputs)| !outputs.is_empty())
            .map(|(owner, mut outputs)| {
                outputs.sort();
                Delivery { target: owner.clone(), directory: owner.out_dir(platform), outputs }
            })
            .collect()
    }

    fn stale(&self, results: &Results) -> Vec<(TargetId, Delivered)> {
        let makes = |id: &TargetId| {
            self.target(id).is_some_and(|target| target.actions.iter().any(|action| !action.outputs.is_empty()))
        };
        results.delivered.iter().filter(|(id, _)| !makes(id)).map(|(id, what)| (id.clone(), what.clone())).collect()
    }
}

impl Goal {
    /// Returns the same goal for another target.
    fn with(&self, target: TargetId) -> Goal {
        match self {
            Goal::Build(_) => Goal::Build(target),
            Goal::Test(_) => Goal::Test(target),
        }
    }
}
