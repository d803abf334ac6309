//! Holds what is read of Python against Python itself.

mod imports;
mod locks;
mod markers;
mod poetry;
mod resolution;
mod tags;
mod uv;

use std::io::Write;
use std::process::{Command, Stdio};

/// Whether this machine has to have Python.
#[expect(clippy::disallowed_methods, reason = "a test that is skipped on a developer's machine must not be in CI")]
fn is_ci() -> bool {
    std::env::var("CI").is_ok_and(|ci| ci == "true")
}

/// Runs a script with what it reads from its input; `None`, after saying why, if a developer's machine cannot.
fn python(script: &str, input: &str) -> Option<String> {
    let mut command = Command::new("python3");
    command.args(["-B", "-X", "utf8", "-W", "ignore", "-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) if is_ci() => panic!("python3 is missing: {error}"),
        Err(error) => {
            eprintln!("skipped, because python3 cannot be run: {error}");
            return None;
        }
    };
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    drop(writer.join());
    assert!(output.status.success(), "{}", output.status);
    Some(String::from_utf8(output.stdout).unwrap())
}
