//! temporary
#![expect(missing_docs, reason = "temporary")]
use std::collections::BTreeMap;
use std::path::PathBuf;
use model::{Fingerprint, Need};
pub struct Pins(pub BTreeMap<Need, Fingerprint>);
#[derive(Default)]
pub struct Tools { views: BTreeMap<Need, ToolView> }
pub struct ToolView { pub mounts: Vec<(PathBuf, String)>, pub links: BTreeMap<String, String> }
impl Tools { pub fn view(&self, need: &Need) -> Option<&ToolView> { self.views.get(need) } }
