//! Reads ahead in a thread of its own: while one file is kept, what follows is unpacked and hashed.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, Builder};

/// How much is read at once.
const PIECE: usize = 1 << 18;
/// How many pieces wait at most.
const WAITING: usize = 8;

/// The bytes of a source that is read by another thread.
pub(super) struct Ahead {
    pieces: Receiver<io::Result<Vec<u8>>>,
    piece: Vec<u8>,
    at: usize,
}

impl Read for Ahead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.piece.len() {
            // Without another piece this is the end.
            let Ok(piece) = self.pieces.recv() else { return Ok(0) };
            (self.piece, self.at) = (piece?, 0);
        }
        let length = buffer.len().min(self.piece.len() - self.at);
        buffer[..length].copy_from_slice(&self.piece[self.at..self.at + length]);
        self.at += length;
        Ok(length)
    }
}

/// Lets `take` read what comes of a source. Returns what it came to, and the source, from which all was read unless
/// `take` did not want it.
pub(super) fn ahead<S: Read + Send, T>(source: S, take: impl FnOnce(Ahead) -> T) -> io::Result<(T, S)> {
    thread::scope(|scope| {
        let (send, pieces) = sync_channel(WAITING);
        let reader = Builder::new().spawn_scoped(scope, move || pump(source, &send))?;
        let taken = take(Ahead { pieces, piece: Vec::new(), at: 0 });
        let source = reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        Ok((taken, source))
    })
}

/// Sends piece after piece, until the end, an error, or until nobody wants more.
fn pump<S: Read>(mut source: S, send: &SyncSender<io::Result<Vec<u8>>>) -> S {
    loop {
        let mut piece = Vec::with_capacity(PIECE);
        let read = source.by_ref().take(PIECE as u64).read_to_end(&mut piece);
        let is_end = read.is_err() || piece.is_empty();
        let wanted = match read {
            Ok(0) => Ok(()),
            read => send.send(read.map(|_| piece)),
        };
        if is_end || wanted.is_err() {
            return source;
        }
    }
}
