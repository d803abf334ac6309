//! What stops in the middle of a package leaves nothing that is half there.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};

use cache::Cache;
use exec::{Failure, Stopped};
use flate2::Compression;
use flate2::write::GzEncoder;
use model::{Assembly, Content, Digest, RelPath};
use testkit::tar::{member, tar};

const STORE: &str = "RG_TEST_STORE";

/// How many lines a file of a package has: 4 MB in all are more than a small disk holds.
const LARGE: usize = 2500;
const SMALL: usize = 100;

/// Packs a tarball of 200 files, different for each number.
fn tarball(number: usize, lines: usize) -> Vec<u8> {
    let file = |file: usize| {
        let body = format!("{number} {file}\n").repeat(lines);
        member(&format!("package/d{}/{file}", file % 7), b'0', body.as_bytes())
    };
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&tar(&(0..200).map(file).collect::<Vec<_>>())).unwrap();
    encoder.finish().unwrap()
}

fn unpack(cache: &Cache, tarball: &[u8]) -> Result<Digest, Stopped> {
    let digest = cache.put_bytes(tarball).unwrap();
    let input = (RelPath::new("node_modules/a").unwrap(), Content::File { digest, executable: false });
    exec::assemble(Assembly::NpmTarballs, &Digest::of(b""), &[input], &[], cache, cache.draft().ok())
}

/// Unpacks again, where something may have been left, and finds a tree that is whole.
fn check_recovers(dir: &Path, tarball: &[u8]) {
    let cache = Cache::at(dir.to_owned(), 1 << 40);
    let verified = cache.verify().unwrap();
    assert!(verified.is_clean(), "{verified:?}");
    let root = unpack(&cache, tarball).unwrap();
    let files = crate::setup::files(&cache.assemble(&root).unwrap());
    assert_eq!(files.len(), 200);
    let fresh = tempfile::tempdir().unwrap();
    assert_eq!(unpack(&Cache::at(fresh.path().to_owned(), 1 << 40), tarball).unwrap(), root);
}

/// The victim: not a test of its own. Without a store it does nothing.
#[test]
#[expect(clippy::disallowed_methods, reason = "a process of its own is told by its environment which store it has")]
fn victim() {
    let Some(dir) = std::env::var_os(STORE) else { return };
    let cache = Cache::at(dir.into(), 1 << 40);
    for number in 0..1000 {
        let tarball = tarball(number, SMALL);
        println!("\nbegins {number}");
        std::io::stdout().flush().unwrap();
        let root = unpack(&cache, &tarball).unwrap();
        cache.assemble(&root).unwrap();
    }
}

#[test]
fn a_kill_in_the_middle_of_a_package_leaves_nothing_half_there() {
    let dir = tempfile::tempdir().unwrap();
    for last in [0, 1, 3] {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "faults::victim", "--nocapture"])
            .env(STORE, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let want = format!("begins {last}");
        assert!(lines.any(|line| line.unwrap() == want));
        child.kill().unwrap();
        child.wait().unwrap();
        check_recovers(dir.path(), &tarball(last, SMALL));
    }
}

#[test]
fn a_package_that_ends_too_early_leaves_no_tree() {
    let dir = tempfile::tempdir().unwrap();
    let whole = tarball(0, SMALL);
    let cache = Cache::at(dir.path().to_owned(), 1 << 40);
    let stopped = unpack(&cache, &whole[..whole.len() / 2]);
    assert!(matches!(stopped, Err(Stopped::Failed(Failure::BadArchive { .. }))), "{stopped:?}");
    drop(cache);
    check_recovers(dir.path(), &whole);
}

/// Unmounts at the end.
struct Mounted<'a>(&'a Path);

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

fn mount(options: &str, at: &Path) -> bool {
    let words = ["-t", "tmpfs", "-o", options, "tmpfs"];
    Command::new("mount").args(words).arg(at).status().is_ok_and(|status| status.success())
}

#[test]
fn a_full_disk_in_the_middle_of_a_package_is_named_and_leaves_nothing_half_there() {
    let dir = tempfile::tempdir().unwrap();
    let is_root = std::fs::metadata("/proc/self").unwrap().uid() == 0;
    if !is_root || !mount("size=2m", dir.path()) {
        println!("left out, because only root can mount a small file system");
        return;
    }
    let _mounted = Mounted(dir.path());
    let cache = Cache::at(dir.path().to_owned(), 1 << 40);
    let stopped = unpack(&cache, &tarball(0, LARGE));
    let Err(Stopped::Failed(Failure::Store(why))) = stopped else { panic!("{stopped:?}") };
    assert!(why.contains("No space left"), "{why}");
    drop(cache);
    assert!(mount("remount,size=64m", dir.path()));
    check_recovers(dir.path(), &tarball(0, LARGE));
}
