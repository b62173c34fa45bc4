//! Provenance: Sigstore bundles that say where a version was built (feature `provenance`).
//!
//! Nothing is fetched: what is trusted is in a [`TrustedRoot`], Sigstore's `trusted_root.json`, so a private Sigstore works like
//! the public one. The signatures, the chains and the algorithms are those of `rustls-webpki` and *ring*, and the timestamps are
//! read by `cms`; what is here is what none of them knows: bundles, log entries, and how they hang together.
//!
//! ```
//! use registry_core::provenance::TrustedRoot;
//! let refused = TrustedRoot::from_json(br#"{"mediaType":"application/json"}"#).unwrap_err();
//! assert!(refused.to_string().contains("trusted_root.json"), "{refused}");
//! ```

mod base64_text;
mod bundle;
mod certificate;
mod certificate_log;
mod chain;
mod checkpoint;
mod keys;
mod log_entry;
mod merkle;
#[cfg(test)]
mod recorded_tests;
mod rules;
mod settings;
mod statement;
mod timestamp;
mod transparency;
mod trusted_root;
mod verify;

pub use crate::domain::provenance::{BuildIdentity, Provenance, ProvenanceError, package_url};
pub use rules::{CompiledRule, ProvenanceRule, ProvenanceRuleError, ProvenanceRules};
pub use settings::ProvenanceSettings;
pub use trusted_root::{TrustedRoot, TrustedRootError};
pub use verify::{ProvenanceSubject, verify_bundle};
