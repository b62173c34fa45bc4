//! Decides who may do what, by the access rules, the limits of tokens and the grants of teams, and emits what was done.
//!
//! Each service has an [`Authorization`]. Within one request, all of them decide by the same snapshot of the rules.

mod permissions;
mod summary;

use std::sync::{Arc, PoisonError, RwLock};

pub(crate) use permissions::WriteRight;
pub use summary::{PermissionSummary, SummarizedRule};

use crate::Error;
use crate::access::AccessRules;
use crate::auth::Caller;
use crate::clock::Clock;
use crate::domain::PackageName;
use crate::events::{Event, EventKind, EventQueue};

/// Who may do what, and the events that tell of it. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Authorization {
    parts: Arc<AuthorizationParts>,
    /// The access rules that the current request began with; `None` outside of one.
    snapshot: Option<AccessRules>,
}

struct AuthorizationParts {
    access: RwLock<AccessRules>,
    grants_beyond_rules: bool,
    events: EventQueue,
    clock: Arc<dyn Clock>,
}

impl Authorization {
    pub(crate) fn new(
        access: AccessRules,
        grants_beyond_rules: bool,
        events: EventQueue,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let access = RwLock::new(access);
        let parts = AuthorizationParts { access, grants_beyond_rules, events, clock };
        Self { parts: Arc::new(parts), snapshot: None }
    }

    /// The rules that decide.
    pub(crate) fn access(&self) -> AccessRules {
        match &self.snapshot {
            Some(snapshot) => snapshot.clone(),
            None => self.parts.access.read().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    /// Changes the rules for requests that begin from now on.
    pub(crate) fn set_access(&self, access: AccessRules) {
        *self.parts.access.write().unwrap_or_else(PoisonError::into_inner) = access;
    }

    /// Keeps deciding by the rules as they are now.
    #[must_use]
    pub(crate) fn with_access_snapshot(&self) -> Self {
        Self { parts: Arc::clone(&self.parts), snapshot: Some(self.access()) }
    }

    pub(crate) fn events(&self) -> &EventQueue {
        &self.parts.events
    }

    /// Waits until the event of the change to come can be queued, and rejects the change where it cannot.
    pub(crate) async fn require_room_for_events(&self) -> Result<(), Error> {
        if self.parts.events.admit().await { Ok(()) } else { Err(Error::EventsBehind) }
    }

    /// Emits what `caller` did, with the rule that decided.
    pub(crate) fn emit(&self, caller: &Caller, package: Option<&PackageName>, kind: EventKind) {
        self.parts.events.emit(self.event(caller, package, kind));
    }

    /// Returns the event of what `caller` did, with the rule that decided. No rule decides about an operator, who acts for no
    /// account.
    pub(crate) fn event(&self, caller: &Caller, package: Option<&PackageName>, kind: EventKind) -> Event {
        let rules = self.access();
        let decide =
            |(action, name)| (action, rules.decide(action, caller.principal.as_deref(), name)).into();
        Event {
            id: None,
            access: kind.action().zip(package).filter(|_| !caller.is_operator()).map(decide),
            time: self.parts.clock.now(),
            principal: caller.name().map(str::to_owned),
            trust: caller.trust().map(str::to_owned),
            token: caller.token_id(),
            address: caller.address,
            client: caller.origin.client_text(),
            request: caller.origin.id_text(),
            via: caller.via,
            package: package.cloned(),
            kind,
            count: None,
        }
    }
}
