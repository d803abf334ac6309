//! The commands that run no action: each looks something up and prints it.

use std::path::PathBuf;

use exec::Cleaned;

use crate::args::{CacheCommand, Output};
use crate::exit::Exit;
use crate::front::Session;
use crate::options::Place;
use crate::problem::Problem;
use crate::reporters::json;
use crate::{args, cache_text, doctor, escape, rules_text, spine, twin};

/// Returns the root of the workspace that a call is about.
pub fn root(place: &Place) -> Result<PathBuf, Problem> {
    let found = match &place.workspace {
        Some(directory) => Some(directory.clone()).filter(|directory| directory.join("workspace.toml").is_file()),
        None => workspace::find(&place.directory),
    };
    found.ok_or_else(|| match &place.workspace {
        Some(directory) => Problem::new(Exit::Definition, format!("no workspace.toml in `{}`", directory.display()))
            .hint("--workspace names the directory that holds workspace.toml"),
        None => {
            let directory = place.directory.display();
            Problem::new(Exit::Definition, format!("no workspace.toml in `{directory}` or in a directory above it"))
                .hint("a workspace.toml with the lines `[workspace]` and `name = \"…\"` makes a directory a workspace")
                .hint("`rg --workspace DIR …` works on the workspace in DIR")
        }
    })
}

/// Prints a verdict on each thing that rg needs.
pub fn doctor(session: &Session) -> Result<Exit, Problem> {
    let mut checks = vec![doctor::name_check(&twin::programs(&session.surroundings.environment))];
    checks.extend(spine::checks(session));
    let text = match session.options.display.output {
        Output::Json => doctor::document(&checks),
        _ => doctor::text(&checks),
    };
    session.options.display.console.answer(&text)?;
    Ok(doctor::exit(&checks))
}

/// Looks after the local store.
pub fn cache(command: CacheCommand, session: &Session) -> Result<Exit, Problem> {
    let (text, document, exit) = match command {
        CacheCommand::Path => cache_path(session)?,
        CacheCommand::Stats => {
            let stats = spine::open_cache(session)?.stats().map_err(|error| Problem::of(Exit::Machine, &error))?;
            (cache_text::stats(&stats), cache_text::stats_document(&stats), Exit::Done)
        }
        CacheCommand::Gc => {
            let store = spine::open_cache(session)?;
            let size = store.stats().map(|stats| stats.max_size_bytes);
            let done = size.and_then(|size| store.gc(size)).map_err(|error| Problem::of(Exit::Machine, &error))?;
            (cache_text::collected(&done), cache_text::collected_document(&done), Exit::Done)
        }
        CacheCommand::Verify => {
            let done = spine::open_cache(session)?.verify().map_err(|error| Problem::of(Exit::Machine, &error))?;
            (cache_text::verified(&done), cache_text::verified_document(&done), cache_text::verified_exit(&done))
        }
    };
    let display = session.options.display;
    display.console.answer(if display.output == Output::Json { &document } else { &text })?;
    Ok(exit)
}

fn cache_path(session: &Session) -> Result<(String, String, Exit), Problem> {
    let path = cache_directory(&session.options.place)?;
    let path = path.display().to_string();
    let document = json::line(&serde_json::json!({ "schema": "rg.cache/v1", "command": "path", "path": path }));
    Ok((format!("{path}\n"), document, Exit::Done))
}

/// Returns the directory of the local store.
pub fn cache_directory(place: &Place) -> Result<PathBuf, Problem> {
    place.cache.clone().ok_or_else(|| {
        Problem::new(Exit::Machine, "the environment names no place for the cache").hint("set RG_CACHE_DIR, or HOME")
    })
}

/// Prints all rules, or one with its attributes.
pub fn rules(rule: Option<&str>, session: &Session) -> Result<Exit, Problem> {
    let docs = rules_text::chosen(rule)?;
    let display = session.options.display;
    let text = match (display.output, rule) {
        (Output::Json, _) => rules_text::document(&docs),
        (_, Some(_)) => docs.iter().map(|doc| rules_text::one(doc)).collect(),
        (_, None) => rules_text::list(&docs),
    };
    display.console.answer(&text)?;
    Ok(Exit::Done)
}

/// Prints what the code of a mistake, or an exit code, means.
pub fn explain(code: &str, session: &Session) -> Result<Exit, Problem> {
    if code == "exit" {
        return explain_exits(session);
    }
    if let Some(exit) = Exit::ALL.iter().find(|exit| exit.code().to_string() == code) {
        return explained(code, exit.meaning().0, exit.meaning().1, session);
    }
    let Some(found) = rules::explain(code) else {
        let (first, last) = (rules::EXPLAINED.first(), rules::EXPLAINED.last());
        let range = first.zip(last).map(|(first, last)| format!("codes go from {} to {}", first.code, last.code));
        let problem = Problem::new(Exit::Definition, format!("`{}` is no code of a mistake", escape::name(code)));
        return Err(problem.hint(range.unwrap_or_default()).hint("`rg explain exit` lists the exit codes"));
    };
    explained(found.code, found.title, found.text, session)
}

fn explained(code: &str, title: &str, text: &str, session: &Session) -> Result<Exit, Problem> {
    let display = session.options.display;
    display.console.answer(&match display.output {
        Output::Json => json::line(&serde_json::json!({
            "schema": "rg.explain/v1", "code": code, "title": title, "text": text,
        })),
        _ => format!("{code}: {title}\n\n{text}\n"),
    })?;
    Ok(Exit::Done)
}

/// Prints all exit codes.
fn explain_exits(session: &Session) -> Result<Exit, Problem> {
    let display = session.options.display;
    let entry =
        |exit: Exit| serde_json::json!({ "code": exit.code(), "title": exit.meaning().0, "text": exit.meaning().1 });
    display.console.answer(&match display.output {
        Output::Json => {
            json::line(&serde_json::json!({ "schema": "rg.explain/v1", "exit_codes": Exit::ALL.map(entry) }))
        }
        _ => Exit::ALL.iter().map(|exit| format!("{:>2}  {}\n", exit.code(), exit.meaning().0)).collect(),
    })?;
    Ok(Exit::Done)
}

/// Removes rg-out.
pub fn clean(session: &Session) -> Result<Exit, Problem> {
    let root = root(&session.options.place)?;
    let out = root.join("rg-out");
    let done = exec::clean(&root).map_err(|error| {
        Problem::new(Exit::Machine, format!("cannot remove `{}`", out.display())).because(error.to_string())
    })?;
    let words = match done {
        Cleaned::Removed => "removed",
        Cleaned::NothingThere => "there is no",
        Cleaned::NotOurs => {
            return Err(Problem::new(Exit::Definition, format!("`{}` has not been made by rg", out.display()))
                .because("it does not hold the `.gitignore` that rg puts there")
                .hint("look at it, and remove it by hand"));
        }
    };
    session.options.display.console.tell(&format!("{words} {}\n", out.display()));
    Ok(Exit::Done)
}

/// Prints the script that completes words in a shell.
pub fn completions(shell: clap_complete::Shell, session: &Session) -> Result<Exit, Problem> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut args::definition(), "rg", &mut script);
    session.options.display.console.answer(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
