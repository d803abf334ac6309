//! A server that gives tokens for a registry to whoever knows the password.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::json;
use testkit::registry::Access;
use testkit::server::{Server, whole};

/// The server, with the key that it signs by.
pub struct Tokens {
    server: Server,
    directory: tempfile::TempDir,
}

impl Tokens {
    /// Starts a server; `None` without openssl.
    pub fn start() -> Option<Tokens> {
        let directory = tempfile::tempdir().unwrap();
        let key = directory.path().join("key.pem");
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-subj", "/CN=tests", "-keyout"])
            .arg(&key)
            .arg("-out")
            .arg(directory.path().join("cert.pem"))
            .output();
        if !made.is_ok_and(|output| output.status.success()) {
            eprintln!("not tested: openssl makes no certificate");
            return None;
        }
        let pem = fs::read_to_string(directory.path().join("cert.pem")).unwrap();
        let certificate: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let server = Server::start(move |request, stream| {
            if request.header("authorization") != "Basic dXNlcjpzZWNyZXQ=" {
                return whole(stream, "401 Unauthorized", "", b"");
            }
            let token = json!({ "access_token": token(&key, &certificate), "expires_in": 300 });
            whole(stream, "200 OK", "content-type: application/json\r\n", token.to_string().as_bytes());
        });
        Some(Tokens { server, directory })
    }

    /// Returns how a registry sends for its tokens.
    pub fn access(&self) -> Access {
        let realm = format!("http://{}/token", self.server.host);
        Access::Token { realm, certificate: self.directory.path().join("cert.pem") }
    }

    /// Returns what was asked, each with its credentials.
    pub fn requests(&self) -> Vec<String> {
        let requests = self.server.requests();
        requests.iter().map(|it| format!("{} {}", it.path, it.header("authorization"))).collect()
    }
}

/// Signs a token that lets pull the one image there is.
fn token(key: &Path, certificate: &str) -> String {
    let header = json!({ "typ": "JWT", "alg": "RS256", "x5c": [certificate] });
    let access = json!([{ "type": "repository", "name": "team/app", "actions": ["pull"] }]);
    let claims = json!({
        "iss": "tests", "aud": "tests", "sub": "user", "nbf": 0, "exp": 4_000_000_000_u32, "access": access,
    });
    let encoded = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let signed = format!("{}.{}", encoded(header.to_string().as_bytes()), encoded(claims.to_string().as_bytes()));
    let mut openssl = Command::new("openssl")
        .args(["dgst", "-sha256", "-sign"])
        .arg(key)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    openssl.stdin.take().unwrap().write_all(signed.as_bytes()).unwrap();
    let signature = openssl.wait_with_output().unwrap().stdout;
    format!("{signed}.{}", encoded(&signature))
}
