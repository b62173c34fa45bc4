use std::net::IpAddr;

/// Returns the part of an address that one customer owns: all of an `IPv4` address, and the first 64 bits of an `IPv6`
/// address, since an owner of one address has all with the same prefix.
pub(crate) fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [one, two, three, four, ..] = address.segments();
            IpAddr::from([one, two, three, four, 0, 0, 0, 0])
        }
        address @ IpAddr::V4(_) => address,
    }
}

/// Returns the first 48 bits of an `IPv6` address, which one customer may own. `None` for an `IPv4` address.
pub(crate) fn site_of(address: IpAddr) -> Option<IpAddr> {
    let IpAddr::V6(address) = address.to_canonical() else { return None };
    let [one, two, three, ..] = address.segments();
    Some(IpAddr::from([one, two, three, 0, 0, 0, 0, 0]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_stands_for_its_network() {
        for (address, network) in [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ] {
            assert_eq!(network_of(address.parse().unwrap()), network.parse::<IpAddr>().unwrap());
        }
    }

    #[test]
    fn a_site_has_many_networks() {
        let site = |address: &str| site_of(address.parse().unwrap());
        assert_eq!(site("2001:db8:1:2:3:4:5:6"), Some("2001:db8:1::".parse().unwrap()));
        assert_eq!(site("::ffff:192.0.2.7"), None);
    }
}
