//! The time by the file system's clock, which is not always this machine's. Knows no checkout.

use std::io;
use std::path::Path;

use rustix::time::{ClockId, clock_gettime};

use crate::disk::{Disk, stat_handle};
use crate::stat::nanoseconds;

/// The coarsest tick of a kernel that is in use: 100 a second.
const GRANULARITY_NS: i64 = 10_000_000;

/// Returns the instant before which a change is surely older than this call, for files on `device`.
///
/// A file without a name is made in `clock_dir` if that is on the device; it is gone when this returns. A checkout is
/// never written to.
pub(crate) fn trusted_before_ns(device: u32, clock_dir: &Path) -> i64 {
    probe(device, clock_dir).unwrap_or_else(|_| coarse_now_ns()) - GRANULARITY_NS
}

/// Returns the modification time of a new file on the device.
fn probe(device: u32, clock_dir: &Path) -> io::Result<i64> {
    if Disk::open_root(clock_dir)?.stat("")?.key.device != device {
        return Err(io::ErrorKind::CrossesDevices.into());
    }
    Ok(stat_handle(tempfile::tempfile_in(clock_dir)?)?.key.modified_ns)
}

/// Returns the time that local file systems stamp changes with.
fn coarse_now_ns() -> i64 {
    let now = clock_gettime(ClockId::RealtimeCoarse);
    nanoseconds(now.tv_sec, u32::try_from(now.tv_nsec).unwrap_or_default())
}
