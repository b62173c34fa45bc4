use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::access::TeamPermission;
use crate::domain::{GroupName, OrganizationRole, OutboxEntry, PackageName};

/// The team of all members of an organization.
pub(crate) const DEVELOPERS: &str = "developers";
/// The most commits that are remembered, to recognize a commit whose answer was lost.
const REMEMBERED: usize = 16;

/// An organization, as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct OrganizationRecord {
    pub(crate) created: DateTime<Utc>,
    pub(crate) members: BTreeMap<String, OrganizationRole>,
    /// Includes `developers`, whose members are all of the above and are not stored again.
    pub(crate) teams: BTreeMap<GroupName, TeamRecord>,
    /// The ids of the latest commits.
    #[serde(default)]
    history: Vec<String>,
    /// Events of the latest commits, until the change feed has them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) outbox: Vec<OutboxEntry>,
}

/// A team, as it is stored.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct TeamRecord {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) members: BTreeSet<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) packages: BTreeMap<PackageName, TeamPermission>,
}

impl OrganizationRecord {
    /// Creates an organization with `owner` as its only member.
    pub(crate) fn new(created: DateTime<Utc>, owner: &str) -> Self {
        Self {
            created,
            members: BTreeMap::from([(owner.to_owned(), OrganizationRole::Owner)]),
            teams: GroupName::parse(DEVELOPERS)
                .map(|name| (name, TeamRecord::default()))
                .into_iter()
                .collect(),
            history: Vec::new(),
            outbox: Vec::new(),
        }
    }

    pub(crate) fn parse(json: &[u8]) -> Result<Self, Error> {
        serde_json::from_slice(json).map_err(|error| Error::Damaged(Box::new(error)))
    }

    /// Records that the commit `id` produced this state.
    pub(crate) fn remember(&mut self, id: String) {
        let old = (self.history.len() + 1).saturating_sub(REMEMBERED);
        self.history.drain(..old);
        self.history.push(id);
    }

    /// Returns whether the commit `id` is among the latest.
    pub(crate) fn remembers(&self, id: &str) -> bool {
        self.history.iter().any(|known| known == id)
    }

    /// Returns whether `account` is in the team `name`.
    pub(crate) fn is_in_team(&self, name: &GroupName, team: &TeamRecord, account: &str) -> bool {
        self.members.contains_key(account) && (name.as_str() == DEVELOPERS || team.members.contains(account))
    }

    /// Returns the members of the team `name`.
    pub(crate) fn members_of<'a>(
        &'a self,
        name: &'a GroupName,
        team: &'a TeamRecord,
    ) -> impl Iterator<Item = &'a str> {
        let members = self.members.keys().map(String::as_str);
        members.filter(|account| self.is_in_team(name, team, account))
    }

    /// Returns the number of owners.
    pub(crate) fn owners(&self) -> usize {
        self.members.values().filter(|role| **role == OrganizationRole::Owner).count()
    }
}
