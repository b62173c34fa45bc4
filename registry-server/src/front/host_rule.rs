use http::{HeaderMap, StatusCode, Uri};
use registry_core::http::{is_loopback_host, request_host, without_port};

use crate::settings::{HostName, Settings};

/// The host names that the server answers for.
///
/// A page of any site can point its own name to the address of this machine (DNS rebinding). Its requests then come
/// from a browser on this machine and name that site as their host, so a server for this machine only rejects them.
#[derive(Debug)]
pub(super) struct HostRule {
    /// Whether all other names are rejected.
    is_strict: bool,
    /// In lowercase and without ports.
    names: Vec<String>,
}

impl HostRule {
    pub(super) fn of(settings: &Settings) -> Self {
        let names = &settings.server.hosts;
        let public = settings.registry.public_url.as_ref().and_then(|url| url.as_url().host_str());
        let on_loopback = settings.listen.ip().to_canonical().is_loopback();
        Self {
            is_strict: !names.is_empty() || (on_loopback && public.is_none()),
            names: names.iter().map(HostName::as_str).chain(public).map(str::to_lowercase).collect(),
        }
    }

    /// Rejects a request whose host is unclear, or not one of this server's.
    pub(super) fn check(&self, headers: &HeaderMap, uri: &Uri) -> Result<(), (StatusCode, String)> {
        let host =
            request_host(headers, uri).map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?;
        match host {
            Some(host) if self.is_strict && !self.is_own(host) => {
                let name = without_port(host);
                let refusal = format!(
                    "this server does not answer as {name}: its operator can change that with public_url, or with \
                     hosts = [\"{name}\"] under [server]"
                );
                Err((StatusCode::MISDIRECTED_REQUEST, refusal))
            }
            _ => Ok(()),
        }
    }

    /// Whether no DNS server except the operator's can have led a browser here.
    pub(super) fn is_safe_from_rebinding(&self, headers: &HeaderMap, uri: &Uri) -> bool {
        let is_address = |host: &str| {
            let name = without_port(host);
            name.starts_with('[') || name.parse::<std::net::Ipv4Addr>().is_ok()
        };
        match request_host(headers, uri) {
            Ok(Some(host)) => self.is_own(host) || is_address(host),
            Ok(None) => true,
            Err(_) => false,
        }
    }

    fn is_own(&self, host: &str) -> bool {
        let is_named = |name: &str| self.names.iter().any(|own| own.eq_ignore_ascii_case(name));
        is_loopback_host(host) || is_named(without_port(host))
    }
}
