use std::net::IpAddr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::PackageName;
use crate::events::rule_decision::RuleDecision;
use crate::vocabulary::Via;

use super::EventKind;

/// An event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Event {
    /// The id of a change that the change feed has too, or will have. Absent for all other events. A sink that gets the
    /// same id twice got the same event twice.
    #[serde(rename = "event-id", default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// When it happened.
    pub time: DateTime<Utc>,
    /// The principal; absent for an anonymous caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// The trust of a build that acted on behalf of the principal; absent for other callers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trust: Option<String>,
    /// The id of the token that identified the principal; absent for other credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The address of the client, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// The client's `User-Agent`, as it sent it, up to 256 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// The id of the request, as the frontend logs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// How the request arrived, if not over HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub via: Option<Via>,
    /// The package, if the event concerns one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package: Option<PackageName>,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
    /// The decision of the access rules, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access: Option<RuleDecision>,
    /// The number of further denials that this event sums up, besides those emitted individually; absent for an event
    /// about one occurrence. Only for denials: see [`EventQueue`](crate::events::EventQueue). If package and principal are
    /// absent, it covers many packages denied to one network; if the address is absent too, many networks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
}

impl Event {
    /// An event of which nothing more is known.
    pub fn new(time: DateTime<Utc>, kind: EventKind) -> Self {
        Self {
            id: None,
            time,
            principal: None,
            trust: None,
            token: None,
            address: None,
            client: None,
            request: None,
            via: None,
            package: None,
            kind,
            access: None,
            count: None,
        }
    }
}
