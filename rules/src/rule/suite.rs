//! `suite`: tests under one name.

use std::collections::BTreeMap;

use model::{Dependency, Kind, Label, Mistake, Target};

use super::{AttributeDoc, AttributeType, Lower, Offer, Rule, RuleDoc};
use crate::declaration::{Declaration, NamedPattern, Sign};
use crate::labels::{Declarations, Known};
use crate::lowering::Lowering;
use model::codes;

pub(super) const RULE: Rule = Rule {
    doc: RuleDoc {
        name: "suite",
        doc: "Tests under one name: `rg test` of the suite runs them all.",
        attributes: &[AttributeDoc {
            name: "tests",
            kind: AttributeType::Patterns,
            default: None,
            doc: "Tests and suites, and wildcards, which stand for the tests that are not tagged `manual`; `-pattern` subtracts.",
        }],
    },
    kind: Kind::Suite,
    later: &[],
    offer,
    lower: Lower::Alone(lower),
};

fn offer(declaration: &Declaration) -> Offer<'_> {
    let added = declaration.patterns("tests").iter().filter(|named| named.sign == Sign::Plus);
    Offer::Suite(added.filter_map(NamedPattern::label).collect())
}

fn lower(declaration: &Declaration, lowering: &mut Lowering<'_>) -> Target {
    let mut members: BTreeMap<Label, Dependency> = BTreeMap::new();
    for named in declaration.patterns("tests") {
        let matched = matched(named, lowering.declarations());
        match named.sign {
            Sign::Minus => members.retain(|label, _| !named.pattern.matches(label)),
            Sign::Plus if named.label().is_some() => add_single(named, &matched, &mut members, lowering),
            Sign::Plus => {
                for known in matched {
                    members.entry(known.id.label.clone()).or_insert_with(|| dependency(known, named));
                }
            }
        }
    }
    let mut deps: Vec<Dependency> = members.into_values().collect();
    deps.sort();
    Target { deps, ..declaration.common.target(Kind::Suite) }
}

/// Returns the targets of a single label, or the tests that a wildcard stands for.
fn matched<'a>(named: &NamedPattern, declarations: &'a Declarations) -> Vec<&'a Known> {
    if let Some(single) = named.label() {
        return declarations.targets.get(&single.label).into_iter().collect();
    }
    // Suites among the matches are left out: their tests match too, and two suites of `//...` are no cycle.
    let counts = |known: &&Known| {
        known.kind == Kind::Test
            && named.pattern.matches(&known.id.label)
            && !known.tags.iter().any(|tag| &**tag == "manual")
    };
    declarations.targets.values().filter(counts).collect()
}

fn add_single(
    named: &NamedPattern,
    matched: &[&Known],
    members: &mut BTreeMap<Label, Dependency>,
    lowering: &mut Lowering<'_>,
) {
    for &known in matched {
        let Some(actual) = lowering.declarations().actual(known) else { continue };
        if !matches!(actual.kind, Kind::Test | Kind::Suite) {
            let message = format!("{} is not a test", known.id.label);
            let mistake = Mistake::new(codes::NOT_A_TEST, message).at(named.at.clone(), "");
            lowering.mistake(mistake.hint("a suite names tests and suites"));
            continue;
        }
        for member in [known, actual] {
            members.entry(member.id.label.clone()).or_insert_with(|| dependency(member, named));
        }
    }
}

fn dependency(known: &Known, named: &NamedPattern) -> Dependency {
    Dependency { target: known.id.clone(), at: Some(named.at.clone()) }
}
