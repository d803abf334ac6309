//! Toolchains that are images: actions on their root directories, rg.lock, and what a container may hold besides.

use testkit::image::{Image, busybox};
use testkit::tar::{link, member, program, tar};
use testkit::workspace::{Run, Workspace};

use crate::environment;

const SETTINGS: &str = "[workspace]\nname = \"it\"\n[toolchain.bb]\nimage = \"oci-layout:images/bb\"\n";

/// The second layer of the image: it changes, hides and replaces what the first has.
fn upper() -> Vec<u8> {
    tar(&[
        member("etc/marker", b'0', b"two\n"),
        member(".wh.gone", b'0', b""),
        member("opaque/.wh..wh..opq", b'0', b""),
        member("opaque/new", b'0', b"n"),
        link("etc/link", b'2', "/etc/marker"),
        member("etc/hosts", b'0', b"10.0.0.1 build\n"),
    ])
}

fn lower() -> Vec<u8> {
    tar(&[
        member("etc/marker", b'0', b"one\n"),
        member("gone", b'0', b"g"),
        member("opaque/old", b'0', b"o"),
        program("bin/greet", b"#!/bin/sh\necho hello\n"),
    ])
}

/// Makes a workspace with an image of busybox and two layers; `None` where there is no busybox.
fn workspace(build: &str) -> Option<Workspace> {
    let Some(busybox) = busybox() else {
        assert!(!environment::is_ci(), "busybox is missing: apt-get install busybox-static");
        println!("left out: no busybox on this machine");
        return None;
    };
    let workspace = crate::workspace(&[("p/BUILD.toml", build), ("p/in.txt", "in\n")]);
    workspace.write("workspace.toml", SETTINGS);
    Image::of(&[busybox, lower(), upper()]).write(&workspace.path("images/bb"));
    Some(workspace)
}

fn command(run: &str) -> String {
    format!("[command.a]\nrun = '''{run}'''\ninputs = [\"in.txt\"]\noutputs = [\"o\"]\ntoolchain = \"bb\"\n")
}

#[test]
fn an_action_sees_the_layers_of_its_image_and_nothing_of_this_machine() {
    let look = "cat /etc/link in.txt > $OUT/o; head -n 1 /etc/hosts >> $OUT/o; ls /opaque >> $OUT/o; greet >> $OUT/o; id -u >> $OUT/o\n\
        for it in /gone /usr/bin /etc/passwd /root; do test -e $it && echo $it >> $OUT/o; done\n\
        for it in /bin/x /x /etc/x; do (echo > $it) 2> /dev/null && echo wrote $it >> $OUT/o; done; true";
    let Some(workspace) = workspace(&command(look)) else { return };
    workspace.build(&[]).runs(1);
    assert_eq!(workspace.read("rg-out/p/a/o"), "two\nin\n127.0.0.1 localhost\nnew\nhello\n1000\n");
    workspace.build(&[]).runs(0);
    // Another image with the same layers is unpacked only as far as it is new.
    let layers = [busybox().unwrap(), lower(), tar(&[member("etc/link", b'0', b"three\n")])];
    Image::of(&layers).write(&workspace.path("images/bb"));
    workspace.rg(&["lock", "--update"]).ok();
    workspace.build(&[]).runs(1);
    assert!(workspace.read("rg-out/p/a/o").starts_with("three\nin\n127.0.0.1 localhost\nold\n"));
}

#[test]
fn an_image_changes_only_when_the_lock_does() {
    let Some(workspace) = workspace(&command("cat /etc/marker > $OUT/o")) else { return };
    workspace.rg(&["build", "--locked"]).exits(5).says(&["oci-layout:images/bb", "rg lock"]);
    workspace.rg(&["lock", "--check"]).exits(5);
    workspace.build(&[]).runs(1);
    let lock = workspace.read("rg.lock");
    assert!(lock.contains("\n\"oci-layout:images/bb\" = \"sha256:"), "{lock}");
    workspace.rg(&["lock", "--check"]).ok();
    workspace.rg(&["build", "--locked"]).ok();

    Image::of(&[busybox().unwrap(), lower()]).write(&workspace.path("images/bb"));
    workspace.build(&[]).runs(0);
    workspace.rg(&["lock"]).ok();
    assert_eq!(workspace.read("rg.lock"), lock);
    workspace.rg(&["lock", "--update", "bb:1"]).exits(2).says(&["no definition names", "bb:1"]);
    workspace.rg(&["lock", "--update", "oci-layout:images/bb"]).ok().says(&["updated oci-layout:images/bb"]);
    workspace.build(&[]).runs(1);
    assert_eq!(workspace.read("rg-out/p/a/o"), "one\n");

    workspace.write("rg.lock", "version = 1\n[images]\n<<<<<<< ours\n");
    workspace.rg(&["build"]).exits(2).says(&["RG0505", "rg.lock", "take one side of a merge"]);
    workspace.write("rg.lock", "version = 1\n[images]\n\"x\" = \"sha256:12\"\n");
    workspace.rg(&["build"]).exits(2).says(&["RG0505", "`sha256:12` is no digest"]);
}

