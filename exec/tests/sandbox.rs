//! The native sandbox and the host runner, run for real: as the user who tests and, if that is root, as a plain user.
//!
//! Each check is a sentence about the product. It has a main of its own, because a sandbox's helper is the program
//! that asks for one.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Read, Seek};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use exec::host::{self, Plain};
use exec::sandbox::{Ended, How, Mount, Sandbox, SandboxError, Spec, base_mounts, main_if_helper};
use exec::tools::{self, Surroundings, TOOLCHAIN_BIN, which_all};
use model::{Need, Network};

const CHECKS: &[(&str, fn())] = &[
    ("the_probe_passes", the_probe_passes),
    ("exit_codes_and_signals_are_told_apart", exit_codes_and_signals_are_told_apart),
    ("a_program_that_is_missing_is_its_own_error", a_program_that_is_missing_is_its_own_error),
    ("a_failing_set_up_names_the_call", a_failing_set_up_names_the_call),
    ("standard_output_and_error_arrive_in_order", standard_output_and_error_arrive_in_order),
    ("output_without_end_uses_no_memory", output_without_end_uses_no_memory),
    ("the_program_is_an_unprivileged_user", the_program_is_an_unprivileged_user),
    ("tmp_and_home_are_private_and_empty", tmp_and_home_are_private_and_empty),
    ("the_base_system_is_read_only", the_base_system_is_read_only),
    ("only_what_is_mounted_is_there", only_what_is_mounted_is_there),
    ("devices_work", devices_work),
    ("only_loopback_works_without_network", only_loopback_works_without_network),
    ("the_host_network_is_there_when_asked_for", the_host_network_is_there_when_asked_for),
    ("inputs_survive_what_is_done_to_them", inputs_survive_what_is_done_to_them),
    ("read_only_inputs_refuse_writes", read_only_inputs_refuse_writes),
    ("outputs_are_kept_below_an_overlay", outputs_are_kept_below_an_overlay),
    ("scribbles_can_go_to_a_directory", scribbles_can_go_to_a_directory),
    ("mounts_can_lie_in_each_other", mounts_can_lie_in_each_other),
    ("stray_processes_die_with_the_program", stray_processes_die_with_the_program),
    ("a_program_ends_when_its_time_is_over", a_program_ends_when_its_time_is_over),
    ("a_program_ends_when_it_is_cancelled", a_program_ends_when_it_is_cancelled),
    ("time_and_memory_are_measured", time_and_memory_are_measured),
    ("killing_the_caller_leaves_no_process", killing_the_caller_leaves_no_process),
    ("host_toolchains_run_in_the_sandbox", host_toolchains_run_in_the_sandbox),
    ("the_host_runner_keeps_the_same_promises", the_host_runner_keeps_the_same_promises),
];

fn main() -> ExitCode {
    main_if_helper();
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some("sleeper") => run_a_sleeper(&arguments[2]),
        Some("measure") => measure(arguments[2].parse().unwrap()),
        _ => {}
    }
    let failed = CHECKS.iter().filter(|(name, check)| !passes(name, *check)).count();
    if failed > 0 {
        println!("{failed} failed");
        return ExitCode::FAILURE;
    }
    if is_root() { as_a_plain_user() } else { ExitCode::SUCCESS }
}

fn passes(name: &str, check: fn()) -> bool {
    let start = Instant::now();
    let passed = std::panic::catch_unwind(check).is_ok();
    println!("{} {name} {:?}", if passed { "ok" } else { "FAILED" }, start.elapsed());
    passed
}

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

fn as_a_plain_user() -> ExitCode {
    let place = scratch();
    let copy = place.join("sandbox-test");
    fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
    let ids = ["--reuid", "65534", "--regid", "65534", "--clear-groups"];
    println!("as a plain user:");
    let status = Command::new("setpriv").args(ids).arg(&copy).current_dir("/").status().unwrap();
    fs::remove_dir_all(place).unwrap();
    if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Returns an empty directory that everyone may enter.
fn scratch() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("rg-sandbox-test-{}-{number}", std::process::id()));
    fs::create_dir(&path).unwrap();
    path
}

