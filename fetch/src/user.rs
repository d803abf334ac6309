//! The user as values: nothing here is read from the process.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::FetchError;
use crate::credentials::Credentials;
use crate::http::HttpError;
use crate::netrc;

/// For whom packages are brought.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct User {
    /// The environment: proxies, and what pip and npm take from it.
    pub environment: BTreeMap<String, String>,
    /// The user's home.
    pub home: Option<PathBuf>,
    /// The file of certificates to trust, in place of all others.
    pub extra_ca: Option<PathBuf>,
    /// The root of the workspace: npm is asked there, for the settings of the project.
    pub root: PathBuf,
}

impl User {
    /// Reads the credentials of `.netrc`; a file that cannot be read holds none.
    pub(crate) fn netrc(&self) -> Credentials {
        let named = self.environment.get("NETRC").map(PathBuf::from);
        let file = named.or_else(|| self.home.as_ref().map(|home| home.join(".netrc")));
        let text = file.and_then(|file| fs::read_to_string(file).ok());
        text.map(|text| netrc::credentials(&text)).unwrap_or_default()
    }
}

/// Where a package goes, and who is told of it.
pub(crate) struct Destination<'a> {
    /// An empty directory.
    pub directory: &'a Path,
    /// Told how many bytes have come, and how many there are, if that is known.
    pub on_progress: &'a dyn Fn(u64, Option<u64>),
}

impl Destination<'_> {
    /// Makes the file of a package. Its name comes from a lock or from a server, so it may only be a name.
    pub fn create(&self, name: &str) -> Result<(PathBuf, File), FetchError> {
        let mut parts = Path::new(name).components();
        let is_name = matches!((parts.next(), parts.next()), (Some(Component::Normal(part)), None) if part == name);
        if !is_name || name.contains(|c: char| c.is_control() || c == '/') {
            return Err(FetchError::FileName(name.escape_default().to_string()));
        }
        let path = self.directory.join(name);
        let written = |error: io::Error| FetchError::Http(HttpError::Write(error));
        let file = File::create(&path).map_err(written)?;
        Ok((path, file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_stays_in_its_directory() {
        let directory = tempfile::tempdir().unwrap();
        let check = |name: &str, want: Option<&str>| {
            let to = Destination { directory: directory.path(), on_progress: &|_, _| {} };
            let error = to.create(name).err().map(|error| error.to_string());
            assert_eq!(error.as_deref(), want, "{name}");
        };
        check("six-1.16.0-py2.py3-none-any.whl", None);
        check("..", Some("`..` is no name of a file"));
        check("../x", Some("`../x` is no name of a file"));
        check("/etc/x", Some("`/etc/x` is no name of a file"));
        check("", Some("`` is no name of a file"));
        check("a\nb", Some("`a\\nb` is no name of a file"));
    }
}
