//! Actions in containers of Docker and Podman: the same as natively, and nothing is left of them.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use testkit::engine::Engine;
use testkit::image::{self, Image};
use testkit::tar;
use testkit::workspace::{Run, Workspace, wait_until};

use crate::{environment, workspace};

const SETTINGS: &str =
    "[workspace]\nname = \"it\"\n[toolchain.box]\nimage = \"oci-layout:image\"\n[secrets.TOKEN]\nenv = \"TOKEN\"\n";

/// Returns the engines of this machine, started once, for one test at a time: tests count containers.
fn engines() -> MutexGuard<'static, Vec<Engine>> {
    static ENGINES: LazyLock<Mutex<Vec<Engine>>> =
        LazyLock::new(|| Mutex::new([Engine::docker(), Engine::podman()].into_iter().filter_map(there).collect()));
    ENGINES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Says what is missing, which is a failure where everything has to be there.
fn there<T>(found: Result<T, String>) -> Option<T> {
    found
        .map_err(|why| {
            assert!(!environment::is_ci(), "{why}");
            eprintln!("skipped: {why}");
        })
        .ok()
}

/// What an image has besides a shell.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Programs {
    All,
    /// Not what rg needs to use a container twice.
    Few,
}

/// Makes a workspace of one command for each script, with an image; `None` if there is nothing to make one of.
fn scripts(programs: Programs, scripts: &[(&str, &str, &str)]) -> Option<Workspace> {
    let workspace = workspace(&[("workspace.toml", SETTINGS), ("in.txt", "in\n")]);
    let command = |(name, script, more): &(&str, &str, &str)| {
        let script = serde_json::json!(script);
        format!(
            "[command.{name}]\nrun = {script}\ninputs = [\"in.txt\"]\noutputs = [\"o\"]\ntoolchain = \"box\"\n{more}\n"
        )
    };
    workspace.write("BUILD.toml", scripts.iter().map(command).collect::<String>());
    let busybox = there(image::busybox().ok_or_else(|| "there is no static busybox".to_owned()))?;
    let marker = tar::tar(&[tar::member("etc/", b'5', b""), tar::member("etc/marker", b'0', b"marked\n")]);
    let without = tar::tar(&[tar::member("bin/", b'5', b""), tar::member("bin/.wh.env", b'0', b"")]);
    let layers = [busybox, marker, without];
    let count = if programs == Programs::All { 2 } else { 3 };
    Image::of(&layers[..count]).write(&workspace.path("image"));
    workspace.rg(&["lock"]).ok();
    Some(workspace)
}

fn build(workspace: &Workspace, host: &str, words: &[&str]) -> Run {
    let words = [&["build", "-v", "--executor", "engine"], words].concat();
    workspace.rg_with(&words, &[("DOCKER_HOST", host), ("TOKEN", "canary-993-value")])
}

fn start(workspace: &Workspace, engine: &Engine, target: &str) -> Child {
    let mut command = workspace.command(&["build", "--executor", "engine", target]);
    let child = command.env("DOCKER_HOST", engine.host()).spawn().unwrap();
    wait_until("a container runs", || engine.containers() > 0);
    child
}

fn signal(process: u32, signal: &str) {
    assert!(Command::new("kill").args([signal, &process.to_string()]).status().unwrap().success());
}

#[test]
fn same_outputs_and_keys_as_natively() {
    let script = "cat /etc/marker in.txt > $OUT/o; pwd >> $OUT/o; id -u >> $OUT/o; env >> $OUT/o; echo x > in.txt";
    for engine in engines().iter() {
        let Some(workspace) = scripts(Programs::All, &[("a", script, "")]) else { return };
        build(&workspace, &engine.host(), &["//:a"]).ok().runs(1);
        workspace.rg(&["build", "--executor", "native", "//:a"]).ok().runs(0);
        let native = workspace.elsewhere();
        native.rg(&["build", "--executor", "native", "//:a"]).ok().runs(1);
        assert_eq!(workspace.delivered(), native.delivered(), "{}", engine.name);
        assert_eq!(engine.containers(), 0, "{}", engine.name);
    }
}

