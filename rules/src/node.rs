//! npm packages as their clients lock them: package.json, package-lock.json, pnpm-lock.yaml and yarn.lock, each a text
//! that becomes a value. Nothing here opens a file, and nothing knows of targets.

mod layout;
mod manifest;
mod names;
mod package_lock;
mod pnpm;
mod production;
mod report;
mod runs_on;
mod stale;
mod yarn;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;
