//! Faults of the machine and of the cache: a build is slower then, never wronger, and the next one just works.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Command;

use testkit::workspace::{Node, Run, Workspace, remove, tree};

use crate::{environment, workspace};

/// Six actions in three levels, with directories, links and programs among their outputs.
pub fn busy() -> Workspace {
    let text = "[command.a]\nrun = \"cp in.txt $OUT/o; sleep 0.01\"\ninputs = [\"in.txt\"]\noutputs = [\"o\"]\n\
        [command.b]\nrun = \"mkdir -p $OUT/d/e; cp in.txt $OUT/d/e/f; ln -s e/f $OUT/d/l\"\ninputs = [\"in.txt\"]\noutputs = [\"d/\"]\n\
        [command.c]\nrun = \"cat $(location :a) in.txt > $OUT/o; chmod +x $OUT/o\"\ninputs = [\":a\", \"in.txt\"]\noutputs = [\"o\"]\n\
        [command.d]\nrun = \"cp -r $(location :b) $OUT/d\"\ninputs = [\":b\"]\noutputs = [\"d/\"]\n\
        [command.e]\nrun = \"cat $(location :c) $(location :d)/e/f > $OUT/o\"\ninputs = [\":c\", \":d\"]\noutputs = [\"o\"]\n\
        [test.t]\nrun = \"grep -q x $(location :e)\"\ninputs = [\":e\"]\n";
    workspace(&[("p/BUILD.toml", text), ("p/in.txt", "x\n")])
}

/// The next build is right without a reset, and nothing is damaged or left behind.
pub fn check_recovers(workspace: &Workspace, when: &str) {
    let clean = workspace.elsewhere();
    clean.build(&[]);
    let run = workspace.rg(&["build", "//..."]);
    assert!(run.code == 0, "{when}: {run}");
    assert_eq!(workspace.delivered(), clean.delivered(), "{when}");
    let verified = workspace.rg(&["cache", "verify"]);
    assert!(verified.code == 0, "{when}: {verified}");
    workspace.build(&[]).runs(0);
}

/// Leaves the cache as it was when nothing had been built.
pub fn forget(workspace: &Workspace) {
    remove(&workspace.cache());
    workspace.remove("rg-out");
}

#[test]
fn a_memory_file_that_is_damaged_in_any_way_counts_as_none() {
    let workspace = busy();
    workspace.build(&[]);
    let [path] = workspace.memory_files().try_into().unwrap();
    let good = fs::read(&path).unwrap();
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 1;
    let damaged: [&[u8]; 6] =
        [&[], &good[..7], &good[..good.len() / 2], &good[..good.len() - 1], &flipped, &[0xff; 4096]];
    for bytes in damaged {
        fs::write(&path, bytes).unwrap();
        workspace.build(&[]).runs(0);
        assert_ne!(fs::read(&path).unwrap(), bytes, "it is made anew");
    }
    remove(&path);
    fs::create_dir(&path).unwrap();
    workspace.build(&[]).runs(0);
}

#[test]
fn a_corrupt_blob_is_found_by_verify_and_made_again() {
    let workspace = busy();
    workspace.build(&[]);
    let blobs = workspace.stored("x\nx\n");
    assert!(!blobs.is_empty());
    for blob in &blobs {
        fs::set_permissions(blob, Permissions::from_mode(0o644)).unwrap();
        fs::write(blob, "x\nX\n").unwrap();
    }
    workspace.remove("rg-out");
    workspace.build(&[]);
    assert_eq!(workspace.read("rg-out/p/c/o"), "x\nx\n");
    for blob in workspace.stored("x\nx\n") {
        fs::set_permissions(&blob, Permissions::from_mode(0o644)).unwrap();
        fs::write(&blob, "x\nX\n").unwrap();
    }
    let run = workspace.rg(&["cache", "verify"]);
    assert_ne!(run.code, 0, "{run}");
    workspace.rg(&["cache", "verify"]).ok();
    check_recovers(&workspace, "after verify");
}

#[test]
fn a_database_with_bad_pages_is_a_miss_and_not_an_error() {
    let workspace = busy();
    workspace.build(&[]);
    let database = workspace.cache().join("v1/db.sqlite");
    let good = fs::read(&database).unwrap();
    for part in 0..6 {
        let mut bytes = good.clone();
        let (from, to) = (bytes.len() * part / 6, bytes.len() * (part + 1) / 6);
        bytes[from..to].fill(0x5a);
        fs::write(&database, &bytes).unwrap();
        workspace.memory_files().iter().for_each(|path| remove(path));
        workspace.remove("rg-out");
        check_recovers(&workspace, &format!("pages of part {part} are bad"));
    }
    for bytes in [&b""[..], b"not a database at all", &good[..100]] {
        fs::write(&database, bytes).unwrap();
        workspace.memory_files().iter().for_each(|path| remove(path));
        check_recovers(&workspace, "the database is another file");
    }
}

