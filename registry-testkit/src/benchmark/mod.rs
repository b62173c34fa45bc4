//! The parts of a benchmark that compares registries: what puts load on them, what they are compared with, and the
//! arithmetic of ratios.
//!
//! ```
//! use registry_testkit::benchmark::{median, ratio};
//! // Each took its turn in three rounds. What disturbed the second round slowed both.
//! let (server, nginx) = ([90.0, 45.0, 99.0], [100.0, 50.0, 100.0]);
//! assert_eq!(median(&server), 90.0);
//! assert_eq!(ratio(&server, &nginx), 0.9);
//! ```
//!
//! Two programs are made of it: `cargo bench -p registry-server --bench read_path` compares the server with nginx, and
//! `cargo bench -p registry-testkit --bench registries` with other registries too. Linux only: numbers of processes are
//! read from `/proc`.

mod nginx;
mod numbers;
mod process;
mod promises;
mod publisher;
mod synthetic;
mod table;
mod wrk;

pub use nginx::{Nginx, NginxFiles};
pub use numbers::{median, ratio};
pub use process::{Process, free_port, processor_seconds, resident_megabytes, settle};
pub use promises::Promises;
pub use publisher::{Publisher, publish_document, sign_up};
pub use synthetic::SyntheticPackage;
pub use table::{Better, Cell, Row, Table};
pub use wrk::{Load, Measured, Wrk};
