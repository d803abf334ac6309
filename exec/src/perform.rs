//! Executing one step: take the claim, ask once more, run, collect the outputs.

mod collect;
mod lost;
mod visit;

use std::cell::Cell;
use std::fs::File;
use std::time::{Duration, Instant};

use cache::{CacheError, Claim, Committed, Executable};
use graph::{FileIds, Graph, Known, StepId};
use model::{Action, Assembly, Command, Content, Digest, Limits, Origin, Purpose, RelPath, Text, Work};

use crate::assemble::assemble;
use crate::executor::{Job, Ran, Stopped};
use crate::images::{explained, ground};
use crate::ingest::Sources;
use crate::log_file;
use crate::machine::{Machine, Storing};
use crate::owners;
use crate::prepare::{Prepared, ask, is_optional, keep_directories, result};
use crate::sandbox::How;
use crate::scheduler::Asking;
use crate::stage::OUT;
use crate::{Failure, Log};

/// How often is told how much of a package has come.
const TELLING: Duration = Duration::from_millis(200);

/// The outputs of a step by name, or why there are none.
type Outputs = Result<Vec<(RelPath, Content)>, Stopped>;

/// What came of executing a step.
pub(crate) enum Performed {
    /// Another process had just finished it.
    Hit(Known),
    /// It ran and succeeded; the claim is held until the result is committed.
    Executed { known: Known, ran: Attempted, commit: Option<(Box<Committed>, Claim)> },
    /// Outputs of these steps are lost; none means that a source was, and has been brought in again.
    Lost(Vec<StepId>),
    /// Something else ran in its container.
    Visited(How),
    /// It failed.
    Failed { failure: Failure, ran: Attempted },
}

/// What happens to an attempt.
pub(crate) enum Attempt {
    /// Something else takes its place, in a fresh container or in the one that a failure left.
    Visits { resumes: bool },
    /// It begins; attempts are counted from 1.
    Begins(u32),
    /// So many bytes have come, of so many if that is known.
    Receives { bytes: u64, of: Option<u64> },
    /// It has ended, and may not be the last.
    Ended { number: u32, failure: Option<Failure>, duration: Duration },
}

/// When something was told last.
struct Told(Cell<Instant>);

impl Told {
    fn new() -> Told {
        Told(Cell::new(Instant::now()))
    }

    /// Whether it is time to tell more.
    fn is_due(&self) -> bool {
        let due = self.0.get().elapsed() >= TELLING;
        if due {
            self.0.set(Instant::now());
        }
        due
    }
}

/// What is worth telling about the attempts.
#[derive(Default)]
pub(crate) struct Attempted {
    pub attempts: u32,
    pub failed_attempts: u32,
    pub asked_runs: Option<u32>,
    pub duration: Duration,
    pub peak_memory_bytes: u64,
    pub log: Option<Log>,
    /// The reports of a test that failed.
    pub left: Vec<(RelPath, Content)>,
}

/// The step that is executed, with all that it needs.
pub(crate) struct Performance<'a> {
    pub step: StepId,
    pub graph: &'a Graph,
    pub ids: &'a FileIds,
    pub prepared: &'a Prepared,
    pub sources: &'a Sources<'a>,
    pub machine: &'a Machine<'a>,
    pub asking: Asking,
    /// Called with what happens to each attempt.
    pub tell: &'a dyn Fn(Attempt),
}

