//! What a wheel says that it is, held against the lock entry that it was fetched for: a hash alone does not say whose it
//! is. It does not look at anything else of the wheel.

use std::fs::File;
use std::path::Path;
use std::str::FromStr;

use model::{Locked, wheel};
use pep440_rs::{Version, VersionSpecifier};

use super::name;
use crate::Failure;
use crate::archive::read_zip_file;

/// Refuses a wheel that is another distribution, or another version, than the lock says. One that cannot be read is left
/// to the step that unpacks it, which says why.
pub(super) fn check(locked: &Locked, file: &Path) -> Result<(), Failure> {
    let (Locked::PythonFile { name: wanted, version, .. } | Locked::PythonAny { name: wanted, version, .. }) = locked
    else {
        return Ok(());
    };
    let file_name = file.file_name().unwrap_or_default().to_string_lossy();
    let Some((name, found)) = Some(file).filter(|_| wheel::is_wheel(&file_name)).and_then(told) else { return Ok(()) };
    if wheel::normalized(&name) == wheel::normalized(wanted) && is_version(&found, version) {
        return Ok(());
    }
    let why = format!("the lock has the hash of {file_name}, which is {name} {found}");
    Err(Failure::Mislocked { what: self::name(locked), why })
}

/// Returns the name and the version in the metadata of a wheel.
fn told(file: &Path) -> Option<(String, String)> {
    let is_metadata =
        |path: &str| matches!(path.split_once('/'), Some((top, "METADATA")) if top.ends_with(".dist-info"));
    let bytes = read_zip_file(&File::open(file).ok()?, &is_metadata).ok()??;
    let text = String::from_utf8_lossy(&bytes);
    // Behind the first empty line is the description, which may hold anything.
    let headers = || text.lines().take_while(|line| !line.is_empty()).filter_map(|line| line.split_once(':'));
    let value = |wanted: &str| headers().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
    let value = |wanted: &str| value(wanted).map(|(_, value)| value.trim().to_owned());
    Some((value("Name")?, value("Version")?))
}

/// Whether a version is the locked one, as `==` compares them: `1.0` is `1.0.0`, and `2.0+cpu` is a `2.0`.
fn is_version(found: &str, locked: &str) -> bool {
    match (Version::from_str(found), VersionSpecifier::from_str(&format!("=={locked}"))) {
        (Ok(found), Ok(locked)) => locked.contains(&found),
        _ => found == locked,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_installers_do() {
        let check = |found: &str, locked: &str, want: bool| assert_eq!(is_version(found, locked), want, "{found}");
        check("1.0.0", "1", true);
        check("1.0-1", "1.0.post1", true);
        check("2.0+cpu", "2.0", true);
        check("2.0+cpu", "2.0+cu118", false);
        check("1.0rc1", "1.0", false);
        check("2004d", "2004d", true);
        check("1.16.0", "1.15.0", false);
    }
}
