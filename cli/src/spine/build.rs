//! `rg build` and `rg test`.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::num::NonZeroU32;
use std::time::Instant;

use exec::{Cancel, Connection, Errand, Executor, Fetcher, Machine, Native, OnHost, Report, Storing, Trial};
use graph::{Goal, Plan, Results, Reuse, State, StaticKeys, StepId, Wishes};
use model::{Kind, Memory, RelPath, TargetId};
use rules::ExecutorChoice;

use super::load::{Ids, Loaded, exists, identify, load, results, select, static_keys};
use super::open::{Opened, Refused, open};
use crate::args::Output;
use crate::exit::Exit;
use crate::options::{Mode, Network, Options, Request, TestOptions};
use crate::problem::{self, Problem};
use crate::reporters::events::EventLog;
use crate::reporters::progress::Progress;
use crate::reporters::{json, junit, last_line, step_text, undeclared};
use crate::signals::cancel_on_signals;
use crate::surroundings::Surroundings;

/// Builds what the request names.
pub fn build(request: &Request, options: &Options, surroundings: &Surroundings) -> Result<Exit, Refused> {
    let session = Session::begin(options, surroundings)?;
    let goals: Vec<Goal> = session.select(&request.patterns)?.into_iter().map(Goal::Build).collect();
    Ok(session.perform(request, &goals, None)?.exit)
}

/// Builds what the request names, and runs the tests among it.
pub fn test(
    request: &Request,
    tests: &TestOptions,
    options: &Options,
    surroundings: &Surroundings,
) -> Result<Exit, Refused> {
    let session = Session::begin(options, surroundings)?;
    let selected = session.select(&request.patterns)?;
    let kind = |id: &TargetId| session.loaded.graph.target(id).map(|target| target.kind);
    let goal = |id: TargetId| match kind(&id) {
        Some(Kind::Test | Kind::Suite) => Goal::Test(id),
        _ => Goal::Build(id),
    };
    let goals: Vec<Goal> = selected.into_iter().map(goal).collect();
    if !goals.iter().any(|goal| matches!(goal, Goal::Test(_))) {
        let patterns = request.patterns.join(" ");
        return Err(Problem::new(Exit::NothingFound, format!("there is no test in {patterns}"))
            .hint("`rg query 'tests(//...)'` lists all tests")
            .into());
    }
    Ok(session.perform(request, &goals, Some(tests))?.exit)
}

/// What came of a build.
pub struct Built {
    /// How the call ends.
    pub exit: Exit,
    /// What the run did; `None` for a dry run.
    pub report: Option<Report>,
}

/// One build, from the scan to the last line.
pub struct Session<'a> {
    began: Instant,
    options: &'a Options,
    surroundings: &'a Surroundings,
    /// The workspace.
    pub opened: Opened,
    /// Its graph.
    pub loaded: Loaded,
    cancel: Cancel,
}

