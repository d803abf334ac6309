//! Copies a blob of this machine to a file, and compares it with its digest and its size on the way.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

use sha2::{Digest as _, Sha256};

use crate::digest::Digest;
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
        let (mut hash, mut copied) = (Sha256::new(), 0);
        let mut piece = vec![0; PIECE];
        loop {
            if (self.quit)() {
                return Err(Problem::Cancelled);
            }
            let length = match from.read(&mut piece) {
                Ok(0) => break,
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(failed(error)),
            };
            copied += length as u64;
            if copied > self.size {
                break;
            }
            hash.update(&piece[..length]);
            to.write_all(&piece[..length]).map_err(Problem::Write)?;
            (self.on_progress)(copied, Some(self.size));
        }
        if copied != self.size {
            return Err(Problem::WrongSize { digest: *self.digest, got: copied, wanted: self.size });
        }
        let got = Digest(hash.finalize().into());
        if got == *self.digest {
            Ok(())
        } else {
            Err(Problem::WrongDigest { what: "layer", got, wanted: *self.digest })
        }
    }
}
