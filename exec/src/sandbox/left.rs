//! What a failed program wrote, copied out of the container's memory before it goes, for whoever wants to look.

use std::fs::{self, Permissions};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, XattrFlags, getxattr, mknodat, setxattr};

use super::root::layer_name;
use super::{Mount, Spec};

/// More than this is not kept, in bytes: it would take the place of what is worth more.
pub(crate) const MOST_LEFT_BYTES: u64 = 256 << 20;
/// How an overlay marks a directory that hides all of the one below it.
const OPAQUE: &str = "user.overlay.opaque";
/// The name of the copy of `/tmp`.
pub(crate) const TMP: &str = "tmp";

/// The directories in which the layers of overlays lie.
pub(super) struct Layers {
    /// The tmpfs of the container.
    pub memory: OwnedFd,
    /// The scribble directory of its spec.
    pub disk: Option<OwnedFd>,
}

impl Layers {
    /// Copies what was written to overlays and to `/tmp` to the scribble directory. Returns whether all of it is there.
    pub(super) fn keep(&self, spec: &Spec) -> bool {
        let Some(disk) = &self.disk else { return false };
        let (memory, disk) = (opened(&self.memory), opened(disk));
        let mut copy = Copy { left_bytes: MOST_LEFT_BYTES };
        let overlays = spec.mounts.iter().filter_map(|mount| match mount {
            Mount::Overlay { at, .. } => Some(layer_name("upper", at)),
            _ => None,
        });
        // One that the kernel refused a tmpfs for is there already.
        let mut layers = overlays.filter(|name| !disk.join(name).exists());
        let copied = layers.try_for_each(|name| copy.directory(&memory.join(&name), &disk.join(&name)));
        copied.and_then(|()| copy.directory(Path::new("/tmp"), &disk.join(TMP))).is_ok()
    }
}

/// Returns a path to an open directory, whatever the root of this process is now.
fn opened(directory: &OwnedFd) -> PathBuf {
    format!("/proc/self/fd/{}", directory.as_raw_fd()).into()
}

/// A copy in progress.
struct Copy {
    left_bytes: u64,
}

impl Copy {
    fn directory(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        fs::create_dir(to)?;
        for entry in fs::read_dir(from)? {
            let name = entry?.file_name();
            self.entry(&from.join(&name), &to.join(&name))?;
        }
        let mut value = [0; 1];
        if let Ok(1) = getxattr(from, OPAQUE, &mut value) {
            setxattr(to, OPAQUE, &value, XattrFlags::empty())?;
        }
        fs::set_permissions(to, Permissions::from_mode(fs::metadata(from)?.mode() & 0o7777))
    }

    fn entry(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let metadata = fs::symlink_metadata(from)?;
        let kind = metadata.file_type();
        if kind.is_dir() {
            self.directory(from, to)
        } else if kind.is_symlink() {
            symlink(fs::read_link(from)?, to)
        } else if kind.is_char_device() {
            // The mark of a deleted file, the only device that an overlay lets a plain user make.
            Ok(mknodat(CWD, to, FileType::CharacterDevice, Mode::empty(), 0)?)
        } else if kind.is_file() {
            self.left_bytes = self.left_bytes.checked_sub(metadata.len()).ok_or(io::ErrorKind::StorageFull)?;
            fs::copy(from, to).map(drop)
        } else {
            // Nobody listens at a socket or pipe any more.
            Ok(())
        }
    }
}
