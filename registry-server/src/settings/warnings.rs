use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::{Network, Settings};

impl Settings {
    /// What the settings protect less than they seem to, for the operator to read at the start.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = self.registry.warnings();
        let lists = match &wide_networks(&self.server.trusted_proxies)[..] {
            [] => return warnings,
            networks => networks.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and "),
        };
        warnings.push(format!(
            "[server]: trusted_proxies lists {lists}, so every machine there can fake the address that its requests come \
             from: list the addresses of your proxies"
        ));
        warnings
    }
}

/// Returns the networks that no organization has for its proxies alone, as they are listed: those that are too wide, or
/// else those that together are.
fn wide_networks(listed: &[Network]) -> Vec<Network> {
    let canonical = |network: &Network| mapped(network.as_net());
    let wide: Vec<_> = listed.iter().filter(|network| is_wide(&canonical(network))).copied().collect();
    if !wide.is_empty() {
        return wide;
    }
    let together = IpNet::aggregate(&listed.iter().map(canonical).collect());
    let is_part = |network: &&Network| {
        together.iter().any(|whole| is_wide(whole) && whole.contains(&canonical(network)))
    };
    listed.iter().filter(is_part).copied().collect()
}

/// Whether a network is wider than the widest that are not public: `10.0.0.0/8` and `fc00::/7`.
fn is_wide(network: &IpNet) -> bool {
    match network {
        IpNet::V4(network) => network.prefix_len() < 8,
        IpNet::V6(network) => network.prefix_len() < 7,
    }
}

/// Returns an IPv4 network that is written as one of IPv6 (`::ffff:0:0/96`) as what it is.
fn mapped(network: IpNet) -> IpNet {
    let v4 = |network: Ipv6Net| {
        let prefix = network.prefix_len().checked_sub(96)?;
        Ipv4Net::new(network.addr().to_ipv4_mapped()?, prefix).ok()
    };
    match network {
        IpNet::V6(network) => v4(network).map_or(IpNet::V6(network), IpNet::V4),
        network @ IpNet::V4(_) => network,
    }
}
