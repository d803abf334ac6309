//! A hash that is learned at most once, by any thread. Knows nothing of files.

use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

const EMPTY: u8 = 0;
const BUSY: u8 = 1;
const FULL: u8 = 2;

/// A cell for one hash.
///
/// A `OnceLock` would do the same, but filling 100,000 of them while a stat table is decoded takes 2 ms.
/// Invariant: `words` are only written by the thread that moved `state` from empty to busy.
#[derive(Debug, Default)]
pub(crate) struct HashCell {
    words: [AtomicU32; 8],
    state: AtomicU8,
}

/// Whether a hash was put into a cell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Put {
    /// It was.
    Done,
    /// The cell has one already, or is about to have.
    Late,
}

impl HashCell {
    /// Makes a cell that is full from the beginning.
    #[inline]
    pub fn full(hash: [u8; 32]) -> HashCell {
        HashCell { words: to_words(hash).map(AtomicU32::new), state: AtomicU8::new(FULL) }
    }

    /// Returns the hash, once there is one.
    pub fn get(&self) -> Option<[u8; 32]> {
        if self.state.load(Ordering::Acquire) != FULL {
            return None;
        }
        let mut hash = [0; 32];
        for (bytes, word) in hash.as_chunks_mut::<4>().0.iter_mut().zip(&self.words) {
            *bytes = word.load(Ordering::Relaxed).to_le_bytes();
        }
        Some(hash)
    }

    /// Puts a hash into the cell if it is empty.
    pub fn put(&self, hash: [u8; 32]) -> Put {
        if self.state.compare_exchange(EMPTY, BUSY, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            return Put::Late;
        }
        for (place, word) in self.words.iter().zip(to_words(hash)) {
            place.store(word, Ordering::Relaxed);
        }
        self.state.store(FULL, Ordering::Release);
        Put::Done
    }

    /// Whether there is a hash.
    pub fn is_full(&self) -> bool {
        self.state.load(Ordering::Acquire) == FULL
    }
}

impl Clone for HashCell {
    fn clone(&self) -> HashCell {
        self.get().map(HashCell::full).unwrap_or_default()
    }
}

#[inline]
fn to_words(hash: [u8; 32]) -> [u32; 8] {
    let mut words = [0; 8];
    for (word, bytes) in words.iter_mut().zip(hash.as_chunks::<4>().0) {
        *word = u32::from_le_bytes(*bytes);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_hashes_the_first_stays() {
        let cell = HashCell::default();
        assert_eq!((cell.get(), cell.is_full()), (None, false));
        let first: [u8; 32] = std::array::from_fn(|byte| byte as u8);
        assert_eq!([cell.put(first), cell.put([9; 32])], [Put::Done, Put::Late]);
        assert_eq!([cell.get(), cell.clone().get(), HashCell::full(first).get()], [Some(first); 3]);
    }
}
