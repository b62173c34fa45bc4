//! A schedule's invocations: they deliver what the function left behind when Lambda froze it.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use registry_core::changes::{ChangeSink, DeliveredChange, DeliverySettings};
use registry_core::events::EventError;
use registry_lambda::{Frontend, ResponseMode};
use registry_testkit::fake_lambda_runtime::{LambdaFunction, Outcome};
use registry_testkit::fake_receiver::FakeReceiver;
use registry_testkit::faulty::{Fault, Gate, Operation};
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::{RecordedChanges, TestRegistry};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::events::{Asked, Given, Sender};

/// As the function of the template has it.
const TIME: Duration = Duration::from_secs(30);

fn frontend(registry: &TestRegistry) -> Frontend {
    Frontend::new(registry.registry().clone(), ResponseMode::Buffered)
}

async fn registry_with(sink: impl ChangeSink) -> TestRegistry {
    TestRegistry::builder().change_sink("sink", Arc::new(sink), DeliverySettings::default()).start().await
}

async fn publish(registry: &TestRegistry, name: &str) {
    let _ = registry.ana().publish(&PublishDocument::new(name, "1.0.0")).await.assert_status(201);
}

#[tokio::test]
async fn a_schedule_recovers_and_delivers_what_a_function_left_behind() {
    let changes = RecordedChanges::default();
    let ended = registry_with(changes.clone()).await;
    // Lambda stops the function after its answer, before the feed has the change.
    let gate = Gate::new();
    ended.store().fail_next_at(Operation::Put, |path| path == "_changes/head.json", Fault::Hold(gate));
    publish(&ended, "pear").await;
    let other = ended.replica().await;
    drop(ended);
    let early = frontend(&other).deliver_changes(TIME).await.unwrap();
    assert_eq!((early.recovered, changes.lines()), (0, vec![]), "the other function may still be at work");
    other.clock().advance(Duration::from_mins(1));
    let report = frontend(&other).deliver_changes(TIME).await.unwrap();
    assert_eq!(changes.lines(), ["1 pear published"]);
    insta::assert_json_snapshot!(report, @r#"
    {
      "recovered": 1,
      "is_complete": true,
      "sinks": [
        {
          "sink": "sink",
          "delivered": 1,
          "behind": 0,
          "given_up": 0
        }
      ]
    }
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_fails_is_in_the_report_and_gets_the_change_the_next_minute() {
    let changes = RecordedChanges::default();
    let registry = registry_with(changes.clone()).await;
    changes.fail(1);
    publish(&registry, "pear").await;
    let report = frontend(&registry).deliver_changes(TIME).await.unwrap();
    assert!(report.is_complete);
    assert_eq!((report.sinks[0].behind, report.sinks[0].error.as_deref()), (1, Some("out of order")));
    registry.clock().advance(Duration::from_mins(1));
    let report = frontend(&registry).deliver_changes(TIME).await.unwrap();
    assert_eq!((report.sinks[0].behind, report.sinks[0].error.as_deref()), (0, None));
    assert_eq!(changes.lines(), ["1 pear published"]);
}

/// A sink that accepts one change for each permit.
#[derive(Debug)]
struct SlowSink(Arc<Semaphore>);

#[async_trait]
impl ChangeSink for SlowSink {
    async fn deliver(&self, _changes: &[DeliveredChange]) -> Result<(), EventError> {
        self.0.acquire().await.unwrap().forget();
        Ok(())
    }
}

impl fmt::Display for SlowSink {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a slow sink")
    }
}

#[tokio::test(start_paused = true)]
async fn a_delivery_that_runs_out_of_time_goes_on_with_the_next_invocation() {
    let permits = Arc::new(Semaphore::new(0));
    let registry = registry_with(SlowSink(Arc::clone(&permits))).await;
    publish(&registry, "pear").await;
    let began = tokio::time::Instant::now();
    let report = frontend(&registry).deliver_changes(Duration::from_secs(10)).await.unwrap();
    assert_eq!((report.is_complete, report.sinks[0].behind), (false, 1));
    assert!(began.elapsed() < Duration::from_secs(10), "the report is late: {:?}", began.elapsed());
    permits.add_permits(1);
    let report = frontend(&registry).deliver_changes(Duration::from_secs(10)).await.unwrap();
    assert_eq!((report.is_complete, report.sinks[0].behind), (true, 0));
}

#[tokio::test]
async fn a_storage_that_fails_fails_the_invocation() {
    let registry = registry_with(RecordedChanges::default()).await;
    registry.store().fail_next_at(Operation::List, |path| path.starts_with("_outbox"), Fault::Refused);
    let error = frontend(&registry).deliver_changes(TIME).await.unwrap_err();
    assert!(error.to_string().starts_with("the registry cannot read or write its storage"), "{error}");
}

/// What EventBridge rules, and EventBridge Scheduler, send.
fn events() -> [Value; 2] {
    let event = |source: &str, resource: &str, detail: Value| {
        json!({
            "version": "0",
            "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
            "detail-type": "Scheduled Event",
            "source": source,
            "account": "123456789012",
            "time": "2026-01-02T03:04:05Z",
            "region": "eu-west-1",
            "resources": [resource],
            "detail": detail
        })
    };
    [
        event("aws.events", "arn:aws:events:eu-west-1:123456789012:rule/npm", json!({})),
        event("aws.scheduler", "arn:aws:scheduler:eu-west-1:123456789012:schedule/default/npm", json!("{}")),
    ]
}

#[tokio::test]
async fn the_function_answers_schedules_with_a_report_and_requests_as_before() {
    let (folder, receiver) = (tempfile::tempdir().unwrap(), FakeReceiver::start().await);
    let config = format!(
        "[[packages]]\nmatch = \"**\"\nread = [\"@all\"]\npublish = [\"@authenticated\"]\n\
         [webhooks.ci]\nurl = \"{}/hook\"\nsecret_env = \"HOOK_SECRET\"\n",
        receiver.url()
    );
    let storage = format!("file:{}", folder.path().display());
    let variables = [
        ("REGISTRY_STORAGE", storage.as_str()),
        ("REGISTRY_CONFIG", config.as_str()),
        ("REGISTRY_LAMBDA_RESPONSE", "streaming"),
        ("HOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
    ];
    let mut function =
        LambdaFunction::start(Path::new(env!("CARGO_BIN_EXE_registry-lambda")), &variables).await;
    let body = json!({ "name": "ana", "password": "correct horse battery", "email": "ana@registry.example" });
    let asked = Asked::of("PUT", "/-/user/org.couchdb.user:ana").body(body.to_string());
    let session = Given::of(&function.invoke(asked.event(Sender::HttpApi).to_string()).await.json());
    let session: Value = serde_json::from_slice(&session.body).unwrap();
    let bearer = format!("Bearer {}", session["token"].as_str().unwrap());
    let body = PublishDocument::new("pear", "1.0.0").build().to_string();
    let asked = Asked::of("PUT", "/pear").header("authorization", &bearer).body(body);
    let published = function.invoke(asked.event(Sender::HttpApi).to_string()).await;
    assert_eq!(Given::of(&published.json()).status, 201);

    for event in events() {
        let report = function.invoke(event.to_string()).await.json();
        assert_eq!(
            report,
            json!({
                "recovered": 0,
                "is_complete": true,
                "sinks": [{ "sink": "webhook-ci", "delivered": 1, "behind": 0, "given_up": 0 }]
            }),
            "{}",
            function.stderr()
        );
    }
    assert_eq!(receiver.received().len(), 1);
    let mut other = events()[0].clone();
    other["detail-type"] = "EC2 Instance State-change Notification".into();
    let refused = function.invoke(other.to_string()).await;
    assert!(
        matches!(&refused, Outcome::Failed(error) if error.to_string().contains("EventBridge schedule")),
        "{refused:?}"
    );
}
