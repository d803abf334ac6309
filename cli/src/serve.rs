//! Serves a directory over HTTP, for `rg run` of a frontend: files by their paths, `index.html` for directories and for
//! paths of an application that finds its way by itself. It is for looking at what was built, not for the open.

use std::fs::{self, File};
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::time::Duration;

use exec::Cancel;
use tiny_http::{Header, Method, Request, Response, Server, StatusCode};

/// How often it is asked whether it is to end.
const TICK: Duration = Duration::from_millis(100);

/// Where it listens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Address {
    /// The name or number of the interface.
    pub host: String,
    /// The port; 0 takes a free one.
    pub port: u16,
}

/// Reads `--host HOST` and `--port PORT`; the error is what is not one of them.
pub fn address(arguments: &[String]) -> Result<Address, String> {
    let mut address = Address { host: "127.0.0.1".to_owned(), port: 0 };
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (word.as_str(), words.next().cloned()),
        };
        match (name, value) {
            ("--host", Some(host)) => address.host = host,
            ("--port", Some(port)) => address.port = port.parse().map_err(|_| format!("`{port}` is no port"))?,
            _ => return Err(format!("`{word}` is neither `--host HOST` nor `--port PORT`")),
        }
    }
    Ok(address)
}

/// Serves a directory until it is cancelled. `listening` is told the URL.
pub fn serve(
    directory: &Path,
    address: &Address,
    cancel: &Cancel,
    listening: &mut dyn FnMut(&str),
) -> Result<(), String> {
    let server = Server::http((address.host.as_str(), address.port)).map_err(|error| error.to_string())?;
    let root = directory.canonicalize().map_err(|error| error.to_string())?;
    let place = server.server_addr().to_ip().map_or_else(|| address.host.clone(), |place| place.to_string());
    listening(&format!("http://{place}/"));
    while !cancel.is_cancelled() {
        match server.recv_timeout(TICK) {
            Ok(Some(request)) => {
                // Whoever reads slowly keeps neither others nor the end waiting.
                let root = root.clone();
                std::thread::spawn(move || answer(request, &root));
            }
            Ok(None) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
    Ok(())
}

/// Answers one request. Whoever asked may be gone by then.
fn answer(request: Request, root: &Path) {
    if !matches!(request.method(), Method::Get | Method::Head) {
        let _ = request.respond(Response::empty(StatusCode(405)));
        return;
    }
    match file(request.url(), root).and_then(|path| Some((File::open(&path).ok()?, path))) {
        Some((file, path)) => {
            let kind = mime_guess::from_path(&path).first_or_octet_stream();
            let kind = if kind.type_() == "text" { format!("{kind}; charset=utf-8") } else { kind.to_string() };
            let header = Header::from_bytes("Content-Type", kind).expect("the name of a type is plain text");
            let _ = request.respond(Response::from_file(file).with_header(header));
        }
        None => {
            let text = b"not found\n".to_vec();
            let length = text.len();
            let _ = request.respond(Response::new(StatusCode(404), Vec::new(), Cursor::new(text), Some(length), None));
        }
    }
}

/// Returns the file that a URL stands for. What has no ending is a path of the application.
fn file(url: &str, root: &Path) -> Option<PathBuf> {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let path = decoded(path)?;
    let inside = root.join(path.trim_start_matches('/'));
    let found = inside.canonicalize().ok().filter(|found| found.starts_with(root));
    match found {
        Some(directory) if directory.is_dir() => existing(directory.join("index.html")),
        Some(file) => Some(file),
        None if Path::new(&path).extension().is_none() => existing(root.join("index.html")),
        None => None,
    }
}

fn existing(path: PathBuf) -> Option<PathBuf> {
    fs::metadata(&path).is_ok_and(|data| data.is_file()).then_some(path)
}

/// Decodes `%20`; `None` for what is not UTF-8 or leads upwards.
fn decoded(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((byte, more)) = rest.split_first() {
        rest = more;
        if *byte != b'%' {
            bytes.push(*byte);
            continue;
        }
        let (digits, more) = rest.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
        rest = more;
    }
    String::from_utf8(bytes).ok().filter(|path| !path.contains('\0') && path.split('/').all(|segment| segment != ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_lead_to_files_and_never_out_of_the_directory() {
        let top = tempfile::tempdir().unwrap();
        let root = top.path().canonicalize().unwrap().join("dist");
        fs::create_dir_all(root.join("a b")).unwrap();
        for (name, text) in [("index.html", "i"), ("a b/index.html", "j"), ("x.js", "x"), ("../secret", "s")] {
            fs::write(root.join(name), text).unwrap();
        }
        std::os::unix::fs::symlink("../secret", root.join("link")).unwrap();
        let read = |url: &str| file(url, &root).map_or("none".to_owned(), |path| fs::read_to_string(path).unwrap());
        let urls = ["/", "/x.js?v=1", "/a%20b/", "/cart/7", "/no.js", "/../secret", "/%2e%2e/secret", "/link", "/%zz"];
        assert_eq!(urls.map(read), ["i", "x", "j", "i", "none", "none", "none", "i", "none"]);
    }

    #[test]
    fn the_address_is_read_from_words() {
        let words = |words: &[&str]| address(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        assert_eq!(
            words(&["--port=8080", "--host", "0.0.0.0"]).unwrap(),
            Address { host: "0.0.0.0".into(), port: 8080 }
        );
        assert_eq!(words(&["--port", "x"]).unwrap_err(), "`x` is no port");
        assert_eq!(words(&["-p"]).unwrap_err(), "`-p` is neither `--host HOST` nor `--port PORT`");
    }
}
