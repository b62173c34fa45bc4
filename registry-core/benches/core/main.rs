//! What the library costs, without a network: `cargo bench -p registry-core`.
//!
//! Each line is one call. `cargo bench -p registry-core -- publish` runs those with `publish` in their names.

#![expect(clippy::unwrap_used, reason = "a measurement whose ground gives way is to stop")]

mod decisions;
mod fixture;
mod packuments;
mod publishing;
mod searching;

fn main() {
    divan::main();
}
