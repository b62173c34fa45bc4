use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::domain::Version;
use crate::events::{Event, EventKind};

/// The version of the envelope, as npm documents it.
const ENVELOPE: &str = "1.0.0";

/// The kinds of events that hooks get.
const KINDS: [&str; 12] = [
    "published",
    "stage-approved",
    "dist-tag-set",
    "dist-tag-removed",
    "deprecated",
    "undeprecated",
    "unpublished",
    "package-unpublished",
    "owners-changed",
    "starred",
    "unstarred",
    "package-access-changed",
];

/// Whether hooks get events of this kind.
pub(super) fn is_for_hooks(kind: &str) -> bool {
    KINDS.contains(&kind)
}

/// What is posted, as npm documents it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HookPayload<'a> {
    event: &'static str,
    name: &'a str,
    r#type: &'static str,
    version: &'static str,
    hook_owner: HookOwner<'a>,
    /// The packument; `null` for a package that is gone.
    payload: Option<&'a RawValue>,
    change: Value,
    time: i64,
}

#[derive(Serialize)]
struct HookOwner<'a> {
    username: &'a str,
}

impl<'a> HookPayload<'a> {
    /// Returns what a hook of `account` gets of an event; `None` for a kind that hooks do not get.
    pub(super) fn new(account: &'a str, event: &'a Event, packument: Option<&'a RawValue>) -> Option<Self> {
        let name = event.package.as_ref()?.as_str();
        let (kind, change) = change_of(event)?;
        Some(Self {
            event: kind,
            name,
            r#type: "package",
            version: ENVELOPE,
            hook_owner: HookOwner { username: account },
            payload: packument,
            change,
            time: event.time.timestamp_millis(),
        })
    }
}

/// Returns npm's name of an event, and what changed. Where npm names one version and there are several, `versions` has all.
fn change_of(event: &Event) -> Option<(&'static str, Value)> {
    let by_version = |field: &str, versions: &[Version]| {
        let mut change = json!({ field: versions.first() });
        if versions.len() > 1 {
            change["versions"] = json!(versions);
        }
        change
    };
    let by_user = || event.principal.as_ref().map_or_else(|| json!({}), |user| json!({ "user": user }));
    Some(match &event.kind {
        EventKind::Published { version, tag, .. } | EventKind::StageApproved { version, tag, .. } => {
            ("package:publish", json!({ "version": version, "dist-tag": tag }))
        }
        EventKind::DistTagSet { tag, version } => {
            ("package:dist-tag", json!({ "dist-tag": tag, "version": version }))
        }
        EventKind::DistTagRemoved { tag } => ("package:dist-tag-rm", json!({ "dist-tag": tag })),
        EventKind::Deprecated { versions, message } => {
            let mut change = by_version("deprecated", versions);
            change["message"] = json!(message);
            ("package:deprecated", change)
        }
        EventKind::Undeprecated { versions } => ("package:undeprecated", by_version("deprecated", versions)),
        EventKind::Unpublished { versions } | EventKind::PackageUnpublished { versions } => {
            ("package:unpublish", by_version("version", versions))
        }
        // The event has the current owners, and does not say which of them is new, or who is gone.
        EventKind::OwnersChanged { owners } => ("package:change", json!({ "maintainers": owners })),
        EventKind::PackageAccessChanged { .. } | EventKind::Imported { .. } => ("package:change", json!({})),
        EventKind::Starred => ("package:star", by_user()),
        EventKind::Unstarred => ("package:unstar", by_user()),
        _ => return None,
    })
}
