//! What is known against packages, asked of the registries that they come from.

mod bulk;
mod packages;
mod report;
mod tree;
mod vulnerable_range;

pub use bulk::{Advisories, AuditFallback};
pub use packages::AuditedPackages;
pub use tree::AuditTree;
