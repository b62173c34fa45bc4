//! Each conformance suite against what keeps its contract, and against what is broken on purpose.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "in a test, a panic is the answer")]

mod addresses;
mod audit;
mod audit_log;
mod auth_provider;
mod bad_input;
mod blob_store;
mod capitals;
mod closed_by_default;
mod codebox_bucket;
mod dependencies;
mod dependency_confusion;
mod embedding;
mod event_sink;
mod fail_closed;
mod faults;
mod flood;
mod foreign_changes;
mod fuzz_corpus;
mod fuzz_findings;
mod github;
mod hosts;
mod htpasswd;
mod http_upstream;
mod install_code;
mod names;
mod one_request;
mod openid;
mod organizations;
mod proxy;
mod proxy_failures;
mod proxy_property;
mod public_api;
mod reads;
mod search;
mod simulation;
mod stage;
mod stale_tokens;
mod tarball_redirects;
mod token_kinds;
mod tokens;
mod trusted_publishing;
mod unpackers;
mod upstream;
mod web_login;
