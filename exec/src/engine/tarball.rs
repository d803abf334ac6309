//! The archives that go to an engine and come back. All that a header says is set by hand, so one tree is one archive.

use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};

use bytes::Bytes;
use cache::{Cache, Executable};
use futures_util::Stream;
use futures_util::stream::poll_fn;
use model::Digest;
use tar::{Builder, EntryType, Header};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// The user and group that actions see themselves as.
pub(super) const INSIDE_ID: u64 = 1000;

/// How many pieces of an archive wait for the engine at most.
const AHEAD: usize = 16;
/// How long a piece is.
const PIECE: usize = 1 << 16;

/// Returns the pieces of a request's body, and where its bytes are written to: from another thread.
pub(super) fn streamed() -> (impl Stream<Item = io::Result<Bytes>> + Send + 'static, Pieces) {
    let (sender, mut receiver): (_, Receiver<io::Result<Bytes>>) = channel(AHEAD);
    (poll_fn(move |ctx| receiver.poll_recv(ctx)), Pieces { sender, piece: Vec::new() })
}

/// Takes bytes, and hands them on in pieces.
pub(super) struct Pieces {
    sender: Sender<io::Result<Bytes>>,
    piece: Vec<u8>,
}

impl Pieces {
    /// Makes an archive of it; what goes wrong breaks the request.
    pub fn fill(mut self, write: impl FnOnce(&mut Builder<&mut Pieces>) -> io::Result<()>) -> io::Result<()> {
        let mut builder = Builder::new(&mut self);
        let done = write(&mut builder).and_then(|()| builder.finish());
        drop(builder);
        match done.and_then(|()| self.flush()) {
            Ok(()) => Ok(()),
            Err(error) => {
                let _ = self.sender.blocking_send(Err(io::Error::new(error.kind(), error.to_string())));
                Err(error)
            }
        }
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let piece = std::mem::take(&mut self.piece);
        let gone = |_| io::Error::new(io::ErrorKind::BrokenPipe, "the engine takes no more");
        if piece.is_empty() { Ok(()) } else { self.sender.blocking_send(Ok(piece.into())).map_err(gone) }
    }
}

/// Who owns what an archive holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Owned {
    ByRoot,
    ByAction,
}

fn header(kind: EntryType, mode: u32, size_bytes: u64, owned: Owned) -> Header {
    let id = if owned == Owned::ByRoot { 0 } else { INSIDE_ID };
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size_bytes);
    header.set_uid(id);
    header.set_gid(id);
    header.set_mtime(0);
    header
}

/// Adds a directory.
pub(super) fn add_directory(to: &mut Builder<impl Write>, at: &Path, mode: u32, owned: Owned) -> io::Result<()> {
    to.append_data(&mut header(EntryType::Directory, mode, 0, owned), at.join(""), io::empty())
}

fn add_link(to: &mut Builder<impl Write>, at: &Path, target: &Path, owned: Owned) -> io::Result<()> {
    to.append_link(&mut header(EntryType::Symlink, 0o777, 0, owned), at, target)
}

fn add_file(to: &mut Builder<impl Write>, at: &Path, file: File, mode: u32, owned: Owned) -> io::Result<()> {
    let size_bytes = file.metadata()?.len();
    to.append_data(&mut header(EntryType::Regular, mode, size_bytes, owned), at, file.take(size_bytes))
}

/// Adds what lies in a directory of the store. `mode_of` says which directories are no ordinary ones.
pub(super) fn add_stored(
    to: &mut Builder<impl Write>,
    root: &Digest,
    at: &Path,
    cache: &Cache,
    mode_of: &dyn Fn(&Path) -> u32,
) -> io::Result<()> {
    let lost = |_| io::Error::new(io::ErrorKind::NotFound, "the cache has lost a part of the image");
    let directory = cache.directory(root).map_err(lost)?;
    for below in &directory.directories {
        let place = at.join(&below.name);
        add_directory(to, &place, mode_of(&place), Owned::ByRoot)?;
        add_stored(to, &below.digest, &place, cache, mode_of)?;
    }
    for file in &directory.files {
        let (executable, mode) = if file.is_executable { (Executable::Yes, 0o755) } else { (Executable::No, 0o644) };
        let blob = cache.blob(&file.digest, executable).map_err(lost)?;
        add_file(to, &at.join(&file.name), File::open(blob)?, mode, Owned::ByRoot)?;
    }
    let mut links = directory.symlinks.iter();
    links.try_for_each(|link| add_link(to, &at.join(&link.name), Path::new(&link.target), Owned::ByRoot))
}

/// Adds what lies in a directory of this machine, given to the action.
pub(super) fn add_staged(to: &mut Builder<impl Write>, from: &Path, at: &Path) -> io::Result<()> {
    let mut entries = fs::read_dir(from)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (path, place, metadata) = (entry.path(), at.join(entry.file_name()), entry.path().symlink_metadata()?);
        let mode = metadata.permissions().mode() & 0o777;
        if metadata.is_dir() {
            add_directory(to, &place, mode, Owned::ByAction)?;
            add_staged(to, &path, &place)?;
        } else if metadata.is_symlink() {
            add_link(to, &place, &fs::read_link(&path)?, Owned::ByAction)?;
        } else {
            add_file(to, &place, File::open(&path)?, mode, Owned::ByAction)?;
        }
    }
    Ok(())
}

/// Unpacks what an engine sent: a directory and what lies in it, without its own name. Strange things are left out; an
/// output that is one is missed then.
pub(super) fn unpack(archive: impl Read, place: &Path) -> io::Result<()> {
    let bad = |error: oci::tar::TarError| io::Error::new(io::ErrorKind::InvalidData, error.to_string());
    let mut reader = oci::tar::Reader::new(archive);
    let top = place.canonicalize()?;
    while let Some(member) = reader.next_member().map_err(bad)? {
        let name = String::from_utf8(member.name).map_err(io::Error::other)?;
        let Some(at) = inside(&name).map(|below| place.join(below)) else { continue };
        // Nothing is written through a link.
        let parent = at.parent().unwrap_or(place).canonicalize();
        if at != place && !parent.is_ok_and(|parent| parent.starts_with(&top)) {
            continue;
        }
        match member.kind {
            oci::tar::Kind::Directory => {
                fs::create_dir_all(&at)?;
                fs::set_permissions(&at, Permissions::from_mode(0o755))?;
            }
            oci::tar::Kind::File => {
                io::copy(&mut reader, &mut File::create_new(&at)?)?;
                fs::set_permissions(&at, Permissions::from_mode(member.mode & 0o755 | 0o600))?;
            }
            oci::tar::Kind::Symlink(target) => {
                symlink(String::from_utf8(target).map_err(io::Error::other)?, &at)?;
            }
            // The first name is there already, since nothing outside the directory is sent.
            oci::tar::Kind::HardLink(target) => {
                let target = String::from_utf8(target).map_err(io::Error::other)?;
                if let Some(first) = inside(&target) {
                    fs::hard_link(place.join(first), &at)?;
                }
            }
            oci::tar::Kind::Device | oci::tar::Kind::Unknown => {}
        }
    }
    Ok(())
}

/// Returns the path below the directory that was asked for, whose own name comes first; `None` if it leads elsewhere.
fn inside(name: &str) -> Option<PathBuf> {
    let path = Path::new(name.trim_start_matches('/'));
    let plain = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    plain.then(|| path.components().skip(1).collect())
}
