//! Executing one step: take the claim, ask once more, run, collect the outputs.

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, Instant};

use cache::{Claim, Committed, Executable};
use graph::{FileIds, Graph, Known, StepId};
use model::{Action, Command, Content, Origin, OutputKind, Purpose, RelPath, Text, Work};

use crate::assemble::assemble;
use crate::executor::{Job, Ran, Stopped};
use crate::ingest::Sources;
use crate::log_file;
use crate::machine::{Machine, Storing};
use crate::prepare::{Prepared, ask, is_optional, keep_directories, result};
use crate::sandbox::How;
use crate::scheduler::Asking;
use crate::{Failure, Log};

/// What came of executing a step.
pub(crate) enum Performed {
    /// Another process had just finished it.
    Hit(Known),
    /// It ran and succeeded; the claim is held until the result is committed.
    Executed { known: Known, ran: Attempted, commit: Option<(Box<Committed>, Claim)> },
    /// Outputs of these steps are lost; none means that a source was, and has been brought in again.
    Lost(Vec<StepId>),
    /// It failed.
    Failed { failure: Failure, ran: Attempted },
}

/// What is worth telling about the attempts.
#[derive(Default)]
pub(crate) struct Attempted {
    pub attempts: u32,
    pub failed_attempts: u32,
    pub duration: Duration,
    pub peak_memory_bytes: u64,
    pub log: Option<Log>,
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
    /// Called before each attempt with its number.
    pub started: &'a dyn Fn(u32),
}

