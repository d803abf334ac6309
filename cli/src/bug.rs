//! A panic is a bug in rg: it says so, and ends the process with its own code.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::Write;

use crate::exit::Exit;

/// Arranges that a panic in any thread prints what happened and ends rg with exit 37.
pub fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let message = panic.payload_as_str().unwrap_or("no message");
        let place = panic.location().map(|at| format!(" at {}:{}", at.file(), at.line())).unwrap_or_default();
        // RUST_BACKTRACE decides whether there is one.
        let trace = match Backtrace::capture() {
            trace if trace.status() == BacktraceStatus::Captured => trace.to_string(),
            _ => String::new(),
        };
        // Not `eprintln`: it panics when nobody reads.
        let _ = writeln!(
            std::io::stderr(),
            "\nerror: this is a bug in rg (relgraph) {}{place}: {message}\nhint: please report these lines with the \
             command that you typed; RUST_BACKTRACE=1 adds a backtrace\n{trace}",
            env!("CARGO_PKG_VERSION"),
        );
        std::process::exit(i32::from(Exit::Bug.code()));
    }));
}
