//! What is reused from the last run, and what is not.

use std::fs::{self, File, FileTimes, Permissions};
use std::os::unix::fs::PermissionsExt;

use model::Tree;

use crate::fixture::{Fixture, paths, picture, rel};

/// Remembers, edits, and holds the warm scan against a cold one.
#[track_caller]
fn check(files: &[&str], edit: impl Fn(&Fixture), shown: &str) {
    let fixture = Fixture::new(files);
    let stats = fixture.remember();
    edit(&fixture);
    let warm = fixture.warm(&stats);
    assert_eq!(picture(&warm), picture(&fixture.cold()));
    assert_eq!(paths(&warm), shown);
}

#[test]
fn a_run_without_an_edit_has_nothing_to_write_and_reads_no_file() {
    let fixture = Fixture::new(&["a/f", "b"]);
    let stats = fixture.remember();
    let warm = fixture.warm(&stats);
    fixture.remove("a");
    assert!(warm.id(&rel("a/f")).is_ok(), "the id is remembered");
    assert!(warm.stats().is_none());
    assert!(!warm.unchanged(&rel("a/f")));
}

#[test]
fn what_another_version_or_a_torn_write_left_counts_as_empty() {
    let fixture = Fixture::new(&["a/f"]);
    let stats = fixture.remember();
    let want = picture(&fixture.cold());
    for len in 0..stats.len() {
        assert_eq!(picture(&fixture.warm(&stats[..len])), want);
    }
    for at in 0..stats.len() {
        let mut flipped = stats.clone();
        flipped[at] ^= 4;
        let warm = fixture.warm(&flipped);
        assert_eq!(picture(&warm), want);
        assert!(warm.stats().is_some());
    }
}

#[test]
fn a_deleted_file_is_gone() {
    check(&["a/f", "a/g"], |fixture| fixture.remove("a/f"), "a/ a/g");
}

#[test]
fn a_new_file_and_a_new_directory_are_seen() {
    check(&["a/f"], |fixture| fixture.write("a/n/m/x", ""), "a/ a/f a/n/ a/n/m/ a/n/m/x");
}

#[test]
fn a_renamed_directory_is_removed_and_added() {
    let rename = |fixture: &Fixture| fs::rename(fixture.path("a"), fixture.path("c")).unwrap();
    check(&["a/d/f", "b"], rename, "b c/ c/d/ c/d/f");
}

#[test]
fn a_file_may_become_a_directory_and_a_directory_a_file() {
    let swap = |fixture: &Fixture| {
        fixture.remove("a");
        fixture.remove("b");
        fixture.write("a/x", "");
        fixture.write("b", "");
    };
    check(&["a", "b/x"], swap, "a/ a/x b");
}

#[test]
fn a_directory_may_become_a_link_to_one_that_looks_the_same() {
    let swap = |fixture: &Fixture| {
        fs::rename(fixture.path("a"), fixture.path("b")).unwrap();
        fixture.link("a", "b");
    };
    check(&["a/x"], swap, "a b/ b/x");
}

#[test]
fn an_edit_with_the_same_size_and_the_old_time_set_back_is_noticed() {
    let set_back = |fixture: &Fixture| {
        let before = fs::metadata(fixture.path("a")).unwrap().modified().unwrap();
        fixture.write("a", "b");
        let file = File::options().write(true).open(fixture.path("a")).unwrap();
        file.set_times(FileTimes::new().set_modified(before)).unwrap();
    };
    check(&["a"], set_back, "a");
}

#[test]
fn a_replacement_of_the_same_size_is_noticed() {
    let replace = |fixture: &Fixture| {
        fixture.write("new", "b");
        fs::rename(fixture.path("new"), fixture.path("a")).unwrap();
    };
    check(&["a"], replace, "a");
}

#[test]
fn every_edit_within_one_tick_of_the_clock_is_seen() {
    let fixture = Fixture::new(&["d/a"]);
    let mut stats = fixture.remember();
    for round in 0..300 {
        fixture.write("d/a", &format!("{round:04}"));
        let name = format!("d/{}", round % 3);
        if round % 2 == 0 {
            fixture.write(&name, "x")
        } else {
            fs::remove_file(fixture.path("d/0")).unwrap_or(())
        }
        let warm = fixture.warm(&stats);
        assert_eq!(picture(&warm), picture(&fixture.cold()), "round {round}");
        stats = warm.stats().unwrap_or(stats);
    }
}

#[test]
fn touching_a_file_keeps_its_id() {
    let fixture = Fixture::new(&["a"]);
    let stats = fixture.remember();
    let before = fixture.warm(&stats).id(&rel("a")).unwrap();
    fixture.write("a", "a");
    assert_eq!(fixture.warm(&stats).id(&rel("a")).unwrap(), before);
}

#[test]
fn of_the_mode_only_the_owners_executable_bit_counts() {
    let fixture = Fixture::new(&["a"]);
    let mut stats = fixture.remember();
    for (mode, kind) in [(0o600, "file"), (0o666, "file"), (0o655, "file"), (0o700, "executable"), (0o644, "file")] {
        fs::set_permissions(fixture.path("a"), Permissions::from_mode(mode)).unwrap();
        let warm = fixture.warm(&stats);
        assert_eq!(picture(&warm)[0], format!("{kind} a \"a\""), "{mode:o}");
        stats = warm.stats().unwrap_or(stats);
    }
}

#[test]
fn ids_are_kept_when_other_files_and_rules_change() {
    let fixture = Fixture::new(&["a/f", "b/g"]);
    let stats = fixture.remember();
    fixture.write("b/new", "");
    fixture.write(".gitignore", "nothing");
    let warm = fixture.warm(&stats);
    fixture.remove("a/f");
    fixture.remove("b/g");
    assert!(warm.id(&rel("a/f")).is_ok() && warm.id(&rel("b/g")).is_ok());
}

#[test]
fn a_large_checkout_is_scanned_by_two_threads_with_the_same_result() {
    let files: Vec<String> = (0..3_000).map(|n| format!("d{}/e{}/f{n}", n % 7, n % 41)).collect();
    let fixture = Fixture::new(&files.iter().map(String::as_str).collect::<Vec<_>>());
    let stats = fixture.remember();
    assert!(fixture.warm(&stats).stats().is_none());
    fixture.write(&files[0], "x");
    fixture.write(&files[2_999], "y");
    fixture.remove(&files[1_500]);
    fixture.write("d3/e3/new", "z");
    assert_eq!(picture(&fixture.warm(&stats)), picture(&fixture.cold()));
}
