//! What the user's indexes offer of a project: pages as JSON (PEP 691) or HTML (PEP 503), each asked for once a run.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use model::wheel::FileName;
use serde::Deserialize;

use super::Settings;
use super::html;
use crate::FetchError;
use crate::http::{Ask, Client, Html, HttpError, Page, looks_like_html};
use crate::url::{Url, percent_decoded};

/// The kind of the pages in JSON.
const JSON: &str = "application/vnd.pypi.simple.v1+json";

/// Asks for JSON, and takes HTML.
const ACCEPT: &str =
    "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.2, text/html; q=0.1";

/// The indexes of a user, with what they have told so far.
#[derive(Debug)]
pub(crate) struct Index {
    pub settings: Settings,
    told: Mutex<BTreeMap<String, Arc<Vec<Offer>>>>,
}

/// A file that an index offers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Offer {
    pub file: String,
    pub url: Url,
    /// In hexadecimal digits, if the index tells it.
    pub sha256: Option<String>,
}

#[derive(Deserialize)]
struct JsonPage {
    files: Vec<JsonFile>,
}

#[derive(Deserialize)]
struct JsonFile {
    filename: String,
    url: String,
    #[serde(default)]
    hashes: BTreeMap<String, String>,
}

impl Index {
    /// Makes an index that nothing is known of.
    pub fn new(settings: Settings) -> Index {
        Index { settings, told: Mutex::default() }
    }

    /// Returns all files of a project that the indexes offer, those of the main one first.
    pub fn offers(&self, project: &str, client: &Client) -> Result<Arc<Vec<Offer>>, FetchError> {
        let told = || self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(offers) = told().get(project) {
            return Ok(offers.clone());
        }
        let mut offers = Vec::new();
        let mut strange = None;
        for index in &self.settings.indexes {
            let url = index.below(&format!("{project}/"));
            match client.page(&self.ask(&url)) {
                Err(error) if error.is_absence() => {}
                page => {
                    let page = page?;
                    let offered = read(&page)?;
                    strange =
                        strange.or((!offered.iter().any(is_distribution) && is_for_people(&page)).then_some(page.url));
                    offers.extend(offered);
                }
            }
        }
        if let Some(url) = strange.filter(|_| !offers.iter().any(is_distribution)) {
            return Err(HttpError::Html { url: url.to_string() }.into());
        }
        let offers = Arc::new(offers);
        told().insert(project.to_owned(), offers.clone());
        Ok(offers)
    }

    fn ask<'a>(&'a self, url: &'a Url) -> Ask<'a> {
        Ask { accept: ACCEPT, html: Html::Fine, ..self.ask_for_file(url) }
    }

    /// Returns how a file is asked for.
    pub fn ask_for_file<'a>(&'a self, url: &'a Url) -> Ask<'a> {
        let authorization = self.settings.credentials.of(url);
        Ask { url, accept: "*/*", authorization, route: &self.settings.route, html: Html::Refused, limit: None }
    }

    /// Returns the indexes for people.
    pub fn names(&self) -> String {
        self.settings.indexes.iter().map(Url::to_string).collect::<Vec<_>>().join(" and ")
    }
}

/// Reads a page of an index.
fn read(page: &Page) -> Result<Vec<Offer>, FetchError> {
    let unreadable = |why: String| FetchError::Unreadable { url: page.url.to_string(), why };
    if page.media_type == JSON || page.media_type == "application/json" {
        let read: JsonPage = serde_json::from_slice(&page.body).map_err(|error| unreadable(error.to_string()))?;
        // What cannot be asked is no file of the project, and no reason to refuse the others.
        let offer = |file: JsonFile| {
            let sha256 = file.hashes.get("sha256").cloned();
            Some(Offer { url: page.url.join(&file.url).ok()?, file: file.filename, sha256 })
        };
        return Ok(read.files.into_iter().filter_map(offer).collect());
    }
    let links = html::links(&String::from_utf8_lossy(&page.body));
    let base = links.base.map(|base| page.url.join(&base)).transpose()?.unwrap_or_else(|| page.url.clone());
    // A page may link to anything; what cannot be asked is no file of the project.
    Ok(links.links.iter().filter_map(|link| base.join(link).ok()).map(linked).collect())
}

fn is_distribution(offer: &Offer) -> bool {
    FileName::parse(&offer.file).is_some()
}

/// Whether a page in HTML that offers nothing is none of an index: those of a project without files say what they are.
fn is_for_people(page: &Page) -> bool {
    let text = String::from_utf8_lossy(&page.body);
    looks_like_html(&page.body) && !["pypi:repository-version", "Links for"].iter().any(|words| text.contains(words))
}

fn linked(url: Url) -> Offer {
    let file = percent_decoded(url.path().rsplit('/').next().unwrap_or_default());
    let hash = url.fragment().and_then(|fragment| fragment.split('&').find_map(|part| part.strip_prefix("sha256=")));
    Offer { file, sha256: hash.map(str::to_owned), url }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(media_type: &str, body: &str, want: &[(&str, &str, Option<&str>)]) {
        let url = Url::parse("https://i.example/simple/six/").unwrap();
        let page = Page { url, media_type: media_type.to_owned(), body: body.as_bytes().to_vec() };
        let offers = read(&page).unwrap();
        let urls: Vec<String> = offers.iter().map(|offer| offer.url.to_request()).collect();
        let parts = offers.iter().zip(&urls).map(|(it, url)| (it.file.as_str(), url.as_str(), it.sha256.as_deref()));
        assert_eq!(parts.collect::<Vec<_>>(), want);
    }

    #[test]
    fn a_page_in_json_is_read() {
        let body = r#"{"meta":{"api-version":"1.1"},"name":"six","files":[
            {"filename":"six-1.whl","url":"../../f/six-1.whl","hashes":{"sha256":"ab"},"yanked":false},
            {"filename":"six-1.tar.gz","url":"https://f.example/six-1.tar.gz","hashes":{}}]}"#;
        let want = [
            ("six-1.whl", "https://i.example/f/six-1.whl", Some("ab")),
            ("six-1.tar.gz", "https://f.example/six-1.tar.gz", None),
        ];
        check(JSON, body, &want);
    }

    #[test]
    fn a_link_that_cannot_be_asked_hides_no_other_file() {
        let body = r#"{"files":[{"filename":"six-1.whl","url":"ftp://f.example/six-1.whl"},
            {"filename":"six-2.whl","url":"https://f.example/six-2.whl"}]}"#;
        check(JSON, body, &[("six-2.whl", "https://f.example/six-2.whl", None)]);
    }

    #[test]
    fn a_page_in_html_is_read() {
        let body = "<html><a href='../../f/six%2B1.whl?x=1#egg=six&amp;sha256=ab'>six</a><a href='mailto:me'>m</a>\
                    <a href='https://f.example/six-1.tar.gz#md5=cd'>six</a></html>";
        let want = [
            ("six+1.whl", "https://i.example/f/six%2B1.whl?x=1", Some("ab")),
            ("six-1.tar.gz", "https://f.example/six-1.tar.gz", None),
        ];
        check("text/html", body, &want);
    }
}
