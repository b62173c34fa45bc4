use serde::Serialize;

use crate::changes::DeliveredChange;

use super::post::EventHead;

/// What webhooks and topics get of a change.
#[derive(Serialize)]
struct Message<'a> {
    r#type: String,
    timestamp: &'a str,
    data: Data,
}

#[derive(Serialize)]
struct Data {
    seq: u64,
    #[serde(flatten)]
    event: serde_json::Map<String, serde_json::Value>,
}

/// Returns the JSON of a change.
pub(super) fn message(change: &DeliveredChange, head: &EventHead) -> Result<String, serde_json::Error> {
    let subject = if head.package.is_some() { "package" } else { "organization" };
    serde_json::to_string(&Message {
        r#type: format!("{subject}.{}", head.kind),
        timestamp: &head.time,
        data: Data { seq: change.seq, event: serde_json::from_str(change.event.get())? },
    })
}
