//! What Go would refuse of the sum files, told before anything runs.

use model::{Location, Mistake, RelPath, codes};

use super::modfile::{Replace, Require};
use super::modules::{Module, Root};
use super::sums::Sums;
use crate::lowering::Lowering;

impl Root {
    /// Of two files that say something else of one module, one is wrong.
    pub(super) fn check_agreement(&self, lowering: &mut Lowering) {
        let files = self.modules.iter().filter_map(|module| Some((module.go_sum(), module.sums.as_ref()?)));
        let files: Vec<(RelPath, &Sums)> = files.collect();
        for (at, (file, sums)) in files.iter().enumerate() {
            for (other, others) in &files[at + 1..] {
                for (path, version) in sums.contradicted(others) {
                    let message = format!("`{file}` and `{other}` have different hashes for `{path} {version}`");
                    let mistake = Mistake::new(codes::GO_BAD_SUM, message).at(Location::new(other.clone(), 0..0), "");
                    lowering.mistake(mistake.hint("remove the lines of the module from both, and run `go mod tidy`"));
                }
            }
        }
    }

    /// Returns the versions that modules of one go.work require, though another is chosen, and that have no hash: Go reads
    /// the go.mod of those, too. What a chosen one lacks is told to whoever imports it.
    pub(super) fn unhashed(&self, replaces: &[(RelPath, Replace)]) -> Vec<Mistake> {
        if self.work.is_none() {
            return Vec::new();
        }
        let lacks = |(module, require): (&Module, &Require)| {
            let Require { path, version, span } = require;
            let is_chosen = self.required.get(path).is_none_or(|choice| choice.version == *version);
            let has_hash = self.sums.get(path, version).is_some_and(|sum| sum.go_mod.is_some());
            let is_replaced = replaces.iter().any(|(_, replace)| replace.covers(path, version));
            let at = Location::new(module.go_mod(), span.clone());
            (!is_chosen && !has_hash && !is_replaced).then(|| missing_sum(path, version, "/go.mod", &at))
        };
        self.requires().filter_map(lacks).collect()
    }
}

/// Says that the hash of a module is in no go.sum, and how it gets there.
pub(super) fn missing_sum(path: &str, version: &str, suffix: &str, at: &Location) -> Mistake {
    let mistake = Mistake::new(codes::GO_MISSING_SUM, format!("go.sum has no entry for `{path} {version}{suffix}`"));
    let dir = at.file.parent().unwrap_or_else(RelPath::root);
    let place = if dir.is_root() { String::new() } else { format!(" -C {dir}") };
    mistake.at(at.clone(), "required here").hint(format!("run `go{place} mod tidy`"))
}
