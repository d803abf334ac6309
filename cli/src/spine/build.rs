//! `rg build` and `rg test`.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::num::NonZeroU32;
use std::path::Path;

use exec::{
    Connection, Definitions, Errand, Executor, Failure, Fetcher, Machine, Report, SecretValue, Secrets, Status,
    Storing, Trial, Visit,
};
use graph::{FileIds, Goal, Plan, Results, Reuse, State, StaticKeys, StepId, Wishes};
use model::{Kind, Memory, Need, TargetId};
use rules::{Caller, ExecutorChoice, SecretSource};

use super::load::{Loaded, actual, identify, load, results, select};
use super::machine::{executor, tool_surroundings};
use super::open::{Opened, Refused, open};
use super::pins;
use crate::args::Output;
use crate::exit::Exit;
use crate::front::Session;
use crate::options::{Mode, Network, Request, TestOptions};
use crate::problem::{self, Problem};
use crate::reporters::advice::Advice;
use crate::reporters::conclusion::Conclusion;
use crate::reporters::dry_run;
use crate::reporters::events::EventLog;
use crate::reporters::progress::Progress;

/// Builds what the request names.
pub fn build(request: &Request, session: &Session) -> Result<Exit, Refused> {
    let mut building = Building::begin(session)?;
    let selected = building.select(&request.patterns, Caller::Build)?;
    refuse_nothing(&request.patterns, &selected)?;
    let goals: Vec<Goal> = selected.into_iter().map(Goal::Build).collect();
    let exit = building.perform(request, &goals, None)?.exit;
    building.leave();
    Ok(exit)
}

/// Builds what the request names, and runs the tests among it.
pub fn test(request: &Request, tests: &TestOptions, session: &Session) -> Result<Exit, Refused> {
    let mut building = Building::begin(session)?;
    let selected = building.select(&request.patterns, Caller::Test)?;
    let kind = |id: &TargetId| building.loaded.graph.target(id).map(|target| target.kind);
    let goal = |id: TargetId| match kind(&id) {
        Some(Kind::Test | Kind::Suite) => Goal::Test(id),
        _ => Goal::Build(id),
    };
    let graph = &building.loaded.graph;
    let mut goals: Vec<Goal> = selected.into_iter().map(|id| goal(actual(graph, id))).collect();
    goals.sort();
    goals.dedup();
    if !goals.iter().any(|goal| matches!(goal, Goal::Test(_))) {
        let patterns = request.patterns.join(" ");
        return Err(Problem::new(Exit::NothingFound, format!("there is no test in {patterns}"))
            .hint("`rg query 'tests(//...)'` lists all tests")
            .into());
    }
    let exit = building.perform(request, &goals, Some(tests))?.exit;
    building.leave();
    Ok(exit)
}

/// Refuses patterns of which none stands for a target. Whoever subtracts may be left with nothing.
fn refuse_nothing(patterns: &[String], selected: &[TargetId]) -> Result<(), Problem> {
    if !selected.is_empty() || patterns.iter().any(|pattern| pattern.starts_with('-')) {
        return Ok(());
    }
    Err(Problem::new(Exit::Definition, format!("{} stands for no target", patterns.join(" ")))
        .because("wildcards leave out what is tagged `manual`")
        .hint("`rg query //...` lists all targets; one that is tagged is built by its own name"))
}

/// What came of a build.
pub struct Built {
    /// How the call ends.
    pub exit: Exit,
    /// What the run did; `None` for a dry run.
    pub report: Option<Report>,
}

/// One build, from the scan to the last line.
pub struct Building<'a> {
    session: &'a Session,
    /// The workspace.
    pub opened: Opened,
    /// Its graph.
    pub loaded: Loaded,
}