impl Performance<'_> {
    /// Executes the step.
    pub fn perform(&self) -> Performed {
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

    fn work(&self, ran: &mut Attempted) -> Result<Vec<(RelPath, Content)>, Stopped> {
        match &self.action().work {
            Work::Tree(assembly) => {
                self.bring_texts()?;
                let encoded = &self.prepared.encoded;
                keep_directories(encoded, self.machine)?;
                let root = assemble(*assembly, &encoded.input_root, &encoded.layout, self.machine.cache)?;
                let root = Content::Directory(root);
                Ok(self.action().outputs.iter().map(|output| (output.name.clone(), root.clone())).collect())
            }
            Work::Fetch(locked) => {
                (self.started)(1);
                ran.attempts = 1;
                let began = Instant::now();
                let fetched = self.machine.fetcher.fetch(locked, self.machine, &self.action().needs);
                ran.duration = began.elapsed();
                let fetched = fetched?;
                Ok(self.action().outputs.iter().map(|output| (output.name.clone(), fetched.clone())).collect())
            }
            Work::Command(command) => self.attempts(command, ran),
        }
    }

    /// Runs a command as often as it may be tried; a special trial has to pass each time.
    fn attempts(&self, command: &Command, ran: &mut Attempted) -> Result<Vec<(RelPath, Content)>, Stopped> {
        self.bring_texts()?;
        let is_test = self.action().purpose == Purpose::Test;
        let runs = self.machine.trial.runs.filter(|_| is_test);
        let most = runs.unwrap_or(1 + self.action().limits.retries);
        for attempt in 1..=most {
            (self.started)(attempt);
            ran.attempts = attempt;
            let outcome = self.attempt(command, ran);
            ran.failed_attempts += u32::from(outcome.is_err());
            let decided = match runs {
                Some(_) => outcome.is_err() || attempt == most,
                None => !may_be_flaky(&outcome) || attempt == most,
            };
            if decided {
                return outcome;
            }
        }
        unreachable!("the last attempt is always decided")
    }

    fn attempt(&self, command: &Command, ran: &mut Attempted) -> Result<Vec<(RelPath, Content)>, Stopped> {
        let store = |error: cache::CacheError| Stopped::Failed(Failure::store(&error));
        let scratch = self.machine.cache.scratch().map_err(store)?;
        let log_path = scratch.path().join("log");
        let log = File::create(&log_path).map_err(|error| Failure::store(&error))?;
        let job = self.job(command);
        let outcome = self.machine.executor.execute(&job, scratch.path(), &log, &self.machine.cancel);
        let outcome = outcome.and_then(|outcome| {
            ran.duration = outcome.wall;
            ran.peak_memory_bytes = outcome.peak_memory_bytes;
            verdict(&outcome, job.timeout)?;
            Ok(self.collect(&job.out, &scratch.path().join("out"))?)
        });
        ran.log = log_file::keep(&log_path, self.machine.cache);
        outcome
    }

    fn job<'j>(&'j self, command: &'j Command) -> Job<'j> {
        let target = self.graph.target_of(self.step);
        let src = RelPath::new("src").expect("a normal path");
        let extra = self.machine.trial.arguments.iter().filter(|_| self.action().purpose == Purpose::Test);
        Job {
            argv: command.argv.iter().chain(extra).map(|word| &**word).collect(),
            env: command.env.iter().map(|(name, value)| (&**name, &**value)).collect(),
            directory: &command.directory,
            out: src.join(&target.id.out_dir(&self.graph.analysis().platform)),
            layout: &self.prepared.encoded.layout,
            tools: self.machine.tools.view(&self.action().needs),
            network: command.network,
            timeout: self.action().limits.timeout,
            extra: Vec::new(),
            cache: self.machine.cache,
        }
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

    /// Moves the declared outputs into the store; what is not declared is not kept.
    fn collect(&self, out: &RelPath, made: &Path) -> Result<Vec<(RelPath, Content)>, Failure> {
        let mut outputs = Vec::new();
        for output in &self.action().outputs {
            let below = output.at.strip_prefix(out).ok_or_else(|| Failure::BadOutput {
                name: output.name.clone(),
                why: "it is declared outside the output directory".to_owned(),
            })?;
            let place = made.join(&below);
            match fs::symlink_metadata(&place) {
                Ok(data) => outputs.push((output.name.clone(), self.take(output, &place, &data)?)),
                Err(_) if is_optional(output.kind) => {}
                Err(_) => return Err(Failure::MissingOutput(output.name.clone())),
            }
        }
        Ok(outputs)
    }

    fn take(&self, output: &model::Output, place: &Path, data: &fs::Metadata) -> Result<Content, Failure> {
        let bad = |why: String| Failure::BadOutput { name: output.name.clone(), why };
        if data.is_symlink() {
            return link(output, place).map_err(bad);
        }
        let wanted = match output.kind {
            OutputKind::File | OutputKind::OptionalFile => "a file",
            OutputKind::Directory | OutputKind::OptionalDirectory => "a directory",
        };
        let made = match (data.is_file(), data.is_dir()) {
            (true, _) => "a file",
            (_, true) => "a directory",
            _ => "a socket, a device or a fifo",
        };
        if made != wanted {
            return Err(bad(format!("it is {made}, and is declared as {wanted}")));
        }
        if data.is_dir() {
            let root = self.machine.cache.take_directory(place).map_err(|error| bad(error.to_string()))?;
            return Ok(Content::Directory(root));
        }
        let executable = std::os::unix::fs::PermissionsExt::mode(&data.permissions()) & 0o100 != 0;
        let digest = self.machine.cache.take_file(place).map_err(|error| bad(error.to_string()))?;
        Ok(Content::File { digest, executable })
    }

    fn succeed(&self, outputs: Vec<(RelPath, Content)>, ran: Attempted, claim: Claim) -> Performed {
        let encoded = &self.prepared.encoded;
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

    /// Finds whose bytes are lost: an output's producer, or a source, which is brought in again.
    fn lost(&self, at: &RelPath, ran: Attempted) -> Performed {
        let mut producers = Vec::new();
        for input in &self.action().inputs {
            let below = at.strip_prefix(&input.at);
            if let (Origin::Output(target, name), Some(_)) = (&input.from, &below) {
                producers.extend(self.graph.producer(target, name));
            }
            let of_set = matches!(input.from, Origin::Files(_));
            let mut sources = self.graph.sources(input, self.ids);
            let source = sources.find(|(file, _)| below.as_ref().is_some_and(|below| !of_set || below == *file));
            if let Some((file, id)) = source
                && let Err(failure) = self.sources.bring_again(file, id)
            {
                return Performed::Failed { failure, ran };
            }
        }
        producers.sort_unstable();
        producers.dedup();
        Performed::Lost(producers)
    }
}

/// Takes a link that was made where an output is declared: only one that stays among the outputs means the same on
/// every machine.
fn link(output: &model::Output, place: &Path) -> Result<Content, String> {
    if matches!(output.kind, OutputKind::Directory | OutputKind::OptionalDirectory) {
        return Err("it is a link, and is declared as a directory".to_owned());
    }
    let target = fs::read_link(place).map_err(|error| error.to_string())?;
    let target = target.to_str().ok_or("its target is not UTF-8")?;
    let directory = output.name.parent().unwrap_or_else(RelPath::root);
    if directory.resolve(target).is_err() {
        return Err(format!("it is a link to `{target}`, which is no output; copy the file instead"));
    }
    Ok(Content::Symlink(target.into()))
}

/// Whether another attempt may end differently: a test that ran and failed.
fn may_be_flaky(outcome: &Result<Vec<(RelPath, Content)>, Stopped>) -> bool {
    let ended = |failure: &Failure| matches!(failure, Failure::Exit(_) | Failure::Signal(_) | Failure::TimedOut(_));
    matches!(outcome, Err(Stopped::Failed(failure)) if ended(failure))
}

fn verdict(ran: &Ran, timeout: Option<Duration>) -> Result<(), Failure> {
    match ran.how {
        How::Exited(0) => Ok(()),
        How::Exited(code) => Err(Failure::Exit(code)),
        How::Signalled(signal) => Err(Failure::Signal(signal)),
        How::TimedOut => Err(Failure::TimedOut(timeout.unwrap_or_default())),
        How::Cancelled => Err(Failure::Cancelled),
    }
}
