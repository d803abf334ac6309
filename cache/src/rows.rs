//! The questions to the database, each a function on an open connection. It knows rows, not what they are for.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use model::{ActionKey, Digest};
use rusqlite::{Connection, OptionalExtension, params};

use crate::layout::Hash;
use crate::results::Past;

/// A key as it stands in a row: hash, then size.
pub(crate) type RowKey = [u8; 40];

/// A result as it stands in the database, not yet believed.
#[derive(Clone, Debug)]
pub(crate) struct ResultRow {
    pub(crate) key: RowKey,
    pub(crate) bytes: Vec<u8>,
    pub(crate) seal: Vec<u8>,
    pub(crate) last_use: i64,
}

pub(crate) fn row_key(key: &ActionKey) -> RowKey {
    let mut bytes = [0; 40];
    bytes[..32].copy_from_slice(&key.0.hash);
    bytes[32..].copy_from_slice(&key.0.size_bytes.to_be_bytes());
    bytes
}

pub(crate) fn action_key(row: &RowKey) -> ActionKey {
    let (mut hash, mut size) = ([0; 32], [0; 8]);
    hash.copy_from_slice(&row[..32]);
    size.copy_from_slice(&row[32..]);
    ActionKey(Digest { hash, size_bytes: u64::from_be_bytes(size) })
}

/// SQLite has no checksums of its own: the seal notices a bit that was flipped on the disk.
pub(crate) fn seal(key: &RowKey, bytes: &[u8]) -> [u8; 32] {
    *blake3::Hasher::new().update(key).update(bytes).finalize().as_bytes()
}

/// Returns the number of this invocation: one more than that of any before it.
pub(crate) fn next_counter(c: &Connection) -> rusqlite::Result<i64> {
    c.query_row("UPDATE number SET value = value + 1 WHERE name = 'counter' RETURNING value", [], |row| row.get(0))
}

/// Never lets the counter fall behind a number that is in use, as it would after the database was made anew.
pub(crate) fn raise_counter(c: &Connection, to: i64) -> rusqlite::Result<()> {
    set_at_least(c, "counter", to)
}

fn set_at_least(c: &Connection, name: &str, value: i64) -> rusqlite::Result<()> {
    c.prepare_cached("UPDATE number SET value = max(value, ?2) WHERE name = ?1")?.execute(params![name, value])?;
    Ok(())
}

pub(crate) fn counter(c: &Connection) -> rusqlite::Result<i64> {
    Ok(number(c, "counter")?.unwrap_or(0))
}

/// Returns about how many bytes the store holds; `None` when nobody has counted them.
pub(crate) fn stored_bytes(c: &Connection) -> rusqlite::Result<Option<i64>> {
    number(c, "stored_bytes")
}

fn number(c: &Connection, name: &str) -> rusqlite::Result<Option<i64>> {
    c.prepare_cached("SELECT value FROM number WHERE name = ?1")?.query_row([name], |row| row.get(0)).optional()
}

pub(crate) fn add_stored_bytes(c: &Connection, more: u64) -> rusqlite::Result<()> {
    c.prepare_cached("UPDATE number SET value = value + ?1 WHERE name = 'stored_bytes'")?
        .execute([more.cast_signed()])?;
    Ok(())
}

pub(crate) fn set_stored_bytes(c: &Connection, bytes: u64) -> rusqlite::Result<()> {
    c.execute("INSERT OR REPLACE INTO number VALUES ('stored_bytes', ?1)", [bytes.cast_signed()])?;
    Ok(())
}

pub(crate) fn results(c: &Connection, keys: &[RowKey]) -> rusqlite::Result<Vec<Option<ResultRow>>> {
    // One look at the file's locks for all, not one for each.
    let _transaction = c.unchecked_transaction()?;
    let mut select = c.prepare_cached("SELECT key, bytes, seal, last_use FROM result WHERE key = ?1")?;
    keys.iter().map(|key| select.query_row([key.as_slice()], result_row).optional()).collect()
}

/// Returns all results, the last used first.
pub(crate) fn all_results(c: &Connection) -> rusqlite::Result<Vec<ResultRow>> {
    let mut select = c.prepare("SELECT key, bytes, seal, last_use FROM result ORDER BY last_use DESC, key")?;
    select.query_map([], result_row)?.collect()
}

fn result_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<ResultRow> {
    Ok(ResultRow { key: row.get(0)?, bytes: row.get(1)?, seal: row.get(2)?, last_use: row.get(3)? })
}

