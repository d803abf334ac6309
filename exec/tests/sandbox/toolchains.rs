//! Host toolchains of this machine, found and used in a sandbox.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Instant;

use exec::sandbox::{How, Spec};
use exec::tools::{self, Surroundings, TOOLCHAIN_BIN, which_all};
use model::Need;

use crate::fixture::{run_spec, spec};

/// Those of go, python3 and node that this machine has.
pub fn host_toolchains_run_in_the_sandbox() {
    let here = environment();
    let env = Surroundings::VARIABLES.iter().filter_map(|name| Some(((*name).to_owned(), here.get(*name)?.clone())));
    let home = here.get("HOME").map(PathBuf::from);
    let surroundings = Surroundings {
        path: here["PATH"].clone().into(),
        home,
        directory: "/".into(),
        env: env.collect(),
        helper: "/bin/true".into(),
    };
    for (program, script) in [
        ("go", "go version | cut -c-10; go env GOROOT > /dev/null; gofmt < /dev/null"),
        ("python3", "python3 -c 'import sys, ssl; print(sys.version_info.major)'; python -V >/dev/null"),
        ("node", "node -p '1 + 1'"),
    ] {
        if which_all(program, &surroundings.path).is_empty() {
            continue;
        }
        let need = Need::Host { toolchain: "t".into(), programs: vec![program.into()] };
        let needs = BTreeSet::from([Need::Base, Need::GoCache, need.clone()]);
        let resolved = tools::resolve(&needs, &surroundings, &[]).unwrap();
        let start = Instant::now();
        let again = tools::resolve(&needs, &surroundings, &resolved.remember.unwrap_or_default()).unwrap();
        println!("   {program}: a warm answer takes {:?}", start.elapsed());
        assert_eq!((again.remember, again.pins), (None, resolved.pins));
        let view = again.tools.view(&[need, Need::GoCache]);
        let path = format!("{TOOLCHAIN_BIN}:/usr/bin:/bin");
        let env = [("PATH", path.as_str()), ("HOME", "/tmp/home")].map(|(name, value)| (name.into(), value.into()));
        let spec = Spec { env: env.to_vec(), ..spec(&["sh", "-euc", script], view.to_mounts()) };
        let ran = run_spec(&spec, None, &|| false);
        assert_eq!(ran.result.unwrap().how, How::Exited(0), "{program}: {}", ran.output);
        let want = [("go", "go version\n"), ("python3", "3\n"), ("node", "2\n")];
        assert!(want.contains(&(program, ran.output.as_str())), "{program}: {}", ran.output);
    }
}

fn environment() -> BTreeMap<String, String> {
    let text = std::fs::read("/proc/self/environ").unwrap();
    let text = String::from_utf8_lossy(&text).into_owned();
    text.split('\0').filter_map(|pair| pair.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
}
