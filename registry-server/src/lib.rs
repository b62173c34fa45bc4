//! The registry as a server: command line, configuration, connections, logs and metrics. The registry itself is in
//! `registry-core`.
//!
//! ```
//! use clap::Parser as _;
//! use registry_server::{command_line::CommandLine, run};
//! let line = CommandLine::parse_from(["registry-server", "config", "check", "--listen", "0.0.0.0:80"]);
//! let refusal = run(&line).unwrap_err().to_string();
//! assert!(refusal.contains("[[packages]]"));
//! ```

mod accounts;
mod audit;
pub mod command_line;
mod condition;
mod connections;
mod explain;
mod front;
pub mod log_lines;
mod logging;
pub mod metrics;
mod operate;
mod publish;
mod ready;
mod reload;
mod report;
mod run;
pub mod settings;
mod signals;
mod tokens;
#[cfg(feature = "otlp")]
mod traces;

pub use explain::AccessDenied;
pub use operate::{Findings, NotChecked};
pub use publish::Interrupted;
pub use run::run;
