//! Executing one step: take the claim, ask once more, run, collect the outputs.

use std::cell::Cell;
use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, Instant};

use cache::{CacheError, Claim, Committed, Executable};
use graph::{FileIds, Graph, Known, StepId};
use model::{Action, Assembly, Command, Content, Digest, Lost, Origin, OutputKind, Purpose, RelPath, Text, Work};

use crate::assemble::assemble;
use crate::executor::{Job, Ran, Stopped};
use crate::ingest::Sources;
use crate::log_file;
use crate::machine::{Machine, Storing};
use crate::owners;
use crate::prepare::{Prepared, ask, is_optional, keep_directories, result};
use crate::sandbox::How;
use crate::scheduler::Asking;
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
    /// It failed.
    Failed { failure: Failure, ran: Attempted },
}

/// What happens to an attempt.
pub(crate) enum Attempt {
    /// It begins; attempts are counted from 1.
    Begins(u32),
    /// So many bytes have come, of so many if that is known.
    Receives { bytes: u64, of: Option<u64> },
    /// It has ended, and may not be the last.
    Ended { number: u32, failure: Option<Failure>, duration: Duration },
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
                let root = assemble(*assembly, &encoded.input_root, &encoded.layout, self.machine.cache)
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
                let told = Cell::new(began);
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

    /// A tree is made of digests, so nobody would miss lost bytes before the tree is used: single files are looked for
    /// at once, and directories when the tree is made again because something of it is lost.
    fn check_layout(&self) -> Result<(), Stopped> {
        for (at, content) in &self.prepared.encoded.layout {
            let lost = |lost: Lost| Stopped::Lost(at.clone(), lost);
            match content {
                Content::File { digest, .. } => self.check_files(&[*digest]).map_err(lost)?,
                Content::Directory(root) if self.asking == Asking::Never => self.check_directory(root).map_err(lost)?,
                Content::Directory(_) | Content::Symlink(_) => {}
            }
        }
        Ok(())
    }

    fn check_directory(&self, root: &Digest) -> Result<(), Lost> {
        let directory = self.machine.cache.directory(root)?;
        let files: Vec<Digest> = directory.files.iter().map(|file| file.digest).collect();
        self.check_files(&files)?;
        directory.directories.iter().try_for_each(|below| self.check_directory(&below.digest))
    }

