//! What the last run knew.

/// The sections of the memory file, each encoded by its owner; all empty at first.
/// A section that its owner cannot decode counts as empty: it makes the run slower, never wronger.
#[derive(Default, Clone, PartialEq, Eq, Debug)]
pub struct Memory {
    /// The stat table of the checkout, owned by `workspace`.
    pub stats: Vec<u8>,
    /// The analysis with the trace of its reads, owned by `rules`.
    pub analysis: Vec<u8>,
    /// Results and deliveries, owned by `graph`.
    pub results: Vec<u8>,
    /// Digests of sources, owned by `graph`; looked at only when something runs.
    pub digests: Vec<u8>,
    /// What host toolchains were found to be, owned by `exec`.
    pub tools: Vec<u8>,
}
