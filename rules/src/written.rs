//! Text as a user wrote it, with its place. It knows nothing of what the text means.

use std::sync::Arc;

use model::{Label, Location, TargetId};

/// A text of a definition, and where it is written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Written {
    /// The text, without quotes and escapes.
    pub text: Arc<str>,
    /// Where it is.
    pub at: Location,
}

/// A label of a definition, which may name nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct NamedLabel {
    /// The label.
    pub label: Label,
    /// Where it is written.
    pub at: Location,
}

/// A label of a definition that names a declared target.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ResolvedLabel {
    /// The target.
    pub target: TargetId,
    /// Where the label is written.
    pub at: Location,
}
