//! Names of wheels and source distributions: which file fits an interpreter, and which fits best.
//! Pure text in, a value out; it knows no index and no lock.
//!
//! Follows `packaging.tags` for CPython on Linux; a test of the rules holds the two against each other.

use std::cmp::Reverse;

use crate::{Libc, Platform, PythonEnvironment};

/// How well a wheel fits: the greater, the better.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Rank {
    tag: Reverse<(Group, u32, PlatformRank)>,
    /// A wheel with a build tag is a later build of the same version.
    build: Option<(u64, String)>,
}

/// What a wheel is built for, from the best to the worst.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Group {
    /// `cp311-cp311-manylinux…`.
    Native,
    /// `cp311-abi3-manylinux…`; the number counts how many minor versions older it is.
    Stable,
    /// `cp311-none-manylinux…`.
    NoAbi,
    /// `cp310-abi3-manylinux…`.
    OlderStable,
    /// `py3-none-manylinux…`.
    AnyPython,
    /// `cp311-none-any`.
    Pure,
    /// `py3-none-any`.
    PureAnyPython,
}

/// How near a platform tag is, from the best to the worst: its family, how much older it is, whether it is an alias.
type PlatformRank = (u8, u32, u8);

/// Returns how well a wheel fits an interpreter; `None` if it does not, or is no wheel.
pub fn rank(file: &str, environment: &PythonEnvironment, platform: &Platform) -> Option<Rank> {
    let name = FileName::parse(file)?;
    let wheel = name.wheel?;
    let minor = minor_version(&environment.version)?;
    let platforms = wheel.platforms.split('.').filter_map(|tag| platform_rank(tag, environment.libc, platform));
    let platform = platforms.min();
    let is_any = wheel.platforms.split('.').any(|tag| tag == "any");
    let mut best = None;
    for python in wheel.pythons.split('.') {
        for abi in wheel.abis.split('.') {
            let native = platform.and_then(|at| native_group(python, abi, minor).map(|(group, n)| (group, n, at)));
            let pure = pure_group(python, abi, minor).filter(|_| is_any).map(|(group, n)| (group, n, (0, 0, 0)));
            best = [best, native, pure].into_iter().flatten().min();
        }
    }
    let build = wheel.build.and_then(build_number);
    Some(Rank { tag: Reverse(best?), build })
}

