use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};

use super::rate::Wait;
use crate::concurrency::KeyedMutex;
use crate::network::site_of;

/// How many passwords of unknown callers are checked at a time, each from another network. Few, since providers hash
/// fewer still and known callers queue behind them there; more than one, since a provider may call another service.
const AT_A_TIME: usize = 8;
/// The most callers, per network and in total, that wait for a check.
const WAITING_AT_A_NETWORK: usize = 64;
const WAITING: usize = 512;
/// How many seconds further callers are told to wait.
const COME_BACK: Wait = Wait(1);

/// Bounds how many callers wait, per network and in total.
#[derive(Debug)]
pub(super) struct Queue {
    most_of_a_network: usize,
    waiting: Arc<Mutex<HashMap<Option<IpAddr>, usize>>>,
    places: Arc<Semaphore>,
}

/// A place in a [`Queue`], released on drop.
#[derive(Debug)]
pub(super) struct Place {
    waiting: Arc<Mutex<HashMap<Option<IpAddr>, usize>>>,
    network: Option<IpAddr>,
    _one_of_all: OwnedSemaphorePermit,
}

impl Queue {
    pub(super) fn new(most_of_a_network: usize, most: usize) -> Self {
        Self { most_of_a_network, waiting: Arc::default(), places: Arc::new(Semaphore::new(most)) }
    }

    /// Takes a place, or returns how long to wait when the queue is full.
    pub(super) fn enter(&self, network: Option<IpAddr>) -> Result<Place, Wait> {
        let one_of_all = Arc::clone(&self.places).try_acquire_owned().map_err(|_| COME_BACK)?;
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let of_the_network = waiting.entry(network).or_default();
        if *of_the_network >= self.most_of_a_network {
            return Err(COME_BACK);
        }
        *of_the_network += 1;
        drop(waiting);
        Ok(Place { waiting: Arc::clone(&self.waiting), network, _one_of_all: one_of_all })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(of_the_network) = waiting.get_mut(&self.network) {
            *of_the_network -= 1;
            if *of_the_network == 0 {
                waiting.remove(&self.network);
            }
        }
    }
}

/// Limits concurrent password checks of callers who have not logged in from their network before. Networks
/// alternate, so that a flood from one delays the others by one check each.
#[derive(Debug)]
pub(super) struct Strangers {
    queue: Queue,
    networks: KeyedMutex<Option<IpAddr>>,
    turns: Arc<Semaphore>,
}

/// A permit for an unknown caller to have a password checked now.
#[derive(Debug)]
pub(super) struct StrangerTurn {
    _network: OwnedMutexGuard<()>,
    _turn: Option<OwnedSemaphorePermit>,
}

impl Strangers {
    pub(super) fn new() -> Self {
        Self {
            queue: Queue::new(WAITING_AT_A_NETWORK, WAITING),
            networks: KeyedMutex::default(),
            turns: Arc::new(Semaphore::new(AT_A_TIME)),
        }
    }

    /// Waits until a password from this network may be checked, or returns how long to wait when the queue is full.
    pub(super) async fn turn(&self, network: Option<IpAddr>) -> Result<StrangerTurn, Wait> {
        let network = network.map(|network| site_of(network).unwrap_or(network));
        let _place = self.queue.enter(network)?;
        let of_the_network = self.networks.lock(&network).await;
        // The semaphore is never closed.
        let turn = Arc::clone(&self.turns).acquire_owned().await.ok();
        Ok(StrangerTurn { _network: of_the_network, _turn: turn })
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn network(number: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, number])
    }

    #[tokio::test]
    async fn a_network_takes_one_permit_and_leaves_the_rest_to_others() {
        let strangers = Strangers::new();
        let first = strangers.turn(Some(network(1))).await.unwrap();
        let mut flood: Vec<_> = (0..60).map(|_| Box::pin(strangers.turn(Some(network(1))))).collect();
        for waiting in &mut flood {
            assert!(waiting.now_or_never().is_none());
        }
        assert!(strangers.turn(Some(network(2))).now_or_never().unwrap().is_ok());
        drop(first);
        assert!((&mut flood[0]).now_or_never().unwrap().is_ok());
    }

    #[tokio::test]
    async fn networks_of_one_site_share_a_permit() {
        let strangers = Strangers::new();
        let address = |text: &str| Some(text.parse::<IpAddr>().unwrap());
        let _first = strangers.turn(address("2001:db8:1:1::")).await.unwrap();
        assert!(strangers.turn(address("2001:db8:1:2::")).now_or_never().is_none());
        assert!(strangers.turn(address("2001:db8:2:2::")).now_or_never().unwrap().is_ok());
    }

    #[tokio::test]
    async fn the_queue_is_bounded() {
        let strangers = Strangers::new();
        let _first = strangers.turn(Some(network(1))).await.unwrap();
        let mut flood: Vec<_> =
            (0..WAITING_AT_A_NETWORK).map(|_| Box::pin(strangers.turn(Some(network(1))))).collect();
        for waiting in &mut flood {
            assert!(waiting.now_or_never().is_none());
        }
        assert_eq!(strangers.turn(Some(network(1))).now_or_never().unwrap().err(), Some(COME_BACK));
        drop(flood);
        assert!(strangers.turn(Some(network(1))).now_or_never().is_none(), "there are places again");
        let queue = Queue::new(2, 3);
        let held: Vec<_> = (0..3).map(|number| queue.enter(Some(network(number))).unwrap()).collect();
        assert_eq!(queue.enter(Some(network(9))).err(), Some(COME_BACK));
        drop(held);
        assert!(queue.waiting.lock().unwrap().is_empty());
    }
}
