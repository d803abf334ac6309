//! The scheduler: replies in, requests out. A pure state machine: no thread, no clock, no file.
//!
//! ```text
//! Blocked(n) → Ready → Asking → Missed → Executing → Known | Failed | Skipped
//! ```
//! `Blocked(n)`: n dependencies are not Known. A step that is Known can be lost: a consumer found that bytes of its
//! outputs are gone. Then the consumer is Blocked again and the step is Ready, to run whatever the cache says. If its
//! outputs come out different, consumers that are Known already become Ready again.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::OnFailure;

/// The number of a step within the plan.
pub(crate) type Index = usize;

/// How often a step that was Known may run again because its bytes were lost.
const LOSSES: u32 = 3;

/// How many questions to the cache are under way at once.
const ASKED_AT_ONCE: usize = 16;

/// How many packages are fetched at once: they wait for servers, not for a processor, so they take no place of `-j`.
pub(crate) const FETCHED_AT_ONCE: usize = 16;

/// How many steps may wait for a free place, for each place: a step that waits holds its whole description. That of a
/// fetch is small, so those are not counted.
const WAITING_FOR_EACH_JOB: usize = 4;

/// One node of a plan: a step, or a delivery.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// The nodes whose outputs it takes.
    pub deps: Vec<Index>,
    /// What is known of it before anything starts.
    pub start: Start,
    /// What is done for it.
    pub work: Work,
    /// How long it is expected to run.
    pub weight: Duration,
    /// What of the machine it takes while it executes.
    pub share: Share,
}

/// What of a machine a step takes, or a machine has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Share {
    /// Places of `-j`.
    pub places: usize,
    /// Memory.
    pub memory_bytes: u64,
}

/// What is known of a node before anything starts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Start {
    /// Its result, or that it lies in the checkout.
    Known,
    /// Nothing.
    Unknown,
}

/// What is done for a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Work {
    /// A step is executed.
    Step(Asking, Place),
    /// Outputs are brought into the checkout; such a node has no dependents.
    Deliver,
}

/// Whether a step executes beside others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// It may.
    Shared,
    /// While it executes nothing else does.
    Alone,
    /// It fetches, and executes beside the others.
    Beside,
}

/// What the owner of the threads is to do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Request {
    /// Compute the key and ask the cache; with `Asking::Never` only compute the key.
    Ask(Index, Asking),
    /// Execute.
    Execute(Index, Asking),
    /// Bring outputs into the checkout.
    Deliver(Index),
}

/// Whether a known result may be taken.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Asking {
    /// It may.
    Cache,
    /// It has to run.
    Never,
}

/// What came of a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Reply {
    /// The cache was asked and has no result.
    Missed,
    /// The result is known, from the cache or from running.
    Known(Outputs),
    /// Bytes of outputs of these nodes are gone.
    Lost(Vec<Index>),
    /// It failed.
    Failed,
}

/// Whether a result equals the one that dependents have seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outputs {
    /// There was none, or it was the same.
    Same,
    /// A rerun made something else.
    Different,
}

/// Where a node stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    /// So many dependencies are not Known.
    Blocked(usize),
    /// It may be asked for.
    Ready,
    /// The cache is being asked.
    Asking,
    /// It waits for a free place to execute.
    Missed,
    /// It executes, or is being delivered.
    Executing,
    /// Its outputs are known.
    Known,
    /// It failed.
    Failed,
    /// It will not be tried.
    Skipped,
}

/// The state of a run.
pub(crate) struct Scheduler {
    nodes: Vec<Node>,
    dependents: Vec<Vec<Index>>,
    phases: Vec<Phase>,
    losses: Vec<u32>,
    priority: Vec<Duration>,
    ready: BTreeSet<(Reverse<Duration>, Index)>,
    missed: BTreeSet<(Reverse<Duration>, Index)>,
    /// Fetches that wait for a free place of theirs.
    missed_fetches: BTreeSet<(Reverse<Duration>, Index)>,
    /// Nodes under way for which a dependency has come out different meanwhile.
    stale: BTreeSet<Index>,
    running: BTreeMap<Index, Phase>,
    room: Share,
    on_failure: OnFailure,
    stopped: bool,
}

