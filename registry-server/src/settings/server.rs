use std::num::NonZeroU32;
use std::time::Duration;

use registry_core::settings::LegacyPrefix;
use serde::Deserialize;

use super::{HostName, Network};
use crate::front::Proxies;

/// `[server]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerSettings {
    /// How long a stopping server waits for requests in flight.
    pub shutdown_seconds: u32,
    /// The longest time for the head of a request, for a pause within a body, and for an idle connection.
    pub header_read_seconds: NonZeroU32,
    /// The most concurrent connections; 0 for no limit.
    pub connections: u32,
    /// The most concurrent connections from one address that is not a trusted proxy; 0 for no limit.
    pub connections_per_address: u32,
    /// The most concurrent requests on one HTTP/2 connection.
    pub streams_per_connection: NonZeroU32,
    /// The window in which a client must send or read as much as `least_bytes_per_second` requires.
    pub progress_seconds: NonZeroU32,
    /// The slowest rate for sending a request or reading an answer; 0 rejects only complete stalls.
    pub least_bytes_per_second: u32,
    /// The proxies whose `X-Forwarded-*` headers are trusted.
    pub trusted_proxies: Vec<Network>,
    /// Whether a firewall permits only proxies to connect from the networks in `trusted_proxies`.
    pub only_proxies_connect: bool,
    /// The host names that the server answers for, besides those of this machine and of `public_url`.
    pub hosts: Vec<HostName>,
    /// Paths of other registries, which lockfiles contain, below which packages are served too.
    pub legacy_prefixes: Vec<LegacyPrefix>,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            shutdown_seconds: 30,
            header_read_seconds: NonZeroU32::new(30).unwrap_or(NonZeroU32::MIN),
            connections: 8192,
            connections_per_address: 1024,
            streams_per_connection: NonZeroU32::new(256).unwrap_or(NonZeroU32::MIN),
            progress_seconds: NonZeroU32::new(60).unwrap_or(NonZeroU32::MIN),
            least_bytes_per_second: 250,
            trusted_proxies: Vec::new(),
            only_proxies_connect: false,
            hosts: Vec::new(),
            legacy_prefixes: Vec::new(),
        }
    }
}

impl ServerSettings {
    /// How long a stopping server waits for requests in flight.
    pub fn shutdown_time(&self) -> Duration {
        Duration::from_secs(self.shutdown_seconds.into())
    }

    /// The window in which a client must make progress.
    pub fn progress_time(&self) -> Duration {
        Duration::from_secs(self.progress_seconds.get().into())
    }

    /// The bytes that count as progress in one window.
    pub fn least_progress(&self) -> u64 {
        (u64::from(self.least_bytes_per_second) * u64::from(self.progress_seconds.get())).max(1)
    }

    /// The proxies in front of the server.
    pub(crate) fn proxies(&self) -> Proxies {
        Proxies { trusted: self.trusted_proxies.clone(), connect_alone: self.only_proxies_connect }
    }

    /// The longest time for the head of a request.
    pub fn header_read_time(&self) -> Duration {
        Duration::from_secs(self.header_read_seconds.get().into())
    }
}