/// Returns the minor version of a Python 3.
fn minor_version(version: &str) -> Option<u32> {
    version.strip_prefix("3.")?.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn native_group(python: &str, abi: &str, minor: u32) -> Option<(Group, u32)> {
    if abi == "none" {
        let no_abi = (implementation(python) == Some(minor)).then_some((Group::NoAbi, 0));
        return no_abi.or_else(|| Some((Group::AnyPython, any_python(python, minor)?)));
    }
    let built_for = implementation(python)?;
    match abi {
        "abi3" if built_for == minor && minor > 1 => Some((Group::Stable, 0)),
        "abi3" if (2..minor).contains(&built_for) => Some((Group::OlderStable, minor - built_for)),
        _ => (built_for == minor && abi == native_abi(minor)).then_some((Group::Native, 0)),
    }
}

fn pure_group(python: &str, abi: &str, minor: u32) -> Option<(Group, u32)> {
    if abi != "none" {
        return None;
    }
    let pure = (implementation(python) == Some(minor)).then_some((Group::Pure, 0));
    pure.or_else(|| Some((Group::PureAnyPython, any_python(python, minor)?)))
}

/// Returns the minor version of `cp3…`.
fn implementation(python: &str) -> Option<u32> {
    number(python.strip_prefix("cp3")?)
}

/// Until 3.7 the tag tells which allocator an interpreter has; none ships another than pymalloc.
fn native_abi(minor: u32) -> String {
    if minor < 8 { format!("cp3{minor}m") } else { format!("cp3{minor}") }
}

/// Returns where `py311`, `py3`, `py310`, … stand in the order of preference.
fn any_python(python: &str, minor: u32) -> Option<u32> {
    match python.strip_prefix("py3")? {
        "" => Some(1),
        older => number(older).filter(|older| *older <= minor).map(|older| match minor - older {
            0 => 0,
            steps => steps + 1,
        }),
    }
}

fn number(text: &str) -> Option<u32> {
    let plain = text == "0" || !text.starts_with('0') && text.bytes().all(|digit| digit.is_ascii_digit());
    text.parse().ok().filter(|_| plain)
}

fn platform_rank(tag: &str, libc: Libc, platform: &Platform) -> Option<PlatformRank> {
    if &*platform.os != "linux" {
        return None;
    }
    let machine = machine(&platform.arch);
    let family = tag.strip_suffix(machine)?.strip_suffix('_')?;
    match (family, libc) {
        ("linux", _) => Some((1, 0, 0)),
        (_, Libc::Glibc(2, ours)) => {
            let (theirs, alias) = glibc_minor(family)?;
            let oldest = if matches!(machine, "x86_64" | "i686") { 5 } else { 17 };
            (oldest..=ours).contains(&theirs).then(|| (0, ours - theirs, alias))
        }
        (_, Libc::Glibc(..)) => None,
        (_, Libc::Musl(major, ours)) => {
            let theirs = number(family.strip_prefix(&format!("musllinux_{major}_"))?)?;
            (theirs <= ours).then(|| (0, ours - theirs, 0))
        }
    }
}

/// Returns the glibc 2 that a wheel needs, and 1 if the tag is the alias of another.
fn glibc_minor(family: &str) -> Option<(u32, u8)> {
    match family {
        "manylinux1" => Some((5, 1)),
        "manylinux2010" => Some((12, 1)),
        "manylinux2014" => Some((17, 1)),
        _ => Some((number(family.strip_prefix("manylinux_2_")?)?, 0)),
    }
}

/// Returns what Python calls an architecture: `x86_64` for `amd64`.
pub fn machine(arch: &str) -> &str {
    match arch {
        "amd64" => "x86_64",
        "arm64" => "aarch64",
        "386" => "i686",
        other => other,
    }
}

/// The name of a file of a distribution, in its parts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FileName<'a> {
    /// The name of the distribution, as the file has it; [`normalized`] makes it comparable.
    pub name: &'a str,
    /// Its version, as the file has it.
    pub version: &'a str,
    wheel: Option<Wheel<'a>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Wheel<'a> {
    build: Option<&'a str>,
    pythons: &'a str,
    abis: &'a str,
    platforms: &'a str,
}

/// The endings of source distributions.
const SOURCES: [&str; 6] = [".tar.gz", ".zip", ".tar.bz2", ".tgz", ".tar.xz", ".tar"];

impl FileName<'_> {
    /// Parses the name of a wheel or of a source distribution.
    pub fn parse(file: &str) -> Option<FileName<'_>> {
        match file.strip_suffix(".whl") {
            Some(stem) => FileName::of_wheel(stem),
            None => FileName::of_source(SOURCES.iter().find_map(|ending| file.strip_suffix(ending))?),
        }
    }

    fn of_wheel(stem: &str) -> Option<FileName<'_>> {
        let parts: Vec<&str> = stem.split('-').collect();
        let (name, version, build, [pythons, abis, platforms]) = match *parts.as_slice() {
            [name, version, pythons, abis, platforms] => (name, version, None, [pythons, abis, platforms]),
            [name, version, build, pythons, abis, platforms] => {
                (name, version, Some(build), [pythons, abis, platforms])
            }
            _ => return None,
        };
        let well_formed = !name.is_empty() && !version.is_empty();
        let wheel = Some(Wheel { build, pythons, abis, platforms });
        well_formed.then_some(FileName { name, version, wheel })
    }

    /// The last dash is before the version: a normal version holds none.
    fn of_source(stem: &str) -> Option<FileName<'_>> {
        let (name, version) = stem.rsplit_once('-')?;
        let well_formed = !name.is_empty() && version.starts_with(|c: char| c.is_ascii_digit());
        well_formed.then_some(FileName { name, version, wheel: None })
    }

    /// Whether the file is a wheel.
    pub fn is_wheel(&self) -> bool {
        self.wheel.is_some()
    }
}