struct Ran {
    result: Result<Ended, SandboxError>,
    output: String,
}

fn sandbox() -> Sandbox {
    Sandbox { helper: std::env::current_exe().unwrap() }
}

fn spec(argv: &[&str], mounts: Vec<Mount>) -> Spec {
    let env = [("PATH", "/usr/bin:/bin"), ("HOME", "/tmp/home")].map(|(name, value)| (name.into(), value.into()));
    let mounts = base_mounts(Network::None).into_iter().chain(mounts).collect();
    Spec {
        mounts,
        argv: argv.iter().map(|&word| word.to_owned()).collect(),
        env: env.to_vec(),
        directory: "/".into(),
        network: Network::None,
        scribble: None,
    }
}

fn log() -> File {
    tempfile::Builder::new().append(true).tempfile().unwrap().into_file()
}

fn run_spec(spec: &Spec, timeout: Option<Duration>, cancelled: &dyn Fn() -> bool) -> Ran {
    let mut log = log();
    let result = sandbox().run(spec, log.try_clone().unwrap(), timeout, cancelled);
    let mut output = String::new();
    log.rewind().unwrap();
    log.take(1 << 20).read_to_string(&mut output).unwrap();
    Ran { result, output }
}

fn run(script: &str, mounts: Vec<Mount>) -> Ran {
    run_spec(&spec(&["sh", "-c", script], mounts), None, &|| false)
}

/// Runs a shell line in a sandbox and compares all that it prints.
#[track_caller]
fn check_in(mounts: Vec<Mount>, script: &str, want: &str) {
    let ran = run(script, mounts);
    let how = ran.result.unwrap_or_else(|error| panic!("{error}: {script}")).how;
    assert_eq!((ran.output.as_str(), how), (want, How::Exited(0)), "{script}");
}

#[track_caller]
fn check(script: &str, want: &str) {
    check_in(vec![], script, want);
}

fn the_probe_passes() {
    sandbox().probe().unwrap();
}

fn exit_codes_and_signals_are_told_apart() {
    for (script, want) in [
        ("exit 0", How::Exited(0)),
        ("exit 137", How::Exited(137)),
        ("exit 255", How::Exited(255)),
        ("kill -9 $$", How::Signalled(9)),
        ("kill -TERM $$", How::Signalled(15)),
        ("trap '' PIPE; exit 3", How::Exited(3)),
        // Process 1 cannot be killed from inside.
        ("kill -9 1; exit 4", How::Exited(4)),
    ] {
        assert_eq!(run(script, vec![]).result.unwrap().how, want, "{script}");
    }
}

fn a_program_that_is_missing_is_its_own_error() {
    let file = Mount::File { at: "/src/text".into(), content: "hello".into() };
    for (program, want) in [("no-such-program", libc::ENOENT), ("/src/none", libc::ENOENT), ("/src/text", libc::EACCES)]
    {
        match run_spec(&spec(&[program], vec![file.clone()]), None, &|| false).result {
            Err(SandboxError::Program { argv0, source }) => {
                assert_eq!((argv0.as_str(), source.raw_os_error()), (program, Some(want)));
            }
            other => panic!("{program}: {other:?}"),
        }
    }
}

fn a_failing_set_up_names_the_call() {
    let missing = Mount::Bind { from: "/no/such/place".into(), at: "/src".into() };
    let error = run("true", vec![missing]).result.unwrap_err();
    assert_eq!(error.to_string(), "cannot make the sandbox: open_tree of `/no/such/place` is refused");
}

fn standard_output_and_error_arrive_in_order() {
    check("echo a; echo b >&2; echo c > /dev/stderr; echo d > /dev/stdout; echo e", "a\nb\nc\nd\ne\n");
    check("printf 'no newline'", "no newline");
}

fn output_without_end_uses_no_memory() {
    let log = log();
    let spec = spec(&["head", "-c", "300000000", "/dev/zero"], vec![]);
    let ended = sandbox().run(&spec, log.try_clone().unwrap(), None, &|| false).unwrap();
    assert_eq!((ended.how, log.metadata().unwrap().len()), (How::Exited(0), 300_000_000));
    assert!(ended.peak_memory_bytes < 50_000_000, "{ended:?}");
}