#[test]
fn an_image_that_cannot_be_used_is_named_with_what_is_wrong() {
    let Some(workspace) = workspace(&command("true > $OUT/o")) else { return };
    let image = |layers: &[Vec<u8>]| Image::of(layers).write(&workspace.path("images/bb"));
    let relock = || workspace.rg(&["lock", "--update"]).ok();
    let fails = |phrases: &[&str]| {
        let run = workspace.rg(&["build"]).exits(48);
        run.says(&["oci-layout:images/bb"]).says(phrases);
    };
    image(&[busybox().unwrap(), tar(&[member("../out", b'0', b"x")])]);
    relock();
    fails(&["../out", "layer"]);
    assert!(!workspace.has("out") && !workspace.has("images/out"));
    let digest = image(&[busybox().unwrap()]);
    relock();
    std::fs::write(workspace.path(&format!("images/bb/blobs/sha256/{}", digest.hex())), "{}").unwrap();
    fails(&["digest"]);
    fails(&["make `images/bb` again, then `rg lock --update oci-layout:images/bb`"]);
    workspace.remove("images/bb");
    fails(&["is no OCI layout", "make `images/bb` again"]);
    workspace.write("workspace.toml", SETTINGS.replace("oci-layout:images/bb", "docker://x"));
    workspace.rg(&["build"]).exits(2).says(&["docker://x"]);
}

/// What a tag leads to is looked at before it is written down: only `rg lock --update` would find it again.
#[test]
fn only_an_image_that_can_be_used_is_pinned() {
    let Some(workspace) = workspace(&command("true > $OUT/o")) else { return };
    let refused = |phrases: &[&str]| {
        for words in [&["lock"][..], &["build"], &["lock", "--update"]] {
            workspace.rg(words).exits(48).says(&["cannot pin the image `oci-layout:images/bb`"]).says(phrases);
            assert!(!workspace.has("rg.lock"), "{words:?}");
        }
    };
    Image { architecture: "s390x", ..Image::of(&[busybox().unwrap()]) }.write(&workspace.path("images/bb"));
    refused(&["linux/s390x", "is for this machine, too"]);
    let digest = Image::of(&[busybox().unwrap()]).write(&workspace.path("images/bb"));
    std::fs::write(workspace.path(&format!("images/bb/blobs/sha256/{}", digest.hex())), "{}").unwrap();
    refused(&["digest", "make `images/bb` again"]);

    // Another one is pinned all the same.
    let two = format!("{SETTINGS}[toolchain.cc]\nimage = \"oci-layout:images/cc\"\n");
    Image::of(&[busybox().unwrap()]).write(&workspace.path("images/cc"));
    workspace.write("workspace.toml", &two);
    workspace.rg(&["lock"]).exits(48).says(&["cannot pin the image `oci-layout:images/bb`"]);
    assert!(workspace.read("rg.lock").contains("\n\"oci-layout:images/cc\" = \"sha256:"));
}

#[test]
fn a_program_that_the_image_lacks_is_named_with_the_image_and_with_what_is_like_it() {
    let argv = "[command.a]\nargv = [\"greets\", \"x\"]\noutputs = [\"o\"]\ntoolchain = \"bb\"\n\
                [command.c]\nargv = [\"/bin/greets\"]\noutputs = [\"o\"]\ntoolchain = \"bb\"\n";
    let line = "[command.b]\nrun = \"greets > $OUT/o\"\noutputs = [\"o\"]\ntoolchain = \"bb\"\n";
    let Some(workspace) = workspace(&format!("{argv}{line}")) else { return };
    for target in ["//p:a", "//p:b", "//p:c"] {
        let run = workspace.rg(&["build", target]).exits(1);
        run.says(&["greets`", "oci-layout:images/bb", "`greet`", "name the program that oci-layout:images/bb has"]);
        let run = workspace.rg(&["shell", target, "--", "/bin/greets"]).exits(127);
        run.says(&["`/bin/greets`", "oci-layout:images/bb", "`greet`"]);
    }
}