impl Scheduler {
    /// Starts: nodes come after all that they depend on.
    pub fn new(nodes: Vec<Node>, room: Share, on_failure: OnFailure) -> (Scheduler, Vec<Request>) {
        let mut dependents = vec![Vec::new(); nodes.len()];
        for (index, node) in nodes.iter().enumerate() {
            node.deps.iter().for_each(|dep| dependents[*dep].push(index));
        }
        let priority = critical_paths(&nodes, &dependents);
        let mut scheduler = Scheduler {
            phases: vec![Phase::Blocked(0); nodes.len()],
            losses: vec![0; nodes.len()],
            dependents,
            priority,
            nodes,
            ready: BTreeSet::new(),
            missed: BTreeSet::new(),
            missed_fetches: BTreeSet::new(),
            stale: BTreeSet::new(),
            running: BTreeMap::new(),
            room: Share { places: room.places.max(1), ..room },
            on_failure,
            stopped: false,
        };
        for index in 0..scheduler.nodes.len() {
            if scheduler.nodes[index].start == Start::Known {
                scheduler.phases[index] = Phase::Known;
            } else {
                scheduler.block(index);
            }
        }
        let requests = scheduler.requests();
        (scheduler, requests)
    }

    /// Takes the reply to a request.
    pub fn on(&mut self, index: Index, reply: Reply) -> Vec<Request> {
        self.running.remove(&index);
        let stale = self.stale.remove(&index);
        match reply {
            // It was made of outputs that are not the ones any more: whatever came of it, it is asked for again.
            Reply::Missed | Reply::Known(_) if stale => self.block(index),
            Reply::Missed => self.miss(index),
            Reply::Known(outputs) => self.know(index, outputs),
            Reply::Lost(producers) => self.lose(index, &producers),
            Reply::Failed => self.fail(index),
        }
        self.requests()
    }

    /// Ends the run: nothing new starts.
    pub fn stop(&mut self) {
        self.stopped = true;
        self.ready.clear();
        self.missed.clear();
        self.missed_fetches.clear();
        for phase in &mut self.phases {
            if matches!(phase, Phase::Blocked(_) | Phase::Ready | Phase::Missed) {
                *phase = Phase::Skipped;
            }
        }
    }

    /// Whether nothing is under way; then nothing will start either.
    pub fn is_finished(&self) -> bool {
        self.running.is_empty()
    }

    /// Whether nothing new executes any more.
    pub fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Returns the steps that execute; deliveries are none.
    pub fn executing(&self) -> impl Iterator<Item = Index> {
        let executes = |(index, phase): (&Index, &Phase)| *phase == Phase::Executing && !self.delivers(*index);
        self.running.iter().filter(move |it| executes(*it)).map(|(index, _)| *index)
    }

    /// Returns where a node stands.
    pub fn phase(&self, index: Index) -> Phase {
        self.phases[index]
    }

    /// Puts a node to Blocked or Ready, by its dependencies.
    fn block(&mut self, index: Index) {
        let node = &self.nodes[index];
        if node.deps.iter().any(|dep| matches!(self.phases[*dep], Phase::Failed | Phase::Skipped)) {
            return self.skip(index);
        }
        match self.unknown_deps(index) {
            0 => self.make_ready(index),
            unknown => self.phases[index] = Phase::Blocked(unknown),
        }
    }

    fn unknown_deps(&self, index: Index) -> usize {
        self.nodes[index].deps.iter().filter(|dep| self.phases[**dep] != Phase::Known).count()
    }

    fn make_ready(&mut self, index: Index) {
        if self.stopped && !self.delivers(index) {
            self.skip(index);
            return;
        }
        self.phases[index] = Phase::Ready;
        self.ready.insert((Reverse(self.priority[index]), index));
    }

