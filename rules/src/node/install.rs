//! `install_scripts`: what locked packages run when they are installed. Each runs in an action of its own, without network,
//! among what it needs and nothing else; what it leaves stands in the place of the package for the targets that allow it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use model::{
    Action, Command, Input, Limits, Mistake, Need, Network, Origin, OutputKind, Purpose, RelPath, Text, Work, codes,
};

use super::VERSION;
use super::layout::{Package, Placed, What};
use super::packages::{self, Laid};
use super::production;
use super::repository::Lock;
use crate::declaration::Declaration;
use crate::lowering::{Lowering, base_environment};
use crate::near::nearest;
use crate::parts::{self, path};

/// The names of the packages whose install scripts are allowed.
pub(super) type Allowed = BTreeSet<String>;

/// Runs the scripts of a package, as npm does.
const PROGRAM: &str = include_str!("install.cjs");

/// Some compile for long.
const TIMEOUT: Duration = Duration::from_secs(3600);

/// Returns what a target allows; `None` after a mistake.
pub(super) fn allowed(declaration: &Declaration, lock: &Lock, lowering: &mut Lowering) -> Option<Allowed> {
    let names: BTreeSet<&str> = packages_of(lock).map(|(_, package)| &*package.name).collect();
    let written = declaration.texts("install_scripts");
    let unknown: Vec<_> = written.iter().filter(|name| !names.contains(&*name.text)).collect();
    for name in &unknown {
        let message = format!("{} has no package `{}`", lock.file, name.text);
        let mistake = Mistake::new(codes::NODE_NO_PACKAGE, message).at(name.at.clone(), "");
        lowering.mistake(match nearest(&name.text, names.iter().copied()) {
            Some(near) => mistake.hint(format!("did you mean `{near}`?")),
            None => mistake.hint("write the name that the package has in the registry, or take it out"),
        });
    }
    unknown.is_empty().then(|| written.iter().map(|name| name.text.to_string()).collect())
}

/// Returns the actions that run what is allowed anywhere, each package with what it needs laid out before.
pub(super) fn actions(lock: &Lock, out: &RelPath, allowed: &BTreeSet<Allowed>) -> Vec<Action> {
    let anywhere: BTreeSet<&String> = allowed.iter().flatten().collect();
    let wanted = packages_of(lock).filter(|(_, package)| anywhere.contains(&package.name));
    wanted.flat_map(|(placed, package)| Installing { lock, out, placed, package }.actions()).collect()
}

fn packages_of(lock: &Lock) -> impl Iterator<Item = (&Placed, &Package)> {
    lock.layout.places.iter().filter_map(|placed| match &placed.what {
        What::Package(package) => Some((placed, package)),
        What::Link(_) => None,
    })
}

/// Returns the output that holds a package after its scripts. What it finds depends on where it lies.
pub(super) fn installed(place: &RelPath, package: &Package) -> RelPath {
    path(&format!("installed/{}@{}-{}", package.name, package.version, hash(place, package)))
}

fn hash(place: &RelPath, package: &Package) -> String {
    packages::short_hash(&format!("{place} {}", package.integrity))
}

/// A package that is installed at a place.
struct Installing<'i> {
    lock: &'i Lock,
    out: &'i RelPath,
    placed: &'i Placed,
    package: &'i Package,
}

impl Installing<'_> {
    fn actions(&self) -> [Action; 2] {
        let Package { name, version, .. } = self.package;
        let at = &self.placed.at;
        let needed = Laid {
            lock: self.lock,
            places: production::needed_at(&self.lock.layout, at),
            // One segment: the target's own directory is called `node_modules`, so this one stands where a package would.
            below: path(&format!("needed-{}", hash(at, self.package))),
        };
        let lay_out = needed.action(&format!("lay out for {name}@{version}"), self.out, &Allowed::new());
        let output = parts::output(self.out, installed(at, self.package), OutputKind::Directory);
        let mut inputs = needed.inputs();
        let program = Origin::Text(Text::Plain(Arc::from(PROGRAM)));
        inputs.push(Input { at: place_of_program(), from: program });
        inputs.sort();
        let needs = Need::grounded([self.lock.need.clone()]);
        let work = Work::Command(self.command(&output.at));
        let run = parts::action(&format!("install {name}@{version}"), work, Purpose::Build, needs, VERSION);
        let limits = Limits { timeout: Some(TIMEOUT), ..Limits::default() };
        [lay_out, Action { inputs, outputs: vec![output], limits, ..run }]
    }

    fn command(&self, output: &RelPath) -> Command {
        let directory = parts::src().join(&self.lock.dir);
        let mut argv = ["/bin/sh", "-euc", "exec node \"$@\"", "rg"].map(str::to_owned).to_vec();
        argv.push(place_of_program().relative_to(&directory));
        argv.extend([self.placed.at.to_string(), output.relative_to(&directory)]);
        argv.extend(self.inside());
        let argv = argv.iter().map(|word| Arc::from(&**word)).collect();
        Command { argv, env: base_environment(), directory, network: Network::None }
    }

    /// Returns what lies inside the package, from its directory, and is no part of it.
    fn inside(&self) -> impl Iterator<Item = String> {
        let places = self.lock.layout.places.iter().map(|placed| &placed.at);
        let inside = places.filter_map(|place| place.strip_prefix(&self.placed.at)).filter(|below| !below.is_root());
        inside.map(|below| below.to_string())
    }
}

/// Returns where the program that runs the scripts lies in an input root.
fn place_of_program() -> RelPath {
    path("npm/install.cjs")
}