impl<'a> Building<'a> {
    /// Opens and loads the workspace.
    pub fn begin(session: &'a Session) -> Result<Building<'a>, Refused> {
        let mut opened = open(session)?;
        pins::complete(&mut opened, session)?;
        let loaded = load(&mut opened, session)?;
        // What is not pinned cannot be asked, and is only looked at.
        if let Some(failure) = loaded.unasked.as_ref().filter(|_| opened.unpinned.is_empty()) {
            let problem = Problem::new(Exit::of_failure(failure), failure.to_string());
            let fix = if let Failure::Image { fix, .. } = failure { fix.clone() } else { None };
            return Err(fix.into_iter().fold(problem, Problem::hint).into());
        }
        Ok(Building { session, opened, loaded })
    }

    /// Ends without giving the memory back piece by piece: the process is about to end, and a large graph is millions
    /// of pieces.
    fn leave(self) {
        std::mem::forget(self);
    }

    /// Selects targets by patterns.
    pub fn select(&self, patterns: &[String], caller: Caller) -> Result<Vec<TargetId>, Refused> {
        select(patterns, &self.opened, &self.loaded.graph, caller)
    }

    /// Plans and runs the goals, shows it, and remembers what the next run has to know.
    pub fn perform(
        &mut self,
        request: &Request,
        goals: &[Goal],
        tests: Option<&TestOptions>,
    ) -> Result<Built, Refused> {
        let known = results(&mut self.opened);
        self.perform_knowing(known, request, goals, tests, None)
    }

    /// Builds what one action needs, and runs something else in its container. Nothing of it is remembered.
    pub fn visit(&mut self, request: &Request, goals: &[Goal], visit: Visit) -> Result<Report, Refused> {
        let known = results(&mut self.opened);
        Ok(self.perform_knowing(known, request, goals, None, Some(visit))?.report.unwrap_or_default())
    }

    fn perform_knowing(
        &self,
        known: Results,
        request: &Request,
        goals: &[Goal],
        tests: Option<&TestOptions>,
        visit: Option<Visit>,
    ) -> Result<Built, Refused> {
        let graph = &self.loaded.graph;
        let executor = executor(&self.opened, self.session)?;
        let ids = identify(&self.loaded);
        let keys = graph.static_keys(&ids, executor.domain());
        let tools = self.tools(goals)?;
        let rerun: BTreeSet<TargetId> = self.select_each(&self.session.options.known.rerun)?;
        let trial = trial(tests)?;
        let reuse = match self.session.options.known.reuse {
            // A test that is tried with arguments, or several times, has to run for that.
            Reuse::Known if !trial.is_ordinary() => Reuse::AllButTests,
            reuse => reuse,
        };
        let wishes = Wishes { rerun: &rerun, reuse };
        let plan = graph.plan(goals, &keys, &|need| tools.pins.0.get(need).copied(), &known, &wishes);
        let plan = match &visit {
            None => plan,
            Some(visit) => plan.only(visit.step, graph),
        };
        if self.session.options.execution.mode == Mode::DryRun {
            return Ok(self.only_tell(goals, &plan)?);
        }
        self.probe(&plan, &*executor)?;
        self.refuse_foreign_outputs()?;
        let fetcher = self.fetcher();
        let secrets = secrets(&self.opened, self.session);
        let images = pins::images(&self.opened, self.session)?;
        let machine = Machine {
            cache: &self.opened.cache,
            executor: &*executor,
            fetcher: &fetcher,
            root: self.opened.root.clone(),
            pins: tools.pins,
            tools: tools.tools,
            images: &images,
            secrets: &secrets,
            jobs: self.session.options.execution.jobs.get(),
            on_failure: self.session.options.execution.on_failure,
            trial,
            visit,
            storing: storing(self.session.options.known.reuse),
            cancel: self.session.cancel.clone(),
        };
        let planned = Planned { plan: &plan, keys: &keys, ids: &ids };
        let (report, exit) = self.watch(request, &planned, known, &machine)?;
        if machine.visit.is_some() {
            return Ok(Built { exit, report: Some(report) });
        }
        self.remember(&report, tools.remember.or_else(|| self.loaded.learned.clone()));
        self.conclude(goals, &report, exit, tests)?;
        Ok(Built { exit, report: Some(report) })
    }

    /// Says what would run.
    fn only_tell(&self, goals: &[Goal], plan: &Plan) -> Result<Built, Problem> {
        let (graph, display) = (&self.loaded.graph, self.session.options.display);
        display.console.answer(&match display.output {
            Output::Json | Output::Jsonl => {
                dry_run::document(graph, goals, plan, self.session.began.elapsed()).to_line()
            }
            _ => dry_run::text(graph, plan),
        })?;
        Ok(Built { exit: Exit::Done, report: None })
    }

    fn select_each(&self, labels: &[String]) -> Result<BTreeSet<TargetId>, Refused> {
        if labels.is_empty() {
            return Ok(BTreeSet::new());
        }
        Ok(self.select(labels, Caller::Build)?.into_iter().collect())
    }

    /// Finds out once whether this machine can make sandboxes, if any is going to be needed. A container engine is not
    /// asked for anything before an action executes: all that is to be done may be in the cache.
    fn probe(&self, plan: &Plan, executor: &dyn Executor) -> Result<(), Problem> {
        let runs = plan.steps.iter().any(|planned| !matches!(planned.state, State::Settled(_)));
        if !runs || self.opened.executor == ExecutorChoice::Engine {
            return Ok(());
        }
        executor.check().map_err(|refused| {
            Problem::new(Exit::Machine, format!("this machine makes no sandbox: {refused}"))
                .hint(refused.fix.clone())
                .hint("`rg doctor` shows what was tried; --executor host runs actions without a sandbox")
        })
    }

    /// What somebody else keeps in `rg-out` is neither replaced nor mixed with outputs.
    fn refuse_foreign_outputs(&self) -> Result<(), Problem> {
        if exec::may_deliver(&self.opened.root) {
            return Ok(());
        }
        let out = self.opened.root.join("rg-out");
        Err(Problem::new(Exit::Definition, format!("`{}` has not been made by rg", out.display()))
            .because("outputs are put there, and would be mixed with what it holds")
            .hint("look at it, and move it away"))
    }

    fn tools(&self, goals: &[Goal]) -> Result<exec::tools::Resolved, Problem> {
        let needs = self.loaded.graph.needs(goals);
        let surroundings = tool_surroundings(self.session, &self.opened.root)?;
        exec::tools::resolve(&needs, &surroundings, &self.opened.memory.tools).map_err(|errors| {
            let mut problem = Problem::new(Exit::Machine, "this machine lacks programs that the targets need");
            for error in errors {
                let wants = error.toolchain().and_then(|toolchain| self.wants(goals, toolchain));
                let wants = wants.map(|title| format!("; {title} wants it")).unwrap_or_default();
                problem = problem.because(format!("{error}{wants}"));
                if let Some(hint) = error.hint() {
                    problem = problem.hint(hint);
                }
            }
            problem
        })
    }

    /// Returns the first action of some goals that wants a toolchain of this machine.
    fn wants(&self, goals: &[Goal], toolchain: &str) -> Option<String> {
        let graph = &self.loaded.graph;
        let is_it = |need: &Need| matches!(need, Need::Host { toolchain: other, .. } if &**other == toolchain);
        graph.first_with(goals, &is_it).map(|step| graph.title(step))
    }

    fn fetcher(&self) -> Fetcher {
        let environment = &self.session.surroundings.environment;
        let connection = match self.session.options.execution.network {
            Network::Online => Connection::Online,
            Network::Offline => Connection::Offline,
        };
        let home = environment.directory("HOME").map(Path::to_owned);
        let extra_ca = self.opened.settings.extra_ca.as_ref().map(|path| self.opened.root.join(path));
        Fetcher::new(environment.texts(), home, extra_ca, connection)
    }

    fn watch(
        &self,
        request: &Request,
        planned: &Planned<'_>,
        known: Results,
        machine: &Machine<'_>,
    ) -> Result<(Report, Exit), Problem> {
        let graph = &self.loaded.graph;
        let tree = &self.loaded.tree;
        let advice = Advice { graph, tree, root: &self.opened.root, python_roots: &self.opened.settings.python_roots };
        let advise = |step: StepId, log: &str| advice.on(step, log);
        let mut progress = Progress::begin(graph, self.session.options.display, self.event_logs(request)?, &advise);
        let definitions = if self.loaded.analysis.is_some() { Definitions::Changed } else { Definitions::Unchanged };
        let errand = Errand { graph, plan: planned.plan, keys: planned.keys, tree, ids: planned.ids, definitions };
        let visited = machine.visit.as_ref().map(|visit| visit.step);
        let report = exec::run(&errand, known, machine, &mut |event| {
            if visited.is_none() || event.step() != visited || matches!(event, exec::Event::Visits { .. }) {
                progress.on(&event);
            }
        });
        let exit = Exit::of_report(graph, &report);
        if visited.is_some() {
            return Ok((report, exit));
        }
        progress.end(&report, exit, self.session.began.elapsed());
        Ok((report, exit))
    }

    fn event_logs(&self, request: &Request) -> Result<Vec<EventLog>, Problem> {
        let mut sinks: Vec<Box<dyn Write>> = Vec::new();
        if let Some(path) = &request.events {
            let file = File::create(path).map_err(|error| {
                Problem::new(Exit::Machine, format!("cannot write events to {}", path.display()))
                    .because(error.to_string())
            })?;
            sinks.push(Box::new(std::io::BufWriter::new(file)));
        }
        if self.session.options.display.output == Output::Jsonl {
            sinks.push(Box::new(std::io::stdout()));
        }
        let arguments: Vec<String> =
            self.session.surroundings.arguments.iter().map(|word| word.to_string_lossy().into_owned()).collect();
        let now = self.session.surroundings.unix_time_ms;
        Ok(sinks.into_iter().map(|sink| EventLog::begin(sink, &arguments, now)).collect())
    }

    /// Writes the memory file, if anything in it has changed.
    fn remember(&self, report: &Report, tools: Option<Vec<u8>>) {
        let stats = self.loaded.tree.stats();
        let results = report.results.as_ref();
        if stats.is_none() && results.is_none() && tools.is_none() && self.loaded.analysis.is_none() {
            return;
        }
        let before = self.opened.cache.recall(&self.opened.memory_name);
        let memory = Memory {
            stats: stats.unwrap_or(before.stats),
            analysis: self.loaded.analysis.clone().unwrap_or(before.analysis),
            results: results.map_or(before.results, Results::encode),
            digests: results.map_or(before.digests, |results| results.digests.encode().to_vec()),
            tools: tools.unwrap_or(before.tools),
        };
        let told = report.steps.values().any(|ended| matches!(ended.status, Status::Failed(Failure::Store(_))));
        if let Err(error) = self.opened.cache.remember(&self.opened.memory_name, &memory)
            && !told
        {
            let causes = std::iter::successors(std::error::Error::source(&error), |cause| cause.source());
            let why = causes.fold(error.to_string(), |all, cause| format!("{all}: {cause}"));
            let text = format!("the next run will be slower, because this one cannot be remembered: {why}");
            self.session.options.display.console.tell(&problem::warning(&text));
        }
    }

    /// Gives the answer and the last line.
    fn conclude(
        &self,
        goals: &[Goal],
        report: &Report,
        exit: Exit,
        tests: Option<&TestOptions>,
    ) -> Result<(), Problem> {
        let duration = self.session.began.elapsed();
        let conclusion = Conclusion { graph: &self.loaded.graph, goals, report, exit, duration };
        if let Some(file) = tests.and_then(|tests| tests.junit.as_ref()) {
            conclusion.write_junit(file, &|digest| read_log(&self.opened, digest))?;
        }
        conclusion.print(self.session.options.display)
    }
}

/// A plan with what it was made of.
struct Planned<'a> {
    plan: &'a Plan,
    keys: &'a StaticKeys,
    ids: &'a FileIds,
}

