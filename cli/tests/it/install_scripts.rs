//! What npm packages run when they are installed, as users see it. The packages are made here, and come from a registry
//! on loopback.

use std::net::TcpListener;

use testkit::server::Server;
use testkit::workspace::{Run, Workspace};

use crate::registry::{self, Registry};
use crate::{environment, workspace};

/// Reads what its own script has written.
const GREET: [(&str, &str); 2] = [
    (
        "package.json",
        r#"{"name": "greet", "version": "1.0.0", "scripts": {"preinstall": "say-words >words.txt", "postinstall": "node make.js"}}"#,
    ),
    ("index.js", "module.exports = require('./made.json');\n"),
];
/// Tries to reach the test on the way.
const MAKE: &str = "const fs = require('fs'), net = require('net');
const made = (network) => {
  const said = fs.readFileSync('words.txt', 'utf8').trim();
  fs.writeFileSync('made.json', JSON.stringify({ said, words: require('words'), network }));
  process.exit();
};
net.connect(PORT, '127.0.0.1').on('error', (error) => made(error.code)).on('connect', () => made('reached'));
";
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
    let Some(world) = World::new() else { return };
    world.build("[frontend.page]\n").exits(1).says(&["Cannot find module './made.json'"]);
    world.build("[frontend.page]\ninstall_scripts = [\"greet\"]\n").ok();
    let made = r#"{"said":"words 2","words":"words 2","network":"ECONNREFUSED"}"#;
    assert_eq!(world.workspace.read("rg-out/app/page/dist/page"), made);

    let service = "[node_service.page]\nentry = \"main.js\"\ninstall_scripts = [\"greet\"]\n";
    world.build(service).ok();
    assert_eq!(world.rg(&["run", "//app:page"]).ok().out.trim(), format!("{made} words 1"));
    assert!(world.workspace.has("rg-out/app/page/node_modules/greet/node_modules/words/index.js"));
}

#[test]
fn a_script_that_fails_and_a_name_that_no_package_has_are_named() {
    let Some(world) = World::new() else { return };
    let run = world.build("[frontend.page]\ninstall_scripts = [\"broken\"]\n").exits(1);
    run.says(&["install broken@1.0.0", "there is no compiler", "install of broken@1.0.0 ended with 3"]);
    let run = world.build("[frontend.page]\ninstall_scripts = [\"great\"]\n").exits(2);
    run.says(&["error[RG0928]: app/package-lock.json has no package `great`", "did you mean `greet`?"]);
}

/// A workspace with the packages in its lock, and the registry that has them.
struct World {
    workspace: Workspace,
    path: String,
    _registry: Server,
    /// Takes whoever reaches it.
    _listener: TcpListener,
}

impl World {
    fn new() -> Option<World> {
        let path = environment::path_with_node()?;
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let make = MAKE.replace("PORT", &listener.local_addr().unwrap().port().to_string());
        let greet = [GREET[0], GREET[1], ("make.js", &make)];
        let mut registry = Registry::default();
        let mut entry = |at: &str, name: &str, version: &str, more: &str, files: &[(&str, &str)]| {
            let integrity = registry.tarball(name, version, files);
            format!(r#""node_modules/{at}": {{"version": "{version}", "integrity": "{integrity}"{more}}}"#)
        };
        let needs = r#", "hasInstallScript": true, "dependencies": {"words": "2.0.0"}"#;
        let bin = r#", "bin": {"say-words": "say.js"}"#;
        let entries = [
            r#""": {"name": "app", "dependencies": {"broken": "1.0.0", "greet": "1.0.0", "words": "1.0.0"}}"#
                .to_owned(),
            entry("broken", "broken", "1.0.0", r#", "hasInstallScript": true"#, &BROKEN),
            entry("greet", "greet", "1.0.0", needs, &greet),
            entry("greet/node_modules/words", "words", "2.0.0", bin, &words(2)),
            entry("words", "words", "1.0.0", bin, &words(1)),
        ];
        let workspace = workspace(&APP);
        workspace.write("workspace.toml", registry::TOOLCHAINS);
        let lock = format!(r#"{{"name": "app", "lockfileVersion": 3, "packages": {{{}}}}}"#, entries.join(",\n"));
        workspace.write("app/package-lock.json", lock);
        let server = registry.serve();
        registry::ask(&workspace, &server.host);
        Some(World { workspace, path, _registry: server, _listener: listener })
    }

    /// Builds with a definition of `app`.
    fn build(&self, definition: &str) -> Run {
        self.workspace.write("app/BUILD.toml", definition);
        self.rg(&["build", "//app:page"])
    }

    fn rg(&self, words: &[&str]) -> Run {
        self.workspace.rg_with(words, &[("PATH", &self.path)])
    }
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
