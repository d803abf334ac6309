//! Opens a workspace: finds its root, reads its settings, and recalls what the last run knew.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};

use cache::Cache;
use model::{Lock, Memory, Mistake, RelPath, Tree};
use rules::{ExecutorChoice, Settings, SettingsTexts};

use super::load::mistakes_beside;
use super::pins;
use crate::args::Rung;
use crate::commands;
use crate::exit::Exit;
use crate::front::Session;
use crate::options::Options;
use crate::problem::Problem;

/// A workspace that a command works on.
pub struct Opened {
    /// Its root.
    pub root: PathBuf,
    /// The current directory inside it; the root if the current directory is elsewhere.
    pub here: RelPath,
    /// Its settings, with the profile and the command line laid over them.
    pub settings: Settings,
    /// What rg.lock pins.
    pub lock: Lock,
    /// Images of the toolchains that it does not pin.
    pub unpinned: BTreeSet<String>,
    /// The executor that was chosen.
    pub executor: ExecutorChoice,
    /// The rung below which none may be used.
    pub strict: Option<ExecutorChoice>,
    /// The store.
    pub cache: Cache,
    /// What the last run with the same options knew.
    pub memory: Memory,
    /// The name under which it is remembered.
    pub memory_name: String,
}

/// Why a command ends before anything ran.
#[derive(Debug)]
pub enum Refused {
    /// Something about the call or the machine.
    Problem(Box<Problem>),
    /// Mistakes in definitions, and where their texts are.
    Mistakes(Vec<Mistake>, Texts),
}

/// Where the texts of definitions are read, to show what is wrong in them.
#[derive(Debug)]
pub struct Texts {
    root: PathBuf,
    /// Those that are no files of the checkout.
    others: BTreeMap<RelPath, String>,
}

impl Texts {
    /// The files of a checkout.
    pub fn of(root: &Path) -> Texts {
        Texts { root: root.to_owned(), others: BTreeMap::new() }
    }

    /// Keeps a text.
    pub fn keep(&mut self, file: RelPath, text: String) {
        self.others.insert(file, text);
    }

    /// Keeps what mistakes in other repositories point to.
    pub fn and(mut self, mistakes: &[Mistake], tree: &dyn Tree) -> Texts {
        let places = mistakes.iter().flat_map(|mistake| mistake.at.iter().chain(&mistake.also));
        for (at, _) in places.filter(|(at, _)| !at.file.repository().is_root()) {
            let mut text = String::new();
            if tree.open(&at.file).is_ok_and(|mut file| file.read_to_string(&mut text).is_ok()) {
                self.others.insert(at.file.clone(), text);
            }
        }
        self
    }

    /// Returns the text of a file.
    pub fn read(&self, file: &RelPath) -> Option<String> {
        self.others.get(file).cloned().or_else(|| std::fs::read_to_string(self.root.join(file)).ok())
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Refused {
        Refused::Problem(Box::new(problem))
    }
}

/// Opens the workspace that the options or the current directory name.
pub fn open(session: &Session) -> Result<Opened, Refused> {
    let options = &session.options;
    let root = commands::root(&options.place)?;
    let root = root.canonicalize().map_err(|error| Problem::of(Exit::Definition, &error))?;
    let mut settings = settings(&root, options)?;
    let lock = pins::read(&root)?;
    let unpinned = settings.pin(&lock);
    let strict = options.settings.strict.map(choice).or(settings.strict);
    let executor = executor(&settings, strict, options)?;
    let cache = Cache::at(commands::cache_directory(&options.place)?, settings.max_size_bytes);
    let memory_name = memory_name(&root, &settings, executor, options);
    let here = options.place.directory.strip_prefix(&root).ok().and_then(Path::to_str);
    let here = here.and_then(|here| RelPath::new(here).ok()).unwrap_or_else(RelPath::root);
    let memory = cache.recall(&memory_name);
    Ok(Opened { root, here, settings, lock, unpinned, executor, strict, cache, memory, memory_name })
}

/// Reads the settings of a workspace, with the profile laid over them.
pub fn settings(root: &Path, options: &Options) -> Result<Settings, Refused> {
    let main = text_of(root, "workspace.toml")?.unwrap_or_default();
    let local = text_of(root, "workspace.local.toml")?;
    let profile = options.settings.profile.as_deref();
    let (settings, mistakes) = rules::settings(SettingsTexts { main: &main, local: local.as_deref(), profile });
    if !mistakes.is_empty() {
        let beside = mistakes_beside(&mistakes, root, &settings);
        return Err(Refused::Mistakes(mistakes.into_iter().chain(beside).collect(), Texts::of(root)));
    }
    if let Some(asked) = &options.settings.platform
        && *asked != settings.platform
    {
        let message =
            format!("--platform {asked}: this version builds for the workspace's platform, {}", settings.platform);
        return Err(Problem::new(Exit::Definition, message)
            .hint("set [workspace] platform, or `platform` on a go_binary target")
            .into());
    }
    Ok(settings)
}

/// Reads a file of settings; `None` if there is none.
fn text_of(root: &Path, name: &str) -> Result<Option<String>, Refused> {
    let bytes = match std::fs::read(root.join(name)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(Problem::new(Exit::Definition, format!("cannot read {name}"))
                .because(error.to_string())
                .hint("mend it, or move it away: its settings would be left out")
                .into());
        }
    };
    let text = String::from_utf8(bytes).map_err(|error| {
        let file = RelPath::new(name).expect("a file name is a normal path");
        Refused::Mistakes(vec![rules::not_text(&file, &error)], Texts::of(root))
    })?;
    Ok(Some(text))
}

