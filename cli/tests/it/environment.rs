//! What the tests ask of the machine and of whoever started them.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

/// Returns the value of an environment variable.
#[expect(clippy::disallowed_methods, reason = "the number of sequences and their seed are given by the environment")]
fn value(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Returns the search path with which a Go toolchain is found; `None`, with the reason, where there is none.
pub fn path_with_go() -> Option<String> {
    path_with(&["go"])
}

/// Returns the search path with which Python and its pip are found; `None`, with the reason, where they are not.
pub fn path_with_python() -> Option<String> {
    let path = path_with(&["python3"])?;
    let asked = Command::new("python3").args(["-m", "pip", "--version"]).env("PATH", &path).output();
    let found = asked.is_ok_and(|asked| asked.status.success());
    assert!(found || !is_ci(), "`python3` has no pip");
    if !found {
        println!("left out, because `python3` has no pip");
    }
    found.then_some(path)
}

/// Returns what tells pip where packages are, as the user has it: home, settings of pip, proxies and certificates.
#[expect(clippy::disallowed_methods, reason = "the user of these tests is the user whose registries are asked")]
pub fn of_pip() -> Vec<(String, String)> {
    let told = |name: &str| {
        let name = name.to_ascii_uppercase();
        name == "HOME" || name.starts_with("PIP_") || name.ends_with("_PROXY") || name.starts_with("SSL_CERT_")
    };
    std::env::vars().filter(|(name, _)| told(name)).collect()
}

/// Returns the search path with which Node and npm are found; `None`, with the reason, where they are not.
pub fn path_with_node() -> Option<String> {
    path_with(&["node", "npm"])
}

fn path_with(programs: &[&str]) -> Option<String> {
    let path = format!("{}:/usr/local/go/bin:/usr/bin:/bin", value("PATH").unwrap_or_default());
    let is_there = |program: &&&str| path.split(':').any(|it| Path::new(it).join(program).is_file());
    let missing = programs.iter().find(|program| !is_there(program));
    assert!(missing.is_none() || !is_ci(), "`{}` is not installed", missing.unwrap_or(&""));
    if let Some(missing) = missing {
        println!("left out, because `{missing}` is not installed");
    }
    missing.is_none().then_some(path)
}

/// Returns the number that a variable holds.
pub fn number(name: &str) -> Option<u64> {
    value(name).map(|value| value.parse().unwrap_or_else(|error| panic!("{name}={value}: {error}")))
}

/// Whether this is a run in which nothing may be left out.
pub fn is_ci() -> bool {
    value("CI").is_some_and(|value| value == "true")
}

/// Whether the tests run as root, for those that mount or change owners; says why a test is left out if not.
pub fn is_root(why: &str) -> bool {
    let root = std::fs::metadata("/proc/self").is_ok_and(|data| data.uid() == 0);
    if !root {
        println!("left out, because only root can do it: {why}");
    }
    root
}

/// Whether a program is installed, for tests that need more than rg does; where nothing may be left out it has to be.
pub fn has(program: &str) -> bool {
    let found =
        ["/usr/bin", "/bin", "/usr/sbin", "/usr/local/bin"].iter().any(|it| Path::new(it).join(program).exists());
    assert!(found || !is_ci(), "`{program}` is not installed: apt-get install {program}");
    if !found {
        println!("left out, because `{program}` is not installed");
    }
    found
}
