//! `files`: source files and outputs of other targets under one name.

use model::{Kind, Target};

use super::{AttributeDoc, AttributeType, Lower, Offer, Rule, RuleDoc};
use crate::declaration::Declaration;
use crate::lowering::{Lowering, dependencies};

pub(super) const RULE: Rule = Rule {
    doc: RuleDoc {
        name: "files",
        doc: "Source files, and outputs of other targets, under one name.",
        attributes: &[AttributeDoc {
            name: "srcs",
            kind: AttributeType::Sources,
            default: None,
            doc: "Paths, globs (`!glob` subtracts) and labels.",
        }],
    },
    kind: Kind::Group,
    later: &[],
    offer,
    lower: Lower::Alone(lower),
};

fn offer(declaration: &Declaration) -> Offer<'_> {
    let sources = declaration.sources("srcs");
    Offer::Group(&sources.files, &sources.labels)
}

fn lower(declaration: &Declaration, lowering: &mut Lowering<'_>) -> Target {
    let common = &declaration.common;
    let sources = declaration.sources("srcs");
    Target {
        provides: lowering.provides(&common.id).to_vec(),
        deps: dependencies(&lowering.resolve(&sources.labels)),
        sources: lowering.source_sets(&sources.files),
        ..common.target(Kind::Group)
    }
}
