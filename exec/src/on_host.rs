//! The host executor: plain processes in a directory of declared inputs. Used only when asked for by name; its
//! results carry a mark of their own and are no other executor's hits.

use std::fs::File;
use std::os::unix::fs::symlink;
use std::path::Path;

use model::RelPath;

use crate::executor::{Executor, Ground, Job, Ran, Stopped, Unusable};
use crate::sandbox::How;
use crate::stage::{By, stage};
use crate::tools::{TOOLCHAIN_BIN, ToolView};
use crate::{Cancel, Failure, host};

/// Runs each job as a plain process: nothing is hidden from it.
pub struct OnHost;

impl OnHost {
    /// The word that is in the keys of everything that ran so.
    pub const DOMAIN: &str = "host";
}

impl Executor for OnHost {
    fn execute(&self, job: &Job<'_>, scratch: &Path, log: &File, cancel: &Cancel) -> Result<Ran, Stopped> {
        refuse_what_it_cannot(job)?;
        let staged = stage(job, scratch, By::Copy)?;
        let broken = |error: std::io::Error| Failure::sandbox(&error);
        let toolchain = scratch.join("toolchain");
        link_tools(&job.tools, &toolchain.join("bin")).map_err(broken)?;
        let places = Places { tree: &staged.tree, toolchain: &toolchain, scratch, job };
        let argv: Vec<String> = job.argv.iter().map(|word| places.translate(word)).collect();
        let env: Vec<(String, String)> =
            job.env.iter().map(|(name, value)| ((*name).to_owned(), places.translate(value))).collect();
        std::fs::create_dir_all(scratch.join("tmp/home")).map_err(broken)?;
        let log = log.try_clone().map_err(broken)?;
        let directory = staged.tree.join(job.directory);
        let plain = host::Plain { argv: &argv, env: &env, directory: &directory };
        let ended = host::run(&plain, log, job.timeout, &|| cancel.is_cancelled())
            .map_err(|error| Failure::Program { program: argv[0].clone(), why: error.to_string(), image: None })?;
        // Outputs are collected from where every executor leaves them.
        std::fs::rename(&staged.out, scratch.join("out")).map_err(broken)?;
        Ok(Ran { how: ended.how, wall: ended.wall, peak_memory_bytes: ended.peak_memory_bytes, left: None })
    }

    fn visit(&self, _: &Job<'_>, _: &Path, _: &Cancel) -> Result<How, Stopped> {
        let why = "the executor `host` has no container to visit: leave out --executor host";
        Err(Failure::Unable(why.to_owned()).into())
    }

    fn name(&self) -> &'static str {
        "host"
    }

    fn domain(&self) -> &'static str {
        OnHost::DOMAIN
    }

    fn check(&self) -> Result<(), Unusable> {
        Ok(())
    }
}

/// Without a container there is no place that only the action sees, and no other root directory.
fn refuse_what_it_cannot(job: &Job<'_>) -> Result<(), Failure> {
    let what = match job {
        Job { ground: Ground::Image(image), .. } => format!("run in the image {}", image.name),
        Job { secrets, .. } if !secrets.is_empty() => "show secrets".to_owned(),
        Job { cache_mounts, .. } if !cache_mounts.is_empty() => "show directories that actions share".to_owned(),
        Job { memory_bytes: Some(_), .. } => "limit memory".to_owned(),
        _ => return Ok(()),
    };
    Err(Failure::Unable(format!("the executor `host` cannot {what}: leave out --executor host")))
}

/// Makes the directory that is `/toolchain/bin` in a container.
fn link_tools(tools: &ToolView, bin: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(bin)?;
    // What is mounted there by its own name, as rg is as the compile cache of Go, is linked, too.
    let own = |at: &str| Some(Path::new(at).strip_prefix(TOOLCHAIN_BIN).ok()?.to_owned());
    let mut mounted = tools.mounts.iter().filter_map(|(from, at)| Some((from, own(at)?)));
    mounted.try_for_each(|(from, name)| symlink(from, bin.join(name)))?;
    tools.links.iter().try_for_each(|(name, to)| symlink(host_path(tools, to), bin.join(name)))
}

/// Finds where a path inside the container lies on this machine.
fn host_path(tools: &ToolView, inside: &str) -> std::path::PathBuf {
    let mounts = tools.mounts.iter();
    let mounted = mounts.filter_map(|(from, at)| Some(from.join(Path::new(inside).strip_prefix(at).ok()?)));
    // `join` with an empty rest would add a slash to the path of a file.
    mounted.map(|path| path.components().collect()).next().unwrap_or_else(|| inside.into())
}

/// Where the fixed places of a container lie on this machine.
struct Places<'a> {
    tree: &'a Path,
    toolchain: &'a Path,
    scratch: &'a Path,
    job: &'a Job<'a>,
}

impl Places<'_> {
    /// Translates the absolute paths of a container that begin a word, or follow `=` or `:` in it.
    fn translate(&self, word: &str) -> String {
        let mut out = String::new();
        for piece in word.split_inclusive(['=', ':', ' ']) {
            out += &self.place(piece).unwrap_or_else(|| piece.to_owned());
        }
        out
    }

    fn place(&self, piece: &str) -> Option<String> {
        let path = piece.strip_prefix('/')?;
        let end = path.find(['/', '=', ':', ' ']).unwrap_or(path.len());
        let (top, rest) = path.split_at(end);
        let below = |directory: &Path| Some(format!("{}{rest}", directory.display()));
        match top {
            "toolchain" => below(self.toolchain),
            // Only as the environment of every action has it: what else lies in /tmp is the user's own.
            "tmp" if matches!(rest, "" | "/home") => below(&self.scratch.join("tmp")),
            "src" => below(&self.tree.join("src")),
            _ if self.is_top(top) => below(&self.tree.join(top)),
            _ => None,
        }
    }

    /// Whether the input root has this top directory.
    fn is_top(&self, name: &str) -> bool {
        let first = |path: &RelPath| path.segments().next().is_some_and(|first| first == name);
        !name.is_empty() && self.job.layout.iter().any(|(at, _)| first(at))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn programs_are_found_where_a_container_has_them() {
        let scratch = tempfile::tempdir().unwrap();
        let mounts = [("/opt/go", "/toolchain/go"), ("/opt/rg", "/toolchain/bin/rg-gocache")];
        let tools = ToolView {
            mounts: mounts.map(|(from, at)| (from.into(), at.to_owned())).to_vec(),
            links: BTreeMap::from([("go".to_owned(), "/toolchain/go/bin/go".to_owned())]),
            ..ToolView::default()
        };
        link_tools(&tools, scratch.path()).unwrap();
        let leads = |name: &str| scratch.path().join(name).read_link().unwrap().display().to_string();
        assert_eq!([leads("go"), leads("rg-gocache")], ["/opt/go/bin/go", "/opt/rg"]);
    }
}
