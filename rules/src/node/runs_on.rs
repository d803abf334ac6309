//! Whether a package runs on a platform, as npm decides it: by `os`, `cpu` and `libc`. Linux is always one with glibc.

use model::Platform;

use super::manifest::RunsOn;

impl RunsOn {
    /// Whether a package that says this runs on a platform.
    pub fn fits(&self, platform: &Platform) -> bool {
        let libc = if &*platform.os == "linux" { "glibc" } else { "" };
        let libc_fits = self.libc.is_empty() || (!libc.is_empty() && takes(&self.libc, libc));
        takes(&self.os, os(platform)) && takes(&self.cpu, cpu(platform)) && libc_fits
    }
}

/// Returns what Node calls the operating system of a platform.
pub(crate) fn os(platform: &Platform) -> &str {
    match &*platform.os {
        "windows" => "win32",
        other => other,
    }
}

/// Returns what Node calls the architecture of a platform.
pub(crate) fn cpu(platform: &Platform) -> &str {
    match &*platform.arch {
        "amd64" => "x64",
        "386" => "ia32",
        other => other,
    }
}

/// Whether none of the names with `!` is the value, and one of the others is if there are any.
fn takes(list: &[String], value: &str) -> bool {
    if list.is_empty() || matches!(list, [any] if any == "any") {
        return true;
    }
    let refused = list.iter().filter_map(|name| name.strip_prefix('!')).any(|name| name == value);
    let only_refuses = list.iter().all(|name| name.starts_with('!'));
    !refused && (only_refuses || list.iter().any(|name| name == value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(os: &[&str], cpu: &[&str], libc: &[&str], platforms: [bool; 3]) {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let runs_on = RunsOn { os: list(os), cpu: list(cpu), libc: list(libc) };
        let all = ["linux/amd64", "linux/arm64", "darwin/arm64"];
        assert_eq!(all.map(|it| runs_on.fits(&it.parse().unwrap())), platforms, "{os:?} {cpu:?} {libc:?}");
    }

    #[test]
    fn packages_run_where_they_say() {
        check(&[], &[], &[], [true, true, true]);
        check(&["any"], &[], &[], [true, true, true]);
        check(&["linux"], &["x64"], &["glibc"], [true, false, false]);
        check(&["linux"], &["x64", "arm64"], &["musl"], [false, false, false]);
        check(&["!win32"], &["!x64"], &[], [false, true, true]);
        check(&["darwin", "!linux"], &[], &[], [false, false, true]);
        check(&[], &[], &["glibc"], [true, true, false]);
    }
}
