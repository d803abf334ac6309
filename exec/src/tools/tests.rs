//! Fake machines: directories with programs, links, shims and version files.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use super::*;

struct Machine {
    root: tempfile::TempDir,
    surroundings: Surroundings,
}

/// Makes a machine of lines: `path = text` is a file, `path * text` a program, `path -> target` a link. In texts and
/// targets `ROOT` is the machine's root.
fn machine(lines: &str) -> Machine {
    let root = tempfile::tempdir().unwrap();
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        add(root.path(), line);
    }
    let at = |path: &str| root.path().join(path);
    let surroundings = Surroundings {
        path: std::env::join_paths([at("first"), at("shims-root/shims"), at("bin")]).unwrap(),
        home: Some(at("home")),
        directory: at("work/shop"),
        env: BTreeMap::new(),
        helper: at("bin/rg"),
    };
    Machine { root, surroundings }
}

fn add(root: &Path, line: &str) {
    let words: Vec<&str> = line.splitn(3, ' ').collect();
    let path = root.join(words[0]);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let text = words[2].replace("ROOT", root.to_str().unwrap());
    if words[1] == "->" {
        symlink(text, path).unwrap();
    } else {
        fs::write(&path, text).unwrap();
        let mode = if words[1] == "*" { 0o755 } else { 0o644 };
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
}

fn need(programs: &[&str]) -> Need {
    let programs = programs.iter().map(|&name| name.into()).collect();
    Need::Host { toolchain: "tools".into(), programs }
}

impl Machine {
    fn resolve_with(&self, need: &Need, remembered: &[u8]) -> Result<Resolved, Vec<ToolError>> {
        let later = clock_gettime(ClockId::RealtimeCoarse).tv_sec + 10;
        resolve_at(&BTreeSet::from([need.clone()]), &self.surroundings, remembered, later)
    }

    fn env(mut self, name: &str, value: &str) -> Machine {
        self.surroundings.env.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Returns what a need shows, or what is wrong, as text without the machine's root.
    fn told(&self, programs: &[&str]) -> String {
        let need = need(programs);
        let text = match self.resolve_with(&need, &[]) {
            Ok(resolved) => {
                let ToolView { mounts, links, masks } = resolved.tools.view(&[need]);
                let mounts = mounts.into_iter().map(|(_, at)| at);
                mounts
                    .chain(links.into_iter().map(|(name, to)| format!("{name} -> {to}")))
                    .chain(masks.into_iter().map(|at| format!("not {at}")))
                    .collect::<Vec<_>>()
                    .join("\n")
            }
            Err(mistakes) => {
                let told = |mistake: &ToolError| format!("{mistake}: {}", mistake.hint().unwrap_or_default());
                mistakes.iter().map(told).collect::<Vec<_>>().join("\n")
            }
        };
        let real = fs::canonicalize(self.root.path()).unwrap();
        text.replace(real.to_str().unwrap(), "").replace(self.root.path().to_str().unwrap(), "")
    }

    fn pin(&self, programs: &[&str]) -> Fingerprint {
        let need = need(programs);
        self.resolve_with(&need, &[]).unwrap().pins.0[&need]
    }
}

#[track_caller]
fn check(machine: &Machine, programs: &[&str], want: &str) {
    assert_eq!(machine.told(programs), want);
}

const GO: &str = "
    bin/go -> ROOT/opt/go/bin/go
    opt/go/VERSION = go1.26
    opt/go/bin/go * go-command
    opt/go/bin/gofmt * go-format
    opt/go/pkg/tool/linux_amd64/compile * compiler
    opt/go/pkg/tool/linux_amd64/link * linker";

const PYENV: &str = "
    shims-root/shims/python3 * shim
    shims-root/version = 3.10.1
    shims-root/versions/3.10.1/bin/python3 -> python3.10
    shims-root/versions/3.10.1/bin/python3.10 * ten
    shims-root/versions/3.10.1/lib/python3.10/os.py = x
    shims-root/versions/3.9.2/bin/python3 -> python3.9
    shims-root/versions/3.9.2/bin/python3.9 * nine-two
    shims-root/versions/3.9.2/lib/python3.9/os.py = x
    shims-root/versions/3.9.12/bin/python3 -> python3.9
    shims-root/versions/3.9.12/bin/python3.9 * nine-twelve
    shims-root/versions/3.9.12/lib/python3.9/os.py = x
    bin/python3 * system";

fn python(version: &str, name: &str) -> String {
    let prefix = format!("/shims-root/versions/{version}");
    format!("{prefix}\npython -> {prefix}/bin/{name}\npython3 -> {prefix}/bin/{name}")
}

#[test]
fn a_link_to_go_shows_the_whole_installation() {
    check(&machine(GO), &["go"], "/opt/go\ngo -> /opt/go/bin/go\ngofmt -> /opt/go/bin/gofmt");
}

#[test]
fn a_pyenv_shim_is_looked_through() {
    check(&machine(PYENV), &["python3"], &python("3.10.1", "python3.10"));
}

#[test]
fn the_nearest_python_version_file_above_the_workspace_decides() {
    let machine = machine(&format!("{PYENV}\nwork/.python-version = 3.9.2"));
    check(&machine, &["python3"], &python("3.9.2", "python3.9"));
}

#[test]
fn the_environment_decides_before_version_files_and_a_prefix_is_the_newest() {
    let machine = machine(&format!("{PYENV}\nwork/.python-version = 3.10.1")).env("PYENV_VERSION", "3.9");
    check(&machine, &["python3"], &python("3.9.12", "python3.9"));
}

#[test]
fn pyenv_can_leave_the_choice_to_the_system() {
    let machine = machine(PYENV).env("PYENV_VERSION", "system");
    check(&machine, &["python3"], "/bin/python3\npython -> /bin/python3\npython3 -> /bin/python3");
}

#[test]
fn a_version_that_pyenv_lacks_is_named() {
    let machine = machine(PYENV).env("PYENV_VERSION", "3.13");
    let want = "toolchain `tools` needs `python3`, of which pyenv has no version `3.13`: run `pyenv install 3.13`, or choose another version";
    check(&machine, &["python3"], want);
}

const RUSTUP: &str = "
    bin/rustup * rustup
    bin/rustc -> rustup
    home/.rustup/settings.toml = default_toolchain = \"stable-x86\"
    home/.rustup/toolchains/stable-x86/bin/rustc * stable
    home/.rustup/toolchains/stable-x86/lib/rustlib/components = x
    home/.rustup/toolchains/1.80-x86/bin/rustc * old
    home/.rustup/toolchains/1.80-x86/lib/rustlib/components = x";

#[test]
fn a_rustup_proxy_is_looked_through() {
    let toolchain = |name| {
        let dir = Path::new("/home").join(".rustup/toolchains").join(name);
        format!("{dir}\nrustc -> {dir}/bin/rustc", dir = dir.display())
    };
    check(&machine(RUSTUP), &["rustc"], &toolchain("stable-x86"));
    let chosen = machine(&format!("{RUSTUP}\nwork/shop/rust-toolchain.toml = channel = \"1.80\""));
    check(&chosen, &["rustc"], &toolchain("1.80-x86"));
    check(&chosen.env("RUSTUP_TOOLCHAIN", "stable"), &["rustc"], &toolchain("stable-x86"));
}

#[test]
fn node_and_npm_share_one_prefix() {
    let machine = machine(
        "bin/node -> ../opt/node/bin/node
         bin/npm -> ../opt/node/lib/node_modules/npm/bin/npm-cli.js
         opt/node/bin/node * node
         opt/node/lib/node_modules/npm/bin/npm-cli.js * npm
         opt/node/lib/node_modules/npm/package.json = 10.0",
    );
    let want = "/opt/node\nnode -> /opt/node/bin/node\nnpm -> /opt/node/lib/node_modules/npm/bin/npm-cli.js";
    check(&machine, &["node", "npm"], want);
}

#[test]
fn any_other_program_is_its_file() {
    check(&machine("first/protoc -> ../x/protoc\nx/protoc * p"), &["protoc"], "/x/protoc\nprotoc -> /x/protoc");
}

#[test]
fn all_missing_programs_are_reported_with_what_helps() {
    let want = "toolchain `tools` needs `go`, which is not on this machine: install Go (Debian: apt-get install golang-go) or name an image in [toolchain.tools]\n\
                toolchain `tools` needs `protoc`, which is not on this machine: install protoc (Debian: apt-get install protobuf-compiler) or name an image in [toolchain.tools]";
    check(&machine("bin/go = not a program\nbin/loop -> loop"), &["go", "protoc"], want);
}

#[test]
fn a_shim_of_an_unknown_manager_is_refused() {
    let told = machine("shims-root/shims/node * other").told(&["node"]);
    assert!(told.contains("is a shim that rg cannot look through"), "{told}");
}

#[test]
fn fingerprints_hold_content_and_no_paths() {
    let (one, other) = (machine(GO), machine(GO));
    assert_eq!(one.pin(&["go"]), other.pin(&["go"]));
    let moved = machine(&GO.replace("opt/go", "srv/go-1.26"));
    assert_eq!(one.pin(&["go"]), moved.pin(&["go"]));
    for (from, to) in
        [("go1.26", "go1.27"), ("* compiler", "* another"), ("* linker", "* another"), ("* go-command", "* x")]
    {
        assert_ne!(one.pin(&["go"]), machine(&GO.replace(from, to)).pin(&["go"]), "{to}");
    }
}

#[test]
fn packages_installed_into_a_python_are_covered_and_do_not_count() {
    let more = "shims-root/versions/3.10.1/lib/python3.10/site-packages/flask-3.0.dist-info/RECORD = x";
    let plain = machine(PYENV);
    let installed = machine(&format!("{PYENV}\n{more}"));
    assert_eq!(plain.pin(&["python3"]), installed.pin(&["python3"]));
    let covered = "not /shims-root/versions/3.10.1/lib/python3.10/site-packages";
    assert!(installed.told(&["python3"]).contains(covered), "{}", installed.told(&["python3"]));
}

/// Resolves, changes one thing, and resolves again with what was remembered.
#[track_caller]
fn check_remembered(change: &str, want: &str) {
    let machine = machine(PYENV);
    let need = need(&["python3"]);
    let first = machine.resolve_with(&need, &[]).unwrap();
    let bytes = first.remember.unwrap();
    let again = machine.resolve_with(&need, &bytes).unwrap();
    assert_eq!((again.remember, &again.pins), (None, &first.pins));
    let path = machine.root.path().join(change.split(' ').next().unwrap());
    let _ = fs::remove_file(path);
    add(machine.root.path(), change);
    let after = machine.resolve_with(&need, &bytes).unwrap();
    let told = if after.remember.is_none() {
        "remembered"
    } else if after.pins == first.pins {
        "same"
    } else {
        "other"
    };
    assert_eq!(told, want, "{change}");
}

#[test]
fn an_answer_is_remembered_until_something_that_was_looked_at_changes() {
    check_remembered("unrelated = x", "remembered");
    check_remembered("bin/other * x", "remembered");
    check_remembered("shims-root/versions/3.10.1/bin/python3.10 * changed", "other");
    check_remembered("shims-root/version = 3.9.2", "other");
    check_remembered("work/shop/.python-version = 3.9.2", "other");
    check_remembered("first/python3 * before", "other");
    check_remembered("shims-root/shims/python3 * shim2", "same");
    check_remembered("shims-root/versions/3.10.1/lib/libpython3.10.so.1.0 = x", "other");
}

#[test]
fn what_is_too_young_is_not_remembered() {
    let machine = machine(GO);
    let resolved = resolve(&BTreeSet::from([need(&["go"])]), &machine.surroundings, &[]).unwrap();
    assert_eq!(resolved.remember, None);
}

#[test]
fn other_surroundings_and_foreign_bytes_are_forgotten() {
    let machine = machine(PYENV);
    let need = need(&["python3"]);
    let bytes = machine.resolve_with(&need, &[]).unwrap().remember.unwrap();
    for end in 0..bytes.len() {
        assert!(machine.resolve_with(&need, &bytes[..end]).unwrap().remember.is_some());
    }
    let other = machine.env("PYENV_VERSION", "3.9.2");
    assert!(other.resolve_with(&need, &bytes).unwrap().remember.is_some());
}

#[test]
fn the_base_system_is_its_release_its_libraries_and_its_packages() {
    let lines =
        "etc/os-release = debian\nlib64/ld-linux-x86-64.so.2 = loader\nlib64/libc.so.6 = libc\nvar/lib/dpkg/status = a";
    let pin = |lines: &str| base::find_below(machine(lines).root.path(), &mut Look::default()).unwrap().fingerprint;
    assert_eq!(pin(lines), pin(lines));
    for (from, to) in [("= debian", "= fedora"), ("= loader", "= x"), ("= libc", "= x"), ("= a", "= b")] {
        assert_ne!(pin(lines), pin(&lines.replace(from, to)), "{to}");
    }
}

#[test]
fn the_go_cache_is_rg_itself_and_its_bytes_do_not_count() {
    let (one, other) = (machine("bin/rg * a"), machine("bin/rg * b"));
    let pin = |machine: &Machine| machine.resolve_with(&Need::GoCache, &[]).unwrap().pins.0[&Need::GoCache];
    assert_eq!(pin(&one), pin(&other));
    let view = one.resolve_with(&Need::GoCache, &[]).unwrap().tools.view(&[Need::GoCache]);
    assert_eq!(view.mounts, [(one.surroundings.helper.clone(), "/toolchain/bin/rg-gocache".to_owned())]);
}
