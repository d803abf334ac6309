//! The run: one owner keeps the scheduler, hands orders to workers, and takes their replies.
//!
//! A plan in which everything is settled and delivered starts no thread and opens no database.

mod ending;
mod nodes;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{Builder, Scope};
use std::time::Duration;

use graph::{Delivered, FileIds, Graph, Known, Plan, Results, StaticKeys, StepId};
use model::{Content, Digest, FileId, Purpose, RelPath, Tree};

use crate::Failure;
use crate::deliver::withdraw;
use crate::event::Event;
use crate::ingest::Sources;
use crate::machine::Machine;
use crate::perform::Attempt;
use crate::prepare::Prepared;
use crate::report::{Log, Report, Status, StepReport};
use crate::sandbox::How;
use crate::scheduler::{Index, Outputs, Phase, Reply, Request, Scheduler};
use crate::stock::{sweep, take_stock};
use crate::worker::{Order, Task, Told, serve};
use crate::writer::{Write, write_results};

use ending::blank;

/// How often time passes for whoever watches.
const TICK: Duration = Duration::from_millis(100);

/// What is to be run.
pub struct Errand<'a> {
    /// The linked graph.
    pub graph: &'a Graph,
    /// What of it is wanted.
    pub plan: &'a Plan,
    /// The static keys that the plan was made with.
    pub keys: &'a StaticKeys,
    /// Where sources are read from.
    pub tree: &'a dyn Tree,
    /// The id of each source, as the static keys were made of.
    pub ids: &'a FileIds,
    /// Whether targets may be others than in the last run.
    pub definitions: Definitions,
}

/// Whether targets may be others than in the last run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Definitions {
    /// They are the same.
    Unchanged,
    /// They may be others.
    Changed,
}

/// Runs a plan. `results` is what earlier runs made; the report holds what the next one has to know.
pub fn run(
    errand: &Errand<'_>,
    results: Results,
    machine: &Machine<'_>,
    on_event: &mut dyn FnMut(Event<'_>),
) -> Report {
    let mut owner = Owner::new(errand, results, machine, on_event);
    // Before anything is delivered: the outputs of a new target may lie where those of one that is gone do.
    owner.withdraw_stale();
    owner.take_stock();
    let nodes = owner.nodes();
    let room = nodes::room(&nodes, machine);
    let (scheduler, requests) = Scheduler::new(nodes, room, machine.on_failure);
    let scheduler = if requests.is_empty() { scheduler } else { owner.drive(scheduler, requests) };
    owner.finish(&scheduler)
}

struct Owner<'a, 'e> {
    errand: &'a Errand<'a>,
    machine: &'a Machine<'a>,
    results: Results,
    changed: bool,
    /// Digests of sources that were brought into the store in this run.
    learned: HashMap<FileId, Digest>,
    on_event: &'e mut dyn FnMut(Event<'_>),
    /// By index in the plan: what is known of each step.
    known: Vec<Option<Arc<Known>>>,
    prepared: HashMap<Index, Arc<Prepared>>,
    reports: HashMap<Index, StepReport>,
    index_of: HashMap<StepId, Index>,
    undelivered: HashMap<Index, String>,
    warned: BTreeSet<String>,
    told_waiting: bool,
    /// How what ran in the place of an action ended.
    visited: Option<How>,
}

