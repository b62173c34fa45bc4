use std::net::IpAddr;

use http::HeaderMap;
use http::header::{FORWARDED, HeaderName};

use crate::settings::Network;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Headers by which proxies describe a request. Trusted from trusted proxies only, and dropped otherwise.
const SAID_BY_PROXIES: [HeaderName; 6] = [
    FORWARDED_FOR,
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-proto"),
    HeaderName::from_static("x-forwarded-port"),
    HeaderName::from_static("x-forwarded-prefix"),
    FORWARDED,
];

/// The origin of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Client {
    /// The address of the client, as far as it can be known.
    pub(super) address: IpAddr,
    /// The peer address of the connection.
    peer: IpAddr,
    /// Whether the connection comes from a trusted proxy.
    pub(super) by_trusted_proxy: bool,
    /// Addresses on the path that are trusted only as part of a network. Each may itself be the client, and may have
    /// forged everything before it.
    pub(super) unproven: Vec<IpAddr>,
    /// Whether an untrusted proxy passed the request on: then `address` is that of the proxy.
    behind_unknown_proxy: bool,
}

impl Client {
    /// Whether the client certainly runs on this machine.
    pub(super) fn is_this_machine(&self) -> bool {
        self.peer.is_loopback() && self.address.is_loopback() && !self.behind_unknown_proxy
    }
}

/// The proxies in front of the server.
#[derive(Debug, Clone)]
pub(crate) struct Proxies {
    pub(crate) trusted: Vec<Network>,
    /// Whether only proxies can connect from those networks.
    pub(crate) connect_alone: bool,
}

impl Proxies {
    pub(crate) fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.trusted.iter().any(|network| network.contains(address))
    }

    /// Whether this exact address is listed, and not only its network.
    fn name(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.is_one_address() && network.contains(address))
    }
}

/// Finds the client of a request that came from `peer`, and drops headers that no trusted proxy set.
pub(super) fn find_client(proxies: &Proxies, peer: IpAddr, headers: &mut HeaderMap) -> Client {
    let peer = peer.to_canonical();
    let unknown = Client {
        address: peer,
        peer,
        by_trusted_proxy: false,
        unproven: Vec::new(),
        behind_unknown_proxy: false,
    };
    if proxies.contain(peer) {
        let (address, unproven) = furthest_known(peer, proxies, headers);
        return Client { address, by_trusted_proxy: true, unproven, ..unknown };
    }
    let behind_unknown_proxy = headers.keys().any(|name| SAID_BY_PROXIES.contains(name));
    if behind_unknown_proxy {
        for name in &SAID_BY_PROXIES {
            headers.remove(name);
        }
    }
    Client { behind_unknown_proxy, ..unknown }
}

/// Walks back along `X-Forwarded-For`, to which each proxy appends its peer, up to the first address that is not a
/// trusted proxy: that client may have forged everything before it. Also returns the addresses on the path that are not
/// proven to be proxies.
fn furthest_known(peer: IpAddr, proxies: &Proxies, headers: &HeaderMap) -> (IpAddr, Vec<IpAddr>) {
    let mut known = peer;
    let mut unproven = Vec::new();
    let mut is_proven = proxies.connect_alone || proxies.name(peer);
    let lines = headers.get_all(FORWARDED_FOR).into_iter().rev();
    for hop in lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b',')) {
        let Some(address) = parse_hop(hop) else { break };
        if !is_proven {
            unproven.push(known);
        }
        known = address;
        if !proxies.contain(address) {
            break;
        }
        is_proven = proxies.name(address);
    }
    (known, unproven)
}

