//! The installation that a program belongs to: what of it must be shown, and what of it goes into the fingerprint.
//!
//! A fingerprint covers version files and the bytes of the main programs, never paths.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::{Libc, PythonEnvironment};

use super::look::Look;
use super::search::real_program;
use super::{Found, Surroundings, ToolError, ToolView};

/// Parts of the base system: what lies there needs no mount of its own.
const BASE: [&str; 7] = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];

/// Finds a host toolchain.
pub(super) fn find(
    toolchain: &str,
    programs: &[Arc<str>],
    surroundings: &Surroundings,
    look: &mut Look,
) -> Result<Found, Vec<ToolError>> {
    let (mut parts, mut mistakes) = (Vec::new(), Vec::new());
    for program in programs {
        match real_program(toolchain, program, surroundings, look) {
            Ok(real) => parts.push(Installation::of(program, real, look)),
            Err(mistake) => mistakes.push(mistake),
        }
    }
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let fingerprint = fingerprint(&parts, look).map_err(|mistake| vec![mistake])?;
    let python = parts.iter().find_map(|part| part.python.clone());
    Ok(Found { fingerprint, view: view(&parts), python })
}

/// A program with what it is installed with.
struct Installation {
    program: String,
    /// The real file.
    real: PathBuf,
    /// The directory that must be shown with it, if the file alone would not do.
    prefix: Option<PathBuf>,
    /// Files that stand for the whole, by the names under which they are hashed.
    files: BTreeMap<String, PathBuf>,
    /// What else counts, as text.
    facts: Vec<String>,
    /// Other names of the program, or programs beside it that go with it.
    aliases: BTreeMap<String, PathBuf>,
    /// Directories that are not shown: what was installed into it later.
    masks: BTreeSet<String>,
    /// What it is, if it is an interpreter of Python.
    python: Option<PythonEnvironment>,
}

impl Installation {
    fn of(program: &str, real: PathBuf, look: &mut Look) -> Installation {
        let files = BTreeMap::from([(program.to_owned(), real.clone())]);
        let mut installation = Installation {
            program: program.to_owned(),
            real,
            prefix: None,
            files,
            facts: Vec::new(),
            aliases: BTreeMap::new(),
            masks: BTreeSet::new(),
            python: None,
        };
        match installation.program.as_str() {
            "go" | "gofmt" => installation.as_go(look),
            "python" | "python3" => installation.as_python(look),
            "node" | "npm" | "npx" | "corepack" => installation.as_node(look),
            "cargo" | "rustc" | "rustdoc" | "rustfmt" | "clippy-driver" => installation.as_rust(look),
            _ => {}
        }
        installation
    }

    /// Returns the directory above the directory of the program.
    fn above_bin(&self) -> PathBuf {
        self.real.ancestors().nth(2).unwrap_or(Path::new("/")).to_owned()
    }

    /// GOROOT is told by its VERSION file; the compilers are programs of their own.
    fn as_go(&mut self, look: &mut Look) {
        let root = self.above_bin();
        if !look.is_file(&root.join("VERSION")) {
            return;
        }
        self.files.insert("VERSION".into(), root.join("VERSION"));
        if look.is_file(&root.join("go.env")) {
            self.files.insert("go.env".into(), root.join("go.env"));
        }
        for platform in look.list(&root.join("pkg/tool")) {
            for tool in ["compile", "link", "asm"] {
                let place = root.join("pkg/tool").join(&platform).join(tool);
                if look.is_file(&place) {
                    self.files.insert(format!("pkg/tool/{platform}/{tool}"), place);
                }
            }
        }
        for name in ["go", "gofmt"] {
            let place = root.join("bin").join(name);
            if look.is_program(&place) {
                self.aliases.insert(name.into(), place);
            }
        }
        self.prefix = Some(root);
    }

    /// The prefix is told by the standard library. Packages that are installed into it are covered, so that no action
    /// sees them: what is imported comes from a lock.
    fn as_python(&mut self, look: &mut Look) {
        for name in ["python", "python3"] {
            self.aliases.insert(name.into(), self.real.clone());
        }
        let prefix = self.above_bin();
        let Some(version) = self.real.file_name().and_then(|name| name.to_str()).map(str::to_owned) else { return };
        let library = prefix.join("lib").join(&version);
        if !look.is_file(&library.join("os.py")) {
            return;
        }
        self.facts.push(version);
        for name in look.list(&prefix.join("lib")).into_iter().filter(|name| name.starts_with("libpython")) {
            let place = prefix.join("lib").join(&name);
            if look.is_file(&place) {
                self.files.insert(format!("lib/{name}"), place);
            }
        }
        let debian = prefix.join("lib/python3/dist-packages");
        let local = Path::new("/usr/local/lib").join(self.facts.last().expect("just pushed")).join("dist-packages");
        let packages = [library.join("site-packages"), debian, local];
        let there = packages.iter().filter(|directory| look.is_directory(directory));
        self.masks.extend(there.map(|directory| directory.to_string_lossy().into_owned()));
        self.python = python_environment(&self.real);
        self.prefix = Some(prefix);
    }