/// Whether a file is a wheel, by its name.
pub fn is_wheel(file: &str) -> bool {
    FileName::parse(file).is_some_and(|name| name.is_wheel())
}

/// Returns the normal form of the name of a distribution, by which all spellings are equal: `zope.Interface` becomes
/// `zope-interface`.
pub fn normalized(name: &str) -> String {
    let words = name.split(['-', '_', '.']).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-")
}

/// Splits `1local` into number and rest: numbers compare as numbers.
fn build_number(build: &str) -> Option<(u64, String)> {
    let digits = build.bytes().take_while(u8::is_ascii_digit).count();
    Some((build[..digits].parse().ok()?, build[digits..].to_owned()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn ranked(files: &[&str], version: &str, libc: Libc, platform: &str) -> String {
        let environment = PythonEnvironment { version: Arc::from(version), libc };
        let platform = platform.parse().unwrap();
        let fits = files.iter().filter_map(|file| Some((rank(file, &environment, &platform)?, *file)));
        let mut fits: Vec<_> = fits.collect();
        fits.sort_by(|a, b| b.cmp(a));
        fits.into_iter().map(|(_, file)| file).collect::<Vec<_>>().join("\n")
    }

    const FILES: &[&str] = &[
        "x-1-py3-none-any.whl",
        "x-1-2-py2.py3-none-any.whl",
        "x-1-10-py2.py3-none-any.whl",
        "x-1-cp39-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        "x-1-cp311-cp311-manylinux_2_28_x86_64.whl",
        "x-1-cp311-cp311-manylinux_2_40_x86_64.whl",
        "x-1-cp311-cp311-manylinux_2_17_aarch64.whl",
        "x-1-cp311-cp311-musllinux_1_1_x86_64.whl",
        "x-1-cp311-cp311-musllinux_1_3_x86_64.whl",
        "x-1-cp312-abi3-manylinux_2_17_x86_64.whl",
        "x-1-cp311-cp311-win_amd64.whl",
        "x-1-cp311-cp311t-manylinux_2_17_x86_64.whl",
        "x-1.tar.gz",
        "x-1.whl",
    ];

    #[test]
    fn the_best_wheel_is_that_of_the_interpreter_then_of_the_stable_abi_then_the_pure_one() {
        assert_eq!(
            ranked(FILES, "3.11.7", Libc::Glibc(2, 36), "linux/amd64"),
            "x-1-cp311-cp311-manylinux_2_28_x86_64.whl\n\
             x-1-cp39-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64.whl\n\
             x-1-10-py2.py3-none-any.whl\nx-1-2-py2.py3-none-any.whl\nx-1-py3-none-any.whl"
        );
        assert_eq!(
            ranked(&FILES[4..], "3.11.7", Libc::Musl(1, 2), "linux/amd64"),
            "x-1-cp311-cp311-musllinux_1_1_x86_64.whl"
        );
        assert_eq!(
            ranked(&FILES[3..], "3.11.0rc1", Libc::Glibc(2, 17), "linux/arm64"),
            "x-1-cp311-cp311-manylinux_2_17_aarch64.whl"
        );
        assert_eq!(ranked(&FILES[..1], "3.13.0", Libc::Glibc(2, 17), "darwin/arm64"), FILES[0]);
    }

    fn check(file: &str, want: Option<(&str, &str)>) {
        assert_eq!(FileName::parse(file).map(|name| (name.name, name.version)), want, "{file}");
    }

    #[test]
    fn the_name_of_a_file_holds_name_and_version() {
        check("PyYAML-6.0.1-cp311-cp311-linux_x86_64.whl", Some(("PyYAML", "6.0.1")));
        check("python-dateutil-2.9.0.post0.tar.gz", Some(("python-dateutil", "2.9.0.post0")));
        check("docopt-0.6.2.zip", Some(("docopt", "0.6.2")));
        check("docopt.zip", None);
        check("a-b.whl", None);
        check("setup.py", None);
        assert_eq!(normalized("Zope.-_Interface"), "zope-interface");
    }
}
