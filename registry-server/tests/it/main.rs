//! The server from outside: the real binary, real clients and plain HTTP.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "in a test, a step that fails ends the test")]

mod access;
mod account_chores;
mod advisories;
mod attack;
mod audit;
mod audits;
mod bad_credentials;
mod bad_requests;
#[cfg(feature = "aws")]
mod buckets;
mod bulk;
mod bundles;
mod care;
mod changes;
mod codebox_bucket;
mod codebox_scenarios;
mod configuration;
mod corepack;
mod damaged;
mod deployment;
mod documents;
mod downloads;
mod github_tokens;
mod held_connections;
mod hosts;
mod htpasswd;
mod legacy_locks;
mod loops;
mod mistakes;
mod npm_12;
mod npm_github;
mod npm_hooks;
mod npm_in_front;
mod npm_manage;
mod npm_publish;
mod operator_commands;
mod organizations;
mod other_clients;
mod policy;
mod process;
mod provenance;
mod provider_logins;
#[cfg(target_os = "linux")]
mod proxy_memory;
mod publish;
mod ready;
mod running;
mod search;
mod secrets;
mod sign_up;
#[cfg(feature = "sns")]
mod sns;
mod stage;
mod stale_tokens;
mod storms;
mod support;
mod tokens;
#[cfg(feature = "otlp")]
mod traces;
mod trusted_publishing;
mod two_factor;
mod watching;
mod web_login;
