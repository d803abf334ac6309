//! Writes rg.lock, whole or not at all.

use std::io::{self, Write};
use std::path::Path;

use model::Lock;

/// Writes the lock of the workspace with this root.
pub fn save_lock(root: &Path, lock: &Lock) -> io::Result<()> {
    let mut file = tempfile::Builder::new().prefix(".rg.lock-").permissions(mode()).tempfile_in(root)?;
    file.write_all(lock.to_string().as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(root.join(Lock::FILE)).map_err(|error| error.error)?;
    Ok(())
}

/// As other files of a checkout: what the user's mask leaves of it.
fn mode() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o666)
}
