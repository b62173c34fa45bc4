use crate::Error;
use crate::auth::{Caller, OrganizationPermission, Principal};
use crate::changes::{ChangedDocument, CommittedChanges, LARGE_OUTBOX, OutboxMarker, outbox_bytes};
use crate::concurrency::detached;
use crate::domain::{GroupName, OrganizationRole, PackageName};
use crate::error::OrganizationError;
use crate::events::{Event, EventKind};
use crate::organizations::Organizations;
use crate::randomness::random_bytes;
use crate::storage::{BlobPath, Edit, Key, Step, When};

use super::OrganizationCreation;
use crate::memberships::OrganizationRecord;

/// The largest size of an organization in bytes. Every request of its members may read it.
const LARGEST: usize = 4 << 20;

/// Words with a meaning in rules and settings. An organization of such a name would be confused with that meaning.
const RESERVED: [&str; 10] = [
    "all",
    "anonymous",
    "anyone",
    "authenticated",
    "everyone",
    "github",
    "htpasswd",
    "local",
    "openid",
    "public",
];

/// An event to emit after a change is committed.
#[derive(Debug, Clone)]
pub(super) struct PendingEvent {
    pub(super) kind: EventKind,
    pub(super) package: Option<PackageName>,
    /// The account that the change adds to the organization.
    pub(super) joins: Option<String>,
}

impl From<EventKind> for PendingEvent {
    fn from(kind: EventKind) -> Self {
        Self { kind, package: None, joins: None }
    }
}

/// An organization during a change.
pub(super) struct Changing<'a> {
    pub(super) name: &'a GroupName,
    pub(super) record: &'a mut OrganizationRecord,
    /// The caller's role in it.
    pub(super) role: OrganizationRole,
    /// Whether this change creates it.
    pub(super) is_new: bool,
}

/// Whether a change may create the organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IfMissing {
    Create,
    Refuse,
}