fn the_program_is_an_unprivileged_user() {
    check("id -u; id -g; umask", "1000\n1000\n0022\n");
    check(
        "grep -E 'CapEff|CapPrm|NoNewPrivs' /proc/self/status | tr -d '\\t'",
        concat!("CapPrm:0000000000000000\n", "CapEff:0000000000000000\n", "NoNewPrivs:1\n"),
    );
    check("hostname; ls /proc | grep -c '^[0-9]'", "localhost\n4\n");
    let outside = if is_root() { 65534 } else { fs::metadata("/proc/self").unwrap().uid() };
    check("awk '{ print $1, $2, $3 }' /proc/self/uid_map", &format!("1000 {outside} 1\n"));
}

fn tmp_and_home_are_private_and_empty() {
    let place = scratch();
    fs::write(place.join("secret"), "x").unwrap();
    check("ls -A /tmp; ls -A $HOME; echo x > $HOME/a && echo y > /tmp/b && cat $HOME/a", "home\nx\n");
    fs::remove_dir_all(place).unwrap();
}

fn the_base_system_is_read_only() {
    check("touch /usr/x 2>&1 | grep -o 'Read-only file system'", "Read-only file system\n");
    check(
        "ls /usr/local; touch /x 2>/dev/null || echo refused; touch /etc/x 2>/dev/null || echo refused",
        "refused\nrefused\n",
    );
}

fn only_what_is_mounted_is_there() {
    check("ls -A / | grep -v -E '^s?bin$|^lib' | tr '\\n' ' '", "dev etc proc tmp usr var ");
    check("ls /etc/shadow /root /home 2>/dev/null | wc -l", "0\n");
    check("ls /dev | tr '\\n' ' '", "fd full null random shm stderr stdin stdout tty urandom zero ");
    check("env -u PWD -u _ -u OLDPWD -u SHLVL", "HOME=/tmp/home\nPATH=/usr/bin:/bin\n");
    check("ls /proc/self/fd | wc -l; readlink /proc/self/fd/0", "4\n/dev/null\n");
}

fn devices_work() {
    check(
        "head -c 4 /dev/zero | wc -c; head -c 4 /dev/urandom | wc -c; echo > /dev/null; echo x > /dev/shm/x && cat /dev/shm/x",
        "4\n4\nx\n",
    );
}

/// Connects to a port of the machine.
fn connect(port: u16) -> String {
    format!(
        "perl -e 'use IO::Socket; print IO::Socket::INET->new(PeerAddr => \"127.0.0.1:{port}\") ? \"yes\" : \"no\"'"
    )
}

fn only_loopback_works_without_network() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    check(&connect(listener.local_addr().unwrap().port()), "no");
    let own = "perl -e 'use IO::Socket; my $l = IO::Socket::INET->new(Listen => 1, LocalAddr => \"127.0.0.1\"); \
               print IO::Socket::INET->new(PeerAddr => \"127.0.0.1:\" . $l->sockport) ? \"yes\" : \"no\"'";
    check(own, "yes");
    check("cut -d: -f1 /proc/net/dev | tail -n +3 | tr -d ' '", "lo\n");
}

fn the_host_network_is_there_when_asked_for() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let script = connect(listener.local_addr().unwrap().port());
    let mounts = base_mounts(Network::Host);
    let spec = Spec { mounts, network: Network::Host, ..spec(&["sh", "-c", &script], vec![]) };
    assert_eq!(run_spec(&spec, None, &|| false).output, "yes");
}

/// Makes a store with a read-only file, and a tree of hard links to it, below a closed directory.
fn store_and_tree() -> (PathBuf, PathBuf) {
    let place = scratch();
    fs::set_permissions(&place, fs::Permissions::from_mode(0o700)).unwrap();
    let (store, tree) = (place.join("store"), place.join("tree"));
    fs::create_dir_all(&store).unwrap();
    fs::create_dir_all(tree.join("src/dir/deep")).unwrap();
    for (name, mode) in [("text", 0o444), ("tool", 0o555)] {
        fs::write(store.join(name), "#!/bin/sh\necho original\n").unwrap();
        fs::set_permissions(store.join(name), fs::Permissions::from_mode(mode)).unwrap();
        fs::hard_link(store.join(name), tree.join("src/dir").join(name)).unwrap();
        fs::hard_link(store.join(name), tree.join("src/dir/deep").join(name)).unwrap();
    }
    (place, tree)
}

