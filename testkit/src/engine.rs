//! Container engines of the tests' own: on private sockets, in private directories, ended with the test program.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long an engine may take until it answers.
const PATIENCE: Duration = Duration::from_secs(60);

/// A user who owns nothing.
pub const NOBODY: u32 = 65534;

/// Ends the engine, by its process id, when the pipe closes; that happens when the test program ends, however it does.
const GUARD: &str = r#"
"$@" </dev/null >"$ROOM/log" 2>&1 &
engine=$!
echo "$engine"
read -r line
kill "$engine" 2>/dev/null
wait "$engine"
# What it started may outlive it.
for process in /proc/[0-9]*; do
    number=${process#/proc/}
    if [ "$number" != $$ ] && grep -qa "$ROOM" "$process/cmdline" 2>/dev/null; then kill -9 "$number"; fi
done
grep -o "$ROOM[^ ]*" /proc/mounts | sort -r | while read -r place; do umount -l "$place"; done
cd / && rm -rf "$ROOM"
"#;

/// An engine that runs.
pub struct Engine {
    /// What tests call it.
    pub name: &'static str,
    /// Its socket.
    pub socket: PathBuf,
    /// Its process.
    pub process: u32,
    /// Holds the guard's pipe.
    _guard: Child,
}

impl Engine {
    /// Starts Docker, or says why this machine cannot.
    pub fn docker() -> Result<Engine, String> {
        let room = room("dockerd")?;
        let (data, exec, pid) = (at(&room, "data"), at(&room, "exec"), at(&room, "pid"));
        let host = format!("unix://{}", at(&room, "socket"));
        let words = ["dockerd", "--data-root", &data, "--exec-root", &exec, "--pidfile", &pid, "-H", &host];
        Engine::start("docker", &room, &[&words[..], &["--iptables=false", "--bridge=none"]].concat())
    }

    /// Starts Podman as root, or says why this machine cannot.
    pub fn podman() -> Result<Engine, String> {
        let room = room("podman")?;
        let settings = "[containers]\ndefault_ulimits=[\"nofile=1024:1024\",\"nproc=1024:1024\"]\n[engine]\nruntime=\"runc\"\nexit_command_delay=0\n";
        settle(&room, settings);
        let (root, run, host) = (at(&room, "storage"), at(&room, "run"), format!("unix://{}", at(&room, "socket")));
        let words = ["podman", "--root", &root, "--runroot", &run, "system", "service", "--time=0", &host];
        Engine::start("podman", &room, &words)
    }

    /// Starts Podman as a plain user who may have no second user, or says why this machine cannot. It answers, and can
    /// run nothing.
    pub fn podman_of_nobody() -> Result<Engine, String> {
        let room = room("podman")?;
        settle(&room, "[engine]\nruntime=\"runc\"\n");
        std::os::unix::fs::chown(&room, Some(NOBODY), Some(NOBODY)).expect("root gives it away");
        let (root, run, host) = (at(&room, "storage"), at(&room, "run"), format!("unix://{}", at(&room, "socket")));
        let user = format!("--reuid={NOBODY}");
        let group = format!("--regid={NOBODY}");
        let own = [format!("HOME={}", room.display()), format!("XDG_RUNTIME_DIR={}", room.display())];
        let words = ["setpriv", &user, &group, "--clear-groups", "env", &own[0], &own[1], "podman", "--root", &root];
        let service = ["--runroot", &run, "system", "service", "--time=0", &host];
        Engine::start("rootless podman", &room, &[&words[..], &service].concat())
    }

    fn start(name: &'static str, room: &Path, words: &[&str]) -> Result<Engine, String> {
        let mut guard = Command::new("sh");
        guard.args(["-c", GUARD, "sh"]).args(words).env("ROOM", room);
        guard.env("CONTAINERS_CONF", room.join("containers.conf")).current_dir(room);
        let mut guard = guard.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a shell starts");
        let mut line = Vec::new();
        let mut output = guard.stdout.take().expect("it is piped");
        let mut byte = [0];
        while output.read(&mut byte).is_ok_and(|count| count == 1) && byte[0] != b'\n' {
            line.push(byte[0]);
        }
        let process = String::from_utf8_lossy(&line).parse().expect("the guard prints a process id");
        let engine = Engine { name, socket: room.join("socket"), process, _guard: guard };
        let began = Instant::now();
        while !engine.answers() {
            if began.elapsed() > PATIENCE {
                let log = fs::read_to_string(room.join("log")).unwrap_or_default();
                return Err(format!("{name} does not start: {log}"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(engine)
    }

    fn answers(&self) -> bool {
        self.ask("/_ping").is_some_and(|answer| answer.starts_with("HTTP/1.1 200"))
    }

    /// Asks the engine for something, and returns the whole answer.
    pub fn ask(&self, path: &str) -> Option<String> {
        let mut stream = UnixStream::connect(&self.socket).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: engine\r\nConnection: close\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    /// Makes an image of one layer.
    pub fn import(&self, name: &str, layer: &[u8]) {
        let mut stream = UnixStream::connect(&self.socket).expect("the engine listens");
        let path = format!("/v1.40/images/create?fromSrc=-&repo={name}");
        let kind = format!("Content-Type: application/x-tar\r\nContent-Length: {}", layer.len());
        write!(stream, "POST {path} HTTP/1.1\r\nHost: engine\r\n{kind}\r\nConnection: close\r\n\r\n")
            .expect("the engine takes it");
        stream.write_all(layer).expect("the engine takes it");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the engine answers");
        assert!(answer.starts_with("HTTP/1.1 200") && !answer.contains("\"error\""), "{answer}");
    }

    /// Returns how many containers of rg there are.
    pub fn containers(&self) -> usize {
        let answer = self.ask("/v1.40/containers/json?all=1").expect("the engine answers");
        answer.matches("\"rg.owner\"").count()
    }

    /// Returns the value of `DOCKER_HOST` that names it.
    pub fn host(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// Makes it reachable as an engine on another machine is: nothing is known but its address.
    pub fn elsewhere(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let host = format!("tcp://{}", listener.local_addr().expect("it is bound"));
        let socket = self.socket.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(engine) = UnixStream::connect(&socket) else { return };
                forward(client, engine);
            }
        });
        host
    }
}

/// Writes what Podman reads in place of this machine's own settings.
fn settle(room: &Path, settings: &str) {
    fs::write(room.join("containers.conf"), settings).expect("the room is ours");
}

fn at(room: &Path, name: &str) -> String {
    room.join(name).display().to_string()
}

fn forward(client: TcpStream, engine: UnixStream) {
    let (Ok(mut from_client), Ok(mut to_engine)) = (client.try_clone(), engine.try_clone()) else { return };
    let (mut to_client, mut from_engine) = (client, engine);
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from_client, &mut to_engine);
        let _ = to_engine.shutdown(Shutdown::Write);
    });
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from_engine, &mut to_client);
        let _ = to_client.shutdown(Shutdown::Write);
    });
}

/// Makes the directory of an engine, if this machine has the program and lets us start it.
fn room(program: &str) -> Result<PathBuf, String> {
    let directories = ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"];
    if !directories.iter().any(|directory| Path::new(directory).join(program).exists()) {
        return Err(format!("{program} is not installed"));
    }
    if fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) != 0) {
        return Err(format!("only root starts {program}"));
    }
    Ok(tempfile::Builder::new().prefix("rg-engine-").tempdir().expect("a directory can be made").keep())
}
