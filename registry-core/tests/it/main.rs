//! Tests of the library from outside, in one binary.

#![expect(clippy::unwrap_used, reason = "the helpers of tests may panic as the tests do")]

mod architecture;
mod domain;
mod packument;
#[cfg(all(feature = "aws", feature = "settings"))]
mod settings;
mod tarball;
mod tarball_builder;
