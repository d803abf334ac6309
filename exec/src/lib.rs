//! Runs a plan: scheduler, executors, sandbox, host probing.
