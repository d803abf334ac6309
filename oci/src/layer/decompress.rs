//! The uncompressed bytes of a layer, and their digest.

use std::io::{self, BufRead, Read};

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use sha2::{Digest as _, Sha256};

use crate::Digest;
use crate::spec::Compression;

/// Returns what some bytes unpack to. What follows a member or a frame has to be another one.
pub(super) fn decompressed<'a>(
    stored: impl BufRead + Send + 'a,
    compression: Compression,
) -> Box<dyn Read + Send + 'a> {
    match compression {
        Compression::None => Box::new(stored),
        Compression::Gzip => Box::new(MultiGzDecoder::new(stored)),
        Compression::Zstd => Box::new(Frames { source: stored, decoder: FrameDecoder::new(), within: Within::Between }),
    }
}

/// The frames of zstd, one after another: writers that work on several cores make many.
struct Frames<R> {
    source: R,
    decoder: FrameDecoder,
    within: Within,
}

/// Where in the frames the reader is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Frame,
    Between,
}

impl<R: BufRead> Frames<R> {
    /// Begins the next frame. Frames that hold nothing of the content are skipped.
    fn begin(&mut self) -> io::Result<()> {
        match self.decoder.init(&mut self.source) {
            Ok(()) => self.within = Within::Frame,
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                let skipped = io::copy(&mut self.source.by_ref().take(u64::from(length)), &mut io::sink())?;
                if skipped < u64::from(length) {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            Err(error) => return Err(damaged(&error)),
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if self.within == Within::Between {
                if self.source.fill_buf()?.is_empty() {
                    return Ok(0);
                }
                self.begin()?;
                continue;
            }
            if self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                let decoded = self.decoder.decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1));
                decoded.map_err(|error| damaged(&error))?;
                continue;
            }
            match self.decoder.read(buffer)? {
                0 => self.within = Within::Between,
                length => return Ok(length),
            }
        }
    }
}

fn damaged(error: &FrameDecoderError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("corrupt zstd stream: {error}"))
}

/// Hashes what is read.
pub(super) struct Hashed<R> {
    source: R,
    hash: Sha256,
}

impl<R: Read> Hashed<R> {
    /// Begins to hash.
    pub fn new(source: R) -> Hashed<R> {
        Hashed { source, hash: Sha256::new() }
    }

    /// Returns the digest of all that was read.
    pub fn finish(self) -> Digest {
        Digest(self.hash.finalize().into())
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.source.read(buffer)?;
        self.hash.update(&buffer[..length]);
        Ok(length)
    }
}
