//! Links rg to a fixed address. It starts itself for each sandbox, and at each start some 29,000 addresses would have to
//! be written into 120 pages of its own copy: half of the processor time of a start. Where its stack, its heap and its
//! libraries lie stays random.

fn main() {
    println!("cargo::rustc-link-arg-bins=-no-pie");
    println!("cargo::rerun-if-changed=build.rs");
}
