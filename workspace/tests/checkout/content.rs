//! Ids and content of files that are edited after the scan; many ids at once.

use model::{FileId, FileKind, RelPath, Tree, TreeError};

use crate::fixture::{Fixture, picture, read, rel};

#[test]
fn an_edit_after_the_scan_is_seen_and_never_remembered() {
    let fixture = Fixture::new(&["a", "b"]);
    fixture.settle();
    let checkout = fixture.cold();
    fixture.write("a", "other");
    assert!(!checkout.unchanged(&rel("a")) && checkout.unchanged(&rel("b")));
    assert_eq!(checkout.id(&rel("a")).unwrap(), FileId::of(FileKind::File, b"other"));
    assert_eq!(read(&checkout, &rel("a")).unwrap(), "other");
    let stats = checkout.stats().unwrap();
    fixture.write("a", "third");
    assert_eq!(checkout.id(&rel("a")).unwrap(), FileId::of(FileKind::File, b"third"));
    assert_eq!(picture(&fixture.warm(&stats)), picture(&fixture.cold()));
}

#[test]
fn a_file_that_became_something_else_after_the_scan_is_what_it_is_now() {
    let fixture = Fixture::new(&["link", "gone", "dir", "above/f"]);
    let checkout = fixture.cold();
    ["link", "gone", "dir", "above"].iter().for_each(|path| fixture.remove(path));
    fixture.link("link", "target");
    fixture.write("dir/f", "");
    fixture.write("elsewhere/f", "");
    fixture.link("above", "elsewhere");
    assert_eq!(checkout.id(&rel("link")).unwrap(), FileId::of(FileKind::Symlink, b"target"));
    assert!(matches!(checkout.id(&rel("gone")), Err(TreeError::Absent(_))));
    assert!(matches!(checkout.id(&rel("dir")), Err(TreeError::Io { .. })));
    assert!(matches!(checkout.id(&rel("above/f")), Err(TreeError::Absent(_))));
}

#[test]
fn a_link_that_became_a_file_after_the_scan_is_a_file() {
    let fixture = Fixture::new(&[]);
    fixture.link("a", "target");
    let checkout = fixture.cold();
    fixture.remove("a");
    fixture.write("a", "text");
    assert_eq!(checkout.id(&rel("a")).unwrap(), FileId::of(FileKind::File, b"text"));
    assert_eq!(read(&checkout, &rel("a")).unwrap(), "text");
}

#[test]
fn many_ids_come_in_the_order_in_which_they_were_asked_for() {
    let names: Vec<String> = (0..200).map(|n| format!("d{}/{n}", n % 9)).collect();
    let fixture = Fixture::new(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let mut asked: Vec<RelPath> = names.iter().rev().map(|name| rel(name)).collect();
    asked.insert(50, rel("d1/absent"));
    let checkout = fixture.cold();
    let ids = checkout.ids(&asked.iter().collect::<Vec<_>>());
    for (path, id) in asked.iter().zip(ids) {
        match id {
            Ok(id) => assert_eq!(id, FileId::of(FileKind::File, path.as_str().as_bytes())),
            Err(error) => assert_eq!(error.to_string(), "`d1/absent` does not exist"),
        }
    }
}

#[test]
fn a_large_file_is_hashed_whole() {
    let fixture = Fixture::new(&[]);
    let content = "0123456789abcdef".repeat(100_000);
    fixture.write("large", &content);
    assert_eq!(fixture.cold().id(&rel("large")).unwrap(), FileId::of(FileKind::File, content.as_bytes()));
}
