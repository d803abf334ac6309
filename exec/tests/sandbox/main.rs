//! The native sandbox and the host runner, run for real: as the user who tests and, if that is root, as a plain user.
//!
//! Each check is a sentence about the product. It has a main of its own, because a sandbox's helper is the program
//! that asks for one.
#![expect(clippy::unwrap_used, reason = "a check that cannot set up its place has failed")]

mod endings;
mod executors;
mod files;
mod fixture;
mod measure;
mod program;
mod surroundings;
mod toolchains;

use std::fs;
use std::process::{Command, ExitCode};
use std::time::Instant;

use endings::*;
use exec::sandbox::main_if_zygote;
use executors::*;
use files::*;
use fixture::{is_root, sandbox, scratch};
use measure::measure;
use program::*;
use surroundings::*;
use toolchains::*;

const CHECKS: &[(&str, fn())] = &[
    ("the_probe_passes", the_probe_passes),
    ("exit_codes_and_signals_are_told_apart", exit_codes_and_signals_are_told_apart),
    ("a_program_that_is_missing_is_its_own_error", a_program_that_is_missing_is_its_own_error),
    ("a_failing_set_up_names_the_call", a_failing_set_up_names_the_call),
    ("standard_output_and_error_arrive_in_order", standard_output_and_error_arrive_in_order),
    ("output_without_end_uses_no_memory", output_without_end_uses_no_memory),
    ("the_program_is_an_unprivileged_user", the_program_is_an_unprivileged_user),
    ("tmp_and_home_are_private_and_empty", tmp_and_home_are_private_and_empty),
    ("the_base_system_is_read_only", the_base_system_is_read_only),
    ("only_what_is_mounted_is_there", only_what_is_mounted_is_there),
    ("devices_work", devices_work),
    ("only_loopback_works_without_network", only_loopback_works_without_network),
    ("a_program_finds_no_port_taken_by_an_earlier_one", a_program_finds_no_port_taken_by_an_earlier_one),
    ("the_host_network_is_there_when_asked_for", the_host_network_is_there_when_asked_for),
    ("inputs_survive_what_is_done_to_them", inputs_survive_what_is_done_to_them),
    ("read_only_inputs_refuse_writes", read_only_inputs_refuse_writes),
    ("outputs_are_kept_below_an_overlay", outputs_are_kept_below_an_overlay),
    ("scribbles_can_go_to_a_directory", scribbles_can_go_to_a_directory),
    ("mounts_can_lie_in_each_other", mounts_can_lie_in_each_other),
    ("a_sandbox_can_be_made_in_a_sandbox", a_sandbox_can_be_made_in_a_sandbox),
    ("stray_processes_die_with_the_program", stray_processes_die_with_the_program),
    ("a_program_ends_when_its_time_is_over", a_program_ends_when_its_time_is_over),
    ("a_program_ends_when_it_is_cancelled", a_program_ends_when_it_is_cancelled),
    ("time_and_memory_are_measured", time_and_memory_are_measured),
    ("killing_the_caller_leaves_no_process", killing_the_caller_leaves_no_process),
    ("host_toolchains_run_in_the_sandbox", host_toolchains_run_in_the_sandbox),
    ("scripts_run_and_links_lead_in_each_executor", scripts_run_and_links_lead_in_each_executor),
    ("the_host_runner_keeps_the_same_promises", the_host_runner_keeps_the_same_promises),
];

fn main() -> ExitCode {
    main_if_zygote();
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some("sleeper") => run_a_sleeper(&arguments[2]),
        Some("measure") => measure(arguments[2].parse().unwrap(), arguments.get(3)),
        Some("probe") => return if sandbox().probe().is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE },
        _ => {}
    }
    let failed = CHECKS.iter().filter(|(name, check)| !passes(name, *check)).count();
    if failed > 0 {
        println!("{failed} failed");
        return ExitCode::FAILURE;
    }
    if is_root() { as_a_plain_user() } else { ExitCode::SUCCESS }
}

fn passes(name: &str, check: fn()) -> bool {
    let start = Instant::now();
    let passed = std::panic::catch_unwind(check).is_ok();
    println!("{} {name} {:?}", if passed { "ok" } else { "FAILED" }, start.elapsed());
    passed
}

fn as_a_plain_user() -> ExitCode {
    let place = scratch();
    let copy = place.join("sandbox-test");
    fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
    let ids = ["--reuid", "65534", "--regid", "65534", "--clear-groups"];
    println!("as a plain user:");
    let status = Command::new("setpriv").args(ids).arg(&copy).current_dir("/").status().unwrap();
    fs::remove_dir_all(place).unwrap();
    if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