/// Whether results are kept: those of a run that takes none are its own.
fn storing(reuse: Reuse) -> Storing {
    match reuse {
        Reuse::Nothing => Storing::Nothing,
        Reuse::Known | Reuse::AllButTests => Storing::Results,
    }
}

/// Returns where the values of all secrets are; none is read from a file yet.
fn secrets(opened: &Opened, session: &Session) -> Secrets {
    let environment = &session.surroundings.environment;
    let place = |path: &str| match (path.strip_prefix("~/"), environment.directory("HOME")) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => opened.root.join(path),
    };
    let value = |source: &SecretSource| match source {
        SecretSource::Variable(name) => {
            let value = environment.get(name).and_then(std::ffi::OsStr::to_str).filter(|value| !value.is_empty());
            SecretValue::Variable { name: name.clone(), value: value.map(str::to_owned) }
        }
        SecretSource::File(path) => SecretValue::File(place(path)),
    };
    Secrets(opened.settings.secrets.iter().map(|(name, source)| (name.clone(), value(source))).collect())
}

/// Returns the whole text of a log.
pub fn read_log(opened: &Opened, digest: &model::Digest) -> Option<String> {
    let path = opened.cache.blob(digest, cache::Executable::No).ok()?;
    Some(String::from_utf8_lossy(&std::fs::read(path).ok()?).into_owned())
}

fn trial(tests: Option<&TestOptions>) -> Result<Trial, Problem> {
    let Some(tests) = tests else { return Ok(Trial::default()) };
    let text = |word: &std::ffi::OsString| {
        word.to_str()
            .map(std::sync::Arc::from)
            .ok_or_else(|| Problem::new(Exit::Definition, format!("the test argument {word:?} is not UTF-8")))
    };
    let arguments = tests.arguments.iter().map(text).collect::<Result<_, _>>()?;
    Ok(Trial { arguments, runs: tests.runs.map(NonZeroU32::get) })
}
