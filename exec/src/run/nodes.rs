//! From a plan to the scheduler's nodes: what is known before anything starts, and how long the rest is expected to run.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use cache::Past;
use graph::{State, StepId};
use model::Purpose;

use super::{Errand, Owner};
use crate::deliver::is_intact;
use crate::event::{Event, Total};
use crate::machine::Machine;
use crate::scheduler::{Asking, FETCHED_AT_ONCE, Index, Node, Place, Share, Start, Work};

impl Owner<'_, '_> {
    /// Makes the scheduler's nodes: the steps of the plan, then its deliveries.
    pub(super) fn nodes(&mut self) -> Vec<Node> {
        let plan = self.errand.plan;
        let all_settled = plan.steps.iter().all(|planned| matches!(planned.state, State::Settled(_)));
        let history = if all_settled { HashMap::new() } else { self.machine.cache.history() };
        let mut nodes = Vec::with_capacity(plan.steps.len() + plan.deliveries.len());
        for (index, planned) in plan.steps.iter().enumerate() {
            let action = self.errand.graph.action(planned.step);
            let (start, asking) = match &planned.state {
                State::Settled(known) => {
                    self.known[index] = Some(known.clone());
                    (Start::Known, Asking::Cache)
                }
                State::Force => (Start::Unknown, Asking::Never),
                State::Ask => (Start::Unknown, Asking::Cache),
            };
            let work = Work::Step(asking, place(action));
            let deps = self.errand.graph.deps(planned.step).iter().map(|dep| self.index_of[dep]).collect();
            let past = history.get(&self.errand.graph.title(planned.step));
            let weight = past.map_or(Duration::from_millis(1), |past| past.duration);
            nodes.push(Node { deps, start, work, weight, share: share(action, past) });
        }
        for delivery in &plan.deliveries {
            let deps = delivery.outputs.iter().map(|(_, step)| self.index_of[step]);
            let deps = BTreeSet::from_iter(deps).into_iter().collect();
            let start = if self.is_delivered(delivery) { Start::Known } else { Start::Unknown };
            nodes.push(Node { deps, start, work: Work::Deliver, weight: Duration::ZERO, share: SMALL });
        }
        self.announce(&history);
        nodes
    }

    fn announce(&mut self, history: &HashMap<String, Past>) {
        let counted = |index: &Index| self.purpose(*index) != Purpose::Internal;
        let steps: Vec<Index> = (0..self.known.len()).filter(counted).collect();
        let settled = steps.iter().filter(|index| self.known[**index].is_some()).count();
        (self.on_event)(Event::Planned(Total { steps: steps.len(), settled }));
        let to_come = steps.into_iter().filter(|index| self.known[*index].is_none()).map(|index| self.step(index));
        let expected = |step| (step, history.get(&self.errand.graph.title(step)).map(|past| past.duration));
        let durations: BTreeMap<StepId, Option<Duration>> = to_come.map(expected).collect();
        if !durations.is_empty() {
            (self.on_event)(Event::Expected { durations: &durations, jobs: self.machine.jobs });
        }
    }

    /// Whether the outputs of settled steps lie in the checkout as they were left.
    fn is_delivered(&self, delivery: &graph::Delivery) -> bool {
        let Some(before) = self.results.delivered.get(&delivery.target) else { return false };
        self.contents(delivery).is_some_and(|outputs| outputs == before.outputs)
            && is_intact(&self.machine.root, &delivery.directory, before)
    }
}

/// What a delivery takes.
const SMALL: Share = Share { places: 1, memory_bytes: 0 };

/// Returns what an action takes: as it is declared, or as much memory as it held when it ran last.
fn share(action: &model::Action, past: Option<&Past>) -> Share {
    let held = past.map_or(0, |past| past.peak_memory_bytes);
    Share { places: action.limits.cpus as usize, memory_bytes: action.limits.memory_bytes.unwrap_or(held) }
}

/// Returns what a machine has for actions: the memory that is free now, if anybody is known to want much of it.
pub(super) fn room(nodes: &[Node], machine: &Machine<'_>) -> Share {
    if nodes.iter().all(|node| node.share.memory_bytes == 0) {
        return Share { places: machine.jobs, memory_bytes: u64::MAX };
    }
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let free =
        text.lines().find_map(|line| line.strip_prefix("MemAvailable:")?.trim().strip_suffix(" kB")?.parse().ok());
    Share { places: machine.jobs, memory_bytes: free.map_or(u64::MAX, |kilobytes: u64| kilobytes << 10) }
}

fn place(action: &model::Action) -> Place {
    match (&action.work, action.limits.exclusive) {
        (model::Work::Fetch(_), _) => Place::Beside,
        (_, model::Exclusive::Yes) => Place::Alone,
        (_, model::Exclusive::No) => Place::Shared,
    }
}

/// Returns how many packages may be fetched at once: none, if none is missing.
pub(super) fn fetches_at_once(errand: &Errand<'_>) -> usize {
    let is_open = |planned: &&graph::Planned| !matches!(planned.state, State::Settled(_));
    let open = errand.plan.steps.iter().filter(is_open);
    open.filter(|planned| place(errand.graph.action(planned.step)) == Place::Beside).count().min(FETCHED_AT_ONCE)
}
