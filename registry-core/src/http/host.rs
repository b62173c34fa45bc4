use std::net::Ipv4Addr;

use http::header::HOST;
use http::{HeaderMap, Uri};

/// Why the host of a request is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// There are several `Host` headers.
    #[error("the request has more than one Host header; send one")]
    Several,
    /// The header is not a host name with an optional port.
    #[error("the Host header is not a host name with an optional port")]
    Malformed,
    /// The header and the target of the request name different hosts.
    #[error("the Host header and the address in the request line differ; send the same host in both")]
    Differing,
}

/// Returns the host that a request is for, with its port if one is written. `None` if the request names no host.
///
/// ```
/// use http::{HeaderMap, HeaderValue, Uri, header::HOST};
/// use registry_core::http::{HostError, request_host};
/// let mut headers = HeaderMap::new();
/// headers.insert(HOST, HeaderValue::from_static("npm.example:81"));
/// assert_eq!(request_host(&headers, &Uri::from_static("/pear")), Ok(Some("npm.example:81")));
/// let elsewhere = Uri::from_static("http://evil.example/pear");
/// assert_eq!(request_host(&headers, &elsewhere), Err(HostError::Differing));
/// ```
pub fn request_host<'request>(
    headers: &'request HeaderMap,
    uri: &'request Uri,
) -> Result<Option<&'request str>, HostError> {
    let mut named = headers.get_all(HOST).iter();
    let header = named.next().map(|value| value.to_str().map_err(|_| HostError::Malformed)).transpose()?;
    if named.next().is_some() {
        return Err(HostError::Several);
    }
    let target = uri.authority().map(http::uri::Authority::as_str);
    if let (Some(header), Some(target)) = (header, target)
        && !is_same_host(header, target)
    {
        return Err(HostError::Differing);
    }
    let host = header.or(target);
    if host.is_some_and(|host| !is_host(host)) {
        return Err(HostError::Malformed);
    }
    Ok(host)
}

/// Whether a host, with or without a port, is always the machine itself: `localhost`, `*.localhost`, `127.0.0.0/8` or
/// `[::1]`. Such names are never resolved by a DNS server.
pub fn is_loopback_host(host: &str) -> bool {
    let name = without_port(host);
    let name = name.strip_suffix('.').unwrap_or(name);
    let is_localhost = |name: &str| name.eq_ignore_ascii_case("localhost");
    is_localhost(name)
        || name.rsplit_once('.').is_some_and(|(_, last)| is_localhost(last))
        || name.parse().is_ok_and(|address: Ipv4Addr| address.is_loopback())
        || name == "[::1]"
}

/// Returns the host without its port.
pub fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => name,
        _ => host,
    }
}

/// Whether two hosts are equal, ignoring case and a default port.
pub(super) fn is_same_host(one: &str, other: &str) -> bool {
    let usual = |host: &str| -> usize {
        let named = host.strip_suffix(":80").or_else(|| host.strip_suffix(":443"));
        named.unwrap_or(host).len()
    };
    one[..usual(one)].eq_ignore_ascii_case(&other[..usual(other)])
}

/// The longest host with its port, in bytes. It is rendered into documents, once per version.
const LONGEST_HOST: usize = 255;

/// Whether the text is a host with an optional port, and so is safe in a URL and in JSON.
pub(super) fn is_host(host: &str) -> bool {
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, port)) => {
                let is_address = address.parse::<std::net::Ipv6Addr>().is_ok();
                let has_port = port.strip_prefix(':').is_some_and(is_port);
                return host.len() <= LONGEST_HOST && is_address && (port.is_empty() || has_port);
            }
            None => return false,
        },
        None => host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port))),
    };
    !name.is_empty()
        && host.len() <= LONGEST_HOST
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
        && port.is_none_or(is_port)
}

fn is_port(port: &str) -> bool {
    // Leading zeros would permit a port of any length.
    port.len() <= 5 && port.parse::<u16>().is_ok() && port.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_or_addresses_with_an_optional_port() {
        for host in
            ["x", "npm.example", "npm.example:81", "127.0.0.1:4873", "[::1]", "[2001:db8::1]:443", "a_b-c"]
        {
            assert!(is_host(host), "{host}");
        }
        for host in [
            "", ":80", "a:", "a:b", "a:1:2", "a:99999", "a:+1", "[", "[]", "[x]", "[::1", "[::1]x", "[::1]:",
            "a b", "a/b", "a\"b", "ana@a", "a,b", "é", "::1",
        ] {
            assert!(!is_host(host), "{host}");
        }
        assert!(!is_host(&"a".repeat(256)));
        for long in ["[::1]:", "x:"] {
            assert!(!is_host(&format!("{long}{}1", "0".repeat(60_000))), "{long}");
            assert!(!is_host(&format!("{long}000001")), "{long}");
        }
    }

    #[test]
    fn loopback_names_are_recognized() {
        for host in [
            "localhost",
            "LOCALHOST:4873",
            "npm.localhost",
            "localhost.",
            "127.0.0.1",
            "127.9.9.9:1",
            "[::1]:1",
        ] {
            assert!(is_loopback_host(host), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "evillocalhost",
            "127.0.0.1.evil.example",
            "128.0.0.1",
            "[::2]",
            "127.1",
            "0.0.0.0",
            "10.0.0.1",
            "xlocalhost:80",
        ] {
            assert!(!is_loopback_host(host), "{host}");
        }
    }

    #[test]
    fn the_usual_port_makes_no_difference() {
        assert!(is_same_host("Npm.example:443", "npm.example"));
        assert!(is_same_host("npm.example", "npm.example:80"));
        assert!(!is_same_host("npm.example:8080", "npm.example"));
        assert!(!is_same_host("npm.example", "evil.example"));
    }
}
