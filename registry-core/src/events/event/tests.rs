use super::*;
use crate::vocabulary::Via;

/// Kinds whose fields are also fields of the event would be lost, or read wrongly, by the recovery.
#[test]
fn an_event_is_read_as_it_was_written() {
    let version: Version = "1.0.0".parse().unwrap();
    let organization = GroupName::parse("acme").unwrap();
    let kinds = [
        EventKind::Staged {
            id: StageId::from_random([7; 16]),
            version: version.clone(),
            tag: DistTag::latest(),
            integrity: "sha512-x".into(),
        },
        EventKind::Recalled {
            version: version.clone(),
            reason: "steals tokens".into(),
            cause: RecallCause::Withdrawal("npm".into()),
        },
        EventKind::RecallUndone { version: version.clone() },
        EventKind::VersionsBlocked { versions: "1.x".into(), reason: "worm".into(), until: None },
        EventKind::Unpublished { versions: vec![version] },
        EventKind::Starred,
        EventKind::TeamDestroyed { organization: organization.clone(), team: organization },
        EventKind::PackageAccessChanged { restricted: true, mfa: MfaPolicy::Automation },
    ];
    for kind in kinds {
        let event = Event {
            id: Some("0a".into()),
            principal: Some("ana".into()),
            token: Some("0b".into()),
            address: Some([192, 0, 2, 1].into()),
            client: Some("npm/11".into()),
            request: Some("r-1".into()),
            via: Some(Via::CommandLine),
            package: Some("pear".parse().unwrap()),
            ..Event::new(DateTime::from_timestamp(1_700_000_000, 5_000_000).unwrap(), kind)
        };
        let json = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), event, "{json}");
    }
}
