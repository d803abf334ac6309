//! The program rg.

use std::process::ExitCode;

fn main() -> ExitCode {
    exec::sandbox::main_if_helper();
    cli::bug::report_panics();
    cli::front::start()
}
