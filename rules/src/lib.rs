//! Turns definition text into targets and actions: workspace.toml into settings, BUILD.toml files into an analysis,
//! target patterns into targets.
//!
//! It touches files only through `model::Tree`; it knows nothing of the graph, of caches and of how actions run.

mod codes;
mod document;
mod go;
mod go_attributes;
mod lowering;
mod near;
mod reads;
mod settings;
mod written;

pub use codes::{EXPLAINED, Explained, explain};
pub use settings::{Checked, ExecutorChoice, Settings, SettingsTexts, Toolchain, settings};
