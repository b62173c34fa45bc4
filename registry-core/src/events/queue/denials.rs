use std::collections::HashMap;
use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::PackageName;
use crate::events::{CredentialRejection, DeniedAction, DeniedBy, Event, EventKind, WebLoginRejection};
use crate::network::network_of;

/// How long similar denials are counted together.
pub(super) const WINDOW: TimeDelta = TimeDelta::minutes(1);
/// How many similar denials are emitted individually per window, before the rest is counted.
const TOLD_OF_EACH: u32 = 10;
/// How many denials of one network are emitted individually per window. Each adds a line to the audit log, which
/// clients without an account must not be able to fill.
const TOLD_OF_NETWORK: u32 = 100;
/// How many denials of all networks together are emitted individually per window.
const TOLD_OF_ALL: usize = 1_000;
/// How many networks get their own count of the denials over their limit.
const NETWORKS: usize = 256;

/// Aggregates denials: the first few of a kind are emitted at once, the rest is counted and emitted when the window
/// ends. The number of events and the memory are bounded for any number of requests and networks.
#[derive(Debug, Default)]
pub(super) struct Denials {
    begun: Option<DateTime<Utc>>,
    groups: HashMap<Group, Counted>,
    /// The number of events emitted for each network.
    networks: HashMap<Option<IpAddr>, u32>,
    lines: usize,
    /// The number of groups for networks over their limit.
    buckets: usize,
}

/// The key by which denials are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Group {
    /// `None` if it is unknown, or if too many networks were denied something.
    network: Option<IpAddr>,
    what: &'static str,
    /// `None` for a network over its limit.
    detail: Option<Detail>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Detail {
    principal: Option<String>,
    package: Option<PackageName>,
    reason: Option<Reason>,
}

/// What distinguishes denials of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Reason {
    Action(DeniedAction, DeniedBy),
    Credential(CredentialRejection),
    WebLogin(WebLoginRejection),
    Text(String),
}

#[derive(Debug)]
struct Counted {
    told: u32,
    not_told: u64,
    /// The event that is emitted with their count.
    last: Event,
}

impl Denials {
    /// Returns whether events of this kind are aggregated.
    pub(super) fn are_of(kind: &EventKind) -> bool {
        what(kind).is_some()
    }

    /// Adds a denial, and returns the events to emit now: the counts of a window that has ended, and the denial
    /// itself unless it is only counted.
    pub(super) fn take(&mut self, event: Event) -> Vec<Event> {
        let Some((what, reason, told_of_each)) = what(&event.kind) else { return vec![event] };
        let mut told = Vec::new();
        // Concurrent requests may arrive out of order. A clock that is set back ends a window too.
        if self.begun.is_some_and(|begun| event.time >= begun + WINDOW || event.time + WINDOW <= begun) {
            told = self.sum_up();
        }
        self.begun.get_or_insert(event.time);
        let network = event.address.map(network_of);
        let mut detail = Detail { principal: None, package: None, reason };
        if told_of_each > 1 {
            detail.principal.clone_from(&event.principal);
            detail.package.clone_from(&event.package);
        }
        let group = Group { network, what, detail: Some(detail) };
        let has_lines = self.lines < TOLD_OF_ALL
            && self.networks.get(&network).is_none_or(|lines| *lines < TOLD_OF_NETWORK);
        let is_known = self.groups.contains_key(&group);
        let may_be_told =
            has_lines && self.groups.get(&group).is_none_or(|counted| counted.told < told_of_each);
        let group = if is_known || may_be_told { group } else { self.without_detail(&group) };
        let counted =
            self.groups.entry(group).or_insert_with(|| Counted { told: 0, not_told: 0, last: event.clone() });
        if may_be_told {
            counted.told += 1;
            self.lines += 1;
            *self.networks.entry(network).or_default() += 1;
            told.push(event);
        } else {
            counted.not_told += 1;
            counted.last = event;
        }
        told
    }

    /// Returns the counts, one event for each group, and starts a new window.
    pub(super) fn sum_up(&mut self) -> Vec<Event> {
        let counted = std::mem::take(self).groups.into_iter().filter(|(_, counted)| counted.not_told > 0);
        let mut lines: Vec<_> = counted.map(|(group, counted)| line(&group, counted)).collect();
        lines.sort_by_key(|event| event.time);
        lines
    }

    /// Returns whether a window has begun.
    pub(super) fn is_open(&self) -> bool {
        self.begun.is_some()
    }

    /// Returns the group for all denials of a network over its limit, or, with too many networks, of all networks.
    fn without_detail(&mut self, group: &Group) -> Group {
        let without = Group { network: group.network, what: group.what, detail: None };
        if self.groups.contains_key(&without) {
            return without;
        }
        if self.buckets >= NETWORKS {
            return Group { network: None, ..without };
        }
        self.buckets += 1;
        without
    }
}

fn line(group: &Group, counted: Counted) -> Event {
    let Counted { not_told, mut last, .. } = counted;
    last.count = Some(not_told);
    last.request = None;
    if group.detail.is_none() {
        last.principal = None;
        last.trust = None;
        last.token = None;
        last.client = None;
        last.package = None;
        last.access = None;
        last.address = group.network;
        match &mut last.kind {
            EventKind::LoginFailed { name } => name.clear(),
            EventKind::CredentialRefused { name, .. } => *name = None,
            EventKind::IdTokenRefused { claims, .. } => claims.clear(),
            _ => {}
        }
    }
    last
}

