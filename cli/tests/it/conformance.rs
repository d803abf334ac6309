//! What every executor promises: one list of sentences, run for each rung of the ladder. What a rung cannot do it refuses
//! with exit code 36, and the list checks that, too.

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, lchown};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};

use testkit::container;
use testkit::engine::Engine;
use testkit::image::{Image, busybox};
use testkit::workspace::{Run, Workspace, processes, tree, wait_until};

use crate::environment;

/// A way to run actions, and where rg is when it does.
pub struct Rung {
    /// What `--executor` calls it.
    pub executor: &'static str,
    /// What it is used in.
    pub place: Place,
    /// The sentences that it refuses, by their targets.
    pub refuses: &'static [&'static str],
}

/// Where rg runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// On this machine, as root.
    Root,
    /// On this machine, as a user without rights.
    PlainUser,
    /// In a container with Docker's default privileges, as root.
    Container,
    /// On this machine, as root, beside a Docker of its own.
    Docker,
    /// On this machine, as root, beside a Podman of its own.
    Podman,
}

/// A rung for each executor that shares its results with the others.
const NATIVE: Rung = Rung { executor: "native", place: Place::Root, refuses: &[] };
const NATIVE_AS_A_PLAIN_USER: Rung = Rung { executor: "native", place: Place::PlainUser, refuses: &[] };
pub const CHROOT_LITE: Rung =
    Rung { executor: "chroot-lite", place: Place::Container, refuses: &["secret", "cache", "machine"] };

const DOCKER: Rung = Rung { executor: "engine", place: Place::Docker, refuses: &["machine"] };
const PODMAN: Rung = Rung { executor: "engine", place: Place::Podman, refuses: &["machine"] };

#[test]
fn docker_keeps_all_promises() {
    conforms(&DOCKER);
}

#[test]
fn podman_keeps_all_promises() {
    conforms(&PODMAN);
}

#[test]
fn native_as_root_keeps_all_promises() {
    conforms(&NATIVE);
}

#[test]
fn native_as_a_plain_user_keeps_all_promises() {
    conforms(&NATIVE_AS_A_PLAIN_USER);
}

#[test]
fn chroot_lite_keeps_all_promises() {
    conforms(&CHROOT_LITE);
}

/// A promise: what an action does, and what is seen of it.
struct Sentence {
    /// The promise, for whoever reads of its breach.
    says: &'static str,
    /// The name of the target.
    target: &'static str,
    /// The script of the action, whose output is called `o`. PORT is one that answers, NUMBER one that nobody else has.
    run: &'static str,
    /// More of its definition.
    more: &'static str,
    sees: Sees,
}

