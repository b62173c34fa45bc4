//! The frontend and the authorizer, as AWS calls them.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is the answer")]

mod authorizer;
mod bad_events;
mod deployment;
mod events;
mod matrix;
mod process;
mod shapes;
