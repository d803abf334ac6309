//! What the definitions say of Go targets: the attributes of `go_binary` and `go_test`, parsed, with their places.
//! It knows no Go: `crate::go` lowers these.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Limits, RelPath};

use crate::lowering::Common;
use crate::written::{ResolvedLabel, Written};

/// A declared `go_binary`.
#[derive(Clone, Debug)]
pub(crate) struct GoBinary {
    /// Name, platform, place, visibility, tags: `common.target(kind)` makes the bare target of them.
    pub common: Common,
    /// The directory of the main package, from the declaring package: `./cmd/cart` or `.`.
    pub main: Written,
    /// Targets whose outputs appear at `<their package>/<output>`, as if checked in.
    pub deps: Vec<ResolvedLabel>,
    /// Import paths that generated code among `deps` imports.
    pub imports: Vec<Written>,
    /// Build tags.
    pub build_tags: Vec<Written>,
    /// Flags of the linker.
    pub ldflags: Vec<Written>,
    /// Whether it is built with cgo.
    pub cgo: Cgo,
    /// Its one output is called so: the last segment of the target's name. `provides` says the same.
    pub output: RelPath,
}

/// A declared `go_test`.
#[derive(Clone, Debug)]
pub(crate) struct GoTest {
    /// Name, platform, place, visibility, tags.
    pub common: Common,
    /// Patterns of packages below the declaring package: `./...`, `./lib/a`.
    pub packages: Vec<Written>,
    /// Source files beside the closure, from the workspace root, sorted.
    pub data: Vec<RelPath>,
    /// Labels among `data`: their outputs appear at `rg-out/<package>/<target>/<output>`.
    pub data_labels: Vec<ResolvedLabel>,
    /// Targets whose outputs appear at `<their package>/<output>`, as if checked in.
    pub deps: Vec<ResolvedLabel>,
    /// Import paths that generated code among `deps` imports.
    pub imports: Vec<Written>,
    /// Build tags.
    pub build_tags: Vec<Written>,
    /// Whether it is built with cgo.
    pub cgo: Cgo,
    /// Whether go vet looks at its packages.
    pub vet: Vet,
    /// Its own environment, which wins over the base environment.
    pub env: BTreeMap<Arc<str>, Arc<str>>,
    /// The limits of one package's test.
    pub limits: Limits,
}

/// Whether go vet looks at packages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Vet {
    /// It does not.
    No,
    /// It does, and a package passes when it has nothing to say.
    Yes,
}

/// Whether C code is compiled in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Cgo {
    /// `CGO_ENABLED=0`.
    Off,
    /// `CGO_ENABLED=1`.
    On,
}
