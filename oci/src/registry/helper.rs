//! Programs that keep credentials for Docker: `docker-credential-NAME get` reads an address, and answers in JSON.

use std::io::Write;
use std::process::{Command, Stdio};

use fetch::User;
use serde::Deserialize;

use super::login::LoginError;

/// What a program answers.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Secret {
    pub username: String,
    pub secret: String,
}

/// Asks a program for the credentials of a server; `None` if it has none.
pub(super) fn ask(name: &str, server: &str, user: &User) -> Result<Option<Secret>, LoginError> {
    let failed = |why: String| LoginError::Helper { name: name.escape_debug().to_string(), why };
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)) {
        return Err(failed("that is no name of a program".to_owned()));
    }
    let mut child = Command::new(format!("docker-credential-{name}"))
        .arg("get")
        .env_clear()
        .envs(&user.environment)
        // Not in the workspace: nothing there is to run.
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that does not read will say what it wants.
        let _ = stdin.write_all(server.as_bytes());
    }
    let output = child.wait_with_output().map_err(|error| failed(error.to_string()))?;
    let said = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        // The protocol knows this answer by its text.
        let has_none = said.contains("credentials not found");
        let first = said.lines().next().unwrap_or("it fails without a word").chars().take(200).collect();
        return if has_none { Ok(None) } else { Err(failed(first)) };
    }
    let secret = serde_json::from_str(&said);
    // What it answers may be half a secret.
    secret.map(Some).map_err(|_| failed("it answers something else than JSON with a name and a secret".to_owned()))
}
