use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use registry_core::access::Action;
use registry_core::domain::{DistTag, PackageName, Version};
use registry_core::events::{DeniedBy, Event, EventKind, EventSink, Via};
use serde_json::{Value, json};

/// Checks that a sink keeps the contract of [`EventSink`].
///
/// `make` makes a sink that has taken nothing yet, and `read_back` reads all that a sink has taken, oldest first,
/// each event in the JSON form that [`Event`] serializes to. It is called once for each sink that was made.
///
/// # Panics
///
/// Where the contract is not kept.
pub async fn event_sink<Sink, Making, Reading>(
    make: impl Fn() -> Making + Send + Sync,
    read_back: impl Fn(Arc<Sink>) -> Reading + Send + Sync,
) where
    Sink: EventSink,
    Making: Future<Output = Arc<Sink>> + Send,
    Reading: Future<Output = Vec<Value>> + Send,
{
    let sink = make().await;
    assert!(!sink.to_string().is_empty(), "a sink displays itself by a name, for logs");
    assert_eq!(read_back(sink).await, [] as [Value; 0], "a new sink has taken nothing");

    let batches = [every_kind(), many(0..1), many(1..257), many(257..1_000)];
    let sink = make().await;
    for batch in &batches {
        take(&*sink, batch).await;
    }
    let expected: Vec<Value> = batches.iter().flatten().map(|event| json!(event)).collect();
    let found = read_back(sink).await;
    assert_eq!(found.len(), expected.len(), "every event is taken once when every batch is offered once");
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected, "events are kept whole and in the order in which they came");
    }

    let sink = make().await;
    for batch in [many(0..3), many(0..3), many(3..5)] {
        take(&*sink, &batch).await;
    }
    let mut first_seen: Vec<Value> = Vec::new();
    for event in read_back(sink).await {
        if !first_seen.contains(&event) {
            first_seen.push(event);
        }
    }
    let expected: Vec<Value> = many(0..5).iter().map(|event| json!(event)).collect();
    assert_eq!(first_seen, expected, "a batch that comes again loses nothing and changes no order");
}

async fn take(sink: &impl EventSink, batch: &[Event]) {
    if let Err(error) = sink.deliver(batch).await {
        panic!("{sink} did not take {} events: {error}: {}", batch.len(), error.source);
    }
}

fn many(numbers: std::ops::Range<u32>) -> Vec<Event> {
    let numbered = |number| event(number, None, EventKind::LoginFailed { name: format!("user {number}") });
    numbers.map(numbered).collect()
}

fn event(second: u32, package: Option<PackageName>, kind: EventKind) -> Event {
    let time = DateTime::UNIX_EPOCH + Duration::from_secs(1_767_323_045 + u64::from(second));
    let mut event = Event::new(time, kind);
    event.principal = second.is_multiple_of(2).then(|| "ana".into());
    event.trust = second.is_multiple_of(5).then(|| "7".into());
    event.via = second.is_multiple_of(7).then_some(Via::CommandLine);
    event.address = second.is_multiple_of(3).then(|| [192, 0, 2, 7].into());
    event.package = package;
    event
}

/// One event of each kind, with texts that are hard to keep.
#[expect(clippy::expect_used, reason = "the names and versions here are good ones")]
fn every_kind() -> Vec<Event> {
    let package = PackageName::parse("@acme/web").expect("a name");
    let version = Version::parse("1.0.0-rc.1+build").expect("a version");
    let tag = DistTag::latest();
    let versions = vec![version.clone()];
    let hard_text = "two\nlines, \"quotes\", a \\, a \0, {braces} and 漢字 🦀".to_owned();
    let of_a_package = [
        EventKind::Published { version: version.clone(), tag: tag.clone(), integrity: "sha512-AA==".into() },
        EventKind::DistTagSet { tag: tag.clone(), version },
        EventKind::DistTagRemoved { tag: tag.to_string() },
        EventKind::Deprecated { versions: versions.clone(), message: hard_text.clone() },
        EventKind::Undeprecated { versions: versions.clone() },
        EventKind::Unpublished { versions: versions.clone() },
        EventKind::PackageUnpublished { versions },
        EventKind::OwnersChanged { owners: vec!["ana".into(), "ben".into()] },
        EventKind::Starred,
        EventKind::Unstarred,
        EventKind::Denied { action: Action::Publish.into(), by: DeniedBy::Rules },
    ];
    let of_nothing = [
        EventKind::SignedUp,
        EventKind::LoggedIn,
        EventKind::LoginFailed { name: hard_text },
        EventKind::LoggedOut,
    ];
    let of_a_package =
        of_a_package.into_iter().zip(0..).map(|(kind, at)| event(at, Some(package.clone()), kind));
    of_a_package.chain(of_nothing.into_iter().zip(0..).map(|(kind, at)| event(at, None, kind))).collect()
}
