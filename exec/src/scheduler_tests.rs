//! The laws of the scheduler, on random graphs with random replies.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use proptest::prelude::*;

use super::*;

/// A world that answers requests by a tape of random numbers.
struct World {
    scheduler: Scheduler,
    open: VecDeque<Request>,
    tape: Vec<u8>,
    at: usize,
    executions: BTreeMap<Index, u32>,
    faults: Faults,
}

#[derive(Clone, Copy, PartialEq)]
enum Faults {
    None,
    Losses,
    Failures,
}

impl World {
    fn new(nodes: Vec<Node>, jobs: usize, on_failure: OnFailure, tape: Vec<u8>, faults: Faults) -> World {
        let (scheduler, requests) = Scheduler::new(nodes, room(jobs), on_failure);
        World { scheduler, open: requests.into(), tape, at: 0, executions: BTreeMap::new(), faults }
    }

    fn random(&mut self, below: usize) -> usize {
        self.at += 1;
        let byte = self.tape[self.at % self.tape.len()] as usize + self.at * 7;
        byte % below.max(1)
    }

    /// Answers one open request.
    fn step(&mut self) -> bool {
        let pick = self.random(self.open.len());
        let Some(request) = self.open.remove(pick) else { return false };
        let (index, reply) = self.answer(request);
        let more = self.scheduler.on(index, reply);
        self.open.extend(more);
        self.check();
        true
    }

    fn answer(&mut self, request: Request) -> (Index, Reply) {
        match request {
            Request::Ask(index, Asking::Never) => (index, Reply::Missed),
            Request::Ask(index, Asking::Cache) => {
                let hit = self.random(3) == 0;
                (index, if hit { Reply::Known(Outputs::Same) } else { Reply::Missed })
            }
            Request::Execute(index, _) => {
                *self.executions.entry(index).or_default() += 1;
                (index, self.fault(index))
            }
            Request::Deliver(index) => (index, self.fault(index)),
        }
    }

    fn fault(&mut self, index: Index) -> Reply {
        let deps = self.scheduler.nodes[index].deps.clone();
        match (self.faults, self.random(8)) {
            (Faults::Losses, 0) if !deps.is_empty() => {
                let lost = deps[self.random(deps.len())];
                Reply::Lost(vec![lost])
            }
            (Faults::Losses, 1) => Reply::Known(Outputs::Different),
            (Faults::Failures, 0) => Reply::Failed,
            _ => Reply::Known(Outputs::Same),
        }
    }

    /// What holds after every reply.
    fn check(&self) {
        let scheduler = &self.scheduler;
        for (index, node) in scheduler.nodes.iter().enumerate() {
            if let Phase::Blocked(unknown) = scheduler.phases[index] {
                let recount = node.deps.iter().filter(|dep| scheduler.phases[**dep] != Phase::Known).count();
                assert_eq!(unknown, recount, "the count of node {index} is wrong");
                assert!(unknown > 0, "node {index} is blocked by nothing");
            }
        }
        let fetches = scheduler.executing().filter(|index| scheduler.is_fetch(*index)).count();
        assert!(scheduler.executing().count() - fetches <= scheduler.room.places, "more than -j steps execute");
        assert!(fetches <= FETCHED_AT_ONCE, "too much is fetched at once");
        assert!(
            !scheduler.running.keys().any(|index| scheduler.executes_alone(*index))
                || scheduler.executing().count() == 1,
            "an exclusive step is not alone"
        );
        let open = self.open.len();
        assert_eq!(open, scheduler.running.len(), "the scheduler has lost sight of a request");
    }

    fn run(&mut self) {
        for _ in 0..20_000 {
            if !self.step() {
                break;
            }
        }
        assert!(self.scheduler.is_finished(), "the run does not end");
    }

    fn phases(&self) -> &[Phase] {
        &self.scheduler.phases
    }
}

