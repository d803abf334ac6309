//! Actions in containers of Docker and Podman: the same as natively, and nothing is left of them.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::process::{Child, Command, Stdio};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use testkit::engine::{Engine, NOBODY};
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
    let mut layers = vec![busybox, marker];
    layers.extend((programs == Programs::Few).then_some(without));
    Image::of(&layers).write(&workspace.path("image"));
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

/// Calls rg as a user who reaches a socket, and may not use it.
fn as_nobody(workspace: &Workspace, engine: &Engine, words: &[&str]) -> Run {
    // A plain user reaches neither the built program nor a directory of root's.
    let (program, cache) = (workspace.beside("rg"), workspace.beside("cache-of-nobody"));
    if !program.exists() {
        fs::copy(env!("CARGO_BIN_EXE_rg"), &program).unwrap();
        fs::create_dir(&cache).unwrap();
    }
    let places = [workspace.beside(""), workspace.path(""), engine.socket.parent().unwrap().to_owned()];
    let modes = places.map(|place| (place, 0o755)).into_iter().chain([(cache.clone(), 0o777)]);
    modes.for_each(|(place, mode)| fs::set_permissions(place, Permissions::from_mode(mode)).unwrap());
    let user = [format!("--reuid={NOBODY}"), format!("--regid={NOBODY}"), "--clear-groups".to_owned()];
    let mut command = Command::new("setpriv");
    command.args(user).arg(&program).arg("--workspace").arg(workspace.path("")).args(words).current_dir("/");
    Run::of(words, command.env("DOCKER_HOST", engine.host()).env("RG_CACHE_DIR", &cache).output().unwrap())
}

#[test]
fn a_socket_without_permission_is_named() {
    let engines = engines();
    let Some(engine) = engines.first() else { return };
    let Some(workspace) = scripts(Programs::All, &[("a", "echo x > $OUT/o", "")]) else { return };
    let says = [engine.socket.to_str().unwrap(), "permission denied", "usermod -aG docker"];
    as_nobody(&workspace, engine, &["doctor"]).says(&["executor engine"]).says(&says);
    as_nobody(&workspace, engine, &["build", "--executor", "engine", "//:a"]).exits(36).says(&says);
    workspace.write("workspace.toml", SETTINGS.replace("oci-layout:image", "docker-daemon:it/none:1"));
    as_nobody(&workspace, engine, &["lock"]).exits(48).says(&says).says(&["docker-daemon:it/none:1"]);
}

#[test]
fn doctor_says_of_each_rung_whether_it_works() {
    let workspace = workspace(&[("workspace.toml", SETTINGS)]);
    let doctor = |host: &str| workspace.rg_with(&["doctor"], &[("DOCKER_HOST", host)]);
    for engine in engines().iter() {
        let rungs = ["ok    executor native", "ok    executor engine", "ok    executor host"];
        doctor(&engine.host()).ok().says(&rungs).says(&[&engine.host()]);
    }
    let socket = workspace.beside("socket");
    drop(UnixListener::bind(&socket).unwrap());
    let host = format!("unix://{}", socket.display());
    let says = ["executor engine", &*host, "Connection refused", "hint: sudo systemctl restart docker"];
    doctor(&host).ok().says(&says).says(&["warn  executor engine"]);
    workspace.write("workspace.toml", format!("{SETTINGS}[execution]\nexecutor = \"engine\"\n"));
    doctor(&host).exits(36).says(&says).says(&["fail  executor engine"]);
}

#[test]
fn an_image_of_an_engine_is_a_toolchain() {
    let script = "cat /etc/marker in.txt > $OUT/o";
    for engine in engines().iter() {
        let Some(workspace) = scripts(Programs::All, &[("a", script, "")]) else { return };
        let marker = tar::member("etc/marker", b'0', engine.name.as_bytes());
        let busybox = image::busybox().unwrap();
        // An archive ends with two empty blocks.
        let layer = [&busybox[..busybox.len() - 1024], &tar::tar(&[tar::member("etc/", b'5', b""), marker])].concat();
        engine.import("it/daemon:1", &layer);
        workspace.write("workspace.toml", SETTINGS.replace("oci-layout:image", "docker-daemon:it/daemon:1"));
        let host = [("DOCKER_HOST", &*engine.host())];
        workspace.rg_with(&["lock"], &host).ok();
        workspace.rg_with(&["lock", "--check"], &host).ok();
        let native = workspace.elsewhere();
        native.rg_with(&["build", "//:a"], &host).ok().runs(1);
        assert_eq!(native.read("rg-out/a/o"), format!("{}in\n", engine.name));
        build(&workspace, &engine.host(), &["--locked", "//:a"]).ok().runs(1);
        assert_eq!(workspace.delivered(), native.delivered(), "{}", engine.name);

        workspace.write("workspace.toml", SETTINGS.replace("oci-layout:image", "docker-daemon:it/none:1"));
        let run = workspace.rg_with(&["lock"], &host).exits(48);
        run.says(&["has no image `it/none:1`", &engine.host(), "docker pull it/none:1"]);
        let run = workspace.rg_with(&["lock"], &[("DOCKER_HOST", "unix:///nowhere/socket")]).exits(48);
        run.says(&["docker-daemon:it/none:1", "no container engine is running", "unix:///nowhere/socket"]);
    }
}

