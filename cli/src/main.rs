//! The program rg.
fn main() {}
