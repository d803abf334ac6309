//! Workers: threads that take orders from the owner and tell it what came of them.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};

use graph::{Delivered, Known, StepId};
use model::{Content, Digest, RelPath};

use crate::Failure;
use crate::deliver::{deliver, is_intact};
use crate::ingest::Sources;
use crate::machine::Machine;
use crate::perform::{Attempt, Attempted, Performance, Performed};
use crate::prepare::{Prepared, Unprepared, ask, prepare};
use crate::report::{Status, StepReport};
use crate::run::Errand;
use crate::sandbox::How;
use crate::scheduler::{Asking, Index};
use crate::stage::CopyError;
use crate::writer::Write;

/// What a worker is to do for a node.
pub(crate) struct Order {
    pub index: Index,
    pub task: Task,
}

pub(crate) enum Task {
    Ask { step: StepId, deps: HashMap<StepId, Arc<Known>>, asking: Asking },
    Execute { step: StepId, prepared: Arc<Prepared>, asking: Asking },
    Deliver { directory: RelPath, outputs: Vec<(RelPath, Content)>, before: Option<Delivered> },
}

/// What a worker tells. All but `Attempt` end the order.
pub(crate) enum Told {
    Attempt(Attempt),
    Missed(Arc<Prepared>),
    Hit { known: Known, seen: Option<[u8; 32]> },
    Executed { known: Known, seen: Option<[u8; 32]>, report: StepReport, commit: Option<Write> },
    Failed { failure: Failure, report: StepReport },
    Visited(How),
    Lost(Vec<StepId>),
    Delivered(Delivered),
    DeliveryLost(Vec<Digest>),
    Undelivered(String),
}

/// Serves orders until there are no more.
pub(crate) fn serve(
    orders: &Mutex<Receiver<Order>>,
    owner: &Sender<(Index, Told)>,
    errand: &Errand<'_>,
    machine: &Machine<'_>,
    sources: &Sources<'_>,
) {
    loop {
        let order = orders.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Order { index, task }) = order else { return };
        let told = match task {
            Task::Ask { step, deps, asking } => question(step, deps, asking, errand, machine, sources),
            Task::Execute { step, prepared, asking } => {
                let tell = |attempt| drop(owner.send((index, Told::Attempt(attempt))));
                let performance = Performance {
                    step,
                    graph: errand.graph,
                    ids: errand.ids,
                    prepared: &prepared,
                    sources,
                    machine,
                    asking,
                    tell: &tell,
                };
                performed(performance.perform(), prepared.seen)
            }
            Task::Deliver { directory, outputs, before } => bring(&directory, &outputs, before, machine),
        };
        if owner.send((index, told)).is_err() {
            return;
        }
    }
}

fn question(
    step: StepId,
    deps: HashMap<StepId, Arc<Known>>,
    asking: Asking,
    errand: &Errand<'_>,
    machine: &Machine<'_>,
    sources: &Sources<'_>,
) -> Told {
    match prepare(step, errand.graph, deps, errand.ids, sources, machine, machine.executor.domain()) {
        Ok(prepared) => match ask(errand.graph.action(step), &prepared.encoded.key, asking, machine) {
            Some(known) => Told::Hit { known, seen: prepared.seen },
            None => Told::Missed(Arc::new(prepared)),
        },
        Err(Unprepared::Lost(steps)) => Told::Lost(steps),
        Err(Unprepared::Failed(failure)) => Told::Failed { failure, report: report(Attempted::default()) },
    }
}

fn performed(performed: Performed, seen: Option<[u8; 32]>) -> Told {
    match performed {
        Performed::Hit(known) => Told::Hit { known, seen },
        Performed::Visited(how) => Told::Visited(how),
        Performed::Lost(steps) => Told::Lost(steps),
        Performed::Failed { failure, ran } => Told::Failed { failure, report: report(ran) },
        Performed::Executed { known, ran, commit } => {
            let commit = commit.map(|(committed, claim)| Write { committed, claim });
            Told::Executed { known, seen, report: report(ran), commit }
        }
    }
}

fn report(ran: Attempted) -> StepReport {
    let Attempted { attempts, failed_attempts, asked_runs, duration, peak_memory_bytes, log, left } = ran;
    let status = Status::Skipped;
    StepReport { status, key: None, duration, peak_memory_bytes, log, attempts, failed_attempts, asked_runs, left }
}

fn bring(
    directory: &RelPath,
    outputs: &[(RelPath, Content)],
    before: Option<Delivered>,
    machine: &Machine<'_>,
) -> Told {
    if let Some(before) = before.as_ref().filter(|before| before.outputs == outputs)
        && is_intact(&machine.root, directory, before)
    {
        return Told::Delivered(before.clone());
    }
    match deliver(&machine.root, directory, outputs, before.as_ref(), machine.cache) {
        Ok(delivered) => Told::Delivered(delivered),
        Err(CopyError::Lost(lost)) => Told::DeliveryLost(vec![lost.0]),
        Err(CopyError::Io(error)) => Told::Undelivered(format!("cannot write below {directory}: {error}")),
    }
}
