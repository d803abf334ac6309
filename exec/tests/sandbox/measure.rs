//! What an empty action costs.

use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use exec::host::{self, Plain};
use exec::sandbox::{Ended, SandboxError};

use crate::fixture::{log, sandbox, spec};

/// Prints what an empty action costs, bare and in a sandbox: `cargo test --release --test sandbox -- measure 300`.
pub fn measure(count: u32) -> ! {
    let spec = spec(&["/usr/bin/true"], vec![]);
    let plain = Plain { argv: &spec.argv, env: &spec.env, directory: Path::new("/") };
    measure_one("bare", count, &|log| host::run(&plain, log, None, &|| false));
    measure_one("sandbox", count, &|log| sandbox().run(&spec, log, None, &|| false));
    std::process::exit(0)
}

pub fn measure_one(name: &str, count: u32, run: &dyn Fn(File) -> Result<Ended, SandboxError>) {
    let (log, before) = (log(), processor_time());
    let timed = |_| run(log.try_clone().unwrap()).unwrap().wall;
    let mut walls: Vec<Duration> = (0..count).map(timed).collect();
    walls.sort();
    let each = (processor_time() - before) / count;
    println!("{name}: wall median {:?}, processor time {each:?}", walls[walls.len() / 2]);
}

/// Returns the processor time of this process and its children, from /proc.
pub fn processor_time() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: u64 = fields[11..15].iter().map(|field| field.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}
