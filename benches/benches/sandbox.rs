//! What it costs to start a program: bare, in a sandbox, and in a sandbox with a tree that it may scribble on.
//! Has a main of its own, because a sandbox's helper is the program that asks for one.

use std::path::{Path, PathBuf};
use std::process::Command;

use criterion::{Criterion, criterion_group};
use exec::sandbox::{Mount, Sandbox, Spec, Streams, Way, base_mounts, main_if_zygote};
use model::Network;

fn spec(mounts: Vec<Mount>) -> Spec {
    let env = [("PATH", "/usr/bin:/bin"), ("HOME", "/tmp/home")];
    Spec {
        way: Way::Namespaces,
        root: None,
        mounts: base_mounts(Network::None).into_iter().chain(mounts).collect(),
        argv: vec!["/usr/bin/true".to_owned()],
        env: env.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        directory: "/".to_owned(),
        network: Network::None,
        memory_bytes: None,
        hidden: Vec::new(),
        streams: Streams::Log,
        scribble: None,
        resumes: false,
    }
}

fn helper() -> PathBuf {
    std::env::current_exe().expect("the program of a process has a path")
}

fn start(criterion: &mut Criterion) {
    let (sandbox, inputs) = (Sandbox::new(helper()), tempfile::tempdir().expect("a directory can be made"));
    let log = tempfile::tempfile().expect("a file can be made");
    std::fs::write(inputs.path().join("in.txt"), "x\n").expect("the directory is ours");
    let overlay = Mount::Overlay { lower: inputs.path().to_owned(), at: "/src".to_owned() };
    let mut group = criterion.benchmark_group("start of a program");
    group.bench_function("bare", |bencher| {
        bencher.iter(|| Command::new("/usr/bin/true").status().expect("it is installed"));
    });
    for (name, spec) in [("in a sandbox", spec(Vec::new())), ("in a sandbox with a tree", spec(vec![overlay]))] {
        group.bench_function(name, |bencher| {
            let log = || log.try_clone().expect("a file can be opened twice");
            bencher.iter(|| sandbox.run(&spec, log(), None, &|| false).expect("this machine makes sandboxes"));
        });
    }
    group.finish();
}

/// Starts a program on the root directory of an image, as rg does and as bubblewrap does.
fn start_on_image(criterion: &mut Criterion) {
    let places = ["/bin/busybox", "/usr/bin/busybox"];
    let Some(busybox) = places.iter().find(|place| Path::new(place).is_file()) else {
        println!("left out, because this machine has no static busybox");
        return;
    };
    let root = tempfile::tempdir().expect("a directory can be made");
    for directory in ["bin", "proc", "dev", "tmp"] {
        std::fs::create_dir(root.path().join(directory)).expect("the directory is ours");
    }
    std::fs::copy(busybox, root.path().join("bin/true")).expect("the directory is ours");
    let on_image = Spec {
        root: Some(root.path().to_owned()),
        mounts: Vec::new(),
        argv: vec!["/bin/true".to_owned()],
        ..spec(Vec::new())
    };
    let (sandbox, log) = (Sandbox::new(helper()), tempfile::tempfile().expect("a file can be made"));
    let mut group = criterion.benchmark_group("start of a program on an image");
    group.bench_function("in a sandbox", |bencher| {
        let log = || log.try_clone().expect("a file can be opened twice");
        bencher.iter(|| sandbox.run(&on_image, log(), None, &|| false).expect("this machine makes sandboxes"));
    });
    let bubblewrap = || {
        let mut command = Command::new("bwrap");
        command.arg("--ro-bind").arg(root.path()).arg("/").args(["--proc", "/proc", "--dev", "/dev"]);
        command.args(["--tmpfs", "/tmp", "--unshare-all", "--uid", "1000", "--die-with-parent", "/bin/true"]);
        command
    };
    if bubblewrap().status().is_ok_and(|status| status.success()) {
        group.bench_function("in bubblewrap", |bencher| {
            bencher.iter(|| bubblewrap().status().expect("it has just run"));
        });
    }
    group.finish();
}

criterion_group!(sandboxes, start, start_on_image);

fn main() {
    main_if_zygote();
    if (Sandbox::new(helper())).probe().is_err() {
        println!("left out, because this machine makes no sandbox");
        return;
    }
    sandboxes();
    Criterion::default().configure_from_args().final_summary();
}
