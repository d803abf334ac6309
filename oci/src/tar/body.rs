//! The bytes of one member: as many as its header says.

use std::io::{self, Read};

use super::TarError;

/// How much is skipped at once.
const PIECE: usize = 1 << 16;

/// What is left of a body.
#[derive(Default)]
pub(super) struct Body {
    size_bytes: u64,
    left: u64,
    /// An error is kept, because whoever reads may wrap it.
    problem: Option<io::Error>,
}

impl Body {
    /// Begins a body.
    pub fn of(size_bytes: u64) -> Body {
        Body { size_bytes, left: size_bytes, problem: None }
    }

    /// Returns how long the body is; none from then on.
    pub fn size_bytes(&mut self) -> u64 {
        std::mem::take(&mut self.size_bytes)
    }

    /// Reads some of it, and nothing beyond it.
    pub fn read(&mut self, source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if most == 0 {
            return Ok(0);
        }
        let read = match source.read(&mut buffer[..most]) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            read => read,
        };
        match read {
            Ok(length) => self.left -= length as u64,
            Err(ref error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(ref error) => {
                self.problem = Some(io::Error::new(error.kind(), error.to_string()));
                self.left = 0;
            }
        }
        read
    }

    /// Reads what is left.
    pub fn skip(&mut self, source: &mut impl Read) -> Result<(), TarError> {
        let mut piece = if self.left > 0 { vec![0; PIECE] } else { Vec::new() };
        while self.left > 0 {
            // An error is kept.
            let _ = self.read(source, &mut piece);
        }
        self.problem.take().map_or(Ok(()), |problem| Err(TarError::reading(problem)))
    }
}
