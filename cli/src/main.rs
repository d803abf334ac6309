//! The program rg.

use std::process::ExitCode;

fn main() -> ExitCode {
    exec::sandbox::main_if_zygote();
    cli::gocache::serve_if_called();
    cli::bug::report_panics();
    cli::front::start()
}
