//! What all checks share: places, specs, and a run whose output is compared.

use std::fs::{self, File};
use std::io::{Read, Seek};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::time::Duration;

use exec::sandbox::{Ended, How, Mount, Sandbox, SandboxError, Spec, Streams, Way, base_mounts};
use model::Network;

pub fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// Returns an empty directory that everyone may enter.
pub fn scratch() -> PathBuf {
    let everyone = fs::Permissions::from_mode(0o755);
    tempfile::Builder::new().prefix("rg-sandbox-test-").permissions(everyone).tempdir().unwrap().keep()
}

pub struct Ran {
    pub result: Result<Ended, SandboxError>,
    pub output: String,
}

pub fn sandbox() -> Sandbox {
    Sandbox::new(std::env::current_exe().unwrap())
}

pub fn spec(argv: &[&str], mounts: Vec<Mount>) -> Spec {
    let env = [("PATH", "/usr/bin:/bin"), ("HOME", "/tmp/home")].map(|(name, value)| (name.into(), value.into()));
    let mounts = base_mounts(Network::None).into_iter().chain(mounts).collect();
    Spec {
        way: Way::Namespaces,
        root: None,
        mounts,
        argv: argv.iter().map(|&word| word.to_owned()).collect(),
        env: env.to_vec(),
        directory: "/".into(),
        network: Network::None,
        memory_bytes: None,
        hidden: Vec::new(),
        streams: Streams::Log,
        scribble: None,
        resumes: false,
    }
}

pub fn log() -> File {
    tempfile::Builder::new().append(true).tempfile().unwrap().into_file()
}

pub fn run_spec(spec: &Spec, timeout: Option<Duration>, cancelled: &dyn Fn() -> bool) -> Ran {
    run_spec_in(&sandbox(), spec, timeout, cancelled)
}

pub fn run_spec_in(sandbox: &Sandbox, spec: &Spec, timeout: Option<Duration>, cancelled: &dyn Fn() -> bool) -> Ran {
    let mut log = log();
    let result = sandbox.run(spec, log.try_clone().unwrap(), timeout, cancelled);
    let mut output = String::new();
    log.rewind().unwrap();
    log.take(1 << 20).read_to_string(&mut output).unwrap();
    Ran { result, output }
}

pub fn run(script: &str, mounts: Vec<Mount>) -> Ran {
    run_spec(&spec(&["sh", "-c", script], mounts), None, &|| false)
}

/// Runs a shell line in a sandbox and compares all that it prints.
#[track_caller]
pub fn check_in(mounts: Vec<Mount>, script: &str, want: &str) {
    let ran = run(script, mounts);
    let how = ran.result.unwrap_or_else(|error| panic!("{error}: {script}")).how;
    assert_eq!((ran.output.as_str(), how), (want, How::Exited(0)), "{script}");
}

#[track_caller]
pub fn check(script: &str, want: &str) {
    check_in(vec![], script, want);
}
