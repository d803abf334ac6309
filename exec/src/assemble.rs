//! Trees that rg makes of inputs by itself: packages are unpacked as their installers do it, without an installer.
//!
//! Bytes go into the store while an archive is read, and the tree is known by its digest only when all of it was
//! right: what stops in between leaves bytes that nothing names. Nothing here knows rules, locks or registries.

mod entry_points;
mod node_modules;
mod package_json;
mod record;
mod tarballs;
mod wheel;
mod wheels;

use std::fs::File;

use cache::{Cache, CacheError, Draft, Executable};
use graph::EncodeError;
use model::reapi::{Directory, Message};
use model::{Assembly, Content, Digest, Lost, RelPath};

use crate::Failure;
use crate::archive::ArchiveError;
use crate::executor::Stopped;

use self::wheel::WheelError;

/// Makes the tree of an action of which the input root, and what lies where in it, are known, for outputs at these
/// places. Its directories have to be in the store already; `draft` takes what is unpacked. Returns the digest of the root.
pub fn assemble(
    assembly: Assembly,
    root: &Digest,
    layout: &[(RelPath, Content)],
    outputs: &[&RelPath],
    cache: &Cache,
    draft: Option<Draft<'_>>,
) -> Result<Digest, Stopped> {
    match assembly {
        Assembly::Merge => Ok(*root),
        Assembly::Wheels => wheels::install(layout, cache),
        Assembly::NpmTarballs => tarballs::unpack_all(layout, cache, draft),
        Assembly::NodeModules => node_modules::link_programs(root, outputs, cache),
    }
}

/// Why one package is refused, or cannot be kept.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(transparent)]
    Wheel(#[from] WheelError),
    #[error(transparent)]
    Store(#[from] CacheError),
    #[error(transparent)]
    Lost(#[from] Lost),
}

impl Refused {
    /// Makes the failure of a step: whose fault it is, and which package is meant. Bytes that were lost just after they
    /// were stored are unpacked again.
    fn of(self, what: &str, at: &RelPath) -> Stopped {
        match self {
            Refused::Lost(lost) => Stopped::Lost(at.clone(), lost),
            Refused::Store(error) => Failure::store(&error).into(),
            Refused::Archive(_) | Refused::Wheel(_) => {
                Failure::BadArchive { what: what.to_owned(), why: self.to_string() }.into()
            }
        }
    }
}

/// A file of the input root that is a package.
struct Package {
    /// The input that it came with.
    at: RelPath,
    /// Its own name.
    name: String,
    digest: Digest,
}

impl Package {
    /// Opens its bytes.
    fn open(&self, cache: &Cache) -> Result<File, Stopped> {
        let path = cache.blob(&self.digest, Executable::No).map_err(|lost| Stopped::Lost(self.at.clone(), lost))?;
        File::open(&path).map_err(|error| Failure::store(&error).into())
    }
}

/// Returns the packages of one input: itself, or all files of a directory.
fn packages(at: &RelPath, content: &Content, cache: &Cache) -> Result<Vec<Package>, Stopped> {
    let package = |name: &str, digest: &Digest| Package { at: at.clone(), name: name.to_owned(), digest: *digest };
    match content {
        Content::File { digest, .. } => Ok(vec![package(at.name(), digest)]),
        Content::Symlink(_) => Err(Failure::BadArchive { what: at.to_string(), why: "it is a link".to_owned() }.into()),
        Content::Directory(root) => {
            let directory = cache.directory(root).map_err(|lost| Stopped::Lost(at.clone(), lost))?;
            let mut found: Vec<Package> =
                directory.files.iter().map(|file| package(&file.name, &file.digest)).collect();
            for below in &directory.directories {
                found.extend(packages(at, &Content::Directory(below.digest), cache)?);
            }
            Ok(found)
        }
    }
}

/// Keeps a tree and its directories. Returns the digest of its root.
pub(crate) fn keep(placed: impl IntoIterator<Item = (RelPath, Content)>, cache: &Cache) -> Result<Digest, Stopped> {
    let tree = graph::merge(placed, &|digest| cache.directory(digest)).map_err(|error| match error {
        EncodeError::Conflict(at) => Stopped::Failed(Failure::Conflict(at)),
        EncodeError::Lost(lost) => Stopped::Lost(RelPath::root(), lost),
    })?;
    for (_, bytes) in &tree.messages {
        let directory = Directory::decode(bytes).expect("these messages were encoded in this process");
        cache.put_directory(&directory).map_err(|error| Failure::store(&error))?;
    }
    Ok(tree.root)
}

#[cfg(test)]
mod tests;
