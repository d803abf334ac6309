//! What npm packages run when they are installed, as users see it. The packages are made here, and come from a registry
//! on loopback.

use std::fs;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use testkit::workspace::Workspace;

use crate::{environment, registry, workspace};

/// Reads what its own script has written.
const GREET: [(&str, &str); 3] = [
    (
        "package.json",
        r#"{"name": "greet", "version": "1.0.0", "scripts": {"preinstall": "say-words >words.txt", "postinstall": "node make.js"}}"#,
    ),
    ("index.js", "module.exports = require('./made.json');\n"),
    (
        "make.js",
        "const fs = require('fs'), net = require('net');
const made = (network) => {
  const said = fs.readFileSync('words.txt', 'utf8').trim();
  fs.writeFileSync('made.json', JSON.stringify({ said, words: require('words'), network }));
  process.exit();
};
net.connect(PORT, '127.0.0.1').on('error', (error) => made(error.code)).on('connect', () => made('reached'));
",
    ),
];
const BROKEN: [(&str, &str); 1] = [(
    "package.json",
    r#"{"name": "broken", "version": "1.0.0", "scripts": {"install": "echo there is no compiler >&2; exit 3"}}"#,
)];
const APP: [(&str, &str); 3] = [
    (
        "app/package.json",
        r#"{"name": "app", "scripts": {"build": "node build.js"}, "dependencies": {"broken": "1.0.0", "greet": "1.0.0", "words": "1.0.0"}}"#,
    ),
    (
        "app/build.js",
        "const fs = require('fs');\nfs.mkdirSync('dist');\nfs.writeFileSync('dist/page', JSON.stringify(require('greet')));\n",
    ),
    ("app/main.js", "console.log(JSON.stringify(require('greet')), require('words'));\n"),
];

#[test]
fn a_package_runs_its_install_scripts_where_a_target_allows_them_and_without_network() {
    let Some(workspace) = workspace_with_packages() else { return };
    workspace.write("app/BUILD.toml", "[frontend.page]\n");
    workspace.rg(&["build", "//app:page"]).exits(1).says(&["Cannot find module './made.json'"]);
    workspace.write("app/BUILD.toml", "[frontend.page]\ninstall_scripts = [\"greet\"]\n");
    workspace.rg(&["build", "//app:page"]).ok();
    let made = r#"{"said":"words 2","words":"words 2","network":"ECONNREFUSED"}"#;
    assert_eq!(workspace.read("rg-out/app/page/dist/page"), made);

    let service = "[node_service.main]\nentry = \"main.js\"\ninstall_scripts = [\"greet\"]\n";
    workspace.write("app/BUILD.toml", service);
    let run = workspace.rg(&["run", "//app:main"]).ok();
    assert_eq!(run.out.trim(), format!("{made} words 1"));
    assert!(workspace.has("rg-out/app/main/node_modules/greet/node_modules/words/index.js"));
}

#[test]
fn a_script_that_fails_and_a_name_that_no_package_has_are_named() {
    let Some(workspace) = workspace_with_packages() else { return };
    workspace.write("app/BUILD.toml", "[frontend.page]\ninstall_scripts = [\"broken\"]\n");
    let run = workspace.rg(&["build", "//app:page"]).exits(1);
    run.says(&["install broken@1.0.0", "there is no compiler", "install of broken@1.0.0 ended with 3"]);
    workspace.write("app/BUILD.toml", "[frontend.page]\ninstall_scripts = [\"great\"]\n");
    let run = workspace.rg(&["build", "//app:page"]).exits(2);
    run.says(&["error[RG0928]: app/package-lock.json has no package `great`", "did you mean `greet`?"]);
}

/// Makes a workspace with the packages in its lock, and a registry that has them.
fn workspace_with_packages() -> Option<Workspace> {
    if !["node", "tar", "sha512sum"].into_iter().all(environment::has) {
        return None;
    }
    let workspace = workspace(&APP);
    workspace.write("workspace.toml", "[workspace]\nname = \"it\"\n[toolchain.node]\nhost = [\"node\"]\n");
    let room = workspace.beside("registry");
    let port = registry::start(&room);
    let entry = |at: &str, name: &str, version: &str, more: &str, files: &[(&str, &str)]| {
        let integrity = pack(&room.join(format!("{name}-{version}.tgz")), files, port);
        format!(r#""node_modules/{at}": {{"version": "{version}", "integrity": "{integrity}"{more}}}"#)
    };
    let needs = r#", "hasInstallScript": true, "dependencies": {"words": "2.0.0"}"#;
    let entries = [
        r#""": {"name": "app", "dependencies": {"broken": "1.0.0", "greet": "1.0.0", "words": "1.0.0"}}"#.to_owned(),
        entry("broken", "broken", "1.0.0", r#", "hasInstallScript": true"#, &BROKEN),
        entry("greet", "greet", "1.0.0", needs, &GREET),
        entry("greet/node_modules/words", "words", "2.0.0", r#", "bin": {"say-words": "say.js"}"#, &words(2)),
        entry("words", "words", "1.0.0", r#", "bin": {"say-words": "say.js"}"#, &words(1)),
    ];
    let lock = format!(r#"{{"name": "app", "lockfileVersion": 3, "packages": {{{}}}}}"#, entries.join(",\n"));
    workspace.write("app/package-lock.json", lock);
    fs::write(workspace.beside("home/.npmrc"), format!("registry=http://127.0.0.1:{port}/\n")).unwrap();
    Some(workspace)
}

fn words(version: u32) -> [(&'static str, &'static str); 3] {
    match version {
        1 => [
            ("package.json", r#"{"name": "words", "version": "1.0.0", "bin": {"say-words": "say.js"}}"#),
            ("index.js", "module.exports = 'words 1';\n"),
            ("say.js", "#!/usr/bin/env node\nconsole.log(require('words'));\n"),
        ],
        _ => [
            ("package.json", r#"{"name": "words", "version": "2.0.0", "bin": {"say-words": "say.js"}}"#),
            ("index.js", "module.exports = 'words 2';\n"),
            ("say.js", "#!/usr/bin/env node\nconsole.log(require('./index.js'));\n"),
        ],
    }
}

/// Makes a tarball as `npm pack` does. Returns its hash as locks write it.
fn pack(tarball: &Path, files: &[(&str, &str)], port: u16) -> String {
    let room = tarball.with_extension("d");
    fs::create_dir_all(room.join("package")).unwrap();
    for (name, text) in files {
        fs::write(room.join("package").join(name), text.replace("PORT", &port.to_string())).unwrap();
    }
    let made = Command::new("tar").arg("czf").arg(tarball).arg("-C").arg(&room).arg("package").status().unwrap();
    assert!(made.success());
    let hashed = Command::new("sha512sum").arg(tarball).output().unwrap();
    let hex = String::from_utf8(hashed.stdout).unwrap();
    let byte = |at: usize| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap();
    let bytes: Vec<u8> = (0..64).map(byte).collect();
    format!("sha512-{}", base64::engine::general_purpose::STANDARD.encode(bytes))
}
