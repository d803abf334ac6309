//! The few kernel calls that rustix does not offer, or offers only in ways that are not stable.
//!
//! The only file with `unsafe` code. It knows nothing of what the calls are made for.
#![expect(unsafe_code, reason = "fork, wait4 with usage, mount_setattr and the interface ioctl have no safe wrapper")]

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::Duration;

use rustix::process::Pid;
use serde::{Deserialize, Serialize};

use super::How;

/// What processes have used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Usage {
    pub user: Duration,
    pub system: Duration,
    pub peak_memory_bytes: u64,
}

/// Which side of a fork the caller is on.
pub(super) enum Forked {
    Child,
    Parent(Pid),
}

/// Splits the calling process in two, as clone(2) does with these flags: the child may live in new namespaces.
///
/// Must be called while the process has one thread: the child has only the calling one, and what another thread
/// holds, such as the allocator's lock, would stay held for ever.
pub(super) fn fork_into(flags: libc::c_int) -> io::Result<Forked> {
    let flags = libc::c_long::from(flags | libc::SIGCHLD);
    // SAFETY: without CLONE_VM this is fork: the child has its own copy of everything, and a null stack means that
    // it goes on with the copy of the caller's. Only single-threaded processes of this module call it.
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) };
    match pid {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Forked::Child),
        pid => {
            let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
            pid.map(Forked::Parent).ok_or_else(|| io::ErrorKind::InvalidData.into())
        }
    }
}

/// Starts a child that executes a program, or ends with a code. Cheaper than a fork, as it copies no memory: this process stands still
/// until then.
pub(super) fn start(child: &dyn Fn() -> i32) -> io::Result<Pid> {
    /// As much of a stack as a process has: to execute a script, the C library copies all arguments to it. The kernel gives
    /// only what is used.
    const STACK: usize = 8 << 20;
    extern "C" fn run(child: *mut libc::c_void) -> libc::c_int {
        // SAFETY: the parent stands still, so what it points to lives.
        let child = unsafe { *child.cast::<&dyn Fn() -> i32>() };
        child()
    }
    let mut child = child;
    let mut stack = vec![0u128; STACK / size_of::<u128>()];
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    // SAFETY: as for vfork, but on a stack of its own, which ends, aligned, where the vector ends. The child has its own
    // table of descriptors, and what it does to the memory that it shares leaves that whole: this process has one thread,
    // which goes on when the child has left. What the child allocated stays, and so does `environ`, which is then the
    // program's, under a lock that is held for reading: this process neither reads nor sets variables any more.
    let pid = unsafe { libc::clone(run, stack.as_mut_ptr_range().end.cast(), flags, (&raw mut child).cast()) };
    let pid = if pid < 0 { None } else { Pid::from_raw(pid) };
    pid.ok_or_else(io::Error::last_os_error)
}

/// Calls `then` while a child in namespaces of its own stands still. Cheaper than a fork, as it copies no memory.
pub(super) fn while_parked<T>(namespaces: libc::c_int, then: impl FnOnce(Pid) -> T) -> io::Result<T> {
    /// How much of a stack one system call needs, with room to spare.
    const STACK: usize = 16 << 10;
    /// Stands still until the parent's end of the pipe is closed; by the parent's end at the latest.
    extern "C" fn park(pipe: *mut libc::c_void) -> libc::c_int {
        // SAFETY: the two numbers are alive until this process has ended; it has a table of descriptors of its own.
        let [until, keep] = unsafe { *pipe.cast::<[libc::c_int; 2]>() };
        // SAFETY: close takes any number, and the buffer of one byte lives until the read has returned.
        unsafe {
            libc::close(keep);
            libc::read(until, [0u8; 1].as_mut_ptr().cast(), 1)
        };
        0
    }
    let (until, keep) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    let mut pipe = [until.as_raw_fd(), keep.as_raw_fd()];
    let mut stack = vec![0u128; STACK / size_of::<u128>()];
    let flags = namespaces | libc::CLONE_VM | libc::SIGCHLD;
    // SAFETY: the stack ends, aligned, where the vector ends. It and the pipe live until the child was waited for. The
    // child shares the memory, and touches nothing in it but these two and the number of its last error.
    let pid = unsafe { libc::clone(park, stack.as_mut_ptr_range().end.cast(), flags, pipe.as_mut_ptr().cast()) };
    let pid = if pid < 0 { None } else { Pid::from_raw(pid) }.ok_or_else(io::Error::last_os_error)?;
    let done = then(pid);
    drop(keep);
    wait_for(pid)?;
    Ok(done)
}

