//! npm's hooks: an account lets changes of a package, a scope or an owner be posted to a URL (feature `hooks`).
//!
//! A change reaches hooks by the change feed. The router, a sink of the feed, writes a marker for each hook that a change is
//! for, and waits for no hook. From the markers, any replica delivers to each hook in a task of its own: one replica
//! at a time, in order, and as the account may read the package at that moment.
//!
//! ```
//! use registry_core::hooks::{HookKey, HookSettings};
//! let key: HookKey = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=".parse().unwrap();
//! assert_eq!(HookSettings::new(key).per_account, 100);
//! ```

mod deliver;
mod dispatch;
mod failing;
mod manage;
mod payload;
mod post;
mod record;
mod router;
mod settings;
mod state;

pub use failing::FailingHook;
pub use record::{Hook, HookRequest, HookTarget, HookType};
pub use settings::{HookKey, HookKeyError, HookSettings};

pub(crate) use deliver::start as start_hooks;
pub(crate) use dispatch::Dispatch;
pub(crate) use failing::failing_hooks;
pub(crate) use router::HookRouter;

use std::sync::Arc;

use reqwest::Client;

use crate::accounts::{Accounts, AccountsParts};
use crate::authorization::Authorization;
use crate::changes::Changes;
use crate::changes::sinks::SinkError;
use crate::clock::Clock;
use crate::outbound::{Outbound, Proxies, PublicHosts};
use crate::packages::{Packages, PackagesParts};
use crate::randomness::{Randomness, random_bytes};
use crate::storage::Storage;

/// Keeps the hooks of accounts, and delivers to them. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Hooks {
    parts: Arc<HooksParts>,
    authorization: Authorization,
}

/// What [`Hooks`] works with.
pub(crate) struct HooksParts {
    pub(crate) store: Arc<Storage>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) randomness: Arc<dyn Randomness>,
    pub(crate) settings: HookSettings,
    pub(crate) public_url: Arc<str>,
    pub(crate) changes: Changes,
    pub(crate) packages: Arc<PackagesParts>,
    pub(crate) accounts: Arc<AccountsParts>,
    pub(crate) caller: HookCaller,
    pub(crate) dispatch: Arc<Dispatch>,
}

/// Calls endpoints.
#[derive(Debug)]
pub(crate) struct HookCaller {
    client: Client,
    proxies: Proxies,
}

impl HookCaller {
    /// Creates a client that connects to public addresses only, unless private ones are allowed.
    pub(crate) fn new(allow_private_addresses: bool) -> Result<Self, SinkError> {
        let proxies = Proxies::from_environment();
        let outbound = Outbound {
            extra_root_certificates: &[],
            connect_timeout: post::ANSWER_TIMEOUT,
            proxy_from_environment: true,
        };
        let client = outbound.client(|builder| {
            let builder = builder.timeout(post::ANSWER_TIMEOUT);
            if allow_private_addresses {
                builder
            } else {
                builder.dns_resolver(Arc::new(PublicHosts(proxies.clone())))
            }
        })?;
        Ok(Self { client, proxies })
    }
}

impl Hooks {
    pub(crate) fn new(parts: &Arc<HooksParts>, authorization: &Authorization) -> Self {
        Self { parts: Arc::clone(parts), authorization: authorization.clone() }
    }

    fn packages(&self) -> Packages {
        Packages::new(&self.parts.packages, &self.authorization)
    }

    fn accounts(&self) -> Accounts {
        Accounts::new(&self.parts.accounts, &self.authorization)
    }

    fn new_id(&self) -> String {
        const_hex::encode(random_bytes::<16>(&*self.parts.randomness))
    }
}
