//! The program rg.

use std::process::ExitCode;

fn main() -> ExitCode {
    exec::sandbox::main_if_helper();
    if let Some(code) = cli::gocache::main_if_named() {
        return code;
    }
    cli::bug::report_panics();
    cli::front::start()
}
