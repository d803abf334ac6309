//! Something else in the container of an action, and the sandbox of a failure for it to go on in.

use std::fs;
use std::path::Path;

use model::{Purpose, Work};

use super::{Attempt, Attempted, Performance, Performed};
use crate::executor::{Job, Stopped};
use crate::images::explained;
use crate::machine::Visit;
use crate::sandbox::How;
use crate::stage::OUT;
use crate::{Failure, left};

impl Performance<'_> {
    /// Runs something else in the container of the action; there is never a result.
    pub(super) fn visit(&self, visit: &Visit) -> Performed {
        match self.visited(visit) {
            Ok(how) => Performed::Visited(how),
            Err(Stopped::Failed(failure)) => Performed::Failed { failure, ran: Attempted::default() },
            Err(Stopped::Lost(at, _)) => self.lost(&at, Attempted::default()),
        }
    }

    fn visited(&self, visit: &Visit) -> Result<How, Stopped> {
        let Work::Command(command) = &self.action().work else {
            return Err(Failure::Unable("rg does this work itself, without a container".to_owned()).into());
        };
        self.bring_texts()?;
        let (cache, executor) = (self.machine.cache, self.machine.executor);
        let scratch = cache.scratch().map_err(|error| Failure::store(&error))?;
        let left = cache.failed_sandbox(&self.prepared.encoded.key, executor.name());
        let left = left.map_err(|_| Failure::Unable("somebody else is in the sandbox that failed".to_owned()))?;
        let mut job = Job {
            argv: visit.argv.iter().map(String::as_str).collect(),
            left: left.as_ref().map(|left| &*left.path),
            ..self.job(command)?
        };
        (self.tell)(Attempt::Visits { resumes: left.is_some() });
        // The shell of an action makes it absolute, so that it holds after a `cd`.
        let out = format!("/{}", job.out);
        if job.env.contains_key("OUT") {
            job.env.insert("OUT", &out);
        }
        job.env.extend(visit.env.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let explained = |stopped| match stopped {
            Stopped::Failed(failure) => explained(failure, &job, "").into(),
            lost => lost,
        };
        executor.visit(&job, scratch.path(), &self.machine.cancel).map_err(explained)
    }

    /// Leaves the sandbox of a failure to whoever visits it. That of a test with more arguments is another test's, and
    /// where a secret was shown, the action may have written it anywhere.
    pub(super) fn leave(&self, left: &Path, scratch: &Path) {
        let is_its_own = self.action().purpose != Purpose::Test || self.machine.trial.arguments.is_empty();
        let is_open = self.action().grants.secrets.is_empty();
        if !is_its_own || !is_open {
            return;
        }
        // What cannot be kept is lost.
        let Ok(left) = left::kept(left, scratch) else { return };
        if fs::rename(scratch.join(OUT), left.join(OUT)).is_ok() {
            let executor = self.machine.executor.name();
            self.machine.cache.keep_failed_sandbox(&self.prepared.encoded.key, executor, &left);
        }
    }
}
