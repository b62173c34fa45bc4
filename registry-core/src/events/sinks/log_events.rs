use std::fmt;

use async_trait::async_trait;
use serde_json::{Map, Value};

use crate::clock::timestamp;
use crate::events::{Event, EventError, EventSink};

/// Writes each event as one line of the log, at level `info` and with the target `registry_core::events`.
///
/// The fields are `kind`, `time`, and where known `principal`, `address` and `package`; further fields of the kind
/// are JSON in `details`.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogEvents;

#[async_trait]
impl EventSink for LogEvents {
    async fn deliver(&self, events: &[Event]) -> Result<(), EventError> {
        for event in events {
            log(event).map_err(|source| EventError { sink: self.to_string(), source: source.into() })?;
        }
        Ok(())
    }
}

fn log(event: &Event) -> serde_json::Result<()> {
    let mut details: Map<String, Value> = serde_json::from_value(serde_json::to_value(&event.kind)?)?;
    let kind = details.shift_remove("kind");
    let kind = kind.as_ref().and_then(Value::as_str).unwrap_or_default();
    let details = (!details.is_empty()).then(|| Value::Object(details));
    tracing::info!(
        target: "registry_core::events",
        kind,
        time = timestamp(event.time),
        principal = event.principal,
        trust = event.trust,
        address = event.address.map(tracing::field::display),
        via = event.via.map(tracing::field::debug),
        package = event.package.as_ref().map(tracing::field::display),
        details = details.map(tracing::field::display),
        "{kind}"
    );
    Ok(())
}

impl fmt::Display for LogEvents {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("log")
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::domain::{DistTag, PackageName, Version};
    use crate::events::EventKind;
    use crate::events::captured_log::CapturedLog;

    #[tokio::test]
    async fn each_event_is_one_line_with_fields() {
        let time = DateTime::from_timestamp(1_767_323_045, 0).unwrap();
        let kind =
            EventKind::DistTagSet { tag: DistTag::latest(), version: Version::parse("1.0.0").unwrap() };
        let published = Event {
            principal: Some("ana".into()),
            address: Some([192, 0, 2, 7].into()),
            package: Some(PackageName::parse("@acme/web").unwrap()),
            ..Event::new(time, kind)
        };
        let signed_up = Event::new(time, EventKind::SignedUp);
        let log = CapturedLog::start();
        LogEvents.deliver(&[published, signed_up]).await.unwrap();
        insta::assert_snapshot!(log.take().join("\n"), @r#"
        INFO dist-tag-set kind="dist-tag-set" time="2026-01-02T03:04:05.000Z" principal="ana" address=192.0.2.7 package=@acme/web details={"tag":"latest","version":"1.0.0"}
        INFO signed-up kind="signed-up" time="2026-01-02T03:04:05.000Z"
        "#);
    }
}