/// What is seen of an action.
enum Sees {
    /// It succeeds with this text in `o`.
    Output(&'static str),
    /// It fails, and rg says this.
    Fails(&'static str),
}

const SENTENCES: &[Sentence] = &[
    Sentence {
        says: "what another action did to the same inputs is not seen",
        target: "unharmed",
        run: "cat in.txt also.txt > $OUT/o; ls >> $OUT/o",
        more: "inputs = [\"in.txt\", \"also.txt\", \":edits\"]",
        sees: Sees::Output("in\nalso\nalso.txt\nin.txt\nrg-out\n"),
    },
    Sentence {
        says: "an action that has run before, in the same call, could edit its inputs",
        target: "edits",
        run: "echo more >> in.txt; rm also.txt; echo x > new; cat in.txt > $OUT/o",
        more: "inputs = [\"in.txt\", \"also.txt\"]",
        sees: Sees::Output("in\nmore\n"),
    },
    Sentence {
        says: "what is not declared is not there",
        target: "undeclared",
        run: "ls -A . > $OUT/o; ls -d WORKSPACE /root/* /home/* /usr/bin /etc/os-release >> $OUT/o 2> /dev/null || true",
        more: "inputs = [\"in.txt\"]",
        sees: Sees::Output("in.txt\nrg-out\n"),
    },
    Sentence {
        says: "there is no network",
        target: "offline",
        run: "wget -q -T 5 -O - http://127.0.0.1:PORT/ > $OUT/o 2> /dev/null || echo unreachable > $OUT/o",
        more: "",
        sees: Sees::Output("unreachable\n"),
    },
    Sentence {
        says: "there is a network for what declares that it needs one",
        target: "online",
        run: "wget -q -O - http://127.0.0.1:PORT/ > $OUT/o",
        more: "network = true",
        sees: Sees::Output("answer\n"),
    },
    Sentence {
        says: "the user is 1000, and has no rights",
        target: "user",
        run: "(id -u; id -g; id -G; chown 0 in.txt || echo not chown; mknod n c 1 3 || echo not mknod) > $OUT/o 2> /dev/null",
        more: "inputs = [\"in.txt\"]",
        sees: Sees::Output("1000\n1000\n1000\nnot chown\nnot mknod\n"),
    },
    Sentence {
        says: "the root directory is the image's, and nobody changes it",
        target: "root",
        run: "for it in /x /etc/x /bin/x /etc/marker /dev/x; do (echo > $it) 2> /dev/null && echo wrote $it; done > $OUT/o; \
              cat /etc/marker >> $OUT/o",
        more: "",
        sees: Sees::Output("marked\n"),
    },
    Sentence {
        says: "an action finds nothing of what the one before left",
        target: "fresh",
        run: "ls -A /tmp /tmp/home /dev/shm /src > $OUT/o; echo $HOME >> $OUT/o",
        more: "inputs = [\":leaves\"]",
        sees: Sees::Output("/dev/shm:\n\n/src:\nrg-out\n\n/tmp:\nhome\n\n/tmp/home:\n/tmp/home\n"),
    },
    Sentence {
        says: "the action before could leave it",
        target: "leaves",
        run: "echo x > /tmp/left; echo x > $HOME/left; echo x > /dev/shm/left; echo x > /src/left; mkdir /tmp/d; \
              chmod 0 /tmp/d; echo done > $OUT/o",
        more: "",
        sees: Sees::Output("done\n"),
    },
    Sentence {
        says: "devices are those that programs expect, and both outputs can be opened by name",
        target: "devices",
        run: "head -c 3 /dev/zero | wc -c | tr -d ' ' > $OUT/o; head -c 2 /dev/urandom | wc -c | tr -d ' ' >> $OUT/o; \
              echo x > /dev/null; wc -c < /dev/null | tr -d ' ' >> $OUT/o; echo e > /dev/stderr; echo o > /dev/stdout",
        more: "",
        sees: Sees::Output("3\n2\n0\n"),
    },
    Sentence {
        says: "an exit code is told",
        target: "exits",
        run: "exit 7",
        more: "",
        sees: Sees::Fails("exit code 7"),
    },
    Sentence {
        says: "a signal is told",
        target: "killed",
        run: "kill -9 $$",
        more: "",
        sees: Sees::Fails("ended by signal 9"),
    },
    Sentence {
        says: "an output that is not made is told",
        target: "nothing",
        run: "true",
        more: "",
        sees: Sees::Fails("`o` was not made"),
    },
    Sentence {
        says: "modes and links of outputs are kept",
        target: "modes",
        run: "echo x > $OUT/o; chmod 700 $OUT/o; mkdir $OUT/d; echo y > $OUT/d/f; chmod 640 $OUT/d/f; ln -s ../o $OUT/d/l",
        more: "outputs = [\"o\", \"d/\"]",
        sees: Sees::Output("x\n"),
    },
    Sentence {
        says: "a process that is left behind ends with its action",
        target: "stray",
        run: "(setsid sleep NUMBER &) ; (trap '' TERM HUP; sleep NUMBER) & echo x > $OUT/o",
        more: "",
        sees: Sees::Output("x\n"),
    },
    Sentence {
        says: "what takes too long is ended, with all that it started",
        target: "slow",
        run: "setsid sleep NUMBER & sleep NUMBER; echo x > $OUT/o",
        more: "timeout = 1",
        sees: Sees::Fails("timed out after 1 s"),
    },
    Sentence {
        says: "beyond its memory an action fails, even if its shell goes on",
        target: "greedy",
        run: "dd if=/dev/zero of=/dev/null bs=300M count=1 || true; echo x > $OUT/o",
        more: "memory = \"64MiB\"",
        sees: Sees::Fails("out of memory"),
    },
    Sentence {
        says: "a secret is seen and masked",
        target: "secret",
        run: "head -c 6 /run/secrets/TOKEN > $OUT/o; cat /run/secrets/TOKEN",
        more: "secrets = [\"TOKEN\"]",
        sees: Sees::Output("canary"),
    },
    Sentence {
        says: "a cache mount can be written to",
        target: "cache",
        run: "echo x > /cache/kept/f; cat /cache/kept/f > $OUT/o",
        more: "cache_mounts = { kept = \"/cache/kept\" }",
        sees: Sees::Output("x\n"),
    },
    Sentence {
        says: "an action that names no toolchain stands on this machine's base system",
        target: "machine",
        run: "test -x /usr/bin/env; echo x > $OUT/o",
        more: "toolchain = \"\"",
        sees: Sees::Output("x\n"),
    },
];

const SETTINGS: &str =
    "[workspace]\nname = \"it\"\n[toolchain.box]\nimage = \"oci-layout:image\"\n[secrets.TOKEN]\nenv = \"TOKEN\"\n";
const SECRET: &str = "canary-8812-value";

/// Checks all sentences on a rung, and that its results are those of the native sandbox.
fn conforms(rung: &Rung) {
    let Some(world) = World::new(rung) else { return };
    for sentence in SENTENCES {
        let run = world.rg(&["build", "-v", &format!("//:{}", sentence.target)]);
        let told = format!("{} ({})\n{run}", sentence.says, rung.executor);
        assert!(!told.contains(SECRET), "{told}");
        match sentence.sees {
            _ if rung.refuses.contains(&sentence.target) => {
                assert!(
                    run.code == 36
                        && run.err.contains(rung.executor)
                        && run.err.contains("use ") | run.err.contains("give "),
                    "{told}"
                );
            }
            Sees::Output(text) => {
                assert!(run.code == 0, "{told}");
                assert_eq!(world.workspace.read(&format!("rg-out/{}/o", sentence.target)), text, "{told}");
            }
            Sees::Fails(why) => assert!(run.code == 1 && run.err.contains(why), "{told}"),
        }
        let left = processes(&world.number);
        assert!(left.is_empty(), "{left:?} are left: {told}");
    }
    assert_eq!(world.workspace.read("in.txt"), "in\n", "the source is harmed");
    world.rg(&["cache", "verify"]).ok();
    is_cancelled(&world);
    shares_its_results(&world);
}

/// An interrupt ends an action with all that it started.
fn is_cancelled(world: &World<'_>) {
    world.workspace.write(
        "c/BUILD.toml",
        format!("[command.c]\nrun = \"setsid sleep {0} & sleep {0}\"\ntoolchain = \"box\"\n", world.number),
    );
    let mut child = world.start(&["build", "//c"]);
    wait_until("the action sleeps", || processes(&format!("sleep\0{}", world.number)).len() >= 2);
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(8));
    assert!(processes(&format!("sleep\0{}", world.number)).is_empty());
    world.workspace.remove("c");
}

/// The native sandbox runs nothing of what this rung made, and makes the same of it elsewhere, where the rung runs
/// nothing in turn.
fn shares_its_results(world: &World<'_>) {
    let can = |sentence: &&Sentence| {
        matches!(sentence.sees, Sees::Output(_)) && !world.rung.refuses.contains(&sentence.target)
    };
    let targets: Vec<String> = SENTENCES.iter().filter(can).map(|it| format!("//:{}", it.target)).collect();
    let words: Vec<&str> = ["build"].into_iter().chain(targets.iter().map(String::as_str)).collect();
    world.rg(&words).ok().runs(0);
    let native =
        World { rung: &NATIVE, number: world.number.clone(), workspace: world.workspace.elsewhere(), engine: None };
    native.rg(&words).ok().runs(targets.len().try_into().unwrap());
    assert_eq!(native.workspace.delivered(), world.workspace.delivered(), "{}", world.rung.executor);
    // One remembers what it did, so they meet in the cache without what is remembered.
    for cache in [native.workspace.cache(), world.workspace.cache()] {
        tree(&cache, &[])
            .into_keys()
            .filter(|it| it.contains("memory/"))
            .for_each(|it| drop(fs::remove_file(cache.join(it))));
    }
    let engine = world.engine.clone();
    let there = World { rung: world.rung, number: String::new(), workspace: native.workspace, engine };
    there.rg(&words).ok().runs(0);
    World { rung: &NATIVE, ..there }.rg(&words).ok().runs(0);
}

/// A workspace with all sentences, and where its rung is.
struct World<'a> {
    rung: &'a Rung,
    workspace: Workspace,
    number: String,
    engine: Option<Rc<Engine>>,
}