#[test]
fn toolchains_meet_in_one_action_only_without_images() {
    let two = "[command.a]\nrun = \"true\"\ntoolchains = [\"bb\", \"sh\"]\n[command.b]\nrun = \"cat /etc/marker > $OUT/o\"\noutputs = [\"o\"]\n";
    let Some(workspace) = workspace(two) else { return };
    workspace.write("workspace.toml", format!("{SETTINGS}[toolchain.sh]\nhost = [\"sh\"]\n"));
    workspace.rg(&["build"]).exits(2).says(&["RG0503", "one image"]);
    // Actions that name no toolchain run on the one that is called base.
    workspace.write("p/BUILD.toml", two.split("[command.b]").last().map(|b| format!("[command.b]{b}")).unwrap());
    workspace.write("workspace.toml", SETTINGS.replace("toolchain.bb", "toolchain.base"));
    workspace.build(&[]).runs(1);
    assert_eq!(workspace.read("rg-out/p/b/o"), "two\n");
    // A stand-in for an image of a registry needs none.
    let stand_in = "[images.override]\n\"example.org/tools/bb:*\" = \"oci-layout:images/bb\"\n";
    let settings = SETTINGS.replace("oci-layout:images/bb", "example.org/tools/bb:1.36");
    workspace.write("workspace.toml", format!("{settings}{stand_in}").replace("toolchain.bb", "toolchain.base"));
    workspace.build(&[]).runs(0);
}

#[test]
fn a_secret_is_seen_by_its_action_alone() {
    let secret = "cat /run/secrets/TOKEN | head -c 6 > $OUT/o; cat /run/secrets/TOKEN";
    let text = format!(
        "{}secrets = [\"TOKEN\"]\n[command.b]\nrun = \"ls /run/secrets\"\ntoolchain = \"bb\"\n",
        command(secret)
    );
    let Some(workspace) = workspace(&text) else { return };
    workspace.write("workspace.toml", format!("{SETTINGS}[secrets.TOKEN]\nenv = \"MY_TOKEN\"\n"));
    let rg = |words: &[&str], value: &str| -> Run { workspace.rg_with(words, &[("MY_TOKEN", value)]) };
    let run = rg(&["build", "//p:a", "-v"], "canary-4711-value").ok();
    assert!(run.err.contains("***") && !run.err.contains("4711"), "{run}");
    assert_eq!(workspace.read("rg-out/p/a/o"), "canary");
    assert!(rg(&["log", "//p:a"], "").ok().out.contains("***"));
    let found = std::process::Command::new("grep").args(["-rqa", "4711"]).arg(workspace.cache()).status().unwrap();
    assert!(!found.success(), "the value is in the store");
    // It is in no key, so a new value runs nothing, and none is needed for what is known.
    rg(&["build", "//p:a"], "another").runs(0);
    workspace.build(&["//p:a"]).runs(0);
    workspace.rg(&["build", "//p:a", "--rerun", "//p:a"]).exits(36).says(&["TOKEN", "MY_TOKEN is not set"]);
    workspace.rg(&["build", "//p:b"]).exits(1).says(&["/run/secrets"]);

    workspace.write("workspace.toml", format!("{SETTINGS}[secrets.TOKEN]\nfile = \"token.txt\"\n"));
    workspace.rg(&["build", "//p:a", "--rerun", "//p:a"]).exits(36).says(&["token.txt"]);
    workspace.write("token.txt", "from a file\n");
    workspace.rg(&["build", "//p:a", "--rerun", "//p:a"]).ok();
    assert_eq!(workspace.read("rg-out/p/a/o"), "from a");
    workspace.rg(&["build", "//p:a", "--executor", "host"]).exits(36).says(&["cannot run in the image"]);
    workspace.write("workspace.toml", format!("{SETTINGS}[secrets.TOKENS]\nenv = \"T\"\n"));
    workspace.rg(&["build", "//p:a"]).exits(2).says(&["RG0506", "\"TOKENS\""]);
}

#[test]
fn a_secret_that_a_failed_action_wrote_down_is_not_kept_with_its_sandbox() {
    let spills = "cp /run/secrets/TOKEN /tmp/home/rc; cp /run/secrets/TOKEN here; cp /run/secrets/TOKEN $OUT/o; exit 3";
    let Some(workspace) = workspace(&format!("{}secrets = [\"TOKEN\"]\n", command(spills))) else { return };
    workspace.write("workspace.toml", format!("{SETTINGS}[secrets.TOKEN]\nenv = \"MY_TOKEN\"\n"));
    let rg = |words: &[&str]| workspace.rg_with(words, &[("MY_TOKEN", "canary-4712-value")]);
    rg(&["build", "//p:a"]).exits(1);
    let found = std::process::Command::new("grep").args(["-rqa", "4712"]).arg(workspace.cache()).status().unwrap();
    assert!(!found.success(), "the value is in the cache");
    rg(&["shell", "//p:a", "--", "sh", "-c", "test ! -e here && test ! -e /tmp/home/rc"]).ok();
}

