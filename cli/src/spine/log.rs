//! `rg log`: what a target printed when its results were made, or when it failed last.

use std::collections::BTreeSet;

use graph::Failed;
use model::TargetId;

use super::build::read_log;
use super::load::{identify, load, meant, results, select};
use super::open::{Refused, open};
use crate::escape;
use crate::exit::Exit;
use crate::front::Session;
use crate::problem::Problem;

/// Prints the logs of a target's steps.
pub fn log(target: &str, session: &Session) -> Result<Exit, Refused> {
    let mut opened = open(session)?;
    let loaded = load(&mut opened, session)?;
    let domain = if opened.executor == rules::ExecutorChoice::Host { exec::OnHost::DOMAIN } else { "" };
    let keys = loaded.graph.static_keys(&identify(&loaded), domain);
    let known = results(&mut opened);
    let console = session.options.display.console;
    let mut found = false;
    let selected = select(&[target.to_owned()], &opened, &loaded.graph, rules::Caller::Log)?;
    let ids: BTreeSet<TargetId> = selected.into_iter().flat_map(|id| meant(&loaded.graph, id)).collect();
    for id in ids {
        let Some(index) = loaded.graph.target_index(&id) else { continue };
        for step in loaded.graph.steps_of(index) {
            let title = loaded.graph.title(step);
            let made = known.actions.get(&keys[step]);
            let failed = known.failures.get(&title);
            found |= made.is_some() || failed.is_some();
            let name = escape::name(&title);
            let (heading, log) = match (failed, made) {
                (Some(Failed { why, log: None }), _) => (format!("{name} failed: {why}; it printed nothing"), None),
                (Some(Failed { why, log }), _) => (format!("{name} failed: {why}"), *log),
                (None, made) => (name.into_owned(), made.and_then(|made| made.known.log)),
            };
            if failed.is_some() || log.is_some() {
                console.tell(&format!("== {}\n", escape::lines(&heading)));
            }
            if let Some(digest) = log {
                let text = read_log(&opened, &digest)
                    .ok_or_else(|| Problem::new(Exit::Machine, format!("the cache has lost the log of {title}")))?;
                console.answer(&text)?;
            }
        }
    }
    if !found {
        return Err(Problem::new(Exit::Definition, format!("{target} has no result: it has not run as it is now"))
            .hint(format!("`rg build {target}` or `rg test {target}` runs it"))
            .into());
    }
    Ok(Exit::Done)
}
