//! Whether this machine lets rg make sandboxes, and which line lets it when it does not.

use std::fs::File;

use super::{How, Sandbox, SandboxError, Spec, base_mounts};

/// The machine refuses a sandbox.
#[derive(Debug, thiserror::Error)]
#[error("the native sandbox is refused: {call} fails: {source}")]
pub struct Refused {
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
        let spec = Spec {
            root: None,
            mounts,
            argv: vec![],
            env: vec![],
            directory: "/".into(),
            network,
            memory_bytes: None,
            hidden: vec![],
            streams: super::Streams::Log,
            scribble: None,
            resumes: false,
        };
        let log = File::options().write(true).open("/dev/null").map_err(|source| refused("open /dev/null", source))?;
        match self.run(&spec, log, None, &|| false) {
            Ok(ended) if ended.how == How::Exited(0) => Ok(()),
            Ok(_) | Err(SandboxError::Lost) => Err(refused("sandbox helper", std::io::ErrorKind::BrokenPipe.into())),
            Err(SandboxError::Helper { source, .. }) => Err(refused("execve of the sandbox helper", source)),
            Err(SandboxError::Setup { call, on, source }) => Err(refused(&format!("{call} of {on}"), source)),
            Err(SandboxError::Program { argv0, source }) => Err(refused(&format!("execve of {argv0}"), source)),
        }
    }
}

fn refused(call: &str, source: std::io::Error) -> Refused {
    let fix = fix(source.raw_os_error().unwrap_or_default(), &setting).to_owned();
    Refused { call: call.to_owned(), source, fix }
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
