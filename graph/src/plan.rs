//! Plans: which steps the goals need, which of them are settled, and what is to be delivered.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use model::{Fingerprint, Kind, Need, Origin, Provided, Purpose, RelPath, TargetId};

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

impl Plan {
    /// Returns the plan of one step, which runs whatever is known of it, and delivers nothing.
    #[must_use]
    pub fn only(mut self, step: StepId, graph: &Graph) -> Plan {
        let wanted: HashSet<StepId> = graph.closure(&BTreeSet::from([step])).into_iter().collect();
        self.steps.retain(|planned| wanted.contains(&planned.step));
        self.steps.iter_mut().filter(|planned| planned.step == step).for_each(|planned| planned.state = State::Force);
        Plan { steps: self.steps, deliveries: Vec::new(), stale: Vec::new() }
    }
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
    /// What is known is taken, but for the verdicts of tests.
    AllButTests,
    /// Everything runs.
    Nothing,
}

impl Graph {
    /// Returns the steps that goals ask for by name; what these depend on comes with [`Graph::closure`].
    pub fn goal_steps(&self, goals: &[Goal]) -> BTreeSet<StepId> {
        let mut steps = BTreeSet::new();
        let mut seen: HashSet<(usize, Asked)> = HashSet::new();
        let mut queue: Vec<(usize, Asked)> = goals.iter().filter_map(|goal| self.asked(goal)).collect();
        while let Some((index, asked)) = queue.pop() {
            if !seen.insert((index, asked)) {
                continue;
            }
            let target = &self.analysis().targets[index];
            if target.kind == Kind::Suite {
                let tests = target.deps.iter().filter_map(|dependency| self.target_index(&dependency.target));
                queue.extend(tests.map(|test| (test, asked)));
            }
            for provided in &target.provides {
                if let Origin::Output(owner, name) = &provided.from
                    && *owner != target.id
                {
                    steps.extend(self.producer(owner, name));
                }
            }
            for step in self.steps_of(index) {
                match (self.action(step).purpose, asked) {
                    (Purpose::Test, Asked::Build) => steps.extend(self.deps(step)),
                    _ => drop(steps.insert(step)),
                }
            }
        }
        steps
    }

    fn asked(&self, goal: &Goal) -> Option<(usize, Asked)> {
        let (id, asked) = match goal {
            Goal::Build(id) => (id, Asked::Build),
            Goal::Test(id) => (id, Asked::Test),
        };
        Some((self.target_index(id)?, asked))
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

    /// Returns the first action for the goals that has such a need.
    pub fn first_with(&self, goals: &[Goal], is_it: &dyn Fn(&Need) -> bool) -> Option<StepId> {
        let steps = self.closure(&self.goal_steps(goals));
        steps.into_iter().find(|step| self.action(*step).needs.iter().any(is_it))
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
        let anew = match wishes.reuse {
            Reuse::Known => false,
            Reuse::AllButTests => self.action(step).purpose == Purpose::Test,
            Reuse::Nothing => true,
        };
        if anew || wishes.rerun.contains(&self.target_of(step).id) {
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
        let mut owners: BTreeSet<usize> = BTreeSet::new();
        for target in goals.iter().filter_map(|goal| self.asked(goal)).map(|(index, _)| &self.analysis().targets[index])
        {
            for provided in &target.provides {
                if let Origin::Output(owner, _) = &provided.from {
                    owners.extend(self.target_index(owner));
                }
            }
        }
        owners.into_iter().filter_map(|owner| self.delivery(owner, wanted)).collect()
    }

    /// Returns the delivery of a target's outputs, as far as their steps are wanted.
    fn delivery(&self, owner: usize, wanted: &BTreeSet<StepId>) -> Option<Delivery> {
        let target = &self.analysis().targets[owner];
        let own = |provided: &Provided| match &provided.from {
            Origin::Output(made_by, name) if *made_by == target.id => self.producer(made_by, name),
            _ => None,
        };
        let outputs = target.provides.iter().filter_map(|provided| Some((provided.name.clone(), own(provided)?)));
        let mut outputs: Vec<(RelPath, StepId)> = outputs.filter(|(_, step)| wanted.contains(step)).collect();
        outputs.sort();
        let directory = target.id.out_dir(&self.analysis().platform);
        (!outputs.is_empty()).then(|| Delivery { target: target.id.clone(), directory, outputs })
    }

    fn stale(&self, results: &Results) -> Vec<(TargetId, Delivered)> {
        let makes = |id: &TargetId| {
            self.target(id).is_some_and(|target| target.actions.iter().any(|action| !action.outputs.is_empty()))
        };
        results.delivered.iter().filter(|(id, _)| !makes(id)).map(|(id, what)| (id.clone(), what.clone())).collect()
    }
}

/// What is asked of a target.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Asked {
    Build,
    Test,
}