#[test]
fn no_network_no_root_no_capabilities() {
    let script = "id -u > $OUT/o; grep CapEff /proc/self/status >> $OUT/o; ls /sys/class/net >> $OUT/o; \
                  touch /etc/x 2> /dev/null || echo read-only >> $OUT/o";
    for engine in engines().iter() {
        let Some(workspace) = scripts(Programs::All, &[("a", script, "")]) else { return };
        build(&workspace, &engine.host(), &["//:a"]).ok();
        assert_eq!(workspace.read("rg-out/a/o"), "1000\nCapEff:\t0000000000000000\nlo\nread-only\n", "{}", engine.name);
    }
}

#[test]
fn what_an_action_leaves_is_gone_for_the_next() {
    let first = "(sleep 900; echo late >> $OUT/o) & touch /tmp/left /tmp/.left /dev/shm/left; echo x > /src/left; echo a > $OUT/o";
    let next = "ls -A /tmp /tmp/home /dev/shm /src > $OUT/o; grep -l sleep /proc/[0-9]*/comm >> $OUT/o || true";
    for engine in engines().iter() {
        let Some(workspace) = scripts(Programs::All, &[("a", first, ""), ("b", next, "")]) else { return };
        build(&workspace, &engine.host(), &["-j1", "//:a", "//:b"]).ok();
        let seen = workspace.read("rg-out/b/o");
        assert!(!seen.contains("left") && !seen.contains("comm"), "{}: {seen}", engine.name);
    }
}

#[test]
fn a_killed_rg_leaves_no_container_after_the_next_run() {
    for engine in engines().iter() {
        let slow = ("slow", "sleep 900; echo x > $OUT/o", "");
        let Some(workspace) = scripts(Programs::All, &[slow, ("a", "echo x > $OUT/o", "")]) else { return };
        let mut child = start(&workspace, engine, "//:slow");
        child.kill().unwrap();
        child.wait().unwrap();
        build(&workspace, &engine.host(), &["//:a"]).ok();
        wait_until("no container is left", || engine.containers() == 0);
    }
}

#[test]
fn an_interrupted_rg_leaves_no_container() {
    for engine in engines().iter() {
        let Some(workspace) = scripts(Programs::All, &[("slow", "sleep 900; echo x > $OUT/o", "")]) else { return };
        let mut child = start(&workspace, engine, "//:slow");
        signal(child.id(), "-INT");
        assert_eq!((child.wait().unwrap().code(), engine.containers()), (Some(8), 0), "{}", engine.name);
    }
}

#[test]
fn a_daemon_that_is_killed_in_the_middle_is_named() {
    let Some(engine) = there(Engine::docker()) else { return };
    let Some(workspace) = scripts(Programs::All, &[("slow", "sleep 900; echo x > $OUT/o", "")]) else { return };
    let mut child = start(&workspace, &engine, "//:slow");
    signal(engine.process, "-KILL");
    let status = child.wait().unwrap();
    let mut told = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut told).unwrap();
    assert!(status.code() == Some(36) && told.contains("Docker") && told.contains(&engine.host()), "{status}: {told}");
}

#[test]
fn a_socket_without_permission_is_named() {
    let engines = engines();
    let Some(engine) = engines.first() else { return };
    let Some(workspace) = scripts(Programs::All, &[("a", "echo x > $OUT/o", "")]) else { return };
    // A plain user reaches neither the built program nor a directory of root's.
    let program = workspace.beside("rg");
    fs::copy(env!("CARGO_BIN_EXE_rg"), &program).unwrap();
    for place in [workspace.beside(""), engine.socket.parent().unwrap().to_owned()] {
        fs::set_permissions(place, Permissions::from_mode(0o755)).unwrap();
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&program).arg("doctor");
    let output = command.current_dir("/").env("DOCKER_HOST", engine.host()).output().unwrap();
    let run = Run::of(&["doctor"], output);
    run.says(&["executor engine", engine.socket.to_str().unwrap(), "permission denied", "usermod -aG docker"]);
}