impl<'a, 'e> Owner<'a, 'e> {
    fn new(
        errand: &'a Errand<'a>,
        results: Results,
        machine: &'a Machine<'a>,
        on_event: &'e mut dyn FnMut(Event<'_>),
    ) -> Owner<'a, 'e> {
        let steps = &errand.plan.steps;
        Owner {
            errand,
            machine,
            results,
            changed: false,
            learned: HashMap::new(),
            on_event,
            known: vec![None; steps.len()],
            prepared: HashMap::new(),
            reports: HashMap::new(),
            index_of: steps.iter().enumerate().map(|(index, planned)| (planned.step, index)).collect(),
            undelivered: HashMap::new(),
            warned: BTreeSet::new(),
            told_waiting: false,
            visited: None,
        }
    }

    fn step(&self, index: Index) -> StepId {
        self.errand.plan.steps[index].step
    }

    fn purpose(&self, index: Index) -> Purpose {
        self.errand.graph.action(self.step(index)).purpose
    }

    /// Returns the outputs of a delivery, once all of its steps are known; optional outputs may be absent.
    fn contents(&self, delivery: &graph::Delivery) -> Option<Vec<(RelPath, Content)>> {
        let mut contents = Vec::new();
        for (name, step) in &delivery.outputs {
            let known = self.known[self.index_of[step]].as_ref()?;
            contents.extend(known.output(name).map(|content| (name.clone(), content.clone())));
        }
        Some(contents)
    }

    /// Runs until nothing is under way.
    fn drive(&mut self, mut scheduler: Scheduler, requests: Vec<Request>) -> Scheduler {
        let (errand, machine) = (self.errand, self.machine);
        // Workers look digests up while the owner goes on with the results.
        let before = std::mem::take(&mut self.results.digests);
        let sources = Sources::new(errand.tree, machine.cache, before.known());
        std::thread::scope(|scope| {
            let (to_owner, replies) = channel();
            let (to_writer, writes) = channel();
            let writer = Builder::new().spawn_scoped(scope, move || write_results(&writes, machine.cache));
            let orders = start_workers(scope, errand, machine, &sources, &to_owner);
            drop(to_owner);
            match (writer, orders) {
                (Ok(writer), Ok(orders)) => {
                    self.converse(&mut scheduler, requests, &orders, &replies, &to_writer);
                    drop(orders);
                    drop(to_writer);
                    let warnings = writer.join().unwrap_or_default();
                    warnings.into_iter().for_each(|warning| self.warn(&warning));
                }
                (Err(error), _) | (_, Err(error)) => self.fail_all(&mut scheduler, requests, &error),
            }
        });
        self.learned = sources.into_learned();
        self.changed |= !self.learned.is_empty();
        self.results.digests = before;
        // Also what this run could not remove itself.
        sweep(&machine.root);
        machine.cache.collect_if_needed();
        scheduler
    }

    /// Fails whatever is asked for: there is nobody to do it.
    fn fail_all(&mut self, scheduler: &mut Scheduler, mut requests: Vec<Request>, why: &std::io::Error) {
        while let Some(request) = requests.pop() {
            let index = match request {
                Request::Ask(index, _) | Request::Execute(index, _) => {
                    self.fail(index, Failure::Thread(why.to_string()), blank(Status::Skipped));
                    index
                }
                Request::Deliver(index) => {
                    self.undelivered.insert(index, why.to_string());
                    index
                }
            };
            requests.extend(scheduler.on(index, Reply::Failed));
        }
    }

    fn converse(
        &mut self,
        scheduler: &mut Scheduler,
        requests: Vec<Request>,
        orders: &Sender<Order>,
        replies: &Receiver<(Index, Told)>,
        writer: &Sender<Write>,
    ) {
        self.order(requests, orders);
        while !scheduler.is_finished() {
            if self.machine.cancel.is_cancelled() {
                scheduler.stop();
            }
            match replies.recv_timeout(TICK) {
                Ok((index, told)) => {
                    if let Some(reply) = self.take(index, told, writer) {
                        let lost = matches!(reply, Reply::Lost(_));
                        let requests = scheduler.on(index, reply);
                        if lost && scheduler.phase(index) == Phase::Failed && index < self.known.len() {
                            self.fail(index, Failure::LostInputs, blank(Status::Skipped));
                        }
                        self.order(requests, orders);
                        self.tell_what_is_waited_for(scheduler);
                    }
                }
                Err(RecvTimeoutError::Timeout) => (self.on_event)(Event::Tick),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
    }

    /// Tells once, after a failure, for what else the run does not end yet.
    fn tell_what_is_waited_for(&mut self, scheduler: &Scheduler) {
        if self.machine.cancel.is_cancelled() {
            return;
        }
        if scheduler.is_stopped() && !std::mem::replace(&mut self.told_waiting, true) {
            let executing = scheduler.executing().filter(|index| self.purpose(*index) != Purpose::Internal);
            let steps: Vec<StepId> = executing.map(|index| self.step(index)).collect();
            if !steps.is_empty() {
                (self.on_event)(Event::Waiting(&steps));
            }
        }
    }

    fn order(&mut self, requests: Vec<Request>, orders: &Sender<Order>) {
        for request in requests {
            let order = match request {
                Request::Ask(index, asking) => {
                    let deps = self.errand.graph.deps(self.step(index)).iter();
                    let deps = deps.map(|dep| (*dep, self.known_at(self.index_of[dep]))).collect();
                    Order { index, task: Task::Ask { step: self.step(index), deps, asking } }
                }
                Request::Execute(index, asking) => {
                    let prepared = self.prepared[&index].clone();
                    Order { index, task: Task::Execute { step: self.step(index), prepared, asking } }
                }
                Request::Deliver(index) => Order { index, task: self.delivery_task(index) },
            };
            // Workers end only after the owner has dropped its side.
            orders.send(order).expect("workers wait for orders");
        }
    }

    fn known_at(&self, index: Index) -> Arc<Known> {
        self.known[index].clone().expect("the scheduler asks for a step when its dependencies are known")
    }

    fn delivery_task(&self, index: Index) -> Task {
        let delivery = &self.errand.plan.deliveries[index - self.known.len()];
        let outputs = self.contents(delivery).expect("the scheduler delivers when the steps are known");
        let before = self.results.delivered.get(&delivery.target).cloned();
        Task::Deliver { directory: delivery.directory.clone(), outputs, before }
    }

    /// Notes what a worker tells, and translates it for the scheduler.
    fn take(&mut self, index: Index, told: Told, writer: &Sender<Write>) -> Option<Reply> {
        match told {
            Told::Attempt(attempt) => {
                self.tell_attempt(index, &attempt);
                None
            }
            Told::Missed(prepared) => {
                self.prepared.insert(index, prepared);
                Some(Reply::Missed)
            }
            Told::Hit { known, seen } => Some(self.know(index, known, seen, Status::Hit, blank(Status::Hit))),
            Told::Executed { known, seen, report, commit } => {
                if let Some(commit) = commit {
                    writer.send(commit).expect("the writer waits for results");
                }
                Some(self.know(index, known, seen, Status::Executed, report))
            }
            Told::Failed { failure, report } => {
                self.fail(index, failure, report);
                Some(Reply::Failed)
            }
            Told::Visited(how) => {
                self.visited = Some(how);
                self.reports.insert(index, blank(Status::Skipped));
                Some(Reply::Failed)
            }
            Told::Lost(steps) => Some(Reply::Lost(steps.iter().map(|step| self.index_of[step]).collect())),
            Told::Delivered(delivered) => {
                self.delivered(index, delivered);
                Some(Reply::Known(Outputs::Same))
            }
            Told::DeliveryLost(digests) => Some(Reply::Lost(self.holders(index, &digests))),
            Told::Undelivered(why) => {
                self.undelivered.insert(index, why);
                Some(Reply::Failed)
            }
        }
    }

    fn know(
        &mut self,
        index: Index,
        known: Known,
        seen: Option<[u8; 32]>,
        status: Status,
        mut report: StepReport,
    ) -> Reply {
        let before = self.known[index].replace(Arc::new(known));
        let now = self.known_at(index);
        let outputs = match before {
            Some(before) if before.outputs != now.outputs => Outputs::Different,
            _ => Outputs::Same,
        };
        self.remember(index, &now, seen);
        report.status = status;
        report.key = Some(now.key);
        report.duration = now.duration;
        if report.log.is_none() {
            report.log = now.log.map(|digest| Log { digest, excerpt: String::new() });
        }
        self.prepared.remove(&index);
        self.tell(index, report);
        Reply::Known(outputs)
    }

    fn remember(&mut self, index: Index, known: &Arc<Known>, seen: Option<[u8; 32]>) {
        self.changed = true;
        let step = self.step(index);
        let graph = self.errand.graph;
        self.results.failures.remove(&graph.title(step));
        let special = self.purpose(index) == Purpose::Test && !self.machine.trial.is_ordinary();
        if let Some(seen) = seen.filter(|_| !special) {
            self.results.actions.insert(self.errand.keys[step], graph::Remembered { known: known.clone(), seen });
        }
    }

    fn fail(&mut self, index: Index, failure: Failure, mut report: StepReport) {
        self.changed = true;
        let step = self.step(index);
        self.results.actions.remove(&self.errand.keys[step]);
        if !matches!(failure, Failure::Cancelled) {
            let failed = graph::Failed { why: failure.to_string(), log: report.log.as_ref().map(|log| log.digest) };
            self.results.failures.insert(self.errand.graph.title(step), failed);
        }
        report.status = Status::Failed(failure);
        report.key = self.prepared.remove(&index).map(|prepared| prepared.encoded.key);
        self.tell(index, report);
    }

    fn tell(&mut self, index: Index, report: StepReport) {
        if self.purpose(index) != Purpose::Internal || matches!(report.status, Status::Failed(_)) {
            let step = self.step(index);
            (self.on_event)(Event::Finished { step, report: &report });
        }
        self.reports.insert(index, report);
    }

    fn tell_attempt(&mut self, index: Index, attempt: &Attempt) {
        let step = self.step(index);
        (self.on_event)(match attempt {
            Attempt::Receives { bytes, of } => Event::Receives { step, bytes: *bytes, of: *of },
            Attempt::Visits { resumes } => Event::Visits { step, resumes: *resumes },
            Attempt::Begins(number) => Event::Started { step, attempt: *number },
            Attempt::Ended { number, failure, duration } => {
                Event::Tried { step, attempt: *number, failure: failure.as_ref(), duration: *duration }
            }
        });
    }

    fn warn(&mut self, warning: &str) {
        if self.warned.insert(warning.to_owned()) {
            (self.on_event)(Event::Warning(warning));
        }
    }

    fn delivered(&mut self, index: Index, delivered: Delivered) {
        self.changed = true;
        let target = self.errand.plan.deliveries[index - self.known.len()].target.clone();
        self.results.delivered.insert(target, delivered);
    }

    /// Returns the steps of a delivery whose outputs may hold the lost bytes.
    fn holders(&self, index: Index, lost: &[Digest]) -> Vec<Index> {
        let delivery = &self.errand.plan.deliveries[index - self.known.len()];
        let mut holders: Vec<Index> = Vec::new();
        for (name, step) in &delivery.outputs {
            let holder = self.index_of[step];
            let holds = match self.known_at(holder).output(name) {
                Some(Content::File { digest, .. }) => lost.contains(digest),
                Some(Content::Directory(_)) => true,
                Some(Content::Symlink(_)) | None => false,
            };
            if holds && !holders.contains(&holder) {
                holders.push(holder);
            }
        }
        holders
    }

    fn withdraw_stale(&mut self) {
        let platform = &self.errand.graph.analysis().platform;
        for (target, delivered) in &self.errand.plan.stale {
            self.changed = true;
            self.results.delivered.remove(target);
            let directory = target.out_dir(platform);
            // A file that cannot be deleted is left; it is nobody's output any more.
            let _ = withdraw(&self.machine.root, &directory, delivered);
        }
    }

    /// Finds out what lies in the checkout, when nothing is remembered of it, or targets may be gone of which other
    /// options, or a run that was killed, have left outputs.
    fn take_stock(&mut self) {
        if self.results.delivered.is_empty() || self.errand.definitions == Definitions::Changed {
            let mut found = take_stock(&self.machine.root, self.errand.graph);
            found.retain(|target, _| !self.results.delivered.contains_key(target));
            self.changed |= !found.is_empty();
            self.results.delivered.extend(found);
        }
    }
}

/// Starts the workers: as many as may execute and fetch, and two more for questions and deliveries. Fewer do, if the system has
/// no more threads to give.
fn start_workers<'scope, 'env>(
    scope: &'scope Scope<'scope, 'env>,
    errand: &'env Errand<'env>,
    machine: &'env Machine<'env>,
    sources: &'env Sources<'env>,
    to_owner: &Sender<(Index, Told)>,
) -> std::io::Result<Sender<Order>> {
    let (orders, receiver) = channel();
    let receiver = Arc::new(std::sync::Mutex::new(receiver));
    let most = errand.plan.steps.len() + errand.plan.deliveries.len();
    for number in 0..machine.jobs.clamp(1, most.max(1)) + nodes::fetches_at_once(errand) + 2 {
        let (receiver, to_owner) = (receiver.clone(), to_owner.clone());
        let started = Builder::new().spawn_scoped(scope, move || serve(&receiver, &to_owner, errand, machine, sources));
        match started {
            Ok(_) => {}
            Err(error) if number == 0 => return Err(error),
            Err(_) => break,
        }
    }
    Ok(orders)
}