    fn miss(&mut self, index: Index) {
        if self.stopped {
            return self.skip(index);
        }
        // A dependency may have been lost while the cache was asked; then the key may become another.
        if self.unknown_deps(index) > 0 {
            return self.block(index);
        }
        self.phases[index] = Phase::Missed;
        let waiting = if self.is_fetch(index) { &mut self.missed_fetches } else { &mut self.missed };
        waiting.insert((Reverse(self.priority[index]), index));
    }

    fn know(&mut self, index: Index, outputs: Outputs) {
        self.phases[index] = Phase::Known;
        for dependent in self.dependents[index].clone() {
            match (self.phases[dependent], outputs) {
                (Phase::Blocked(1), _) => self.make_ready(dependent),
                (Phase::Blocked(unknown), _) => self.phases[dependent] = Phase::Blocked(unknown - 1),
                (Phase::Known, Outputs::Different) => self.forget(dependent),
                (Phase::Asking | Phase::Executing, Outputs::Different) => drop(self.stale.insert(dependent)),
                _ => {}
            }
        }
    }

    /// Takes a node out of Known, so that it runs again; Blocked dependents wait for it.
    fn forget(&mut self, index: Index) {
        self.phases[index] = Phase::Ready;
        for dependent in self.dependents[index].clone() {
            match self.phases[dependent] {
                Phase::Blocked(unknown) => self.phases[dependent] = Phase::Blocked(unknown + 1),
                Phase::Ready | Phase::Missed => {
                    self.unready(dependent);
                    self.phases[dependent] = Phase::Blocked(1);
                }
                _ => {}
            }
        }
        self.block(index);
    }

    fn unready(&mut self, index: Index) {
        self.ready.remove(&(Reverse(self.priority[index]), index));
        self.missed.remove(&(Reverse(self.priority[index]), index));
        self.missed_fetches.remove(&(Reverse(self.priority[index]), index));
    }

    fn lose(&mut self, index: Index, producers: &[Index]) {
        let too_often = producers.iter().any(|producer| self.losses[*producer] >= LOSSES);
        if too_often || (producers.is_empty() && self.losses[index] >= LOSSES) {
            return self.fail(index);
        }
        // A loss that is nobody's is a source that has to be brought in again: the node itself tries again.
        if producers.is_empty() {
            self.losses[index] += 1;
        }
        self.phases[index] = Phase::Blocked(0);
        for producer in producers {
            if self.phases[*producer] == Phase::Known {
                self.losses[*producer] += 1;
                self.forget(*producer);
            }
        }
        self.block(index);
    }

    fn fail(&mut self, index: Index) {
        self.phases[index] = Phase::Failed;
        self.skip_dependents(index);
        if self.on_failure == OnFailure::Stop && !self.stopped {
            self.stop_starting();
        }
    }

    /// Nothing new executes; what is known is still delivered.
    fn stop_starting(&mut self) {
        self.stopped = true;
        for index in 0..self.nodes.len() {
            let waits = matches!(self.phases[index], Phase::Blocked(_) | Phase::Ready | Phase::Missed);
            if waits && !self.delivers(index) {
                self.skip(index);
            }
        }
    }

    fn skip(&mut self, index: Index) {
        self.unready(index);
        self.phases[index] = Phase::Skipped;
        self.skip_dependents(index);
    }

    /// Skips what waits for a node, and what waits for that: with a list, because graphs are deep.
    fn skip_dependents(&mut self, index: Index) {
        let mut above = vec![index];
        while let Some(index) = above.pop() {
            for dependent in self.dependents[index].clone() {
                if matches!(self.phases[dependent], Phase::Blocked(_) | Phase::Ready | Phase::Missed) {
                    self.unready(dependent);
                    self.phases[dependent] = Phase::Skipped;
                    above.push(dependent);
                }
            }
        }
    }

