use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts the open connections, in total and per network.
#[derive(Debug)]
pub(super) struct Places {
    most: usize,
    most_of_one: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_network: HashMap<IpAddr, usize>,
}

/// A connection's place, which is released on drop.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    network: Option<IpAddr>,
}

impl Places {
    /// 0 means no limit.
    pub(super) fn new(most: u32, most_of_one: u32) -> Arc<Self> {
        let limit = |number: u32| match number {
            0 => usize::MAX,
            number => usize::try_from(number).unwrap_or(usize::MAX),
        };
        Arc::new(Self { most: limit(most), most_of_one: limit(most_of_one), taken: Mutex::default() })
    }

    /// Acquires a place for a connection; `None` if a limit is reached. A proxy's connections, which come from many
    /// clients, count towards the total only.
    pub(super) fn take(self: &Arc<Self>, peer: IpAddr, is_proxy: bool) -> Option<Place> {
        let network = (!is_proxy).then(|| network_of(peer));
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.all >= self.most {
            return None;
        }
        if let Some(network) = network {
            let of_one = taken.by_network.entry(network).or_default();
            if *of_one >= self.most_of_one {
                return None;
            }
            *of_one += 1;
        }
        taken.all += 1;
        Some(Place { places: Arc::clone(self), network })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all -= 1;
        if let Some(network) = self.network
            && let Some(of_one) = taken.by_network.get_mut(&network)
        {
            *of_one -= 1;
            if *of_one == 0 {
                taken.by_network.remove(&network);
            }
        }
    }
}

/// Returns the part of an address that one customer owns: an `IPv4` address, or the first 64 bits of an `IPv6` address.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::from((u128::from(address) & !u128::from(u64::MAX)).to_be_bytes()),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_network_has_its_places_and_all_have_theirs() {
        let places = Places::new(4, 2);
        let take = |address: &str, is_proxy| places.take(address.parse().unwrap(), is_proxy);
        let one = take("192.0.2.1", false).unwrap();
        let _two = take("::ffff:192.0.2.1", false).unwrap();
        assert!(take("192.0.2.1", false).is_none());
        let three = take("2001:db8::1", false).unwrap();
        let _four = take("2001:db8::ffff:2", false).unwrap();
        assert!(take("2001:db8:0:1::1", false).is_none(), "there are four");
        drop(three);
        assert!(take("192.0.2.1", false).is_none());
        drop(one);
        let _five = take("192.0.2.1", false).unwrap();
        let _six = take("192.0.2.1", true).unwrap();
        assert!(take("10.0.0.1", true).is_none(), "there are four");
    }

    #[test]
    fn closed_networks_leave_no_entries() {
        let places = Places::new(0, 0);
        let taken: Vec<_> =
            (0..=255_u8).map(|last| places.take([192, 0, 2, last].into(), false).unwrap()).collect();
        assert_eq!(places.taken.lock().unwrap().by_network.len(), 256);
        drop(taken);
        let left = places.taken.lock().unwrap();
        assert_eq!((left.all, left.by_network.len()), (0, 0));
    }
}