/// Waits for a child and returns how it ended and what it and its own children used.
pub(crate) fn wait_for(pid: Pid) -> io::Result<(How, Usage)> {
    let mut status = 0;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    loop {
        // SAFETY: both pointers are to live, writable values of the types that wait4 fills.
        let waited = unsafe { libc::wait4(pid.as_raw_nonzero().get(), &raw mut status, 0, usage.as_mut_ptr()) };
        if waited >= 0 {
            break;
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    // SAFETY: rusage is plain numbers; it was zeroed before and is valid in any state.
    let usage = unsafe { usage.assume_init() };
    Ok((how(status), measured(&usage)))
}

/// Returns what all children that were waited for have used.
pub(super) fn usage_of_children() -> Usage {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the pointer is to a live, writable rusage; the call has no other effect.
    unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, usage.as_mut_ptr()) };
    // SAFETY: rusage is plain numbers; it was zeroed before and is valid in any state.
    measured(&unsafe { usage.assume_init() })
}

fn how(status: libc::c_int) -> How {
    if libc::WIFSIGNALED(status) {
        How::Signalled(libc::WTERMSIG(status))
    } else {
        How::Exited(libc::WEXITSTATUS(status))
    }
}

fn measured(usage: &libc::rusage) -> Usage {
    let span = |time: libc::timeval| {
        let whole = Duration::from_secs(time.tv_sec.try_into().unwrap_or_default());
        whole + Duration::from_micros(time.tv_usec.try_into().unwrap_or_default())
    };
    let kibibytes = u64::try_from(usage.ru_maxrss).unwrap_or_default();
    Usage { user: span(usage.ru_utime), system: span(usage.ru_stime), peak_memory_bytes: kibibytes * 1024 }
}

/// The kernel's `struct mount_attr`.
#[repr(C)]
#[derive(Default)]
pub(super) struct MountAttributes {
    pub set: u64,
    pub clear: u64,
    pub propagation: u64,
    pub user_namespace: u64,
}

/// Which mounts are changed.
#[derive(Clone, Copy)]
pub(super) enum Reach {
    /// The mount alone.
    Mount,
    /// The mount and all mounts below it.
    Below,
}

/// Changes the attributes of mounts.
pub(super) fn set_mount_attributes(tree: BorrowedFd<'_>, attributes: &MountAttributes, reach: Reach) -> io::Result<()> {
    let flags = match reach {
        Reach::Mount => libc::AT_EMPTY_PATH,
        Reach::Below => libc::AT_EMPTY_PATH | libc::AT_RECURSIVE,
    };
    let (fd, size) = (tree.as_raw_fd(), size_of::<MountAttributes>());
    // SAFETY: the path is an empty C string, the attributes live until the call returns, and `size` is their size.
    let result = unsafe { libc::syscall(libc::SYS_mount_setattr, fd, c"".as_ptr(), flags, attributes, size) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The kernel's `struct ifreq` for the flags of an interface.
#[repr(C)]
struct InterfaceFlags {
    name: [u8; libc::IFNAMSIZ],
    flags: libc::c_short,
    rest: [u8; 22],
}

/// Sets the loopback interface of this network namespace up.
pub(super) fn bring_loopback_up(socket: impl AsFd) -> io::Result<()> {
    let mut name = [0; libc::IFNAMSIZ];
    name[..2].copy_from_slice(b"lo");
    let flags = libc::c_short::try_from(libc::IFF_UP | libc::IFF_RUNNING).unwrap_or_default();
    let request = InterfaceFlags { name, flags, rest: [0; 22] };
    // SAFETY: SIOCSIFFLAGS reads an ifreq of 40 bytes, which `request` is, and writes nothing.
    let result = unsafe { libc::ioctl(socket.as_fd().as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Marks all file descriptors but the standard ones to be closed when a program is executed.
pub(super) fn keep_only_standard_files() {
    let flags = libc::CLOSE_RANGE_CLOEXEC;
    // SAFETY: it only sets a flag on descriptors; none is closed while this program runs. A kernel that does not
    // know the call changes nothing, and rg opens all its files with the flag anyway.
    unsafe { libc::syscall(libc::SYS_close_range, 3u32, u32::MAX, flags) };
}

/// Makes an open file the standard input.
pub(super) fn take_input(number: i32) -> io::Result<()> {
    // SAFETY: dup2 takes any number; one that is not open is an error.
    let result = unsafe { libc::dup2(number, libc::STDIN_FILENO) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Ends the process at once: no destructors, no exit handlers, which belong to the process it was split from.
pub(super) fn exit_now(code: i32) -> ! {
    // SAFETY: _exit has no preconditions.
    unsafe { libc::_exit(code) }
}