#[test]
fn a_cache_that_cannot_be_written_is_named() {
    let workspace = busy();
    let file = workspace.beside("file");
    fs::write(&file, "").unwrap();
    let below = file.join("cache");
    let run =
        workspace.rg_with(&["build", "-k", "-j2", "//..."], &[("RG_CACHE_DIR", below.to_str().unwrap())]).exits(36);
    assert_eq!(run.err.matches(file.to_str().unwrap()).count(), 1, "it is told once\n{run}");
    run.says(&["1 more action failed because the cache cannot be written"]);
    assert!(!workspace.has("rg-out/p"));
}

/// Mounts a file system, and unmounts it at the end.
pub struct Mount<'a>(&'a Path);

impl<'a> Mount<'a> {
    /// Mounts; `None`, with the reason, if this machine does not allow it.
    pub fn new(words: &[&str], at: &'a Path) -> Option<Mount<'a>> {
        fs::create_dir_all(at).unwrap();
        let done = Command::new("mount").args(words).arg(at).output().ok()?;
        if !done.status.success() {
            println!("left out: {}", String::from_utf8_lossy(&done.stderr));
        }
        done.status.success().then_some(Mount(at))
    }
}

impl Drop for Mount<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

#[test]
fn a_full_disk_fails_with_its_name_and_the_next_build_is_right() {
    if !environment::is_root("a small file system is mounted") {
        return;
    }
    let big = "[command.big]\nrun = \"head -c 3000000 /dev/urandom > $OUT/o\"\noutputs = [\"o\"]\n";
    for (size, files) in [("1500k", "0"), ("8m", "24")] {
        let workspace = busy();
        workspace.write("q/BUILD.toml", big);
        let cache = workspace.cache();
        let options = format!("size={size},nr_inodes={files}");
        let Some(mount) = Mount::new(&["-t", "tmpfs", "-o", &options, "tmpfs"], &cache) else { return };
        let run = workspace.rg(&["build", "-k", "//..."]);
        assert_ne!(run.code, 0, "{run}");
        run.says(&["the cache cannot be written", "No space left", "RG_CACHE_DIR"]);
        // As soon as there is room, all goes on in the same cache.
        let more = Command::new("mount").args(["-o", "remount,size=64m,nr_inodes=0"]).arg(&cache).status();
        if more.is_ok_and(|status| status.success()) {
            workspace.rg(&["build", "//..."]).ok();
            workspace.rg(&["cache", "verify"]).ok();
            assert_eq!(workspace.read("rg-out/p/e/o"), "x\nx\nx\n");
        }
        drop(mount);
    }
}

#[test]
fn a_read_only_cache_still_serves_what_it_has() {
    if !environment::is_root("a file system is mounted read-only") {
        return;
    }
    let workspace = busy();
    workspace.build(&[]);
    let cache = workspace.cache();
    let place = cache.to_str().unwrap().to_owned();
    let Some(_mount) = Mount::new(&["--bind", &place], &cache) else { return };
    assert!(Command::new("mount").args(["-o", "remount,bind,ro"]).arg(&cache).status().unwrap().success());
    workspace.build(&[]).runs(0);
    workspace.remove("rg-out");
    workspace.build(&[]).runs(0);
    assert_eq!(workspace.read("rg-out/p/e/o"), "x\nx\nx\n");
    workspace.rg(&["log", "//p:t"]);
    workspace.rg(&["cache", "stats"]).ok();
    workspace.write("p/in.txt", "x2\n");
    let run = workspace.rg(&["build", "-k", "//..."]).exits(36);
    assert_eq!(run.err.matches("ead-only file system").count(), 1, "it is told once\n{run}");
}

#[test]
fn a_plain_user_can_do_it_all() {
    if !environment::is_root("it gives a workspace to another user") {
        return;
    }
    let workspace = busy();
    let edit =
        "[command.e]\nrun = \"echo more >> in.txt; cp in.txt $OUT/o\"\ninputs = [\"in.txt\"]\noutputs = [\"o\"]\n";
    workspace.write("e/BUILD.toml", edit);
    workspace.write("e/in.txt", "x\n");
    let program = workspace.beside("rg");
    fs::copy(workspace.command(&[]).get_program(), &program).unwrap();
    fs::set_permissions(workspace.beside(""), Permissions::from_mode(0o755)).unwrap();
    fs::create_dir_all(workspace.cache()).unwrap();
    let give = |top: &Path| {
        let all = tree(top, &[]).into_keys().map(|it| top.join(it));
        all.chain([top.to_owned()]).for_each(|it| std::os::unix::fs::lchown(it, Some(65534), Some(65534)).unwrap());
    };
    give(&workspace.beside(""));
    chown(workspace.path(""), Some(65534), Some(65534)).unwrap();
    let words = ["--reuid", "65534", "--regid", "65534", "--clear-groups"];
    let call = |more: &[&str]| {
        let mut command = Command::new("setpriv");
        command.args(words).arg(&program).args(more).current_dir(workspace.path("")).env_clear();
        command.env("PATH", "/usr/bin:/bin").env("HOME", workspace.beside("home"));
        Run::of(more, command.env("RG_CACHE_DIR", workspace.cache()).output().unwrap())
    };
    call(&["build", "//..."]).ok().runs(6);
    assert_eq!(workspace.read("rg-out/e/e/o"), "x\nmore\n");
    call(&["test", "//..."]).ok().runs(1);
    // A directory that the user may not read is no part of the workspace, and is no reason to stop.
    fs::create_dir(workspace.path("secret")).unwrap();
    fs::set_permissions(workspace.path("secret"), Permissions::from_mode(0o700)).unwrap();
    call(&["build", "//..."]).ok().runs(0);
    // A source that may not be read is named.
    workspace.write("p/in.txt", "x3\n");
    chown(workspace.path("p/in.txt"), Some(0), Some(0)).unwrap();
    fs::set_permissions(workspace.path("p/in.txt"), Permissions::from_mode(0o600)).unwrap();
    let run = call(&["build", "//..."]);
    assert_ne!(run.code, 0, "{run}");
    run.says(&["p/in.txt"]);
}

#[test]
fn formats_of_other_versions_are_left_alone() {
    let workspace = busy();
    workspace.build(&[]);
    fs::create_dir_all(workspace.cache().join("v999/blobs")).unwrap();
    fs::write(workspace.cache().join("v999/db.sqlite"), "from the future").unwrap();
    fs::write(workspace.cache().join("note.txt"), "mine").unwrap();
    workspace.rg(&["cache", "gc"]).ok();
    workspace.rg(&["cache", "verify"]).ok();
    workspace.build(&[]).runs(0);
    assert_eq!(fs::read_to_string(workspace.cache().join("v999/db.sqlite")).unwrap(), "from the future");
    assert!(workspace.cache().join("note.txt").exists());
}

#[test]
fn builds_beside_collections_are_right() {
    let workspace = busy();
    workspace.write("workspace.toml", "[workspace]\nname = \"it\"\n[cache]\nmax_size = \"1KiB\"\n");
    for round in 0..6 {
        workspace.write("p/in.txt", format!("x{round}\n"));
        let words = ["build", "//..."];
        let builds: Vec<_> = (0..2).map(|_| workspace.start(&words)).collect();
        let collections: Vec<_> = (0..3).map(|_| workspace.start(&["cache", "gc"])).collect();
        for child in builds {
            Run::of(&words, child.wait_with_output().unwrap()).ok();
        }
        for child in collections {
            Run::of(&["cache", "gc"], child.wait_with_output().unwrap()).ok();
        }
        assert_eq!(workspace.read("rg-out/p/e/o"), format!("x{round}\n").repeat(3));
    }
    workspace.rg(&["cache", "verify"]).ok();
}

#[test]
fn nothing_is_written_but_outputs_and_the_cache() {
    let workspace = busy();
    let sources = || tree(&workspace.path(""), &["rg-out"]);
    let (before, links) = (sources(), |path: &str| fs::metadata(workspace.path(path)).unwrap());
    let changed = std::os::unix::fs::MetadataExt::ctime_nsec(&links("p/in.txt"));
    workspace.rg(&["test", "//..."]).ok();
    workspace.build(&[]);
    assert_eq!(sources(), before);
    assert_eq!(
        std::os::unix::fs::MetadataExt::ctime_nsec(&links("p/in.txt")),
        changed,
        "a source was touched or linked"
    );
    assert_eq!(tree(&workspace.beside("home"), &[]).len(), 0);
    assert_eq!(std::os::unix::fs::MetadataExt::nlink(&links("rg-out/p/a/o")), 1, "an output is linked to the store");
    // An action may edit its inputs in place, programs too; the store keeps what it has.
    let edit = "echo more >> in.txt; echo exit >> run.sh; cat in.txt > $OUT/o; ./run.sh; rm in.txt; mv run.sh x";
    workspace.write(
        "e/BUILD.toml",
        format!("[command.e]\nrun = \"{edit}\"\ninputs = [\"in.txt\", \"run.sh\"]\noutputs = [\"o\"]\n"),
    );
    workspace.write("e/in.txt", "x\n");
    workspace.put("e/run.sh", &Node::File { content: b"#!/bin/sh\n".to_vec(), mode: 0o755 });
    for round in ["--rerun", "--rerun"] {
        workspace.build(&["//e", round, "//e"]).runs(1);
        assert_eq!((workspace.read("rg-out/e/e/o"), workspace.read("e/in.txt")), ("x\nmore\n".into(), "x\n".into()));
    }
    workspace.rg(&["cache", "verify"]).ok();
    // Neither a scribbling action nor a user's edit of an output reaches the store.
    workspace.write("p/BUILD.toml", "[command.w]\nrun = \"echo evil > in.txt || true; echo 1 > $OUT/o\"\ninputs = [\"in.txt\"]\noutputs = [\"o\"]\n");
    workspace.build(&[]);
    workspace.write("rg-out/p/w/o", "evil");
    assert_eq!(workspace.read("p/in.txt"), "x\n");
    workspace.rg(&["cache", "verify"]).ok();
    let lock = workspace.delivered().into_iter().filter(|(_, node)| matches!(node, Node::Link(_))).count();
    assert_eq!(lock, 0);
    assert!(File::open(workspace.path("rg-out/.gitignore")).is_ok());
}
