//! A page that is read whole: what a registry says of a package.

use std::io::Read;
use std::time::Duration;

use flate2::read::MultiGzDecoder;

use super::client::{Ask, Client};
use super::{Html, HttpError};
use crate::url::Url;

/// The most bytes that a page may have.
const LIMIT: u64 = 128_000_000;

/// A page.
#[derive(Debug)]
pub(crate) struct Page {
    /// Who answered, after all redirects: links are relative to it.
    pub url: Url,
    /// The kind of the body, in lower case and without parameters.
    pub media_type: String,
    pub body: Vec<u8>,
}

impl Client {
    /// Reads a page.
    pub fn page(&self, ask: &Ask<'_>) -> Result<Page, HttpError> {
        let mut failures = 0;
        loop {
            match self.page_once(ask) {
                Err(error) if error.is_passing() => {
                    let Some(pause) = self.patience(ask.route).pause(failures, error.retry_after()) else {
                        return Err(error);
                    };
                    failures += 1;
                    self.wait(pause)?;
                }
                settled => return settled,
            }
        }
    }

    fn page_once(&self, ask: &Ask<'_>) -> Result<Page, HttpError> {
        let answer = self.exchange(ask, &[("accept-encoding", "gzip".to_owned())])?;
        answer.refuse_other(ask)?;
        let media_type = answer.media_type();
        let is_compressed = answer.header("content-encoding").is_some_and(|it| it.eq_ignore_ascii_case("gzip"));
        let (url, body) = answer.into_body();
        let idle = self.patience(ask.route).idle;
        let limit = ask.limit.unwrap_or(LIMIT);
        let read = |body: &mut dyn Read| self.read(body, limit, &url, idle);
        let mut body = body;
        let body = if is_compressed { read(&mut MultiGzDecoder::new(body)) } else { read(&mut body) }?;
        if ask.html == Html::Refused && looks_like_html(&body) {
            return Err(HttpError::Html { url: url.to_string() });
        }
        Ok(Page { url, media_type, body })
    }

    fn read(&self, body: &mut dyn Read, limit: u64, url: &Url, idle: Duration) -> Result<Vec<u8>, HttpError> {
        let mut bytes = Vec::new();
        let read = body.take(limit + 1).read_to_end(&mut bytes);
        read.map_err(|error| self.failure(HttpError::of_io(&error, url, idle)))?;
        if bytes.len() as u64 > limit {
            return Err(HttpError::TooLarge { url: url.to_string(), limit });
        }
        Ok(bytes)
    }
}

/// Whether bytes begin as a page for people does.
pub(crate) fn looks_like_html(bytes: &[u8]) -> bool {
    let text = bytes.trim_ascii_start();
    let begins = |word: &[u8]| text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    begins(b"<!doctype html") || begins(b"<html")
}
