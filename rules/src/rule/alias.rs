//! `alias`: another name for a target.

use model::{Kind, Target};

use super::{AttributeDoc, AttributeType, Lower, Offer, Rule, RuleDoc};
use crate::declaration::Declaration;
use crate::lowering::{Lowering, dependencies};

pub(super) const RULE: Rule = Rule {
    doc: RuleDoc {
        name: "alias",
        doc: "Another name for a target: it provides what that target provides.",
        attributes: &[AttributeDoc {
            name: "actual",
            kind: AttributeType::Label,
            default: None,
            doc: "The target that it stands for.",
        }],
    },
    kind: Kind::Group,
    later: &[],
    offer,
    lower: Lower::Alone(lower),
};

fn offer(declaration: &Declaration) -> Offer<'_> {
    Offer::Group(&[], declaration.labels("actual"))
}

fn lower(declaration: &Declaration, lowering: &mut Lowering<'_>) -> Target {
    let common = &declaration.common;
    Target {
        provides: lowering.provides(&common.id).to_vec(),
        deps: dependencies(&lowering.resolve(declaration.labels("actual"))),
        ..common.target(Kind::Group)
    }
}