impl<'a> Session<'a> {
    /// Opens and loads the workspace.
    pub fn begin(options: &'a Options, surroundings: &'a Surroundings) -> Result<Session<'a>, Refused> {
        let began = Instant::now();
        let cancel = cancel_on_signals().map_err(|error| Problem::of(Exit::Machine, &error))?;
        let opened = open(options, surroundings)?;
        let loaded = load(&opened)?;
        Ok(Session { began, options, surroundings, opened, loaded, cancel })
    }

    /// Selects targets by patterns.
    pub fn select(&self, patterns: &[String]) -> Result<Vec<TargetId>, Refused> {
        select(patterns, &self.opened, &self.loaded.graph)
    }

    /// Plans and runs the goals, shows it, and remembers what the next run has to know.
    pub fn perform(&self, request: &Request, goals: &[Goal], tests: Option<&TestOptions>) -> Result<Built, Refused> {
        let graph = &self.loaded.graph;
        let executor = self.executor()?;
        let ids = identify(&self.loaded);
        let keys = static_keys(graph, &ids, executor.domain());
        let tools = self.tools(goals)?;
        let known = results(&self.opened);
        let rerun: BTreeSet<TargetId> = self.select_each(&self.options.known.rerun)?;
        let wishes = Wishes { rerun: &rerun, reuse: self.options.known.reuse };
        let plan = graph.plan(goals, &keys, &|need| tools.pins.0.get(need).copied(), &known, &wishes);
        if self.options.execution.mode == Mode::DryRun {
            self.options.display.console.answer(&step_text::dry_run(graph, &plan))?;
            return Ok(Built { exit: Exit::Done, report: None });
        }
        self.probe(&plan)?;
        let fetcher = self.fetcher();
        let machine = Machine {
            cache: &self.opened.cache,
            executor: &*executor,
            fetcher: &fetcher,
            root: self.opened.root.clone(),
            pins: tools.pins,
            tools: tools.tools,
            jobs: self.options.execution.jobs.get(),
            on_failure: self.options.execution.on_failure,
            trial: trial(tests)?,
            storing: if self.options.known.reuse == Reuse::Nothing { Storing::Nothing } else { Storing::Results },
            cancel: self.cancel.clone(),
        };
        let planned = Planned { plan: &plan, keys: &keys, ids: &ids };
        let (report, exit) = self.watch(request, &planned, known, &machine)?;
        self.remember(&report, tools.remember);
        self.junit(goals, &report, tests)?;
        self.tell(goals, &report, exit)?;
        Ok(Built { exit, report: Some(report) })
    }

    fn select_each(&self, labels: &[String]) -> Result<BTreeSet<TargetId>, Refused> {
        if labels.is_empty() {
            return Ok(BTreeSet::new());
        }
        Ok(self.select(labels)?.into_iter().collect())
    }

    fn executor(&self) -> Result<Box<dyn Executor>, Problem> {
        Ok(match self.opened.executor {
            ExecutorChoice::Host => Box::new(OnHost),
            _ => Box::new(Native::new(self.sandbox()?)),
        })
    }

    fn sandbox(&self) -> Result<exec::sandbox::Sandbox, Problem> {
        Ok(exec::sandbox::Sandbox { helper: helper()? })
    }

    /// Finds out once whether this machine can make sandboxes, if any is going to be needed.
    fn probe(&self, plan: &Plan) -> Result<(), Problem> {
        let runs = plan.steps.iter().any(|planned| !matches!(planned.state, State::Settled(_)));
        if !runs || self.opened.executor == ExecutorChoice::Host {
            return Ok(());
        }
        self.sandbox()?.probe().map_err(|refused| {
            Problem::new(Exit::Machine, format!("this machine makes no sandbox: {refused}"))
                .hint(refused.fix.to_string())
                .hint("`rg doctor` shows what was tried; --executor host runs actions without a sandbox")
        })
    }

    fn tools(&self, goals: &[Goal]) -> Result<exec::tools::Resolved, Problem> {
        let needs = self.loaded.graph.needs(goals);
        let surroundings = tool_surroundings(self.surroundings, &self.opened.root)?;
        exec::tools::resolve(&needs, &surroundings, &self.opened.memory.tools).map_err(|errors| {
            let mut problem = Problem::new(Exit::Machine, "this machine lacks programs that the targets need");
            for error in errors {
                problem = problem.because(error.to_string()).hint(error.hint());
            }
            problem
        })
    }

    fn fetcher(&self) -> Fetcher {
        let environment = &self.surroundings.environment;
        let connection = match self.options.execution.network {
            Network::Online => Connection::Online,
            Network::Offline => Connection::Offline,
        };
        let home = environment.directory("HOME").map(std::path::Path::to_owned);
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
        let advise = |step: StepId, log: &str| undeclared::hints(graph, step, log, &|file| exists(tree, file));
        let mut progress = Progress::begin(graph, self.options.display, self.event_logs(request)?, &advise);
        let ids = |file: &RelPath| planned.ids.id(file);
        let errand = Errand { graph, plan: planned.plan, keys: planned.keys, tree, ids: &ids };
        let report = exec::run(&errand, known, machine, &mut |event| progress.on(&event));
        let exit = Exit::of_report(graph, &report);
        progress.end(&report, exit, self.began.elapsed());
        Ok((report, exit))
    }

    fn event_logs(&self, request: &Request) -> Result<Vec<EventLog>, Problem> {
        let mut sinks: Vec<Box<dyn Write>> = Vec::new();
        if let Some(path) = &request.events {
            let file = File::create(path).map_err(|error| {
                Problem::new(Exit::Definition, format!("cannot write events to {}", path.display()))
                    .because(error.to_string())
            })?;
            sinks.push(Box::new(std::io::BufWriter::new(file)));
        }
        if self.options.display.output == Output::Jsonl {
            sinks.push(Box::new(std::io::stdout()));
        }
        let arguments: Vec<String> =
            self.surroundings.arguments.iter().map(|word| word.to_string_lossy().into_owned()).collect();
        let now = self.surroundings.unix_time_ms;
        Ok(sinks.into_iter().map(|sink| EventLog::begin(sink, &arguments, now)).collect())
    }

    /// Writes the memory file, if anything in it has changed.
    fn remember(&self, report: &Report, tools: Option<Vec<u8>>) {
        let stats = self.loaded.tree.stats();
        let results = report.results.as_ref().map(Results::encode);
        if stats.is_none() && results.is_none() && tools.is_none() && self.loaded.analysis.is_none() {
            return;
        }
        let before = &self.opened.memory;
        let memory = Memory {
            stats: stats.unwrap_or_else(|| before.stats.clone()),
            analysis: self.loaded.analysis.clone().unwrap_or_else(|| before.analysis.clone()),
            results: results.unwrap_or_else(|| before.results.clone()),
            tools: tools.unwrap_or_else(|| before.tools.clone()),
        };
        if let Err(error) = self.opened.cache.remember(&self.opened.memory_name, &memory) {
            let text = format!("the next run will be slower, because this one cannot be remembered: {error}");
            self.options.display.console.tell(&problem::warning(&text));
        }
    }

    fn junit(&self, goals: &[Goal], report: &Report, tests: Option<&TestOptions>) -> Result<(), Problem> {
        let Some(path) = tests.and_then(|tests| tests.junit.as_ref()) else { return Ok(()) };
        let read = |log: &exec::Log| read_log(&self.opened, &log.digest);
        let xml = junit::xml(&self.loaded.graph, goals, report, &read);
        std::fs::write(path, xml).map_err(|error| {
            Problem::new(Exit::Definition, format!("cannot write JUnit XML to {}", path.display()))
                .because(error.to_string())
        })
    }

    /// Gives the answer and the last line.
    fn tell(&self, goals: &[Goal], report: &Report, exit: Exit) -> Result<(), Problem> {
        let graph = &self.loaded.graph;
        let (display, duration) = (&self.options.display, self.began.elapsed());
        for (target, why) in &report.undelivered {
            let problem = Problem::new(exit, format!("the outputs of {} are not in the checkout", target.label));
            display.console.tell(&problem.because(why.clone()).render());
        }
        if display.output == Output::Json {
            display.console.answer(&json::document(graph, goals, report, exit, duration).to_line())?;
        }
        let counts = report.counts(|step| last_line::counts(graph, step));
        if let Some(skipped) = last_line::skipped_line(counts) {
            display.console.tell(&skipped);
        }
        display.console.tell(&last_line::last_line(goals.len(), counts, 0, duration));
        Ok(())
    }
}

