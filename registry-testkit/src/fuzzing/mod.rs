//! What fuzzers give their bytes to, and what must be so whatever the bytes are. Each is a plain function: `cargo fuzz` calls
//! it (`registry-core/fuzz`), and so do tests, with the inputs that fuzzers found worth keeping and with mutations of them.
//!
//! ```
//! use registry_testkit::fuzzing;
//! fuzzing::route(b"GET /@acme%2fpear/-/pear-1.0.0.tgz");
//! fuzzing::packument(br#"{"versions":{"1.0.0":{"dist":{"tarball":"x"}}},"dist-tags":{"latest":"1.0.0"}}"#);
//! ```

mod corpus;
mod ground;
mod mutation;
mod packument;
mod publish_body;
mod route;
mod route_spelling;
mod tar;
mod tarball;

pub use corpus::{Tried, replay};
pub use ground::{Ground, Held};
pub use packument::packument;
pub use publish_body::publish_body;
pub use route::route;
pub use tarball::tarball;
