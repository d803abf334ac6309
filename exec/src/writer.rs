//! The writer: commits results in batches, behind the run.
//!
//! The claim on an action's key is held until its result is durable, so that another process which waits for the
//! claim finds the result. While one batch is written the next one gathers.

use std::sync::mpsc::Receiver;

use cache::{Cache, Claim, Committed};

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
            std::iter::once(first).chain(writes.try_iter()).map(|write| (*write.committed, write.claim)).unzip();
        if let Err(error) = cache.commit(&batch) {
            warnings.push(format!("results of this run are not kept for the next: {error}"));
        }
        drop(claims);
    }
    warnings
}
