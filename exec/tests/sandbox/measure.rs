//! What an empty action costs.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use exec::host::{self, Plain};
use exec::sandbox::{Ended, Sandbox, SandboxError, Spec, image_mounts};
use model::Network;
use rustix::process::{WaitOptions, getpid, set_child_subreaper, wait};

use crate::fixture::{log, sandbox, scratch, spec};

/// Prints what an empty action costs, bare and in a sandbox, and on the root directory of an image in a sandbox and in
/// bubblewrap: `cargo test --release -p exec --test sandbox -- measure 300 RG`, with the program rg as the helper.
pub fn measure(count: u32, helper: Option<&String>) -> ! {
    // Bubblewrap does not wait for its own process 1, whose time would be nobody's.
    set_child_subreaper(Some(getpid())).unwrap();
    // One for each line: what stands ready for it has to end before its time is known.
    let in_sandbox = |spec| {
        let sandbox = helper.map_or_else(sandbox, |helper| Sandbox::new(helper.into()));
        move |log| sandbox.run(&spec, log, None, &|| false)
    };
    let spec = spec(&["/usr/bin/true"], vec![]);
    let plain = |argv| Plain { argv, env: &spec.env, directory: Path::new("/") };
    measure_one("bare", count, |log| host::run(&plain(&spec.argv), log, None, &|| false));
    measure_one("sandbox", count, in_sandbox(spec.clone()));
    let root = image();
    let argv = vec!["/bin/true".to_owned()];
    let on_image = Spec { root: Some(root.clone()), mounts: image_mounts(Network::None), argv, ..spec.clone() };
    measure_one("sandbox on an image", count, in_sandbox(on_image));
    let words = "--proc /proc --dev /dev --tmpfs /tmp --unshare-all --uid 1000 --die-with-parent /bin/true";
    let root = root.to_str().unwrap().to_owned();
    let argv = ["/usr/bin/bwrap", "--ro-bind", &root, "/"].into_iter().chain(words.split(' ')).map(str::to_owned);
    let argv: Vec<String> = argv.collect();
    measure_one("bubblewrap on an image", count, |log| host::run(&plain(&argv), log, None, &|| false));
    std::process::exit(0)
}

/// Returns a root directory with one program.
fn image() -> PathBuf {
    let root = scratch();
    ["bin", "proc", "dev", "tmp", "etc"].iter().for_each(|name| fs::create_dir(root.join(name)).unwrap());
    fs::copy("/usr/bin/busybox", root.join("bin/true")).unwrap();
    root
}

fn measure_one(name: &str, count: u32, run: impl Fn(File) -> Result<Ended, SandboxError>) {
    let (log, before) = (log(), processor_time());
    let timed = |_| run(log.try_clone().unwrap()).unwrap().wall;
    let mut walls: Vec<Duration> = (0..count).map(timed).collect();
    walls.sort();
    drop(run);
    while wait(WaitOptions::empty()).is_ok() {}
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
