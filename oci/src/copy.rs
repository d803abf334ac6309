//! Copies a blob of this machine to a file, and compares it with its digest and its size on the way.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

use sha2::{Digest as _, Sha256};

use crate::Digest;
use crate::error::Problem;
use crate::images::OnProgress;

/// How much is copied at once.
const PIECE: usize = 1 << 17;

/// Says whether the run was asked to end.
pub(crate) type Quit<'a> = &'a (dyn Fn() -> bool + Send + Sync);

/// What is copied, and who is told of it.
pub(crate) struct Copy<'a> {
    pub digest: &'a Digest,
    pub size: u64,
    pub on_progress: OnProgress<'a>,
    pub quit: Quit<'a>,
}

impl Copy<'_> {
    /// Copies. What the file held before is gone, and what it holds after an error is worthless.
    pub fn run(
        &self,
        mut from: impl Read,
        failed: impl Fn(io::Error) -> Problem,
        to: &mut File,
    ) -> Result<(), Problem> {
        to.set_len(0).and_then(|()| to.seek(SeekFrom::Start(0))).map_err(Problem::Write)?;
        let mut copied = 0;
        // One byte more tells that there are too many.
        let got = each_piece(from.by_ref().take(self.size.saturating_add(1)), failed, self.quit, &mut |piece| {
            copied += piece.len() as u64;
            (self.on_progress)(copied, Some(self.size));
            to.write_all(piece).map_err(Problem::Write)
        })?;
        if copied != self.size {
            return Err(Problem::WrongSize { digest: *self.digest, wanted: self.size });
        }
        if got == *self.digest {
            Ok(())
        } else {
            Err(Problem::WrongDigest { what: "layer", got, wanted: *self.digest })
        }
    }
}

/// Returns the digest of what is read.
pub(crate) fn hashed(
    from: impl Read,
    failed: impl Fn(io::Error) -> Problem,
    quit: Quit<'_>,
) -> Result<Digest, Problem> {
    each_piece(from, failed, quit, &mut |_| Ok(()))
}

/// Hands out what is read, and returns its digest.
fn each_piece(
    mut from: impl Read,
    failed: impl Fn(io::Error) -> Problem,
    quit: Quit<'_>,
    take: &mut dyn FnMut(&[u8]) -> Result<(), Problem>,
) -> Result<Digest, Problem> {
    let mut hash = Sha256::new();
    let mut piece = vec![0; PIECE];
    loop {
        if quit() {
            return Err(Problem::Cancelled);
        }
        match from.read(&mut piece) {
            Ok(0) => return Ok(Digest(hash.finalize().into())),
            Ok(length) => {
                hash.update(&piece[..length]);
                take(&piece[..length])?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(error)),
        }
    }
}
