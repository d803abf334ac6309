//! `frontend`, `node_service` and `node_test`: their attributes. All Node targets are lowered together, elsewhere.

use model::{Kind, RelPath, Target};

use super::limited::{ENV, EXCLUSIVE, RETRIES, TEST_TIMEOUT};
use super::{AttributeDoc, AttributeType, Language, Lower, Offer, Rule, RuleDoc};
use crate::declaration::Declaration;
use crate::lowering::Lowering;
use crate::node;

const DATA: AttributeDoc = AttributeDoc {
    name: "data",
    kind: AttributeType::Sources,
    default: Some("[]"),
    doc: "Files beside the package's own and those of the workspace packages that it reaches.",
};
const DEPS: AttributeDoc = AttributeDoc {
    name: "deps",
    kind: AttributeType::Labels,
    default: Some("[]"),
    doc: "Generated sources and data: outputs appear at <producer's package>/<output>, as if checked in.",
};
const INSTALL_SCRIPTS: AttributeDoc = AttributeDoc {
    name: "install_scripts",
    kind: AttributeType::Texts,
    default: Some("[]"),
    doc: "Packages of the lock whose preinstall, install and postinstall run, each in an action without network.",
};

pub(super) const FRONTEND: Rule = Rule {
    doc: RuleDoc {
        name: "frontend",
        doc: "Runs a script of package.json and keeps the directory that it makes.",
        attributes: &[
            AttributeDoc {
                name: "script",
                kind: AttributeType::Text,
                default: Some("\"build\""),
                doc: "The script, with its pre and post scripts.",
            },
            AttributeDoc {
                name: "out",
                kind: AttributeType::Text,
                default: Some("\"dist\""),
                doc: "The directory that the script makes, from the package.",
            },
            DATA,
            DEPS,
            INSTALL_SCRIPTS,
            ENV,
            AttributeDoc {
                name: "timeout",
                kind: AttributeType::Number,
                default: Some("600"),
                doc: "After so many seconds it is ended and has failed.",
            },
        ],
    },
    kind: Kind::Build,
    later: &[],
    offer: |declaration| Offer::Outputs(vec![node::frontend_output(declaration)]),
    lower: Lower::Together(Language::Node),
};

pub(super) const SERVICE: Rule = Rule {
    doc: RuleDoc {
        name: "node_service",
        doc: "An application tree: code and production packages apart, with a program that starts it.",
        attributes: &[
            AttributeDoc {
                name: "entry",
                kind: AttributeType::Text,
                default: None,
                doc: "The file that is run with node, from the package; an output of `deps` may be it.",
            },
            AttributeDoc {
                name: "args",
                kind: AttributeType::Texts,
                default: Some("[]"),
                doc: "Arguments that it is started with.",
            },
            DATA,
            DEPS,
            INSTALL_SCRIPTS,
        ],
    },
    kind: Kind::Build,
    later: &[],
    offer: |declaration| Offer::Outputs(node::service_outputs(&declaration.common.id.label)),
    lower: Lower::Together(Language::Node),
};

pub(super) const TEST: Rule = Rule {
    doc: RuleDoc {
        name: "node_test",
        doc: "Runs a script of package.json that passes when it exits with 0.",
        attributes: &[
            AttributeDoc {
                name: "script",
                kind: AttributeType::Text,
                default: Some("\"test\""),
                doc: "The script, with its pre and post scripts.",
            },
            DATA,
            DEPS,
            INSTALL_SCRIPTS,
            ENV,
            TEST_TIMEOUT,
            RETRIES,
            EXCLUSIVE,
        ],
    },
    kind: Kind::Test,
    later: &["shards"],
    offer: |_| Offer::Outputs(Vec::<RelPath>::new()),
    lower: Lower::Together(Language::Node),
};

/// Lowers all Node targets of a workspace.
pub(super) fn lower(declarations: &[&Declaration], lowering: &mut Lowering<'_>) -> Vec<Target> {
    node::lower(declarations, lowering)
}
