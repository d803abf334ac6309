//! Turns definition text into targets and actions: workspace.toml into settings, BUILD.toml files into an analysis,
//! target patterns into targets.
//!
//! It touches files only through `model::Tree`; it knows nothing of the graph, of caches and of how actions run.

mod analyze;
mod attributes;
mod declaration;
mod definitions;
mod document;
mod elsewhere;
mod generated;
mod globs;
mod go;
mod go_attributes;
mod labels;
mod lock_file;
mod lowering;
mod near;
mod node;
mod packages;
mod parts;
mod python;
mod reads;
mod remembered;
mod rule;
mod select;
mod settings;
mod sources;
mod written;

pub use analyze::{Analyzed, analyze};
pub use definitions::not_text;
pub use lock_file::lock;
pub use model::codes::{EXPLAINED, Explained, explain};
pub use near::nearest;
pub use rule::{
    ACTION_ATTRIBUTES, AttributeDoc, AttributeType, COMMON_ATTRIBUTES, RuleDoc, action_attributes, catalogue,
};
pub use select::{Caller, select};
pub use settings::{
    Checked, ExecutorChoice, Repo, RepoSettings, RepoSource, SecretSource, Settings, SettingsTexts, Toolchain, settings,
};

/// Returns a mistake in one line, for tests: place, message and hint.
#[cfg(test)]
pub(crate) fn rendered(mistake: &model::Mistake, text: &str) -> String {
    let place = mistake
        .at
        .as_ref()
        .map_or(String::new(), |(at, _)| format!("{}:{}: ", at.file, document::line_of(text, at.start)));
    let hint = mistake.hint.as_ref().map_or(String::new(), |hint| format!(" ({hint})"));
    format!("{place}{}{hint}", mistake.message)
}