/// A plan with what it was made of.
struct Planned<'a> {
    plan: &'a Plan,
    keys: &'a StaticKeys,
    ids: &'a Ids,
}

/// Returns the whole text of a log.
pub fn read_log(opened: &Opened, digest: &model::Digest) -> Option<String> {
    let path = opened.cache.blob(digest, cache::Executable::No).ok()?;
    Some(String::from_utf8_lossy(&std::fs::read(path).ok()?).into_owned())
}

fn trial(tests: Option<&TestOptions>) -> Result<Trial, Problem> {
    let Some(tests) = tests else { return Ok(Trial::default()) };
    let text = |word: &std::ffi::OsString| {
        word.to_str().map(std::sync::Arc::from).ok_or_else(|| {
            Problem::new(Exit::Definition, format!("the test argument {word:?} is not UTF-8"))
        })
    };
    let arguments = tests.arguments.iter().map(text).collect::<Result<_, _>>()?;
    Ok(Trial { arguments, runs: tests.runs.map(NonZeroU32::get) })
}

/// Returns the program that sandboxes start as their helper: rg itself.
pub fn helper() -> Result<std::path::PathBuf, Problem> {
    std::env::current_exe().map_err(|error| {
        Problem::new(Exit::Machine, "cannot find rg's own program").because(error.to_string())
    })
}

/// Returns what decides which host tools are found.
pub fn tool_surroundings(
    surroundings: &Surroundings,
    root: &std::path::Path,
) -> Result<exec::tools::Surroundings, Problem> {
    let environment = &surroundings.environment;
    Ok(exec::tools::Surroundings {
        path: environment.get("PATH").unwrap_or_default().to_owned(),
        home: environment.directory("HOME").map(std::path::Path::to_owned),
        directory: root.to_owned(),
        env: environment.texts(),
        helper: helper()?,
    })
}
