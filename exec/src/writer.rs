//! The writer: commits results in batches, behind the run.
//!
//! The claim on an action's key is held until its result is durable, so that another process which waits for the
//! claim finds the result. Making a batch durable costs a flush of the file system, so a batch gathers for a moment;
//! when the run is over nothing is waited for.

use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use cache::{Cache, Claim, Committed};

/// How long results gather before they are written together.
const GATHER: Duration = Duration::from_millis(30);

/// A result to commit, with the claim that is released afterwards.
pub(crate) struct Write {
    pub committed: Box<Committed>,
    pub claim: Claim,
}

/// Commits results until there are no more; returns warnings.
pub(crate) fn write_results(writes: &Receiver<Write>, cache: &Cache) -> Vec<String> {
    let mut warnings = Vec::new();
    while let Ok(first) = writes.recv() {
        let (batch, claims): (Vec<Committed>, Vec<Claim>) =
            gather(first, writes).into_iter().map(|write| (*write.committed, write.claim)).unzip();
        if let Err(error) = cache.commit(&batch) {
            let causes = std::iter::successors(std::error::Error::source(&error), |cause| cause.source());
            let why = causes.fold(error.to_string(), |why, cause| format!("{why}: {cause}"));
            warnings.push(format!("results of this run are not kept for the next: {why}"));
        }
        drop(claims);
    }
    warnings
}

/// Takes what else comes within a moment.
fn gather(first: Write, writes: &Receiver<Write>) -> Vec<Write> {
    let until = Instant::now() + GATHER;
    let mut batch = vec![first];
    while let Ok(write) = writes.recv_timeout(until.saturating_duration_since(Instant::now())) {
        batch.push(write);
    }
    batch
}
