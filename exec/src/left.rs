//! What a failed action left, put where a visit goes on with it, and taken out again. The action may have made anything
//! of it: nothing here follows a link.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::sandbox::MOST_LEFT_BYTES;
use crate::stage::OUT;

/// Whether all of a path below `top` are directories: a link that an action put there would lead anywhere.
pub(crate) fn is_plain(top: &Path, path: &str) -> bool {
    let mut place = top.to_owned();
    path.trim_start_matches('/').split('/').all(|segment| {
        place.push(segment);
        place.symlink_metadata().is_ok_and(|data| data.is_dir())
    })
}

/// Moves the outputs that were left to their place below `top`. If that is no plain directory, they stay.
pub(crate) fn put_back(left: &Path, top: &Path, out: &str) -> io::Result<()> {
    let (outputs, out) = (left.join(OUT), out.trim_start_matches('/'));
    let (above, place) = (out.rsplit_once('/').map_or("", |(above, _)| above), top.join(out));
    let is_there = place.symlink_metadata().is_ok();
    if !outputs.is_dir() || !is_plain(top, above) || is_there && !is_plain(top, out) {
        return Ok(());
    }
    if is_there {
        fs::remove_dir_all(&place)?;
    }
    fs::rename(outputs, place)
}

/// Moves outputs back to what was left. What is no plain directory any more is none.
pub(crate) fn take_out(left: &Path, top: &Path, out: &str) -> io::Result<()> {
    let (outputs, out) = (left.join(OUT), out.trim_start_matches('/'));
    if outputs.symlink_metadata().is_ok() || !is_plain(top, out) {
        return Ok(());
    }
    fs::rename(top.join(out), outputs)
}

/// Returns the directory to keep of what was left: an empty one in `scratch` if it is more than is kept.
pub(crate) fn kept(left: &Path, scratch: &Path) -> io::Result<PathBuf> {
    if own_bytes(left) <= MOST_LEFT_BYTES {
        return Ok(left.to_owned());
    }
    let alone = scratch.join("outputs-alone");
    fs::create_dir(&alone).map(|()| alone)
}

/// Returns the bytes of the files in a directory that are no links into the store. What cannot be read counts nothing.
fn own_bytes(directory: &Path) -> u64 {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let bytes_of = |entry: fs::DirEntry| match entry.metadata() {
        Ok(data) if data.is_dir() => own_bytes(&entry.path()),
        Ok(data) if data.nlink() == 1 => data.len(),
        Ok(_) | Err(_) => 0,
    };
    entries.map(bytes_of).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn check(make: impl FnOnce(&Path), expected: &str) {
        let room = tempfile::tempdir().unwrap();
        let (left, top, elsewhere) = (room.path().join("left"), room.path().join("top"), room.path().join("elsewhere"));
        for (directory, text) in
            [(left.join("out"), "left"), (top.join("src/p/out"), "fresh"), (elsewhere.join("out"), "other")]
        {
            fs::create_dir_all(&directory).unwrap();
            fs::write(directory.join("o"), text).unwrap();
        }
        make(room.path());
        put_back(&left, &top, "src/p/out").unwrap();
        assert_eq!(fs::read_to_string(top.join("src/p/out/o")).unwrap_or_default(), expected);
        take_out(&left, &top, "src/p/out").unwrap();
        assert_eq!(fs::read_to_string(left.join("out/o")).unwrap(), "left");
        assert_eq!(fs::read_to_string(elsewhere.join("out/o")).unwrap(), "other");
    }

    #[test]
    fn outputs_come_back_and_go_again() {
        check(|_| {}, "left");
        check(|room| fs::remove_dir_all(room.join("top/src/p/out")).unwrap(), "left");
    }

    #[test]
    fn no_link_that_an_action_made_is_followed() {
        check(|room| fs::remove_dir_all(room.join("top/src/p")).unwrap(), "");
        let link = |at: &'static str, to: &'static str| {
            move |room: &Path| {
                fs::remove_dir_all(room.join(at)).unwrap();
                symlink(room.join(to), room.join(at)).unwrap();
            }
        };
        check(link("top/src/p", "elsewhere"), "other");
        check(link("top/src/p/out", "elsewhere/out"), "other");
    }
}
