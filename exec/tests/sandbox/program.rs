//! Starting a program, its output, and how it ends by itself.

use exec::sandbox::{How, Mount, SandboxError};

use crate::fixture::{check, log, run, run_spec, sandbox, spec};

pub fn the_probe_passes() {
    sandbox().probe().unwrap();
}

pub fn exit_codes_and_signals_are_told_apart() {
    for (script, want) in [
        ("exit 0", How::Exited(0)),
        ("exit 137", How::Exited(137)),
        ("exit 255", How::Exited(255)),
        ("kill -9 $$", How::Signalled(9)),
        ("kill -TERM $$", How::Signalled(15)),
        ("trap '' PIPE; exit 3", How::Exited(3)),
        // Process 1 cannot be killed from inside.
        ("kill -9 1; exit 4", How::Exited(4)),
    ] {
        assert_eq!(run(script, vec![]).result.unwrap().how, want, "{script}");
    }
}

pub fn a_program_that_is_missing_is_its_own_error() {
    let file = Mount::File { at: "/src/text".into(), content: "hello".into() };
    for (program, want) in [("no-such-program", libc::ENOENT), ("/src/none", libc::ENOENT), ("/src/text", libc::EACCES)]
    {
        match run_spec(&spec(&[program], vec![file.clone()]), None, &|| false).result {
            Err(SandboxError::Program { argv0, source }) => {
                assert_eq!((argv0.as_str(), source.raw_os_error()), (program, Some(want)));
            }
            other => panic!("{program}: {other:?}"),
        }
    }
}

pub fn a_failing_set_up_names_the_call() {
    let missing = Mount::Bind { from: "/no/such/place".into(), at: "/src".into() };
    let error = run("true", vec![missing]).result.unwrap_err();
    assert_eq!(error.to_string(), "open_tree of `/no/such/place` is refused");
}

pub fn standard_output_and_error_arrive_in_order() {
    check("echo a; echo b >&2; echo c > /dev/stderr; echo d > /dev/stdout; echo e", "a\nb\nc\nd\ne\n");
    check("printf 'no newline'", "no newline");
}

pub fn output_without_end_uses_no_memory() {
    let log = log();
    let spec = spec(&["head", "-c", "300000000", "/dev/zero"], vec![]);
    let ended = sandbox().run(&spec, log.try_clone().unwrap(), None, &|| false).unwrap();
    assert_eq!((ended.how, log.metadata().unwrap().len()), (How::Exited(0), 300_000_000));
    assert!(ended.peak_memory_bytes < 50_000_000, "{ended:?}");
}

pub fn a_sandbox_can_be_made_in_a_sandbox() {
    let program = Mount::Bind { from: std::env::current_exe().unwrap(), at: "/program".into() };
    let spec = spec(&["/program", "probe"], vec![program]);
    assert_eq!(run_spec(&spec, None, &|| false).result.unwrap().how, How::Exited(0));
}
