//! The event of a schedule. Between requests, Lambda freezes the function, and no change is delivered: a schedule of
//! EventBridge invokes it to deliver what is left.

use std::time::Duration;

use lambda_http::lambda_runtime::{Diagnostic, FunctionResponse, IntoFunctionResponse};
use lambda_http::request::LambdaRequest;
use registry_core::changes::DeliveryState;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::answer::{Answer, Buffered, Chunks};
use crate::event::EventError;

/// The time that is left for the report when a delivery has to stop.
pub(crate) const TIME_FOR_THE_REPORT: Duration = Duration::from_secs(3);

/// What a schedule's event says of itself, as EventBridge rules and EventBridge Scheduler send it.
const SCHEDULED: &str = "Scheduled Event";
const SCHEDULERS: [&str; 2] = ["aws.events", "aws.scheduler"];

/// Why the function is invoked.
#[derive(Debug)]
pub(crate) enum Invocation {
    /// A client's request.
    Request(Box<LambdaRequest>),
    /// A schedule. A client cannot send its event: a request arrives as the body within an event of its gateway.
    Schedule,
}

/// The fields by which an event of EventBridge is recognized.
#[derive(Deserialize)]
struct BridgeEvent {
    source: String,
    #[serde(rename = "detail-type")]
    detail_type: String,
}

impl<'de> Deserialize<'de> for Invocation {
    fn deserialize<From: Deserializer<'de>>(deserializer: From) -> Result<Self, From::Error> {
        let event = Box::<RawValue>::deserialize(deserializer)?;
        if let Ok(request) = serde_json::from_str(event.get()) {
            return Ok(Self::Request(Box::new(request)));
        }
        match serde_json::from_str(event.get()) {
            Ok(BridgeEvent { source, detail_type })
                if detail_type == SCHEDULED && SCHEDULERS.contains(&source.as_str()) =>
            {
                Ok(Self::Schedule)
            }
            _ => Err(From::Error::custom(EventError::Kind)),
        }
    }
}

/// What came of a scheduled delivery, as the invocation answers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ScheduleReport {
    /// How many events of ended or frozen functions were found and moved into the change feed.
    pub recovered: usize,
    /// Whether each sink was asked until it had all changes or failed. If not, time was up: the next invocation goes on.
    pub is_complete: bool,
    /// How far the delivery to each sink has come.
    pub sinks: Vec<DeliveryState>,
}

/// Why a scheduled delivery has no report. Lambda counts the invocation as failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// The storage cannot be read or written. The log contains the cause.
    #[error("the registry cannot read or write its storage: {0}")]
    Storage(#[from] registry_core::Error),
    /// The delivery panicked. The log contains the cause.
    #[error("the delivery of changes broke off: see the log of the function")]
    BrokeOff,
}

impl From<ScheduleError> for Diagnostic {
    fn from(error: ScheduleError) -> Self {
        let error_type = match error {
            ScheduleError::Storage(_) => "Storage",
            ScheduleError::BrokeOff => "BrokeOff",
        };
        Self { error_type: error_type.into(), error_message: error.to_string() }
    }
}

/// The answer to an invocation.
#[derive(Debug)]
pub(crate) enum InvocationAnswer {
    Request(Answer),
    Schedule(ScheduleReport),
}

/// The answer as one JSON document.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum AnswerDocument {
    Request(Buffered),
    Schedule(ScheduleReport),
}

impl IntoFunctionResponse<AnswerDocument, Chunks> for InvocationAnswer {
    fn into_response(self) -> FunctionResponse<AnswerDocument, Chunks> {
        let document = match self {
            Self::Request(Answer::Streaming(answer)) => return FunctionResponse::StreamingResponse(answer),
            Self::Request(Answer::Buffered(answer)) => AnswerDocument::Request(answer),
            Self::Schedule(report) => AnswerDocument::Schedule(report),
        };
        FunctionResponse::BufferedResponse(document)
    }
}

/// Returns how long an invocation may still run. Both times are in milliseconds since 1970.
pub(crate) fn time_left(deadline: u64, now: i64) -> Duration {
    Duration::from_millis(deadline.saturating_sub(u64::try_from(now).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(event: &str) -> Result<Invocation, serde_json::Error> {
        serde_json::from_str(event)
    }

    #[test]
    fn schedules_are_recognized_and_other_events_of_eventbridge_are_not() {
        for event in [
            r#"{"version":"0","id":"1","detail-type":"Scheduled Event","source":"aws.events","account":"123456789012",
                "time":"2026-01-02T03:04:05Z","region":"eu-west-1","resources":["arn:aws:events:eu-west-1:1:rule/r"],"detail":{}}"#,
            r#"{"version":"0","id":"1","detail-type":"Scheduled Event","source":"aws.scheduler","account":"123456789012",
                "time":"2026-01-02T03:04:05Z","region":"eu-west-1","resources":["arn:aws:scheduler:eu-west-1:1:schedule/default/r"],
                "detail":"{}"}"#,
        ] {
            assert!(matches!(parse(event), Ok(Invocation::Schedule)), "{event}");
        }
        for event in [
            r#"{"source":"aws.events"}"#,
            r#"{"detail-type":"Scheduled Event"}"#,
            r#"{"source":"acme.app","detail-type":"Scheduled Event"}"#,
            r#"{"source":"aws.events","detail-type":"EC2 Instance State-change Notification"}"#,
            "{}",
            "null",
        ] {
            let refused = parse(event).unwrap_err().to_string();
            assert!(refused.contains("does not accept such events"), "{event}: {refused}");
        }
        let request = r#"{ "version": "2.0", "rawPath": "/-/ping", "rawQueryString": "", "headers": {},
            "source": "aws.events", "detail-type": "Scheduled Event",
            "requestContext": { "http": { "method": "GET" } }, "isBase64Encoded": false }"#;
        assert!(matches!(parse(request), Ok(Invocation::Request(_))));
    }

    #[test]
    fn a_deadline_in_the_past_leaves_no_time() {
        assert_eq!(time_left(12_500, 10_000), Duration::from_millis(2_500));
        assert_eq!(time_left(9_000, 10_000), Duration::ZERO);
    }
}
