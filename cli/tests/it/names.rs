//! Names, links and modes of files, the strange ones too. The numbers are those of the list of traps of the design.

use std::fs;
use std::os::unix::ffi::OsStrExt;

use testkit::workspace::{Node, raw_name};

use crate::workspace;

// Trap 27.
#[test]
fn strange_file_names_work_or_are_refused_by_name() {
    let long = "l".repeat(255);
    let workspace = workspace(&[(
        "p/BUILD.toml",
        "[command.all]\nrun = \"cat ./* > $OUT/o; ls | wc -l >> $OUT/o\"\ninputs = [\"*\"]\noutputs = [\"o\"]\n",
    )]);
    for (number, name) in
        ["a\nb", "-rf", " ", "a\tb", "$(id)", "ü", "\u{1b}[31m", long.as_str()].into_iter().enumerate()
    {
        workspace.write(&format!("p/{name}"), format!("{number}"));
    }
    let run = workspace.build(&[]);
    assert!(!run.err.contains('\u{1b}'), "{run}");
    let mut made: Vec<char> = workspace.read("rg-out/p/all/o").chars().take(8).collect();
    made.sort_unstable();
    assert_eq!(made.into_iter().collect::<String>(), "01234567");
    fs::write(workspace.path("p").join(raw_name(b"bad\xff.txt")), "x").unwrap();
    let refused = workspace.rg(&["build", "//..."]).exits(2).says(&["UTF-8"]);
    assert!(refused.err.contains("bad"), "{refused}");
}

// Trap 27.
#[test]
fn a_link_loop_and_a_dangling_link_are_links() {
    let workspace = workspace(&[(
        "p/BUILD.toml",
        "[command.all]\nrun = \"for l in loop self up gone; do readlink $l; done > $OUT/o\"\n\
         inputs = [\"loop\", \"self\", \"up\", \"gone\"]\noutputs = [\"o\"]\n",
    )]);
    workspace.link("p/loop", "self");
    workspace.link("p/self", "loop");
    workspace.link("p/up", "../p");
    workspace.link("p/gone", "nowhere");
    workspace.build(&[]);
    assert_eq!(workspace.read("rg-out/p/all/o"), "self\nloop\n../p\nnowhere\n");
    workspace.link("p/gone", "elsewhere");
    workspace.build(&[]).runs(1);
}

// Trap 27.
#[test]
fn a_directory_that_became_a_file_and_back_is_seen() {
    let text = "[command.all]\nrun = \"find . -type f | grep -v rg-out > $OUT/o\"\ninputs = [\"d*\", \"d/**\"]\noutputs = [\"o\"]\n";
    let workspace = workspace(&[("p/BUILD.toml", text), ("p/d/x", "x"), ("p/d2", "y")]);
    workspace.build(&[]);
    workspace.remove("p/d");
    workspace.write("p/d", "now a file");
    workspace.rg(&["build", "//..."]).exits(2).says(&["d/**"]);
    workspace.write("p/BUILD.toml", text.replace(", \"d/**\"", ""));
    workspace.build(&[]);
    assert_eq!(workspace.read("rg-out/p/all/o").lines().count(), 2);
    workspace.remove("p/d");
    workspace.write("p/d/x", "x");
    workspace.write("p/BUILD.toml", text);
    workspace.build(&[]).runs(0);
}

#[test]
fn outputs_keep_their_names_modes_and_links() {
    let workspace = workspace(&[(
        "p/BUILD.toml",
        "[command.d]\noutputs = [\"d/\", \"link\"]\n\
         run = \"mkdir -p $OUT/d/e; echo x > $OUT/d/run; chmod 700 $OUT/d/run; echo y > $OUT/d/e/-y; \
         chmod 400 $OUT/d/e/-y; ln -s e/-y $OUT/d/l; ln -s d/run $OUT/link\"\n",
    )]);
    for _ in 0..2 {
        workspace.build(&[]);
        let made = workspace.delivered();
        let is = |path: &str, want: u32| match &made[path] {
            Node::File { mode, .. } => assert_eq!(mode & 0o111 != 0, want & 0o111 != 0, "{path}"),
            other => panic!("{path}: {other:?}"),
        };
        is("p/d/d/run", 0o755);
        is("p/d/d/e/-y", 0o644);
        assert_eq!(made["p/d/d/l"], Node::Link("e/-y".into()));
        assert_eq!(made["p/d/link"], Node::Link("d/run".into()));
        workspace.remove("rg-out");
    }
    assert_eq!(workspace.path("rg-out").as_os_str().as_bytes().last(), Some(&b't'));
}
