//! What `rg cache` prints about the local store. Pure: text and documents out of the store's own answers.

use cache::{Collected, Stats, Verified};
use serde_json::json;

use crate::exit::Exit;
use crate::reporters::json::line;

/// Returns a number of bytes as people read it: `12 B`, `3.4 MiB`.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let mut unit = None;
    let mut tenths = u128::from(bytes) * 10;
    for name in UNITS {
        if tenths < 10_240 {
            break;
        }
        tenths /= 1024;
        unit = Some(name);
    }
    match unit {
        None => format!("{bytes} B"),
        Some(name) => format!("{}.{} {name}", tenths / 10, tenths % 10),
    }
}

/// Returns what the store holds as text.
pub fn stats(stats: &Stats) -> String {
    let Stats { blobs, bytes, results, trees, max_size_bytes } = *stats;
    format!(
        "{blobs} blobs, {} of at most {}\n{results} results\n{trees} assembled directories\n",
        size(bytes),
        size(max_size_bytes)
    )
}

/// Returns what the store holds as the document `rg.cache/v1`.
pub fn stats_document(stats: &Stats) -> String {
    let Stats { blobs, bytes, results, trees, max_size_bytes } = *stats;
    line(&json!({
        "schema": "rg.cache/v1", "command": "stats", "blobs": blobs, "size_bytes": bytes, "results": results,
        "trees": trees, "max_size_bytes": max_size_bytes,
    }))
}

/// Returns what garbage collection removed as text.
pub fn collected(collected: &Collected) -> String {
    format!(
        "removed {} blobs ({}), {} results and {} assembled directories; {} are kept\n",
        collected.blobs,
        size(collected.bytes),
        collected.results,
        collected.trees,
        size(collected.kept_bytes)
    )
}

/// Returns what garbage collection removed as the document `rg.cache/v1`.
pub fn collected_document(collected: &Collected) -> String {
    line(&json!({
        "schema": "rg.cache/v1", "command": "gc", "removed_blobs": collected.blobs,
        "removed_bytes": collected.bytes, "removed_results": collected.results, "removed_trees": collected.trees,
        "kept_bytes": collected.kept_bytes,
    }))
}

/// Returns what a look at everything found as text.
pub fn verified(verified: &Verified) -> String {
    let looked = format!("looked at {} blobs and {} results", verified.blobs, verified.results);
    if verified.is_clean() {
        return format!("{looked}: all are good\n");
    }
    let mut text = format!("{looked}; removed what was bad, so that it is made again when it is needed:\n");
    for digest in &verified.corrupt {
        text.push_str(&format!("  blob {digest} had other bytes\n"));
    }
    for key in &verified.bad_results {
        text.push_str(&format!("  result {key} was damaged or named what is missing\n"));
    }
    let counts = [
        (verified.bad_messages, "damaged directory messages"),
        (verified.bad_trees, "damaged assembled directories"),
        (verified.strangers, "files that are not the cache's"),
    ];
    for (count, what) in counts.iter().filter(|(count, _)| *count > 0) {
        text.push_str(&format!("  {count} {what}\n"));
    }
    if verified.database_replaced {
        text.push_str("  the database was broken, and a new one was begun: all results are lost\n");
    }
    text
}

/// Returns what a look at everything found as the document `rg.cache/v1`.
pub fn verified_document(verified: &Verified) -> String {
    let corrupt: Vec<String> = verified.corrupt.iter().map(ToString::to_string).collect();
    let bad_results: Vec<String> = verified.bad_results.iter().map(ToString::to_string).collect();
    line(&json!({
        "schema": "rg.cache/v1", "command": "verify", "success": verified.is_clean(), "blobs": verified.blobs,
        "results": verified.results, "corrupt": corrupt, "bad_results": bad_results,
        "bad_messages": verified.bad_messages, "bad_trees": verified.bad_trees, "strangers": verified.strangers,
        "database_replaced": verified.database_replaced,
    }))
}

/// Returns the exit of a look at everything: damage is the machine's fault.
pub fn verified_exit(verified: &Verified) -> Exit {
    if verified.is_clean() { Exit::Done } else { Exit::Machine }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        for (bytes, want) in
            [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1_572_864, "1.5 MiB"), (50 << 30, "50.0 GiB")]
        {
            assert_eq!(size(bytes), want);
        }
    }

    #[test]
    fn damage_is_told_and_is_not_a_success() {
        let bad = Verified { blobs: 3, strangers: 1, ..Verified::default() };
        assert_eq!(verified_exit(&Verified::default()), Exit::Done);
        if !bad.is_clean() {
            assert!(verified(&bad).contains("1 files that are not the cache's"));
        }
    }
}
