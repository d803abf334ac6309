//! A container with the privileges that Docker gives by default, made by runc alone: root, but without the capabilities
//! and the system calls that make containers. It shares the network, so that whoever has none there lacks it by rg's doing.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

/// The capabilities of Docker's default.
const CAPABILITIES: [&str; 14] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FSETID",
    "CAP_FOWNER",
    "CAP_MKNOD",
    "CAP_NET_RAW",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETFCAP",
    "CAP_SETPCAP",
    "CAP_NET_BIND_SERVICE",
    "CAP_SYS_CHROOT",
    "CAP_KILL",
    "CAP_AUDIT_WRITE",
];
/// System calls that Docker's default profile refuses to whoever has not CAP_SYS_ADMIN.
const REFUSED: [&str; 15] = [
    "bpf",
    "fsconfig",
    "fsmount",
    "fsopen",
    "fspick",
    "mount",
    "mount_setattr",
    "move_mount",
    "open_tree",
    "perf_event_open",
    "pivot_root",
    "quotactl",
    "setns",
    "umount2",
    "unshare",
];
/// The flags of `clone` that make namespaces: of mounts, control groups, names, messages, users, processes, networks.
const NAMESPACES: [u64; 7] = [0x2_0000, 0x200_0000, 0x400_0000, 0x800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000];
/// `EPERM`.
const NOT_PERMITTED: u32 = 1;
/// `ENOSYS`, by which programs learn that they have to take another call.
const UNKNOWN: u32 = 38;

/// Returns a call of runc that does what `command` does, in a container that sees `room`, this machine's system
/// directories and nothing else. `lacking` are capabilities that it does not have.
pub fn around(command: &Command, room: &Path, lacking: &[&str]) -> Command {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("rg-it-{}-{number}", std::process::id());
    let bundle = room.join(&name);
    let root = bundle.join("rootfs");
    fs::create_dir_all(root.join("tmp")).expect("the room is ours");
    for name in ["bin", "sbin", "lib", "lib64"] {
        symlink(format!("usr/{name}"), root.join(name)).expect("the root is new");
    }
    fs::write(bundle.join("config.json"), config(command, room, lacking).to_string()).expect("the bundle is new");
    let mut runc = Command::new("runc");
    runc.arg("--root").arg(room.join("runc")).args(["run", "--bundle"]).arg(&bundle).arg(&name);
    runc.env_clear().env("PATH", "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin");
    runc
}

fn config(command: &Command, room: &Path, lacking: &[&str]) -> Value {
    let text = |text: &std::ffi::OsStr| text.to_str().expect("tests have plain names").to_owned();
    let words: Vec<String> = [command.get_program()].into_iter().chain(command.get_args()).map(text).collect();
    let set =
        |(name, value): (&std::ffi::OsStr, Option<&std::ffi::OsStr>)| Some(format!("{}={}", text(name), text(value?)));
    let env: Vec<String> = command.get_envs().filter_map(set).collect();
    let capabilities: Vec<&str> = CAPABILITIES.into_iter().filter(|name| !lacking.contains(name)).collect();
    let bind = |from: &Path, access: &str| json!({ "destination": from, "source": from, "type": "bind", "options": ["rbind", access] });
    let refuse = |names: &[&str], error: u32| json!({ "names": names, "action": "SCMP_ACT_ERRNO", "errnoRet": error });
    let mut refused = vec![refuse(&REFUSED, NOT_PERMITTED), refuse(&["clone3"], UNKNOWN)];
    refused.extend(NAMESPACES.map(|flag| {
        let mut rule = refuse(&["clone"], NOT_PERMITTED);
        rule["args"] = json!([{ "index": 0, "value": flag, "valueTwo": flag, "op": "SCMP_CMP_MASKED_EQ" }]);
        rule
    }));
    let namespaces = ["pid", "ipc", "uts", "mount"].map(|kind| json!({ "type": kind }));
    let mount = |at: &str, kind: &str| json!({ "destination": at, "type": kind, "source": kind });
    let device = |allow: bool, access: &str| json!({ "allow": allow, "type": "c", "access": access });
    json!({
        "ociVersion": "1.0.2",
        "process": {
            "terminal": false,
            "user": { "uid": 0, "gid": 0 },
            "args": words,
            "env": env,
            "cwd": command.get_current_dir().expect("tests say where they run"),
            "capabilities": { "bounding": capabilities, "effective": capabilities, "permitted": capabilities },
        },
        "root": { "path": "rootfs" },
        "mounts": [
            mount("/proc", "proc"), mount("/dev", "tmpfs"), bind(Path::new("/usr"), "ro"),
            bind(Path::new("/etc"), "ro"), bind(room, "rw"), bind(Path::new(command.get_program()), "ro"),
        ],
        "linux": {
            "namespaces": namespaces,
            "maskedPaths": ["/proc/kcore", "/proc/keys", "/proc/timer_list"],
            "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
            "resources": { "devices": [
                device(false, "rwm"), device(true, "m"),
                { "allow": true, "type": "c", "major": 1, "access": "rwm" },
                { "allow": true, "type": "c", "major": 5, "access": "rwm" },
            ] },
            "seccomp": { "defaultAction": "SCMP_ACT_ALLOW", "syscalls": refused },
        },
    })
}
