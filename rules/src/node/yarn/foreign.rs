//! Which optional packages are for another platform. yarn.lock does not say, so that the name has to: an operating
//! system and an architecture in it, as all that carry native code have.

use model::Platform;

use crate::node::runs_on;

const SYSTEMS: &[&str] = &[
    "aix",
    "android",
    "darwin",
    "freebsd",
    "linux",
    "linuxmusl",
    "netbsd",
    "openbsd",
    "openharmony",
    "sunos",
    "win32",
    "windows",
];

/// Architectures as names have them, and what Node calls them.
const ARCHITECTURES: &[(&str, &str)] = &[
    ("32", "ia32"),
    ("64", "x64"),
    ("arm", "arm"),
    ("arm64", "arm64"),
    ("armv6", "arm"),
    ("armv7", "arm"),
    ("ia32", "ia32"),
    ("loong64", "loong64"),
    ("mips64el", "mips64el"),
    ("powerpc64le", "ppc64"),
    ("ppc64", "ppc64"),
    ("ppc64le", "ppc64"),
    ("riscv64", "riscv64"),
    ("riscv64gc", "riscv64"),
    ("s390x", "s390x"),
    ("universal", "universal"),
    ("x64", "x64"),
];

/// Whether the name of an optional package says that it is for another platform. Linux is always one with glibc.
pub(super) fn is_foreign(name: &str, platform: &Platform) -> bool {
    let os = runs_on::os(platform);
    if name == "fsevents" {
        return os != "darwin";
    }
    let words: Vec<&str> = name.split(['-', '/', '.', '_']).collect();
    let system = words.iter().find_map(|word| SYSTEMS.iter().find(|system| *system == word));
    let cpu = words.iter().find_map(|word| ARCHITECTURES.iter().find(|(known, _)| known == word));
    let (Some(system), Some((_, cpu))) = (system, cpu) else { return false };
    let system_fits = *system == os || (*system == "windows" && os == "win32");
    let cpu_fits = *cpu == runs_on::cpu(platform) || *cpu == "universal";
    let is_musl = words.iter().any(|word| word.contains("musl"));
    !system_fits || !cpu_fits || is_musl
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_native_packages_say_where_they_run() {
        let platform = Platform::default();
        for ours in ["@esbuild/linux-x64", "@rollup/rollup-linux-x64-gnu", "esbuild-linux-64", "nan", "linux-release"] {
            assert!(!is_foreign(ours, &platform), "{ours}");
        }
        for foreign in [
            "fsevents",
            "@esbuild/darwin-arm64",
            "@rollup/rollup-linux-x64-musl",
            "@rollup/rollup-win32-x64-msvc",
            "@rollup/rollup-linux-arm64-gnu",
            "@img/sharp-linuxmusl-x64",
            "@next/swc-darwin-universal",
            "@rollup/rollup-linux-powerpc64le-gnu",
            "turbo-windows-64",
        ] {
            assert!(is_foreign(foreign, &platform), "{foreign}");
        }
    }
}