/// Returns the name of a kind of denial, the detail that distinguishes it, and how many similar ones are emitted
/// individually; `None` for other events.
fn what(kind: &EventKind) -> Option<(&'static str, Option<Reason>, u32)> {
    Some(match kind {
        EventKind::Denied { action, by } => {
            ("denied", Some(Reason::Action(action.clone(), *by)), TOLD_OF_EACH)
        }
        EventKind::CredentialRefused { reason, .. } => {
            ("credential-refused", Some(Reason::Credential(*reason)), 1)
        }
        EventKind::IdTokenRefused { reason, .. } => {
            ("id-token-refused", Some(Reason::Text(reason.clone())), 1)
        }
        EventKind::LoginFailed { name } => ("login-failed", Some(Reason::Text(name.clone())), TOLD_OF_EACH),
        EventKind::TwoFactorFailed => ("two-factor-failed", None, TOLD_OF_EACH),
        EventKind::TwoFactorMissing => ("two-factor-missing", None, TOLD_OF_EACH),
        EventKind::WebLoginStarted => ("web-login-started", None, TOLD_OF_EACH),
        EventKind::WebLoginRefused { reason } => {
            ("web-login-refused", Some(Reason::WebLogin(*reason)), TOLD_OF_EACH)
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::Action;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
    }

    fn denied(seconds: i64, address: [u8; 4], package: &str) -> Event {
        Event {
            address: Some(address.into()),
            package: Some(package.parse().unwrap()),
            ..Event::new(at(seconds), EventKind::Denied { action: Action::Read.into(), by: DeniedBy::Rules })
        }
    }

    fn refused(seconds: i64, address: [u8; 4], reason: CredentialRejection) -> Event {
        let kind = EventKind::CredentialRefused { reason, name: Some("ana".into()) };
        Event { kind, package: None, ..denied(seconds, address, "x") }
    }

    const HOME: [u8; 4] = [192, 0, 2, 1];

    #[test]
    fn similar_denials_are_emitted_ten_times_and_then_counted() {
        let mut denials = Denials::default();
        let told: usize = (0..500).map(|_| denials.take(denied(0, HOME, "pear")).len()).sum();
        assert_eq!(told, 10);
        assert_eq!(denials.take(denied(59, HOME, "plum")).len(), 1, "another package is another matter");
        let next = denials.take(denied(60, HOME, "pear"));
        assert_eq!(next.len(), 2, "the sum of the window before, and the first of the new one");
        assert_eq!(next[0].count, Some(490));
        assert_eq!(next[0].package, Some("pear".parse().unwrap()));
        assert_eq!(next[1].count, None);
        assert_eq!(denials.sum_up(), [], "what was told is not counted");
    }

    #[test]
    fn missing_one_time_passwords_are_counted_by_account() {
        let mut denials = Denials::default();
        let missing = |account: &str| Event {
            principal: Some(account.into()),
            kind: EventKind::TwoFactorMissing,
            ..denied(0, HOME, "pear")
        };
        let mut told = |account: &str| (0..50).map(|_| denials.take(missing(account)).len()).sum::<usize>();
        assert_eq!((told("ana"), told("ben")), (10, 10));
        let sums = denials.sum_up();
        assert_eq!(sums.iter().map(|sum| sum.count).collect::<Vec<_>>(), [Some(40), Some(40)]);
    }

    #[test]
    fn a_network_that_varies_names_gets_a_bounded_number_of_events_and_a_sum() {
        let mut denials = Denials::default();
        let names = (0..360_000).map(|number| denied(0, HOME, &format!("hidden-{number}")));
        let told: usize = names.map(|event| denials.take(event).len()).sum();
        assert_eq!(told, 100);
        assert_eq!(
            denials.take(denied(1, [192, 0, 2, 2], "pear")).len(),
            1,
            "others are told of all the same"
        );
        let sums = denials.sum_up();
        assert_eq!(sums.len(), 1);
        assert_eq!((sums[0].count, &sums[0].package), (Some(359_900), &None));
        assert_eq!(sums[0].address, Some(HOME.into()));
    }

    #[test]
    fn many_networks_together_get_a_bounded_number_of_events() {
        let mut denials = Denials::default();
        let mut told = 0;
        for number in 0..100_000_u32 {
            let [_, one, two, three] = number.to_be_bytes();
            told += denials.take(denied(0, [10, one, two, three], "pear")).len();
        }
        assert_eq!(told, TOLD_OF_ALL);
        let sums = denials.sum_up();
        assert!(sums.len() <= NETWORKS + 1, "{}", sums.len());
        let counted: u64 = sums.iter().filter_map(|sum| sum.count).sum();
        assert_eq!(counted, 99_000, "none is forgotten");
        assert!(sums.iter().any(|sum| sum.address.is_none() && sum.count > Some(90_000)));
    }

    #[test]
    fn rejected_credentials_are_emitted_once_per_network_and_reason() {
        let mut denials = Denials::default();
        let took = |denials: &mut Denials, event| denials.take(event).len();
        assert_eq!(took(&mut denials, refused(0, HOME, CredentialRejection::UnknownToken)), 1);
        assert_eq!(took(&mut denials, refused(59, HOME, CredentialRejection::UnknownToken)), 0);
        assert_eq!(took(&mut denials, refused(59, HOME, CredentialRejection::WrongPassword)), 1);
        assert_eq!(took(&mut denials, refused(59, [192, 0, 2, 2], CredentialRejection::UnknownToken)), 1);
        let sums = denials.sum_up();
        assert_eq!(sums.len(), 1);
        assert_eq!(sums[0].count, Some(1));
    }
}
