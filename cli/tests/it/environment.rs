//! What the tests ask of the machine and of whoever started them.

use std::os::unix::fs::MetadataExt;

/// Returns the value of an environment variable.
#[expect(clippy::disallowed_methods, reason = "the number of sequences and their seed are given by the environment")]
fn value(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Returns the search path with which a Go toolchain is found; `None`, with the reason, where there is none.
pub fn path_with_go() -> Option<String> {
    let path = format!("{}:/usr/local/go/bin:/usr/bin:/bin", value("PATH").unwrap_or_default());
    let found = path.split(':').any(|it| std::path::Path::new(it).join("go").is_file());
    assert!(found || !is_ci(), "`go` is not installed");
    if !found {
        println!("left out, because `go` is not installed");
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
    let found = ["/usr/bin", "/bin", "/usr/local/bin"].iter().any(|it| std::path::Path::new(it).join(program).exists());
    assert!(found || !is_ci(), "`{program}` is not installed: apt-get install {program}");
    if !found {
        println!("left out, because `{program}` is not installed");
    }
    found
}
