//! What is listed: every kind of entry, every kind of name.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use model::{RelPath, Tree, TreeError};
use rustix::fs::{FileType, Mode};

use crate::fixture::{Fixture, paths, picture, read, refusal, rel};

#[test]
fn a_checkout_shows_every_file_below_its_root_hidden_ones_too() {
    let fixture = Fixture::new(&["b/x", "b-c", "a", ".hidden/.f"]);
    assert_eq!(paths(&fixture.cold()), ".hidden/ .hidden/.f a b/ b/x b-c");
}

#[test]
fn outputs_at_the_root_and_git_anywhere_are_not_seen() {
    let fixture = Fixture::new(&["rg-out/a/b", "x/rg-out/c", ".git/config", "x/.git/config", "y/.git"]);
    let checkout = fixture.cold();
    assert_eq!(paths(&checkout), "x/ x/rg-out/ x/rg-out/c y/");
    assert!(refusal(&checkout, "rg-out/a/b").contains("is ignored by rg itself"));
    assert!(refusal(&checkout, "x/.git/config").contains("is ignored by rg itself"));
}

#[test]
fn the_root_is_the_nearest_directory_upwards_with_a_workspace_file() {
    let fixture = Fixture::new(&["a/b/c", "inner/workspace.toml", "inner/d/e"]);
    fs::create_dir_all(fixture.path("odd/workspace.toml")).unwrap();
    let find = |from: &str| workspace::find(&fixture.path(from)).unwrap();
    assert_eq!(find("a/b"), fixture.path("").components().collect::<std::path::PathBuf>());
    assert_eq!(find("inner/d"), fixture.path("inner"));
    assert_eq!(find("odd"), find("a"));
}

#[test]
fn a_nested_workspace_is_a_border() {
    let fixture = Fixture::new(&["z/inner/workspace.toml", "z/inner/f", "a/workspace.toml"]);
    let checkout = fixture.cold();
    assert_eq!(paths(&checkout), "a/ z/ z/inner/");
    assert_eq!(checkout.nested(), [rel("a"), rel("z/inner")]);
    assert!(matches!(checkout.list(&rel("z/inner")), Err(TreeError::Absent(_))));
    assert_eq!(refusal(&checkout, "z/inner/f"), "`z/inner/f` does not exist");
}

#[test]
fn a_border_comes_and_goes_with_its_workspace_file() {
    let fixture = Fixture::new(&["a/b/f"]);
    let stats = fixture.remember();
    fixture.write("a/workspace.toml", "");
    let checkout = fixture.warm(&stats);
    assert_eq!((paths(&checkout).as_str(), checkout.nested()), ("a/", &[rel("a")][..]));
    let stats = checkout.stats().unwrap();
    fixture.remove("a/workspace.toml");
    assert_eq!(paths(&fixture.warm(&stats)), "a/ a/b/ a/b/f");
}

#[test]
fn a_symlink_is_its_target_text_and_never_followed() {
    let fixture = Fixture::new(&["dir/f"]);
    fixture.link("loop", ".");
    fixture.link("dangling", "no/where");
    fixture.link("to_dir", "dir");
    let checkout = fixture.cold();
    assert_eq!(
        picture(&checkout)[..3],
        ["symlink dangling \"no/where\"", "dir dir/", "file dir/f \"dir/f\""].map(str::to_owned)
    );
    assert_eq!(read(&checkout, &rel("loop")).unwrap(), ".");
    for through in ["to_dir/f", "loop/dir/f", "dangling/f"] {
        assert_eq!(refusal(&checkout, through), format!("`{through}` does not exist"));
    }
    assert!(matches!(checkout.list(&rel("to_dir")), Err(TreeError::Absent(_))));
}

#[test]
fn names_with_a_newline_a_leading_dash_and_255_bytes_are_names() {
    let long = "x".repeat(255);
    let names = ["-rf", "a\nb", "back\\slash", "ä ö", long.as_str()];
    let fixture = Fixture::new(&names);
    let checkout = fixture.cold();
    for name in names {
        assert_eq!(read(&checkout, &rel(name)).unwrap(), name);
        assert!(checkout.id(&rel(name)).is_ok(), "{name:?}");
    }
}

#[test]
fn a_name_that_is_not_utf_8_is_shown_as_unusable() {
    let fixture = Fixture::new(&["a\u{fffd}"]);
    for bytes in [&b"a\xff"[..], b"a\xfe", b"b\xff"] {
        fs::create_dir(fixture.path(OsStr::from_bytes(bytes))).unwrap();
    }
    let stats = fixture.remember();
    for checkout in [fixture.cold(), fixture.warm(&stats)] {
        let want = "file a\u{fffd} \"a\u{fffd}\"|unusable a\u{fffd}|unusable b\u{fffd}|file workspace.toml \"\"";
        assert_eq!(picture(&checkout).join("|"), want);
        assert!(checkout.id(&rel("b\u{fffd}")).is_err());
    }
}

#[test]
fn a_socket_or_pipe_is_shown_as_unusable_and_does_not_block() {
    let fixture = Fixture::new(&[]);
    let pipe = fixture.path("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, FileType::Fifo, Mode::from(0o600), 0).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(fixture.path("socket")).unwrap();
    let checkout = fixture.cold();
    assert_eq!(paths(&checkout), "pipe socket");
    assert!(matches!(checkout.id(&rel("pipe")), Err(TreeError::Io { .. })));
    assert!(checkout.open(&rel("socket")).is_err());
}

#[test]
fn what_is_not_there_is_absent() {
    let fixture = Fixture::new(&["a/f"]);
    let checkout = fixture.cold();
    for path in ["b", "a/g", "a/f/g", "b/c/d"] {
        assert_eq!(refusal(&checkout, path), format!("`{path}` does not exist"));
        assert!(matches!(checkout.list(&rel(path)), Err(TreeError::Absent(_))), "{path}");
        assert!(checkout.unchanged(&rel(path)), "{path}");
    }
    assert!(matches!(checkout.list(&rel("a/f")), Err(TreeError::Absent(_))));
    assert!(matches!(checkout.id(&rel("a")), Err(TreeError::Io { .. })));
    assert!(checkout.list(&RelPath::root()).is_ok());
}

#[test]
fn a_root_that_cannot_be_read_is_an_error() {
    let fixture = Fixture::new(&[]);
    let (missing, clock_dir) = (fixture.path("missing"), fixture.path(""));
    let options = workspace::ScanOptions { ignore: &[], clock_dir: &clock_dir };
    for root in [missing, fixture.path("workspace.toml")] {
        assert!(workspace::checkout(&root, &options, &[]).is_err());
    }
}

#[test]
fn directories_may_lie_as_deep_as_a_path_can_name() {
    let deep = vec!["d"; 1500].join("/");
    let fixture = Fixture::new(&[&format!("{deep}/f")]);
    let stats = fixture.remember();
    assert!(fixture.warm(&stats).id(&rel(&format!("{deep}/f"))).is_ok());
}
