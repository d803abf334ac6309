//! `python_service` and `python_test`: their attributes. All Python targets are lowered together, elsewhere.

use model::{Kind, Target};

use super::limited::{ENV, EXCLUSIVE, RETRIES, TEST_TIMEOUT};
use super::{AttributeDoc, AttributeType, Language, Lower, Offer, Rule, RuleDoc};
use crate::declaration::Declaration;
use crate::lowering::Lowering;
use crate::python;

const ROOTS: AttributeDoc = AttributeDoc {
    name: "roots",
    kind: AttributeType::Texts,
    default: Some("the package, its src/, and [python] roots"),
    doc: "Directories in which imports are looked up, in this order: of the package, as \".\" or \"src\", or from the workspace root, as \"//libs/common\".",
};
const LOCK: AttributeDoc = AttributeDoc {
    name: "lock",
    kind: AttributeType::Text,
    default: Some("the nearest one upwards"),
    doc: "The lock of third-party packages: uv.lock, poetry.lock or requirements.txt with hashes; of the package, or from the workspace root with //.",
};
const DATA: AttributeDoc = AttributeDoc {
    name: "data",
    kind: AttributeType::Sources,
    default: Some("[]"),
    doc: "Files beside the import closure that are read or imported by name at run time.",
};
const DEPS: AttributeDoc = AttributeDoc {
    name: "deps",
    kind: AttributeType::Labels,
    default: Some("[]"),
    doc: "Generated modules and data: outputs appear at <producer's package>/<output>, as if checked in.",
};

pub(super) const SERVICE: Rule = Rule {
    doc: RuleDoc {
        name: "python_service",
        doc: "An application tree: code and third-party packages apart, with a program that starts it; that it can be imported is proven.",
        attributes: &[
            AttributeDoc {
                name: "entry",
                kind: AttributeType::Text,
                default: None,
                doc: "The module that is run as `python3 -m`, or a .py file of the package.",
            },
            AttributeDoc {
                name: "args",
                kind: AttributeType::Texts,
                default: Some("[]"),
                doc: "Arguments that it is started with.",
            },
            DATA,
            DEPS,
            LOCK,
            ROOTS,
        ],
    },
    kind: Kind::Build,
    later: &["extras", "groups"],
    offer: |declaration| Offer::Outputs(python::service_outputs(&declaration.common.id.label)),
    lower: Lower::Together(Language::Python),
};

pub(super) const TEST: Rule = Rule {
    doc: RuleDoc {
        name: "python_test",
        doc: "Runs test files with the pytest of the lock, one action a file; each sees what it imports.",
        attributes: &[
            AttributeDoc {
                name: "tests",
                kind: AttributeType::Sources,
                default: None,
                doc: "The test files, as \"tests/**/test_*.py\".",
            },
            AttributeDoc { name: "args", kind: AttributeType::Texts, default: Some("[]"), doc: "Arguments of pytest." },
            DATA,
            DEPS,
            LOCK,
            ROOTS,
            AttributeDoc {
                name: "coverage",
                kind: AttributeType::Truth,
                default: Some("false"),
                doc: "Whether lines are counted with the `coverage` of the lock; each test file then leaves an lcov report.",
            },
            ENV,
            TEST_TIMEOUT,
            RETRIES,
            EXCLUSIVE,
        ],
    },
    kind: Kind::Test,
    later: &["shards"],
    offer: |declaration| Offer::Outputs(python::test_outputs(declaration)),
    lower: Lower::Together(Language::Python),
};

/// Lowers all Python targets of a workspace.
pub(super) fn lower(declarations: &[&Declaration], lowering: &mut Lowering<'_>) -> Vec<Target> {
    python::lower(declarations, lowering)
}
