//! How Python is started: environment, the directories it imports from, places in the input root. It knows no targets.
//!
//! Python wants absolute directories to import from, as tests change the working directory, and an executor may lay the
//! input root anywhere. So a shell line finds the root and sets them.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Command, Network, RelPath};

use crate::lowering::base_environment;
use crate::parts;

/// The version of these recipes: a part of every key.
pub(super) const VERSION: u32 = 1;

/// One start of Python.
pub(super) struct Start<'s> {
    /// Where it starts, from the workspace root.
    pub dir: &'s RelPath,
    /// The directories of the input root that it imports from, the first first.
    pub imports: &'s [RelPath],
    /// The lines of a shell that start it, with the arguments as `$@`.
    pub lines: &'s str,
    /// The arguments.
    pub args: Vec<String>,
}

/// Starts it with the arguments, and becomes it.
pub(super) const EXEC: &str = "exec python3 \"$@\"\n";

impl Start<'_> {
    /// Returns the command.
    pub fn command(&self) -> Command {
        let directory = parts::src().join(self.dir);
        let imports: Vec<String> = self.imports.iter().map(parts::below_root).collect();
        let script = format!("{}export PYTHONPATH={}\n{}", parts::find_root(&directory), imports.join(":"), self.lines);
        let mut argv = vec!["/bin/sh".to_owned(), "-euc".to_owned(), script, "python3".to_owned()];
        argv.extend(self.args.iter().cloned());
        let argv = argv.iter().map(|word| Arc::from(&**word)).collect();
        Command { argv, env: environment(), directory, network: Network::None }
    }
}

/// Returns the environment of every start.
pub(super) fn environment() -> BTreeMap<Arc<str>, Arc<str>> {
    let mut env = base_environment();
    // The directory of a script and the working directory are not imported from, unless they are roots.
    let fixed = [("PYTHONDONTWRITEBYTECODE", "1"), ("PYTHONNOUSERSITE", "1"), ("PYTHONSAFEPATH", "1")];
    env.extend(fixed.map(|(name, value)| (Arc::from(name), Arc::from(value))));
    env
}