impl Organizations {
    /// Changes an organization by compare-and-swap. `decide` applies the change and returns the event to emit, or
    /// `None` if there is nothing to change. Returns the organization after the change.
    ///
    /// Completes even if the caller cancels.
    pub(super) async fn change_organization<Decide>(
        &self,
        caller: &Caller,
        name: &GroupName,
        if_missing: IfMissing,
        decide: Decide,
    ) -> Result<OrganizationRecord, Error>
    where
        Decide: FnMut(Changing<'_>) -> Result<Option<PendingEvent>, Error> + Send + 'static,
    {
        let (organizations, caller, name) = (self.clone(), caller.clone(), name.clone());
        detached(async move {
            let changed = organizations.change_organization_here(&caller, &name, if_missing, decide).await;
            organizations.report_role(&caller, changed)
        })
        .await
    }

    async fn change_organization_here(
        &self,
        caller: &Caller,
        name: &GroupName,
        if_missing: IfMissing,
        decide: impl FnMut(Changing<'_>) -> Result<Option<PendingEvent>, Error> + Send,
    ) -> Result<OrganizationRecord, Error> {
        let principal = self.require_organization(caller, name, OrganizationPermission::ReadWrite)?;
        self.accounts().require_two_factor(caller).await?;
        let path = Key::Organization(name).path()?;
        let markers = Vec::new();
        let mut edit = EditOrganization {
            organizations: self,
            caller,
            principal,
            name,
            path: &path,
            if_missing,
            decide,
            markers,
        };
        let updated = self.parts.store.update(&path, &mut edit).await;
        let updated = updated.inspect_err(|_| self.parts.changes.abandon(&edit.markers))?;
        let Changed { record, events, .. } = updated.outcome;
        if !events.is_empty() {
            self.parts.memberships.forget_all();
            self.accounts().forget_identities();
        }
        let document = ChangedDocument::Organization(name.clone());
        let (outbox, markers) = (record.outbox.clone(), edit.markers);
        let changes = CommittedChanges { document, events, outbox, markers };
        self.parts.changes.committed(self.authorization.events(), changes);
        Ok(record)
    }

    /// Returns whether the rules, the settings or a provider refer to an organization of this name.
    fn is_reserved(&self, principal: &Principal, name: &GroupName) -> bool {
        let is_it = |group: &String| {
            let group = group.split_once(':').map_or(group.as_str(), |(_, group)| group);
            group.split('/').next().is_some_and(|group| group.eq_ignore_ascii_case(name.as_str()))
        };
        let is_local = |group: &String| group.starts_with("local:");
        RESERVED.contains(&name.as_str())
            || self.parts.providers.iter().any(|provider| provider.id() == name.as_str())
            || self.authorization.access().mention_organization(name)
            || principal.groups.iter().any(|group| !is_local(group) && is_it(group))
            || self.parts.providers.iter().any(|provider| provider.has_group(name.as_str()))
    }

    fn may_create(&self, principal: &Principal, name: &GroupName) -> bool {
        match self.parts.settings.create {
            // Otherwise any caller could create the organization that the rules let in.
            OrganizationCreation::Anyone if !self.is_reserved(principal, name) => true,
            OrganizationCreation::Anyone | OrganizationCreation::Administrators => {
                self.authorization.access().administers_scope(principal, name)
            }
            OrganizationCreation::Nobody => false,
        }
    }
}

/// A change of one organization.
struct EditOrganization<'a, Decide> {
    organizations: &'a Organizations,
    caller: &'a Caller,
    principal: &'a Principal,
    name: &'a GroupName,
    path: &'a BlobPath,
    if_missing: IfMissing,
    decide: Decide,
    /// The markers of all attempts.
    markers: Vec<OutboxMarker>,
}

/// An organization after a change.
struct Changed {
    /// The id by which the organization remembers the change.
    id: String,
    record: OrganizationRecord,
    /// Empty if nothing changed.
    events: Vec<Event>,
}

impl<Decide> Edit for EditOrganization<'_, Decide>
where
    Decide: FnMut(Changing<'_>) -> Result<Option<PendingEvent>, Error> + Send,
{
    type Outcome = Changed;
    type Error = Error;

    const RECOGNIZES_ATTEMPTS: bool = true;

    async fn attempt(&mut self, attempts: &[Changed]) -> Result<Step<Changed>, Error> {
        let Self { organizations, principal, name, .. } = *self;
        let found = organizations.parts.store.get_proven(self.path).await?;
        let (mut record, role) = match &found {
            Some(blob) => {
                let record = OrganizationRecord::parse(&blob.bytes)?;
                if let Some(Changed { id, events, .. }) =
                    attempts.iter().find(|attempt| record.remembers(&attempt.id))
                {
                    return Ok(Step::Done(Changed { id: id.clone(), record, events: events.clone() }));
                }
                let role = organizations.role_in(name, &record, principal).ok_or_else(|| not_found(name))?;
                (record, role)
            }
            None if self.if_missing == IfMissing::Create && organizations.may_create(principal, name) => {
                let record = OrganizationRecord::new(organizations.parts.clock.now(), &principal.name);
                (record, OrganizationRole::Owner)
            }
            None => return Err(not_found(name)),
        };
        let is_new = found.is_none();
        let decided = (self.decide)(Changing { name, record: &mut record, role, is_new })?;
        let created = is_new.then(|| PendingEvent {
            kind: EventKind::OrganizationCreated { organization: name.clone() },
            package: None,
            joins: Some(principal.name.clone()),
        });
        let told: Vec<PendingEvent> = created.into_iter().chain(decided).collect();
        let commit = random_bytes::<16>(organizations.parts.randomness.as_ref());
        let id = const_hex::encode(commit);
        if told.is_empty() {
            return Ok(Step::Done(Changed { id, record, events: Vec::new() }));
        }
        record.remember(id.clone());
        let events = record_events(organizations, self.caller, &mut record, &told, commit).await?;
        let json = serde_json::to_vec(&record).map_err(Error::internal)?;
        if json.len().saturating_sub(outbox_bytes(&record.outbox)) > LARGEST {
            return Err(Error::request(format!(
                "the organization {name} is full: remove members, teams or grants, or create another one"
            )));
        }
        for account in told.iter().filter_map(|told| told.joins.as_deref()) {
            // The marker is written before the commit: a superfluous marker is harmless, a missing one is not. For
            // the same reason markers are never removed: a concurrent change may be adding the account again.
            let marker = Key::OrganizationOf(account, name).path()?;
            let _ =
                organizations.parts.store.put(&marker, name.as_str().to_owned().into(), When::Always).await?;
        }
        let document = ChangedDocument::Organization(name.clone());
        self.markers.extend(organizations.parts.changes.mark(&document, &events, &record.outbox).await?);
        let base = found.map(|blob| blob.etag);
        Ok(Step::Write { bytes: json.into(), base, outcome: Changed { id, record, events } })
    }
}

/// Puts the events of a change into the organization.
async fn record_events(
    organizations: &Organizations,
    caller: &Caller,
    record: &mut OrganizationRecord,
    told: &[PendingEvent],
    commit: [u8; 16],
) -> Result<Vec<Event>, Error> {
    let event = |told: &PendingEvent| {
        organizations.authorization.event(caller, told.package.as_ref(), told.kind.clone())
    };
    let mut events: Vec<Event> = told.iter().map(event).collect();
    let changes = &organizations.parts.changes;
    if let Some(after) = changes.position().await? {
        if record.outbox.len() > LARGE_OUTBOX {
            changes.look_up_relayed(&record.outbox).await?;
        }
        changes.enter(&mut record.outbox, &mut events, commit, after)?;
    }
    Ok(events)
}

fn not_found(name: &GroupName) -> Error {
    Error::Organization(OrganizationError::NotFound { organization: name.to_string() })
}
