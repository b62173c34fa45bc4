use std::net::IpAddr;

use registry_core::settings::LoopError;
use url::{Host, Url};

use super::Settings;

impl Settings {
    /// Rejects upstreams that are this server according to its settings: at its public URL, or at its listen address.
    pub fn refuse_loops(&self) -> Result<(), LoopError> {
        self.refuse_listener_loops()?;
        self.registry.refuse_public_loops()
    }

    /// Like [`Settings::refuse_loops`], for the listen address alone.
    pub(crate) fn refuse_listener_loops(&self) -> Result<(), LoopError> {
        self.registry.refuse_loops_by("listen", |url| self.is_listener(url))
    }

    /// Whether a server with these settings listens at this URL, as far as they tell.
    pub(crate) fn is_listener(&self, url: &Url) -> bool {
        let own = self.listen.ip();
        let is_own = |address: IpAddr| {
            address == own || (own.is_unspecified() && address.is_loopback()) || address.is_unspecified()
        };
        let is_this_machine = match url.host() {
            Some(Host::Domain(name)) => name == "localhost" && (own.is_loopback() || own.is_unspecified()),
            Some(Host::Ipv4(address)) => is_own(address.into()),
            Some(Host::Ipv6(address)) => is_own(address.to_canonical()),
            None => false,
        };
        // Port 0 picks any free port.
        let port = self.listen.port();
        url.scheme() == "http" && port != 0 && url.port_or_known_default() == Some(port) && is_this_machine
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(settings: &str, url: &str) -> Result<(), LoopError> {
        let settings = format!("{settings}\n[upstreams.npm]\nurl = \"{url}\"");
        Settings::from_toml(&settings).unwrap().refuse_loops()
    }

    #[test]
    fn an_upstream_that_is_this_server_is_refused() {
        let public = "public_url = \"https://npm.example/registry\"\npath_prefix = \"/npm\"";
        for (settings, url, setting) in [
            ("", "http://127.0.0.1:4873", "listen"),
            ("", "http://LOCALHOST:4873/any/path", "listen"),
            ("listen = \"0.0.0.0:80\"", "http://127.0.0.1", "listen"),
            ("listen = \"0.0.0.0:80\"", "http://0.0.0.0/", "listen"),
            ("listen = \"[::]:4873\"", "http://[::1]:4873", "listen"),
            ("listen = \"192.0.2.7:4873\"", "http://192.0.2.7:4873", "listen"),
            (public, "https://npm.example/registry/", "public_url"),
            (public, "https://NPM.example:443/registry", "public_url"),
            (public, "https://npm.example", "public_url"),
            (public, "https://npm.example/npm", "public_url"),
            (public, "https://npm.example/registry/npm", "public_url"),
        ] {
            let refused = check(settings, url).unwrap_err().to_string();
            assert!(refused.starts_with("[upstreams.npm]: url"), "{refused}");
            assert!(refused.contains(setting), "{refused}");
        }
        for (settings, url) in [
            ("", "http://127.0.0.1:4874"),
            ("", "https://registry.example"),
            ("listen = \"127.0.0.1:0\"", "http://127.0.0.1:4873"),
            ("listen = \"192.0.2.7:4873\"", "http://localhost:4873"),
            ("listen = \"192.0.2.7:4873\"", "http://192.0.2.8:4873"),
            (public, "https://npm.example/others"),
            (public, "https://npm.example:8443/registry"),
            (public, "https://mirror.npm.example/registry"),
        ] {
            assert_eq!(check(settings, url), Ok(()), "{settings} {url}");
        }
    }
}
