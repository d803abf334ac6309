//! The compile cache server for the Go command: the program that `GOCACHEPROG` names, a child of `go` that speaks
//! one JSON value a line on stdin and stdout (`cmd/go/internal/cacheprog`).
//!
//! It looks entries up in read-only directories and adds new ones to one writable directory. An entry is a file
//! `a/<action id>` that holds `<output id> <size>`, beside `o/<output id>` with the bytes: no time is kept, so the
//! directory of a build that repeats is the same bit for bit. It does not know what Go stores, nor who reads it later.

use std::fs;
use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// The name under which the program is this server instead of `rg`.
pub const PROGRAM: &str = "rg-gocache";

/// Where entries are looked up, and where new ones go.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Store {
    /// Directories that are only read, in the order in which they are asked.
    pub read: Vec<PathBuf>,
    /// The directory that takes new entries, and is asked first. Without it nothing can be stored.
    pub write: Option<PathBuf>,
}

/// One thing that Go asks.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request {
    #[serde(rename = "ID")]
    id: i64,
    command: String,
    #[serde(rename = "ActionID", default)]
    action: String,
    #[serde(rename = "OutputID", default)]
    output: String,
    #[serde(default)]
    body_size: u64,
}

/// The answer to the request with the same id; the first one, with id 0, says what the server can do.
#[derive(Serialize, Default)]
#[serde(rename_all = "PascalCase")]
struct Response {
    #[serde(rename = "ID")]
    id: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    err: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    known_commands: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    miss: Option<bool>,
    #[serde(rename = "OutputID", skip_serializing_if = "Option::is_none")]
    output: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disk_path: Option<PathBuf>,
}

/// An entry that was found: the id of its output in hexadecimal, and the file with the bytes.
struct Found {
    output: String,
    size: u64,
    file: PathBuf,
}

/// Serves if the process was started as [`PROGRAM`], then never returns.
pub fn serve_if_called() {
    let mut words = std::env::args();
    let name = words.next().unwrap_or_default();
    if Path::new(&name).file_name().is_none_or(|name| name != PROGRAM) {
        return;
    }
    let served = Store::parse(words)
        .and_then(|store| serve(&store, io::stdin().lock(), io::stdout().lock()).map_err(|error| error.to_string()));
    let code = match served {
        Ok(()) => 0,
        Err(error) => {
            // Go passes what the server says on to whoever called it.
            let _ = writeln!(io::stderr(), "{PROGRAM}: {error}");
            1
        }
    };
    std::process::exit(code);
}

/// Serves requests until Go says `close` or goes away.
pub fn serve(store: &Store, mut input: impl BufRead, mut output: impl Write) -> io::Result<()> {
    store.prepare()?;
    answer(&mut output, &Response { known_commands: vec!["get", "put", "close"], ..Response::default() })?;
    while let Some(line) = next_line(&mut input)? {
        let request: Request = serde_json::from_slice(&line)?;
        let body = if request.body_size > 0 { next_line(&mut input)?.unwrap_or_default() } else { Vec::new() };
        let response = store.handle(&request, &body).unwrap_or_else(|error| Response {
            err: Some(format!("{PROGRAM} cannot {} an entry: {error}", request.command)),
            ..Response::default()
        });
        answer(&mut output, &Response { id: request.id, ..response })?;
        if request.command == "close" {
            break;
        }
    }
    Ok(())
}

impl Store {
    /// Reads the command line: any number of `--read DIR`, at most one `--write DIR`.
    pub fn parse(mut words: impl Iterator<Item = String>) -> Result<Store, String> {
        let mut store = Store::default();
        while let Some(word) = words.next() {
            let dir = words.next().ok_or_else(|| format!("`{word}` wants a directory"))?;
            let dir = std::path::absolute(&dir).map_err(|error| format!("`{dir}` is not a directory: {error}"))?;
            match word.as_str() {
                "--read" => store.read.push(dir),
                "--write" if store.write.is_none() => store.write = Some(dir),
                _ => return Err(format!("usage: {PROGRAM} [--read DIR]... [--write DIR]; unexpected `{word}`")),
            }
        }
        Ok(store)
    }

