//! The frontend and the authorizer, as AWS calls them.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is the answer")]

mod authorizer;
mod bad_events;
mod codebox;
mod dependencies;
mod deployment;
mod downloads;
mod events;
mod fuzzing;
mod matrix;
mod one_request;
mod policies;
mod process;
mod real_server;
mod schedule;
mod shapes;
mod storm;
