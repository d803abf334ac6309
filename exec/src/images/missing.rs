//! Says which program an image lacks, when an action ends as a shell does that finds none.

use cache::Cache;
use model::Content;

use super::ImageRoot;
use crate::Failure;
use crate::executor::{Ground, Job};

/// What a shell exits with if it finds no program.
const NOT_FOUND: i32 = 127;

/// Where a container has what no image has, besides cache mounts.
const ELSEWHERE: [&str; 6] = ["/src/", "/toolchain/", "/tmp/", "/run/", "/proc/", "/dev/"];

/// How alike names have to be to be told.
const ALIKE: f64 = 0.75;

/// Returns a failure that says more, if the image of a job lacks a program that the job asked for.
pub(crate) fn explained(failure: Failure, job: &Job<'_>, log: &str) -> Failure {
    let Ground::Image(image) = &job.ground else { return failure };
    let path = job.environment().remove("PATH").unwrap_or_default();
    let lacks = |program: &&str| !is_there(image, &path, program, job.cache);
    let missing = match &failure {
        Failure::Exit(NOT_FOUND) => {
            words_of(job).into_iter().chain(told(log)).find(|program| is_of_image(program, job) && lacks(program))
        }
        Failure::Program { program, .. } => Some(program.as_str()).filter(|it| is_of_image(it, job)).filter(lacks),
        _ => None,
    };
    let Some(program) = missing else { return failure };
    let why = why(image, &path, program, job.cache);
    Failure::Program { program: program.to_owned(), why, image: Some(image.name.clone()) }
}

/// Whether a program can only be one of the image. A path that is not absolute is one of the sources.
fn is_of_image(program: &str, job: &Job<'_>) -> bool {
    let is_mounted = |at: &str| program.starts_with(at);
    !program.contains('/')
        || program.starts_with('/')
            && !ELSEWHERE.into_iter().any(is_mounted)
            && !job.cache_mounts.values().any(|at| is_mounted(at))
}

/// Returns the program that the command line names, which a shell may start.
fn words_of<'a>(job: &Job<'a>) -> Option<&'a str> {
    match job.argv.as_slice() {
        [shell, _, line, _, program, ..] if shell.ends_with("sh") && line.ends_with("exec \"$@\"") => Some(program),
        [shell, "-euc" | "-c", ..] if shell.ends_with("sh") => None,
        [program, ..] => Some(program),
        [] => None,
    }
}

/// Returns the program that a shell says it has not found: `sh: 1: protoc: not found`.
fn told(log: &str) -> Option<&str> {
    let line = log.lines().rev().find(|line| line.contains("not found"))?;
    let before = line.split(": not found").next()?.split(": command not found").next()?;
    before.rsplit(": ").next().map(str::trim).filter(|word| !word.is_empty() && !word.contains(' '))
}

/// Returns the directories in which a program is looked for, and its name in them.
fn looked_in<'a>(path: &'a str, program: &'a str) -> (std::str::Split<'a, char>, &'a str) {
    match program.rsplit_once('/') {
        Some((directory, name)) => (directory.split(':'), name),
        None => (path.split(':'), program),
    }
}

fn is_there(image: &ImageRoot, path: &str, program: &str, cache: &Cache) -> bool {
    let (mut directories, name) = looked_in(path, program);
    let found = |directory: &str| image.entry(&format!("{directory}/{name}"), cache);
    directories.any(|directory| matches!(found(directory), Some(Content::File { .. })))
}

fn why(image: &ImageRoot, path: &str, program: &str, cache: &Cache) -> String {
    let (directories, name) = looked_in(path, program);
    let mut near: Vec<(String, f64)> = directories
        .flat_map(|directory| image.names(directory, cache))
        .map(|other| (strsim::jaro_winkler(&other, name), other))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .map(|(likeness, other)| (other, likeness))
        .collect();
    near.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    near.dedup_by(|a, b| a.0 == b.0);
    let near: Vec<String> = near.into_iter().take(5).map(|(name, _)| format!("`{name}`")).collect();
    let there = if near.is_empty() { "nothing of a name like it".to_owned() } else { near.join(", ") };
    let place = if program.contains('/') { "there" } else { "on its PATH" };
    format!("the image {} has no such program {place}; there is {there}", image.name)
}

#[cfg(test)]
mod tests {
    use super::told;

    #[test]
    fn shells_say_which_program_is_missing() {
        for (log, want) in [
            ("/bin/sh: 1: protoc: not found\n", Some("protoc")),
            ("rg: exec: line 0: protoc: not found", Some("protoc")),
            ("sh: line 1: protoc: command not found\n", Some("protoc")),
            ("building\nfile not found\n", None),
            ("", None),
        ] {
            assert_eq!(told(log), want, "{log}");
        }
    }
}
