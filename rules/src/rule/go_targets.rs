//! `go_binary` and `go_test`: their attributes. All Go targets are lowered together, elsewhere.

use model::{Kind, RelPath, Target};

use super::limited::{ENV, EXCLUSIVE, RETRIES, TEST_TIMEOUT, test_limits};
use super::{AttributeDoc, AttributeType, Language, Lower, Offer, Rule, RuleDoc};
use crate::declaration::Declaration;
use crate::go;
use crate::go_attributes::{Cgo, GoBinary, GoTest, Vet};
use crate::lowering::Lowering;
use crate::written::Written;

const DEPS: AttributeDoc = AttributeDoc {
    name: "deps",
    kind: AttributeType::Labels,
    default: Some("[]"),
    doc: "Generated sources and data beside the import closure: outputs appear at <producer's package>/<output>, as if checked in.",
};
const IMPORTS: AttributeDoc = AttributeDoc {
    name: "imports",
    kind: AttributeType::Texts,
    default: Some("[]"),
    doc: "Import paths that generated code among `deps` imports.",
};
const BUILD_TAGS: AttributeDoc =
    AttributeDoc { name: "build_tags", kind: AttributeType::Texts, default: Some("[]"), doc: "Build tags." };
const CGO: AttributeDoc = AttributeDoc {
    name: "cgo",
    kind: AttributeType::Truth,
    default: Some("false"),
    doc: "Whether C code is compiled in; headers lie beside the Go files, others come by `deps` of a `files` target.",
};

pub(super) const BINARY: Rule = Rule {
    doc: RuleDoc {
        name: "go_binary",
        doc: "Builds one static binary of a Go main package; its sources are the import closure.",
        attributes: &[
            AttributeDoc {
                name: "main",
                kind: AttributeType::Text,
                default: None,
                doc: "The directory of the main package, as \"./cmd/cart\" or \".\".",
            },
            DEPS,
            IMPORTS,
            BUILD_TAGS,
            AttributeDoc {
                name: "ldflags",
                kind: AttributeType::Texts,
                default: Some("[]"),
                doc: "Flags of the linker.",
            },
            CGO,
            AttributeDoc {
                name: "platform",
                kind: AttributeType::Platform,
                default: Some("that of the workspace"),
                doc: "What the binary is built for.",
            },
        ],
    },
    kind: Kind::Build,
    later: &[],
    offer: |declaration| Offer::Outputs(vec![output(declaration)]),
    lower: Lower::Together(Language::Go),
};

pub(super) const TEST: Rule = Rule {
    doc: RuleDoc {
        name: "go_test",
        doc: "Runs the tests of Go packages, one action a package.",
        attributes: &[
            AttributeDoc {
                name: "packages",
                kind: AttributeType::Texts,
                default: Some("[\"./...\"]"),
                doc: "Packages below the declaring one, as \"./lib/a\" or \"./...\".",
            },
            AttributeDoc {
                name: "data",
                kind: AttributeType::Sources,
                default: Some("[]"),
                doc: "Files beside the closure that the tests read.",
            },
            DEPS,
            IMPORTS,
            BUILD_TAGS,
            CGO,
            AttributeDoc {
                name: "vet",
                kind: AttributeType::Truth,
                default: Some("false"),
                doc: "Whether go vet has to have nothing to say; an action a package, also of those without tests.",
            },
            ENV,
            TEST_TIMEOUT,
            RETRIES,
            EXCLUSIVE,
        ],
    },
    kind: Kind::Test,
    later: &["shards", "race", "coverage"],
    offer: |_| Offer::Outputs(Vec::new()),
    lower: Lower::Together(Language::Go),
};

/// Lowers all Go targets of a workspace.
pub(super) fn lower(declarations: &[&Declaration], lowering: &mut Lowering<'_>) -> Vec<Target> {
    let (mut binaries, mut tests) = (Vec::new(), Vec::new());
    for declaration in declarations {
        match declaration.rule.kind {
            Kind::Test => tests.push(test(declaration, lowering)),
            Kind::Build | Kind::Suite | Kind::Group | Kind::Implicit => {
                binaries.extend(binary(declaration, lowering));
            }
        }
    }
    go::lower(&binaries, &tests, lowering)
}

/// Returns the attributes of a `go_binary`.
fn binary(declaration: &Declaration, lowering: &Lowering<'_>) -> Option<GoBinary> {
    Some(GoBinary {
        common: declaration.common.clone(),
        main: declaration.text("main")?.clone(),
        deps: lowering.resolve(declaration.labels("deps")),
        imports: declaration.texts("imports").to_vec(),
        build_tags: declaration.texts("build_tags").to_vec(),
        ldflags: declaration.texts("ldflags").to_vec(),
        cgo: cgo(declaration),
        output: output(declaration),
    })
}

/// Returns the attributes of a `go_test`.
fn test(declaration: &Declaration, lowering: &mut Lowering<'_>) -> GoTest {
    let data = declaration.sources("data");
    let all = || Written { text: "./...".into(), at: declaration.at.clone() };
    let packages = declaration.texts("packages");
    GoTest {
        common: declaration.common.clone(),
        packages: if packages.is_empty() { vec![all()] } else { packages.to_vec() },
        data: data.files.clone(),
        data_labels: lowering.resolve(&data.labels),
        deps: lowering.resolve(declaration.labels("deps")),
        imports: declaration.texts("imports").to_vec(),
        build_tags: declaration.texts("build_tags").to_vec(),
        cgo: cgo(declaration),
        vet: if declaration.is_true("vet") { Vet::Yes } else { Vet::No },
        env: declaration.declared_environment(),
        limits: test_limits(declaration, lowering),
    }
}

fn cgo(declaration: &Declaration) -> Cgo {
    if declaration.is_true("cgo") { Cgo::On } else { Cgo::Off }
}

/// Returns the name of the binary: the last segment of the target's name.
fn output(declaration: &Declaration) -> RelPath {
    let name = declaration.common.id.label.target().rsplit('/').next().unwrap_or_default();
    RelPath::new(name).expect("a target's name is a normal path, and so is its last segment")
}