#[test]
fn an_image_of_another_architecture_is_refused() {
    let engines = engines();
    let Some(engine) = engines.first() else { return };
    let Some(workspace) = scripts(Programs::All, &[("a", "echo x > $OUT/o", "")]) else { return };
    let layers = [image::busybox().unwrap()];
    let digest = Image { architecture: "s390x", ..Image::of(&layers) }.write(&workspace.path("image"));
    workspace.rg(&["lock", "--update"]).exits(48).says(&["oci-layout:image", "linux/s390x"]);
    // As a machine of that kind pins it.
    let lock = format!("version = 1\n\n[images]\n\"oci-layout:image\" = \"sha256:{}\"\n", digest.hex());
    workspace.write("rg.lock", &lock);
    build(&workspace, &engine.host(), &["//:a"]).exits(48).says(&["oci-layout:image", "linux/s390x"]);
}

#[test]
fn signals_are_told_from_exit_codes() {
    let endings = [
        ("a", "kill -9 $$", ""),
        ("b", "kill -ABRT $$", ""),
        ("c", "exit 137", ""),
        ("d", "sh -c 'kill -9 $$'; exit $?", ""),
    ];
    for engine in engines().iter() {
        let Some(workspace) = scripts(Programs::All, &endings) else { return };
        let native = failures(&workspace.rg(&["build", "-k", "//..."]));
        assert_eq!(native, ["a ended by signal 9", "b ended by signal 6", "c exit code 137", "d exit code 137"]);
        for host in [engine.host(), engine.elsewhere()] {
            assert_eq!(failures(&build(&workspace, &host, &["-k", "//..."])), native, "{} {host}", engine.name);
        }
    }
}

/// Returns which targets failed of the root package, and of what.
fn failures(run: &Run) -> Vec<String> {
    let told = |line: &str| {
        let (name, why) = line.strip_prefix("error: //:")?.split_once(" failed: ")?;
        Some(format!("{name} {}", why.rsplit_once(" (")?.0))
    };
    let mut failures: Vec<_> = run.err.lines().filter_map(told).collect();
    failures.sort();
    failures
}

#[test]
fn the_peak_of_memory_is_told_where_the_container_has_never_held_more() {
    let wants = |size: &str| format!("dd if=/dev/zero of=/dev/null bs={size} count=1; echo x > $OUT/o");
    for engine in engines().iter() {
        let Some(workspace) = scripts(Programs::All, &[("a", &wants("64M"), ""), ("b", &wants("1M"), "")]) else {
            return;
        };
        build(&workspace, &engine.host(), &["-j1", "--events", "../e", "//:a", "//:b"]).ok();
        let peaks = peaks(&workspace);
        assert!((64 << 20..192 << 20).contains(&peaks["//:a"]), "{} {peaks:?}", engine.name);
        assert_eq!(peaks["//:b"], 0, "{}", engine.name);
        build(&workspace, &engine.elsewhere(), &["--rerun", "//:a", "--events", "../e", "//:a"]).ok();
        let peak = self::peaks(&workspace)["//:a"];
        assert!((64 << 20..192 << 20).contains(&peak), "{} {peak}", engine.name);
    }
}

fn peaks(workspace: &Workspace) -> BTreeMap<String, u64> {
    let text = fs::read_to_string(workspace.beside("e")).unwrap();
    let events = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let finished = events.filter(|event| event["event"] == "action_finished");
    finished.map(|it| (it["label"].as_str().unwrap().to_owned(), it["peak_memory_bytes"].as_u64().unwrap())).collect()
}

