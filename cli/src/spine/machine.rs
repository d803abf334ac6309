//! What rg finds of this machine: its own program, sandboxes, host tools; and the checks of `rg doctor`.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use exec::{ChrootLite, Engine, Executor, Ladder, Native, OnHost, Places};
use model::Need;
use rules::{ExecutorChoice, Toolchain};

use super::open::{Opened, Refused, is_above, open};
use crate::commands;
use crate::doctor::{Check, Verdict};
use crate::exit::Exit;
use crate::front::Session;
use crate::problem::Problem;

/// Looks at the machine, and at the workspace if there is one.
pub fn checks(session: &Session) -> Vec<Check> {
    let opened = open(session);
    let chosen = opened.as_ref().map(|opened| opened.executor).ok();
    let host = Check::ok("executor host", "used only when it is asked for by name: no isolation");
    let (mut best, others) = (native(), [chroot_lite(session), engine(session, chosen)]);
    if best.verdict == Verdict::Fail && others.iter().any(|other| other.verdict == Verdict::Ok) {
        // rg does its work in another way.
        best.verdict = Verdict::Warn;
    }
    let mut checks: Vec<Check> = [best].into_iter().chain(others).chain([host]).collect();
    match opened {
        Ok(opened) => {
            checks.push(Check::ok("workspace", format!("{} in {}", opened.settings.name, opened.root.display())));
            checks.push(cache(&opened));
            checks.extend(toolchains(&opened, session));
            if !opened.settings.named_repos.is_empty() {
                checks.push(git(session));
            }
        }
        Err(Refused::Mistakes(..)) => {
            checks.push(Check::fail("workspace", "workspace.toml or rg.lock has mistakes", "rg build"))
        }
        Err(_) => checks.push(Check::warn(
            "workspace",
            "no readable workspace.toml here or above: the cache and toolchains were not looked at",
            "go to a workspace, or `rg --workspace DIR doctor`",
        )),
    }
    checks
}

fn native() -> Check {
    let sandbox = match sandbox() {
        Ok(sandbox) => sandbox,
        Err(problem) => return Check::fail("executor native", problem.message, "start rg by its full path"),
    };
    match sandbox.probe() {
        Ok(()) => Check::ok("executor native", "namespaces and overlay file systems work: actions run in sandboxes"),
        Err(refused) => Check::fail("executor native", refused.to_string(), refused.fix.to_string()),
    }
}

/// Where namespaces work nobody needs it.
fn chroot_lite(session: &Session) -> Check {
    let name = "executor chroot-lite";
    let place = commands::cache_directory(&session.options.place);
    match place.and_then(|place| Ok(ChrootLite::new(sandbox()?, place).check())) {
        Ok(Ok(())) => Check::ok(name, "works: actions with images run in a directory of their own, without namespaces"),
        Ok(Err(refused)) => Check::warn(name, refused.why, refused.fix),
        Err(problem) => Check::warn(name, problem.message, "set RG_CACHE_DIR, and start rg by its full path"),
    }
}

/// A machine without a container engine lacks nothing, unless one was asked for.
fn engine(session: &Session, chosen: Option<ExecutorChoice>) -> Check {
    let name = "executor engine";
    match Engine::new(engine_places(session)).probe() {
        Ok(found) if found.limits_memory => Check::ok(name, found.to_string()),
        Ok(found) => Check::ok(name, format!("{found}; it ignores limits of memory, so such actions are refused")),
        Err(error) if chosen == Some(ExecutorChoice::Engine) => Check::fail(name, error.to_string(), error.fix()),
        Err(error) => Check::warn(name, error.to_string(), error.fix()),
    }
}

/// Returns where a container engine may listen.
pub fn engine_places(session: &Session) -> Places {
    let environment = &session.surroundings.environment;
    let host = environment.get("DOCKER_HOST").and_then(OsStr::to_str).filter(|host| !host.is_empty());
    Places {
        docker_host: host.map(str::to_owned),
        runtime_directory: environment.directory("XDG_RUNTIME_DIR").map(Path::to_owned),
    }
}

