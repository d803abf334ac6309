//! What a server answers, before its body is read.

use std::io::Read;
use std::time::Duration;

use ureq::Body;
use ureq::http::Response;

use super::{Ask, Html, HttpError};
use crate::url::Url;

/// An answer whose body is still to be read.
pub(super) struct Answer {
    /// Who answered, after all redirects.
    pub url: Url,
    pub response: Response<Body>,
}

impl Answer {
    /// Returns the status.
    pub fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// Returns a header that is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::trim)
    }

    /// Returns where a redirect leads.
    pub fn location(&self) -> Option<String> {
        let redirects = matches!(self.status(), 301 | 302 | 303 | 307 | 308);
        self.header("location").filter(|_| redirects).map(str::to_owned)
    }

    /// Returns the kind of the body, in lower case and without parameters.
    pub fn media_type(&self) -> String {
        self.header("content-type")
            .unwrap_or_default()
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase()
    }

    /// Returns how many bytes the body has, if that is announced.
    pub fn length(&self) -> Option<u64> {
        self.header("content-length").and_then(|length| length.parse().ok())
    }

    /// Returns where in the file the body begins.
    pub fn start(&self) -> Option<u64> {
        match self.status() {
            206 => self.header("content-range")?.strip_prefix("bytes ")?.split('-').next()?.parse().ok(),
            _ => Some(0),
        }
    }

    /// Returns what tells this version of the file from others: a strong tag, or else its time.
    pub fn validator(&self) -> Option<String> {
        let tag = self.header("etag").filter(|tag| !tag.starts_with("W/"));
        tag.or_else(|| self.header("last-modified")).map(str::to_owned)
    }

    /// Refuses an answer that holds nothing of what was asked for.
    pub fn refuse_other(&self, ask: &Ask<'_>) -> Result<(), HttpError> {
        if !matches!(self.status(), 200 | 203 | 206) {
            return Err(self.refusal());
        }
        match ask.html {
            Html::Refused if self.media_type() == "text/html" => Err(HttpError::Html { url: self.url.to_string() }),
            Html::Refused | Html::Fine => Ok(()),
        }
    }

    fn refusal(&self) -> HttpError {
        // Servers may give a date, too; without the wall clock it says nothing.
        let retry_after = self.header("retry-after").and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
        let challenges = self.response.headers().get_all("www-authenticate").iter();
        let challenges = challenges.filter_map(|it| it.to_str().ok()).map(str::to_owned).collect();
        HttpError::Status { url: self.url.to_string(), status: self.status(), retry_after, challenges }
    }

    /// Returns the address and the body.
    pub fn into_body(self) -> (Url, impl Read) {
        (self.url, self.response.into_body().into_with_config().limit(u64::MAX).reader())
    }
}
