//! Work on many directories, in several threads.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::ScopedJoinHandle;

use model::Lost;

/// Up to here one thread is quicker than two.
const FEW: usize = 32;

/// Does the work for all directories, in several threads if they are many. Returns what it made of each, in their
/// order, or one of the losses.
pub(crate) fn all_at_once<T: Sync, R: Send>(
    all: &[T],
    work: impl Fn(&T) -> Result<R, Lost> + Sync,
) -> Result<Vec<R>, Lost> {
    if all.len() <= FEW {
        return all.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let take = || -> Result<Vec<(usize, R)>, Lost> {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(one) = all.get(at) else { return Ok(done) };
            // Whoever fails, the others need not go on.
            done.push((at, work(one).inspect_err(|_| next.store(all.len(), Ordering::Relaxed))?));
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(8);
    let parts = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(take)).collect();
        let own = take();
        let join = |other: ScopedJoinHandle<'_, _>| other.join().unwrap_or_else(|panic| resume_unwind(panic));
        std::iter::once(own).chain(others.into_iter().map(join)).collect::<Result<Vec<_>, Lost>>()
    });
    let mut done: Vec<(usize, R)> = parts?.into_iter().flatten().collect();
    done.sort_unstable_by_key(|(at, _)| *at);
    Ok(done.into_iter().map(|(_, made)| made).collect())
}