    /// npm is a script in `PREFIX/lib/node_modules/npm`; its package.json has its version.
    fn as_node(&mut self, look: &mut Look) {
        let modules = Path::new("lib/node_modules");
        let around = |directory: &&Path| directory.ends_with(modules);
        let found = self.real.ancestors().find(around).and_then(|modules| modules.ancestors().nth(2));
        let prefix = found.map_or_else(|| self.above_bin(), Path::to_owned);
        let package = prefix.join(modules).join("npm/package.json");
        if look.is_file(&package) {
            self.files.insert("npm/package.json".into(), package);
            self.prefix = Some(prefix);
        }
    }

    /// A Rust toolchain is told by its `lib/rustlib`; most of the compiler is a library.
    fn as_rust(&mut self, look: &mut Look) {
        let prefix = self.above_bin();
        if !look.is_directory(&prefix.join("lib/rustlib")) {
            return;
        }
        let compiler = prefix.join("bin/rustc");
        if look.is_program(&compiler) {
            self.files.insert("rustc".into(), compiler);
        }
        for name in look.list(&prefix.join("lib")) {
            let place = prefix.join("lib").join(&name);
            if name.starts_with("librustc_driver") && look.is_file(&place) {
                self.files.insert(format!("lib/{name}"), place);
            }
        }
        self.prefix = Some(prefix);
    }
}

/// Asks an interpreter what decides which packages fit it; `None` if it does not answer.
fn python_environment(interpreter: &Path) -> Option<PythonEnvironment> {
    let mut command = std::process::Command::new(interpreter);
    let output = command.args(["-I", "-S", "-c", PYTHON_QUESTION]).env_clear().output().ok()?;
    python_answer(&String::from_utf8(output.stdout).ok()?)
}

/// What an interpreter is asked to run.
pub(crate) const PYTHON_QUESTION: &str =
    "import os, sys\nprint('%d.%d.%d' % sys.version_info[:3])\nprint(os.confstr('CS_GNU_LIBC_VERSION'))";

/// Reads what it answers.
pub(crate) fn python_answer(answer: &str) -> Option<PythonEnvironment> {
    let mut lines = answer.lines();
    let version = Arc::from(lines.next()?);
    // Only the GNU C library answers; musl knows no such name, and its wheels hardly tell versions apart.
    let libc = lines.next().and_then(glibc).unwrap_or(Libc::Musl(1, 2));
    Some(PythonEnvironment { version, libc })
}

/// Reads `glibc 2.36`.
fn glibc(text: &str) -> Option<Libc> {
    let (major, minor) = text.strip_prefix("glibc ")?.split_once('.')?;
    Some(Libc::Glibc(major.parse().ok()?, minor.parse().ok()?))
}

fn is_in_base(path: &Path) -> bool {
    BASE.iter().any(|base| path.starts_with(base)) && !path.starts_with("/usr/local")
}

fn view(parts: &[Installation]) -> ToolView {
    let (mut shown, mut links, mut masks) = (BTreeSet::new(), BTreeMap::new(), BTreeSet::new());
    for part in parts {
        masks.extend(part.masks.iter().cloned());
        let place = part.prefix.as_ref().unwrap_or(&part.real);
        if !is_in_base(place) {
            shown.insert(place.clone());
        }
        let names = part.aliases.iter().chain([(&part.program, &part.real)]);
        links.extend(names.map(|(name, real)| (name.clone(), real.to_string_lossy().into_owned())));
    }
    let mounts = shown.into_iter().map(|path| (path.clone(), path.to_string_lossy().into_owned())).collect();
    ToolView { mounts, links, masks }
}

fn fingerprint(parts: &[Installation], look: &mut Look) -> Result<model::Fingerprint, ToolError> {
    let mut hasher = blake3::Hasher::new();
    let mut done: BTreeSet<(&str, &Path)> = BTreeSet::new();
    for part in parts {
        for (name, path) in &part.files {
            if done.insert((name, path)) {
                hash_text(&mut hasher, name);
                hasher.update(look.hash(path)?.as_bytes());
            }
        }
        part.facts.iter().for_each(|fact| hash_text(&mut hasher, fact));
    }
    Ok(hasher.finalize().into())
}

/// Hashes a text with its length before it, so that two texts are never taken for one.
pub(super) fn hash_text(hasher: &mut blake3::Hasher, text: &str) {
    hasher.update(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_le_bytes()).update(text.as_bytes());
}