fn state_of(directory: &Path) -> String {
    let list = Command::new("find").arg(directory).args(["-printf", "%P %m %U %n %T@ %s\n"]).output().unwrap();
    let mut lines: Vec<_> = String::from_utf8(list.stdout).unwrap().lines().map(str::to_owned).collect();
    lines.sort();
    lines.join("\n")
}

fn inputs_survive_what_is_done_to_them() {
    let (place, tree) = store_and_tree();
    let before = state_of(&place);
    let overlay = || vec![Mount::Overlay { lower: tree.join("src"), at: "/src".into() }];
    let script = "cd /src/dir && ./tool && echo x 2>/dev/null > text || echo refused; chmod u+w text && echo changed > text; \
                  cat text; rm tool; mkdir new; echo y > new/file; rm -rf deep; mkdir deep; ls deep; mv new moved; ls";
    check_in(overlay(), script, "original\nrefused\nchanged\ndeep\nmoved\ntext\n");
    check_in(overlay(), "stat -c '%u %a' /src/dir /src/dir/text", "1000 755\n1000 444\n");
    assert_eq!(state_of(&place), before);
    fs::remove_dir_all(place).unwrap();
}

fn read_only_inputs_refuse_writes() {
    let (place, tree) = store_and_tree();
    let before = state_of(&place);
    let bind = vec![Mount::Bind { from: tree.join("src"), at: "/src".into() }];
    let script = "cd /src/dir && ./tool; for c in 'chmod 777 text' 'rm tool' 'mkdir new' 'mount -o remount,rw /src'; do \
                  $c 2>/dev/null || echo refused; done";
    check_in(bind, script, "original\nrefused\nrefused\nrefused\nrefused\n");
    assert_eq!(state_of(&place), before);
    fs::remove_dir_all(place).unwrap();
}

fn outputs_are_kept_below_an_overlay() {
    let (place, tree) = store_and_tree();
    let out = place.join("out");
    fs::create_dir(&out).unwrap();
    let mounts = vec![
        Mount::Overlay { lower: tree.join("src"), at: "/src".into() },
        Mount::BindWritable { from: out.clone(), at: "/src/rg-out/a/b".into() },
    ];
    check_in(
        mounts,
        "cd /src; echo made > rg-out/a/b/file; mkdir rg-out/a/b/d; cp dir/tool rg-out/a/b/d; echo lost > gone",
        "",
    );
    assert_eq!(fs::read_to_string(out.join("file")).unwrap(), "made\n");
    assert_eq!(fs::metadata(out.join("d/tool")).unwrap().mode() & 0o777, 0o555);
    assert!(!tree.join("src/gone").exists() && !tree.join("src/rg-out").exists());
    fs::remove_dir_all(place).unwrap();
}

fn scribbles_can_go_to_a_directory() {
    let (place, tree) = store_and_tree();
    let scribble = place.join("scribble");
    fs::create_dir(&scribble).unwrap();
    let mounts = vec![Mount::Overlay { lower: tree.join("src"), at: "/src".into() }];
    let spec = Spec { scribble: Some(scribble.clone()), ..spec(&["sh", "-c", "echo x > /src/x; cat /src/x"], mounts) };
    assert_eq!(run_spec(&spec, None, &|| false).output, "x\n");
    fs::remove_dir_all(place).unwrap();
}

fn mounts_can_lie_in_each_other() {
    let (place, tree) = store_and_tree();
    let bind = |at: &str| Mount::Bind { from: tree.join("src/dir"), at: at.into() };
    let mounts = vec![
        bind("/usr/local/tool"),
        Mount::Directory { at: "/toolchain/bin".into() },
        Mount::Symlink { at: "/toolchain/bin/t".into(), to: "/usr/local/tool/tool".into() },
        Mount::Bind { from: tree.join("src/dir/tool"), at: "/toolchain/one/file".into() },
        bind("/srv/x"),
    ];
    check_in(
        mounts,
        "/toolchain/bin/t; /toolchain/one/file; ls /usr/local; /srv/x/tool",
        "original\noriginal\ntool\noriginal\n",
    );
    fs::remove_dir_all(place).unwrap();
}

