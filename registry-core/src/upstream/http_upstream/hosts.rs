use url::{Host, Url};

/// A host that may be used at any address, at one port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AllowedHost {
    host: Host<String>,
    /// `None` for the default ports of `http` and `https`.
    port: Option<u16>,
}

impl AllowedHost {
    /// Parses `host` or `host:port`; `None` for anything else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.contains(['/', '\\', '@', '?', '#', '%']) || text.contains(char::is_whitespace) {
            return None;
        }
        // A URL omits its scheme's default port, so the port is read with the scheme for which it is not the default.
        let [http, https] = ["http", "https"].map(|scheme| Url::parse(&format!("{scheme}://{text}/")).ok());
        let (http, https) = (http?, https?);
        Some(Self { host: http.host()?.to_owned(), port: http.port().or(https.port()) })
    }

    pub(super) fn is_at(&self, url: &Url) -> bool {
        let is_port = match self.port {
            Some(port) => url.port_or_known_default() == Some(port),
            None => url.port().is_none(),
        };
        is_port && url.host().is_some_and(|host| host.to_owned() == self.host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn a_host_is_allowed_at_its_port() {
        let is_allowed = |allowed: &str, at: &str| AllowedHost::parse(allowed).unwrap().is_at(&url(at));
        for (allowed, at) in [
            ("files.example", "https://files.example/a"),
            ("Files.Example", "http://files.example/a"),
            ("files.example:8080", "http://files.example:8080/a"),
            ("files.example:443", "https://files.example/a"),
            ("files.example:80", "http://files.example/a"),
            ("127.0.0.1:1", "http://127.1:1/"),
            ("[::1]:1", "http://[0:0::1]:1/"),
        ] {
            assert!(is_allowed(allowed, at), "{allowed} {at}");
        }
        for (allowed, at) in [
            ("files.example", "https://files.example:8443/a"),
            ("files.example:443", "http://files.example/a"),
            ("files.example", "https://files.example.evil.example/a"),
            ("files.example", "https://a.files.example/a"),
            ("files.example:8080", "http://files.example/a"),
        ] {
            assert!(!is_allowed(allowed, at), "{allowed} {at}");
        }
        for text in ["", "https://a", "a/b", "a@b", "a b", "a:b", "a:99999", "a?b", "%61"] {
            assert_eq!(AllowedHost::parse(text), None, "{text}");
        }
    }
}