/// Decides who runs commands: the command line, then workspace.toml, then the best there is.
fn executor(settings: &Settings, strict: Option<ExecutorChoice>, options: &Options) -> Result<ExecutorChoice, Problem> {
    let chosen = options.settings.executor.map(choice).or(settings.executor).unwrap_or(ExecutorChoice::Auto);
    if chosen == ExecutorChoice::Remote {
        let message = format!("the executor `{}` is not supported by this version of rg", chosen.name());
        return Err(Problem::new(Exit::Machine, message).hint("use --executor native, chroot-lite, engine or host"));
    }
    if strict.is_some_and(|strict| !is_above(chosen, strict)) {
        let name = chosen.name();
        let message = format!("the executor `{name}` is below the rung that `strict` asks for");
        return Err(Problem::new(Exit::Machine, message).hint(format!("leave out --executor {name}, or --strict")));
    }
    Ok(chosen)
}

/// Returns whether an executor stands on the ladder where another does, or above it.
pub fn is_above(choice: ExecutorChoice, least: ExecutorChoice) -> bool {
    depth(choice) <= depth(least)
}

/// Returns how far down the ladder an executor stands.
fn depth(choice: ExecutorChoice) -> usize {
    match choice {
        ExecutorChoice::Auto | ExecutorChoice::Native => 0,
        ExecutorChoice::ChrootLite => 1,
        ExecutorChoice::Engine => 2,
        ExecutorChoice::Remote => 3,
        ExecutorChoice::Host => 4,
    }
}

fn choice(rung: Rung) -> ExecutorChoice {
    match rung {
        Rung::Auto => ExecutorChoice::Auto,
        Rung::Native => ExecutorChoice::Native,
        Rung::ChrootLite => ExecutorChoice::ChrootLite,
        Rung::Engine => ExecutorChoice::Engine,
        Rung::Remote => ExecutorChoice::Remote,
        Rung::Host => ExecutorChoice::Host,
    }
}

/// What is remembered belongs to a workspace and the options that change keys, never to what was asked for.
fn memory_name(root: &Path, settings: &Settings, executor: ExecutorChoice, options: &Options) -> String {
    let mut hasher = blake3::Hasher::new();
    let root: OsString = root.into();
    let platform = settings.platform.to_string();
    // All but one share their results.
    let results = if executor == ExecutorChoice::Host { executor } else { ExecutorChoice::Native };
    let profile = options.settings.profile.as_deref().unwrap_or_default();
    for word in [root.as_encoded_bytes(), platform.as_bytes(), results.name().as_bytes(), profile.as_bytes()] {
        hasher.update(&(word.len() as u64).to_le_bytes()).update(word);
    }
    hasher.finalize().to_hex()[..32].to_owned()
}