/// Returns the processes, zombies aside, that have the word in their command line.
fn processes_with(word: &str) -> Vec<String> {
    let mut found = vec![];
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        if String::from_utf8_lossy(&line).contains(word) && entry.file_name() != std::process::id().to_string().as_str()
        {
            found.push(String::from_utf8_lossy(&line).into_owned());
        }
    }
    found
}

/// Returns a number of seconds that no other process sleeps.
fn unique_sleep() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("4{}{:02}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

fn stray_processes_die_with_the_program() {
    let sleep = unique_sleep();
    let start = Instant::now();
    let script = format!("sleep {sleep} & (setsid sh -c 'trap \"\" TERM; sleep {sleep}' &) ; echo done");
    check(&script, "done\n");
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!(processes_with(&sleep), Vec::<String>::new());
}

fn a_program_ends_when_its_time_is_over() {
    let sleep = unique_sleep();
    let script = format!("trap '' TERM INT; echo begun; sleep {sleep}; sleep {sleep}");
    let ran = run_spec(&spec(&["sh", "-c", &script], vec![]), Some(Duration::from_millis(300)), &|| false);
    let ended = ran.result.unwrap();
    assert_eq!((ended.how, ran.output.as_str()), (How::TimedOut, "begun\n"));
    assert!(ended.wall >= Duration::from_millis(300) && ended.wall < Duration::from_secs(3), "{ended:?}");
    assert_eq!(processes_with(&sleep), Vec::<String>::new());
}

fn a_program_ends_when_it_is_cancelled() {
    let sleep = unique_sleep();
    let start = Instant::now();
    let cancelled = || start.elapsed() > Duration::from_millis(200);
    let ran = run_spec(&spec(&["sleep", &sleep], vec![]), Some(Duration::from_secs(60)), &cancelled);
    assert_eq!(ran.result.unwrap().how, How::Cancelled);
    assert!(start.elapsed() < Duration::from_secs(3));
    assert_eq!(processes_with(&sleep), Vec::<String>::new());
}

fn time_and_memory_are_measured() {
    let ballast = vec![1u8; 200 << 20];
    let script = "perl -e '$x = \"x\" x 60000000; $i = 0; while ($i < 3000000) { $i++ }'";
    let ended = run(script, vec![]).result.unwrap();
    assert!(ended.user > Duration::from_millis(30) && ended.wall >= ended.user, "{ended:?}");
    // The memory of the caller does not count.
    assert!((60_000_000..190_000_000).contains(&ended.peak_memory_bytes), "{ended:?}");
    assert_eq!(ballast.len(), 200 << 20);
}

fn run_a_sleeper(sleep: &str) {
    run(&format!("sleep {sleep} & sleep {sleep}"), vec![]).result.unwrap();
}

/// Waits, at most ten seconds, until something holds.
#[track_caller]
fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::yield_now();
    }
}

fn killing_the_caller_leaves_no_process() {
    let sleep = unique_sleep();
    let mut caller = Command::new(std::env::current_exe().unwrap()).args(["sleeper", &sleep]).spawn().unwrap();
    let sleeping = || processes_with(&sleep).iter().filter(|line| line.starts_with("sleep")).count();
    wait_until("the sandbox sleeps", || sleeping() == 2);
    caller.kill().unwrap();
    caller.wait().unwrap();
    let helper = format!("{}\0__sandbox", std::env::current_exe().unwrap().display());
    wait_until("no process is left", || processes_with(&sleep).is_empty() && processes_with(&helper).is_empty());
}

