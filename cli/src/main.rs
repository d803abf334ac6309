//! The program rg.

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::bug::report_panics();
    cli::front::start()
}
