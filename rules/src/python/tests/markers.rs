//! Holds markers against `packaging.markers`, which pip has its own copy of.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::{Libc, Platform, PythonEnvironment};

use super::python;
use crate::python::marker::{Marker, Values};

/// Prints, for each marker and each environment of the input, whether it is true; `null` if it is no marker.
const SCRIPT: &str = r#"
import json, sys
from pip._vendor.packaging.markers import InvalidMarker, Marker, UndefinedComparison
given = json.load(sys.stdin)
def holds(marker, environment):
    try:
        return marker.evaluate(environment)
    except UndefinedComparison:
        return False
for text in given["markers"]:
    try:
        marker = Marker(text)
    except InvalidMarker:
        print(json.dumps(None))
        continue
    print(json.dumps([holds(marker, environment) for environment in given["environments"]]))
"#;

/// Everything that is compared for each of some values.
fn markers() -> Vec<String> {
    let versions = ["3", "3.9", "3.9.0", "3.11", "3.11.7", "3.11.*", "3.12.1", "3.10", "4", "3.13.0"];
    let operators = ["<", "<=", "==", "!=", ">=", ">", "~=", "==="];
    let mut markers = Vec::new();
    for operator in operators {
        for version in versions {
            markers.push(format!("python_version {operator} '{version}'"));
            markers.push(format!("python_full_version{operator}\"{version}\""));
            markers.push(format!("'{}' {operator} implementation_version", version.trim_end_matches(".*")));
        }
        for text in ["linux", "win32", "darwin", "linux2"] {
            markers.push(format!("sys_platform {operator} '{text}'"));
        }
    }
    let others = [
        "os_name == 'posix' and platform_system == 'Linux' or python_version < '3'",
        "os_name == 'nt' or (python_version >= '3.9' and platform_machine == 'x86_64')",
        "os_name == 'nt' and python_version >= '3.9' or platform_machine == 'aarch64'",
        "(os_name == 'nt' or os_name == 'posix') and (('a' == sys_platform) or sys_platform == 'linux')",
        "python_version in '3.11 3.12'",
        "python_version not in '2.7, 3.9'",
        "'linux' in sys_platform",
        "sys_platform not in 'win32 cygwin'",
        "platform_python_implementation == 'CPython' and implementation_name == \"cpython\"",
        "extra == 'socks'",
        "extra == 'socks' and python_version > '3.5'",
        "extra != 'socks'",
        "os.name == 'posix'",
        "sys.platform == 'linux'",
        "python_implementation == 'CPython'",
        "python_version >= 3.9",
        "nonsense == 'x'",
        "python_version",
        "python_version >= '3.9' and",
        "(python_version >= '3.9'",
        "python_version >= '3.9')",
        "",
    ];
    markers.extend(others.map(str::to_owned));
    markers
}

#[test]
fn markers_are_true_when_the_packaging_library_says_so() {
    let environments =
        [("3.11.7", "linux/amd64", "socks"), ("3.9.0", "linux/arm64", ""), ("3.13.2", "darwin/arm64", "")];
    let given = environments.map(|(version, platform, extra)| {
        let (os, arch) = platform.split_once('/').unwrap();
        let short: Vec<&str> = version.split('.').take(2).collect();
        serde_json::json!({
            "implementation_version": version, "python_full_version": version, "python_version": short.join("."),
            "sys_platform": os, "platform_system": if os == "linux" { "Linux" } else { "Darwin" }, "extra": extra,
            "platform_machine": match arch { "amd64" => "x86_64", _ if os == "linux" => "aarch64", _ => "arm64" },
            "os_name": "posix", "implementation_name": "cpython", "platform_python_implementation": "CPython",
        })
    });
    let markers = markers();
    let input = serde_json::json!({ "markers": markers, "environments": given });
    let Some(printed) = python(SCRIPT, &input.to_string()) else { return };
    for (text, line) in markers.iter().zip(printed.lines()) {
        let want: Option<Vec<bool>> = serde_json::from_str(line).unwrap();
        let marker = Marker::parse(text);
        let got = marker.map(|marker| {
            let holds = environments.map(|(version, platform, extra)| {
                let environment = PythonEnvironment { version: Arc::from(version), libc: Libc::Glibc(2, 36) };
                let platform: Platform = platform.parse().unwrap();
                let extras: BTreeSet<String> = [extra.to_owned()].into();
                marker.holds(&Values::new(&environment, &platform), &extras)
            });
            holds.to_vec()
        });
        assert_eq!(got, want, "{text}");
    }
}
