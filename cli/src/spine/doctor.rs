//! The checks of `rg doctor`: what of this machine rg found, and what repairs it.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::Need;
use rules::Toolchain;

use super::build::{helper, tool_surroundings};
use super::open::{Opened, open};
use crate::doctor::Check;
use crate::exit::Exit;
use crate::options::Options;
use crate::problem::Problem;
use crate::surroundings::Surroundings;

/// Looks at the machine, and at the workspace if there is one.
pub fn checks(options: &Options, surroundings: &Surroundings) -> Result<Vec<Check>, Problem> {
    let mut checks = vec![native()?, Check::ok("executor host", "used only when it is asked for by name: no isolation")];
    match open(options, surroundings) {
        Ok(opened) => {
            checks.push(Check::ok("workspace", format!("{} in {}", opened.settings.name, opened.root.display())));
            checks.push(cache(&opened));
            checks.extend(toolchains(&opened, surroundings)?);
        }
        Err(_) => checks.push(Check::warn(
            "workspace",
            "no readable workspace.toml here or above: the cache and toolchains were not looked at",
            "go to a workspace, or `rg --workspace DIR doctor`",
        )),
    }
    Ok(checks)
}

fn native() -> Result<Check, Problem> {
    let sandbox = exec::sandbox::Sandbox { helper: helper()? };
    Ok(match sandbox.probe() {
        Ok(()) => Check::ok("executor native", "namespaces and overlay file systems work: actions run in sandboxes"),
        Err(refused) => Check::fail("executor native", refused.to_string(), refused.fix.to_string()),
    })
}

fn cache(opened: &Opened) -> Check {
    let dir = opened.cache.dir().display().to_string();
    match opened.cache.put_bytes(b"rg doctor").and_then(|_| opened.cache.stats()) {
        Ok(stats) => Check::ok("cache", format!("{dir}: {} results, {} blobs", stats.results, stats.blobs)),
        Err(error) => Check::fail(
            "cache",
            Problem::of(Exit::Machine, &error).causes.into_iter().fold(error.to_string(), |all, cause| all + ": " + &cause),
            "set RG_CACHE_DIR to a directory that may be written to",
        ),
    }
}

fn toolchains(opened: &Opened, surroundings: &Surroundings) -> Result<Vec<Check>, Problem> {
    let tools = tool_surroundings(surroundings, &opened.root)?;
    let check = |(name, toolchain): (&Arc<str>, &Toolchain)| {
        let Toolchain::Host { programs } = toolchain;
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
    Ok(opened.settings.toolchains.iter().map(check).collect())
}
