//! A file that is written while it arrives: hashed on the way, gone on with after a break, asked for again.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::time::Instant;

use ring::digest::Context;

use super::HttpError;
use super::answer::Answer;
use super::client::{Ask, Client};
use super::pace::Pace;
use super::page::looks_like_html;
use crate::FetchError;
use crate::digest::Expected;

/// The most bytes that a package may have.
const LIMIT: u64 = 8_000_000_000;

/// How often a file is asked for, whatever each try brings.
const TRIES: usize = 50;

/// Told how many bytes have come, and how many there are, if that is known.
pub(crate) type OnProgress<'a> = &'a dyn Fn(u64, Option<u64>);

impl Client {
    /// Writes a file, and verifies it. Whatever the file held before is gone, and what it holds after an error is
    /// worthless.
    pub fn download(
        &self,
        ask: &Ask<'_>,
        expected: &Expected,
        file: &mut File,
        on_progress: OnProgress<'_>,
    ) -> Result<(), FetchError> {
        let part = Part { received: 0, context: expected.begin(), validator: None, looks: Looks::Fine, pieces: 0 };
        let mut transfer = Transfer { client: self, ask, expected, file, on_progress, part };
        transfer.bring()?;
        match transfer.verify() {
            // A file of two versions, from a server that did not notice: once more, in one piece.
            Err(_) if transfer.part.pieces > 1 => {
                transfer.forget()?;
                transfer.bring()?;
                transfer.verify()
            }
            settled => settled,
        }
    }
}

struct Transfer<'a> {
    client: &'a Client,
    ask: &'a Ask<'a>,
    expected: &'a Expected,
    file: &'a mut File,
    on_progress: OnProgress<'a>,
    part: Part,
}

/// What has come so far.
struct Part {
    received: u64,
    context: Context,
    validator: Option<String>,
    looks: Looks,
    /// In how many answers it came.
    pieces: usize,
}

/// What the first bytes look like.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Looks {
    Fine,
    Html,
}

impl Transfer<'_> {
    /// Tries until all has come.
    fn bring(&mut self) -> Result<(), HttpError> {
        let mut failures = 0;
        for _ in 0..TRIES {
            let before = self.part.received;
            let error = match self.attempt() {
                Ok(()) => return Ok(()),
                Err(error) if error.is_passing() => error,
                Err(error) => return Err(error),
            };
            if self.part.received > before {
                failures = 0;
            }
            let Some(pause) = self.client.patience(self.ask.route).pause(failures, error.retry_after()) else {
                return Err(error);
            };
            failures += 1;
            self.client.wait(pause)?;
        }
        let url = self.ask.url.to_string();
        Err(HttpError::Unreachable { url, why: format!("it broke off {TRIES} times") })
    }

    fn attempt(&mut self) -> Result<(), HttpError> {
        // A file that is compressed once more on its way would have another hash.
        let mut headers = vec![("accept-encoding", "identity".to_owned())];
        if self.part.received > 0 {
            headers.push(("range", format!("bytes={}-", self.part.received)));
            headers.extend(self.part.validator.iter().map(|validator| ("if-range", validator.clone())));
        }
        let answer = self.client.exchange(self.ask, &headers)?;
        if answer.status() == 416 && self.part.received > 0 {
            self.forget()?;
            return Err(HttpError::OtherRange { url: answer.url.to_string() });
        }
        answer.refuse_other(self.ask)?;
        match answer.start() {
            Some(0) => self.forget()?,
            Some(start) if start == self.part.received => {}
            _ => {
                self.forget()?;
                return Err(HttpError::OtherRange { url: answer.url.to_string() });
            }
        }
        self.take(answer)
    }

    /// Begins from nothing.
    fn forget(&mut self) -> Result<(), HttpError> {
        self.file.set_len(0).and_then(|()| self.file.seek(SeekFrom::Start(0))).map_err(HttpError::Write)?;
        self.part =
            Part { received: 0, context: self.expected.begin(), validator: None, looks: Looks::Fine, pieces: 0 };
        Ok(())
    }

    /// Reads a body to its end.
    fn take(&mut self, answer: Answer) -> Result<(), HttpError> {
        let total = answer.length().map(|length| length + self.part.received);
        let idle = self.client.patience(self.ask.route).idle;
        let limit = self.ask.limit.unwrap_or(LIMIT);
        let too_large = HttpError::TooLarge { url: answer.url.to_string(), limit };
        if total.is_some_and(|total| total > limit) {
            return Err(too_large);
        }
        self.part.validator = answer.validator();
        self.part.pieces += 1;
        let (url, mut body) = answer.into_body();
        let mut pace = Pace::begin(idle, Instant::now());
        let mut buffer = vec![0; 64 * 1024];
        loop {
            self.client.refuse_if_cancelled()?;
            let came = body.read(&mut buffer).map_err(|error| self.broken(HttpError::of_io(&error, &url, idle), total));
            let came = came?;
            if came == 0 {
                break;
            }
            self.keep(&buffer[..came])?;
            (self.on_progress)(self.part.received, total);
            if self.part.received > limit {
                return Err(too_large);
            }
            if pace.is_too_slow(came, Instant::now()) {
                return Err(HttpError::Stalled { url: url.to_string(), idle });
            }
        }
        match total {
            Some(total) if self.part.received < total => Err(self.truncated(total)),
            _ => Ok(()),
        }
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), HttpError> {
        if self.part.received == 0 && looks_like_html(bytes) {
            self.part.looks = Looks::Html;
        }
        self.file.write_all(bytes).map_err(HttpError::Write)?;
        self.part.context.update(bytes);
        self.part.received += bytes.len() as u64;
        Ok(())
    }

    /// Names a connection that ended within a body for what it is.
    fn broken(&self, error: HttpError, total: Option<u64>) -> HttpError {
        match (self.client.failure(error), total) {
            (HttpError::Unreachable { .. }, Some(total)) => self.truncated(total),
            (error, _) => error,
        }
    }

    fn truncated(&self, total: u64) -> HttpError {
        HttpError::Truncated { url: self.ask.url.to_string(), received: self.part.received, total }
    }

    fn verify(&self) -> Result<(), FetchError> {
        match self.expected.compare(self.part.context.clone()) {
            Ok(()) => Ok(()),
            Err(_) if self.part.looks == Looks::Html => Err(HttpError::Html { url: self.ask.url.to_string() }.into()),
            Err(got) => Err(FetchError::WrongHash { got, wanted: self.expected.wanted() }),
        }
    }
}
