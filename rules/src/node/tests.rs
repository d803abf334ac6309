//! Holds the layouts against what the clients themselves put on disk. The packages come from the registry that the
//! machine's npm uses; where that cannot be reached, a developer's machine leaves the tests out and CI fails.

mod clients;
mod disk;
mod npm;
mod pnpm;
mod yarn;
