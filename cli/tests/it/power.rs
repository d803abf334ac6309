//! Power that goes: what had not reached the disk of the cache is lost, and the next build is right.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use testkit::workspace::{Run, Workspace, wait_until};

use crate::environment;
use crate::faults::{Mount, busy, check_recovers};

/// Ends an ext4 file system as a power loss does, its journal not written: the ioctl EXT4_IOC_SHUTDOWN, called by a
/// program that every Linux has, since rg's own tests call no kernel.
fn cut_power(mounted: &Path) {
    let line = "open(F, '<', $ARGV[0]) or die $!; my $n = pack('L', 2); ioctl(F, 0x8004587d, $n) or die $!";
    let done = Command::new("perl").args(["-e", line]).arg(mounted).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// Makes a disk in a file and mounts it as the cache; `None` where that is impossible.
fn disk(workspace: &Workspace) -> Option<String> {
    if !Path::new("/dev/loop-control").exists() {
        println!("left out, because there are no loop devices");
        return None;
    }
    let image = workspace.beside("disk");
    std::fs::File::create(&image).and_then(|file| file.set_len(48 << 20)).unwrap();
    let made = Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&image).status().unwrap();
    assert!(made.success());
    Some(image.display().to_string())
}

#[test]
fn after_the_power_went_at_any_moment_the_next_build_is_right() {
    if !environment::is_root("a disk is mounted") || !environment::has("perl") {
        return;
    }
    let workspace = busy();
    let (cache, Some(image)) = (workspace.cache(), disk(&workspace)) else { return };
    let Some(mut mount) = Mount::new(&["-o", "loop", &image], &cache) else { return };
    let began = Instant::now();
    workspace.build(&[]);
    let whole = began.elapsed();
    let rounds = if environment::is_ci() { 40 } else { 8 };
    for round in 0..rounds {
        workspace.write("p/in.txt", format!("x{round}\n"));
        if round % 2 == 0 {
            workspace.remove("rg-out");
        }
        let words = ["build", "//..."];
        let child = workspace.start(&words);
        let at = whole.mul_f64(f64::from(round + 1) / f64::from(rounds));
        wait(at);
        cut_power(&cache);
        // It may have ended before; if not, it says what it could not do.
        Run::of(&words, child.wait_with_output().unwrap());
        drop(mount);
        mount = mounted_again(&image, &cache);
        check_recovers(&workspace, &format!("the power went after {at:?}"));
    }
    drop(mount);
}

/// Mounts the disk anew. As long as any namespace of the machine (of a sandbox of another test) still shows the old
/// mount, a new one is the same file system, with its power cut.
fn mounted_again<'a>(image: &str, cache: &'a Path) -> Mount<'a> {
    let mut fresh = None;
    wait_until("the disk is mounted anew", || {
        fresh = None;
        let mount = Mount::new(&["-o", "loop", image], cache).expect("it could be mounted before");
        fresh = std::fs::write(cache.join("probe"), "").is_ok().then_some(mount);
        fresh.is_some()
    });
    fresh.expect("it was waited for")
}

/// Waits as exactly as it can.
fn wait(time: Duration) {
    let began = Instant::now();
    while began.elapsed() < time {
        std::hint::spin_loop();
    }
}
