//! The version managers whose shims rg looks through itself, because asking them takes longer than a whole null build:
//! pyenv and rustup.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::Surroundings;
use super::look::Look;

/// What a program on PATH stands for.
pub(super) enum Behind {
    /// It is no shim that is known here.
    Nothing,
    /// The real program.
    Program(PathBuf),
    /// The manager is told to leave the choice to the rest of PATH.
    System,
    /// The version that is chosen is not installed, or lacks the program.
    NoVersion { manager: &'static str, version: String, hint: String },
}

/// Looks behind a program on PATH.
pub(super) fn behind(place: &Path, program: &str, surroundings: &Surroundings, look: &mut Look) -> Behind {
    if let Some(root) = pyenv_root(place, surroundings, look) {
        return behind_pyenv(&root, program, surroundings, look);
    }
    let real = look.real(place);
    if real.as_deref().and_then(Path::file_name) == Some(OsStr::new("rustup")) && program != "rustup" {
        return behind_rustup(program, surroundings, look);
    }
    Behind::Nothing
}

/// A shim lies in `ROOT/shims`, or a plugin's `ROOT/plugins/NAME/shims`, beside `ROOT/versions`.
fn pyenv_root(place: &Path, surroundings: &Surroundings, look: &mut Look) -> Option<PathBuf> {
    let shims = place.parent()?;
    if shims.file_name()? != OsStr::new("shims") {
        return None;
    }
    let named = surroundings.env.get("PYENV_ROOT").map(PathBuf::from);
    let named = named.filter(|root| shims.starts_with(root));
    let root = named.or_else(|| shims.parent().map(Path::to_owned))?;
    look.is_directory(&root.join("versions")).then_some(root)
}

fn behind_pyenv(root: &Path, program: &str, surroundings: &Surroundings, look: &mut Look) -> Behind {
    let versions = pyenv_versions(root, surroundings, look);
    for version in &versions {
        if version == "system" {
            return Behind::System;
        }
        let directory = installed_version(&root.join("versions"), version, look);
        let place = directory.map(|directory| directory.join("bin").join(program));
        if let Some(real) = place.filter(|place| look.is_program(place)).and_then(|place| look.real(&place)) {
            return Behind::Program(real);
        }
    }
    let version = versions.join(":");
    let hint =
        format!("run `pyenv install {}`, or choose another version", versions.first().map_or("", String::as_str));
    Behind::NoVersion { manager: "pyenv", version, hint }
}

/// Returns the versions that pyenv would try, in order.
fn pyenv_versions(root: &Path, surroundings: &Surroundings, look: &mut Look) -> Vec<String> {
    let words = |text: &str| -> Vec<String> {
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
        let words = lines.flat_map(|line| line.split([' ', '\t', ':'])).filter(|word| !word.is_empty());
        words.map(str::to_owned).collect()
    };
    let set = surroundings.env.get("PYENV_VERSION").map(|text| words(text)).filter(|words| !words.is_empty());
    let file = |look: &mut Look| upwards(&surroundings.directory, ".python-version", look);
    let text = |look: &mut Look| file(look).or_else(|| look.text(&root.join("version")));
    let found = set.or_else(|| text(look).map(|text| words(&text)).filter(|words| !words.is_empty()));
    found.unwrap_or_else(|| vec!["system".to_owned()])
}

/// Returns the directory of a version, or of the newest one that it is a prefix of: `3.11` is `3.11.7`.
fn installed_version(versions: &Path, version: &str, look: &mut Look) -> Option<PathBuf> {
    let version = version.strip_prefix("python-").unwrap_or(version);
    if look.is_directory(&versions.join(version)) {
        return Some(versions.join(version));
    }
    let numbers = |name: &str| name.split('.').map(|part| part.parse::<u64>().ok()).collect::<Option<Vec<_>>>();
    let prefix = format!("{version}.");
    let names = look.list(versions);
    let newest = names.iter().filter(|name| name.starts_with(&prefix)).filter_map(|name| Some((numbers(name)?, name)));
    newest.max().map(|(_, name)| versions.join(name))
}

/// Returns the text of the nearest file of that name, in the directory or above.
fn upwards(directory: &Path, name: &str, look: &mut Look) -> Option<String> {
    directory.ancestors().find_map(|directory| look.text(&directory.join(name)))
}

fn behind_rustup(program: &str, surroundings: &Surroundings, look: &mut Look) -> Behind {
    let home = surroundings.env.get("RUSTUP_HOME").map(PathBuf::from);
    let Some(home) = home.or_else(|| surroundings.home.as_ref().map(|home| home.join(".rustup"))) else {
        return Behind::Nothing;
    };
    let version = rustup_toolchain(&home, surroundings, look).unwrap_or_else(|| "stable".to_owned());
    let toolchains = home.join("toolchains");
    let own = format!("{version}-");
    let names = look.list(&toolchains);
    let name = names.iter().find(|name| **name == version).or_else(|| names.iter().find(|name| name.starts_with(&own)));
    let place = name.map(|name| toolchains.join(name).join("bin").join(program));
    match place.filter(|place| look.is_program(place)).and_then(|place| look.real(&place)) {
        Some(real) => Behind::Program(real),
        None => {
            let hint = format!("run `rustup toolchain install {version}`");
            Behind::NoVersion { manager: "rustup", version, hint }
        }
    }
}

fn rustup_toolchain(home: &Path, surroundings: &Surroundings, look: &mut Look) -> Option<String> {
    if let Some(set) = surroundings.env.get("RUSTUP_TOOLCHAIN") {
        return Some(set.clone());
    }
    let settings = look.text(&home.join("settings.toml")).unwrap_or_default();
    for directory in surroundings.directory.ancestors() {
        let overridden = directory.to_str().and_then(|directory| value_of(&settings, &format!("\"{directory}\"")));
        let old = |look: &mut Look| look.text(&directory.join("rust-toolchain"));
        let new = |look: &mut Look| look.text(&directory.join("rust-toolchain.toml"));
        let in_file = |text: String| value_of(&text, "channel").or_else(|| only_word(&text));
        if let Some(toolchain) = overridden.or_else(|| old(look).or_else(|| new(look)).and_then(in_file)) {
            return Some(toolchain);
        }
    }
    value_of(&settings, "default_toolchain")
}

/// Returns the string that a line `key = "value"` gives: all that is needed of these files.
fn value_of(text: &str, key: &str) -> Option<String> {
    let value = text.lines().find_map(|line| line.trim().strip_prefix(key)?.trim_start().strip_prefix('='))?;
    Some(value.trim().trim_matches(['"', '\'']).to_owned())
}

fn only_word(text: &str) -> Option<String> {
    let word = text.trim();
    (!word.is_empty() && !word.contains(char::is_whitespace)).then(|| word.to_owned())
}