    fn prepare(&self) -> io::Result<()> {
        let Some(dir) = &self.write else { return Ok(()) };
        fs::create_dir_all(dir.join("a"))?;
        fs::create_dir_all(dir.join("o"))
    }

    fn handle(&self, request: &Request, body: &[u8]) -> io::Result<Response> {
        match request.command.as_str() {
            "get" => Ok(self.get(&hex_of(&request.action)?)),
            "put" => self.put(request, body),
            "close" => Ok(Response::default()),
            _ => Err(io::Error::new(io::ErrorKind::Unsupported, "the command is not known")),
        }
    }

    fn get(&self, action: &str) -> Response {
        match self.write.iter().chain(&self.read).find_map(|dir| find(dir, action)) {
            Some(found) => Response {
                output: Some(STANDARD.encode(bytes_of_hex(&found.output))),
                size: Some(found.size),
                disk_path: Some(found.file),
                ..Response::default()
            },
            None => Response { miss: Some(true), ..Response::default() },
        }
    }

    fn put(&self, request: &Request, body: &[u8]) -> io::Result<Response> {
        let Some(dir) = &self.write else {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "no directory was given with --write"));
        };
        let (action, output) = (hex_of(&request.action)?, hex_of(&request.output)?);
        let bytes = decode_body(body)?;
        if bytes.len() as u64 != request.body_size {
            return Err(invalid("the body has another size than announced"));
        }
        let file = dir.join("o").join(&output);
        write_whole(&file, &bytes)?;
        write_whole(&dir.join("a").join(&action), format!("{output} {}\n", bytes.len()).as_bytes())?;
        Ok(Response { disk_path: Some(file), ..Response::default() })
    }
}

/// Returns the entry of an action, if it is there and whole.
fn find(dir: &Path, action: &str) -> Option<Found> {
    let entry = fs::read_to_string(dir.join("a").join(action)).ok()?;
    let (output, size) = entry.trim_end().split_once(' ')?;
    let file = dir.join("o").join(output);
    let size = size.parse().ok()?;
    (fs::metadata(&file).ok()?.len() == size).then(|| Found { output: output.to_owned(), size, file })
}

/// Writes a file that appears whole or not at all.
fn write_whole(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let part = file.with_extension("part");
    fs::write(&part, bytes)?;
    fs::rename(&part, file)
}

/// Returns the next line that is not empty, without its end; `None` at the end of the input.
fn next_line(input: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    while input.read_until(b'\n', &mut line)? > 0 {
        let end = line.trim_ascii_end().len();
        line.truncate(end);
        if end > 0 {
            return Ok(Some(line));
        }
    }
    Ok(None)
}

fn answer(output: &mut impl Write, response: &Response) -> io::Result<()> {
    serde_json::to_writer(&mut *output, response)?;
    output.write_all(b"\n")?;
    output.flush()
}

/// Decodes the body of a `put`: base64 in a JSON string, which never holds an escape.
fn decode_body(line: &[u8]) -> io::Result<Vec<u8>> {
    if line.is_empty() {
        return Ok(Vec::new());
    }
    let text = line.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
    let text = text.ok_or_else(|| invalid("the body is not a JSON string"))?;
    STANDARD.decode(text).map_err(|_| invalid("the body is not base64"))
}