fn cache(opened: &Opened) -> Check {
    let dir = opened.cache.dir().display().to_string();
    match opened.cache.put_bytes(b"rg doctor").and_then(|_| opened.cache.stats()) {
        Ok(stats) => Check::ok("cache", format!("{dir}: {} results, {} blobs", stats.results, stats.blobs)),
        Err(error) => Check::fail(
            "cache",
            Problem::of(Exit::Machine, &error)
                .causes
                .into_iter()
                .fold(error.to_string(), |all, cause| all + ": " + &cause),
            "set RG_CACHE_DIR to a directory that may be written to",
        ),
    }
}

/// Repositories are brought by it.
fn git(session: &Session) -> Check {
    let path = session.surroundings.environment.get("PATH").unwrap_or_default();
    match std::env::split_paths(path).map(|directory| directory.join("git")).find(|program| program.is_file()) {
        Some(program) => Check::ok("git", program.display().to_string()),
        None => Check::warn(
            "git",
            "it is not on PATH: a repository that is not here cannot be brought",
            "apt-get install git",
        ),
    }
}

fn toolchains(opened: &Opened, session: &Session) -> Vec<Check> {
    let Ok(tools) = tool_surroundings(session, &opened.root) else { return Vec::new() };
    let check = |(name, toolchain): (&Arc<str>, &Toolchain)| {
        let programs = match toolchain {
            Toolchain::Host { programs } => programs,
            Toolchain::Image { image, pinned: Some(digest) } => {
                return Check::ok(format!("toolchain {name}"), format!("{image} is {digest}"));
            }
            Toolchain::Image { image, pinned: None } => {
                let what = format!("{image} is not pinned");
                return Check::warn(format!("toolchain {name}"), what, "rg lock");
            }
        };
        let need = Need::Host { toolchain: name.clone(), programs: programs.clone() };
        match exec::tools::resolve(&BTreeSet::from([need.clone()]), &tools, &[]) {
            Ok(resolved) => {
                let view = resolved.tools.view(std::slice::from_ref(&need));
                let found: Vec<String> = view.links.iter().map(|(name, path)| format!("{name} = {path}")).collect();
                Check::ok(format!("toolchain {name}"), found.join(", "))
            }
            Err(errors) => {
                let what: Vec<String> = errors.iter().map(ToString::to_string).collect();
                let fix = errors.iter().find_map(exec::tools::ToolError::hint).unwrap_or_default();
                Check::fail(format!("toolchain {name}"), what.join("; "), fix)
            }
        }
    };
    opened.settings.toolchains.iter().map(check).collect()
}

/// What `auto` tries, the best first.
const LADDER: [ExecutorChoice; 3] = [ExecutorChoice::Native, ExecutorChoice::ChrootLite, ExecutorChoice::Engine];

/// Returns who runs actions.
pub fn executor(opened: &Opened, session: &Session) -> Result<Box<dyn Executor>, Problem> {
    let one = |choice| -> Result<Box<dyn Executor>, Problem> {
        Ok(match choice {
            ExecutorChoice::Host => Box::new(OnHost),
            ExecutorChoice::Engine => Box::new(Engine::new(engine_places(session))),
            ExecutorChoice::ChrootLite => Box::new(ChrootLite::new(sandbox()?, opened.cache.dir().to_owned())),
            _ => Box::new(Native::new(sandbox()?)),
        })
    };
    match opened.executor {
        ExecutorChoice::Auto => {
            let allowed = LADDER.into_iter().filter(|rung| opened.strict.is_none_or(|least| is_above(*rung, least)));
            Ok(Box::new(Ladder::new(allowed.map(one).collect::<Result<_, _>>()?)))
        }
        named => one(named),
    }
}

/// Returns the maker of sandboxes, whose helper is rg itself.
pub fn sandbox() -> Result<exec::sandbox::Sandbox, Problem> {
    Ok(exec::sandbox::Sandbox::new(helper()?))
}

fn helper() -> Result<PathBuf, Problem> {
    std::env::current_exe()
        .map_err(|error| Problem::new(Exit::Machine, "cannot find rg's own program").because(error.to_string()))
}

/// Returns what decides which host tools are found.
pub fn tool_surroundings(session: &Session, root: &Path) -> Result<exec::tools::Surroundings, Problem> {
    let environment = &session.surroundings.environment;
    Ok(exec::tools::Surroundings {
        path: environment.get("PATH").unwrap_or_default().to_owned(),
        home: environment.directory("HOME").map(Path::to_owned),
        directory: root.to_owned(),
        env: environment.named(&exec::tools::Surroundings::VARIABLES),
        helper: helper()?,
    })
}