/// Those of go, python3 and node that this machine has.
fn host_toolchains_run_in_the_sandbox() {
    let path = std::env::var_os("PATH").unwrap();
    let env = Surroundings::VARIABLES.iter().filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?)));
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let surroundings =
        Surroundings { path, home, directory: "/".into(), env: env.collect(), helper: "/bin/true".into() };
    for (program, script) in [
        ("go", "go version | cut -c-10; go env GOROOT > /dev/null; gofmt < /dev/null"),
        ("python3", "python3 -c 'import sys, ssl; print(sys.version_info.major)'; python -V >/dev/null"),
        ("node", "node -p '1 + 1'"),
    ] {
        if which_all(program, &surroundings.path).is_empty() {
            continue;
        }
        let need = Need::Host { toolchain: "t".into(), programs: vec![program.into()] };
        let needs = BTreeSet::from([Need::Base, Need::GoCache, need.clone()]);
        let resolved = tools::resolve(&needs, &surroundings, &[]).unwrap();
        let start = Instant::now();
        let again = tools::resolve(&needs, &surroundings, &resolved.remember.unwrap_or_default()).unwrap();
        println!("   {program}: a warm answer takes {:?}", start.elapsed());
        assert_eq!((again.remember, again.pins), (None, resolved.pins));
        let view = again.tools.view(&[need, Need::GoCache]);
        let path = format!("{TOOLCHAIN_BIN}:/usr/bin:/bin");
        let env = [("PATH", path.as_str()), ("HOME", "/tmp/home")].map(|(name, value)| (name.into(), value.into()));
        let spec = Spec { env: env.to_vec(), ..spec(&["sh", "-euc", script], view.to_mounts()) };
        let ran = run_spec(&spec, None, &|| false);
        assert_eq!(ran.result.unwrap().how, How::Exited(0), "{program}: {}", ran.output);
        let want = [("go", "go version\n"), ("python3", "3\n"), ("node", "2\n")];
        assert!(want.contains(&(program, ran.output.as_str())), "{program}: {}", ran.output);
    }
}

fn the_host_runner_keeps_the_same_promises() {
    let sleep = unique_sleep();
    let place = scratch();
    let run = |script: &str, timeout| {
        let argv = ["sh", "-c", script].map(String::from);
        let env = [("PATH".into(), "/usr/bin:/bin".into())];
        host::run(&Plain { argv: &argv, env: &env, directory: &place }, log(), timeout, &|| false)
    };
    assert_eq!(run("exit 7", None).unwrap().how, How::Exited(7));
    assert_eq!(run("kill -9 $$", None).unwrap().how, How::Signalled(9));
    assert_eq!(run(&format!("sleep {sleep} & exit 0"), None).unwrap().how, How::Exited(0));
    let soon = Some(Duration::from_millis(200));
    assert_eq!(run(&format!("trap '' TERM; sleep {sleep}"), soon).unwrap().how, How::TimedOut);
    wait_until("no process is left", || processes_with(&sleep).is_empty());
    let missing =
        host::run(&Plain { argv: &["/no/such".to_owned()], env: &[], directory: &place }, log(), None, &|| false);
    assert!(matches!(missing, Err(SandboxError::Program { .. })), "{missing:?}");
    fs::remove_dir_all(place).unwrap();
}

/// Prints what an empty action costs, bare and in a sandbox: `cargo test --release --test sandbox -- measure 300`.
fn measure(count: u32) -> ! {
    let spec = spec(&["/usr/bin/true"], vec![]);
    let plain = Plain { argv: &spec.argv, env: &spec.env, directory: Path::new("/") };
    measure_one("bare", count, &|log| host::run(&plain, log, None, &|| false));
    measure_one("sandbox", count, &|log| sandbox().run(&spec, log, None, &|| false));
    std::process::exit(0)
}

fn measure_one(name: &str, count: u32, run: &dyn Fn(File) -> Result<Ended, SandboxError>) {
    let (log, before) = (log(), processor_time());
    let timed = |_| run(log.try_clone().unwrap()).unwrap().wall;
    let mut walls: Vec<Duration> = (0..count).map(timed).collect();
    walls.sort();
    let each = (processor_time() - before) / count;
    println!("{name}: wall median {:?}, processor time {each:?}", walls[walls.len() / 2]);
}

/// Returns the processor time of this process and its children, from /proc.
fn processor_time() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: u64 = fields[11..15].iter().map(|field| field.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}