impl World<'_> {
    /// Makes the workspace; `None` where something that it needs is missing, which is told.
    fn new(rung: &Rung) -> Option<World<'_>> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        if !environment::is_root("conformance of executors") || !environment::has("busybox") {
            return None;
        }
        let tool = match rung.place {
            Place::Root => "sh",
            Place::PlainUser => "setpriv",
            Place::Container => "runc",
            Place::Docker => "dockerd",
            Place::Podman => "podman",
        };
        if !environment::has(tool) {
            return None;
        }
        let engine = match rung.place {
            Place::Docker => Some(Engine::docker()),
            Place::Podman => Some(Engine::podman()),
            Place::Root | Place::PlainUser | Place::Container => None,
        };
        let engine = engine.transpose().unwrap().map(Rc::new);
        let number = format!("8{}.{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let port = answering().to_string();
        let workspace = crate::workspace(&[("workspace.toml", SETTINGS), ("in.txt", "in\n"), ("also.txt", "also\n")]);
        workspace.write("undeclared.txt", "x\n");
        let marker = testkit::tar::tar(&[
            testkit::tar::member("etc/", b'5', b""),
            testkit::tar::member("etc/marker", b'0', b"marked\n"),
        ]);
        Image::of(&[busybox()?, marker]).write(&workspace.path("image"));
        let place = workspace.path("").display().to_string();
        let define = |sentence: &Sentence| {
            let run = sentence.run.replace("PORT", &port).replace("NUMBER", &number).replace("WORKSPACE", &place);
            let or =
                |name: &str, line: &str| if sentence.more.contains(name) { String::new() } else { format!("{line}\n") };
            let (outputs, toolchain) = (or("outputs", "outputs = [\"o\"]"), or("toolchain", "toolchain = \"box\""));
            let more = sentence.more.replace("toolchain = \"\"", "");
            format!("[command.{}]\nrun = {}\n{more}\n{outputs}{toolchain}", sentence.target, serde_json::json!(run))
        };
        workspace.write("BUILD.toml", SENTENCES.iter().map(define).collect::<String>());
        workspace.rg(&["lock"]).ok();
        Some(World { rung, workspace, number, engine })
    }

    fn rg(&self, words: &[&str]) -> Run {
        Run::of(words, self.command(words).output().unwrap())
    }

    fn start(&self, words: &[&str]) -> Child {
        self.command(words).spawn().unwrap()
    }

    /// Returns the call of rg where the rung is.
    fn command(&self, words: &[&str]) -> Command {
        let mut plain = self.workspace.command(words);
        plain.env("TOKEN", SECRET).env("RG_EXECUTOR", self.rung.executor);
        plain.envs(self.engine.iter().map(|engine| ("DOCKER_HOST", engine.host())));
        let room = self.workspace.beside("");
        let mut command = match self.rung.place {
            Place::Root | Place::Docker | Place::Podman => return plain,
            Place::Container => container::around(&plain, &room, &[]),
            Place::PlainUser => as_a_plain_user(&plain, &room),
        };
        command.current_dir(self.workspace.path("")).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

/// Returns a port of this machine where whoever asks for a page is given one.
fn answering() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut asking in listener.incoming().flatten() {
            let _ = asking.read(&mut [0; 1024]);
            let _ = asking.write_all(b"HTTP/1.0 200 OK\r\n\r\nanswer\n");
        }
    });
    port
}

/// Gives all of a room to a user without rights, who does what `command` does.
fn as_a_plain_user(command: &Command, room: &Path) -> Command {
    const NOBODY: Option<u32> = Some(65534);
    let program = room.join("rg");
    if !program.exists() {
        // Such a user reaches no program of root's.
        fs::copy(command.get_program(), &program).unwrap();
    }
    fs::set_permissions(room, Permissions::from_mode(0o755)).unwrap();
    fs::create_dir_all(room.join("cache")).unwrap();
    let all = tree(room, &[]).into_keys().map(|it| room.join(it)).chain([room.to_owned()]);
    all.for_each(|it| lchown(it, NOBODY, NOBODY).unwrap());
    let mut plain = Command::new("setpriv");
    plain.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(program).args(command.get_args()).env_clear();
    plain.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    plain
}