#[test]
fn an_engine_that_is_not_there_is_named_where_an_action_needs_it() {
    let Some(workspace) = scripts(Programs::All, &[("a", "echo x > $OUT/o", "")]) else { return };
    build(&workspace, "unix:///nowhere/socket", &["//:a"]).exits(36).says(&["unix:///nowhere/socket", "DOCKER_HOST"]);
    workspace.rg(&["build", "//:a"]).ok();
    build(&workspace, "unix:///nowhere/socket", &["//:a"]).ok().runs(0);
}

#[test]
fn too_much_memory_fails_even_if_the_shell_goes_on() {
    let script = "dd if=/dev/zero of=/dev/null bs=200M count=1; echo x > $OUT/o";
    for engine in engines().iter() {
        let Some(workspace) = scripts(Programs::All, &[("a", script, "memory = \"64MiB\"")]) else { return };
        for host in [engine.host(), engine.elsewhere()] {
            build(&workspace, &host, &["//:a"]).exits(1).says(&["memory"]);
        }
    }
}

#[test]
fn secrets_are_seen_and_masked() {
    let script = "head -c 6 /run/secrets/TOKEN > $OUT/o; cat /run/secrets/TOKEN";
    for engine in engines().iter() {
        for elsewhere in [false, true] {
            let Some(workspace) = scripts(Programs::All, &[("a", script, "secrets = [\"TOKEN\"]")]) else { return };
            let host = if elsewhere { engine.elsewhere() } else { engine.host() };
            let run = build(&workspace, &host, &["//:a"]).ok().says(&["***"]);
            assert!(!run.err.contains("canary-993-value") && !run.out.contains("canary-993-value"), "{run}");
            assert_eq!(workspace.read("rg-out/a/o"), "canary");
        }
    }
}

#[test]
fn cache_mounts_are_kept() {
    let script = "echo x >> /cache/kept/f; cat /cache/kept/f > $OUT/o";
    for engine in engines().iter() {
        for elsewhere in [false, true] {
            let mount = "cache_mounts = { kept = \"/cache/kept\" }";
            let all = [("a", script, mount), ("b", script, mount)];
            let Some(workspace) = scripts(Programs::All, &all) else { return };
            let host = if elsewhere { engine.elsewhere() } else { engine.host() };
            build(&workspace, &host, &["//:a"]).ok();
            let before = workspace.read("rg-out/a/o");
            build(&workspace, &host, &["//:b"]).ok();
            assert_eq!(workspace.read("rg-out/b/o"), format!("{before}x\n"), "{} {elsewhere}", engine.name);
        }
    }
}

#[test]
fn what_runs_too_long_is_ended() {
    for engine in engines().iter() {
        let slow = ("slow", "sleep 900; echo x > $OUT/o", "timeout = 1");
        let Some(workspace) = scripts(Programs::All, &[slow]) else { return };
        build(&workspace, &engine.host(), &["//:slow"]).exits(1).says(&["timed out after 1 s"]);
        assert_eq!(engine.containers(), 0, "{}", engine.name);
    }
}

#[test]
fn an_engine_elsewhere_and_an_image_without_tools_do_the_same() {
    let script = "echo no; cat in.txt > $OUT/o; echo x > in.txt; echo e >&2";
    for engine in engines().iter() {
        let hosts =
            [(engine.elsewhere(), Programs::All), (engine.host(), Programs::Few), (engine.elsewhere(), Programs::Few)];
        for (host, programs) in hosts {
            let Some(workspace) = scripts(programs, &[("a", script, ""), ("b", "exit 7", "")]) else { return };
            build(&workspace, &host, &["//:a"]).ok().says(&["no\n"]);
            assert_eq!(workspace.read("rg-out/a/o"), "in\n", "{} {host}", engine.name);
            build(&workspace, &host, &["//:b"]).exits(1).says(&["exit code 7"]);
            assert_eq!(engine.containers(), 0, "{}", engine.name);
        }
    }
}

#[test]
fn an_action_without_an_image_is_refused() {
    let engines = engines();
    let Some(engine) = engines.first() else { return };
    let workspace = workspace(&[("BUILD.toml", "[command.a]\nrun = \"echo x > $OUT/o\"\noutputs = [\"o\"]\n")]);
    build(&workspace, &engine.host(), &["//:a"]).exits(36).says(&["without an image", "[toolchain.base]"]);
}
