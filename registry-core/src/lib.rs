//! A private npm registry as a library whose only dependency is an object store.
pub mod access;
pub mod auth;
pub mod blob;
pub mod clock;
pub mod domain;
pub mod error;
pub mod events;
pub mod http;
pub mod limits;
pub mod ops;
pub mod randomness;
pub mod upstream;