fn graphs() -> impl Strategy<Value = Vec<Node>> {
    let node = (proptest::collection::vec(any::<prop::sample::Index>(), 0..4), 0..10u8, 1..50u64);
    proptest::collection::vec(node, 1..25).prop_map(|drafts| {
        let mut nodes: Vec<Node> = Vec::new();
        for (index, (deps, kind, weight)) in drafts.into_iter().enumerate() {
            let mut deps: Vec<Index> =
                if index == 0 { vec![] } else { deps.iter().map(|dep| dep.index(index)).collect() };
            deps.sort();
            deps.dedup();
            deps.retain(|dep| nodes[*dep].work != Work::Deliver);
            let settled = deps.iter().all(|dep| nodes[*dep].start == Start::Known);
            let start = if kind < 3 && settled { Start::Known } else { Start::Unknown };
            let work = match kind {
                3 => Work::Step(Asking::Never, Place::Shared),
                4 => Work::Step(Asking::Cache, Place::Alone),
                5 => Work::Step(Asking::Never, Place::Alone),
                7 => Work::Step(Asking::Cache, Place::Beside),
                // A delivery may be known to lie there before anything starts.
                0 | 6 if !deps.is_empty() => Work::Deliver,
                _ => Work::Step(Asking::Cache, Place::Shared),
            };
            nodes.push(Node { deps, start, work, weight: Duration::from_millis(weight), share: ONE });
        }
        nodes
    })
}

proptest! {
    #[test]
    fn without_faults_everything_becomes_known_and_runs_at_most_once(
        nodes in graphs(), jobs in 1..4usize, tape in proptest::collection::vec(any::<u8>(), 16..64),
    ) {
        let mut world = World::new(nodes, jobs, OnFailure::Stop, tape, Faults::None);
        world.run();
        prop_assert!(world.phases().iter().all(|phase| *phase == Phase::Known));
        prop_assert!(world.executions.values().all(|times| *times == 1));
    }

    #[test]
    fn lost_outputs_are_made_again_and_the_run_ends(
        nodes in graphs(), jobs in 1..4usize, tape in proptest::collection::vec(any::<u8>(), 16..64),
    ) {
        let mut world = World::new(nodes, jobs, OnFailure::KeepGoing, tape, Faults::Losses);
        world.run();
        let ended = |phase: &Phase| matches!(phase, Phase::Known | Phase::Failed | Phase::Skipped);
        prop_assert!(world.phases().iter().all(ended), "{:?}", world.phases());
    }

    #[test]
    fn only_what_depends_on_a_failure_is_skipped_when_the_rest_goes_on(
        nodes in graphs(), jobs in 1..4usize, tape in proptest::collection::vec(any::<u8>(), 16..64),
    ) {
        let mut world = World::new(nodes.clone(), jobs, OnFailure::KeepGoing, tape, Faults::Failures);
        world.run();
        for (index, node) in nodes.iter().enumerate() {
            let broken = node.deps.iter().any(|dep| matches!(world.phases()[*dep], Phase::Failed | Phase::Skipped));
            prop_assert_eq!(world.phases()[index] == Phase::Skipped, broken);
        }
    }

    #[test]
    fn after_a_failure_nothing_new_executes_unless_asked_to(
        nodes in graphs(), jobs in 1..4usize, tape in proptest::collection::vec(any::<u8>(), 16..64),
    ) {
        let mut world = World::new(nodes, jobs, OnFailure::Stop, tape, Faults::Failures);
        let mut under_way = None;
        while world.step() {
            let failed = (0..world.phases().len()).any(|index| world.phases()[index] == Phase::Failed
                && world.scheduler.nodes[index].work != Work::Deliver);
            if failed {
                let executing = world.scheduler.executing().count();
                prop_assert!(executing <= under_way.unwrap_or(usize::MAX), "a step started after the failure");
                under_way = Some(executing);
            }
        }
        let ended = |phase: &Phase| matches!(phase, Phase::Known | Phase::Failed | Phase::Skipped);
        prop_assert!(world.phases().iter().all(ended), "{:?}", world.phases());
    }
}

#[test]
fn the_longest_chain_starts_first() {
    let node = |deps: &[Index], millis| Node {
        deps: deps.to_vec(),
        start: Start::Unknown,
        work: Work::Step(Asking::Cache, Place::Shared),
        weight: Duration::from_millis(millis),
        share: ONE,
    };
    let nodes = vec![node(&[], 1), node(&[], 10), node(&[1], 10), node(&[], 15)];
    let (mut scheduler, requests) = Scheduler::new(nodes, room(1), OnFailure::Stop);
    assert_eq!(requests, [1, 3, 0].map(|index| Request::Ask(index, Asking::Cache)));
    scheduler.on(0, Reply::Missed);
    scheduler.on(3, Reply::Missed);
    scheduler.on(1, Reply::Missed);
    let next = scheduler.on(0, Reply::Known(Outputs::Same));
    assert_eq!(next, [Request::Execute(1, Asking::Cache)]);
}