#[test]
fn a_limit_that_an_engine_ignores_is_refused() {
    let Some(engine) = there(Engine::podman_of_nobody()) else { return };
    let script = "echo x > $OUT/o";
    let Some(workspace) = scripts(Programs::All, &[("a", script, "memory = \"64MiB\"")]) else { return };
    let run = build(&workspace, &engine.host(), &["//:a"]).exits(36);
    run.says(&["rootless Podman", "cannot limit memory", "--executor native"]);
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

/// Makes `rg shell` with the engine at `host`.
fn shell(workspace: &Workspace, host: &str, target: &str, script: &str) -> Command {
    let mut command = workspace.command(&["shell", "--executor", "engine", target, "--", "sh", "-c", script]);
    command.env("DOCKER_HOST", host).env("TOKEN", "canary-993-value");
    command
}

#[test]
fn a_shell_opens_in_a_container_with_the_streams_of_rg() {
    let secret = "secrets = [\"TOKEN\"]";
    for engine in engines().iter() {
        for host in [engine.host(), engine.elsewhere()] {
            let Some(workspace) = scripts(Programs::All, &[("a", "exit 1", secret)]) else { return };
            workspace.write("typed", "typed\n");
            let look = "cat in.txt /run/secrets/TOKEN - /etc/marker; id -u; echo e >&2; echo x > $OUT/o; exit 7";
            let typed = fs::File::open(workspace.path("typed")).unwrap();
            let run = Run::of(&["shell"], shell(&workspace, &host, "//:a", look).stdin(typed).output().unwrap());
            let run = run.exits(7).says(&["in\ncanary-993-valuetyped\nmarked\n1000\n", "e\n"]);
            assert!(!run.err.contains("the sandbox in which it failed"), "{run}");
            let missing = ["shell", "--executor", "engine", "//:a", "--", "nothing"];
            let missing = workspace.rg_with(&missing, &[("DOCKER_HOST", &host), ("TOKEN", "x")]);
            missing.exits(127).says(&["`nothing`"]);
            assert_eq!(engine.containers(), 0, "{} {host}", engine.name);
        }
        let Some(workspace) = scripts(Programs::Few, &[("a", "exit 1", "")]) else { return };
        let run = Run::of(&["shell"], shell(&workspace, &engine.host(), "//:a", "true").output().unwrap());
        run.exits(36).says(&["lacks programs to enter it by", "--executor native"]);
    }
}

#[test]
fn a_shell_in_a_container_has_the_terminal_of_rg() {
    let look =
        "test -t 0 && test -t 1 && until stty size | grep '37 91'; do sleep 0.1; done; read line; echo got $line";
    for engine in engines().iter() {
        let Some(workspace) = scripts(Programs::All, &[("a", "exit 1", "")]) else { return };
        let command = shell(&workspace, &engine.host(), "//:a", look);
        let words = command.get_args().map(|word| format!("'{}'", word.to_str().unwrap().replace('\'', "'\\''")));
        let words = words.collect::<Vec<_>>().join(" ");
        let program = command.get_program().to_str().unwrap();
        // What it was before it is again afterwards.
        let inner = format!("stty rows 37 cols 91; {program} {words}; stty -a | grep -c -- -icanon");
        let mut terminal = workspace.command(&[]);
        terminal.env("DOCKER_HOST", engine.host());
        let mut around = Command::new("script");
        around.args(["-qec", &inner, "/dev/null"]).current_dir(workspace.path(""));
        around.envs(terminal.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let mut child = around.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut typed = child.stdin.take().unwrap();
        let mut printed = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let seen = printed.by_ref().find(|line| line.starts_with("37 91"));
        assert!(seen.is_some(), "{}", engine.name);
        typed.write_all(b"word\n").unwrap();
        assert!(printed.by_ref().any(|line| line.starts_with("got word")), "{}", engine.name);
        assert!(printed.by_ref().any(|line| line.trim() == "0"), "{}", engine.name);
        child.wait().unwrap();
    }
}

#[test]
fn after_a_failure_a_shell_finds_what_the_container_left() {
    let script = "echo half > $OUT/o; echo note > note; rm in.txt; exit 3";
    for engine in engines().iter() {
        let Some(workspace) = scripts(Programs::All, &[("a", script, "")]) else { return };
        let look = |script: &str| {
            let run = Run::of(&["shell"], shell(&workspace, &engine.host(), "//:a", script).output().unwrap());
            assert_eq!(engine.containers(), 0, "{}", engine.name);
            run
        };
        look("test ! -e note && cat in.txt").prints("in\n");
        build(&workspace, &engine.host(), &["//:a"]).exits(1);
        let seen = "cat $OUT/o note; ls";
        look(seen).prints("half\nnote\nnote\nrg-out\n").says(&["the sandbox in which it failed"]);
        look("echo more >> note; echo more >> $OUT/o").ok();
        look("tail -n 1 note; tail -n 1 $OUT/o").prints("more\nmore\n");
        // What the visitor does with the outputs does not hide how the visit ended.
        look("rm -rf $OUT; exit 7").exits(7);
        look("test ! -e $OUT && cat note").prints("note\nmore\n");
        // What another executor would need to go on with is not there.
        let native = workspace.rg(&["shell", "//:a", "--", "sh", "-c", "test ! -e note"]).ok();
        assert!(!native.err.contains("the sandbox in which it failed"), "{native}");
    }
}

#[test]
fn an_action_without_an_image_is_refused() {
    let engines = engines();
    let Some(engine) = engines.first() else { return };
    let workspace = workspace(&[("BUILD.toml", "[command.a]\nrun = \"echo x > $OUT/o\"\noutputs = [\"o\"]\n")]);
    build(&workspace, &engine.host(), &["//:a"]).exits(36).says(&["without an image", "[toolchain.base]"]);
}
