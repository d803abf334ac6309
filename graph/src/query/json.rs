//! Answers as JSON: `rg.query/v1`. Fields are added, never changed.

use std::collections::BTreeMap;

use model::{Platform, RelPath, Target};
use serde::Serialize;
use serde_json::Value;

use super::format::{Thing, things};
use super::{Answer, attributes};
use crate::Graph;

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    targets: Vec<TargetRecord<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    files: Vec<&'a str>,
}

#[derive(Serialize)]
struct TargetRecord<'a> {
    label: String,
    rule: &'a str,
    package: &'a str,
    deps: Vec<String>,
    attributes: BTreeMap<&'a str, Value>,
    /// Only where it is not the workspace's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<String>,
}

#[derive(Serialize)]
struct FileRecord<'a> {
    file: &'a str,
}

/// Prints one document and a newline.
pub(super) fn document(answer: &Answer, graph: &Graph) -> String {
    let mut document = Document { schema: "rg.query/v1", targets: Vec::new(), files: Vec::new() };
    for thing in things(answer, graph) {
        match thing {
            Thing::Target(target) => document.targets.push(record(target, &graph.analysis().platform)),
            Thing::File(path) => document.files.push(path.as_str()),
        }
    }
    line(&document)
}

/// Prints an object a line: `{"label":…}` for a target, `{"file":…}` for a file.
pub(super) fn lines(answer: &Answer, graph: &Graph) -> String {
    let print = |thing| match thing {
        Thing::Target(target) => line(&record(target, &graph.analysis().platform)),
        Thing::File(path) => line(&FileRecord { file: RelPath::as_str(path) }),
    };
    things(answer, graph).map(print).collect()
}

fn line(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain data always has an encoding") + "\n"
}

fn record<'a>(target: &'a Target, platform: &Platform) -> TargetRecord<'a> {
    let mut deps: Vec<String> = target.deps.iter().map(|dependency| dependency.target.label.to_string()).collect();
    deps.dedup();
    TargetRecord {
        label: target.id.label.to_string(),
        rule: &target.rule,
        package: target.id.label.package.as_str(),
        deps,
        attributes: target.attributes.iter().map(|(name, json)| (&**name, attributes::value(json))).collect(),
        platform: (target.id.platform != *platform).then(|| target.id.platform.to_string()),
    }
}