    /// Starts what may start.
    fn requests(&mut self) -> Vec<Request> {
        let mut requests = Vec::new();
        while self.may_ask() {
            let Some((_, index)) = self.ready.pop_first() else { break };
            let (request, phase) = match self.nodes[index].work {
                Work::Deliver => (Request::Deliver(index), Phase::Executing),
                Work::Step(..) => (Request::Ask(index, self.asking(index)), Phase::Asking),
            };
            self.start(index, phase);
            requests.push(request);
        }
        while let Some(index) = self.next_to_execute() {
            self.unready(index);
            self.start(index, Phase::Executing);
            requests.push(Request::Execute(index, self.asking(index)));
        }
        requests
    }

    /// Returns the next step that has a place: the most urgent of those that take one of `-j`, or else a fetch.
    fn next_to_execute(&self) -> Option<Index> {
        if self.running.keys().any(|it| self.executes_alone(*it)) {
            return None;
        }
        let fetches = self.executing().filter(|it| self.is_fetch(*it)).count();
        let others: Vec<Index> = self.executing().filter(|it| !self.is_fetch(*it)).collect();
        // The most urgent waits for its room, whatever smaller ones could have: else it might wait for ever.
        let urgent = self.missed.first().map(|(_, index)| *index).filter(|index| self.has_room(*index, &others));
        let urgent = urgent.filter(|index| !self.is_alone(*index) || fetches + others.len() == 0);
        let fetch = self.missed_fetches.first().map(|(_, index)| *index).filter(|_| fetches < FETCHED_AT_ONCE);
        urgent.or(fetch)
    }

    /// Whether a step fits beside others. What wants more than there is runs alone.
    fn has_room(&self, index: Index, others: &[Index]) -> bool {
        let places = |index: Index| self.nodes[index].share.places.clamp(1, self.room.places);
        let taken: usize = others.iter().map(|other| places(*other)).sum();
        let held = others.iter().fold(0_u64, |sum, other| sum.saturating_add(self.nodes[*other].share.memory_bytes));
        let fits = held.saturating_add(self.nodes[index].share.memory_bytes) <= self.room.memory_bytes;
        taken + places(index) <= self.room.places && (fits || others.is_empty())
    }

    fn may_ask(&self) -> bool {
        let asked = self.running.values().filter(|phase| **phase == Phase::Asking).count();
        asked < ASKED_AT_ONCE && self.missed.len() < WAITING_FOR_EACH_JOB * self.room.places
    }

    fn start(&mut self, index: Index, phase: Phase) {
        self.phases[index] = phase;
        self.running.insert(index, phase);
    }

    fn asking(&self, index: Index) -> Asking {
        match self.nodes[index].work {
            Work::Step(Asking::Cache, _) if self.losses[index] == 0 => Asking::Cache,
            Work::Step(..) | Work::Deliver => Asking::Never,
        }
    }

    fn delivers(&self, index: Index) -> bool {
        self.nodes[index].work == Work::Deliver
    }

    fn is_alone(&self, index: Index) -> bool {
        matches!(self.nodes[index].work, Work::Step(_, Place::Alone))
    }

    fn is_fetch(&self, index: Index) -> bool {
        matches!(self.nodes[index].work, Work::Step(_, Place::Beside))
    }

    fn executes_alone(&self, index: Index) -> bool {
        self.phases[index] == Phase::Executing && self.is_alone(index)
    }
}

/// Returns for each node how long it and the longest chain of its dependents are expected to run.
fn critical_paths(nodes: &[Node], dependents: &[Vec<Index>]) -> Vec<Duration> {
    let mut paths = vec![Duration::ZERO; nodes.len()];
    for index in (0..nodes.len()).rev() {
        let after = dependents[index].iter().map(|dependent| paths[*dependent]).max().unwrap_or_default();
        paths[index] = nodes[index].weight + after;
    }
    paths
}

#[cfg(test)]
#[path = "scheduler_tests.rs"]
mod tests;
