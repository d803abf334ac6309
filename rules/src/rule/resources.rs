//! What every target with actions may say of their containers: memory, processors, secrets, shared directories.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use model::{Location, Mistake, Target, Work, codes};

use super::{AttributeDoc, AttributeType};
use crate::declaration::Declaration;
use crate::lowering::Lowering;
use crate::near::{nearest, quoted_list};
use crate::settings::size;

/// The attributes of every target that has actions.
pub const ACTION_ATTRIBUTES: &[AttributeDoc] = &[
    AttributeDoc {
        name: "cache_mounts",
        kind: AttributeType::Environment,
        default: Some("{}"),
        doc: "Directories that actions share and keep, by name, with the place in the container: `{ go-build = \"/cache/go-build\" }`. They are in no key, so nothing may depend on what they hold.",
    },
    AttributeDoc {
        name: "cpus",
        kind: AttributeType::Number,
        default: Some("1"),
        doc: "How many processors an action keeps busy: so many fewer others run beside it.",
    },
    AttributeDoc {
        name: "memory",
        kind: AttributeType::Text,
        default: Some("no limit"),
        doc: "The most memory that the processes of an action may use together, as \"512MiB\"; beyond it the action fails.",
    },
    AttributeDoc {
        name: "secrets",
        kind: AttributeType::Texts,
        default: Some("[]"),
        doc: "Names from [secrets] of workspace.toml: an action reads each from `/run/secrets/NAME`.",
    },
];

/// Places of a container that are not a user's to cover, nor what lies in them.
const TAKEN: [&str; 12] =
    ["/src", "/proc", "/dev", "/sys", "/run/secrets", "/toolchain", "/etc", "/usr", "/bin", "/sbin", "/lib", "/lib64"];
/// Where the home directory of every action is; a shared directory may lie in it.
const HOME: &str = "/tmp/home";

/// Gives a target's commands what its declaration says of their containers.
pub(crate) fn apply(declaration: &Declaration, target: &mut Target, lowering: &mut Lowering<'_>) {
    let memory_bytes = memory(declaration, lowering);
    let cpus = declaration.number("cpus").map_or(0, |(cpus, _)| cpus);
    let secrets = secrets(declaration, lowering);
    let cache_mounts = cache_mounts(declaration, lowering);
    for action in target.actions.iter_mut().filter(|action| matches!(action.work, Work::Command(_))) {
        action.limits.memory_bytes = memory_bytes;
        action.limits.cpus = cpus;
        action.grants.secrets.clone_from(&secrets);
        action.grants.cache_mounts.clone_from(&cache_mounts);
    }
}

/// The least that any program can start with.
const LEAST_BYTES: u64 = 4 << 20;

fn memory(declaration: &Declaration, lowering: &mut Lowering<'_>) -> Option<u64> {
    let written = declaration.text("memory")?;
    let bytes = size::parse(&written.text);
    if bytes.is_none_or(|bytes| bytes < LEAST_BYTES) {
        let message = match bytes {
            None => format!("`{}` is not a size", written.text),
            Some(_) => format!("in `{}` of memory no program can start", written.text),
        };
        let mistake = Mistake::new(codes::BAD_VALUE, message).at(written.at.clone(), "");
        lowering.mistake(mistake.hint("write a number and a unit, as in `512MiB`"));
        return None;
    }
    bytes
}

fn secrets(declaration: &Declaration, lowering: &mut Lowering<'_>) -> Vec<Arc<str>> {
    let mut names = Vec::new();
    for written in declaration.texts("secrets") {
        if lowering.has_secret(&written.text) {
            names.push(written.text.clone());
        } else {
            let mistake = unknown_secret(&written.text, &written.at, &lowering.secrets());
            lowering.mistake(mistake);
        }
    }
    names.sort();
    names.dedup();
    names
}

fn unknown_secret(name: &str, at: &Location, known: &[&str]) -> Mistake {
    let message = format!("workspace.toml declares no secret `{name}`");
    let mistake = Mistake::new(codes::UNKNOWN_SECRET, message).at(at.clone(), "");
    match nearest(name, known.iter().copied()) {
        Some(near) => mistake.hint(format!("write \"{near}\"; declared are {}", quoted_list(known))),
        None => mistake.hint(format!("add `[secrets.{name}]` with `env = \"{name}\"` to workspace.toml")),
    }
}

fn cache_mounts(declaration: &Declaration, lowering: &mut Lowering<'_>) -> BTreeMap<Arc<str>, Arc<str>> {
    let mut mounts = BTreeMap::new();
    for (name, place) in declaration.table("cache_mounts") {
        let is_name =
            !name.text.is_empty() && name.text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
        let segments = || place.text.split('/').skip(1);
        let is_normal = place.text.starts_with('/')
            && place.text.len() > 1
            && segments().all(|segment| !matches!(segment, "" | "." | ".."));
        let twice = mounts.values().any(|other| *other == place.text);
        if is_name && is_normal && is_free(&place.text) && !twice {
            mounts.insert(name.text.clone(), place.text.clone());
            continue;
        }
        let (message, at) = if is_name && twice {
            (format!("two shared directories want the place `{}`", place.text), &place.at)
        } else if is_name {
            (format!("`{}` is no place for a shared directory", place.text), &place.at)
        } else {
            (format!("`{}` is not the name of a shared directory", name.text), &name.at)
        };
        let mistake = Mistake::new(codes::BAD_VALUE, message).at(at.clone(), "");
        lowering.mistake(mistake.hint("write a name and an absolute path, as in `go-build = \"/cache/go-build\"`"));
    }
    mounts
}

/// Whether a place covers nothing that an action needs.
fn is_free(place: &str) -> bool {
    let place = Path::new(place);
    let clashes = |taken: &&str| place.starts_with(taken) || Path::new(taken).starts_with(place);
    !TAKEN.iter().any(clashes) && !Path::new(HOME).starts_with(place)
}