pub(crate) fn put_result(c: &Connection, row: &ResultRow) -> rusqlite::Result<()> {
    c.prepare_cached("INSERT OR REPLACE INTO result (key, bytes, seal, last_use) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![row.key.as_slice(), row.bytes, row.seal, row.last_use])?;
    Ok(())
}

/// Deletes a result, unless it is another one by now.
pub(crate) fn drop_result(c: &Connection, row: &ResultRow) -> rusqlite::Result<()> {
    c.prepare_cached("DELETE FROM result WHERE key = ?1 AND seal = ?2")?
        .execute(params![row.key.as_slice(), row.seal])?;
    Ok(())
}

/// Deletes a result, unless it was stored or used since it was read.
pub(crate) fn evict_result(c: &Connection, row: &ResultRow) -> rusqlite::Result<usize> {
    c.prepare_cached("DELETE FROM result WHERE key = ?1 AND seal = ?2 AND last_use = ?3")?.execute(params![
        row.key.as_slice(),
        row.seal,
        row.last_use
    ])
}

pub(crate) fn use_result(c: &Connection, key: &RowKey, counter: i64) -> rusqlite::Result<()> {
    c.prepare_cached("UPDATE result SET last_use = ?2 WHERE key = ?1 AND last_use < ?2")?
        .execute(params![key.as_slice(), counter])?;
    Ok(())
}

pub(crate) fn count_results(c: &Connection) -> rusqlite::Result<i64> {
    c.query_row("SELECT count(*) FROM result", [], |row| row.get(0))
}

pub(crate) fn messages(c: &Connection, hashes: &[Hash]) -> rusqlite::Result<Vec<Option<Arc<[u8]>>>> {
    let _transaction = c.unchecked_transaction()?;
    let mut select = c.prepare_cached("SELECT bytes FROM message WHERE hash = ?1")?;
    hashes.iter().map(|hash| select.query_row([hash.as_slice()], |row| row.get::<_, Arc<[u8]>>(0)).optional()).collect()
}

pub(crate) fn put_message(c: &Connection, hash: &Hash, bytes: &[u8], counter: i64) -> rusqlite::Result<()> {
    // The bytes are written again only over a row that has others, which a flipped bit has spoilt.
    c.prepare_cached(
        "INSERT INTO message (hash, bytes, last_use) VALUES (?1, ?2, ?3) ON CONFLICT (hash)
         DO UPDATE SET last_use = max(last_use, excluded.last_use), bytes = excluded.bytes
         WHERE last_use < excluded.last_use OR bytes <> excluded.bytes",
    )?
    .execute(params![hash.as_slice(), bytes, counter])?;
    Ok(())
}

/// Returns the names of all messages that no invocation from `limit` on has stored.
pub(crate) fn messages_before(c: &Connection, limit: i64) -> rusqlite::Result<Vec<Hash>> {
    c.prepare("SELECT hash FROM message WHERE last_use < ?1")?.query_map([limit], |row| row.get(0))?.collect()
}

pub(crate) fn drop_message(c: &Connection, hash: &Hash) -> rusqlite::Result<()> {
    c.prepare_cached("DELETE FROM message WHERE hash = ?1")?.execute([hash.as_slice()])?;
    Ok(())
}

/// Calls `on` for each message.
pub(crate) fn each_message(c: &Connection, mut on: impl FnMut(Hash, &[u8])) -> rusqlite::Result<()> {
    let mut select = c.prepare("SELECT hash, bytes FROM message")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        on(row.get(0)?, row.get_ref(1)?.as_blob()?);
    }
    Ok(())
}

pub(crate) fn put_history(c: &Connection, name: &str, duration: Duration, peak_bytes: u64) -> rusqlite::Result<()> {
    let duration_ns = i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
    let peak_bytes = i64::try_from(peak_bytes).unwrap_or(i64::MAX);
    c.prepare_cached("INSERT OR REPLACE INTO history VALUES (?1, ?2, ?3)")?.execute(params![
        name,
        duration_ns,
        peak_bytes
    ])?;
    Ok(())
}

pub(crate) fn history(c: &Connection) -> rusqlite::Result<HashMap<String, Past>> {
    let mut select = c.prepare("SELECT name, duration_ns, peak_memory_bytes FROM history")?;
    let rows = select.query_map([], |row| {
        let number = |column| row.get::<_, i64>(column).map(|number| u64::try_from(number).unwrap_or(0));
        let past = Past { duration: Duration::from_nanos(number(1)?), peak_memory_bytes: number(2)? };
        Ok((row.get(0)?, past))
    })?;
    rows.collect()
}

/// Returns a number that changes whenever another connection commits.
pub(crate) fn data_version(c: &Connection) -> rusqlite::Result<i64> {
    c.query_row("PRAGMA data_version", [], |row| row.get(0))
}
