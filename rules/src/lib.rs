//! Turns definition text into targets and actions.
