//! The examples below each help text.

/// Of rg itself.
pub const TOP: &str = "\
Examples:
  rg build //...                  build everything
  rg test //services/cart/...     test what lies below services/cart
  rg query 'rdeps(//..., libs/log/log.go)'   who would notice a change of this file

Every flag has an environment variable: RG_JOBS is --jobs. `rg COMMAND --help` shows the words of a command.
Started as `rg` with a flag that is not listed here, the call is handed to the ripgrep on PATH.";

/// Of `rg build`.
pub const BUILD: &str = "\
Examples:
  rg build                        everything below the current directory
  rg build //... -//apps/...      everything but the apps
  rg build //services/cart --output json

Patterns: //a/b:t one target, //a/b is //a/b:b, //a:all a package, //a/... everything beneath, tag:web, kind:image.";

/// Of `rg test`.
pub const TEST: &str = "\
Examples:
  rg test //libs/...              tests that have not passed yet, as they are now
  rg test //libs/log:unit -- -test.run TestLevels
  rg test //... -k --junit tests.xml";

/// Of `rg run`.
pub const RUN: &str = "\
Examples:
  rg run //services/cart
  rg run //tools/migrate -- --to 12
  rg run //apps/storefront -- --port 5173   # a frontend is served";

/// Of `rg shell`.
pub const SHELL: &str = "\
Examples:
  rg shell //services/cart:unit            look around where the test runs
  rg shell //api:client -- sh -c 'ls $OUT' run one command there; its exit code is rg's

What the action needs is built first. If the action has failed as it is now, the shell opens in the
very sandbox that failed; elsewhere what is written is gone afterwards.";

/// Of `rg query`.
pub const QUERY: &str = "\
Examples:
  rg query 'deps(//services/cart)'
  rg query 'kind(go_test, rdeps(//..., libs/log/log.go))' --output label_kind
  rg query '//... - //apps/...' --output json

Forms: label, label_kind, location, package, minrank, maxrank, graph, mermaid, tree, json, jsonl.";

/// Of `rg log`.
pub const LOG: &str = "\
Examples:
  rg log //services/cart:unit
  rg log //services/cart:unit | less -R";

/// Of `rg lock`.
pub const LOCK: &str = "\
Examples:
  rg lock                         pin what is not pinned yet
  rg lock --update golang:1.26    take what the tag means now
  rg lock --check                 for CI: exit code 5 if rg.lock does not fit workspace.toml";

/// Of `rg cache`.
pub const CACHE: &str = "\
Examples:
  rg cache stats
  rg cache gc
  rg cache verify --output json

The cache is in RG_CACHE_DIR, else in $XDG_CACHE_HOME/rg, else in ~/.cache/rg.";

/// Of `rg doctor`.
pub const DOCTOR: &str = "\
Examples:
  rg doctor
  rg doctor --output json";

/// Of `rg rules`.
pub const RULES: &str = "\
Examples:
  rg rules
  rg rules go_binary
  rg rules --output json";

/// Of `rg explain`.
pub const EXPLAIN: &str = "\
Examples:
  rg explain RG0102
  rg explain rg0301
  rg explain 48
  rg explain exit";

/// Of `rg clean`.
pub const CLEAN: &str = "\
Examples:
  rg clean
  rg clean --workspace examples/shop";

/// Of `rg completions`.
pub const COMPLETIONS: &str = "\
Examples:
  rg completions bash > ~/.local/share/bash-completion/completions/rg
  rg completions fish > ~/.config/fish/completions/rg.fish";
