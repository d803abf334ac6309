//! The best of several executors: the first that this machine lets run.
//!
//! It is looked for when an action has to run, once: a build that has nothing to do asks the machine for nothing.

use std::fs::File;
use std::path::Path;
use std::sync::OnceLock;

use crate::executor::{Executor, Job, Ran, Stopped, Unusable};
use crate::sandbox::How;
use crate::{Cancel, Failure};

/// Executors that share their results, the best first.
pub struct Ladder {
    rungs: Vec<Box<dyn Executor>>,
    best: OnceLock<Result<usize, Unusable>>,
}

impl Ladder {
    /// Makes a ladder of these, the best first.
    pub fn new(rungs: Vec<Box<dyn Executor>>) -> Ladder {
        Ladder { rungs, best: OnceLock::new() }
    }

    fn best(&self) -> Result<&dyn Executor, Unusable> {
        let best = self.best.get_or_init(|| {
            let mut refusals = Vec::new();
            for (index, rung) in self.rungs.iter().enumerate() {
                match rung.check() {
                    Ok(()) => return Ok(index),
                    Err(refused) => refusals.push(refused),
                }
            }
            Err(all(&refusals))
        });
        best.clone().map(|index| &*self.rungs[index])
    }

    fn best_for_a_job(&self) -> Result<&dyn Executor, Failure> {
        self.best().map_err(|refused| Failure::Sandbox(format!("{refused} ({})", refused.fix)))
    }
}

/// Each says what fails; what mends the best rung mends it all.
fn all(refusals: &[Unusable]) -> Unusable {
    let whys: Vec<&str> = refusals.iter().map(|refused| refused.why.as_str()).collect();
    let fix = refusals.first().map_or("", |refused| &refused.fix);
    Unusable { why: whys.join("; "), fix: fix.to_owned() }
}

impl Executor for Ladder {
    fn execute(&self, job: &Job<'_>, scratch: &Path, log: &File, cancel: &Cancel) -> Result<Ran, Stopped> {
        self.best_for_a_job()?.execute(job, scratch, log, cancel)
    }

    fn visit(&self, job: &Job<'_>, scratch: &Path, cancel: &Cancel) -> Result<How, Stopped> {
        self.best_for_a_job()?.visit(job, scratch, cancel)
    }

    fn name(&self) -> &'static str {
        self.best().map_or("none", Executor::name)
    }

    fn domain(&self) -> &'static str {
        ""
    }

    fn shows_the_store(&self) -> bool {
        self.best().is_ok_and(Executor::shows_the_store)
    }

    fn check(&self) -> Result<(), Unusable> {
        self.best().map(|_| ())
    }
}