#[test]
fn an_action_beyond_its_memory_fails_even_if_it_says_that_it_did_not() {
    let greedy = "dd if=/dev/zero of=/dev/null bs=300M count=1 || true; echo x > $OUT/o";
    let Some(workspace) = workspace(&format!("{}memory = \"64MiB\"\n", command(greedy))) else { return };
    workspace.rg(&["build"]).exits(1).says(&["out of memory", "64 MiB", "`memory`"]);
    workspace.write("p/BUILD.toml", format!("{}memory = \"64 apples\"\n", command("true")));
    workspace.rg(&["build"]).exits(2).says(&["`64 apples` is not a size"]);
    workspace.write("p/BUILD.toml", format!("{}memory = \"1GiB\"\n", command(greedy)));
    workspace.build(&[]).runs(1);
}

#[test]
fn a_cache_mount_is_kept_between_actions_and_is_no_output() {
    let counts = "echo x >> /cache/n/count; cat /cache/n/count | wc -l | tr -d ' ' > $OUT/o";
    let Some(workspace) = workspace(&format!("{}cache_mounts = {{ n = \"/cache/n\" }}\n", command(counts))) else {
        return;
    };
    workspace.build(&[]).runs(1);
    workspace.rg(&["build", "--rerun", "//p:a"]).ok();
    assert_eq!(workspace.read("rg-out/p/a/o"), "2\n");
    workspace.write("p/BUILD.toml", format!("{}cache_mounts = {{ n = \"/src/x\" }}\n", command(counts)));
    workspace.rg(&["build"]).exits(2).says(&["`/src/x` is no place for a shared directory"]);
    for place in ["/run", "/tmp", "/lib", "/bin/x"] {
        workspace.write("p/BUILD.toml", format!("{}cache_mounts = {{ n = \"{place}\" }}\n", command(counts)));
        workspace.rg(&["build"]).exits(2).says(&["is no place for a shared directory"]);
    }
    let twice = format!("{}cache_mounts = {{ a = \"/c\", b = \"/c\" }}\n", command(counts));
    workspace.write("p/BUILD.toml", twice);
    workspace.rg(&["build"]).exits(2).says(&["two shared directories want the place `/c`"]);
    let nested = "echo x > /c/d/f; ls /c > $OUT/o; ls /c/d >> $OUT/o";
    workspace.write("p/BUILD.toml", format!("{}cache_mounts = {{ b = \"/c\", a = \"/c/d\" }}\n", command(nested)));
    workspace.rg(&["build"]).ok();
    assert_eq!(workspace.read("rg-out/p/a/o"), "d\nf\n");
}

#[test]
fn a_shell_opens_where_the_action_runs_with_all_that_it_needs() {
    let needs = "[command.b]\nrun = \"cat $(location :a) > $OUT/o; false\"\ninputs = [\":a\"]\noutputs = [\"o\"]\ntoolchain = \"bb\"\n[files.f]\nsrcs = [\"in.txt\"]\n";
    let Some(workspace) = workspace(&format!("{}{needs}", command("cat in.txt > $OUT/o"))) else { return };
    let run = workspace.rg(&["shell", "//p:a", "--", "cat", "/etc/marker", "in.txt"]).ok();
    assert_eq!(run.out, "two\nin\n");
    workspace.rg(&["build", "//p:b"]).exits(1);
    let run = workspace.rg(&["shell", "//p:b", "--", "sh", "-c", "cat ../rg-out/p/a/o; id -u; exit 7"]);
    assert_eq!((run.code, run.out.as_str()), (7, "in\n1000\n"), "{run}");
    workspace.rg(&["shell", "//p:a", "--", "nothing"]).exits(127).says(&["`nothing`"]);
    workspace.rg(&["shell", "//p:f", "--", "true"]).exits(2).says(&["no action"]);
    workspace.rg(&["shell", "//p:all", "--", "true"]).exits(2);
    // What was done there is no result.
    workspace.rg(&["build", "//p:b"]).exits(1);
}

#[test]
fn an_interpreter_in_an_image_that_cannot_be_had_is_no_other_one() {
    let Some(workspace) = workspace("[python_test.t]\ntests = [\"test_*.py\"]\n") else { return };
    workspace.write("p/test_x.py", "def test_x():\n    pass\n");
    workspace.write("p/requirements.txt", format!("pytest==9.0.0 --hash=sha256:{}\n", "0".repeat(64)));
    workspace.write("workspace.toml", SETTINGS.replace("toolchain.bb", "toolchain.python"));
    workspace.rg(&["lock"]).ok();
    workspace.remove("images/bb");
    workspace.rg(&["build"]).exits(48).says(&["oci-layout:images/bb"]);
}
