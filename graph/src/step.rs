//! Steps: the actions of all targets under one numbering.

/// The number of a step. Steps are numbered in topological order: a step depends only on smaller ones.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct StepId(pub u32);

impl StepId {
    /// Returns the number as an index.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Where a step's action stands in the analysis.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    /// The index of its target.
    pub target: u32,
    /// The index of its action within the target.
    pub action: u32,
}