/// Turns an id, base64 on the wire, into the hexadecimal that names its file.
fn hex_of(base64: &str) -> io::Result<String> {
    let bytes = STANDARD.decode(base64).map_err(|_| invalid("the id is not base64"))?;
    if bytes.is_empty() {
        return Err(invalid("the id is empty"));
    }
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The reverse of [`hex_of`], for names that this server wrote; a name that is not hexadecimal gives fewer bytes,
/// which Go takes as a miss.
fn bytes_of_hex(hex: &str) -> Vec<u8> {
    hex.as_bytes().chunks(2).filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends lines to a server and returns its answers, with the directory of the store left out.
    fn talk(store: &Store, lines: &str) -> Vec<String> {
        let mut output = Vec::new();
        serve(store, lines.as_bytes(), &mut output).unwrap();
        let text = String::from_utf8(output).unwrap();
        let dirs = store.write.iter().chain(&store.read);
        let text = dirs.fold(text, |text, dir| text.replace(dir.to_str().unwrap(), "DIR"));
        text.lines().map(str::to_owned).collect()
    }

    fn store(dir: &Path) -> Store {
        Store { read: Vec::new(), write: Some(dir.to_owned()) }
    }

    const HELLO: &str = r#"{"ID":0,"KnownCommands":["get","put","close"]}"#;
    const PUT: &str =
        "{\"ID\":1,\"Command\":\"put\",\"ActionID\":\"AQI=\",\"OutputID\":\"qrs=\",\"BodySize\":5}\n\n\"aGVsbG8=\"\n";
    const GET: &str = "{\"ID\":2,\"Command\":\"get\",\"ActionID\":\"AQI=\"}\n\n";
    const CLOSE: &str = "{\"ID\":3,\"Command\":\"close\"}\n\n";

    #[test]
    fn what_is_put_is_got_again() {
        let dir = tempfile::tempdir().unwrap();
        let said = talk(&store(dir.path()), &format!("{GET}{PUT}{GET}{CLOSE}{GET}"));
        let want = [
            HELLO,
            r#"{"ID":2,"Miss":true}"#,
            r#"{"ID":1,"DiskPath":"DIR/o/aabb"}"#,
            r#"{"ID":2,"OutputID":"qrs=","Size":5,"DiskPath":"DIR/o/aabb"}"#,
            r#"{"ID":3}"#,
        ];
        assert_eq!(said, want);
        assert_eq!(fs::read_to_string(dir.path().join("a/0102")).unwrap(), "aabb 5\n");
        assert_eq!(fs::read_to_string(dir.path().join("o/aabb")).unwrap(), "hello");
    }

    #[test]
    fn a_read_only_directory_is_asked_and_never_written() {
        let (old, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        talk(&store(old.path()), PUT);
        let both = Store { read: vec![old.path().to_owned()], write: Some(new.path().to_owned()) };
        let other = PUT.replace("AQI=", "AwQ=");
        let said = talk(&both, &format!("{GET}{other}"));
        assert_eq!(said[1], r#"{"ID":2,"OutputID":"qrs=","Size":5,"DiskPath":"DIR/o/aabb"}"#);
        assert!(new.path().join("a/0304").is_file());
        assert!(!old.path().join("a/0304").exists());
    }

    #[test]
    fn an_entry_whose_bytes_are_cut_short_is_a_miss() {
        let dir = tempfile::tempdir().unwrap();
        talk(&store(dir.path()), PUT);
        fs::write(dir.path().join("o/aabb"), "hell").unwrap();
        assert_eq!(talk(&store(dir.path()), GET)[1], r#"{"ID":2,"Miss":true}"#);
    }

    #[test]
    fn an_empty_body_has_no_line_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let put = "{\"ID\":1,\"Command\":\"put\",\"ActionID\":\"AQI=\",\"OutputID\":\"qrs=\"}\n\n";
        let said = talk(&store(dir.path()), &format!("{put}{GET}"));
        assert_eq!(said[2], r#"{"ID":2,"OutputID":"qrs=","Size":0,"DiskPath":"DIR/o/aabb"}"#);
    }

    #[test]
    fn a_bad_request_is_answered_and_the_server_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let said = talk(&store(dir.path()), &format!("{}{GET}", PUT.replace("aGVsbG8=", "???")));
        assert_eq!(said[1], r#"{"ID":1,"Err":"rg-gocache cannot put an entry: the body is not base64"}"#);
        assert_eq!(said[2], r#"{"ID":2,"Miss":true}"#);
    }

    #[test]
    fn the_command_line_takes_directories() {
        let words = |text: &str| Store::parse(text.split(' ').map(str::to_owned));
        let want = Store { read: vec!["/a".into(), "/b".into()], write: Some("/c".into()) };
        assert_eq!(words("--read /a --write /c --read /b"), Ok(want));
        assert!(words("--read").is_err());
        assert!(words("--write /a --write /b").is_err());
    }
}