/// Parses `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1` and `[2001:db8::1]:80`.
fn parse_hop(hop: &[u8]) -> Option<IpAddr> {
    let hop = std::str::from_utf8(hop).ok()?.trim();
    let with_port = || hop.parse().ok().map(|address: std::net::SocketAddr| address.ip());
    let in_brackets = || hop.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    hop.parse().ok().or_else(with_port).or_else(in_brackets).map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(trusted: &[&str], peer: &str, headers: &mut HeaderMap) -> Client {
        find_client(&proxies(trusted, false), peer.parse().unwrap(), headers)
    }

    fn proxies(trusted: &[&str], connect_alone: bool) -> Proxies {
        Proxies { trusted: trusted.iter().map(|network| network.parse().unwrap()).collect(), connect_alone }
    }

    fn forwarded_for(lines: &[&'static str]) -> HeaderMap {
        lines.iter().map(|line| (FORWARDED_FOR, line.parse().unwrap())).collect()
    }

    #[track_caller]
    fn assert_client(trusted: &[&str], peer: &str, lines: &[&'static str], expected: &str) {
        let client = find(trusted, peer, &mut forwarded_for(lines));
        assert_eq!(client.address, expected.parse::<IpAddr>().unwrap());
    }

    #[test]
    fn no_proxy_is_trusted_by_default() {
        let mut headers = forwarded_for(&["192.0.2.1", "192.0.2.2"]);
        headers.insert("x-forwarded-host", "evil.example".parse().unwrap());
        headers.insert("host", "npm.example".parse().unwrap());
        let client = find(&[], "127.0.0.1", &mut headers);
        assert_eq!(client.address, "127.0.0.1".parse::<IpAddr>().unwrap());
        assert!(!client.is_this_machine());
        assert_eq!(headers.keys().collect::<Vec<_>>(), ["host"]);
    }

    #[test]
    fn a_trusted_proxy_is_believed() {
        let mut headers = forwarded_for(&["192.0.2.1"]);
        headers.insert("x-forwarded-proto", "https".parse().unwrap());
        let client = find(&["127.0.0.1"], "127.0.0.1", &mut headers);
        assert_eq!(client.address, "192.0.2.1".parse::<IpAddr>().unwrap());
        assert!(!client.is_this_machine());
        assert!(headers.contains_key("x-forwarded-proto"));
    }

    #[test]
    fn a_client_cannot_choose_its_address() {
        assert_client(&["10.0.0.0/8"], "10.0.0.1", &["127.0.0.1, 192.0.2.1, 10.0.0.2"], "192.0.2.1");
        assert_client(&["10.0.0.0/8"], "10.0.0.1", &["127.0.0.1", "192.0.2.1", "10.0.0.2"], "192.0.2.1");
        assert_client(&["10.0.0.0/8"], "10.0.0.1", &["127.0.0.1, unknown, 10.0.0.2"], "10.0.0.2");
        assert_client(&["10.0.0.0/8"], "192.0.2.1", &["127.0.0.1"], "192.0.2.1");
    }

    #[test]
    fn an_address_that_is_trusted_as_part_of_a_network_may_be_the_client() {
        for (trusted, connect_alone, line, expected) in [
            (&["10.0.0.1"][..], false, "192.0.2.1", &[][..]),
            (&["10.0.0.0/8"], false, "192.0.2.1", &["10.0.0.1"][..]),
            (&["10.0.0.0/8"], true, "192.0.2.1", &[]),
            (&["10.0.0.0/8"], true, "192.0.2.1, 10.0.0.9", &["10.0.0.9"]),
            (&["10.0.0.0/8"], false, "192.0.2.1, 10.0.0.9", &["10.0.0.1", "10.0.0.9"]),
            (&["10.0.0.1", "10.0.0.9", "10.0.0.0/8"], false, "192.0.2.1, 10.0.0.9", &[]),
            (&["10.0.0.1", "10.0.0.9"], false, "192.0.2.1, 10.0.0.9", &[]),
            (&["10.0.0.0/8"], false, "unknown", &[]),
        ] {
            let client = find_client(
                &proxies(trusted, connect_alone),
                "10.0.0.1".parse().unwrap(),
                &mut forwarded_for(&[line]),
            );
            let expected: Vec<IpAddr> = expected.iter().map(|address| address.parse().unwrap()).collect();
            assert_eq!(client.unproven, expected, "{trusted:?} {connect_alone} {line}");
        }
    }

    #[test]
    fn a_client_in_a_trusted_network_is_not_this_machine_because_it_says_so() {
        assert!(!find(&["10.0.0.0/8"], "10.0.0.9", &mut forwarded_for(&["127.0.0.1"])).is_this_machine());
        assert!(find(&["127.0.0.1"], "127.0.0.1", &mut forwarded_for(&["127.0.0.1"])).is_this_machine());
    }

    #[test]
    fn all_spellings_of_an_address_are_read() {
        assert_client(&["::1/128"], "::1", &["192.0.2.1:4000"], "192.0.2.1");
        assert_client(&["::1/128"], "::1", &["[2001:db8::1]:4000"], "2001:db8::1");
        assert_client(&["::1/128"], "::1", &["[2001:db8::1]"], "2001:db8::1");
        assert_client(&["10.0.0.1"], "::ffff:10.0.0.1", &["::ffff:192.0.2.1"], "192.0.2.1");
        assert_client(&["10.0.0.1"], "10.0.0.1", &[], "10.0.0.1");
    }

    #[test]
    fn this_machine_is_recognized() {
        assert!(find(&[], "127.0.0.1", &mut HeaderMap::new()).is_this_machine());
        assert!(find(&[], "::1", &mut HeaderMap::new()).is_this_machine());
        assert!(!find(&[], "192.0.2.1", &mut HeaderMap::new()).is_this_machine());
    }
}
