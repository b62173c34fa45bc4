//! Passwords that many callers have checked at the same time: one hash for one password, and a fair share for each
//! network.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use futures::future::join_all;
use registry_core::auth::{AuthError, AuthProvider, Credential, Identified, Principal, Profile};
use registry_testkit::TestRegistry;
use secrecy::ExposeSecret as _;
use tokio::sync::Semaphore;

use super::guesses::basic_of;

/// A provider whose checks take as long as the test wants, and which remembers a password that was right.
#[derive(Debug)]
struct Slow {
    checks: AtomicUsize,
    is_remembered: AtomicBool,
    /// Lets the checks of names that begin with `flood` end.
    flood: Semaphore,
}

impl Slow {
    async fn start() -> (Arc<Self>, TestRegistry) {
        let flood = Semaphore::new(0);
        let slow =
            Arc::new(Self { checks: AtomicUsize::new(0), is_remembered: AtomicBool::new(false), flood });
        let provider = Arc::clone(&slow) as Arc<dyn AuthProvider>;
        (slow, TestRegistry::builder().provider(provider).accounts(false).start().await)
    }
}

#[async_trait]
impl AuthProvider for Slow {
    fn id(&self) -> &'static str {
        "slow"
    }

    async fn identify(&self, credential: &Credential) -> Result<Identified, AuthError> {
        let Credential::Basic { name, password } = credential else { return Ok(Identified::NotMine) };
        if self.is_remembered.load(Ordering::SeqCst) {
            return Ok(Identified::Principal(Principal::user(name)));
        }
        self.checks.fetch_add(1, Ordering::SeqCst);
        if name.starts_with("flood") {
            drop(self.flood.acquire().await);
        }
        tokio::task::yield_now().await;
        if password.expose_secret() != "right" {
            return Ok(Identified::Rejected);
        }
        self.is_remembered.store(name == "ana", Ordering::SeqCst);
        Ok(Identified::Principal(Principal::user(name)))
    }

    async fn look_up(&self, _: &str) -> Result<Option<Profile>, AuthError> {
        Ok(None)
    }
}

impl fmt::Display for Slow {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the slow provider")
    }
}

#[tokio::test]
async fn of_many_connections_with_one_right_password_one_has_it_checked() {
    let (slow, registry) = Slow::start().await;
    let client = registry.anonymous().from_address("192.0.2.1".parse().unwrap());
    let answers = join_all((0..100).map(|_| basic_of(&client, "ana", "right"))).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert_eq!(slow.checks.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_flood_from_one_network_delays_no_other_caller() {
    let (slow, registry) = Slow::start().await;
    let at = |address: &str| registry.anonymous().from_address(address.parse().unwrap());
    // Ben is known where the flood comes from.
    let _ = basic_of(&at("2001:db8::1"), "ben", "right").await.assert_status(200);
    let flood: Vec<_> = (0..200)
        .map(|number| {
            let client = at(&format!("2001:db8:0:{:x}::1", number % 100));
            tokio::spawn(async move { basic_of(&client, &format!("flood-{number}"), "right").await.status })
        })
        .collect();
    while slow.checks.load(Ordering::SeqCst) < 2 {
        tokio::task::yield_now().await;
    }
    let _ = basic_of(&at("2001:db8::1"), "ben", "right").await.assert_status(200);
    let _ = basic_of(&at("198.51.100.1"), "cem", "right").await.assert_status(200);
    assert_eq!(slow.checks.load(Ordering::SeqCst), 4, "one of the flood is checked at a time");
    slow.flood.add_permits(1000);
    let mut sent_away = 0;
    for status in join_all(flood).await {
        let status = status.unwrap();
        assert!(status == 200 || status == 429, "{status}");
        sent_away += usize::from(status == 429);
    }
    assert!((130..=140).contains(&sent_away), "{sent_away} of 200 found no place to wait");
}
