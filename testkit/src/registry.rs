//! A real registry, Debian's `docker-registry`, for as long as a test runs. Without the program, tests are left out, and
//! with `CI=true` they fail.

#![expect(clippy::disallowed_methods, reason = "tests find out whether they run in CI")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use model::Digest;

/// The name and the password of [`Access::Password`].
pub const LOGIN: (&str, &str) = ("user", "secret");

/// The line of them that the registry reads.
const HTPASSWD: &str = "user:$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n";

/// Who may ask a registry.
#[derive(Clone, Debug)]
pub enum Access {
    /// Everybody.
    Open,
    /// Who knows [`LOGIN`].
    Password,
    /// Who has a token of a server.
    Token {
        /// The address of the server.
        realm: String,
        /// The certificate of the key that signs its tokens.
        certificate: PathBuf,
    },
}

/// A registry that runs.
#[derive(Debug)]
pub struct Registry {
    /// `127.0.0.1:port`.
    pub host: String,
    process: Child,
    directory: tempfile::TempDir,
}

impl Registry {
    /// Starts a registry that holds what lies in a directory; `None` if there is no such program.
    pub fn start(storage: &Path, access: &Access) -> Option<Registry> {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let config = directory.path().join("config.yml");
        fs::write(directory.path().join("htpasswd"), HTPASSWD).expect("a file can be written");
        fs::write(&config, configuration(storage, access, directory.path())).expect("a file can be written");
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(&config).env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let path = std::env::var_os("PATH").unwrap_or_default();
        let Ok(mut process) = command.env("PATH", path).spawn() else {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "docker-registry is missing: run scripts/setup.sh");
            eprintln!("not tested: docker-registry is missing");
            return None;
        };
        let mut lines = BufReader::new(process.stderr.take().expect("it is piped")).lines();
        let host = lines.by_ref().map_while(Result::ok).find_map(|line| listens_at(&line));
        // Someone has to read what it says, or it waits.
        thread::spawn(move || lines.for_each(drop));
        Some(Registry { host: host.expect("docker-registry says where it listens"), process, directory })
    }

    /// Stores a blob, if the registry is open.
    pub fn push_blob(&self, repository: &str, bytes: &[u8]) {
        let (status, headers) = self.ask("POST", &format!("/v2/{repository}/blobs/uploads/"), "", b"");
        assert_eq!(status, 202);
        let location = headers.lines().find_map(|line| line.strip_prefix("Location: ")).expect("it says where");
        let path = location.split_once(&self.host).map_or(location, |(_, path)| path);
        let separator = if path.contains('?') { '&' } else { '?' };
        let path = format!("{path}{separator}digest={}", Digest::of(bytes));
        assert_eq!(self.ask("PUT", &path, "application/octet-stream", bytes).0, 201);
    }

    /// Stores a manifest under a tag or its digest, if the registry is open.
    pub fn push_manifest(&self, repository: &str, tag: &str, media_type: &str, bytes: &[u8]) {
        assert_eq!(self.ask("PUT", &format!("/v2/{repository}/manifests/{tag}"), media_type, bytes).0, 201);
    }

    /// Asks without any client in between; returns the status and the headers.
    fn ask(&self, method: &str, path: &str, media_type: &str, body: &[u8]) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.host).expect("it listens");
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\ncontent-type: {media_type}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            self.host,
            body.len(),
        );
        stream.write_all(&[head.as_bytes(), body].concat()).expect("it takes a request");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("it answers");
        let answer = String::from_utf8_lossy(&answer);
        let (head, _) = answer.split_once("\r\n\r\n").expect("an answer has headers");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("an answer has a status");
        (status, head.replace('\r', ""))
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = self.directory.path();
    }
}

fn configuration(storage: &Path, access: &Access, directory: &Path) -> String {
    let access = match access {
        Access::Open => String::new(),
        Access::Password => {
            let path = directory.join("htpasswd");
            format!("auth: {{htpasswd: {{realm: tests, path: {}}}}}\n", path.display())
        }
        Access::Token { realm, certificate } => format!(
            "auth: {{token: {{realm: '{realm}', service: tests, issuer: tests, rootcertbundle: {}}}}}\n",
            certificate.display()
        ),
    };
    format!(
        "version: 0.1\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: '127.0.0.1:0', secret: tests}}\n{access}",
        storage.display()
    )
}

fn listens_at(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("listening on ")?;
    Some(rest.split(['"', ' ', ',']).next()?.to_owned())
}
