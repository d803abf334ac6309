//! What `rg rules` prints: the rules with their attributes. Pure: text and a document out of the catalogue.

use rules::{ACTION_ATTRIBUTES, AttributeDoc, COMMON_ATTRIBUTES, RuleDoc, action_attributes};
use serde_json::{Value, json};

use crate::escape;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::reporters::json::line;

/// Returns the rule of a name, or all; a name that is none is told with the nearest one.
pub fn chosen(rule: Option<&str>) -> Result<Vec<&'static RuleDoc>, Problem> {
    let all = rules::catalogue();
    let Some(name) = rule else { return Ok(all.iter().collect()) };
    if let Some(doc) = all.iter().find(|doc| doc.name == name) {
        return Ok(vec![doc]);
    }
    let problem = Problem::new(Exit::Definition, format!("there is no rule `{}`", escape::name(name)));
    let near = all.iter().max_by(|a, b| {
        let likeness = |doc: &RuleDoc| strsim::jaro_winkler(name, doc.name);
        likeness(a).total_cmp(&likeness(b))
    });
    Err(match near {
        Some(near) => problem.hint(format!("the nearest is `rg rules {}`; `rg rules` lists them all", near.name)),
        None => problem,
    })
}

/// Returns a line for each rule.
pub fn list(docs: &[&RuleDoc]) -> String {
    let width = docs.iter().map(|doc| doc.name.len()).max().unwrap_or(0);
    docs.iter().map(|doc| format!("{:width$}  {}\n", doc.name, doc.doc)).collect()
}

/// Returns a rule with its attributes.
pub fn one(doc: &RuleDoc) -> String {
    let mut text = format!("[{}.NAME]\n{}\n", doc.name, doc.doc);
    doc.attributes.iter().for_each(|attribute| text.push_str(&attribute_text(attribute)));
    if !action_attributes(doc).is_empty() {
        text.push_str("\nEvery target with actions may also set:\n");
        action_attributes(doc).iter().for_each(|attribute| text.push_str(&attribute_text(attribute)));
    }
    text.push_str("\nEvery target may also set:\n");
    COMMON_ATTRIBUTES.iter().for_each(|attribute| text.push_str(&attribute_text(attribute)));
    text
}

fn attribute_text(attribute: &AttributeDoc) -> String {
    let default = match attribute.default {
        Some(default) => format!("default {default}"),
        None => "required".to_owned(),
    };
    format!("\n  {}  ({}, {default})\n      {}\n", attribute.name, attribute.kind.words(), attribute.doc)
}

/// Returns the rules as the document `rg.rules/v1`.
pub fn document(docs: &[&RuleDoc]) -> String {
    let rules: Vec<Value> = docs
        .iter()
        .map(|doc| {
            let attributes: Vec<Value> = doc.attributes.iter().map(attribute_value).collect();
            json!({ "name": doc.name, "doc": doc.doc, "attributes": attributes })
        })
        .collect();
    let values = |attributes: &[AttributeDoc]| -> Vec<Value> { attributes.iter().map(attribute_value).collect() };
    let (common, of_actions) = (values(COMMON_ATTRIBUTES), values(ACTION_ATTRIBUTES));
    let document = json!({ "schema": "rg.rules/v1", "rules": rules, "common_attributes": common, "action_attributes": of_actions });
    line(&document)
}

fn attribute_value(attribute: &AttributeDoc) -> Value {
    json!({
        "name": attribute.name, "type": attribute.kind.words(), "default": attribute.default, "doc": attribute.doc,
        "required": attribute.default.is_none(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_listed_and_shown_with_its_attributes() {
        let all = chosen(None).unwrap_or_default();
        assert_eq!(list(&all).lines().count(), all.len());
        for doc in &all {
            let text = one(doc);
            assert!(text.starts_with(&format!("[{}.NAME]", doc.name)) && text.contains("visibility"), "{text}");
        }
        let parsed: Value = serde_json::from_str(&document(&all)).unwrap_or_default();
        assert_eq!(parsed["schema"], "rg.rules/v1");
    }

    #[test]
    fn a_rule_that_is_not_there_names_the_nearest() {
        let problem = chosen(Some("comand")).expect_err("there is no such rule");
        assert!(problem.hints.iter().any(|hint| hint.contains("rg rules command")), "{problem:?}");
    }
}
