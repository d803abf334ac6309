//! What the processes of a sandbox say to each other: a request and three files to a zygote, and then, over one of these,
//! a spec to its helper, and reports back.
//!
//! That channel stays open while the program runs: when the caller closes its side, the program is ended.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::cmsg_space;
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};
use serde::{Deserialize, Serialize};

use super::kernel::Usage;
use super::{How, Spec};

/// The first argument of a zygote.
pub(super) const HELPER_WORD: &str = "__sandbox";

/// Longer than any spec, in bytes: what claims more was not sent by rg.
const LONGEST_SPEC: usize = 1 << 30;

/// What a zygote is asked for: a helper with these files.
pub(super) struct Request<File> {
    pub network: model::Network,
    /// Brings the spec, and takes the reports.
    pub channel: File,
    pub stdout: File,
    pub stderr: File,
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

/// Sends a request.
pub(super) fn send_request(to: BorrowedFd<'_>, request: Request<BorrowedFd<'_>>) -> io::Result<()> {
    let files = [request.channel, request.stdout, request.stderr];
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(3))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    ancillary.push(SendAncillaryMessage::ScmRights(&files));
    let word = [u8::from(request.network == model::Network::Host)];
    sendmsg(to, &[IoSlice::new(&word)], &mut ancillary, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// Receives a request.
pub(super) fn receive_request(from: BorrowedFd<'_>) -> io::Result<Request<OwnedFd>> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(3))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut word = [0];
    recvmsg(from, &mut [IoSliceMut::new(&mut word)], &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
    let files = ancillary.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(files) => Some(files),
        _ => None,
    });
    let files: Vec<OwnedFd> = files.flatten().collect();
    let [channel, stdout, stderr] = files.try_into().map_err(|_| io::ErrorKind::UnexpectedEof)?;
    let network = if word == [1] { model::Network::Host } else { model::Network::None };
    Ok(Request { network, channel, stdout, stderr })
}

/// Sends a spec.
pub(super) fn send_spec(mut to: impl Write, spec: &Spec) -> io::Result<()> {
    let body = postcard::to_stdvec(spec).map_err(io::Error::other)?;
    let mut message = u64::try_from(body.len()).map_err(io::Error::other)?.to_le_bytes().to_vec();
    message.extend_from_slice(&body);
    to.write_all(&message)
}

/// Receives a spec.
pub(super) fn receive_spec(mut from: impl Read) -> io::Result<Spec> {
    let mut length = [0; 8];
    from.read_exact(&mut length)?;
    // In one read: the usual way, by growing pieces, costs a dozen calls.
    let length = usize::try_from(u64::from_le_bytes(length)).ok().filter(|length| *length <= LONGEST_SPEC);
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
