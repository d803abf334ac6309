//! What an action prints: kept whole in the store, shown in part.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use cache::Cache;

use crate::Log;

/// How much of the beginning, and of the end, is shown.
const SHOWN_BYTES: u64 = 128 * 1024;

/// Moves a log into the store; `None` if nothing was printed or it cannot be kept.
pub(crate) fn keep(path: &Path, cache: &Cache) -> Option<Log> {
    let mut file = File::open(path).ok()?;
    if file.metadata().ok()?.len() == 0 {
        return None;
    }
    let excerpt = excerpt(&mut file).ok()?;
    let digest = cache.take_file(path).ok()?;
    Some(Log { digest, excerpt })
}

/// Returns the beginning and the end of a log.
pub fn excerpt(file: &mut File) -> io::Result<String> {
    let size = file.metadata()?.len();
    let mut bytes = Vec::new();
    if size <= 2 * SHOWN_BYTES {
        file.read_to_end(&mut bytes)?;
        return Ok(String::from_utf8_lossy(&bytes).into_owned());
    }
    file.by_ref().take(SHOWN_BYTES).read_to_end(&mut bytes)?;
    let head = String::from_utf8_lossy(&bytes).into_owned();
    bytes.clear();
    file.seek(SeekFrom::End(-(SHOWN_BYTES as i64)))?;
    file.read_to_end(&mut bytes)?;
    let left_out = size - 2 * SHOWN_BYTES;
    Ok(format!("{head}\n… {left_out} bytes left out; `rg log` shows them …\n{}", String::from_utf8_lossy(&bytes)))
}
