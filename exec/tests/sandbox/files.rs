//! Inputs, outputs and mounts.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use exec::sandbox::{Mount, Spec};

use crate::fixture::{check_in, run_spec, scratch, spec};

/// Makes a store with a read-only file, and a tree of hard links to it, below a closed directory.
pub fn store_and_tree() -> (PathBuf, PathBuf) {
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

pub fn state_of(directory: &Path) -> String {
    let list = Command::new("find").arg(directory).args(["-printf", "%P %m %U %n %T@ %s\n"]).output().unwrap();
    let mut lines: Vec<_> = String::from_utf8(list.stdout).unwrap().lines().map(str::to_owned).collect();
    lines.sort();
    lines.join("\n")
}

pub fn inputs_survive_what_is_done_to_them() {
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

pub fn read_only_inputs_refuse_writes() {
    let (place, tree) = store_and_tree();
    let before = state_of(&place);
    let bind = vec![Mount::Bind { from: tree.join("src"), at: "/src".into() }];
    let script = "cd /src/dir && ./tool; for c in 'chmod 777 text' 'rm tool' 'mkdir new' 'mount -o remount,rw /src'; do \
                  $c 2>/dev/null || echo refused; done";
    check_in(bind, script, "original\nrefused\nrefused\nrefused\nrefused\n");
    assert_eq!(state_of(&place), before);
    fs::remove_dir_all(place).unwrap();
}

pub fn outputs_are_kept_below_an_overlay() {
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

pub fn scribbles_can_go_to_a_directory() {
    let (place, tree) = store_and_tree();
    let scribble = place.join("scribble");
    fs::create_dir(&scribble).unwrap();
    let mounts = vec![Mount::Overlay { lower: tree.join("src"), at: "/src".into() }];
    let spec = Spec { scribble: Some(scribble.clone()), ..spec(&["sh", "-c", "echo x > /src/x; cat /src/x"], mounts) };
    assert_eq!(run_spec(&spec, None, &|| false).output, "x\n");
    fs::remove_dir_all(place).unwrap();
}

pub fn mounts_can_lie_in_each_other() {
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