impl Performance<'_> {
    /// Executes the step.
    pub fn perform(&self) -> Performed {
        if let Some(visit) = self.machine.visit.as_ref().filter(|visit| visit.step == self.step) {
            return self.visit(visit);
        }
        let cancel = &self.machine.cancel;
        let key = self.prepared.encoded.key;
        let Some(claim) = self.machine.cache.claim(&key, &|| cancel.is_cancelled()) else {
            return Performed::Failed { failure: Failure::Cancelled, ran: Attempted::default() };
        };
        if let Some(known) = ask(self.action(), &key, self.asking, self.machine) {
            return Performed::Hit(known);
        }
        let mut ran = Attempted::default();
        match self.work(&mut ran) {
            Ok(outputs) => self.succeed(outputs, ran, claim),
            Err(Stopped::Failed(failure)) => Performed::Failed { failure, ran },
            Err(Stopped::Lost(at, _)) => self.lost(&at, ran),
        }
    }

    fn action(&self) -> &Action {
        self.graph.action(self.step)
    }

    fn work(&self, ran: &mut Attempted) -> Outputs {
        match &self.action().work {
            Work::Tree(assembly) => {
                let encoded = &self.prepared.encoded;
                self.bring_texts()?;
                self.check_layout()?;
                keep_directories(encoded, self.machine)?;
                let places: Vec<&RelPath> = self.action().outputs.iter().map(|output| &output.at).collect();
                let cache = self.machine.cache;
                let draft = self.machine.executor.shows_the_store().then(|| cache.draft()).transpose();
                let draft = draft.map_err(|error| Failure::store(&error))?;
                let root = assemble(*assembly, &encoded.input_root, &encoded.layout, &places, cache, draft)
                    .map_err(|stopped| self.named(*assembly, stopped))?;
                self.action()
                    .outputs
                    .iter()
                    .filter_map(|output| self.output_of(*assembly, &root, output).transpose())
                    .collect()
            }
            Work::Fetch(locked) => {
                (self.tell)(Attempt::Begins(1));
                ran.attempts = 1;
                let began = Instant::now();
                let told = Told::new();
                let receives = |bytes, of| self.receives(&told, bytes, of);
                let fetched = self.machine.fetcher.fetch(locked, self.machine, &self.action().needs, &receives);
                ran.duration = began.elapsed();
                let fetched = fetched?;
                Ok(self.action().outputs.iter().map(|output| (output.name.clone(), fetched.clone())).collect())
            }
            Work::Command(command) => self.attempts(command, ran),
        }
    }

    /// Names a tarball that is refused as its lock does; a wheel has a name of its own.
    fn named(&self, assembly: Assembly, stopped: Stopped) -> Stopped {
        match stopped {
            Stopped::Failed(Failure::BadArchive { why, .. }) if assembly == Assembly::NpmTarballs => {
                let what = owners::owner(self.graph, self.step).to_owned();
                Failure::BadArchive { what, why }.into()
            }
            other => other,
        }
    }

    /// Returns an output of a tree: wheels are all of it, whatever else lies where it is declared.
    fn output_of(
        &self,
        assembly: Assembly,
        root: &Digest,
        output: &model::Output,
    ) -> Result<Option<(RelPath, Content)>, Stopped> {
        match assembly {
            Assembly::Wheels => Ok(Some((output.name.clone(), Content::Directory(*root)))),
            Assembly::Merge | Assembly::NpmTarballs | Assembly::NodeModules => self.part_of(root, output),
        }
    }

    /// Returns what lies in a tree where an output is declared; `None` if nothing does, and nothing has to.
    fn part_of(&self, root: &Digest, output: &model::Output) -> Result<Option<(RelPath, Content)>, Stopped> {
        let mut content = Some(Content::Directory(*root));
        for segment in output.at.segments() {
            let Some(Content::Directory(directory)) = content else { break };
            let lost = |lost| Stopped::Lost(RelPath::root(), lost);
            content = self.machine.cache.directory(&directory).map_err(lost)?.entry(segment);
        }
        match content {
            None if !is_optional(output.kind) => Err(Failure::MissingOutputs(vec![output.name.clone()]).into()),
            found => Ok(found.map(|content| (output.name.clone(), content))),
        }
    }

    /// Tells how much has come, a few times a second.
    fn receives(&self, told: &Told, bytes: u64, of: Option<u64>) {
        if told.is_due() {
            (self.tell)(Attempt::Receives { bytes, of });
        }
    }

    /// Runs a command as often as it may, or has to.
    fn attempts(&self, command: &Command, ran: &mut Attempted) -> Outputs {
        self.bring_texts()?;
        match self.machine.trial.runs.filter(|_| self.action().purpose == Purpose::Test) {
            Some(runs) => self.all_runs(command, runs, ran),
            None => self.until_it_passes(command, ran),
        }
    }

    fn until_it_passes(&self, command: &Command, ran: &mut Attempted) -> Outputs {
        loop {
            let outcome = self.attempt(command, ran);
            if !may_be_flaky(&outcome) || ran.attempts > self.action().limits.retries {
                return outcome;
            }
            self.tell_end(&outcome, ran);
        }
    }

    /// Makes all runs, whatever each comes to; the first failure is the verdict, and its log is the one to read.
    fn all_runs(&self, command: &Command, runs: u32, ran: &mut Attempted) -> Outputs {
        ran.asked_runs = Some(runs);
        let (mut verdict, mut log, mut left) = (Ok(Vec::new()), None, Vec::new());
        for _ in 0..runs {
            let outcome = self.attempt(command, ran);
            if outcome.is_err() && !may_be_flaky(&outcome) {
                return outcome;
            }
            self.tell_end(&outcome, ran);
            if verdict.is_ok() {
                (verdict, log, left) = (outcome, ran.log.take(), std::mem::take(&mut ran.left));
            }
        }
        (ran.log, ran.left) = (log, left);
        verdict
    }

    fn tell_end(&self, outcome: &Outputs, ran: &Attempted) {
        let failure = match outcome {
            Err(Stopped::Failed(failure)) => Some(failure.clone()),
            Err(Stopped::Lost(..)) | Ok(_) => None,
        };
        (self.tell)(Attempt::Ended { number: ran.attempts, failure, duration: ran.duration });
    }

    fn attempt(&self, command: &Command, ran: &mut Attempted) -> Outputs {
        ran.attempts += 1;
        (self.tell)(Attempt::Begins(ran.attempts));
        let outcome = self.run_once(command, ran);
        ran.failed_attempts += u32::from(outcome.is_err());
        outcome
    }

    fn run_once(&self, command: &Command, ran: &mut Attempted) -> Outputs {
        let store = |error: CacheError| Stopped::Failed(Failure::store(&error));
        let scratch = self.machine.cache.scratch().map_err(store)?;
        let log_path = scratch.path().join("log");
        let log = File::create(&log_path).map_err(|error| Failure::store(&error))?;
        let job = self.job(command)?;
        let mut left = None;
        let outcome = self.machine.executor.execute(&job, scratch.path(), &log, &self.machine.cancel);
        let outcome = outcome.and_then(|outcome| {
            left.clone_from(&outcome.left);
            ran.duration = outcome.wall;
            ran.peak_memory_bytes = outcome.peak_memory_bytes;
            let ended = verdict(&outcome, &self.action().limits);
            if ended.is_err() && self.action().purpose == Purpose::Test {
                // A report that is broken is as good as none: the test has failed already.
                ran.left = self.collect(&job.out, &scratch.path().join(OUT)).unwrap_or_default();
            }
            ended?;
            Ok(self.collect(&job.out, &scratch.path().join(OUT))?)
        });
        ran.log = log_file::keep(&log_path, self.machine.cache);
        outcome.map_err(|stopped| match stopped {
            Stopped::Failed(failure) => {
                if let Some(left) = left.filter(|_| !matches!(failure, Failure::Cancelled)) {
                    self.leave(&left, scratch.path());
                }
                let log = ran.log.as_ref().map_or("", |log| &log.excerpt);
                explained(failure, &job, log).into()
            }
            lost @ Stopped::Lost(..) => lost,
        })
    }

    fn job<'j>(&'j self, command: &'j Command) -> Result<Job<'j>, Failure> {
        let target = self.graph.target_of(self.step);
        let src = RelPath::new("src").expect("a normal path");
        let told = Told::new();
        let extra = self.machine.trial.arguments.iter().filter(|_| self.action().purpose == Purpose::Test);
        Ok(Job {
            argv: command.argv.iter().chain(extra).map(|word| &**word).collect(),
            env: command.env.iter().map(|(name, value)| (&**name, &**value)).collect(),
            directory: &command.directory,
            out: src.join(&target.id.out_dir(&self.graph.analysis().platform)),
            layout: &self.prepared.encoded.layout,
            ground: ground(&self.action().needs, self.machine, &|bytes, of| self.receives(&told, bytes, of))?,
            tools: self.machine.tools.view(&self.action().needs),
            network: command.network,
            secrets: self.machine.secrets.read(&self.action().grants.secrets)?,
            cache_mounts: &self.action().grants.cache_mounts,
            memory_bytes: self.action().limits.memory_bytes,
            timeout: self.action().limits.end(),
            left: None,
            extra: Vec::new(),
            cache: self.machine.cache,
        })
    }

    /// Texts made by analysis have no other home than the description: they enter the store here.
    fn bring_texts(&self) -> Result<(), Failure> {
        for input in &self.action().inputs {
            let (text, executable) = match &input.from {
                Origin::Text(Text::Plain(text)) => (text, Executable::No),
                Origin::Text(Text::Script(text)) => (text, Executable::Yes),
                // The text of a link is in the message of its directory.
                Origin::Text(Text::Link(_)) | Origin::File(_) | Origin::Files(_) | Origin::Output(..) => continue,
            };
            let put = self.machine.cache.put_file(&mut text.as_bytes(), executable);
            put.map_err(|error| Failure::store(&error))?;
        }
        Ok(())
    }

    fn succeed(&self, outputs: Vec<(RelPath, Content)>, ran: Attempted, claim: Claim) -> Performed {
        let encoded = &self.prepared.encoded;
        self.machine.cache.forget_failed_sandbox(&encoded.key);
        let log = ran.log.as_ref().map(|log| log.digest);
        let known = Known { key: encoded.key, outputs, log, duration: ran.duration };
        let special = self.action().purpose == Purpose::Test && !self.machine.trial.is_ordinary();
        let stored = self.machine.storing == Storing::Results && !special;
        let commit = stored.then(|| {
            let committed = Committed {
                key: encoded.key,
                result: result(self.action(), &known),
                messages: encoded.messages.clone(),
                name: self.graph.title(self.step),
                duration: ran.duration,
                peak_memory_bytes: ran.peak_memory_bytes,
            };
            (Box::new(committed), claim)
        });
        Performed::Executed { known, ran, commit }
    }
}

