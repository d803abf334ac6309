// Runs the install scripts of one package as npm does, on a copy that may be changed, and keeps what is then there.
// node install.cjs PLACE OUT INSIDE…: PLACE is where the package lies below the working directory; INSIDE, from the
// package, are other packages that lie in it.
const { execFileSync, spawnSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");

const [place, out, ...inside] = process.argv.slice(2);
const given = process.cwd();
const temporary = process.env.TMPDIR || "/tmp";
const build = path.join(temporary, "build");

// The package is copied; everything beside it and beside what it lies in is linked, so that it finds what it needs.
let above = "";
for (const segment of place.split("/")) {
  fs.mkdirSync(path.join(build, above), { recursive: true });
  for (const other of fs.readdirSync(path.join(given, above))) {
    if (other !== segment) fs.symlinkSync(path.join(given, above, other), path.join(build, above, other));
  }
  above = path.join(above, segment);
}
const here = path.join(build, place);
execFileSync("cp", ["-R", path.join(given, place), here]);
execFileSync("chmod", ["-R", "u+w", here]);
process.chdir(here);

const manifest = JSON.parse(fs.readFileSync("package.json", "utf8").replace(/^\uFEFF/, ""));
const scripts = { ...manifest.scripts };
const compiles = fs.existsSync("binding.gyp") && manifest.gypfile !== false;
if (compiles && !scripts.install && !scripts.preinstall) scripts.install = "node-gyp rebuild";

const environment = { ...process.env, INIT_CWD: build, npm_command: "ci", npm_node_execpath: process.execPath };
environment.npm_package_name = manifest.name;
environment.npm_package_version = manifest.version;
environment.npm_package_json = path.join(here, "package.json");
environment.PATH = [...commands(here), process.env.PATH, compiler()].join(path.delimiter);

for (const event of ["preinstall", "install", "postinstall"]) {
  const line = scripts[event];
  if (!line) continue;
  console.log(`> ${manifest.name}@${manifest.version} ${event}\n> ${line}`);
  const env = { ...environment, npm_lifecycle_event: event, npm_lifecycle_script: line };
  const { status, signal, error } = spawnSync("/bin/sh", ["-c", line], { env, stdio: "inherit" });
  if (error) throw error;
  if (status !== 0) {
    console.error(`${event} of ${manifest.name}@${manifest.version} ended with ${signal || status}`);
    process.exit(status || 1);
  }
}

for (const other of [...inside, "node_modules/.bin"]) {
  fs.rmSync(other, { recursive: true, force: true });
  removeIfEmpty(path.dirname(other));
}
removeIfEmpty("node_modules");
process.chdir(given);
fs.mkdirSync(path.dirname(out), { recursive: true });
execFileSync("cp", ["-R", here, out]);

function removeIfEmpty(directory) {
  if (fs.existsSync(directory) && fs.readdirSync(directory).length === 0) fs.rmdirSync(directory);
}

// The directories with the commands of packages, the nearest first.
function commands(from) {
  const upwards = [];
  for (let at = from; at.startsWith(build); at = path.dirname(at)) upwards.push(path.join(at, "node_modules", ".bin"));
  return upwards;
}

// Shows the node-gyp that comes with npm, and the headers that come with node: there is no network to bring them by.
function compiler() {
  const prefix = path.dirname(path.dirname(fs.realpathSync(process.execPath)));
  if (fs.existsSync(path.join(prefix, "include/node/node.h"))) environment.npm_config_nodedir = prefix;
  const shown = path.join(temporary, "node-gyp");
  const places = ["lib/node_modules/npm/node_modules/node-gyp", "share/nodejs/node-gyp"];
  const programs = places.map((it) => path.join(prefix, it, "bin/node-gyp.js"));
  const program = programs.find((it) => fs.existsSync(it));
  fs.mkdirSync(shown, { recursive: true });
  if (program) fs.symlinkSync(program, path.join(shown, "node-gyp"));
  return shown;
}
