//! Go modules, brought by the user's own go: it knows version control, proxies and the checks of modules.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use model::{Content, DEFAULT_PATH, Locked, Need, Network, RelPath};

use super::{Fetcher, name};
use crate::executor::{Ground, Job, Stopped};
use crate::images::{OnProgress, ground};
use crate::log_file;
use crate::machine::Machine;
use crate::sandbox::{How, Mount};
use crate::tools::{ToolView, which_all};
use crate::{Cancel, Failure};

/// A client that does not end is ended after this time.
const TIMEOUT: Duration = Duration::from_secs(900);

/// How often a fetch is tried, and how long is waited in between.
const PAUSES: [Duration; 3] = [Duration::from_millis(500), Duration::from_secs(2), Duration::ZERO];

/// The words of a client's log that say a second try is useless.
const FINAL: [&str; 3] = ["checksum mismatch", "SECURITY ERROR", "malformed module path"];

/// What the user's go client is asked for its settings.
const GO_SETTINGS: [&str; 8] =
    ["GOPROXY", "GONOPROXY", "GOPRIVATE", "GONOSUMDB", "GOINSECURE", "GOVCS", "GOAUTH", "GONOSUMCHECK"];

/// Variables of the user that decide how the network is reached.
const NETWORK_VARIABLES: [&str; 9] = [
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "ALL_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

/// Files of the user's home that clients read for credentials and mirrors.
const HOME_FILES: [&str; 4] = [".netrc", ".gitconfig", ".config/git", ".ssh"];

impl Fetcher {
    /// Brings a module, or its go.mod alone.
    pub(super) fn bring_module(
        &self,
        locked: &Locked,
        machine: &Machine<'_>,
        needs: &[Need],
        on_progress: OnProgress<'_>,
    ) -> Result<Content, Stopped> {
        let order = self.go_order(locked, machine, needs, on_progress)?;
        let mut why = String::new();
        for pause in PAUSES {
            match self.attempt(locked, &order, machine) {
                Err(Stopped::Failed(Failure::Fetch { why: reason, .. })) => why = reason,
                settled => return settled,
            }
            if FINAL.iter().any(|word| why.contains(word)) || machine.cancel.is_cancelled() {
                break;
            }
            wait(pause, &machine.cancel);
        }
        Err(Failure::Fetch { what: name(locked), why }.into())
    }

    fn attempt(&self, locked: &Locked, order: &Order, machine: &Machine<'_>) -> Result<Content, Stopped> {
        let scratch = machine.cache.scratch().map_err(|error| Failure::store(&error))?;
        let log_path = scratch.path().join("log");
        let log = File::create(&log_path).map_err(|error| Failure::store(&error))?;
        let out = scratch.path().join("out");
        let directory = RelPath::new("src").expect("a normal path");
        let job = Job {
            argv: order.argv.iter().map(String::as_str).collect(),
            env: order.env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
            directory: &directory,
            out: RelPath::new("src/out").expect("a normal path"),
            layout: &order.layout,
            ground: order.ground.clone(),
            tools: order.tools.clone(),
            network: Network::Host,
            secrets: Vec::new(),
            cache_mounts: &BTreeMap::new(),
            memory_bytes: None,
            timeout: Some(TIMEOUT),
            left: None,
            extra: self.user_files(),
            cache: machine.cache,
        };
        let ran = machine.executor.execute(&job, scratch.path(), &log, &machine.cancel)?;
        let printed = File::open(&log_path).and_then(|mut file| log_file::excerpt(&mut file)).unwrap_or_default();
        match ran.how {
            How::Exited(0) => {}
            How::Cancelled => return Err(Failure::Cancelled.into()),
            How::Exited(_) | How::Signalled(_) | How::TimedOut | How::OutOfMemory => {
                return Err(refusal(locked, &printed).into());
            }
        }
        prune_go_module(&out).map_err(|error| Failure::store(&error))?;
        let root = machine.cache.take_directory(&out, &|_, _| true).map_err(|error| Failure::store(&error))?;
        Ok(Content::Directory(root))
    }

    /// Says how the go client is called for one module: in an empty module with just its sums, into `$OUT`.
    fn go_order(
        &self,
        locked: &Locked,
        machine: &Machine<'_>,
        needs: &[Need],
        on_progress: OnProgress<'_>,
    ) -> Result<Order, Stopped> {
        let Locked::GoModule { path, version, sum, mod_sum } = locked else {
            let why = "it is no go module".to_owned();
            return Err(Failure::Fetch { what: name(locked), why }.into());
        };
        let tools = machine.tools.view(needs);
        let mut sums = String::new();
        if !sum.is_empty() {
            sums += &format!("{path} {version} {sum}\n");
        }
        if let Some(mod_sum) = mod_sum {
            sums += &format!("{path} {version}/go.mod {mod_sum}\n");
        }
        let text = |name: &str, text: &str| -> Result<(RelPath, Content), Stopped> {
            let digest = machine.cache.put_bytes(text.as_bytes()).map_err(|error| Failure::store(&error))?;
            let at = RelPath::new(name).expect("a normal path");
            Ok((at, Content::File { digest, executable: false }))
        };
        let layout = vec![text("src/go.mod", "module fetch\n\ngo 1.21\n")?, text("src/go.sum", &sums)?];
        let query = format!("{path}@{version}");
        // A module that only takes part in version selection has no zip in go.sum: its go.mod is all that is fetched.
        let argv: Vec<&str> = if sum.is_empty() {
            vec!["go", "list", "-m", "-mod=mod", &query]
        } else {
            vec!["go", "mod", "download", &query]
        };
        Ok(Order {
            argv: argv.into_iter().map(str::to_owned).collect(),
            env: self.go_environment(&tools),
            layout,
            ground: ground(needs, machine, on_progress)?,
            tools,
        })
    }

    fn go_environment(&self, tools: &ToolView) -> BTreeMap<String, String> {
        let settings = self.go_settings.get_or_init(|| ask_go(tools, &self.environment));
        let mut env = settings.clone();
        for name in NETWORK_VARIABLES {
            if let Some(value) = self.environment.get(name) {
                env.insert(name.to_owned(), value.clone());
            }
        }
        if let Some(ca) = &self.extra_ca {
            let ca = ca.to_string_lossy().into_owned();
            for name in ["SSL_CERT_FILE", "GIT_SSL_CAINFO", "CURL_CA_BUNDLE"] {
                env.insert(name.to_owned(), ca.clone());
            }
        }
        for (name, value) in [
            ("PATH", DEFAULT_PATH),
            ("HOME", "/tmp/home"),
            ("TMPDIR", "/tmp"),
            ("GOENV", "off"),
            ("GOTELEMETRY", "off"),
            ("GOTOOLCHAIN", "local"),
            ("GOWORK", "off"),
            // Sound because the module's own sums are given: a hash that differs fails.
            ("GOSUMDB", "off"),
            ("GOFLAGS", "-modcacherw"),
            ("GOMODCACHE", "/src/out"),
            ("GOCACHE", "/tmp/gocache"),
        ] {
            env.insert(name.to_owned(), value.to_owned());
        }
        env
    }

    /// Shows the user's own client configuration to the client, read-only.
    fn user_files(&self) -> Vec<Mount> {
        let bind = |from: PathBuf, at: String| from.exists().then_some(Mount::Bind { from, at });
        let home = self
            .home
            .iter()
            .flat_map(|home| HOME_FILES.iter().filter_map(|file| bind(home.join(file), format!("/tmp/home/{file}"))));
        let certificates = self
            .extra_ca
            .iter()
            .map(PathBuf::as_path)
            .chain(
                ["SSL_CERT_FILE", "SSL_CERT_DIR"].iter().filter_map(|name| self.environment.get(*name)).map(Path::new),
            )
            .filter(|path| !path.starts_with("/usr") && !path.starts_with("/etc/ssl"))
            .filter_map(|path| bind(path.to_owned(), path.to_string_lossy().into_owned()));
        home.chain(certificates).collect()
    }
}

/// Waits, unless the run is cancelled.
fn wait(pause: Duration, cancel: &Cancel) {
    let slice = Duration::from_millis(50);
    let mut left = pause;
    while !left.is_zero() && !cancel.is_cancelled() {
        std::thread::sleep(slice.min(left));
        left = left.saturating_sub(slice);
    }
}

/// How a client is called.
struct Order {
    argv: Vec<String>,
    env: BTreeMap<String, String>,
    layout: Vec<(RelPath, Content)>,
    ground: Ground,
    tools: ToolView,
}

/// Asks the user's go for the settings that say where modules come from; none if it does not answer.
fn ask_go(tools: &ToolView, environment: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    // With an image there is no go of this machine among the tools; the user's settings are those of whatever is here.
    let on_path = || environment.get("PATH").and_then(|path| which_all("go", path.as_ref()).into_iter().next());
    let Some(go) = tools.links.get("go").map(PathBuf::from).or_else(on_path) else { return BTreeMap::new() };
    let output = std::process::Command::new(go)
        .args(["env", "-json"])
        .args(GO_SETTINGS)
        .env_clear()
        .envs(environment)
        // Outside every module, so that no go.mod asks for another toolchain.
        .env("GOTOOLCHAIN", "local")
        .current_dir("/")
        .output();
    let settings: HashMap<String, String> =
        output.ok().and_then(|output| serde_json::from_slice(&output.stdout).ok()).unwrap_or_default();
    settings.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

/// Leaves of a module cache what builds read, and what is the same on every machine: the extracted tree, `.mod` and
/// `.ziphash`.
fn prune_go_module(out: &Path) -> std::io::Result<()> {
    let mut directories = vec![out.join("cache")];
    while let Some(directory) = directories.pop() {
        let Ok(entries) = fs::read_dir(&directory) else { continue };
        for entry in entries {
            let entry = entry?;
            let path = entry.path();
            let kept = path.extension().is_some_and(|extension| extension == "mod" || extension == "ziphash");
            if entry.file_type()?.is_dir() {
                directories.push(path);
            } else if !kept {
                fs::remove_file(path)?;
            }
        }
    }
    Ok(())
}

/// Reads from what a client printed why it failed.
fn refusal(locked: &Locked, printed: &str) -> Failure {
    let what = name(locked);
    let after = |words: &str| printed.lines().find_map(|line| line.trim().strip_prefix(words)).map(str::trim);
    if printed.contains("checksum mismatch")
        && let (Some(got), Some(wanted)) = (after("downloaded:"), after("go.sum:"))
    {
        return Failure::WrongHash { what, got: got.to_owned(), wanted: wanted.to_owned() };
    }
    let why = last_lines(printed);
    Failure::Fetch { what, why: if why.is_empty() { "the client failed without a word".to_owned() } else { why } }
}

/// Returns the end of what a client printed, in one line.
fn last_lines(printed: &str) -> String {
    let lines: Vec<&str> = printed.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(6)..].join("; ")
}