/// Whether another attempt may end differently: a test that ran and failed.
fn may_be_flaky(outcome: &Outputs) -> bool {
    let ended = |failure: &Failure| matches!(failure, Failure::Exit(_) | Failure::Signal(_) | Failure::TimedOut(_));
    matches!(outcome, Err(Stopped::Failed(failure)) if ended(failure))
}

/// Returns what an end means. A program that ends itself when its time is over does so by an exit code; its own clock
/// starts after ours, so it cannot be early.
fn verdict(ran: &Ran, limits: &Limits) -> Result<(), Failure> {
    let timeout = limits.timeout;
    match ran.how {
        How::Exited(0) => Ok(()),
        How::Exited(_) | How::Signalled(_) if timeout.is_some_and(|timeout| ran.wall >= timeout) => {
            Err(Failure::TimedOut(timeout.unwrap_or_default()))
        }
        How::Exited(code) => Err(Failure::Exit(code)),
        How::Signalled(signal) => Err(Failure::Signal(signal)),
        How::TimedOut => Err(Failure::TimedOut(timeout.unwrap_or_default())),
        How::OutOfMemory => Err(Failure::OutOfMemory { limit_bytes: limits.memory_bytes.unwrap_or_default() }),
        How::Cancelled => Err(Failure::Cancelled),
    }
}
