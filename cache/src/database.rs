//! The SQLite file: opened at the first question, made anew when it is broken. It knows tables, not their meaning.
//!
//! A database that somebody has open is never moved: SQLite would pair the old file with the new log.
//! So everyone who has it open holds `db.lock` shared, and making or replacing it takes the lock exclusively.

use std::error::Error;
use std::fs::{self, File, TryLockError};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::error::CacheError;
use crate::files;
use crate::layout::Layout;

/// Older ones can corrupt their write-ahead log.
const OLDEST_SQLITE: i32 = 3_051_003;
const SCHEMA_VERSION: i64 = 1;
/// How long a writer waits for another process's transaction.
const BUSY: Duration = Duration::from_secs(10);

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS number (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
    INSERT OR IGNORE INTO number VALUES ('counter', 0);
    CREATE TABLE IF NOT EXISTS result (
        key BLOB PRIMARY KEY, bytes BLOB NOT NULL, seal BLOB NOT NULL, last_use INTEGER NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS message (
        hash BLOB PRIMARY KEY, bytes BLOB NOT NULL, last_use INTEGER NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS history (
        name TEXT PRIMARY KEY, duration_ns INTEGER NOT NULL, peak_memory_bytes INTEGER NOT NULL) STRICT;
    PRAGMA user_version = 1;";

type Cause = Arc<dyn Error + Send + Sync>;

/// The database, closed until it is asked.
#[derive(Debug)]
pub(crate) struct Database {
    layout: Arc<Layout>,
    state: Mutex<State>,
    /// The inode of the file that was opened last, to tell it from one that another process has put in its place.
    inode: AtomicU64,
}

#[derive(Debug)]
enum State {
    Closed,
    Open(Open),
    /// It could not be opened: for the rest of this process there are no results.
    Unusable(Cause),
}

/// Fields are dropped in this order: the lock goes last.
#[derive(Debug)]
struct Open {
    connection: Connection,
    _lock: Option<File>,
}

/// What a failure means for the file.
enum Fault {
    /// Its content cannot be trusted: it is moved away.
    Broken(Cause),
    /// It is busy, read-only, out of space: it stays.
    Refused(Cause),
}

#[derive(Debug, thiserror::Error)]
enum Unfit {
    #[error("SQLite {0} has a bug that corrupts databases; 3.51.3 is needed")]
    Sqlite(&'static str),
    #[error("the database has schema {0}, which is unknown")]
    Schema(i64),
    #[error("the database has no write-ahead log but `{0}`")]
    Journal(String),
    #[error("the database is in use by another process and cannot be replaced")]
    InUse,
}

impl Database {
    pub(crate) fn new(layout: Arc<Layout>) -> Database {
        Database { layout, state: Mutex::new(State::Closed), inode: AtomicU64::new(0) }
    }

    /// Runs `work` on the open database. If it turns out to be broken it is made anew, and `work` runs once more.
    pub(crate) fn with<T>(&self, work: impl Fn(&mut Connection) -> rusqlite::Result<T>) -> Result<T, CacheError> {
        let mut state = self.lock();
        let mut fault = match self.attempt(&mut state, &work) {
            Ok(value) => return Ok(value),
            Err(fault) => fault,
        };
        if let Fault::Broken(_) = fault {
            *state = State::Closed;
            fault = match self.replace() {
                Ok(()) => match self.attempt(&mut state, &work) {
                    Ok(value) => return Ok(value),
                    Err(fault) => fault,
                },
                Err(fault) => fault,
            };
        }
        let (Fault::Broken(source) | Fault::Refused(source)) = fault;
        if let State::Closed = *state {
            *state = State::Unusable(source.clone());
        }
        Err(CacheError::Database { path: self.layout.database(), source })
    }

    /// Runs `work` if the database is open already: what is only nice to have is no reason to open it.
    pub(crate) fn with_open<T>(&self, work: impl Fn(&mut Connection) -> rusqlite::Result<T>) -> Option<T> {
        match &mut *self.lock() {
            State::Open(open) => work(&mut open.connection).ok(),
            State::Closed | State::Unusable(_) => None,
        }
    }

    /// Closes it, so that the next question tries to open it for writing again.
    pub(crate) fn close(&self) {
        *self.lock() = State::Closed;
    }

    /// Checks all pages; a broken database is made anew. Returns whether it was sound.
    pub(crate) fn check(&self) -> Result<Soundness, CacheError> {
        let report = |c: &mut Connection| c.query_row("PRAGMA integrity_check(1)", [], |row| row.get::<_, String>(0));
        let file = self.layout.database();
        let before = inode(&file);
        let text = self.with(report)?;
        if text == "ok" {
            // `with` has replaced it on the way if it could not even be read.
            let same = before == 0 || before == inode(&file);
            return Ok(if same { Soundness::Sound } else { Soundness::Replaced });
        }
        *self.lock() = State::Closed;
        match self.replace() {
            Ok(()) => Ok(Soundness::Replaced),
            Err(Fault::Broken(source) | Fault::Refused(source)) => Err(CacheError::Database { path: file, source }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A thread that died inside a transaction has rolled it back.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn attempt<T>(
        &self,
        state: &mut State,
        work: &impl Fn(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Fault> {
        if let State::Closed = state {
            *state = State::Open(self.open()?);
        }
        match state {
            State::Open(open) => Ok(work(&mut open.connection)?),
            State::Unusable(cause) => Err(Fault::Refused(cause.clone())),
            State::Closed => unreachable!("it was opened above"),
        }
    }

    fn open(&self) -> Result<Open, Fault> {
        if rusqlite::version_number() < OLDEST_SQLITE {
            return Err(refused(Unfit::Sqlite(rusqlite::version())));
        }
        let file = self.layout.database();
        // A store that cannot be made is found out by whoever opens the file.
        let _ = fs::create_dir_all(&self.layout.root);
        let lock = self.shared_lock(&file)?;
        self.inode.store(inode(&file), Ordering::Relaxed);
        let connection = match connect(&file) {
            Err(Fault::Refused(cause)) => connect_read_only(&file).map_err(|_| Fault::Refused(cause)),
            done => done,
        }?;
        self.inode.store(inode(&file), Ordering::Relaxed);
        Ok(Open { connection, _lock: lock })
    }

    /// Takes the lock shared; the log of a database that was deleted by hand is moved away first.
    fn shared_lock(&self, file: &Path) -> Result<Option<File>, Fault> {
        let path = self.layout.database_lock();
        let lock = match files::open_lock(&path).or_else(|_| File::open(&path)) {
            Ok(lock) => lock,
            // A store that cannot be written: nobody replaces anything in it.
            Err(_) => return Ok(None),
        };
        // Others may open the empty place at the same time; they make the same tables.
        if !file.exists() && lock.try_lock().is_ok() && !file.exists() {
            let _ = self.move_away();
        }
        patiently(|| lock.try_lock_shared())?;
        Ok(Some(lock))
    }

    /// Moves the broken database away, unless another process has it open.
    fn replace(&self) -> Result<(), Fault> {
        let lock = files::open_lock(&self.layout.database_lock()).map_err(refused)?;
        lock.try_lock().map_err(|_| refused(Unfit::InUse))?;
        // Between our closing and our locking, another process may have replaced it already.
        let file = self.layout.database();
        if inode(&file) != self.inode.load(Ordering::Relaxed) && connect(&file).is_ok() {
            return Ok(());
        }
        self.move_away().map_err(refused)
    }

    /// Moves what there is of the three files into the trash: the database last, because a log that outlives
    /// its database would be replayed into the next one.
    fn move_away(&self) -> std::io::Result<()> {
        let file = self.layout.database();
        let names = ["-shm", "-wal", ""].map(|suffix| with_suffix(&file, suffix));
        if names.iter().all(|name| !name.exists()) {
            return Ok(());
        }
        fs::create_dir_all(&self.layout.trash)?;
        let trash = tempfile::Builder::new().prefix("db-").tempdir_in(&self.layout.trash)?.keep();
        for name in names.iter().filter(|name| name.exists()) {
            fs::rename(name, trash.join(name.file_name().expect("a file below the store")))?;
        }
        Ok(())
    }
}

/// Whether a database could be kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Soundness {
    Sound,
    Replaced,
}

/// Returns the inode of a file; 0, which is none, if there is no file.
fn inode(file: &Path) -> u64 {
    fs::metadata(file).map_or(0, |metadata| metadata.ino())
}

fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Takes a lock that is only held for moments; gives up after about two seconds.
fn patiently(take: impl Fn() -> Result<(), TryLockError>) -> Result<(), Fault> {
    for _ in 0..400 {
        match take() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(5)),
            Err(TryLockError::Error(error)) => return Err(refused(error)),
        }
    }
    Err(refused(Unfit::InUse))
}

fn connect(file: &Path) -> Result<Connection, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(32);
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(refused(Unfit::Journal(mode)));
    }
    connection.execute_batch("PRAGMA synchronous = NORMAL; PRAGMA cell_size_check = ON;")?;
    if schema(&connection)? == 0 {
        let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        transaction.execute_batch(SCHEMA)?;
        transaction.commit()?;
    }
    match schema(&connection)? {
        SCHEMA_VERSION => Ok(connection),
        other => Err(Fault::Broken(Arc::new(Unfit::Schema(other)))),
    }
}

/// Opens a database that this process may only read. What it says is sealed row by row, so a page that another
/// process is just writing is a miss.
fn connect_read_only(file: &Path) -> Result<Connection, Fault> {
    let escaped = file.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(format!("file:{escaped}?immutable=1"), flags)?;
    match schema(&connection)? {
        SCHEMA_VERSION => Ok(connection),
        other => Err(refused(Unfit::Schema(other))),
    }
}

fn schema(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

fn refused(cause: impl Error + Send + Sync + 'static) -> Fault {
    Fault::Refused(Arc::new(cause))
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Fault {
        let stays = match &error {
            rusqlite::Error::SqliteFailure(failure, _) => match failure.code {
                ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
                | ErrorCode::Unknown
                | ErrorCode::ConstraintViolation
                | ErrorCode::TypeMismatch => false,
                ErrorCode::SystemIoFailure => failure.extended_code != rusqlite::ffi::SQLITE_IOERR_SHORT_READ,
                _ => true,
            },
            // A value of a wrong type, a missing table: the file is not what this program has written.
            _ => false,
        };
        let cause = Arc::new(error);
        if stays { Fault::Refused(cause) } else { Fault::Broken(cause) }
    }
}
