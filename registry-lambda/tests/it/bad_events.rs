//! Events that no sender should send, and that an attacker can.

use registry_lambda::{Frontend, LambdaRequest, ResponseMode};
use registry_testkit::TestRegistry;
use serde_json::{Value, json};

use crate::events::{Asked, Given, Sender};

async fn frontend() -> Frontend {
    let registry = TestRegistry::new().await;
    Frontend::new(registry.registry().clone(), ResponseMode::Buffered)
}

/// The status; `None` where the event is refused before there is anything to answer.
async fn status(frontend: &Frontend, event: &Value) -> Option<u64> {
    let event: LambdaRequest = serde_json::from_value(event.clone()).ok()?;
    Some(Given::of(&frontend.answer(event).await.into_json().await.unwrap()).status)
}

#[tokio::test]
async fn a_host_that_is_none_is_refused() {
    let frontend = frontend().await;
    for host in
        ["", " ", "a b", "[::1", "a/b", "a@b", "a:99999999", "é.example", "%", "\"", "a?b#c", "\u{7f}x"]
    {
        for sender in Sender::ALL {
            let mut asked = Asked::get("/pear");
            asked.headers = vec![("Host".to_owned(), host.to_owned())];
            let status = status(&frontend, &asked.event(sender)).await;
            assert!(matches!(status, None | Some(400 | 404)), "{host:?} {sender:?} {status:?}");
        }
    }
}

#[tokio::test]
async fn a_body_that_is_not_base64_is_refused() {
    let frontend = frontend().await;
    for sender in Sender::ALL {
        let mut event = Asked::of("PUT", "/pear").body("x").event(sender);
        event["isBase64Encoded"] = true.into();
        for body in ["%%%", "a", "YQ", "é", "YQ==\n"] {
            event["body"] = body.into();
            let answer = frontend.answer(serde_json::from_value(event.clone()).unwrap()).await;
            let given = Given::of(&answer.into_json().await.unwrap());
            assert_eq!(given.status, 400, "{body:?} {sender:?}");
            assert!(given.error().contains("base64"), "{}", given.error());
        }
    }
}

#[tokio::test]
async fn paths_and_queries_of_any_kind_are_answered() {
    let frontend = frontend().await;
    let long = format!("/{}", "a".repeat(70_000));
    for path in [
        "",
        "pear",
        "//",
        "/a b",
        "/é",
        "/%",
        "/%2",
        "/%zz",
        "/a?b",
        "/a#b",
        "/{x}",
        "/\u{0}",
        "/\n",
        "/%00",
        "/*",
        "/..",
        "/../..",
        "/a\\b",
        "http://evil.example/",
        "/\"<>`^|",
        &long,
    ] {
        for sender in Sender::ALL {
            let mut event = Asked::get("/pear").event(sender);
            for field in ["path", "rawPath"] {
                if event.get(field).is_some() {
                    event[field] = path.into();
                }
            }
            let status = status(&frontend, &event).await;
            assert!(
                matches!(status, None | Some(200 | 400 | 404 | 414)),
                "{path:.40?} {sender:?} {status:?}"
            );
        }
    }
    for query in ["&", "=", "a=%", "a b=c d", "\u{0}=\n", "é=é", "a=#", "%zz=1", "text=%ff"] {
        for sender in Sender::ALL {
            let mut event = Asked::get("/-/v1/search?text=a").event(sender);
            for field in ["queryStringParameters", "multiValueQueryStringParameters"] {
                if event.get(field).is_some() {
                    event[field] =
                        json!({ "text": if field.starts_with('m') { json!([query]) } else { query.into() } });
                }
            }
            if event.get("rawQueryString").is_some() {
                event["rawQueryString"] = query.into();
            }
            let status = status(&frontend, &event).await;
            assert!(matches!(status, None | Some(200 | 400)), "{query:?} {sender:?} {status:?}");
        }
    }
}

/// Every part of every event is taken away or made something else, one at a time.
#[tokio::test]
async fn events_with_a_part_broken_are_answered_or_refused() {
    let frontend = frontend().await;
    let mut answered = 0;
    for sender in Sender::ALL {
        let whole = Asked::get("/-/v1/search?text=a").body("{}").event(sender);
        let mut pointers = Vec::new();
        pointers_of(&whole, String::new(), &mut pointers);
        for pointer in &pointers {
            let instead = [
                json!(null),
                json!(-1),
                json!(""),
                json!("\u{0}é"),
                json!([]),
                json!({}),
                json!([{}]),
                json!(true),
            ];
            for instead in instead {
                let mut event = whole.clone();
                *event.pointer_mut(pointer).unwrap() = instead;
                answered += usize::from(status(&frontend, &event).await.is_some());
            }
        }
    }
    assert!(answered > 300, "only {answered} were answered at all");
    for event in [json!(null), json!([]), json!({}), json!("x"), json!(1), json!({ "source": "aws.events" })]
    {
        assert_eq!(status(&frontend, &event).await, None, "{event}");
    }
}

fn pointers_of(value: &Value, at: String, pointers: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let name = name.replace('~', "~0").replace('/', "~1");
                pointers_of(value, format!("{at}/{name}"), pointers);
            }
        }
        Value::Array(items) => {
            for (number, value) in items.iter().enumerate() {
                pointers_of(value, format!("{at}/{number}"), pointers);
            }
        }
        _ => {}
    }
    if !at.is_empty() {
        pointers.push(at);
    }
}
