//! Whether this machine lets rg make sandboxes, and which line lets it when it does not.

use std::fs::File;
use std::path::Path;

use rustix::process::geteuid;
use rustix::thread::{CapabilitySet, capabilities};

use super::{How, Sandbox, SandboxError, Spec, Way, base_mounts};

/// What root needs to shut programs into directories, by the names that container engines give them.
const RIGHTS: [(&str, CapabilitySet); 8] = [
    ("CHOWN", CapabilitySet::CHOWN),
    ("DAC_OVERRIDE", CapabilitySet::DAC_OVERRIDE),
    ("FOWNER", CapabilitySet::FOWNER),
    ("KILL", CapabilitySet::KILL),
    ("MKNOD", CapabilitySet::MKNOD),
    ("SETGID", CapabilitySet::SETGID),
    ("SETUID", CapabilitySet::SETUID),
    ("SYS_CHROOT", CapabilitySet::SYS_CHROOT),
];

/// The machine refuses a sandbox.
#[derive(Debug, thiserror::Error)]
#[error("{what} is refused: {call} fails: {source}")]
pub struct Refused {
    /// What is refused.
    pub what: &'static str,
    /// The system call that fails, and what it is called on.
    pub call: String,
    /// Why.
    #[source]
    pub source: std::io::Error,
    /// A line to type that mends it.
    pub fix: String,
}

impl Sandbox {
    /// Makes a whole sandbox of the base system, without a program in it.
    pub fn probe(&self) -> Result<(), Refused> {
        let network = model::Network::None;
        let mut mounts = base_mounts(network);
        // An overlay, too: some kernels allow everything but that.
        mounts.push(super::Mount::Overlay { lower: "/usr/bin".into(), at: "/src".into() });
        let spec = Spec { mounts, ..empty_spec(Way::Namespaces) };
        self.try_it(&spec).map_err(|fault| fault.refused())
    }

    /// Shuts a process into a directory that holds nothing but devices.
    pub fn probe_chroot(&self, root: &Path) -> Result<(), Refused> {
        if !geteuid().is_root() {
            let source = std::io::Error::from_raw_os_error(libc::EPERM);
            let fix = "start rg as root: docker run --user 0 …".to_owned();
            return Err(Refused { what: CHROOT, call: "setresuid of a plain user".to_owned(), source, fix });
        }
        let held = capabilities(None).map_or(CapabilitySet::empty(), |sets| sets.effective);
        if let Some((name, _)) = RIGHTS.iter().find(|(_, right)| !held.contains(*right)) {
            let source = std::io::Error::from_raw_os_error(libc::EPERM);
            let (call, fix) = (format!("use of CAP_{name}"), format!("docker run --cap-add {name} …"));
            return Err(Refused { what: CHROOT, call, source, fix });
        }
        let way = Way::Chroot { writable: vec![] };
        self.try_it(&Spec { root: Some(root.to_owned()), ..empty_spec(way) }).map_err(|fault| {
            let fix = match fault.call.as_str() {
                "open of /dev/null" => "set RG_CACHE_DIR to a directory where devices work: no `nodev` in /proc/mounts",
                _ => "docker run without --security-opt no-chroot, or set executor = \"engine\" below [execution]",
            };
            Refused { what: CHROOT, call: fault.call, source: fault.source, fix: fix.to_owned() }
        })
    }

    fn try_it(&self, spec: &Spec) -> Result<(), Fault> {
        let failed = |call: &str, source| Err(Fault { call: call.to_owned(), source });
        let log = match File::options().write(true).open("/dev/null") {
            Ok(log) => log,
            Err(source) => return failed("open /dev/null", source),
        };
        match self.run(spec, log, None, &|| false) {
            Ok(ended) if ended.how == How::Exited(0) => Ok(()),
            Ok(_) | Err(SandboxError::Lost) => failed("sandbox helper", std::io::ErrorKind::BrokenPipe.into()),
            Err(SandboxError::Helper { source, .. }) => failed("execve of the sandbox helper", source),
            Err(SandboxError::Setup { call, on, source }) => failed(&format!("{call} of {on}"), source),
            Err(SandboxError::Program { argv0, source }) => failed(&format!("execve of {argv0}"), source),
        }
    }
}

/// What the messages call a sandbox without namespaces.
const CHROOT: &str = "the sandbox without namespaces";

/// A call that failed.
struct Fault {
    call: String,
    source: std::io::Error,
}

impl Fault {
    fn refused(self) -> Refused {
        let fix = fix(self.source.raw_os_error().unwrap_or_default(), &setting).to_owned();
        Refused { what: "the native sandbox", call: self.call, source: self.source, fix }
    }
}

/// Describes a container without a program.
fn empty_spec(way: Way) -> Spec {
    Spec {
        way,
        root: None,
        mounts: vec![],
        argv: vec![],
        env: vec![],
        directory: "/".into(),
        network: model::Network::None,
        memory_bytes: None,
        hidden: vec![],
        streams: super::Streams::Log,
        scribble: None,
        resumes: false,
    }
}

/// Returns a setting of the kernel, as `kernel/unprivileged_userns_clone`.
fn setting(name: &str) -> Option<String> {
    Some(std::fs::read_to_string(format!("/proc/sys/{name}")).ok()?.trim().to_owned())
}

fn fix(errno: i32, setting: &dyn Fn(&str) -> Option<String>) -> &'static str {
    let is = |name: &str, value: &str| setting(name).as_deref() == Some(value);
    if is("kernel/apparmor_restrict_unprivileged_userns", "1") {
        "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
    } else if is("kernel/unprivileged_userns_clone", "0") {
        "sudo sysctl -w kernel.unprivileged_userns_clone=1"
    } else if errno == libc::ENOSPC || is("user/max_user_namespaces", "0") {
        "sudo sysctl -w user.max_user_namespaces=15000"
    } else if errno == libc::ENOSYS {
        "use Linux 5.12 or newer, or set executor = \"engine\" below [execution] in workspace.toml"
    } else {
        "docker run --cap-add SYS_ADMIN --security-opt seccomp=unconfined --security-opt apparmor=unconfined …"
    }
}

#[cfg(test)]
mod tests {
    use super::fix;

    fn check(errno: i32, set: (&str, &str), want: &str) {
        let setting = |name: &str| (name == set.0).then(|| set.1.to_owned());
        assert!(fix(errno, &setting).contains(want), "{errno} {set:?}");
    }

    #[test]
    fn a_refusal_names_the_line_that_mends_it() {
        check(libc::EPERM, ("kernel/unprivileged_userns_clone", "0"), "unprivileged_userns_clone=1");
        check(libc::EACCES, ("kernel/apparmor_restrict_unprivileged_userns", "1"), "restrict_unprivileged_userns=0");
        check(libc::ENOSPC, ("", ""), "max_user_namespaces");
        check(libc::ENOSYS, ("", ""), "5.12");
        check(libc::EPERM, ("", ""), "docker run");
    }
}
