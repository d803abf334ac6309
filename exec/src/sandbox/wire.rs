//! What the processes of a sandbox say to each other, over one socket: a job down, reports up.
//!
//! The socket stays open while the job runs: when the caller closes its side, the job is ended.

use std::io::{self, Read, Write};

use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::kernel::Usage;
use super::{How, Spec};

/// The first argument of a helper.
pub(super) const HELPER_WORD: &str = "__sandbox";

/// Longer than any job, in bytes: what claims more was not sent by rg.
const LONGEST_JOB: usize = 1 << 30;

/// What a helper is asked to do.
#[derive(Serialize, Deserialize)]
pub(super) struct Job {
    pub spec: Spec,
    /// The process id of the caller: a helper with another parent has lost it.
    pub caller: i32,
}

/// What a sandbox reports; the first report counts.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Report {
    Setup(Fault),
    Program {
        errno: i32,
    },
    /// `left`: whether what the program wrote was copied to the scribble directory.
    Ended {
        how: How,
        usage: Usage,
        left: bool,
    },
}

/// A system call that failed.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Fault {
    pub call: String,
    pub on: String,
    pub errno: i32,
}

/// Names the call behind an error.
pub(super) trait Named<T> {
    /// Returns the value, or a [`Fault`] of `call` on `on`.
    fn named(self, call: &str, on: &str) -> Result<T, Fault>;
}

impl<T> Named<T> for Result<T, Errno> {
    fn named(self, call: &str, on: &str) -> Result<T, Fault> {
        self.map_err(|errno| Fault { call: call.to_owned(), on: on.to_owned(), errno: errno.raw_os_error() })
    }
}

impl<T> Named<T> for io::Result<T> {
    fn named(self, call: &str, on: &str) -> Result<T, Fault> {
        self.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO)).named(call, on)
    }
}

/// Sends a job.
pub(super) fn send_job(mut to: impl Write, job: &Job) -> io::Result<()> {
    let body = postcard::to_stdvec(job).map_err(io::Error::other)?;
    let mut message = u64::try_from(body.len()).map_err(io::Error::other)?.to_le_bytes().to_vec();
    message.extend_from_slice(&body);
    to.write_all(&message)
}

/// Receives a job.
pub(super) fn receive_job(mut from: impl Read) -> io::Result<Job> {
    let mut length = [0; 8];
    from.read_exact(&mut length)?;
    // In one read: the usual way, by growing pieces, costs a dozen calls.
    let length = usize::try_from(u64::from_le_bytes(length)).ok().filter(|length| *length <= LONGEST_JOB);
    let mut body = vec![0; length.ok_or(io::ErrorKind::InvalidData)?];
    from.read_exact(&mut body)?;
    postcard::from_bytes(&body).map_err(io::Error::other)
}

/// Sends a report; whoever does not listen any more needs none.
pub(super) fn send_report(mut to: impl Write, report: &Report) {
    if let Ok(body) = postcard::to_stdvec(report) {
        let _ = to.write_all(&body);
    }
}

/// Receives the first report of an ended sandbox, if it made any.
pub(super) fn receive_report(mut from: impl Read) -> Option<Report> {
    let mut body = Vec::new();
    from.read_to_end(&mut body).ok()?;
    Some(postcard::take_from_bytes(&body).ok()?.0)
}