/// What most steps take.
const ONE: Share = Share { places: 1, memory_bytes: 0 };

fn room(places: usize) -> Share {
    Share { places, memory_bytes: u64::MAX }
}

/// Returns what executes once the cache has none of some steps without dependencies.
fn executing(places: &[Place], jobs: usize) -> Vec<Index> {
    let node = |place: &Place| Node {
        deps: vec![],
        start: Start::Unknown,
        work: Work::Step(Asking::Cache, *place),
        weight: Duration::ZERO,
        share: ONE,
    };
    let nodes = places.iter().map(node).collect();
    let (mut scheduler, requests) = Scheduler::new(nodes, room(jobs), OnFailure::Stop);
    let mut open = VecDeque::from(requests);
    while let Some(request) = open.pop_front() {
        if let Request::Ask(index, _) = request {
            open.extend(scheduler.on(index, Reply::Missed));
        }
    }
    scheduler.executing().collect()
}

#[test]
fn what_takes_much_of_the_machine_leaves_less_to_others() {
    let check = |shares: &[(usize, u64)], want: &[Index]| {
        let node = |(places, memory_bytes): &(usize, u64)| Node {
            deps: vec![],
            start: Start::Unknown,
            work: Work::Step(Asking::Never, Place::Shared),
            weight: Duration::ZERO,
            share: Share { places: *places, memory_bytes: *memory_bytes },
        };
        let nodes = shares.iter().map(node).collect();
        let (mut scheduler, requests) = Scheduler::new(nodes, Share { places: 4, memory_bytes: 100 }, OnFailure::Stop);
        for request in requests {
            let Request::Ask(index, _) = request else { continue };
            scheduler.on(index, Reply::Missed);
        }
        assert_eq!(scheduler.executing().collect::<Vec<_>>(), want, "{shares:?}");
    };
    check(&[(1, 0); 5], &[0, 1, 2, 3]);
    check(&[(2, 0), (2, 0), (1, 0)], &[0, 1]);
    check(&[(3, 0), (2, 0), (1, 0)], &[0]);
    check(&[(0, 60), (0, 40), (0, 1)], &[0, 1]);
    // More than there is: alone, but not never.
    check(&[(9, 0), (1, 0)], &[0]);
    check(&[(1, 200), (1, 1)], &[0]);
    check(&[(1, 1), (1, 200), (1, 1)], &[0]);
}

#[test]
fn fetches_take_no_place_of_other_steps() {
    let many = vec![Place::Beside; 40];
    assert_eq!(executing(&many, 1), (0..FETCHED_AT_ONCE).collect::<Vec<_>>());
    // However many of them wait, what can be executed meanwhile is.
    let then = [many.as_slice(), &[Place::Shared; 3]].concat();
    let want: Vec<Index> = (0..FETCHED_AT_ONCE).chain([40, 41]).collect();
    assert_eq!(executing(&then, 2), want);
}

#[test]
fn an_exclusive_step_waits_for_fetches_too() {
    assert_eq!(executing(&[Place::Beside, Place::Alone, Place::Beside], 2), [0, 2]);
    assert_eq!(executing(&[Place::Alone, Place::Beside], 2), [0]);
}

#[test]
fn a_cancelled_run_starts_nothing_and_ends() {
    let nodes = (0..5)
        .map(|_| Node {
            deps: vec![],
            start: Start::Unknown,
            work: Work::Step(Asking::Cache, Place::Shared),
            weight: Duration::ZERO,
            share: ONE,
        })
        .collect();
    let (mut scheduler, requests) = Scheduler::new(nodes, room(2), OnFailure::KeepGoing);
    scheduler.stop();
    for request in requests {
        let Request::Ask(index, _) = request else { panic!("nothing else is asked") };
        assert!(scheduler.on(index, Reply::Missed).is_empty());
    }
    assert!(scheduler.is_finished());
}