    fn check_files(&self, files: &[Digest]) -> Result<(), Lost> {
        let there = self.machine.cache.has(files);
        files.iter().zip(there).find(|(_, there)| !there).map_or(Ok(()), |(digest, _)| Err(Lost(*digest)))
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
            None if !is_optional(output.kind) => Err(Failure::MissingOutput(output.name.clone()).into()),
            found => Ok(found.map(|content| (output.name.clone(), content))),
        }
    }

    /// Tells how much has come, a few times a second.
    fn receives(&self, told: &Cell<Instant>, bytes: u64, of: Option<u64>) {
        let now = Instant::now();
        if now.duration_since(told.get()) >= TELLING {
            told.set(now);
            (self.tell)(Attempt::Receives { bytes, of });
        }
    }

    /// Runs a command as often as it may, or has to.
    fn attempts(&self, command: &Command, ran: &mut Attempted) -> Outputs {
        self.bring_texts()?;
        match self.machine.trial.runs.filter(|_| self.action().purpose == Purpose::Test) {
            Some(runs) => self.all_runs(command, runs, ran),
            None => self.until_it_passes(command, 1 + self.action().limits.retries, ran),
        }
    }

    fn until_it_passes(&self, command: &Command, most: u32, ran: &mut Attempted) -> Outputs {
        loop {
            let outcome = self.attempt(command, ran);
            if !may_be_flaky(&outcome) || ran.attempts >= most {
                return outcome;
            }
            self.tell_end(&outcome, ran);
        }
    }

    /// Makes all runs, whatever each comes to; the first failure is the verdict, and its log is the one to read.
    fn all_runs(&self, command: &Command, runs: u32, ran: &mut Attempted) -> Outputs {
        ran.asked_runs = Some(runs);
        let (mut verdict, mut log) = (Ok(Vec::new()), None);
        for _ in 0..runs {
            let outcome = self.attempt(command, ran);
            if outcome.is_err() && !may_be_flaky(&outcome) {
                return outcome;
            }
            self.tell_end(&outcome, ran);
            if verdict.is_ok() {
                (verdict, log) = (outcome, ran.log.take());
            }
        }
        ran.log = log;
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
        let job = self.job(command);
        let outcome = self.machine.executor.execute(&job, scratch.path(), &log, &self.machine.cancel);
        let outcome = outcome.and_then(|outcome| {
            ran.duration = outcome.wall;
            ran.peak_memory_bytes = outcome.peak_memory_bytes;
            let ended = verdict(&outcome, self.action().limits.timeout);
            if ended.is_err() && self.action().purpose == Purpose::Test {
                // A report that is broken is as good as none: the test has failed already.
                ran.left = self.collect(&job.out, &scratch.path().join("out")).unwrap_or_default();
            }
            ended?;
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
            timeout: self.action().limits.end(),
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
        let refused = |error: CacheError| match error {
            CacheError::Entry { .. } => bad(error.to_string()),
            error => Failure::store(&error),
        };
        if data.is_dir() {
            let depth = output.name.segments().count();
            let may_link = |at: &Path, target: &str| stays(depth + at.components().count() - 1, target);
            let root = self.machine.cache.take_directory(place, &may_link).map_err(refused)?;
            return Ok(Content::Directory(root));
        }
        let executable = std::os::unix::fs::PermissionsExt::mode(&data.permissions()) & 0o100 != 0;
        let digest = self.machine.cache.take_file(place).map_err(refused)?;
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

    /// Finds whose bytes are lost: an output's producer, or a source, which is brought in again. Where one thing is lost
    /// others are, too, and a producer runs again only so often: all are looked for at once.
    fn lost(&self, at: &RelPath, ran: Attempted) -> Performed {
        let layout = &self.prepared.encoded.layout;
        let mut places: Vec<&RelPath> =
            layout.iter().filter(|it| self.is_lost(&it.1)).map(|(place, _)| place).collect();
        places.push(at);
        let mut producers = Vec::new();
        for place in places {
            match self.producers_of(place) {
                Ok(more) => producers.extend(more),
                Err(failure) => return Performed::Failed { failure, ran },
            }
        }
        producers.sort_unstable();
        producers.dedup();
        Performed::Lost(producers)
    }

    fn is_lost(&self, content: &Content) -> bool {
        match content {
            Content::File { digest, .. } => self.check_files(&[*digest]).is_err(),
            Content::Directory(root) => self.check_directory(root).is_err(),
            Content::Symlink(_) => false,
        }
    }

    /// Returns who made what lies at a place of the input root; a source is brought in again.
    fn producers_of(&self, at: &RelPath) -> Result<Vec<StepId>, Failure> {
        let mut producers = Vec::new();
        for input in &self.action().inputs {
            let below = at.strip_prefix(&input.at).or_else(|| input.at.strip_prefix(at));
            if let (Origin::Output(target, name), Some(_)) = (&input.from, &below) {
                producers.extend(self.graph.producer(target, name));
            }
            let of_set = matches!(input.from, Origin::Files(_));
            let mut sources = self.graph.sources(input, self.ids);
            let source = sources.find(|(file, _)| below.as_ref().is_some_and(|below| !of_set || below == *file));
            if let Some((file, id)) = source {
                self.sources.bring_again(file, id)?;
            }
        }
        Ok(producers)
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
    if !stays(output.name.segments().count() - 1, target) {
        return Err(format!("it is a link to `{target}`, which leads out of the outputs; copy the file instead"));
    }
    Ok(Content::Symlink(target.into()))
}

/// Whether a link stays among the outputs: one at so many directories below their top.
fn stays(depth: usize, target: &str) -> bool {
    let step = |depth: usize, segment| match segment {
        "" | "." => Some(depth),
        ".." => depth.checked_sub(1),
        _ => Some(depth + 1),
    };
    !target.starts_with('/') && target.split('/').try_fold(depth, step).is_some()
}

/// Whether another attempt may end differently: a test that ran and failed.
fn may_be_flaky(outcome: &Outputs) -> bool {
    let ended = |failure: &Failure| matches!(failure, Failure::Exit(_) | Failure::Signal(_) | Failure::TimedOut(_));
    matches!(outcome, Err(Stopped::Failed(failure)) if ended(failure))
}

/// Returns what an end means. A program that ends itself when its time is over does so by an exit code; its own clock
/// starts after ours, so it cannot be early.
fn verdict(ran: &Ran, timeout: Option<Duration>) -> Result<(), Failure> {
    match ran.how {
        How::Exited(0) => Ok(()),
        How::Exited(_) | How::Signalled(_) if timeout.is_some_and(|timeout| ran.wall >= timeout) => {
            Err(Failure::TimedOut(timeout.unwrap_or_default()))
        }
        How::Exited(code) => Err(Failure::Exit(code)),
        How::Signalled(signal) => Err(Failure::Signal(signal)),
        How::TimedOut => Err(Failure::TimedOut(timeout.unwrap_or_default())),
        How::Cancelled => Err(Failure::Cancelled),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_stay_among_the_outputs() {
        for (depth, target, want) in [
            (0, "a", true),
            (0, "a/../b", true),
            (0, "../a", false),
            (1, "../a", true),
            (1, "../../a", false),
            (1, "./../a/../..", false),
            (5, "/a", false),
        ] {
            assert_eq!(stays(depth, target), want, "{target} at {depth}");
        }
    }
}
